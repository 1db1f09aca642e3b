"""Does a film end as it begins? What ``--loop`` wants to know, and to tell, before anything is painted."""

from __future__ import annotations

from array import array
from fractions import Fraction

from torch import Tensor
from torch.nn import functional

from impasto.media.image import sized

__all__ = ["Homecoming"]

_SIDE = 16  # pixels at which frames are compared: at more, a pan of five pixels changes as much as one of fifty
_NEAR = 1.5 / 255  # what compression alone changes
_JUMP = 2.0  # times the largest change from frame to frame, from which the way home is a jump


class Homecoming:
    """Told every frame of a film, small, it answers how far the last one is from the first."""

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._last: Tensor | None = None
        self._largest = 0.0  # change from one frame to the next
        self._away = array("f")  # each frame's change against the first one

    def __call__(self, image: Tensor) -> None:
        """Look at the next frame ``(1, 3, H, W)``, all of one size, 0..1."""
        image = functional.interpolate(image, sized(image.shape[2], image.shape[3], _SIDE), mode="area")
        if self._first is None or self._last is None:
            self._first = image
        else:
            self._largest = max(self._largest, _change(image, self._last))
        self._away.append(_change(image, self._first))
        self._last = image

    def closes(self) -> bool:
        """Whether the way from the last frame to the first is no jump, as far as the film itself goes."""
        return len(self._away) < 2 or self._away[-1] <= self._most()

    def better_end(self) -> int | None:
        """How many frames to take, so that the last of them leads to the first; None where none in the second half does."""
        half = len(self._away) // 2
        best = min(range(half, len(self._away)), key=self._away.__getitem__)
        return best + 1 if self._away[best] <= self._most() and best >= 2 else None

    def remarks(self, cuts: int, times: list[Fraction]) -> list[str]:
        """Lines for the person who asked for a loop, of a film with so many ``cuts`` whose frames begin at ``times``."""
        if len(times) < 2:
            return ["--loop: of one frame there is nothing to close"]
        if cuts:
            return [
                "--loop: the film ends in another shot than it begins with, so the end meets the beginning with a cut"
            ]
        if self.closes():
            return []
        line = "--loop: the film does not end as it begins; where they differ, the jump stays"
        frames = self.better_end()
        if frames is None or frames >= len(times):
            return [f"{line}. A stretch that comes back, by --start and --end, loops without one"]
        # Between two frames: no rounding can make it one more or less.
        end = (times[frames - 1] + times[frames]) / 2
        return [f"{line}. With --end {float(end):.3f} it ends as it begins"]

    def _most(self) -> float:
        return _JUMP * self._largest + _NEAR


def _change(image: Tensor, other: Tensor) -> float:
    return float((image - other).abs().mean())
