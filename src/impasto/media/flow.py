"""Optical flow: where each pixel of a frame lies in another one, what of it can be trusted, and how it looks.

A flow is a float tensor ``(B, 2, H, W)``, in pixels of the current frame: the pixel at ``(x, y)`` is found in the other
frame at ``(x + u, y + v)``, ``u`` to the right, ``v`` down. Images are ``(B, 3, H, W)``, sRGB, 0..1.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from impasto.errors import InputError, UnknownNameError
from impasto.media.image import resize

__all__ = ["FLOWS", "Estimator", "colour_wheel", "flow", "reliability", "resize_flow", "warp"]

# A frame (1, 3, H, W) and another one of the same size -> the flow (1, 2, H, W) from the first to the second.
Estimator = Callable[[Tensor, Tensor], Tensor]

# Pyramids of patches 8 pixels wide need something to stand on; smaller frames are continued by their edge.
_LEAST = 48


def flow(frame: Tensor, other: Tensor, *, method: str = "dis", size: int | None = None) -> Tensor:
    """The flow ``(B, 2, H, W)`` from ``frame`` to ``other``, both ``(B, 3, H, W)``: ``frame ≈ warp(other, flow)``.

    ``method`` is a name in ``FLOWS``: ``dis`` (Kroeger et al. 2016) or ``farneback`` (2003), and what was added to it.
    ``size``: the longer side at which it is estimated, in pixels; the flow comes back at the frame's own size and in its
    pixels. Raises ``InputError`` for frames of different sizes and for a size below 16.
    """
    if method not in FLOWS:
        raise UnknownNameError("flow method", method, FLOWS)
    if frame.shape != other.shape or frame.ndim != 4 or frame.shape[1] != 3:
        raise InputError(
            f"flow between {tuple(frame.shape)} and {tuple(other.shape)}: expected two frames (B, 3, H, W) of one size"
        )
    if size is not None and size < 16:
        raise InputError(f"flow at {size} pixels: expected 16 or more on the longer side")
    height, width = frame.shape[2:]
    if size is not None and size < max(height, width):
        frame, other = resize(frame, size), resize(other, size)
    found = [FLOWS[method](a[None], b[None]) for a, b in zip(frame, other, strict=True)]
    return resize_flow(torch.cat(found), height, width)


def resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    """``flow`` (B, 2, H, W) at another size of the frame, its vectors in pixels of that size; itself if it has it."""
    if tuple(flow.shape[2:]) == (height, width):
        return flow
    scale = flow.new_tensor([width / flow.shape[3], height / flow.shape[2]])[:, None, None]
    return functional.interpolate(flow, (height, width), mode="bilinear", align_corners=False) * scale


def warp(image: Tensor, flow: Tensor, mode: str = "bicubic") -> Tensor:
    """``image`` (B, C, H, W) looked up at ``x + flow``: what the other frame shows, brought to the current one.

    ``mode``: ``bicubic``, which keeps strokes sharp over many frames, ``bilinear`` or ``nearest``. Beyond the edge the
    edge goes on. No value leaves the range of ``image``: bicubic alone would overshoot, more with every frame. Raises
    ``InputError`` where image and flow differ in size.
    """
    if image.shape[2:] != flow.shape[2:] or flow.shape[1] != 2:
        raise InputError(
            f"a flow {tuple(flow.shape)} cannot warp an image {tuple(image.shape)}: expected (B, 2, H, W) of its size"
        )
    height, width = image.shape[2:]
    there = _places(flow) + flow
    # grid_sample wants -1..1 from the first pixel's centre to the last one's.
    size = flow.new_tensor([max(width - 1, 1), max(height - 1, 1)])
    grid = there.permute(0, 2, 3, 1) * 2 / size - 1
    grid = grid.to(image).expand(image.shape[0], -1, -1, -1)
    found = functional.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=True)
    return found.clamp(image.min(), image.max()) if mode == "bicubic" else found


def reliability(forward: Tensor, backward: Tensor) -> Tensor:
    """Where the other frame can be trusted in the current one: ``(B, 1, H, W)``, 1 yes, 0 no (Ruder et al. 2016, sec. 4.2).

    ``backward`` is the flow from the current frame to the other, by which that is warped; ``forward`` the one from the
    other to the current. With ``w̃`` the forward flow looked up at the end of the backward flow ``ŵ``, a place is

    - disoccluded, hidden in the other frame, if ``|w̃ + ŵ|² > 0.01 (|w̃|² + |ŵ|²) + 0.5``;
    - on the boundary of a motion, if ``|∇û|² + |∇v̂|² > 0.01 |ŵ|² + 0.002``;
    - outside, if ``ŵ`` leads out of the other frame, by more than half a pixel.
    """
    if forward.shape != backward.shape:
        raise InputError(f"flows {tuple(forward.shape)} and {tuple(backward.shape)}: expected two of one size")
    returned = warp(forward, backward, "bilinear")
    gap = (returned + backward).square().sum(1, keepdim=True)
    length = backward.square().sum(1, keepdim=True)
    hidden = gap > 0.01 * (returned.square().sum(1, keepdim=True) + length) + 0.5
    boundary = _steepness(backward) > 0.01 * length + 0.002
    x, y = (_places(backward) + backward).split(1, 1)
    height, width = backward.shape[2:]
    outside = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
    trusted: Tensor = ~(hidden | boundary | outside)
    return trusted.to(backward.dtype)


def _steepness(flow: Tensor) -> Tensor:
    """``|∇u|² + |∇v|²`` by central differences, ``(B, 1, H, W)``; one-sided along the edge."""
    around = functional.pad(flow, (1, 1, 1, 1), mode="replicate")
    right = (around[:, :, 1:-1, 2:] - around[:, :, 1:-1, :-2]) / 2
    down = (around[:, :, 2:, 1:-1] - around[:, :, :-2, 1:-1]) / 2
    return (right.square() + down.square()).sum(1, keepdim=True)


def _places(flow: Tensor) -> Tensor:
    """``(1, 2, H, W)``: x and y of every pixel."""
    height, width = flow.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(height, dtype=flow.dtype, device=flow.device),
        torch.arange(width, dtype=flow.dtype, device=flow.device),
        indexing="ij",
    )
    return torch.stack([x, y])[None]


# ── estimators ──


def _dis(frame: Tensor, other: Tensor) -> Tensor:
    """Dense inverse search, medium preset, down to full resolution: the preset stops at half, and smears edges."""
    cv2 = _opencv()
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    return _estimated(lambda a, b: search.calc(a, b, None), frame, other)


def _farneback(frame: Tensor, other: Tensor) -> Tensor:
    """Polynomial expansion: smoother than DIS, and slower."""
    cv2 = _opencv()

    def calc(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        levels = max(1, int(math.log2(min(a.shape) / 12)))
        return cv2.calcOpticalFlowFarneback(a, b, None, 0.5, levels, 15, 5, 7, 1.5, 0)  # type: ignore[no-any-return]

    return _estimated(calc, frame, other)


# Open to others: FLOWS["mine"] = estimator makes it a method of ``flow``.
FLOWS: dict[str, Estimator] = {"dis": _dis, "farneback": _farneback}


def _estimated(calc: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]], frame: Tensor, other: Tensor) -> Tensor:
    """The flow that OpenCV finds between two frames, as a tensor on their device."""
    cv2 = _opencv()
    height, width = frame.shape[2:]
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)  # DIS cuts the frame into a strip per thread, and finds a little else with every number
        found = calc(_grey(frame), _grey(other))
    finally:
        cv2.setNumThreads(threads)
    return torch.from_numpy(found[:height, :width].copy()).permute(2, 0, 1)[None].to(frame)


def _grey(image: Tensor) -> NDArray[np.uint8]:
    """``(1, 3, H, W)`` as grey ``(H, W)`` bytes, at least ``_LEAST`` a side."""
    weights = image.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    grey = (image[0] * weights).sum(0).clamp(0, 1).mul(255).round().byte().cpu().numpy()
    more = [(0, max(0, _LEAST - side)) for side in grey.shape]
    return np.pad(grey, more, mode="edge") if any(after for _, after in more) else grey


def _opencv() -> Any:
    try:
        return importlib.import_module("cv2")
    except ImportError:
        raise InputError("optical flow needs OpenCV, which is not here: pip install 'impasto[film]'") from None


# ── how it looks ──


def colour_wheel(flow: Tensor, largest: float | None = None) -> Tensor:
    """``flow`` (B, 2, H, W) as an image ``(B, 3, H, W)`` in Middlebury's colours (Baker et al. 2011).

    The colour tells the direction: red to the right, yellow down, cyan to the left, blue up. White is rest; it is fullest
    at ``largest`` pixels, or at the longest vector of all, and darker beyond.
    """
    length = flow.square().sum(1, keepdim=True).sqrt()
    largest = float(length.max()) if largest is None else largest
    radius = length / max(largest, 1e-6)
    angle = torch.atan2(-flow[:, 1:], -flow[:, :1]) / math.pi  # -1..1
    wheel = _wheel().to(flow)
    place = (angle + 1) / 2 * (len(wheel) - 1)
    low = place.floor().long().clamp(0, len(wheel) - 1)
    high = (low + 1) % len(wheel)
    part = place - low
    hue = (1 - part) * wheel[low[:, 0]].permute(0, 3, 1, 2) + part * wheel[high[:, 0]].permute(0, 3, 1, 2)
    return torch.where(radius <= 1, 1 - radius * (1 - hue), hue * 0.75).clamp(0, 1)


def _wheel() -> Tensor:
    """The 55 colours ``(55, 3)``, as far apart as the eye tells them: fewer greens than reds and blues."""
    turns = (  # how many, the colour it begins with, and the one it goes towards
        (15, (1, 0, 0), (1, 1, 0)),
        (6, (1, 1, 0), (0, 1, 0)),
        (4, (0, 1, 0), (0, 1, 1)),
        (11, (0, 1, 1), (0, 0, 1)),
        (13, (0, 0, 1), (1, 0, 1)),
        (6, (1, 0, 1), (1, 0, 0)),
    )
    parts = []
    for count, begin, end in turns:
        share = torch.arange(count)[:, None] / count
        parts.append((1 - share) * torch.tensor(begin) + share * torch.tensor(end))
    return torch.cat(parts)
