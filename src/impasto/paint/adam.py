"""Adam (Kingma and Ba 2015) for pictures of any size.

Our own, for two reasons. ``torch.optim`` brings ``torch._dynamo`` with it at the first optimiser that is made: a second
of every command. And its moments take two pictures in float32: at 64 megapixels 1.5 GB, where half does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from impasto.paint.thrift import is_large

__all__ = ["Adam"]

# Numbers worked on together: what lies between the moments and the picture never fills memory, and stays in the caches.
_STRIP = 1 << 20
_MOST = 6e4  # just under the largest number of half precision


class Adam:
    """Called as torch's optimisers are. ``state`` holds, by parameter, ``step``, ``mean`` and ``root``.

    ``mean`` is the average gradient and ``root`` the root of the average squared one, both times the parameter's count
    of numbers: a relative loss gives each pixel a share of the gradient that shrinks with their number, and half
    precision has no numbers that small. The root, and not the square, is what half precision has the range and the
    digits for; rounded to 1 in 2,048, it follows changes of a tenth.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": lr, "betas": betas, "eps": eps}]
        self.state: dict[Tensor, dict[str, Any]] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for parameter in self._parameters():
            parameter.grad = None

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Ask ``closure`` for the loss and its gradients, then go down once."""
        loss = None if closure is None else closure()
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._down(parameter, parameter.grad, **{key: group[key] for key in ("lr", "betas", "eps")})
        return loss

    def _down(self, parameter: Tensor, grad: Tensor, lr: float, betas: tuple[float, float], eps: float) -> None:
        count = parameter.numel()
        state = self.state.get(parameter)
        if state is None:
            kind = torch.float16 if is_large(parameter) else parameter.dtype
            state = {"step": 0, "mean": torch.zeros_like(parameter, dtype=kind)}
            state["root"] = torch.zeros_like(state["mean"])
            self.state[parameter] = state
        state["step"] += 1
        first, second = betas
        # Without the bias of their start at zero.
        rate = lr / (1 - first ** state["step"])
        full = (1 - second ** state["step"]) ** -0.5
        flat = [x.view(-1) for x in (parameter.data, grad.contiguous(), state["mean"], state["root"])]
        for x, slope, mean, root in zip(*(part.split(_STRIP) for part in flat), strict=True):
            slope = slope * count
            average = mean.to(x.dtype).lerp(slope, 1 - first)
            square = root.to(x.dtype).square().mul_(second).addcmul_(slope, slope, value=1 - second).sqrt_()
            if mean.dtype == torch.float16:
                average.clamp_(-_MOST, _MOST)
                square.clamp_(max=_MOST)
            mean.copy_(average)
            root.copy_(square)
            x.addcdiv_(average, square.mul_(full).add_(eps * count), value=-rate)

    def _parameters(self) -> Iterator[Tensor]:
        for group in self.param_groups:
            yield from group["params"]
