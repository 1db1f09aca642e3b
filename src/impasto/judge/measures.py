"""What can be measured of a painting; each measure is a number of plain tensors, and says where it comes from.

Maps are ``(1, C, H, W)``, pictures ``(1, 3, H, W)``, sRGB, 0..1. Distances are relative where the literature's are not:
0 is the target itself, and about 1 has nothing of it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.see.stats import Gram, Moments

__all__ = [
    "chroma_grain",
    "colour_distance",
    "gram_distance",
    "luma",
    "map_distance",
    "similarity_distance",
    "structural_similarity",
    "wasserstein_distance",
]

_ROWS = 512  # rows of a self-similarity matrix worked on together: 4096² of them would take 67 MB each time


@torch.no_grad()
def gram_distance(found: Tensor, wanted: Tensor) -> float:
    """``|G - G*|² / |G*|²`` of the maps' Gram matrices ``F Fᵀ / (H W)`` (Gatys et al. 2016, made relative)."""
    gram = Gram()
    return float(gram.distance(gram.describe(found.float()), gram.describe(wanted.float())))


@torch.no_grad()
def wasserstein_distance(found: Tensor, wanted: Tensor) -> float:
    """Squared Wasserstein-2 distance of two Gaussians with the maps' means and covariances, over ``|μ*|² + tr Σ*``.

    Mroueh 2020, and the loss of style-transfer-pytorch. In double precision: roots of roots lose half the digits.
    """
    moments = Moments()
    # On the CPU: not every card has double precision.
    return float(moments.distance(*(moments.describe(maps.cpu().double()) for maps in (found, wanted))))


@torch.no_grad()
def map_distance(found: Tensor, wanted: Tensor) -> float:
    """``|F - F*|² / |F*|²`` (content of Gatys et al. 2016, made relative)."""
    return float((found - wanted).float().square().sum() / wanted.float().square().sum().clamp_min(1e-12))


@torch.no_grad()
def similarity_distance(found: Tensor, wanted: Tensor) -> float:
    """How differently the places of two maps resemble each other, in nats: CFSD of Chung et al. 2024 (StyleID).

    ``S = F Fᵀ`` over places, and the mean over places of ``KL(softmax S* ‖ softmax S)``. The paper divides ``F`` by the
    number of channels, which suits the scale of one set of weights alone; with another a softmax is flat or takes a
    single place. So here each map is divided by its own mean length over places: weights of any scale compare.
    """
    a, b = (_places(x) for x in (wanted, found))
    total = 0.0
    for rows_a, rows_b in zip(a.split(_ROWS), b.split(_ROWS), strict=True):
        p, q = (torch.log_softmax(rows @ every.T, 1) for rows, every in ((rows_a, a), (rows_b, b)))
        total += float(F.kl_div(q, p, reduction="sum", log_target=True))
    return max(total / a.shape[0], 0.0)


def _places(maps: Tensor) -> Tensor:
    """``(H W, C)``, of length 1 in the root mean square over places."""
    rows = maps[0].float().flatten(1).T
    return rows / rows.square().sum(1).mean().sqrt().clamp_min(1e-12)


@torch.no_grad()
def structural_similarity(found: Tensor, wanted: Tensor) -> float:
    """SSIM of two pictures' luminance, 1 for equal ones (Wang et al. 2004).

    Gaussian window of 11 pixels and deviation 1.5, ``K₁`` 0.01, ``K₂`` 0.03; the mean over windows that lie inside.
    """
    x, y = luma(found), luma(wanted)
    ax = torch.arange(-5, 6, dtype=x.dtype, device=x.device)
    window = torch.exp(-ax.square() / (2 * 1.5**2))
    window = window / window.sum()

    def mean(image: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(image, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))

    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    ssim = ((2 * mx * my + c1) * (2 * xy + c2)) / ((mx * mx + my * my + c1) * (xx + yy + c2))
    return float(ssim.mean())


@torch.no_grad()
def colour_distance(found: Tensor, wanted: Tensor) -> float:
    """Hellinger distance of two pictures' RGB-uv histograms, 0..1 (Afifi et al. 2021, HistoGAN)."""
    a, b = (_histogram(image) for image in (found, wanted))
    return float((a.sqrt() - b.sqrt()).square().sum().sqrt() / math.sqrt(2))


def _histogram(image: Tensor, bins: int = 64, width: float = 0.02) -> Tensor:
    """``(3, bins, bins)``, sums to 1: each channel's log-chroma against the other two, weighted by intensity."""
    flat = image[0].cpu().double().clamp(0, 1).flatten(1)
    logs, intensity = (flat + 1e-6).log(), flat.square().sum(0).add(1e-12).sqrt()
    centres = torch.linspace(-3, 3, bins, dtype=flat.dtype, device=flat.device)
    found = []
    for channel in range(3):
        first, second = (other for other in range(3) if other != channel)
        u, v = (
            1 / (1 + ((logs[channel] - logs[other])[:, None] - centres).div(width).square())
            for other in (first, second)
        )
        found.append((u * intensity[:, None]).T @ v)
    histogram = torch.stack(found)
    return histogram / histogram.sum().clamp_min(1e-12)


def chroma_grain(image: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels in the two chroma channels (BT.601), down plus across."""
    r, g, b = image[0].cpu().double()
    chroma = torch.stack([-0.169 * r - 0.331 * g + 0.5 * b, 0.5 * r - 0.419 * g - 0.081 * b])
    return float(chroma.diff(dim=1).abs().mean() + chroma.diff(dim=2).abs().mean())


def luma(image: Tensor) -> Tensor:
    """``(1, 1, H, W)``, BT.601, in double precision: a variance is a difference of near-equal numbers."""
    red, green, blue = image.cpu().double().split(1, 1)
    weighted: Tensor = 0.299 * red + 0.587 * green + 0.114 * blue
    return weighted
