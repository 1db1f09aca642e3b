"""What is wanted of a picture: each term reads one layer and gives one scalar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import avg_pool2d, pad

from impasto.see.stats import Statistic, chroma_grain

__all__ = [
    "ClassicContent",
    "ClassicStyle",
    "Grain",
    "Grey",
    "Laplacian",
    "Losses",
    "Match",
    "Smooth",
    "Style",
    "Temporal",
    "Term",
]

_AT_ONCE = 1 << 23  # numbers


@dataclass(frozen=True)
class Losses:
    """What an objective returns: the weighted ``total`` and every term's own value, weighted, by name."""

    total: Tensor
    parts: Mapping[str, Tensor]


class Term(Protocol):
    """One loss on one layer. ``name`` groups terms in reports; ``weight`` multiplies its value in the total."""

    @property
    def name(self) -> str:
        """The column in which a report sums this term."""
        ...

    @property
    def layer(self) -> str:
        """The layer that the term reads."""
        ...

    @property
    def weight(self) -> float:
        """The factor in the total."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """The term's value on the layer's map, unweighted."""
        ...


def _full(x: Tensor) -> Tensor:
    """``x`` in float32, or in the float64 that it is in."""
    return x if x.dtype == torch.float64 else x.float()


def _wide(x: Tensor, dtype: torch.dtype) -> Tensor:
    """``x`` in ``dtype``. What is kept in 8 bits (float8 e4m3) is read by shifts: PyTorch's own way takes ten times as long."""
    if x.dtype != torch.float8_e4m3fn or x.device.type != "cpu":
        return x.to(dtype)
    # Its bits are those of a half-precision number 256 times as small; the sign, carried on by the wider integer, is there twice.
    bits = x.view(torch.int8).to(torch.int16).mul_(1 << 7).bitwise_and_(~(1 << 14))
    return bits.view(torch.float16).to(dtype).mul_(256)


class _Error(torch.autograd.Function):
    """``Σ m (u F - F*)²`` in float32 at least, under a mask ``m`` or none; its gradient is one product.

    What autograd does of it, in float32 and pass by pass, took as long as the convolutions that the map comes from.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: Tensor, unit: float, mask: Tensor | None) -> Tensor:
        found = _full(x)
        wanted = _wide(target, found.dtype)
        error = torch.sub(found * unit, wanted) if unit != 1 else found - wanted
        ctx.unit = unit
        ctx.save_for_backward((error if mask is None else error * mask).to(x.dtype))
        return torch.linalg.vector_norm(error).square() if mask is None else error.square_().mul_(mask).sum()

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        error: Tensor = ctx.saved_tensors[0]
        return error * (2 * ctx.unit * grad), None, None, None


@dataclass(frozen=True)
class Match:
    """Squared error to a target map over the target's size: ``|F - F*|² / |F*|²`` (content of Gatys et al. 2016).

    With a mask ``(B, 1, H, W)`` only where it is 1. ``target`` may be ``unit`` times the map, to fit into few bits.
    """

    layer: str
    target: Tensor
    weight: float = 1.0
    mask: Tensor | None = None
    name: str = "content"
    unit: float = 1.0

    def __call__(self, x: Tensor) -> Tensor:
        return _Error.apply(x, self.target, self.unit, self.mask) / self.size  # type: ignore[no-any-return, no-untyped-call]

    @cached_property
    def size(self) -> Tensor:
        """``|F*|²``, summed once, by rows: a large picture's maps in float32 would take more than all the rest."""
        rows = max(1, _AT_ONCE * self.target.shape[2] // max(self.target.numel(), 1))
        parts = self.target.split(rows, dim=2)
        # One buffer for all: as many of its size would each leave a gap, at 64 megapixels 2 GB in all.
        buffer = torch.empty_like(parts[0], dtype=_full(parts[0][:0]).dtype)
        sums = [buffer[:, :, : part.shape[2]].copy_(part).square_().sum() for part in parts]
        return torch.stack(sums).sum().clamp_min(1e-8 * self.target.numel())

    def within(self, rows: slice, columns: slice) -> Match:
        """The same term on a part of the map: parts that cover the map sum up to the whole."""
        target = self.target[:, :, rows, columns]
        mask = None if self.mask is None else self.mask[:, :, rows, columns]
        part = replace(self, target=target, mask=mask)
        return replace(part, weight=self.weight * float(part.size / self.size))


@dataclass(frozen=True)
class Style:
    """``statistic.distance`` between what the layer shows and the painting's own description."""

    layer: str
    statistic: Statistic
    target: Tensor
    weight: float = 1.0
    mask: Tensor | None = None
    name: str = "style"

    def __call__(self, x: Tensor) -> Tensor:
        return self.statistic.compare(x, self.target, self.mask)

    def compare(self, description: Tensor) -> Tensor:
        """The term's value for a map's description."""
        return self.statistic.distance(description, self.target)


@dataclass(frozen=True)
class Laplacian:
    """Edges kept where the photograph has them: the Laplacian of the picture, pooled, against that of ``target``.

    ``|Δx - Δx*|² / |Δx*|²``, mean over pools of 4 and 16 pixels (Li et al. 2017, "Laplacian-Steered Neural Style Transfer").
    A photograph without edges counts as if it had faint ones.
    """

    target: Tensor
    weight: float = 1.0
    layer: str = "pixels"
    name: str = "laplacian"

    def __call__(self, x: Tensor) -> Tensor:
        found = [(_laplacian(x, pool), wanted) for pool, wanted in zip(self.pools, self._wanted, strict=True)]
        ratios = [(seen - wanted).square().mean() / (wanted.square().mean() + 1e-4) for seen, wanted in found]
        return torch.stack(ratios).mean()

    @cached_property
    def pools(self) -> tuple[int, ...]:
        """Sides of the squares that are averaged: those of which a picture this small still has two a side."""
        return tuple(pool for pool in (4, 16) if min(self.target.shape[2:]) >= 2 * pool) or (1,)

    @cached_property
    def _wanted(self) -> tuple[Tensor, ...]:
        return tuple(_laplacian(self.target, pool) for pool in self.pools)


def _laplacian(image: Tensor, pool: int) -> Tensor:
    """Four times each pixel less its neighbours, of ``image`` pooled; the border's missing neighbours repeat it."""
    small = avg_pool2d(image, pool, ceil_mode=True, count_include_pad=False)
    wide = pad(small, (1, 1, 1, 1), mode="replicate")
    around = wide[:, :, :-2, 1:-1] + wide[:, :, 2:, 1:-1] + wide[:, :, 1:-1, :-2] + wide[:, :, 1:-1, 2:]
    return 4 * small - around


@dataclass(frozen=True)
class Smooth:
    """Total variation: mean squared difference of neighbours, over that of a picture of the same contrast in noise.

    Relative like the others: white noise of standard deviation 0.25 scores 1.
    """

    weight: float = 1.0
    layer: str = "pixels"
    name: str = "tv"

    def __call__(self, x: Tensor) -> Tensor:
        down, right = x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]
        return (down.square().mean() + right.square().mean()) / (4 * 0.25**2)


