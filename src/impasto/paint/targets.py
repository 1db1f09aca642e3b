"""The style side, measured once per size and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.terms import ClassicStyle, Style, Term
from impasto.media.image import resize, resize_to, sized
from impasto.paint.shelf import Shelf, kept
from impasto.recipe import Recipe
from impasto.runtime import block_budget
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.layers import layer_weights
from impasto.see.stats import STATISTICS, chroma_grain

__all__ = ["StyleImage", "StyleTargets"]

# Options that no description of a style depends on. Whatever is not named here keeps two paintings from sharing one.
_ELSEWHERE = frozenset(
    {
        "size",
        "strength",
        "quality",
        "steps",
        "init",
        "noise_mean",
        "noise_std",
        "start_size",
        "content_layers",
        "losses",
    }
    | {"content_weight", "style_weight", "tv_weight", "grain_weight", "grey_weight"}
    | {"optimizer", "learning_rate", "averaging"}
)


@dataclass(frozen=True)
class StyleImage:
    """A painting ``(1, 3, H, W)``, 0..1, and where it is opaque, ``(1, 1, H, W)``; ``weight`` is its share."""

    image: Tensor
    alpha: Tensor | None = None
    weight: float = 1.0


class StyleTargets:
    """The paintings' descriptions at any size, measured when first asked for; shared with others by way of ``shelf``."""

    def __init__(
        self, encoder: Encoder, styles: Sequence[StyleImage], recipe: Recipe, *, shelf: Shelf | None = None
    ) -> None:
        if not styles:
            raise InputError("no style given: name a painting")
        self.encoder, self.styles, self.recipe = encoder, tuple(styles), recipe
        self.statistic = STATISTICS[recipe.statistic]()
        self.layers = layer_weights(recipe.style_layers, encoder, encoder.style_layers, "--style-layers")
        self.shelf = shelf
        seen = tuple((name, value) for name, value in recipe.as_dict().items() if name not in _ELSEWHERE)
        weights = tuple(style.weight for style in self.styles)
        pictures = [part for style in self.styles for part in (style.image, style.alpha)]
        self._measured: dict[int, dict[str, Tensor]] = kept(
            shelf, ("styles", weights, seen), dict, of=(encoder, *pictures)
        )

    def describe(self, size: int) -> dict[str, Tensor]:
        """The blended description of every style layer, the paintings at ``size`` times the recipe's style scale."""
        if size not in self._measured:
            total = sum(style.weight for style in self.styles)
            blend: dict[str, Tensor] = {}
            for style in self.styles:
                for layer, description in self._measure(style, size).items():
                    part = description * (style.weight / total)
                    blend[layer] = blend[layer] + part if layer in blend else part
            self._measured[size] = blend
        return self._measured[size]

    def terms(self, size: int, weight: float) -> tuple[Term, ...]:
        """One style term per layer for a picture of ``size``; together they weigh ``weight``."""
        described = self.describe(size)
        if self.recipe.losses == "classic":
            # Classic weights are per layer, not a mean over the layers.
            count = len(self.layers)
            return tuple(
                ClassicStyle(layer, self.statistic, described[layer], weight * share * count)
                for layer, share in self.layers.items()
            )
        return tuple(
            Style(layer, self.statistic, described[layer], weight * share) for layer, share in self.layers.items()
        )

    @torch.no_grad()
    def grain(self, size: int) -> Tensor:
        """The paintings' own ``chroma_grain`` at ``size``, ``(1, 4)``; a grey painting's is lifted off zero."""
        total = sum(style.weight for style in self.styles)
        found = []
        for style in self.styles:
            # Where it is transparent it was filled with one colour, which has no grain: only the opaque part counts.
            opaque = 1.0 if style.alpha is None else max(float(style.alpha.mean()), 1e-3)
            found.append(chroma_grain(self._sized(style, size)) * (style.weight / total / opaque))
        return torch.stack(found).sum(0).clamp_min(0.002).to(next(self.encoder.parameters()).device)

    def block(self, height: int, width: int) -> int:
        """The side of the blocks in which a picture is seen, 0 for whole: the recipe's, or as memory asks for."""
        return self.recipe.block or tiling.block_size(self.encoder, height, width, block_budget())

    def shape(self, style: StyleImage, size: int) -> tuple[int, int]:
        """Height and width at which ``style`` is seen for a picture of ``size``."""
        height, width = style.image.shape[2:]
        wanted = max(16, round(size * self.recipe.style_scale))
        short = min(sized(height, width, wanted))
        if short < 16:  # a painting as thin as a ribbon: keep it wide enough for the deepest layer
            wanted = max(wanted, round(wanted * 16 / short))
        return sized(height, width, wanted)

    def _sized(self, style: StyleImage, size: int) -> Tensor:
        return resize_to(style.image, *self.shape(style, size))

    @torch.no_grad()
    def _measure(self, style: StyleImage, size: int) -> dict[str, Tensor]:
        image = self._sized(style, size)
        device = next(self.encoder.parameters()).device
        image = image.to(device)
        block = self.block(*image.shape[2:])
        if block and style.alpha is None:
            return tiling.describe(self.encoder, image, self.layers, self.statistic, block)
        maps = self.encoder(image, self.layers)
        alpha = None if style.alpha is None else resize(style.alpha, max(image.shape[2:])).to(device)
        found = {}
        for layer in self.layers:
            x = maps[layer]
            mask = None
            if alpha is not None:
                # A place counts as far as its patch of the painting is opaque.
                mask = F.interpolate(alpha, x.shape[2:], mode="area").clamp(0, 1)
            found[layer] = self.statistic.describe(x, mask).detach()
        return found
