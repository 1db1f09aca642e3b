"""A unit that adds to what it is shown: much seen for little arithmetic."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Residual"]


class Residual(nn.Module):
    """An inverted residual (Sandler et al. 2018): each channel's own ``kernel``, up ``expansion`` times, a ReLU, and down.

    ``(B, C, H, W)`` to ``(B, C, H, W)``. It sees as much as a convolution of as many channels for a part of its
    arithmetic: half of it, with an expansion of 2.
    """

    stride = (1, 1)

    def __init__(self, channels: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = channels
        self.hidden = channels * expansion
        self.depth = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        self.wide = nn.Conv2d(channels, self.hidden, 1)
        self.narrow = nn.Conv2d(self.hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        # Not in place: what is added to may be a tap's map.
        found: Tensor = self.narrow(F.relu_(self.wide(self.depth(x))))
        return x + found
