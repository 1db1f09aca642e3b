"""How far a student's answers are from its teacher's: maps, Gram matrices, and what steers a painting."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from impasto.see.encoder import Encoder, Features
from impasto.see.stats import gram
from impasto.train.options import TAPS

__all__ = ["relative_change", "relative_gram", "relative_lack", "relative_maps", "unexplained"]


def relative_maps(found: Tensor, wanted: Tensor) -> Tensor:
    """Share of the teacher's variance that is not explained: ``|t̂ - t|² / |t - mean t|²``, over the batch."""
    # Norms that add up in float32 read half-precision maps as they are: a GPU waits for its memory here.
    count = wanted.numel() / wanted.shape[1]
    mean = wanted.mean((0, 2, 3), dtype=torch.float32)
    spread = _square(wanted) / count - mean.square().sum()
    return _square(found - wanted) / count / spread.clamp_min(1e-12)


def relative_gram(found: Tensor, wanted: Tensor) -> Tensor:
    """``|Ĝ - G|² / |G|²`` of each picture's own Gram matrix, mean over the batch."""
    g, h = gram(found), gram(wanted)
    return ((g - h).square().sum((1, 2)) / h.square().sum((1, 2)).clamp_min(1e-12)).mean()


def relative_lack(found: Tensor, wanted: Tensor) -> Tensor:
    """Share of ``G(x) - G(s)`` that is not seen, of pairs ``x`` then ``s`` along the batch: what steers a painting.

    A Gram matrix that is wrong for both in the same way is right here, and a small difference counts as much as a large.
    """
    a, b = (gram(maps).unflatten(0, (2, -1)) for maps in (found, wanted))
    size = b[1].square().sum((1, 2))
    a, b = a[0] - a[1], b[0] - b[1]
    lack: Tensor = (a - b).square().sum((1, 2)) / (b.square().sum((1, 2)) + 0.05 * size).clamp_min(1e-12)
    return lack.mean()


def relative_change(found: Tensor, wanted: Tensor) -> Tensor:
    """Share of ``F(x) - F(c)`` that is not seen, of pictures ``x`` then their photographs ``c`` along the batch.

    What is wrong of both in the same way does not count: the content's gradient is of their difference.
    """
    a, b = (maps.unflatten(0, (2, -1)) for maps in (found, wanted))
    a, b = a[0] - a[1], b[0] - b[1]
    return _square(a - b) / _square(b).clamp_min(1e-12)


def _square(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dtype=torch.float32)
    return length.square()


@torch.no_grad()
def unexplained(
    student: Encoder, teacher: Callable[[Tensor], Features], images: Tensor, batch: int = 8
) -> dict[str, float]:
    """Unexplained variance per tap of ``images`` ``(N, 3, H, W)``; the student answers in the teacher's channels."""
    wrong = dict.fromkeys(TAPS, 0.0)
    sums: dict[str, list[Tensor]] = {tap: [] for tap in TAPS}
    count = 0
    for part in images.split(batch):
        t, s = teacher(part), student(part, TAPS)
        for tap in TAPS:
            true = t[tap].double()
            wrong[tap] += float((s[tap].double() - true).square().sum()) / true[0, 0].numel()
            sums[tap].append(torch.stack([true.mean((2, 3)).sum(0), true.square().mean((2, 3)).sum(0)]))
        count += len(part)
    out = {}
    for tap in TAPS:
        first, second = torch.stack(sums[tap]).sum(0) / count
        out[tap] = wrong[tap] / count / float((second - first.square()).sum())
    return out
