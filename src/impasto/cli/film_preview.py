"""``impasto video --preview``: the film so far, while it is painted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from impasto.reel.work import Work

__all__ = ["Previews"]


class Previews:
    """The film so far, written whenever an eighth more of it is painted; what fails does not end the painting.

    ``write(count)`` writes the first ``count`` of ``frames`` frames.
    """

    def __init__(self, write: Callable[[int], object], work: Work, frames: int) -> None:
        self.write, self.work, self.frames, self.last = write, work, frames, 0
        self.failure: ImpastoError | None = None

    def due(self) -> None:
        """Write it, if it is time."""
        count = self.work.count()
        if self.failure or count < self.last + max(1, self.frames // 8) or count >= self.frames:
            return
        self.last = count
        from_the_first = len(self.work.kept(range(self.frames)))
        try:
            if from_the_first:
                self.write(from_the_first)
        except ImpastoError as error:
            self.failure = error
