"""Muon: momentum whose step is made orthogonal, for the matrices of a net (Jordan et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonal"]


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """``matrix`` ``(M, N)`` with all its singular values brought near 1, by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / matrix.norm().clamp_min(1e-12)
    tall = x.shape[0] > x.shape[1]
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x  # type: ignore[no-any-return]


class Muon(torch.optim.Optimizer):
    """Steps of ``lr`` times each weight's own norm, in the orthogonalised direction of Nesterov's momentum.

    Convolutions count as matrices ``(out, in × height × width)``. Relative steps suit weights whose scale does not
    matter or is right already. A distillation came further with it than with AdamW in as many steps.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 0.01, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].mul_(group["momentum"]).add_(weight.grad)
                ahead = weight.grad + group["momentum"] * state["momentum"]
                way = orthogonal(ahead.flatten(1).float())
                length = group["lr"] * weight.norm() / way.norm().clamp_min(1e-12)
                weight.sub_(length * way.view(weight.shape))
