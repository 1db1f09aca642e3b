"""One picture set into another: laid over it, or cloned seamlessly (Pérez et al. 2003, "Poisson image editing")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError, UnknownNameError
from impasto.media.image import resize_to

__all__ = ["BLENDS", "Placed", "composed", "place"]

BLENDS = ("normal", "mixed", "paste")

_RIM = 4  # pixels beside what is cloned: OpenCV takes three off its mask, and one must hold the colours around it
_LEAST = 0.02  # a matte below this shows nothing


@dataclass(frozen=True)
class Placed:
    """A cut-out laid on a picture's place: ``image`` ``(1, 3, H, W)`` and ``matte`` ``(1, 1, H, W)``, of its size."""

    image: Tensor
    matte: Tensor


def place(
    foreground: Tensor, matte: Tensor, height: int, width: int, at: tuple[int, int], scale: float = 1.0
) -> Placed:
    """What ``matte`` shows of ``foreground``, ``scale`` times as large, its middle at ``at`` ``(x, y)`` in pixels.

    What sticks out of the ``height`` × ``width`` is cut off. Raises ``InputError`` where nothing is left to see.
    """
    seen = matte[0, 0] > _LEAST
    if not bool(seen.any()):
        raise InputError("the mask is black all over: expected white where the foreground is")
    rows, columns = (torch.nonzero(seen.any(dim))[:, 0] for dim in (1, 0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    # With a little around it: a clone looks at its neighbours.
    top, left = max(0, top - _RIM), max(0, left - _RIM)
    bottom, right = min(seen.shape[0], bottom + _RIM), min(seen.shape[1], right + _RIM)
    high, wide = max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale))
    if max(high, wide) > 8 * max(height, width):
        raise InputError(
            f"--scale {scale:g} makes the cut-out {wide}×{high} pixels for a background of {width}×{height}"
        )
    cut, mask = (resize_to(x[:, :, top:bottom, left:right], high, wide) for x in (foreground, matte))
    x, y = at[0] - wide // 2, at[1] - high // 2
    # A negative pad cuts off. Beyond the cut-out its own last pixels go on.
    low, high_end = max(0, y), min(height, y + high)
    start, end = max(0, x), min(width, x + wide)
    if low >= high_end or start >= end:
        raise InputError(
            f"--at {at[0]},{at[1]} lays the cut-out of {wide}×{high} pixels outside the background of {width}×{height}"
        )
    part = (slice(None), slice(None), slice(low - y, high_end - y), slice(start - x, end - x))
    pads = (start, width - end, low, height - high_end)
    placed = F.pad(mask[part], pads)
    if not bool((placed > _LEAST).any()):
        raise InputError(
            f"--at {at[0]},{at[1]} leaves nothing of the cut-out inside the background: choose another place"
        )
    return Placed(F.pad(cut[part], pads, mode="replicate"), placed)


def composed(placed: Placed, background: Tensor, how: str = "normal") -> Tensor:
    """``placed`` on ``background`` ``(1, 3, H, W)``: cloned, its colours fitted to what is around it, or laid over.

    ``normal`` keeps the cut-out's own texture, ``mixed`` the stronger of both, pixel by pixel, for what is thin or full
    of holes; ``paste`` leaves its colours. Outside the matte the background stays to the last bit.
    """
    if how not in BLENDS:
        raise UnknownNameError("value for --blend", how, BLENDS)
    image = placed.image if how == "paste" else _cloned(placed, background, how)
    return torch.where(placed.matte > 0, background + (image - background) * placed.matte, background)


def _cloned(placed: Placed, background: Tensor, how: str) -> Tensor:
    import cv2

    solid = (placed.matte[0, 0] > 0.5).numpy().astype(np.uint8)
    if not solid.any():
        return placed.image
    # OpenCV takes three pixels off the mask, and a mask at the border has no colours beside it to fit to.
    rim = _RIM
    mask = cv2.dilate(np.pad(solid, rim) * 255, np.ones((7, 7), np.uint8))
    mask[: rim // 2] = mask[-rim // 2 :] = 0
    mask[:, : rim // 2] = mask[:, -rim // 2 :] = 0
    source, target = (_codes(F.pad(x, (rim,) * 4, mode="replicate")) for x in (placed.image, background))
    x, y, w, h = cv2.boundingRect(mask)
    flag = cv2.MIXED_CLONE if how == "mixed" else cv2.NORMAL_CLONE
    try:
        done = cv2.seamlessClone(source, target, mask, (x + w // 2, y + h // 2), flag)
    except cv2.error:  # a cut-out of a few pixels has no inside to solve for
        return placed.image
    clean = done[rim:-rim, rim:-rim, ::-1].astype(np.float32) / 255
    return torch.from_numpy(np.ascontiguousarray(clean)).permute(2, 0, 1)[None]


def _codes(image: Tensor) -> np.ndarray:  # type: ignore[type-arg]
    codes = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()[:, :, ::-1]
    return np.ascontiguousarray(codes)
