"""Scene cuts, found frame by frame while a film is read: where a painting starts afresh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from impasto.media.image import sized

__all__ = ["CutFinder", "cuts"]

_SIDE = 64  # pixels at which frames are compared: grain and small motions vanish
_REACH = 2  # pixels there that a thing may move from frame to frame without being new: 3 % of the frame
_NEW = 0.19  # of the frames' own contrast that no motion explains. Measured: cuts from 0.25 up, fast pans up to 0.13
_FLOOR = 3 / 255  # in black and in fog the contrast is noise


class CutFinder:
    """Told every frame in turn, it answers whether that is the first one of a new scene.

    As PySceneDetect's ContentDetector it takes the mean change of colour from frame to frame, but of what is left when
    everything may have moved a little, and relative to the frames' contrast: a fast pan is no cut, one between two dark
    scenes is. A dissolve has no first frame and is none; a flash is two.
    """

    def __init__(self, threshold: float = _NEW) -> None:
        self.threshold = threshold
        self.score = 0.0  # of the last frame; below about 0.1 within a scene
        self._last: Tensor | None = None

    def __call__(self, image: Tensor) -> bool:
        """Whether ``image`` (1, 3, H, W), 0..1, begins a new scene; the first frame of all does not."""
        now, last = _small(image), self._last
        self._last = now
        if last is None or last.shape != now.shape:
            self.score = 0.0
            return last is not None
        contrast = _contrast(last) + _contrast(now)
        self.score = _unexplained(now, last) / max(contrast, _FLOOR)
        return self.score > self.threshold and self.score * contrast > _FLOOR


def cuts(frames: Iterable[Tensor], threshold: float = _NEW) -> Iterator[int]:
    """The numbers of the frames, from 0, with which new scenes begin, as they pass by."""
    finder = CutFinder(threshold)
    for number, image in enumerate(frames):
        if finder(image):
            yield number


def _small(image: Tensor) -> Tensor:
    """Luma and chroma (BT.601) at ``_SIDE`` pixels, ``(1, 3, h, w)``."""
    height, width = image.shape[2:]
    image = image.detach().cpu().float()
    if max(height, width) > _SIDE:
        height, width = sized(height, width, _SIDE)
        image = functional.interpolate(image, (height, width), mode="area")
    red, green, blue = image.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma, (blue - luma) * 0.564, (red - luma) * 0.713], 1)


def _unexplained(now: Tensor, last: Tensor) -> float:
    """Mean over the pixels of the least change from any pixel of ``last`` within reach, in both directions of time."""
    return max(_least(now, last), _least(last, now))


def _least(now: Tensor, last: Tensor) -> float:
    height, width = now.shape[2:]
    around = functional.pad(last, (_REACH,) * 4, mode="replicate")
    span = range(2 * _REACH + 1)
    changes = [(around[:, :, y : y + height, x : x + width] - now).abs().sum(1) for y in span for x in span]
    return float(torch.stack(changes).amin(0).mean())


def _contrast(small: Tensor) -> float:
    """Standard deviation of luma and chroma, summed."""
    return float(small.flatten(2).std(2, unbiased=False).sum())
