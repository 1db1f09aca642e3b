"""What is only kept beside a large picture is kept small: at 64 megapixels a picture in float32 takes 770 MB."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto import runtime

__all__ = ["LARGE", "Kept", "is_large"]

LARGE = 3 * runtime.LARGE  # numbers
_STRIP = 1 << 20
_STEPS = 65535  # of 16 bits: what the finest file can hold


def is_large(x: Tensor) -> bool:
    """Whether what is kept beside ``x`` should be kept small."""
    return x.numel() >= LARGE


class Kept:
    """A copy of ``x`` of any shape, or of a ``share`` of it. A large one whose numbers are all in 0..1 is kept in 16 bits,
    to 1 in 65,535."""

    def __init__(self, x: Tensor, share: float = 1.0) -> None:
        self.shape = x.shape
        self._small = is_large(x) and _within(x)
        if self._small:
            self._data = torch.full((x.numel(),), -(_STEPS // 2 + 1), dtype=torch.int16, device=x.device)
            self.mix(x, 1 - share)
        else:
            self._data = x.detach().clone(memory_format=torch.contiguous_format)
            if share != 1:
                self._data *= share

    def put(self, x: Tensor) -> None:
        """Keep ``x``, of the same shape, instead; a number outside 0..1 that cannot be kept becomes the nearest."""
        self.mix(x, 0.0)

    def mix(self, x: Tensor, share: float) -> None:
        """Keep ``share`` of what is kept and ``1 - share`` of ``x``."""
        if not self._small:
            self._data.lerp_(x.detach(), 1 - share) if share else self._data.copy_(x.detach())
            return
        flat = x.detach().contiguous().view(-1)
        for piece, new in zip(self._data.split(_STRIP), flat.split(_STRIP), strict=True):
            value = new if not share else _read(piece).mul_(share).add_(new, alpha=1 - share)
            piece.copy_(value.clamp(0, 1).mul_(_STEPS).round_().sub_(_STEPS // 2 + 1))

    def get(self, factor: float = 1.0) -> Tensor:
        """What is kept, times ``factor``, as a new tensor in float32."""
        if not self._small:
            return self._data * factor
        out = torch.empty(self._data.numel(), device=self._data.device)
        for piece, target in zip(self._data.split(_STRIP), out.split(_STRIP), strict=True):
            torch.mul(_read(piece), factor, out=target)
        return out.view(self.shape)


def _read(codes: Tensor) -> Tensor:
    return codes.float().add_(_STEPS // 2 + 1).div_(_STEPS)


def _within(x: Tensor) -> bool:
    low, high = torch.aminmax(x.detach())
    return float(low) >= 0 and float(high) <= 1
