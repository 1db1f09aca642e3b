"""A painting by a small encoder, finished by a large one.

The small one finds the composition and nearly all of the strokes at a fraction of the cost; a few steps of VGG-19 at the
final size then mend what it does not see. Either alone takes longer for the same style and content
(``benchmarks/quality_over_time.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import Anchor, Progress, Start
from impasto.paint.targets import StyleTargets
from impasto.recipe import Recipe

__all__ = ["PolishPainter"]

_DEARER = 5.0  # what a step of VGG-19 costs, in steps of the built-in encoder: for the share that is done


class PolishPainter(OptimisePainter):
    """Paints as ``OptimisePainter`` does, then ``recipe.polish`` steps more at the final size through ``second``.

    ``second`` are the same paintings as another encoder sees them. ``options`` are those of ``OptimisePainter``.
    """

    def __init__(self, targets: StyleTargets, recipe: Recipe, second: StyleTargets, **options: Any) -> None:
        super().__init__(targets, recipe, **options)
        self.second = second

    def paint(
        self,
        content: Tensor,
        *,
        regions: Tensor | None = None,
        anchors: Sequence[Anchor] = (),
        start: Start | None = None,
    ) -> Iterator[Progress]:
        """Paint ``content`` ``(1, 3, H, W)``, 0..1; the last progress is the finished picture."""
        shape = content.shape[2:]
        first, last = self.rungs(*shape), self.polisher().rungs(*shape)
        steps = [sum(count for _, count in rungs) for rungs in (first, last)]
        work = [sum(count * size**2 for size, count in rungs) for rungs in (first, last)]
        turning = work[0] / (work[0] + _DEARER * work[1])
        for at in super().paint(content, regions=regions, anchors=anchors, start=start):
            yield replace(at, steps=sum(steps), done=at.done * turning)
        picture = at.snapshot()
        del at  # its canvas is not needed beside the next one
        for at in self.polisher(picture).paint(content, regions=regions, anchors=anchors):
            yield replace(at, step=steps[0] + at.step, steps=sum(steps), done=turning + at.done * (1 - turning))

    def polisher(self, picture: Tensor | None = None) -> OptimisePainter:
        """Who finishes ``picture``."""
        recipe = self.recipe.but(polish=0, steps=self.recipe.polish, start_size=self.recipe.size)
        targets = StyleTargets(self.second.encoder, self.second.styles, recipe)
        return OptimisePainter(targets, recipe, init=picture, strengths=self.strengths, matte=self.matte)

    def under(self, recipe: Recipe) -> PolishPainter:
        """The same encoders and paintings under another recipe."""
        first, second = (StyleTargets(one.encoder, one.styles, recipe) for one in (self.targets, self.second))
        return PolishPainter(first, recipe, second, init=self.init, strengths=self.strengths, matte=self.matte)
