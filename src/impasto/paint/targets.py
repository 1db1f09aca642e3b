"""The style side, measured once per size and kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.terms import ClassicStyle, Style, Term
from impasto.media.image import resize, resize_to, sized
from impasto.mixture import sizes
from impasto.recipe import Recipe, statistic_shares
from impasto.runtime import block_budget
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.guide import GuideEncoder
from impasto.see.layers import layer_weights
from impasto.see.stats import STATISTICS, Statistic, chroma_grain

__all__ = ["StyleImage", "StyleTargets"]

_Described = dict[tuple[Statistic, str], Tensor]

_FAINT = (
    1e-3  # of a place that belongs to a region less than this, nothing is read for it: it would cost as much as any
)


@dataclass(frozen=True)
class StyleImage:
    """A painting ``(1, 3, H, W)``, 0..1, and where it is opaque, ``(1, 1, H, W)``; ``weight`` is its share.

    ``scale`` multiplies the recipe's style scale. ``layers``, if any, are those that it alone gives the style of.
    ``region`` is the number of the content's region that it paints, None for all of them; ``regions`` ``(1, R, H, W)``,
    0..1, are the painting's own, from which each of the content's takes its style.
    """

    image: Tensor
    alpha: Tensor | None = None
    weight: float = 1.0
    scale: float = 1.0
    layers: tuple[str, ...] = ()
    region: int | None = None
    regions: Tensor | None = None


class StyleTargets:
    """The paintings' descriptions at any size, measured when first asked for."""

    def __init__(self, encoder: Encoder, styles: Sequence[StyleImage], recipe: Recipe) -> None:
        if not styles:
            raise InputError("no style given: name a painting")
        self.encoder, self.recipe = encoder, recipe
        self.layers = layer_weights(recipe.style_layers, encoder, encoder.style_layers, "--style-layers")
        self.styles = _checked(styles, encoder, self.layers)
        self.statistics: dict[Statistic, float] = {
            STATISTICS[name](seed=recipe.seed): share for name, share in statistic_shares(recipe.statistic).items()
        }
        self.scales = sizes(recipe.style_scales, "--style-scales") or {1.0: 1.0}
        self._measured: dict[tuple[int, int, float], dict[int | None, _Described]] = {}
        self._blended: dict[tuple[int, int], _Described] = {}

    @property
    def statistic(self) -> Statistic:
        """The first of the statistics, the only one where no other is asked for."""
        return next(iter(self.statistics))

    def describe(self, size: int, region: int = 0) -> dict[str, Tensor]:
        """The blended description of every style layer, the paintings at ``size`` times the recipe's style scale."""
        return {layer: x for (kind, layer), x in self._blend(size, region).items() if kind is self.statistic}

    def terms(
        self, size: int, weight: float, guides: Mapping[str, Tensor] | None = None, shares: Sequence[float] = ()
    ) -> tuple[Term, ...]:
        """One style term per layer, statistic and region for a picture of ``size``; together they weigh ``weight``.

        ``guides`` are the content's regions at every layer, ``(1, R, h, w)``; each counts as much as it covers, times its
        one of ``shares``.
        """
        if self.recipe.losses == "classic":
            # Classic weights are per layer, not a mean over the layers.
            described = self.describe(size)
            shares_of = self._shares(described)
            return tuple(
                ClassicStyle(layer, self.statistic, x, weight * shares_of[layer] * len(described))
                for layer, x in described.items()
            )
        found: list[Term] = []
        for region in range(1 if guides is None else next(iter(guides.values())).shape[1]):
            part = weight * (shares[region] if shares else 1.0)
            blended = self._blend(size, region) if part else {}
            shares_of = self._shares(layer for _, layer in blended)
            masks = {} if guides is None else {layer: guides[layer][:, region : region + 1] for layer in shares_of}
            covered = {layer: float(mask.mean()) for layer, mask in masks.items()}
            masks = {layer: torch.where(mask < _FAINT, 0.0, mask) for layer, mask in masks.items()}
            for (kind, layer), target in blended.items():
                own = part * covered.get(layer, 1.0) * shares_of[layer] * self.statistics[kind] * kind.pull
                if own:
                    found.append(Style(layer, kind, target, own, masks.get(layer)))
        return tuple(found)

    def _shares(self, layers: Iterable[str]) -> dict[str, float]:
        """The weights of ``layers`` among themselves: those that no painting gives the style of have none."""
        kept = dict.fromkeys(layers)
        found = {layer: share for layer, share in self.layers.items() if layer in kept}
        total = 1.0 if len(found) == len(self.layers) else sum(found.values())
        return {layer: share / total for layer, share in found.items()}

    @torch.no_grad()
    def guides(self, regions: Tensor) -> dict[str, Tensor]:
        """Regions ``(1, R, H, W)`` at the style layers, as the encoder sees them; sums of 1 stay sums of 1."""
        device = next(self.encoder.parameters()).device
        block = self.block(*regions.shape[2:])
        return tiling.encode(GuideEncoder(self.encoder), regions.float().to(device), self.layers, block)

    @torch.no_grad()
    def grain(self, size: int) -> Tensor:
        """The paintings' own ``chroma_grain`` at ``size``, ``(1, 4)``; a grey painting's is lifted off zero."""
        total = sum(style.weight for style in self.styles)
        found = []
        for style in self.styles:
            # Where it is transparent it was filled with one colour, which has no grain: only the opaque part counts.
            opaque = 1.0 if style.alpha is None else max(float(style.alpha.mean()), 1e-3)
            for scale, share in self.scales.items():
                image = resize_to(style.image, *self._shape(style, size, scale))
                found.append(chroma_grain(image) * (style.weight / total / opaque * share))
        return torch.stack(found).sum(0).clamp_min(0.002).to(next(self.encoder.parameters()).device)

    def block(self, height: int, width: int) -> int:
        """The side of the blocks in which a picture is seen, 0 for whole: the recipe's, or as memory asks for."""
        return self.recipe.block or tiling.block_size(self.encoder, height, width, block_budget())

    def shape(self, style: StyleImage, size: int) -> tuple[int, int]:
        """Height and width at which ``style`` is seen for a picture of ``size``; of several scales, the largest."""
        return self._shape(style, size, max(self.scales))

    def _shape(self, style: StyleImage, size: int, scale: float) -> tuple[int, int]:
        height, width = style.image.shape[2:]
        wanted = max(16, round(size * self.recipe.style_scale * style.scale * scale))
        short = min(sized(height, width, wanted))
        if short < 16:  # a painting as thin as a ribbon: keep it wide enough for the deepest layer
            wanted = max(wanted, round(wanted * 16 / short))
        return sized(height, width, wanted)

    def _blend(self, size: int, region: int) -> _Described:
        """One description for every statistic and layer: of the paintings that paint ``region``, at all their scales."""
        if (size, region) not in self._blended:
            there = [number for number, style in enumerate(self.styles) if style.region in (None, region)]
            named = {layer for number in there for layer in self.styles[number].layers}
            parts: dict[tuple[Statistic, str], list[tuple[Tensor, float]]] = {
                (kind, layer): [] for kind in self.statistics for layer in self.layers
            }
            for number in there:
                style = self.styles[number]
                own = style.layers or [layer for layer in self.layers if layer not in named]
                for scale, share in self.scales.items():
                    measured = self._measure(number, size, scale)[None if style.regions is None else region]
                    for kind in self.statistics:
                        for layer in own:
                            parts[kind, layer].append((measured[kind, layer], style.weight * share))
            self._blended[size, region] = {key: _one(key[0], found) for key, found in parts.items() if found}
        return self._blended[size, region]

    @torch.no_grad()
    def _measure(self, number: int, size: int, scale: float) -> dict[int | None, _Described]:
        """The descriptions of a painting at a scale: of each of its regions, or, under None, of the whole."""
        key = (number, size, scale)
        if key not in self._measured:
            self._measured = {old: found for old, found in self._measured.items() if old[1] == size}
            style = self.styles[number]
            image = resize_to(style.image, *self._shape(style, size, scale))
            image = image.to(next(self.encoder.parameters()).device)
            self._measured[key] = {
                region: self._describe(image, masks) for region, masks in self._masks(style, image).items()
            }
        return self._measured[key]

    def _describe(self, image: Tensor, masks: Mapping[str, Tensor]) -> _Described:
        block = self.block(*image.shape[2:])
        found: _Described = {}
        means = [kind for kind in self.statistics if kind.sums and block]
        wanted = [(layer, kind, masks.get(layer)) for kind in means for layer in self.layers]
        if wanted:
            described = tiling.describe_each(self.encoder, image, wanted, block)
            found = {(kind, layer): x for (layer, kind, _), x in zip(wanted, described, strict=True)}
        if len(means) < len(self.statistics):
            maps = tiling.encode(self.encoder, image, self.layers, block) if block else self.encoder(image, self.layers)
            for kind in (kind for kind in self.statistics if kind not in means):
                found |= {(kind, layer): kind.describe(maps[layer], masks.get(layer)).detach() for layer in self.layers}
        return found

    def _masks(self, style: StyleImage, image: Tensor) -> dict[int | None, dict[str, Tensor]]:
        """What counts of a painting at each layer, by region: its own region there, as far as it is opaque."""
        opaque: dict[str, Tensor] = {}
        if style.alpha is not None:
            alpha = resize(style.alpha, max(image.shape[2:])).to(image.device)
            for layer in self.layers:
                stride = self.encoder.stride(layer)
                shape = (image.shape[2] // stride, image.shape[3] // stride)
                # A place counts as far as its patch of the painting is opaque.
                opaque[layer] = F.interpolate(alpha, shape, mode="area").clamp(0, 1)
        if style.regions is None:
            return {None: opaque}
        guides = self.guides(F.interpolate(style.regions, image.shape[2:], mode="area"))
        found: dict[int | None, dict[str, Tensor]] = {}
        for region in range(style.regions.shape[1]):
            masks = {layer: guides[layer][:, region : region + 1] for layer in self.layers}
            masks = {layer: torch.where(mask < _FAINT, 0.0, mask) for layer, mask in masks.items()}
            found[region] = {layer: mask * opaque[layer] if opaque else mask for layer, mask in masks.items()}
        return found


def _one(kind: Statistic, found: Sequence[tuple[Tensor, float]]) -> Tensor:
    """The blend of descriptions with weights; alone, a description stays what it is, to the last bit."""
    total = sum(weight for _, weight in found)
    if len(found) == 1:
        return found[0][0]
    return kind.blend([x for x, _ in found], [weight / total for _, weight in found])


def _checked(styles: Sequence[StyleImage], encoder: Encoder, layers: Mapping[str, float]) -> tuple[StyleImage, ...]:
    """The paintings that have a weight, their layers by the encoder's own names."""
    kept = [style for style in styles if style.weight > 0]
    if not kept:
        raise InputError("the weights of all styles are zero: give one at least a weight above 0, as in a.jpg:0.7")
    found = []
    for style in kept:
        own = encoder.resolve(style.layers)
        for layer in own:
            if layer not in layers:
                raise InputError(
                    f"layers={layer}: it is none of the style's layers, {', '.join(layers)}; name it in --style-layers too"
                )
        found.append(replace(style, layers=own))
    return tuple(found)
