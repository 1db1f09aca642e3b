"""The style side, measured once per size and kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.terms import ClassicStyle, Style, Term
from impasto.media.image import resize_to, sized
from impasto.mixture import sizes
from impasto.paint.guides import Guides, guide, opaque_places
from impasto.paint.octave import TWO
from impasto.paint.shelf import Shelf, kept
from impasto.recipe import Recipe, statistic_shares
from impasto.runtime import block_budget
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.layers import layer_weights
from impasto.see.stats import STATISTICS, Statistic, chroma_grain

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

_Described = dict[tuple[Statistic, str], Tensor]


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


@dataclass(frozen=True)
class _Made:
    """What is kept of paintings: statistics, and by size and region their descriptions and the share that is opaque."""

    statistics: dict[Statistic, float]
    blended: dict[tuple[int, int], _Described] = field(default_factory=dict)
    clear: dict[tuple[int, int], dict[str, float]] = field(default_factory=dict)


def _statistics(recipe: Recipe) -> dict[Statistic, float]:
    shares = statistic_shares(recipe.statistic).items()
    return {STATISTICS[name](seed=recipe.seed): share for name, share in shares}


class StyleTargets:
    """The paintings' descriptions at any size, measured when first asked for; shared with others by way of ``shelf``."""

    def __init__(
        self, encoder: Encoder, styles: Sequence[StyleImage], recipe: Recipe, *, shelf: Shelf | None = None
    ) -> None:
        if not styles:
            raise InputError("no style given: name a painting")
        self.encoder, self.recipe = encoder, recipe
        self.layers = layer_weights(recipe.style_layers, encoder, encoder.style_layers, "--style-layers")
        self.shelf = shelf
        self.styles = _checked(styles, encoder, self.layers)
        self.scales = sizes(recipe.style_scales, "--style-scales") or {1.0: 1.0}
        seen = tuple((name, value) for name, value in recipe.as_dict().items() if name not in _ELSEWHERE)
        given = tuple((one.weight, one.scale, one.layers, one.region) for one in self.styles)
        pictures = [part for one in self.styles for part in (one.image, one.alpha, one.regions)]
        made = kept(shelf, ("styles", given, seen), lambda: _Made(_statistics(recipe)), of=(encoder, *pictures))
        self.statistics, self._blended, self._clear = made.statistics, made.blended, made.clear
        self._measured: dict[tuple[int, int, float], _Measured] = {}
        self._grains: dict[int, Tensor] = {}

    @property
    def statistic(self) -> Statistic:
        """The first of the statistics, the only one where no other is asked for."""
        return next(iter(self.statistics))

    def describe(self, size: int, region: int = 0) -> dict[str, Tensor]:
        """The blended description of every style layer, the paintings at ``size`` times the recipe's style scale."""
        return {layer: x for (kind, layer), x in self._blend(size, region).items() if kind is self.statistic}

    def alike(self, count: int, shares: Sequence[float] = ()) -> list[list[int]]:
        """``count`` regions of a picture, those together that are painted alike: by equal paintings, with one share.

        What covers large areas may then lie in either of them, as in one: asked of each for itself, it came out 10 % further
        off (VGG-19, 256 pixels).
        """
        found: dict[tuple[object, ...], list[int]] = {}
        for region in range(count):
            there = [number for number, style in enumerate(self.styles) if style.region in (None, region)]
            own = any(self.styles[number].regions is not None for number in there)
            by = tuple(self._first_like(number) for number in there)
            found.setdefault((by, shares[region] if shares else 1.0, region if own else -1), []).append(region)
        return list(found.values())

    def _first_like(self, number: int) -> int:
        """The first painting that is the same as that of ``number``, but for the region that it paints."""
        mine = self.styles[number]
        return next(
            i for i, other in enumerate(self.styles) if i == number or _same(replace(other, region=mine.region), mine)
        )

    def terms(
        self,
        size: int,
        weight: float,
        guides: Guides | None = None,
        shares: Sequence[float] = (),
        regions: Sequence[int] = (),
    ) -> tuple[Term, ...]:
        """One style term per layer, statistic and region for a picture of ``size``; together they weigh ``weight``.

        ``guides`` are the content's regions; each counts as much as it covers, times its one of ``shares``, and is painted as
        the one of its number in ``regions``, if these are given. Where the
        painting's own region does not show clearly, as a narrow one does not at deep layers, it counts less.
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
        count = 1 if guides is None else len(next(iter(guides.clear.values())))
        for place, region in enumerate(regions or range(count)):
            part = weight * (shares[place] if shares else 1.0)
            blended = self._blend(size, region) if part else {}
            shares_of = self._shares(layer for _, layer in blended)
            masks = {} if guides is None else guides.of(place)
            for (kind, layer), target in blended.items():
                covered = float(masks[layer].mean()) if masks else 1.0
                own = part * covered * shares_of[layer] * self.statistics[kind] * kind.pull
                own *= self._clear[size, region][layer] ** 2
                if own:
                    found.append(Style(layer, kind, target, own, masks.get(layer)))
        return tuple(found)

    def _shares(self, layers: Iterable[str]) -> dict[str, float]:
        """The weights of ``layers`` among themselves: those that no painting gives the style of have none."""
        kept = dict.fromkeys(layers)
        found = {layer: share for layer, share in self.layers.items() if layer in kept}
        total = 1.0 if len(found) == len(self.layers) else sum(found.values())
        return {layer: share / total for layer, share in found.items()}

    def mirrored(self) -> StyleTargets:
        """The same paintings seen in a mirror."""

        def turned(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.flip(3)

        styles = [
            replace(one, image=one.image.flip(3), alpha=turned(one.alpha), regions=turned(one.regions))
            for one in self.styles
        ]
        return type(self)(self.encoder, styles, self.recipe)

    def guides(self, regions: Tensor) -> Guides:
        """Regions ``(1, R, H, W)`` of a picture, or of a painting, at the style layers."""
        regions = regions.float().to(next(self.encoder.parameters()).device)
        return guide(self.encoder, regions, self.layers, self.block(*regions.shape[2:]))

    def measure(self, size: int) -> None:
        """Measure the paintings for a picture of ``size`` in one style now, and not when ``terms`` and ``grain`` are wanted.

        At 64 megapixels a painting of that size takes 770 MB and as much again while it is made: beside the picture
        that is painted it would be the peak.
        """
        self._blend(size, 0)
        if self.recipe.grain_weight and self.recipe.losses != "classic":
            self.grain(size)

    @torch.no_grad()
    def grain(self, size: int) -> Tensor:
        """The paintings' own ``chroma_grain`` at ``size``, ``(1, 4)``; a grey painting's is lifted off zero."""
        if size not in self._grains:
            self._grains[size] = self._grain(size)
        return self._grains[size]

    def _grain(self, size: int) -> Tensor:
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
        side = self.recipe.block or tiling.block_size(self.encoder, height, width, block_budget())
        return side if len(tiling.blocks(self.encoder, height, width, side)) > 1 else 0

    def shape(self, style: StyleImage, size: int) -> tuple[int, int]:
        """Height and width at which ``style`` is seen for a picture of ``size``; of several scales, the largest."""
        return self._shape(style, size, max(self.scales))

    def _shape(self, style: StyleImage, size: int, scale: float) -> tuple[int, int]:
        height, width = style.image.shape[2:]
        wanted = max(16, round(size * _drawn(height, width, size) * self.recipe.style_scale * style.scale * scale))
        short = min(sized(height, width, wanted))
        if short < 16:  # a painting as thin as a ribbon: keep it wide enough for the deepest layer
            wanted = max(wanted, round(wanted * 16 / short))
        return sized(height, width, wanted)

    def _blend(self, size: int, region: int) -> _Described:
        """One description for every statistic and layer: of the paintings that paint ``region``, at all their scales."""
        if (size, region) not in self._blended:
            parts: dict[tuple[Statistic, str], list[tuple[Tensor, float]]] = {
                (kind, layer): [] for kind in self.statistics for layer in self.layers
            }
            clear: dict[str, list[tuple[float, float]]] = {layer: [] for layer in self.layers}
            for number, scale, layer, weight in self._sources(region):
                measured = self._measure(number, size, scale)
                clear[layer].append((measured.clearness(region, layer), weight))
                for kind in self.statistics:
                    parts[kind, layer].append((measured.of(region, layer, kind), weight))
            self._blended[size, region] = {key: _one(key[0], found) for key, found in parts.items() if found}
            self._clear[size, region] = {
                layer: sum(x * w for x, w in found) / sum(w for _, w in found)
                for layer, found in clear.items()
                if found
            }
        return self._blended[size, region]

    def _sources(self, region: int) -> Iterator[tuple[int, float, str, float]]:
        """What the style of ``region`` is blended of: the painting's number, the scale, the layer, the weight."""
        there = [number for number, style in enumerate(self.styles) if style.region in (None, region)]
        named = {layer for number in there for layer in self.styles[number].layers}
        for number in there:
            style = self.styles[number]
            for scale, share in self.scales.items():
                for layer in style.layers or [layer for layer in self.layers if layer not in named]:
                    yield number, scale, layer, style.weight * share

    @torch.no_grad()
    def _measure(self, number: int, size: int, scale: float) -> _Measured:
        key = (number, size, scale)
        if key not in self._measured:
            self._measured = {old: found for old, found in self._measured.items() if old[1] == size}
            style = self.styles[number]
            image = resize_to(style.image, *self._shape(style, size, scale))
            image = image.to(next(self.encoder.parameters()).device)
            opaque = opaque_places(self.encoder, style.alpha, image, self.layers)
            if style.regions is None:
                self._measured[key] = _Measured(self._describe(image, [opaque]), {})
            else:
                own = self.guides(F.interpolate(style.regions, image.shape[2:], mode="area"))
                masks = [own.of(region) for region in range(style.regions.shape[1])]
                clear = own.clear
                if opaque:
                    masks = [{layer: mask * opaque[layer] for layer, mask in one.items()} for one in masks]
                    # A region that is transparent there shows nothing.
                    clear = {
                        layer: [x * float(one[layer].mean() > 0) for x, one in zip(found, masks, strict=True)]
                        for layer, found in clear.items()
                    }
                self._measured[key] = _Measured(self._describe(image, masks), clear)
        return self._measured[key]

    def _describe(self, image: Tensor, masks: Sequence[Mapping[str, Tensor]]) -> list[_Described]:
        """The descriptions of ``image`` under each of ``masks``, in one look for those that are means over places."""
        block = self.block(*image.shape[2:])
        found: list[_Described] = [{} for _ in masks]
        keys = [(i, kind, layer) for i in range(len(masks)) for kind in self.statistics for layer in self.layers]
        means = [(i, kind, layer) for i, kind, layer in keys if kind.sums and block]
        if means:
            wanted = [(layer, kind, masks[i].get(layer)) for i, kind, layer in means]
            described = tiling.describe_each(self.encoder, image, wanted, block)
            for (i, kind, layer), x in zip(means, described, strict=True):
                found[i][kind, layer] = x
        if len(means) < len(keys):
            maps = tiling.encode(self.encoder, image, self.layers, block) if block else self.encoder(image, self.layers)
            for i, kind, layer in keys:
                if not (kind.sums and block):
                    found[i][kind, layer] = kind.describe(maps[layer], masks[i].get(layer)).detach()
        return found


