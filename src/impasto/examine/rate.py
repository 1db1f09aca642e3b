"""How fast a device convolves, which is most of what painting is."""

from __future__ import annotations

import time

import torch

__all__ = ["convolution_rate"]

_CHANNELS = 64
_SECONDS = 0.25


@torch.no_grad()
def convolution_rate(dtype: torch.dtype, device: str = "cpu", side: int = 128, seconds: float = _SECONDS) -> float:
    """GFLOP/s of a 3×3 convolution of 64 channels, forward, channels last: the best call within ``seconds``.

    A multiplication and an addition count as two.
    """
    conv = torch.nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, device=device, dtype=dtype)
    conv = conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps = torch.rand(1, _CHANNELS, side, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    work = 2 * 9 * _CHANNELS**2 * side**2 / 1e9
    best, began = float("inf"), time.perf_counter()
    conv(maps)  # the first call also chooses and builds the kernel
    while time.perf_counter() - began < seconds or best == float("inf"):
        _wait(device)
        start = time.perf_counter()
        conv(maps)
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return work / best


def _wait(device: str) -> None:
    """A graphics card answers before it is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
