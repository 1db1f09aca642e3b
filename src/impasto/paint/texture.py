"""A style alone, from noise, on a canvas of any size: the texture synthesis of Gatys et al. 2015, coarse to fine.

Gram matrices fix neither the features' means nor how their power is spread over the canvas: on one of four times the
painting the middle comes out pale and the rim glaring (Risser et al. 2017 saw it too). Means and covariances do not allow
it: measured, contrast in the middle over that at the rim 0.97 instead of 0.71, and a judged style of half the distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from impasto.loss.terms import Losses
from impasto.loss.wrapped import Wrapped
from impasto.media.image import resize_to, sized
from impasto.paint.optimise import OptimisePainter, ladder
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe

__all__ = ["SwatchTargets", "TexturePainter"]

_SHORT = 16  # pixels: a painting is never seen with less on its shorter side


class SwatchTargets(StyleTargets):
    """The painting as a swatch of a larger cloth: shown as large as the canvas, or in its own pixels where these are fewer.

    So a canvas larger than the painting gets more of the texture, not larger strokes. ``style_scale`` multiplies.
    """

    def shown(self, style: StyleImage) -> float:
        """The painting's longer side, in pixels, at the final size."""
        return min(max(style.image.shape[2:]), self.recipe.size) * self.recipe.style_scale

    def _shape(self, style: StyleImage, size: int, scale: float) -> tuple[int, int]:
        height, width = style.image.shape[2:]
        wanted = max(_SHORT, round(self.shown(style) * scale * size / self.recipe.size))
        least = math.ceil(
            _SHORT * max(height, width) / min(height, width)
        )  # of a ribbon: the deepest layer needs width
        return sized(height, width, max(wanted, least))


class TexturePainter(OptimisePainter):
    """Paints the style alone on a ``canvas`` of (width, height); of a content only its proportions count.

    ``seamless`` makes a tile: laid side by side, copies of it show no edges.
    """

    def __init__(
        self, targets: SwatchTargets, recipe: Recipe, canvas: tuple[int, int], *, seamless: bool = False
    ) -> None:
        super().__init__(targets, recipe)
        self.canvas, self.seamless = canvas, seamless

    def rungs(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """The ladder begins where the painting, not the canvas, is ``start_size`` pixels large, and never lower than layers ask.

        At a coarser size a layer sees what lies beyond its reach at the last one. So there are as many halvings as the
        deepest layer has of its own: relu1_1 alone, say, knows pixels and no blobs (Gatys et al. 2015). The steps of the
        sizes left out are taken at the first.
        """
        recipe = self.recipe
        if recipe.first_size < recipe.size:
            targets = self.targets
            assert isinstance(targets, SwatchTargets)
            shown = min(targets.shown(style) for style in targets.styles)
            start = recipe.first_size * max(1.0, recipe.size / shown)
            recipe = recipe.but(start_size=min(round(start), recipe.size))
        whole = ladder(recipe, height, width)
        halvings = round(math.log2(max(self.encoder.stride(layer) for layer in self.targets.layers)))
        kept = whole[-(halvings + 1) :]
        return ((kept[0][0], sum(steps for _, steps in whole[: len(whole) - len(kept) + 1])), *kept[1:])

    def called(self, size: int) -> str:
        """Width and height: the canvas has no content to take its proportions from."""
        full = self.recipe.size
        width, height = (max(32, round(side * size / full)) for side in self.canvas)
        return f"{width}x{height}"

    def under(self, recipe: Recipe) -> TexturePainter:
        """The same encoder and painting under another recipe."""
        targets = SwatchTargets(self.encoder, self.targets.styles, recipe)
        return TexturePainter(targets, recipe, self.canvas, seamless=self.seamless)

    def _carried(self, image: Tensor, photo: Tensor) -> Tensor:
        if not self.seamless:
            return super()._carried(image, photo)
        # Between copies of itself: enlarged alone, the borders would be drawn apart anew at every size.
        height, width = photo.shape[2:]
        tall = resize_to(torch.cat([image] * 3, 2), 3 * height, image.shape[3])[:, :, height : 2 * height]
        return resize_to(torch.cat([tall] * 3, 3), height, 3 * width)[:, :, :, width : 2 * width].contiguous()

    def by_levels(self, height: int, width: int, steps: int, *, last: bool) -> bool:
        # What is enlarged knows nothing of the copy beside it: the borders would be drawn apart.
        return not self.seamless and super().by_levels(height, width, steps, last=last)

    def _wrapped(self, objective: Callable[[Tensor], Losses], size: int) -> Callable[[Tensor], Losses]:
        if not self.seamless:
            return objective
        return Wrapped(objective, torch.Generator().manual_seed((self.recipe.seed + size) % 2**63))
