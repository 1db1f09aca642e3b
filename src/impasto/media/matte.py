"""Mattes: which part of a picture is meant, ``(1, 1, H, W)``, 1 inside, 0 outside, in between on a soft edge.

They come from a file, white inside, or are found by GrabCut (Rother et al. 2004) from a box around what is meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.media.image import load_picture, resize_to, sized
from impasto.media.spaces import luma

__all__ = ["Box", "check_matte", "cut_out", "fitted", "load_matte", "parse_box"]

Box = tuple[int, int, int, int]  # left, top, width, height, in pixels

_SEEN = 480  # longer side at which GrabCut looks: its time goes with the pixels, its edges hardly gain
_ROUNDS = 5
_MARGIN = 0.06  # of each side, what "auto" takes for background
_INSIDE, _OUTSIDE = 0.998, 0.002  # within half a step of an 8-bit file of 1 and of 0


def load_matte(path: Path | str, *, allow_huge: bool = False) -> Tensor:
    """The matte in a picture file: its luma, 0 where it is transparent."""
    picture = load_picture(path, allow_huge=allow_huge)
    matte = luma(picture.image)
    return matte if picture.alpha is None else matte * picture.alpha


def fitted(matte: Tensor, height: int, width: int, name: str = "the mask", of: str = "the content") -> Tensor:
    """``matte`` at the size of a picture, which must have the same shape to a pixel; ``InputError`` names both sizes."""
    own_height, own_width = matte.shape[2:]
    wanted = sized(height, width, max(own_height, own_width))
    if abs(own_height - wanted[0]) > 1 or abs(own_width - wanted[1]) > 1:
        raise InputError(
            f"{name} is {own_width}×{own_height} pixels and {of} {width}×{height}: "
            "expected the same size, or at least the same shape; crop or stretch the mask"
        )
    return resize_to(matte, height, width)


def check_matte(matte: Tensor, name: str = "the mask", *, whole: bool = False) -> Tensor:
    """``matte``, unless nothing of it is white, or, without ``whole``, all of it."""
    if not bool((matte > _OUTSIDE).any()):
        raise InputError(f"{name} is black all over: expected white where the picture is meant")
    if not whole and not bool((matte < _INSIDE).any()):
        raise InputError(f"{name} is white all over and leaves nothing to paint: expected black where to paint")
    return matte


def parse_box(text: str) -> Box | None:
    """``x,y,w,h`` in pixels; None for ``auto``; ``InputError`` for anything else."""
    if text == "auto":
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        raise InputError(
            f"--foreground {text!r}: expected auto or x,y,w,h in pixels of the content, as in 40,20,200,300"
        )
    x, y, w, h = map(int, parts)
    if not w or not h:
        raise InputError(f"--foreground {text}: the box has no pixels; expected a width and a height above 0")
    return x, y, w, h


def cut_out(image: Tensor, box: Box | None = None) -> Tensor:
    """The foreground of ``image`` ``(1, 3, H, W)`` inside ``box``, or away from the border, as a matte with soft edges.

    What is outside the box is background for certain. Raises ``InputError`` where the box is not in the picture, or
    nothing in it stands out.
    """
    import cv2

    height, width = image.shape[2:]
    x, y, w, h = box or _inset(height, width)
    flag = f"--foreground {x},{y},{w},{h}"
    if x >= width or y >= height or x + w > width or y + h > height:
        raise InputError(f"{flag} leaves the picture of {width}×{height} pixels: expected a box inside it")
    if (x, y, w, h) == (0, 0, width, height):
        raise InputError(f"{flag} is the whole picture: leave some background around what is meant")
    small = image if max(height, width) <= _SEEN else resize_to(image, *sized(height, width, _SEEN))
    rows, columns = small.shape[2:]
    marks = np.full((rows, columns), cv2.GC_BGD, np.uint8)
    top, left = y * rows // height, x * columns // width
    bottom, right = -(-(y + h) * rows // height), -(-(x + w) * columns // width)
    marks[top:bottom, left:right] = cv2.GC_PR_FGD
    codes = (small[0].permute(1, 2, 0) * 255).round().byte().numpy()[:, :, ::-1]
    found = _grabbed(cv2, np.ascontiguousarray(codes), marks) if (marks == cv2.GC_BGD).any() else marks
    inside = (found == cv2.GC_FGD) | (found == cv2.GC_PR_FGD)
    if not inside.any():
        raise InputError(f"{flag}: nothing in the box stands out from what is around it; give another box, or a mask")
    matte = torch.from_numpy(_cleaned(cv2, inside))[None, None]
    return resize_to(matte, height, width)


def _inset(height: int, width: int) -> Box:
    x, y = max(1, round(width * _MARGIN)), max(1, round(height * _MARGIN))
    return x, y, max(1, width - 2 * x), max(1, height - 2 * y)


def _grabbed(cv2: Any, codes: Any, marks: Any) -> Any:
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # its first clusters are drawn: the same picture is cut the same way again
    try:
        return cv2.grabCut(codes, marks, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)[0]
    except cv2.error:  # too few colours for its clusters
        raise InputError("GrabCut finds no foreground in so plain a picture: give a mask instead") from None


def _cleaned(cv2: Any, inside: Any) -> Any:
    """Without specks, with holes of a few pixels closed and an edge two pixels soft: float32, 0..1."""
    least = max(8, inside.size // 2000)
    solid = inside.astype(np.uint8)
    for value in (1, 0):  # specks of the foreground, then holes in it
        count, labels, stats, _ = cv2.connectedComponentsWithStats((solid == value).astype(np.uint8), connectivity=4)
        small = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] < least]
        if len(small) < count - 1:
            solid[np.isin(labels, small)] = 1 - value
    return np.clip(cv2.GaussianBlur(solid.astype(np.float32), (5, 5), 1.0), 0, 1)
