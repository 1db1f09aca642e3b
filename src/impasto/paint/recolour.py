"""A painter without a brush: the photograph in the painting's colours, no strokes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from impasto.media.color import pooled, recolor
from impasto.media.image import resize
from impasto.paint.painter import Anchor, Progress
from impasto.paint.regions import fit_regions
from impasto.paint.targets import StyleImage
from impasto.recipe import Recipe

__all__ = ["RecolourPainter"]


class RecolourPainter:
    """Gives the content the colours of all ``styles`` together, by their weights, in one step (``--color palette``).

    In regions each takes those of the styles that paint it, out of the styles' own regions where they have some.
    """

    def __init__(self, styles: Sequence[StyleImage], recipe: Recipe, *, alpha: Tensor | None = None) -> None:
        self.recipe, self.alpha = recipe, alpha
        self.styles = [style for style in styles if style.weight > 0]

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """``content`` ``(1, 3, H, W)``, 0..1, at the recipe's size; ``alpha`` says which of its pixels count."""
        size = self.recipe.size
        alpha = None if self.alpha is None else resize(self.alpha, size)
        photo = resize(content, size)
        if regions is None or regions.shape[1] < 2:
            image = self._recoloured(photo, alpha, None)
        else:
            parts = fit_regions(regions, *photo.shape[2:]).to(photo)
            image = torch.zeros_like(photo)
            for region, part in enumerate(parts.split(1, 1)):
                seen = part if alpha is None else part * alpha
                if bool((seen > 0).any()):
                    image += part * self._recoloured(photo, seen, region)
                else:  # wholly transparent: nobody sees it
                    image += part * photo
        yield Progress(1, 1, size, {"total": 0.0}, lambda: image, 1.0)

    def _recoloured(self, photo: Tensor, alpha: Tensor | None, region: int | None) -> Tensor:
        """``photo`` in the colours of what paints ``region``, None: of all; ``alpha`` says which of its pixels count."""
        there = [style for style in self.styles if region is None or style.region in (None, region)]
        alphas = [_opaque(style, region) for style in there]
        palette = pooled([style.image for style in there], alphas, [style.weight for style in there])
        return recolor(photo, palette, self.recipe.color_match, alpha=alpha)


def _opaque(style: StyleImage, region: int | None) -> Tensor | None:
    """Where a painting gives colours to ``region``: its own region, as far as that is visible anywhere."""
    if style.regions is None or region is None:
        return style.alpha
    own = fit_regions(style.regions[:, region : region + 1], *style.image.shape[2:])
    seen = own if style.alpha is None else own * style.alpha
    return seen if bool((seen > 0).any()) else style.alpha
