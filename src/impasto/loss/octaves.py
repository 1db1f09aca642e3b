"""An objective that sees the picture at its own size and at half of it, a quarter, and so on.

An encoder's deepest layer reaches over so many pixels. Of a picture of 2048 that is a small part: it sees how paint lies
on the canvas, and no longer how strokes follow each other. Asked at every octave, the picture is painted at all of them
(pyramids of Gram matrices: Snelgrove, "High-resolution multi-scale neural texture synthesis", SIGGRAPH Asia 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
        total, parts = _seen(self.fine, image)
        small = image
        for octave in self.coarser:
            small = F.interpolate(small, (octave.height, octave.width), mode="area")
            more, found = _seen(octave.objective, small)
            total = total + more
            for name, value in found.items():
                parts[name] = parts[name] + value if name in parts else value
            if large:
                give_back()  # what a small picture's blocks leave lies beside a large one
        return Losses(total, parts)


def _seen(objective: Callable[[Tensor], Losses], image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum and the parts of a loss that is gone back through at once: no maps are held any more."""
    leaf = image.detach().requires_grad_(image.requires_grad)
    losses = objective(leaf)
    total = losses.total
    if total.requires_grad:  # else nothing of what is wanted hangs on the picture
        (slope,) = torch.autograd.grad(total, leaf)
        total = Known.apply(image, total.detach(), slope)
    return total, dict(losses.parts)
