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
    ``(1, 1, H, W)`` is 1 where the photograph is put back, as ``original`` has it if there is one.
    """

    content: Tensor
    space: str = ""
    matte: Tensor | None = None
    original: Tensor | None = None

    def __call__(self, painted: Tensor) -> Tensor:
        if not self.space and self.matte is None:
            return painted
        photo = resize_to(self.content, *painted.shape[2:]).to(painted)
        if self.space:
            painted = keep_colors(painted, photo, self.space)
        if self.matte is not None:
            if self.original is not None:
                photo = resize_to(self.original, *painted.shape[2:]).to(painted)
            matte = resize_to(self.matte, *painted.shape[2:]).to(painted)
            mixed = painted + (photo - painted) * matte
            painted = torch.where(matte >= _WHOLE, photo, torch.where(matte <= 1 - _WHOLE, painted, mixed))
        return painted
