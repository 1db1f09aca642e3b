"""Styles as distributions: how far activations must be moved to be spread as the painting's are (optimal transport).

On a line, the cheapest way to turn one distribution into another keeps the order: the k-th smallest value goes where the
k-th smallest of the target is. ``Histogram`` does so for each channel (Risser et al. 2017), ``SlicedWasserstein`` for
projections on random directions (Heitz et al. 2021). The target is kept as quantiles, so sizes need not agree.

Sorting every map at every step would take longer than the encoder. Instead the map's cumulative histogram says how far the
values of each bin have to go; the way back is that displacement itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["Histogram", "SlicedWasserstein", "quantiles", "spread"]

_LEVELS = 256  # quantiles that describe a distribution
_BINS = 1024
_PLACES = 32768  # places that a distribution is read from; a larger map is read at so many of its own
_ROWS = 16384  # rows of a product in one go


def spread(count: int, most: int, device: torch.device | None = None) -> Tensor:
    """Up to ``most`` different places out of ``count``, spread evenly: all, or every golden step around.

    A plain stride would fall into one rhythm with the columns of the picture.
    """
    if count <= most:
        return torch.arange(count, device=device)
    step = round(count * 0.6180339887)
    while math.gcd(step, count) > 1:
        step += 1
    return torch.arange(most, device=device) * step % count


def _exact(device: torch.device) -> torch.dtype:
    """What sums of many are taken in: float64, where in float32 they would lose digits; Apple's cards have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def quantiles(rows: Tensor, weight: Tensor | None = None) -> Tensor:
    """The quantile functions of columns of ``(N, C)`` as ``(C, 256)``: means over 256 equal shares of the weight."""
    if weight is None:
        weight = torch.ones(len(rows), device=rows.device)
    ordered, order = rows.sort(dim=0)
    exact = _exact(rows.device)
    mass = weight.to(exact)[order]
    total = mass.sum(0)
    share = torch.cat([torch.zeros_like(total)[None], mass.cumsum(0)]) / total
    summed = torch.cat([torch.zeros_like(total)[None], (mass * ordered.to(exact)).cumsum(0)]) / total
    levels = torch.linspace(0, 1, _LEVELS + 1, dtype=exact, device=rows.device).expand(rows.shape[1], -1)
    found = _between(share.mT.contiguous(), summed.mT, levels).diff(dim=1) * _LEVELS
    return found.to(torch.float64 if rows.dtype == torch.float64 else torch.float32)


def _between(at: Tensor, values: Tensor, wanted: Tensor) -> Tensor:
    """Each row's ``values``, known ``at`` ascending points, at the ``wanted`` ones; straight lines in between."""
    right = torch.searchsorted(at, wanted.contiguous()).clamp_(1, at.shape[1] - 1)
    low, high = at.gather(1, right - 1), at.gather(1, right)
    part = ((wanted - low) / (high - low).clamp_min(1e-30)).clamp_(0, 1)
    return torch.lerp(values.gather(1, right - 1), values.gather(1, right), part)


