"""Seams: straight lines across which a picture jumps more than beside them, as tiles leave behind.

Along the line between two rows (or columns) the slope across it is compared with the slopes on either side of it. An edge
that belongs to the picture wanders off the line or is only a part of it; a seam runs all along it.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["edge_seam", "seam"]

_NEAR = 8  # lines to each side that one is compared with
_FLAT = 1e-3  # a jump of a quarter of an 8-bit step: below it there is nothing to see


@torch.no_grad()
def seam(image: Tensor, block: int = 0) -> float:
    """The worst seam in an image ``(1, 3, H, W)``, 0..1: how many times as much it jumps there as on lines nearby.

    ``block`` is the side of the tiles that it was made of, in pixels: the mean over their lines. 0 looks for the worst
    line anywhere, for a picture of unknown making; a horizon shows there as well. About 1 is no seam.
    """
    found: list[float] = []
    for dim in (2, 3):
        jumps = _jumps(image, dim)
        if jumps.numel() < 3:
            continue
        ratios = _against_near(jumps)
        if block:
            # Line k lies between pixels k + 1 and k + 2: the first that has two neighbours on each side.
            lines = range(block - 2, len(ratios), block)
            found += [float(ratios[line]) for line in lines if line >= 0]
        else:
            found.append(float(ratios.max()))
    if not found:
        return 1.0
    return sum(found) / len(found) if block else max(found)


def edge_seam(image: Tensor) -> float:
    """The worst of the two seams that appear where copies of ``image`` are laid side by side; about 1 is none."""
    found = []
    for dim in (2, 3):
        half = image.shape[dim] // 2
        ratios = _against_near(_jumps(image.roll(half, dim), dim))
        found.append(float(ratios[half - 2]))
    return max(found)


def _jumps(image: Tensor, dim: int) -> Tensor:
    """For every line with two pixels on each side: ``mean |g - (g₋ + g₊) / 2|`` of the slopes ``g`` across it."""
    slope = image.cpu().double().diff(dim=dim)
    length = slope.shape[dim]
    here = slope.narrow(dim, 1, max(length - 2, 0))
    beside = slope.narrow(dim, 0, max(length - 2, 0)) + slope.narrow(dim, 2, max(length - 2, 0))
    return (here - beside / 2).abs().mean([d for d in range(4) if d != dim])


def _against_near(jumps: Tensor) -> Tensor:
    """Every line's jump over the median of those near it; its next neighbours share its pixels and are left out."""
    padded = torch.nn.functional.pad(jumps, (_NEAR, _NEAR), value=float("nan"))
    near = padded.unfold(0, 2 * _NEAR + 1, 1).clone()
    near[:, _NEAR - 1 : _NEAR + 2] = float("nan")
    # A line with nothing to compare it with, in a picture of a few pixels, is no seam.
    usual = near.nanmedian(1).values.nan_to_num(float("inf"))
    return torch.where(usual.isinf(), torch.ones_like(jumps), (jumps + _FLAT) / (usual + _FLAT))
