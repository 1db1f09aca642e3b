"""Where a feature looks: regions of a picture carried down to the maps of an encoder.

A region at a deep layer is not the region made small: a feature sees a neighbourhood, and near a border it sees both sides.
So each region goes the way of the picture, through windows where the encoder has convolutions and averages where it
halves, and comes out as the share of what each place sees that lies in it (the guidance channels of Gatys et al. 2017).
The regions of a place sum to 1 at every layer.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor

from impasto.see.encoder import ChainEncoder, Encoder, Features

__all__ = ["GuideEncoder"]


class GuideEncoder(Encoder):
    """Regions ``(1, R, H, W)``, 0..1, become ``{layer: (1, R, H/stride, W/stride)}`` at the layers of ``encoder``.

    It is called as the encoder itself is, and sees as far, so that regions too can be seen in blocks.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.name, self.layers, self.radius = f"{encoder.name} guide", encoder.layers, encoder.radius
        self.fills, self.steps = encoder.fills, _steps(encoder)

    def forward(self, image: Tensor, wanted: Iterable[str]) -> Features:
        left = set(wanted)
        maps = {"pixels": image} if "pixels" in left else {}
        left.discard("pixels")
        if not self.steps:  # a network of one's own, of which only the strides are known
            for layer in left:
                maps[layer] = self.averaged(image, layer)
            return maps
        x = self.filled(image)
        for halve, stride, kernel, names in self.steps:
            if not left:
                break
            x = F.avg_pool2d(x, 2) if halve else x
            x = _window(x, stride, kernel)
            for name in left & names:
                maps[name] = x
            left -= names
        return maps


def _window(x: Tensor, stride: int, kernel: int) -> Tensor:
    """The mean of the 3×3 neighbours (4×4 with stride 2) that are there: nothing outside the picture counts."""
    if stride == 1:
        return F.avg_pool2d(x, kernel, 1, kernel // 2, count_include_pad=False) if kernel > 1 else x
    return F.avg_pool2d(x, 2 * stride, stride, stride // 2, count_include_pad=False)


def _steps(encoder: Encoder) -> list[tuple[bool, int, int, set[str]]]:
    """Of each unit: whether maps are halved before it, its stride and kernel, and the layers that are read behind it."""
    if not isinstance(encoder, ChainEncoder):
        return []
    return [(halve, stride, side, set(encoder.read_at(layer))) for layer, halve, stride, side in encoder.plan]
