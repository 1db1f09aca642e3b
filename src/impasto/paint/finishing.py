"""What is done to a painted picture at the end, and to every preview of it: colours kept, parts put back.

Nothing here takes long: it works on pixels alone, whatever their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.media.color import keep_colors
from impasto.media.image import resize_to

__all__ = ["Finishing"]

_WHOLE = 1 - 0.5 / 255  # a matte that an 8-bit file calls white


@dataclass(frozen=True)
class Finishing:
    """Call it with a painting ``(1, 3, H, W)`` of any size.

    ``content`` is the photograph, opaque; ``space`` is where its chroma is kept, empty where it is not; ``matte``
    ``(1, 1, H, W)`` is 1 where the photograph is put back, as ``original`` has it if there is one; ``tinted``
    ``(1, 1, H, W)`` is 1 where the chroma is kept, None: everywhere.
    """

    content: Tensor
    space: str = ""
    matte: Tensor | None = None
    original: Tensor | None = None
    tinted: Tensor | None = None

    def __call__(self, painted: Tensor) -> Tensor:
        if not self.space and self.matte is None:
            return painted
        photo = resize_to(self.content, *painted.shape[2:]).to(painted)
        if self.space:
            kept = keep_colors(painted, photo, self.space)
            painted = kept if self.tinted is None else _laid(painted, kept, self.tinted)
        if self.matte is not None:
            if self.original is not None:
                photo = resize_to(self.original, *painted.shape[2:]).to(painted)
            painted = _laid(painted, photo, self.matte)
        return painted


def _laid(painted: Tensor, other: Tensor, matte: Tensor) -> Tensor:
    """``other`` over ``painted``, both of one size, where ``matte`` is 1: to the last bit, as the other where it is 0."""
    matte = resize_to(matte, *painted.shape[2:]).to(painted)
    mixed = painted + (other - painted) * matte
    return torch.where(matte >= _WHOLE, other, torch.where(matte <= 1 - _WHOLE, painted, mixed))
