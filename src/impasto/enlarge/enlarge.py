"""A picture twice or four times as large: by the net, and then held to what was given."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.enlarge.net import Enlarger, load_enlarger
from impasto.errors import InputError

__all__ = ["TIMES", "enlarge", "held_to", "shrunk"]

TIMES = (2, 4)

_BLOCK = 384  # side of the pieces that the net works on: whole, a large picture would take a kilobyte a pixel


@torch.no_grad()
def enlarge(image: Tensor, times: int, net: Enlarger | None = None) -> Tensor:
    """``image`` ``(1, 3, H, W)``, 0..1, at ``times`` H × ``times`` W, ``times`` one of ``TIMES``.

    Made smaller again it is ``image``, nearly: the net adds what is finer, and is not believed in what is coarser.
    """
    if times not in TIMES:
        raise InputError(f"--times {times}: expected {' or '.join(map(str, TIMES))}")
    net = net or load_enlarger()
    large = image
    for _ in range(times // 2):
        large = held_to(_twice(large, net).clamp(0, 1), large, rounds=1)
    return held_to(large, image, rounds=1) if times > 2 else large


def shrunk(image: Tensor, times: int) -> Tensor:
    """``image`` at one ``times``-th of its height and width: bicubic, antialiased."""
    return F.interpolate(image, scale_factor=1 / times, mode="bicubic", align_corners=False, antialias=True)


def held_to(large: Tensor, small: Tensor, rounds: int) -> Tensor:
    """``large``, 0..1, drawn towards those pictures that ``shrunk`` makes ``small`` of.

    Back-projection (Irani and Peleg 1991): what is missing at the small size is enlarged and added, ``rounds`` times.
    """
    times = large.shape[3] // small.shape[3]
    for _ in range(rounds):
        missing = small - shrunk(large, times)
        more = F.interpolate(missing, scale_factor=times, mode="bicubic", align_corners=False)
        large = (large + more).clamp(0, 1)
    return large


def _twice(image: Tensor, net: Enlarger) -> Tensor:
    """``net(image)`` piece by piece: equal to the whole at once, since every piece brings as much as the net sees."""
    height, width = image.shape[2:]
    large = image.new_empty((1, 3, 2 * height, 2 * width))
    edge = net.radius
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            bottom, right = min(height, top + _BLOCK), min(width, left + _BLOCK)
            y, x = max(0, top - edge), max(0, left - edge)
            piece = net(image[:, :, y : bottom + edge, x : right + edge])
            inner = piece[:, :, 2 * (top - y) : 2 * (bottom - y), 2 * (left - x) : 2 * (right - x)]
            large[:, :, 2 * top : 2 * bottom, 2 * left : 2 * right] = inner
    return large
