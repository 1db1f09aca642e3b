"""What is optimised: a module whose ``forward()`` is the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from impasto.media.image import resize_to

__all__ = ["Average", "Brake", "PixelCanvas", "carry_moments"]


class PixelCanvas(nn.Module):
    """The pixels themselves, ``(1, 3, H, W)``, 0..1, in float32."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.pixels = nn.Parameter(image.detach().float().clone(memory_format=torch.contiguous_format))

    def forward(self) -> Tensor:
        """The image."""
        return self.pixels

    def clamp(self) -> None:
        """Back into 0..1: what a file can hold."""
        self.pixels.data.clamp_(0, 1)


class Brake:
    """Holds the places of a canvas back: of every step each takes only its ``pace`` ``(1, 1, H, W)``, 0..1.

    A factor on the gradient would do nothing, since Adam divides it out.
    """

    def __init__(self, canvas: PixelCanvas, pace: Tensor) -> None:
        self.canvas, self.pace = canvas, pace
        self._before = canvas.pixels.detach().clone()

    def hold(self) -> None:
        """Behind a step: take back what goes beyond the pace."""
        self.canvas.pixels.data.sub_(self._before).mul_(self.pace).add_(self._before)
        self._before.copy_(self.canvas.pixels.data)


class Average:
    """An exponential average of the iterates, without the bias of its start: calmer than the last iterate alone.

    ``decay`` 0 is the last iterate. The early pictures of a size, still blurred from the coarser one, are forgotten as
    ``decay ** steps``.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.count = 0
        self._sum: Tensor | None = None

    def add(self, image: Tensor) -> None:
        """Take one more iterate in."""
        self.count += 1
        if self.decay == 0 or self._sum is None:
            self._sum = image.detach() * (1 - self.decay)
        else:
            self._sum.mul_(self.decay).add_(image.detach(), alpha=1 - self.decay)

    def image(self) -> Tensor | None:
        """The average, 0..1; ``None`` before the first iterate."""
        if self._sum is None:
            return None
        return (self._sum / (1 - self.decay**self.count)).clamp_(0, 1)


def carry_moments(old: Optimizer, new: Optimizer, canvas: PixelCanvas) -> None:
    """Resize Adam's moments of the last size for ``canvas``: the first steps at a new size do not start blind."""
    states = list(old.state.values())
    if not states or "exp_avg" not in states[0]:
        return
    state, (height, width) = states[0], canvas.pixels.shape[2:]
    # A relative loss shares one gradient out over all pixels: four times as many get a quarter each. Without this the
    # old second moment, sixteen times too large, would choke the first hundred steps.
    share = state["exp_avg"][0, 0].numel() / (height * width)

    def fit(x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, (height, width), mode="bilinear", align_corners=False)

    new.state[canvas.pixels] = {
        "step": state["step"].clone(),
        "exp_avg": fit(state["exp_avg"]) * share,
        "exp_avg_sq": fit(state["exp_avg_sq"]).clamp_min_(0) * share**2,
    }


def resized(image: Tensor, like: Tensor) -> Tensor:
    """``image`` at the height and width of ``like``."""
    return resize_to(image, like.shape[2], like.shape[3])
