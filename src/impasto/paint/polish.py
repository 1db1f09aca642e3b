"""A painting by a small encoder, finished by a large one.

The small encoder finds the composition and nearly all of the strokes at a fraction of the cost; a few steps of VGG-19 at
the final size then mend what it does not see. Either alone takes longer for the same style and content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import Anchor, Progress

__all__ = ["PolishPainter"]


class PolishPainter:
    """Paints with ``first``, then goes on with what ``second(picture)`` is, a painter that starts from that picture.

    ``weight`` is what a step of the second costs, in steps of the first at the same size: for the share that is done.
    """

    def __init__(
        self,
        first: OptimisePainter,
        second: Callable[[Tensor | None], OptimisePainter],
        *,
        weight: float = 5.0,
    ) -> None:
        self.first, self._second, self.weight = first, second, weight
        self.second = second(None)
        self.recipe = first.recipe

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """Paint ``content`` ``(1, 3, H, W)``, 0..1; the last progress is the finished picture."""
        shape = content.shape[2:]
        steps = [sum(count for _, count in painter.rungs(*shape)) for painter in (self.first, self.second)]
        work = [
            share * sum(count * size**2 for size, count in painter.rungs(*shape))
            for painter, share in ((self.first, 1.0), (self.second, self.weight))
        ]
        turning = work[0] / sum(work)
        for at in self.first.paint(content, regions=regions, anchors=anchors):
            yield replace(at, steps=sum(steps), done=at.done * turning)
        picture = at.snapshot()
        del at  # its canvas is not needed beside the next one
        for at in self._second(picture).paint(content, regions=regions, anchors=anchors):
            yield replace(at, step=steps[0] + at.step, steps=sum(steps), done=turning + at.done * (1 - turning))
