"""Painting around what is protected: it stays on the canvas, is seen with the rest, and is not asked to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.loss.terms import ClassicContent, ClassicStyle, Match, Style, Term
from impasto.paint.canvas import PixelCanvas
from impasto.see import tiling
from impasto.see.encoder import Encoder

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

    Descriptions average over places, so that of the whole is to be the painting's for the share that is painted and the
    photograph's own for the rest: then what is painted has the painting's alone, and need not outweigh what it borders
    on. The weights rise as the share falls, as if the rest were not there.
    """
    styles = [term for term in terms if isinstance(term, (Style, ClassicStyle))]
    own, shares = _described(encoder, photo, matte, styles, block)
    painted = max(_LEAST, 1 - float(matte.mean()))
    found: list[Term] = []
    for term in terms:
        if isinstance(term, (Style, ClassicStyle)):
            share = min(shares[term.layer], 1 - _LEAST)
            target = term.target * (1 - share) + own[term.layer].to(term.target) * share
            factor = 1 / (1 - share) ** 2
            if isinstance(term, Style):
                factor *= float(target.square().sum() / term.target.square().sum().clamp_min(1e-12))
            found.append(replace(term, target=target, weight=term.weight * factor))
        elif isinstance(term, (Match, ClassicContent)) and term.name == "content":
            found.append(replace(term, weight=term.weight / painted))
        else:
            found.append(term)
    return tuple(found)


def _described(
    encoder: Encoder, photo: Tensor, matte: Tensor, styles: Sequence[Style | ClassicStyle], block: int
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """By layer: the description of what is protected, and its share of the places."""
    height, width = photo.shape[2:]
    statistics = {term.layer: term.statistic for term in styles}
    masks = {}
    for layer in statistics:
        stride = encoder.stride(layer)
        masks[layer] = F.interpolate(matte, (height // stride, width // stride), mode="area")
    sums: dict[str, Tensor] = {}
    for piece in tiling.blocks(encoder, height, width, block):
        maps = encoder(piece.cut(photo), list(statistics))
        for layer, statistic in statistics.items():
            stride = encoder.stride(layer)
            rows, columns = piece.inner(stride, *masks[layer].shape[2:])
            mask = masks[layer][:, :, rows, columns]
            count = float(mask.sum())
            if count > 0:
                part = statistic.describe(piece.trim(maps[layer], stride), mask) * count
                sums[layer] = sums[layer] + part if layer in sums else part
    counts = {layer: float(mask.sum()) for layer, mask in masks.items()}
    shares = {layer: float(mask.mean()) for layer, mask in masks.items()}
    own = {layer: sums[layer] / counts[layer] if layer in sums else torch.zeros(()) for layer in statistics}
    return own, shares
