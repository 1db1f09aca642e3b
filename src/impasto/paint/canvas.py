"""What is optimised: a module whose ``forward()`` is the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from impasto.media.image import resize_to
from impasto.paint.adam import Adam, level_shapes
from impasto.paint.thrift import Kept, is_large

__all__ = ["Average", "Brake", "PixelCanvas", "carry_moments", "enlarged", "resized"]


_FULL = 1024  # pixels of the longer side up to which a size is given all detail


class PixelCanvas(nn.Module):
    """The pixels themselves, ``(1, 3, H, W)``, 0..1, in float32; ``grey`` ones stay so, whatever is wanted of them."""

    def __init__(self, image: Tensor, *, grey: bool = False) -> None:
        super().__init__()
        self.grey = grey
        image = image.mean(1, keepdim=True).expand_as(image) if grey else image
        self.pixels = nn.Parameter(image.detach().float().clone(memory_format=torch.contiguous_format))

    def forward(self) -> Tensor:
        """The image."""
        if self.grey:
            return self.pixels.mean(1, keepdim=True).expand_as(self.pixels).contiguous()
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
        self._sum: Kept | None = None

    def add(self, image: Tensor) -> None:
        """Take one more iterate in, 0..1."""
        self.count += 1
        if self._sum is None:
            self._sum = Kept(image, 1 - self.decay)
        else:
            self._sum.mix(image, self.decay)

    def image(self) -> Tensor | None:
        """The average, 0..1; ``None`` before the first iterate."""
        return None if self._sum is None else self._sum.get(1 / (1 - self.decay**self.count)).clamp_(0, 1)


def carry_moments(old: Adam, new: Adam, canvas: PixelCanvas) -> None:
    """Resize Adam's moments of the last size for ``canvas``: the first steps at a new size do not start blind.

    A relative loss shares one gradient out over all pixels: four times as many get a quarter each. ``Adam`` keeps its
    moments free of that; otherwise the old ones would choke the first hundred steps. Of a pyramid each level becomes the
    next coarser one, which is as large: only the finest has to be enlarged.
    """
    kind = torch.float16 if is_large(canvas.pixels) else torch.float32
    for state in old.state.values():
        levels, fitted = (state, *state["coarser"]), []
        for place, shape in enumerate(level_shapes(canvas.pixels, new.levels)):
            # Sizes are rounded: from 32 rows to 65 is a level more than there are, from 33 to 64 one less.
            level = levels[min(max(place - 1, 0), len(levels) - 1)]
            mean, root = (
                nn.functional.interpolate(level[name].float(), shape, mode="bilinear", align_corners=False).to(kind)
                for name in ("mean", "root")
            )
            fitted.append({"step": level["step"], "mean": mean, "root": root, "coarser": ()})
        new.state[canvas.pixels] = {**fitted[0], "coarser": tuple(fitted[1:])}
        return


def resized(image: Tensor, like: Tensor) -> Tensor:
    """``image`` at the height and width of ``like``."""
    return resize_to(image, like.shape[2], like.shape[3])


def enlarged(image: Tensor, photo: Tensor) -> Tensor:
    """A finished coarse ``image`` at the size of ``photo``, with the detail that its own size could not hold.

    Enlarged alone it is blurred, and half the steps at the new size go into finding the photograph's edges again: with
    them given, half the steps reach the same content and style. Measured to 512 pixels; above 1024 less and less is given:
    there the few steps would leave it as it is, and a large picture is to be painted, not photographed.
    """
    detail = photo - resized(resized(photo, image), photo)
    detail *= min(1.0, _FULL / max(photo.shape[2:]))
    return detail.add_(resized(image, photo)).clamp_(0, 1)
