"""A picture in regions, each painted with a weight and from a place of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.paint.targets import StyleTargets

__all__ = ["fit_regions", "region_colours", "weight_maps"]

_GRAIN = 0.1  # standard deviation of the noise in a start of flat colours, which alone would give no texture a hold


def fit_regions(regions: Tensor, height: int, width: int) -> Tensor:
    """Regions ``(1, R, H, W)`` at another size; where a pixel lies in several, each has its share."""
    if regions.shape[2:] == (height, width):
        return regions
    return F.interpolate(regions, (height, width), mode="area")


def weight_maps(guides: Mapping[str, Tensor], weights: Sequence[float]) -> tuple[float, dict[str, Tensor]]:
    """The highest of the regions' ``weights``, and at every layer each place's own as a share of it, ``(1, 1, h, w)``."""
    highest = max(weights)
    shares = [weight / highest if highest else 0.0 for weight in weights]
    return highest, {
        layer: (guide * guide.new_tensor(shares)[None, :, None, None]).sum(1, keepdim=True)
        for layer, guide in guides.items()
    }


def region_colours(regions: Tensor, targets: StyleTargets, seed: int) -> Tensor:
    """A start: every region of ``(1, R, H, W)`` in the mean colour of what it will be painted from, with a little noise."""
    colours = []
    for region in range(regions.shape[1]):
        sums, total = torch.zeros(3), 0.0
        for style in (style for style in targets.styles if style.region in (None, region)):
            weight = torch.ones_like(style.image[:, :1]) if style.alpha is None else style.alpha
            if style.regions is not None:
                weight = weight * fit_regions(style.regions[:, region : region + 1], *style.image.shape[2:])
            mean = (style.image * weight).sum((0, 2, 3)) / weight.sum().clamp_min(1e-8)
            sums, total = sums + mean.cpu() * style.weight, total + style.weight
        colours.append(sums / max(total, 1e-8))
    flat = torch.einsum("brhw,rc->bchw", regions, torch.stack(colours).to(regions))
    random = torch.Generator().manual_seed(seed)
    return (flat + _GRAIN * torch.randn(flat.shape, generator=random).to(flat)).clamp(0, 1)
