"""One painting on the command line: a bar, a log, files; whatever happens, the best picture so far is kept."""

from __future__ import annotations

import csv
import json
import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from impasto.cli.bar import Bar
from impasto.cli.quick import loading
from impasto.errors import ImpastoError, InputError, MediaError
from impasto.runtime import huge_pages

if TYPE_CHECKING:
    from impasto.paint.complaints import Complaint
    from impasto.paint.painter import Progress
    from impasto.studio import Easel, Painting

__all__ = ["Held", "Output", "free_name", "paint_to_file"]

_COLUMNS = ("content", "style", "grain", "tv", "grey", "temporal")


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
    auto: bool = False

    def check(self, inputs: Iterable[Path | str], size: int = 0) -> None:
        """Refuse, before any work, what could not be written at the end or would replace one of the ``inputs``."""
        if self.bits not in (8, 16):
            raise InputError(f"--bits {self.bits}: expected 8 or 16")
        if not 1 <= self.jpeg_quality <= 100:
            raise InputError(f"--jpeg-quality {self.jpeg_quality}: expected 1 to 100")
        if self.save_every < 0:
            raise InputError(f"--save-every {self.save_every}: expected a number of steps, 0 for none")
        huge_pages(size)
        with loading():
            from impasto.studio import check_log, check_output, check_stages

        inputs = list(inputs)
        check_output(self.out, inputs, bits=self.bits, size=size)
        if self.save_every:
            check_stages(self.out, inputs)
        if self.log:
            check_log(self.log, inputs, self.out)

    def stage(self, step: int) -> Path:
        """The file of ``--save-every`` at ``step``."""
        return self.out.with_name(f"{self.out.stem}-{step:04d}{self.out.suffix}")


def paint_to_file(open_easel: Callable[..., Easel], output: Output, *, anyway: bool = False) -> int:
    """Paint and save; the exit code: 0 done, 130 interrupted (and the picture so far saved).

    What will not fit into memory is refused unless ``anyway``. A failing log or stage does not end a painting: it is told
    when the picture is safe. ``open_easel`` takes changes of the recipe as keywords, where ``output.auto`` wants them.
    """
    began = time.perf_counter()
    easel = open_easel()
    output.check(easel.files, easel.long_side)
    if not anyway:
        from impasto.foresee.check import check_fits

        check_fits(easel)
    if not output.quiet:
        print(*easel.remarks, sep="\n", file=sys.stderr)
    with Held() as held, _Side(easel, output) as side:
        last = _paint(easel, held, side, Bar(output.quiet))
        painting = easel.painting(last)
        _save(painting, output)
        found = _complaints(easel, painting, output)
        if found and output.auto and not held.asked and (better := _mended(open_easel, easel, found, held, output)):
            easel, painting, last, found = better
    _report(easel, painting, last, found, output, time.perf_counter() - began)
    if side.failure:
        raise side.failure
    return 130 if last.step < last.steps else 0


def free_name(stem: str, suffix: str, folder: Path | None = None) -> Path:
    """A name that is not taken, numbered if need be: a name that nobody typed overwrites nothing."""
    # A file system allows 255 bytes, and the names of stages and temporary files are longer than this one.
    stem = stem.encode(errors="surrogateescape")[:180].decode(errors="ignore")
    path, number = (folder or Path()) / f"{stem}{suffix}", 2
    while path.exists():
        path, number = path.with_name(f"{stem}-{number}{suffix}"), number + 1
    return path


def _paint(easel: Easel, held: Held, side: _Side, bar: Bar) -> Progress:
    """Pull the painting to its end or to an interrupt; its last progress."""
    last: Progress | None = None
    with bar:
        try:
            for last in easel.paint():
                held.painting = True
                bar.show(last)
                side.step(last)
                if held.asked:
                    break
            held.saving = True
        except KeyboardInterrupt:
            held.saving = True
            if last is None:
                raise
    if last is None:
        raise InputError("nothing was painted: the recipe has no steps")
    return last


def _complaints(easel: Easel, painting: Painting, output: Output) -> tuple[Complaint, ...]:
    """What is wrong with a finished picture, told to the person."""
    found = easel.complaints(painting)
    if not output.quiet:
        for one in found:
            print(one.line(), file=sys.stderr)
    return found


