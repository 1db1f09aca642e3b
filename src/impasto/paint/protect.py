"""Painting around what is protected: it stays on the canvas, is seen with the rest, and is not asked to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from impasto.loss.terms import (
    ClassicContent,
    ClassicStyle,
    Grain,
    Grey,
    Laplacian,
    Match,
    Smooth,
    Style,
    Temporal,
    Term,
)
from impasto.paint.canvas import PixelCanvas
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.stats import chroma_grain

__all__ = ["ProtectedCanvas", "around"]

_LEAST = 1e-3  # share of a picture that is painted, below which its weights rise no further


class ProtectedCanvas(PixelCanvas):
    """Pixels under a protected part of ``photo``: what is seen is both, what is optimised is the pixels alone."""

    def __init__(self, image: Tensor, photo: Tensor, matte: Tensor, *, grey: bool = False) -> None:
        super().__init__(image, grey=grey)
        self.photo, self.matte = photo, matte

    def forward(self) -> Tensor:
        pixels = super().forward()
        return pixels + (self.photo - pixels) * self.matte


@torch.no_grad()
def around(terms: Sequence[Term], encoder: Encoder, photo: Tensor, matte: Tensor, block: int) -> tuple[Term, ...]:
    """``terms`` for a picture of which ``matte`` ``(1, 1, H, W)`` is to stay ``photo``.

    A style is asked of what is painted alone, by a mask: else the painted part would have to outweigh the rest. The
    classic losses know no masks. Their target is mixed: the painting's for the share that is painted, the photograph's
    own description for the rest, since descriptions average over places. A region counts by what is painted of it, and
    one of which nothing is painted not at all. All else that is a mean over places counts as if the rest were not there.
    """
    painted = max(_LEAST, 1 - float(matte.mean()))
    found: list[Term] = []
    for term in terms:
        if isinstance(term, Style):
            free = 1 - encoder.averaged(matte, term.layer)
            if term.mask is None:
                found.append(replace(term, mask=free))
            elif covered := float((free * term.mask).mean()):
                # Its share of what is painted, where it had its share of the picture.
                share = covered / (float(term.mask.mean()) * float(free.mean()))
                found.append(replace(term, mask=free * term.mask, weight=term.weight * share))
        elif isinstance(term, ClassicStyle):
            kept = encoder.averaged(matte, term.layer)
            share = min(float(kept.mean()), 1 - _LEAST)
            masks = {term.layer: kept}
            own = tiling.describe(encoder, photo, [term.layer], term.statistic, block, masks)[term.layer]
            target = term.target * (1 - share) + own.to(term.target) * share
            found.append(replace(term, target=target, weight=term.weight / (1 - share) ** 2))
        elif isinstance(term, Grain):
            still = chroma_grain(photo, matte)
            found.append(replace(term, target=term.target * painted, still=still.to(term.target)))
        elif isinstance(term, (Match, ClassicContent, Laplacian, Smooth, Grey, Temporal)):
            found.append(replace(term, weight=term.weight / painted))
        else:
            found.append(term)
    return tuple(found)