@dataclass(frozen=True)
class Grey:
    """Intensity regularisation: pulls every pixel towards a mean grey, so that a picture cannot go white or black.

    ``mean((x - grey)²) / 0.25``: all white or all black scores 1 around a grey of 0.5.
    """

    grey: Tensor | float = 0.5
    weight: float = 1.0
    layer: str = "pixels"
    name: str = "grey"

    def __call__(self, x: Tensor) -> Tensor:
        return (x - self.grey).square().mean() / 0.25


@dataclass(frozen=True)
class Grain:
    """Colour noise: chroma may change from pixel to pixel as much as in the painting, ``target`` ``(1, 4)``, no more.

    ``still`` ``(1, 4)`` is what of it is in parts that do not change; it does not count.

    ``mean(max(0, g / g* - 1)²)`` of ``chroma_grain``: 1 where there is twice the painting's own. A small encoder is nearly
    blind to fine changes of colour, and the descent fills the picture with what it does not see.
    """

    target: Tensor
    weight: float = 1.0
    layer: str = "pixels"
    name: str = "grain"
    still: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        found = chroma_grain(x)
        excess = (found if self.still is None else found - self.still) / self.target - 1
        return excess.clamp_min(0).square().mean()


@dataclass(frozen=True)
class Temporal:
    """Squared distance to an earlier frame moved to this one, ``1/D Σ c (x - ω)²`` (Ruder et al. 2016, eq. 7).

    ``D`` is the number of all values, trusted or not: a frame of which little is known is little held. Over 0.25²: 1
    where all is trusted and differs like noise of that standard deviation.
    """

    target: Tensor
    mask: Tensor
    weight: float = 1.0
    layer: str = "pixels"
    name: str = "temporal"

    def __call__(self, x: Tensor) -> Tensor:
        return ((x - self.target).square() * self.mask).sum() / (x.numel() * 0.25**2)


@dataclass(frozen=True)
class ClassicContent:
    """The content loss of neural-style, absolute: mean squared error on the maps as they come."""

    layer: str
    target: Tensor
    weight: float = 5.0
    name: str = "content"

    def __call__(self, x: Tensor) -> Tensor:
        return (_full(x) - self.target).square().mean()

    def within(self, rows: slice, columns: slice) -> ClassicContent:
        """The same term on a part of the map: parts that cover the map sum up to the whole."""
        target = self.target[:, :, rows, columns]
        return replace(self, target=target, weight=self.weight * target.numel() / self.target.numel())


@dataclass(frozen=True)
class ClassicStyle:
    """The style loss of neural-style, absolute: mean squared error of ``F Fᵀ / (C H W)`` (Gatys's Gram over C H W)."""

    layer: str
    statistic: Statistic
    target: Tensor
    weight: float = 100.0
    name: str = "style"

    def __call__(self, x: Tensor) -> Tensor:
        return self.compare(self.statistic.describe(x))

    def compare(self, description: Tensor) -> Tensor:
        """The term's value for a map's description."""
        return ((description - self.target) / self.target.shape[-1]).square().mean()


@dataclass(frozen=True)
class ClassicSmooth:
    """The total variation of neural-style-pt, absolute: ``Σ|∂x| + Σ|∂y|`` on 0..255 pixels."""

    weight: float = 1e-3
    layer: str = "pixels"
    name: str = "tv"

    def __call__(self, x: Tensor) -> Tensor:
        return 255 * (torch.diff(x, dim=2).abs().sum() + torch.diff(x, dim=3).abs().sum())
