"""What every training tells while it runs, and the card that it leaves beside its file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from impasto.errors import MediaError, TrainingError
from impasto.media.files import check_folder
from impasto.train.curve import write_bytes

__all__ = ["Report", "Training", "check_output", "link", "table", "write_card"]


@dataclass(frozen=True)
class Report:
    """How far a training is: ``done`` 0..1 of what was asked for; ``text`` are new scores, mostly empty."""

    done: float
    step: int
    seconds: float
    text: str = ""


class Training(Protocol):
    """What a surface needs of a training: pull the reports, save when it likes."""

    def steps(self) -> Any:
        """An iterator of reports; to interrupt is to stop pulling."""
        ...

    def save(self) -> None:
        """Write the checkpoint."""
        ...


def check_output(out: Path) -> None:
    """Before hours of training: can ``out`` and what comes beside it be written? Makes its folder if need be."""
    if out.suffix != ".safetensors":
        raise TrainingError(f"-o {out}: expected a name that ends in .safetensors, as in runs/encoder.safetensors")
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".safetensors", ".checkpoint", ".json", ".md", ".csv", ".png"):
            check_folder(out.with_suffix(suffix))
    except MediaError as error:
        raise TrainingError(str(error)) from None
    except OSError as error:
        raise TrainingError(f"cannot make the folder of {out}: {(error.strerror or str(error)).lower()}") from None


def write_card(out: Path, card: Mapping[str, Any], markdown: str) -> None:
    """``card`` as ``OUT.json`` for programs and ``markdown`` as ``OUT.md`` for people."""
    write_bytes(out.with_suffix(".json"), (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    write_bytes(out.with_suffix(".md"), markdown.encode())


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return lines


def link(picture: Path) -> str:
    """A Markdown link to a picture beside the card."""
    return f"[{picture.stem}](<{picture.name}>)"
