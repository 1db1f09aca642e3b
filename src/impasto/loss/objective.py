"""An encoder and the terms it serves: one look at the picture, one sum."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.loss.terms import Losses, Term
from impasto.see.encoder import Encoder

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """Calling it with an image ``(B, 3, H, W)`` encodes once and sums the terms; float32, whatever the encoder's.

    Rebuilt whenever a target changes: it is two fields, so nothing can be forgotten in it.
    """

    encoder: Encoder
    terms: tuple[Term, ...]

    def __call__(self, image: Tensor) -> Losses:
        maps = self.encoder(image, {term.layer for term in self.terms})
        parts: dict[str, Tensor] = {}
        total = torch.zeros((), device=image.device)
        for term in self.terms:
            value = term(maps[term.layer]) * term.weight
            total = total + value
            parts[term.name] = parts[term.name] + value.detach() if term.name in parts else value.detach()
        return Losses(total, parts)
