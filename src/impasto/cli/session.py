"""One painting on the command line: a bar, a log, files; whatever happens, the best picture so far is kept."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from impasto.errors import InputError, MediaError

if TYPE_CHECKING:
    from impasto.paint.painter import Progress
    from impasto.studio import Easel

__all__ = ["Output", "paint_to_file"]

_COLUMNS = ("content", "style", "tv", "grey", "temporal")


@dataclass(frozen=True)
class Output:
    """Where a painting goes and what is said meanwhile."""

    out: Path
    bits: int = 8
    jpeg_quality: int = 95
    save_every: int = 0
    log: Path | None = None
    quiet: bool = False
    as_json: bool = False

    def check(self, inputs: Sequence[Path]) -> None:
        """Refuse, before any work, what could not be written at the end."""
        if self.bits not in (8, 16):
            raise InputError(f"--bits {self.bits}: expected 8 or 16")
        if not 1 <= self.jpeg_quality <= 100:
            raise InputError(f"--jpeg-quality {self.jpeg_quality}: expected 1 to 100")
        if self.save_every < 0:
            raise InputError(f"--save-every {self.save_every}: expected a number of steps, 0 for none")
        from impasto.studio import check_output

        check_output(self.out, [str(path) for path in inputs], bits=self.bits)
        if self.log and not self.log.absolute().parent.is_dir():
            raise InputError(f"--log {self.log}: the folder {self.log.absolute().parent} does not exist; create it first")


def paint_to_file(open_easel: Callable[[], Easel], output: Output) -> int:
    """Paint and save; the exit code: 0 done, 130 interrupted (and the picture so far saved)."""
    began = time.perf_counter()
    easel = open_easel()
    name = easel.about["encoder"]["name"]
    if not output.quiet:
        print(_who(easel), file=sys.stderr)
    last: Progress | None = None
    interrupted = False
    with _Bar(output.quiet) as bar, _Log(output.log) as log:
        try:
            for last in easel.paint():
                bar.show(last)
                log.write(last)
                if last.note and not output.quiet:
                    bar.say(last.note)
                if output.save_every and last.step % output.save_every == 0 and last.step < last.steps:
                    stage = output.out.with_name(f"{output.out.stem}-{last.step:04d}{output.out.suffix}")
                    easel.painting(last).save(stage, bits=output.bits, quality=output.jpeg_quality)
        except KeyboardInterrupt:
            interrupted = True
            if last is None:
                raise
    if last is None:
        raise InputError("nothing was painted: the recipe has no steps")
    painting = easel.painting(last)
    if interrupted:
        # Not a picture that `rerun` could make again, and it must not claim to be.
        painting = type(painting)(
            painting.image, painting.alpha, {**painting.about, "interrupted": last.step}, painting.losses
        )
    painting.save(output.out, bits=output.bits, quality=output.jpeg_quality)
    seconds = time.perf_counter() - began
    height, width = painting.image.shape[2:]
    if not output.quiet:
        state = f"interrupted at step {last.step} of {last.steps}; the picture so far is" if interrupted else "painted"
        print(f"{state} {output.out} ({width}×{height}) in {seconds:.1f} s", file=sys.stderr)
    if output.as_json:
        line: dict[str, Any] = {
            "out": str(output.out),
            "seconds": round(seconds, 3),
            "encoder": name,
            "precision": easel.about["machine"]["precision"],
            "device": easel.about["machine"]["device"],
            "width": width,
            "height": height,
            "steps": last.step,
            "interrupted": interrupted,
            "losses": dict(last.losses),
        }
        print(json.dumps(line))
    return 130 if interrupted else 0


def _who(easel: Easel) -> str:
    """The one line that says which encoder looks, and why."""
    machine = easel.about["machine"]
    why = ""
    if easel.recipe.encoder == "auto":
        from impasto.see.load import describe_auto

        why = f" ({describe_auto()[1]})"
    return f"encoder {easel.about['encoder']['name']}{why}, {machine['precision']} on {machine['device']}"


class _Bar(AbstractContextManager["_Bar"]):
    """Rich's bar with the time left and the losses; nothing where nobody looks."""

    def __init__(self, quiet: bool) -> None:
        self.progress: Any = None
        if quiet:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task("painting", total=1.0, losses="")

    def __enter__(self) -> _Bar:
        if self.progress:
            self.progress.start()
        return self

    def show(self, at: Progress) -> None:
        if self.progress:
            losses = "  ".join(f"{key} {value:.3g}" for key, value in at.losses.items() if key != "total")
            self.progress.update(self.task, completed=at.done, description=f"{at.size} px", losses=losses)

    def say(self, text: str) -> None:
        self.progress.console.print(text)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.progress:
            self.progress.stop()


class _Log(AbstractContextManager["_Log"]):
    """``losses.csv``: one row a step, under a temporary name until the painting ends, however it ends."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.part") if path else None
        self.file: Any = None

    def __enter__(self) -> _Log:
        if self.part:
            try:
                self.file = self.part.open("w", newline="")
            except OSError as error:
                raise MediaError(f"--log {self.path} cannot be written: {error.strerror}") from None
            self.rows = csv.writer(self.file)
            self.rows.writerow(("step", "size", "total", *_COLUMNS))
        return self

    def write(self, at: Progress) -> None:
        if self.file:
            values = [f"{at.losses[key]:.8g}" if key in at.losses else "" for key in ("total", *_COLUMNS)]
            self.rows.writerow((at.step, at.size, *values))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.file and self.part and self.path:
            self.file.close()
            os.replace(self.part, self.path)
