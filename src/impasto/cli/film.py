"""What commands about films share: stretches of a film, where the new one goes, and a bar that counts frames."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from types import TracebackType
from typing import Any, TypeVar

import click

from impasto.errors import InputError

__all__ = ["FrameBar", "Rate", "Seconds", "film_out_options", "stretch_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Kept = TypeVar("_Kept")

_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d+)?)")


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """A time in a film: seconds, m:ss or h:mm:ss, with decimals; as an exact fraction of seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        found = _CLOCK.fullmatch(str(value).strip())
        if not found or (found[2] and float(found[3]) >= 60):
            flag = param.opts[0] if param else "time"
            raise InputError(f"{flag} {value}: expected seconds, as 12.5, or h:mm:ss, as 1:02:03.5")
        hours, minutes, seconds = found.groups()
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


class Rate(click.ParamType):  # type: ignore[type-arg]
    """Frames a second: 25, 29.97 (which is 30000/1001) or a fraction."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        try:
            rate = Fraction(str(value).strip())
        except (ValueError, ZeroDivisionError):
            rate = Fraction(0)
        if not 0 < rate <= 1000:
            raise InputError(f"--rate {value}: expected frames a second, as 25, 29.97 or 30000/1001")
        exact = Fraction(math.ceil(rate) * 1000, 1001)  # 23.976, 29.97 and 59.94 are short for this
        return exact if rate.denominator > 1 and abs(rate - exact) < Fraction(6, 1000) else rate


def stretch_options(command: _Command) -> _Command:
    """Give ``command`` what says which frames of a film are meant: ``start``, ``end``, ``every``, ``rate``."""
    for add in reversed((
        click.option("--start", type=Seconds(), default=Fraction(0), metavar="TIME",
                     help="Begin there: seconds or h:mm:ss  [0]."),
        click.option("--end", type=Seconds(), metavar="TIME", help="End before that: seconds or h:mm:ss  [the end]."),
        click.option("--every", type=int, default=1, metavar="N", help="Take every N-th frame  [1]."),
        click.option("--rate", type=Rate(), metavar="FPS", help="Frames a second of a folder of frames  [25]."),
    )):  # fmt: skip
        command = add(command)
    return command


def film_out_options(command: _Command) -> _Command:
    """Give ``command`` what says how a film is written: ``codec``, ``film_quality``."""
    for add in reversed((
        click.option("--codec", default="auto", metavar="NAME",
                     help="auto (by the suffix), h264, prores, ffv1 (lossless), gif, webp or frames (a folder)  [auto]."),
        click.option("--film-quality", type=int, metavar="N", help="Quality of H.264 and WebP, 1 to 100  [80]."),
    )):  # fmt: skip
        command = add(command)
    return command


class FrameBar(AbstractContextManager["FrameBar"]):
    """Rich's bar over frames, with the time left; where no terminal is, nothing."""

    def __init__(self, title: str, total: int | None, quiet: bool) -> None:
        self.progress: Any = None
        if quiet or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task(title, total=total)

    def over(self, items: Iterable[_Kept]) -> Iterator[_Kept]:
        """``items``, counted as they pass."""
        for item in items:
            yield item
            if self.progress:
                self.progress.advance(self.task)

    def __enter__(self) -> FrameBar:
        if self.progress:
            self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.progress:
            self.progress.stop()
