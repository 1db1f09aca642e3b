"""A painter without a brush: the photograph in the painting's colours, no strokes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from impasto.media.color import pooled, recolor
from impasto.media.image import resize
from impasto.paint.painter import Anchor, Progress
from impasto.paint.targets import StyleImage
from impasto.recipe import Recipe

__all__ = ["RecolourPainter"]


class RecolourPainter:
    """Gives the content the colours of all ``styles`` together, by their weights, in one step (``--color palette``)."""

    def __init__(self, styles: Sequence[StyleImage], recipe: Recipe, *, alpha: Tensor | None = None) -> None:
        self.recipe, self.alpha = recipe, alpha
        self.palette = pooled(
            [style.image for style in styles], [style.alpha for style in styles], [style.weight for style in styles]
        )

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """``content`` ``(1, 3, H, W)``, 0..1, at the recipe's size; ``alpha`` says which of its pixels count."""
        how, size = self.recipe.color_match, self.recipe.size
        alpha = None if self.alpha is None else resize(self.alpha, size)
        image = recolor(resize(content, size), self.palette, how, alpha=alpha)
        yield Progress(1, 1, size, {"total": 0.0}, lambda: image, 1.0)
