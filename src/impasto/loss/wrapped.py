"""A picture without edges: what leaves it on one side comes in on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.loss.terms import Losses

__all__ = ["Wrapped"]


@dataclass(frozen=True)
class Wrapped:
    """An objective that sees the picture rolled round by another random step every time it is asked.

    Where its borders meet is then somewhere inside, and is asked to look like any other place. Padding the picture with
    itself would say the same for every look, but at small sizes the padding is many times the picture.
    """

    objective: Callable[[Tensor], Losses]
    random: torch.Generator

    def __call__(self, image: Tensor) -> Losses:
        steps = [int(torch.randint(length, (), generator=self.random)) for length in image.shape[2:]]
        return self.objective(image.roll(steps, (2, 3)))