def _drawn(height: int, width: int, size: int) -> float:
    """By what the strokes of a painting of ``height`` × ``width`` are drawn smaller than to scale in a picture of ``size``.

    Enlarged beyond its own pixels a painting has nothing to say of fine brushwork: blur, and the specks of its file. Half of
    that enlarging, in octaves, is left out: of 1024 pixels, at 2048 it is shown at 1448. What is painted at the picture's
    octaves keeps its scale; at its own size finer strokes lie on it. Where there are no octaves nothing is left out.
    """
    return min(1.0, math.sqrt(max(height, width, TWO) / size))


def _same(a: StyleImage, b: StyleImage) -> bool:
    """Whether two paintings are equal in all that is said of them."""

    def equal(x: object, y: object) -> bool:
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            return x is y or (x.shape == y.shape and torch.equal(x, y))
        return type(x) is type(y) and x == y

    return all(equal(getattr(a, item.name), getattr(b, item.name)) for item in fields(StyleImage))


@dataclass(frozen=True)
class _Measured:
    """A painting at a scale: the descriptions of each of its regions, and how clearly they show at each layer.

    A painting that is not in regions has one, that of every region of the picture.
    """

    described: list[_Described]
    clear: dict[str, list[float]]

    def of(self, region: int, layer: str, kind: Statistic) -> Tensor:
        return self.described[region if self.clear else 0][kind, layer]

    def clearness(self, region: int, layer: str) -> float:
        return self.clear[layer][region] if self.clear else 1.0


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