class _Transport(torch.autograd.Function):
    """``Σ w |T(v) - v|² / Σ w`` of ``v = rows · directions``, ``T`` the transport to quantiles ``wanted`` ``(K, 256)``.

    The gradient takes ``T(v)`` as given, which is exact: the cheapest way does not change to first order.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, wanted: Tensor, weight: Tensor | None, directions: Tensor | None) -> Tensor:
        kind = torch.float64 if rows.dtype == torch.float64 else torch.float32

        def seen(part: Tensor) -> Tensor:
            return part.to(kind) if directions is None else part.to(kind) @ directions.to(kind)

        chosen = spread(len(rows), _PLACES, rows.device) if weight is None else _weighty(weight)
        sample = seen(rows[chosen])
        low, step, moves = _moves(sample, None if weight is None else weight[chosen], wanted)
        offset = torch.arange(len(moves), device=rows.device) * _BINS
        flat, ways = moves.flatten(), torch.empty_like(rows)
        exact = _exact(rows.device)
        value = torch.zeros((), dtype=exact, device=rows.device)
        total = float(len(rows)) if weight is None else float(weight.sum(dtype=exact))
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            bins = ((seen(rows[part]) - low) * step).clamp_(0, _BINS - 1).long().add_(offset)
            way = flat[bins]
            pull = way if weight is None else way * weight[part, None].to(kind)
            value += (way * pull).sum(dtype=exact)
            ways[part] = pull if directions is None else pull @ directions.to(kind).mT
        ctx.save_for_backward(ways)
        ctx.total = total
        return (value / total).to(kind)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        (ways,) = ctx.saved_tensors
        return ways * (grad * (-2 / ctx.total)).to(ways.dtype), None, None, None


def _weighty(weight: Tensor) -> Tensor:
    """Places that a distribution is read from, of those that have a weight."""
    places = weight.nonzero()[:, 0]
    return places[spread(len(places), _PLACES, weight.device)]


def _moves(sample: Tensor, weight: Tensor | None, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the bins of each column of ``(M, K)`` begin, how many make one unit, and how far each has to go ``(K, BINS)``."""
    exact = _exact(sample.device)
    low, high = torch.aminmax(sample, dim=0)
    step = _BINS / (high - low).clamp_min(1e-12)
    offset = torch.arange(sample.shape[1], device=sample.device) * _BINS
    bins = ((sample - low) * step).clamp_(0, _BINS - 1).long().add_(offset).flatten()
    shape = (sample.shape[1], _BINS)
    mass = torch.ones_like(sample) if weight is None else weight[:, None].to(sample.dtype).expand_as(sample)
    held = torch.bincount(bins, mass.flatten().to(exact), minlength=math.prod(shape)).view(shape)
    sums = torch.bincount(bins, (mass * sample).flatten().to(exact), minlength=math.prod(shape)).view(shape)
    upper = held.cumsum(1)
    total = upper[:, -1:].clamp_min(1e-30)
    levels = torch.linspace(0, 1, wanted.shape[1] + 1, dtype=exact, device=wanted.device)
    levels = levels.expand(len(wanted), -1).contiguous()
    summed = torch.cat([wanted.new_zeros(len(wanted), 1, dtype=exact), wanted.to(exact).cumsum(1)], 1) / wanted.shape[1]
    ends = _between(levels, summed, upper / total)
    starts = _between(levels, summed, (upper - held) / total)
    filled = held > 0
    going = (ends - starts) / torch.where(filled, held / total, 1) - sums / torch.where(filled, held, 1)
    # A bin that the sample has nothing in lies between two that have: its values go where those around it end.
    middle = low[:, None] + (torch.arange(_BINS, device=low.device) + 0.5) / step[:, None]
    level = ((upper / total) * wanted.shape[1]).long().clamp_(0, wanted.shape[1] - 1)
    moves = torch.where(filled, going, wanted.to(exact).gather(1, level) - middle)
    return low, step, moves.to(sample.dtype)


class Histogram:
    """The distribution of each channel alone; the distance is Wasserstein-2 between them, over the target's size.

    Described by quantiles ``(1, C, 256)``. Two styles blend by their quantiles, which is their barycentre.
    """

    sums = False
    pull = 3.0  # as measured on tubingen × starry_night at 256 px: the content comes out as far from the photograph

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def describe(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(1, C, 256)``: ascending values, each the mean of its share of the places."""
        rows = x[0].permute(1, 2, 0).flatten(0, 1)
        weight = None if mask is None else mask[0, 0].flatten()
        places = spread(len(rows), _PLACES, x.device) if weight is None else _weighty(weight)
        if not len(places):
            return torch.zeros(1, x.shape[1], _LEVELS, device=x.device)
        rows = rows[places] if rows.dtype == torch.float64 else rows[places].float()
        directions = self.directions(x.shape[1], rows)
        seen = rows if directions is None else rows @ directions
        return quantiles(seen, None if weight is None else weight[places])[None]

    def blend(self, descriptions: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """The weighted mean of the quantiles."""
        return torch.stack([part * weight for part, weight in zip(descriptions, weights, strict=True)]).sum(0)

    def distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        """``Σ |q - q*|² / Σ |q*|²``."""
        return (found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12)

    def compare(self, x: Tensor, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
        """The distance of the whole map's distribution, without sorting it."""
        rows = x[0].permute(1, 2, 0).flatten(0, 1)
        weight = None if mask is None else mask[0, 0].flatten()
        if weight is not None and not bool(weight.any()):
            return x.sum().float() * 0
        cost = _Transport.apply(rows, wanted[0], weight, self.directions(x.shape[1], wanted))  # type: ignore[no-untyped-call]
        found: Tensor = cost / (wanted.square().sum() / wanted.shape[2]).clamp_min(1e-12)
        return found

    def directions(self, channels: int, like: Tensor) -> Tensor | None:
        """``(C, K)``: what the maps are projected on; None for the channels themselves."""
        return None


class SlicedWasserstein(Histogram):
    """Distributions along random directions: all of what features do together shows in one or the other of them.

    The directions are those of random rotations, drawn once from ``seed``; Heitz et al. draw new ones at every step.
    Described by quantiles ``(1, K, 256)``.
    """

    def directions(self, channels: int, like: Tensor) -> Tensor:
        """``(C, K)``, an orthonormal basis or more of them, so that at least 64 directions are looked along."""
        random = torch.Generator().manual_seed(self.seed)
        turns = [
            torch.linalg.qr(torch.randn(channels, channels, generator=random, dtype=torch.float64))[0]
            for _ in range(-(-64 // channels))
        ]
        return torch.cat(turns, 1).to(device=like.device, dtype=like.dtype)
