"""What a film is to the rest of impasto: its frames as tensors, each with its time, and what its file tells of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from torch import Tensor

__all__ = ["SLACK", "FilmInfo", "Frame", "Shot", "absolute"]


@dataclass(frozen=True)
class Frame:
    """One frame: ``image`` (1, 3, H, W), sRGB, 0..1, upright and of square pixels.

    ``time`` in seconds from the film's first frame, exactly; ``index`` counts the frames of the stretch that is read, 0
    at its start, and those left out by ``every`` too.
    """

    image: Tensor
    time: Fraction
    index: int


@dataclass(frozen=True)
class FilmInfo:
    """What a film's file tells of it, before it is read."""

    path: str
    kind: Literal["film", "folder", "animation"]
    width: int  # as shown: upright and of square pixels
    height: int
    rate: Fraction  # frames a second; of a variable rate the mean
    frames: int | None  # None where the file does not say
    duration: Fraction | None  # seconds
    has_sound: bool
    variable_rate: bool
    time_base: Fraction  # seconds: every frame's time is a whole multiple of it
    codec: str  # "h264", "png", …
    remarks: tuple[str, ...] = ()  # lines for the person: what is not carried over

    def count(self, start: float | Fraction = 0, end: float | Fraction | None = None, every: int = 1) -> int | None:
        """How many frames from ``start`` to ``end``, every ``every``-th; None where the file does not tell.

        Exact for a constant rate and the whole film; at a variable rate an estimate.
        """
        whole = self.frames
        if whole is None:
            if self.duration is None:
                return None
            whole = round(self.duration * self.rate)
        if start == 0 and end is None:
            return -(-whole // every)
        first = max(0, _ceil((Fraction(start) - SLACK) * self.rate))
        last = whole if end is None else min(whole, _ceil((Fraction(end) - SLACK) * self.rate))
        return -(-max(0, last - first) // every)


# Times are typed as decimals, frames lie at fractions: 0.0667 s means the second frame at 29.97 a second.
SLACK = Fraction(1, 10_000)

# A frame that can be had: its time and, if it is wanted, its image at a height and a width.
Shot = tuple[Fraction, Callable[[int, int], Tensor]]


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def absolute(path: Path | str) -> str:
    """A whole path, so that FFmpeg takes no name for an address."""
    return str(Path(path).absolute())
