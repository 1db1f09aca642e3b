"""Adam (Kingma and Ba 2015) for pictures of any size.

Our own, for two reasons. ``torch.optim`` brings ``torch._dynamo`` with it at the first optimiser that is made: a second
of every command. And its moments take two pictures in float32: at 64 megapixels 1.5 GB, where half does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.paint.thrift import is_large

__all__ = ["Adam", "level_shapes"]

# Numbers worked on together: what lies between the moments and the picture never fills memory, and stays in the caches.
_STRIP = 1 << 20
_MOST = 6e4  # just under the largest number of half precision


class Adam:
    """Called as torch's optimisers are. ``state`` holds, by parameter, ``step``, ``mean`` and ``root``.

    ``mean`` is the average gradient and ``root`` the root of the average squared one, both times the parameter's count
    of numbers: a relative loss gives each pixel a share of the gradient that shrinks with their number, and half
    precision has no numbers that small. The root, and not the square, is what half precision has the range and the
    digits for; rounded to 1 in 2,048, it follows changes of a tenth.

    With ``levels`` a picture ``(B, C, H, W)`` is moved as the sum of so many, each half as large as the one before, with
    moments of their own (the pyramid of Kolkin et al. 2019 and 2022): what moves alike over an area moves in a few steps,
    which pixels for themselves, each divided by its own noise, do not. The state's ``coarser`` holds theirs.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        levels: int = 1,
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": lr, "betas": betas, "eps": eps}]
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.levels = levels

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
                        go = self._down if self.levels == 1 else self._down_by_levels
                        go(parameter, parameter.grad, **{key: group[key] for key in ("lr", "betas", "eps")})
        return loss

    def _down(self, parameter: Tensor, grad: Tensor, lr: float, betas: tuple[float, float], eps: float) -> None:
        count = parameter.numel()
        state = self.state.get(parameter) or self.state.setdefault(parameter, _fresh(parameter))
        state["step"] += 1
        flat = [x.view(-1) for x in (parameter.data, grad.contiguous(), state["mean"], state["root"])]
        for x, slope, mean, root in zip(*(part.split(_STRIP) for part in flat), strict=True):
            x.sub_(_way(slope * count, mean, root, state["step"], betas, eps * count), alpha=lr)

    def _down_by_levels(self, picture: Tensor, grad: Tensor, lr: float, betas: tuple[float, float], eps: float) -> None:
        count = picture.numel()
        slopes = [grad * count]
        for _ in level_shapes(picture, self.levels)[1:]:
            # Means of 2×2, of fewer at an odd border.
            slopes.append(F.avg_pool2d(slopes[-1], 2, ceil_mode=True, count_include_pad=False))
        state = self.state.get(picture) or self.state.setdefault(picture, _fresh(*slopes))
        way: Tensor | None = None
        for own, slope in zip(reversed((state, *state["coarser"])), reversed(slopes), strict=True):
            own["step"] += 1
            more = _way(slope, own["mean"], own["root"], own["step"], betas, eps * count)
            if way is not None:
                more += F.interpolate(way, more.shape[2:], mode="bilinear", align_corners=False)
            way = more
        assert way is not None
        picture.data.sub_(way, alpha=lr)

    def _parameters(self) -> Iterator[Tensor]:
        for group in self.param_groups:
            yield from group["params"]


def level_shapes(picture: Tensor, levels: int) -> list[tuple[int, int]]:
    """Height and width of each of ``levels`` of a picture ``(B, C, H, W)``; fewer where one is a pixel high or wide."""
    height, width = picture.shape[2:]
    found = [(height, width)]
    while len(found) < levels and min(found[-1]) > 1:
        found.append((-(-found[-1][0] // 2), -(-found[-1][1] // 2)))
    return found


def _fresh(parameter: Tensor, *coarser: Tensor) -> dict[str, Any]:
    """The state before a first step."""
    kind = torch.float16 if is_large(parameter) else parameter.dtype
    mean = torch.zeros_like(parameter, dtype=kind, memory_format=torch.contiguous_format)
    state: dict[str, Any] = {"step": 0, "mean": mean, "root": torch.zeros_like(mean)}
    return {**state, "coarser": tuple(_fresh(x) for x in coarser)}


def _way(slope: Tensor, mean: Tensor, root: Tensor, step: int, betas: tuple[float, float], eps: float) -> Tensor:
    """Where Adam goes, against ``slope``, in its step number ``step``; the moments are brought up to date."""
    first, second = betas
    small = mean.dtype == torch.float16
    average = mean.to(slope.dtype).lerp_(slope, 1 - first) if small else mean.lerp_(slope, 1 - first)
    square = root.to(slope.dtype) if small else root
    square.square_().mul_(second).addcmul_(slope, slope, value=1 - second).sqrt_()
    if small:
        mean.copy_(average.clamp_(-_MOST, _MOST))
        root.copy_(square.clamp_(max=_MOST))
    # Without the bias of their start at zero.
    unbiased = 1 - first**step
    return average / square.mul(unbiased * (1 - second**step) ** -0.5).add_(unbiased * eps)
