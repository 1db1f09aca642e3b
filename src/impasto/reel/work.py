"""The work of a film, kept frame by frame beside the film until that is done: nothing painted is ever lost.

A folder with `about.json` and a PNG of 16 bits for every frame: what the next frame starts from is what the file gives
back, so a film that was interrupted goes on at the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.errors import InputError, MediaError
from impasto.media.files import check_folder, shown, write_file
from impasto.media.image import load_image, save_image
from impasto.paint.video import Kept

__all__ = ["BYTES", "Work", "open_work", "work_folder"]

BYTES = 5.8  # a pixel and frame, measured (5.7): 16 bits of paint hardly pack
_ABOUT = "about.json"
_STILL = ".still"  # marks a frame that was taken over without a step


def work_folder(out: Path) -> Path:
    """Where the work of the film ``out`` is kept: ``clip.mp4.work`` for ``clip.mp4``."""
    return out.with_name(out.name + ".work")


@dataclass(frozen=True)
class Work:
    """A folder of painted frames; ``passes`` before the last one have folders of their own in it."""

    folder: Path

    def part(self, number: int) -> Work:
        """The work of an earlier pass, from 1."""
        folder = self.folder / f"pass-{number}"
        folder.mkdir(exist_ok=True)
        return Work(folder)

    def keep(self, index: int, image: Tensor, *, worked: bool = True) -> None:
        """Keep frame ``index``, whole or not at all."""
        save_image(image, self._file(index, worked), bits=16)

    def load(self, index: int) -> Tensor:
        """Frame ``index`` ``(1, 3, H, W)`` as it was kept, to the last bit."""
        file = self._file(index, True)
        return load_image(file if file.exists() else self._file(index, False), allow_huge=True)

    def kept(self, wanted: range) -> dict[int, Kept]:
        """The frames of ``wanted`` that are here, up to the first that is not: what follows a gap was never painted."""
        found: dict[int, Kept] = {}
        for index in wanted:
            worked = self._file(index, True).exists()
            if not worked and not self._file(index, False).exists():
                break
            found[index] = Kept(partial(self.load, index), worked)
        return found

    def count(self) -> int:
        """How many frames are here, those of earlier passes left out."""
        return sum(1 for _ in self.folder.glob("frame-*.png"))

    def empty(self) -> bool:
        """Whether no frame of any pass is here."""
        return not any(self.folder.rglob("frame-*.png"))

    def remove(self) -> None:
        """The film is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, index: int, worked: bool) -> Path:
        return self.folder / f"frame-{index + 1:06d}{'' if worked else _STILL}.png"


def open_work(out: Path, about: Mapping[str, Any], *, resume: bool = False, afresh: bool = False) -> Work:
    """The work folder of ``out``, made if need be; ``about`` must be what its frames were painted with.

    Raises ``InputError`` where there is earlier work and neither ``resume`` nor ``afresh`` says what to do with it, where
    there is none to ``resume``, or where it is of another film, style or recipe.
    """
    folder, work = work_folder(out), Work(work_folder(out))
    file = folder / _ABOUT
    if afresh and file.is_file():
        work.remove()
    if resume and not file.is_file():
        raise InputError(f"--resume: there is no work of an earlier run at {shown(folder)}; leave it out to begin")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{shown(folder)} is a file where the painted frames are to be kept: move it away")
    if file.is_file():
        _check_same(folder, _read(file), about)
        if not resume and not work.empty():
            raise InputError(
                f"{shown(folder)} holds {work.count()} frames of an earlier run: go on with --resume, "
                "or throw them away with --afresh"
            )
        return work
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{shown(folder)} is not empty, and not of impasto: move it away, or choose another -o")
    try:
        check_folder(folder) if not folder.exists() else None
        folder.mkdir(exist_ok=True)
        write_file(file, json.dumps(about, ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise MediaError(f"{shown(folder)} cannot be made: {(error.strerror or str(error)).lower()}") from None
    return work


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{shown(file)} is damaged: begin anew with --afresh")
    return found


def _check_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, now = _flat(old), _flat(json.loads(json.dumps(new)))
    other = [name for name in {**before, **now} if before.get(name) != now.get(name) and not name.endswith("path")]
    if other:
        names = ", ".join(
            f"{name.split('.', 1)[-1]} {before.get(name)!s:.40} then, {now.get(name)!s:.40} now" for name in other[:3]
        )
        raise InputError(
            f"{shown(folder)} was painted otherwise ({names}): give the same options to go on, or begin with --afresh"
        )


def _flat(values: Any, name: str = "") -> dict[str, Any]:
    if isinstance(values, dict):
        return {k: v for key, value in values.items() for k, v in _flat(value, f"{name}.{key}".strip(".")).items()}
    if isinstance(values, list):
        return {k: v for key, value in enumerate(values) for k, v in _flat(value, f"{name}.{key}").items()}
    return {name: values}
