"""An objective that sees the picture at its own size and at half of it, a quarter, and so on.

An encoder's deepest layer reaches over so many pixels. Of a picture of 2048 that is a small part: it sees how paint lies
on the canvas, and no longer how strokes follow each other. Asked at every octave, the picture is painted at all of them
(pyramids of Gram matrices: Snelgrove, "High-resolution multi-scale neural texture synthesis", SIGGRAPH Asia 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.loss.blocks import Known
from impasto.loss.terms import Losses

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

    They are looked at one after another, the coarser first: of each only its gradient is kept, which is a quarter of a picture
    at the most, so that no more memory is needed than for ``fine`` alone.
    """

    fine: Callable[[Tensor], Losses]
    coarser: Sequence[Octave]

    def __call__(self, image: Tensor) -> Losses:
        small, parts = image, dict[str, Tensor]()
        totals: list[Tensor] = []
        for octave in self.coarser:
            small = F.interpolate(small, (octave.height, octave.width), mode="area")
            seen = small.detach().requires_grad_(small.requires_grad)
            found = octave.objective(seen)
            if found.total.requires_grad:  # else nothing of what is wanted hangs on the picture
                (slope,) = torch.autograd.grad(found.total, seen)
                totals.append(Known.apply(small, found.total.detach(), slope))
            else:
                totals.append(found.total)
            _add(parts, found.parts)
        found = self.fine(image)
        return Losses(sum(totals, found.total), _add(dict(found.parts), parts))


def _add(parts: dict[str, Tensor], more: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for name, value in more.items():
        parts[name] = parts[name] + value if name in parts else value
    return parts
