"""An objective that sees the picture at its own size and at half of it, a quarter, and so on.

An encoder's deepest layer reaches over so many pixels. Of a picture of 2048 that is a small part: it sees how paint lies
on the canvas, and no longer how strokes follow each other. Asked at every octave, the picture is painted at all of them
(pyramids of Gram matrices: Snelgrove, "High-resolution multi-scale neural texture synthesis", SIGGRAPH Asia 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.loss.blocks import Known
from impasto.loss.terms import Losses
from impasto.runtime import LARGE, give_back

__all__ = ["Octave", "Octaves"]


@dataclass(frozen=True)
class Octave:
    """What is wanted of the picture made smaller, to ``height`` × ``width``."""

    height: int
    width: int
    objective: Callable[[Tensor], Losses]


@dataclass(frozen=True)
class Octaves:
    """The sum of ``fine``, of the picture ``(B, 3, H, W)`` as it is, and of the ``coarser`` octaves, each half as large.

    They are looked at one after another, and of each only its gradient is kept: beside what ``fine`` alone takes they need
    their own pictures, a third of it together.
    """

    fine: Callable[[Tensor], Losses]
    coarser: Sequence[Octave]

    def __call__(self, image: Tensor) -> Losses:
        large = image.shape[2] * image.shape[3] >= LARGE
        small = image.detach()
        seen = [_seen(self.fine, small, image.requires_grad)]
        for octave in self.coarser:
            small = F.interpolate(small, (octave.height, octave.width), mode="area")
            seen.append(_seen(octave.objective, small, image.requires_grad))
            if large:
                give_back()  # what a small picture's blocks leave lies beside a large one
        parts: dict[str, Tensor] = {}
        for losses, _ in seen:
            for name, value in losses.parts.items():
                parts[name] = parts[name] + value if name in parts else value
        total = torch.stack([losses.total for losses, _ in seen]).sum()
        if not image.requires_grad:
            return Losses(total, parts)
        # From the coarsest on: each was made of the one above it.
        slope = reduce(_spread, [slope for _, slope in reversed(seen) if slope is not None])
        return Losses(Known.apply(image, total, slope), parts)  # type: ignore[no-untyped-call]


def _seen(objective: Callable[[Tensor], Losses], image: Tensor, graded: bool) -> tuple[Losses, Tensor | None]:
    """A loss that is gone back through at once, so that no maps are held any more; and its gradient, if it is asked for."""
    leaf = image.detach().requires_grad_(graded)
    losses = objective(leaf)
    if not graded:
        return losses, None
    wanted = losses.total.requires_grad  # else nothing of it hangs on the picture
    slope = torch.autograd.grad(losses.total, leaf)[0] if wanted else torch.zeros_like(leaf)
    return Losses(losses.total.detach(), losses.parts), slope


def _spread(below: Tensor, slope: Tensor) -> Tensor:
    """``slope``, the gradient by a picture, and what ``below``, the gradient by the same made smaller, adds to it.

    Channel by channel: all at once would be another picture, at 64 megapixels of 770 MB.
    """
    batch, channels, *shape = slope.shape
    for channel in range(channels):
        one = slope.new_zeros(()).expand(batch, 1, *shape).requires_grad_()
        with torch.enable_grad():
            small = F.interpolate(one, below.shape[2:], mode="area")
        slope[:, channel : channel + 1] += torch.autograd.grad(small, one, below[:, channel : channel + 1])[0]
    return slope
