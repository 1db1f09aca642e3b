"""Styles as collections: every place of the picture should look like some place of the painting.

Each feature looks for its nearest in the painting by the cosine of the two, both less their own mean, and is then drawn to
it, as in NNST (Kolkin et al. 2022). So that not all are drawn to the same few, each of the painting's features also looks
for its nearest in the picture: together the two are the relaxed earth mover's distance of STROTSS (Kolkin et al. 2019).
With patches of 3×3 features it is the Markov random field of Li and Wand (2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.see.transport import spread

__all__ = ["Nearest", "Patches"]

_ROWS = 8192  # places that look for their nearest in one go


class Nearest:
    """Features ``(1, M, C)`` out of a map; the distance is that to the nearest, both ways, over the target's size.

    Styles blend by putting their collections together, each in proportion to its weight.
    """

    sums = False
    pull = 1.0
    side = 1  # places of a patch along one side
    most = 1024  # features that a description holds
    places = 32768  # of a picture that look for their nearest; of a larger map so many, spread evenly

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def describe(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(1, M, C)``: features of at most 1024 places, where the mask is at least half of its highest."""
        x, weight = self._wide(x), self._weights(mask)
        if weight is None:
            kept = self._rows(x, spread(self._count(x), self.most, x.device))
        else:
            places = (weight >= 0.5 * weight.max()).nonzero()[:, 0]
            kept = self._rows(x, places[spread(len(places), self.most, x.device)])
        return (kept if kept.dtype == torch.float64 else kept.float())[None]

    def blend(self, descriptions: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """One collection of them all; each gives features in proportion to its weight."""
        if len(descriptions) == 1:
            return descriptions[0]
        # As many as the scarcest can give without repeating, but never fewer than a hundred.
        room = min(found.shape[1] / weight for found, weight in zip(descriptions, weights, strict=True))
        room = min(max(room, 100.0), self.most)
        parts = []
        for found, weight in zip(descriptions, weights, strict=True):
            count = max(1, round(room * weight))
            parts.append(found[:, spread(found.shape[1], count, found.device)])
        return torch.cat(parts, 1)

    def distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        """How far each lies from its nearest in the other, squared, over the mean square of ``wanted``."""
        return _drawn(found[0], wanted[0], None)

    def compare(self, x: Tensor, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
        """The distance with the places of ``x``, each weighted by ``mask``; of a larger map with some of them."""
        x, weight = self._wide(x), self._weights(mask)
        if weight is None:
            return _drawn(self._rows(x, spread(self._count(x), self.places, x.device)), wanted[0], None)
        places = weight.nonzero()[:, 0]
        if not len(places):
            return x.sum().float() * 0
        places = places[spread(len(places), self.places, x.device)]
        return _drawn(self._rows(x, places), wanted[0], weight[places])

    def _count(self, x: Tensor) -> int:
        """Places of a map: those that a patch can lie on."""
        return (x.shape[2] - self.side + 1) * (x.shape[3] - self.side + 1)

    def _rows(self, x: Tensor, places: Tensor) -> Tensor:
        """The features at ``places``, or the patches that begin there laid out, as ``(N, C)``."""
        width = x.shape[3]
        rows = x[0].permute(1, 2, 0).flatten(0, 1)
        if self.side == 1:
            return rows if len(places) == len(rows) else rows[places]
        across = width - self.side + 1
        first = places // across * width + places % across
        steps = [down * width + right for down in range(self.side) for right in range(self.side)]
        return torch.cat([rows[first + step] for step in steps], 1)

    def _weights(self, mask: Tensor | None) -> Tensor | None:
        """Of each patch: the least weight that a place of it has, so that none reaches over the edge of its region.

        In a region narrower than a patch all reach over it: there the mean.
        """
        if mask is None:
            return None
        if self.side == 1:
            return mask[0, 0].flatten()
        wide = self._wide(mask)
        least = -F.max_pool2d(-wide, self.side, 1)
        return (least if bool(least.any()) else F.avg_pool2d(wide, self.side, 1))[0, 0].flatten()

    def _wide(self, x: Tensor) -> Tensor:
        """``x``, or, where it is smaller than a patch, ``x`` with its edge repeated."""
        height, width = x.shape[2:]
        if min(height, width) >= self.side:
            return x
        return F.interpolate(x, (max(height, self.side), max(width, self.side)), mode="nearest")


class Patches(Nearest):
    """``Nearest`` with patches of 3×3 features: which of them lie side by side counts too. Slower."""

    side = 3
    places = 8192


def _drawn(rows: Tensor, wanted: Tensor, weight: Tensor | None) -> Tensor:
    """Mean square of rows ``(N, C)`` less their nearest in ``wanted`` ``(M, C)``, and of ``wanted`` less theirs, halved."""
    with torch.no_grad():
        forth, back = _matched(rows.detach(), wanted, weight)
    kind = torch.float64 if rows.dtype == torch.float64 else torch.float32
    size = wanted.square().sum(1).mean().clamp_min(1e-12)
    there = rows.new_zeros((), dtype=kind)
    for start in range(0, len(rows), _ROWS):
        part = slice(start, start + _ROWS)
        error = (rows[part].to(kind) - wanted[forth[part]]).square().sum(1)
        there = there + (error.sum() if weight is None else (error * weight[part]).sum())
    there = there / (len(rows) if weight is None else weight.sum())
    here = (rows[back].to(kind) - wanted).square().sum(1).mean()
    return (there + here) / (2 * size)


def _matched(rows: Tensor, wanted: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """The nearest in ``wanted`` of every row, and the nearest row of every one in ``wanted``: places, by cosine."""
    share = rows.new_ones(len(rows), dtype=wanted.dtype) if weight is None else weight.to(wanted.dtype)
    mean = (share / share.sum()) @ rows.to(wanted.dtype)
    # In the encoder's own precision, which is the faster the lower: what is nearest is seldom near to a second.
    there = F.normalize(wanted - wanted.mean(0), dim=1).to(rows.dtype).mT.contiguous()
    forth = torch.empty(len(rows), dtype=torch.long, device=rows.device)
    best = rows.new_full((len(wanted),), -2.0)
    back = torch.zeros(len(wanted), dtype=torch.long, device=rows.device)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS].to(wanted.dtype) - mean
        alike = F.normalize(part, dim=1).to(rows.dtype) @ there
        forth[start : start + _ROWS] = alike.argmax(1)
        high, place = alike.max(0)
        better = high > best
        best = torch.where(better, high, best)
        back = torch.where(better, place + start, back)
    return forth, back
