"""Batches of crops cut by processes of their own: a GPU learns from pictures faster than one process cuts them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from impasto.train.data import crops

__all__ = ["fed"]


@dataclass
class _Batches(Dataset[Tensor]):
    """Batch number *n* hangs on the seed and on *n* alone, whichever process cuts it."""

    images: Sequence[Tensor]
    weights: Sequence[float] | None
    size: int
    batch: int
    seed: int
    zoom: float

    def __getitem__(self, number: int) -> Tensor:
        random = torch.Generator().manual_seed(self.seed + 7919 * number)
        weights, zoom = self.weights, self.zoom
        return next(crops(self.images, self.size, self.batch, weights=weights, random=random, as_bytes=True, zoom=zoom))


class _From(Sampler[int]):
    """``first``, ``first + 1``, … without end."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self.first)


def fed(
    images: Sequence[Tensor],
    size: int,
    batch: int,
    *,
    workers: int,
    seed: int = 0,
    first: int = 0,
    weights: Sequence[float] | None = None,
    zoom: float = 0.7,
) -> Iterator[Tensor]:
    """As ``crops``, by ``workers`` processes and in bytes: ``(batch, 3, size, size)`` uint8, on the CPU.

    ``first`` is the number of the first batch: from there on they are those that another run had.
    """
    data = _Batches(images, weights, size, batch, seed, zoom)
    loader: DataLoader[Tensor] = DataLoader(
        data, batch_size=None, sampler=_From(first), num_workers=workers, pin_memory=torch.cuda.is_available()
    )
    return iter(loader)