def _mended(
    open_easel: Callable[..., Easel], easel: Easel, found: tuple[Complaint, ...], held: Held, output: Output
) -> tuple[Easel, Painting, Progress, tuple[Complaint, ...]] | None:
    """Paint once more with the remedies and keep that picture if it is better; None where the first one stays."""
    changes = {name: value for one in reversed(found) for name, value in one.remedy.items()}
    held.saving = False
    again = open_easel(**changes)
    with _Side(again, replace(output, log=None, save_every=0)) as side:
        last = _paint(again, held, side, Bar(output.quiet))
    if last.step < last.steps:
        return None
    painting = again.painting(last)
    left = _complaints(again, painting, output)
    better = len(left) < len(found)
    if not output.quiet:
        words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in changes.items())
        print(
            f"painted again with {words}: {'better' if better else 'no better, the first one is kept'}", file=sys.stderr
        )
    if not better:
        return None
    _save(painting, output)
    return again, painting, last, left


def _save(painting: Painting, output: Output) -> None:
    """Save the picture; where that fails, among the temporary files, so that no work is lost: an error all the same."""
    try:
        painting.save(output.out, bits=output.bits, quality=output.jpeg_quality)
    except MediaError as error:
        kept = _rescue(painting, output)
        raise MediaError(f"{error}; the picture is kept as {kept}" if kept else str(error)) from None


def _rescue(painting: Painting, output: Output) -> Path | None:
    with suppress(OSError, MediaError):
        folder = Path(tempfile.mkdtemp(prefix="impasto-"))
        try:
            painting.save(folder / output.out.name, bits=output.bits, quality=output.jpeg_quality)
            return folder / output.out.name
        except MediaError:
            folder.rmdir()
    return None


def _report(
    easel: Easel, painting: Painting, last: Progress, found: Sequence[Complaint], output: Output, seconds: float
) -> None:
    """The last lines: one for the person, one for a machine."""
    height, width = painting.image.shape[2:]
    interrupted = last.step < last.steps
    if not output.quiet:
        state = f"interrupted at step {last.step} of {last.steps}; the picture so far is" if interrupted else "painted"
        print(f"{state} {output.out} ({width}×{height}) in {seconds:.1f} s", file=sys.stderr)
        for name, value in painting.reached.items():
            print(f"  {name}: {value:.4f} is left", file=sys.stderr)
    if output.as_json:
        line: dict[str, Any] = {
            "out": str(output.out),
            "seconds": round(seconds, 3),
            "encoder": easel.about["encoder"]["name"],
            "precision": easel.about["machine"]["precision"],
            "device": easel.about["machine"]["device"],
            "width": width,
            "height": height,
            "steps": last.step,
            "interrupted": interrupted,
            # JSON has no NaN: a last step that diverged, and was taken back, has no loss to tell.
            "complaints": [one.as_dict() for one in found],
            "losses": {name: value if math.isfinite(value) else None for name, value in last.losses.items()},
            **({"reached": dict(painting.reached)} if painting.reached else {}),
        }
        print(json.dumps(line))


class Held(AbstractContextManager["Held"]):
    """Ctrl-C and its like, held back until a step is whole; the second one stops within it.

    Before the first step they act at once, there is nothing to keep. While the picture is being saved they wait.
    """

    def __init__(self) -> None:
        self.painting = self.asked = self.saving = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Held:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and a shell's & leave it
                self._before[number] = signal.signal(number, self._caught)
        return self

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.saving:
            return
        if self.asked or not self.painting:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)


class _Side(AbstractContextManager["_Side"]):
    """What is written beside the picture: the log, a row a step, and the stages. ``failure`` is the first that failed.

    The log is opened at the first step, so that nothing is lost of an old one before there is something new.
    """

    def __init__(self, easel: Easel, output: Output) -> None:
        self.easel, self.output = easel, output
        self.failure: ImpastoError | None = None
        self._file: Any = None

    def step(self, at: Progress) -> None:
        """Write what is due behind this step; a log that fails at the first one is an error at once."""
        if self.output.log and not self.failure:
            try:
                self._log(self.output.log, at)
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                self.failure = MediaError(f"--log {self.output.log} could not be written: {why}")
                if at.step == 1:
                    raise self.failure from None
        if self.output.save_every and at.step % self.output.save_every == 0 and at.step < at.steps:
            try:
                stage = self.easel.painting(at)
                stage.save(self.output.stage(at.step), bits=self.output.bits, quality=self.output.jpeg_quality)
            except MediaError as error:
                self.failure = self.failure or error

    def _log(self, path: Path, at: Progress) -> None:
        if not self._file:
            self._file = path.open("w", newline="")
            csv.writer(self._file).writerow(("step", "size", "total", *_COLUMNS))
        values = [f"{at.losses[key]:.8g}" if key in at.losses else "" for key in ("total", *_COLUMNS)]
        csv.writer(self._file).writerow((at.step, at.size, *values))
        self._file.flush()  # to be followed while it paints

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            with suppress(OSError):  # told already, when it was flushed
                self._file.close()
