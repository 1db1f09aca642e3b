"""A step's time against the arithmetic's own time: what is left besides convolutions.

    python benchmarks/engine.py [--vgg19 FILE] [--sizes 512,1024] [--steps 9] [--precision float32]

The arithmetic of a step is one pass forward and one back to the picture: four times the multiply-adds of the encoder up to
its deepest layer, in operations, for the picture and each of the octaves that it is seen at. Its own time is that at the
rate which this machine reaches on one 3×3 convolution of 64 channels, channels last, in the same number format, measured in
the same run. A step is everything: encoder, losses, Adam, clamp, average.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from encoders import seconds_per_step
from impasto.media.drawn import draw_painting
from impasto.media.image import sized
from impasto.studio import open_easel
from impasto.train.distil import macs


def rate(dtype: torch.dtype, device: torch.device, side: int = 256, channels: int = 64, seconds: float = 2.0) -> float:
    """Operations a second of a convolution; the best of the passes, for the machine may be shared."""
    if device.type == "cuda":
        side = 2048  # less leaves most of a card idle
    x, w = torch.rand(1, channels, side, side, device=device), torch.rand(channels, channels, 3, 3, device=device)
    x, w = (value.to(dtype).contiguous(memory_format=torch.channels_last) for value in (x, w))
    best, end = float("inf"), time.perf_counter() + seconds
    with torch.no_grad():
        while time.perf_counter() < end:
            began = time.perf_counter()
            F.conv2d(x, w, padding=1)
            if device.type == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - began)
    return 2 * 9 * channels**2 * side**2 / best


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--vgg19", type=Path, help="a VGG-19 weight file (Caffe's); without it only the built-in one is timed"
    )
    parser.add_argument("--sizes", default="512,1024")
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--precision", default="auto", help="as of impasto image")
    args = parser.parse_args()
    content, style = draw_painting("ember", width=1600, height=1200), draw_painting("swirl", width=1600, height=1200)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    rates: dict[torch.dtype, float] = {}
    rows = []
    for name in ["builtin", *(["vgg19-caffe"] if args.vgg19 else [])]:
        for size in map(int, args.sizes.split(",")):
            weights = args.vgg19 if name == "vgg19-caffe" else None
            easel = open_easel(
                content, style, encoder=name, weights=weights, size=size, start_size=size, precision=args.precision
            )
            weight = next(easel.encoder.parameters())
            dtype = weight.dtype
            rates.setdefault(dtype, rate(dtype, weight.device))
            kmacs = macs(easel.encoder, easel.encoder.style_layers)
            assert kmacs
            height, width = sized(*easel.content.image.shape[2:], size)
            pixels = height * width + sum(h * w for h, w in easel.painter.octaves(height, width))
            own = 4e3 * kmacs * pixels / rates[dtype]
            found = seconds_per_step(easel, size, args.steps)
            rows.append((name, size, str(dtype).removeprefix("torch."), kmacs, own, found, found / own))
    for dtype, found in rates.items():
        print(f"{str(dtype).removeprefix('torch.')}: {found / 1e9:.0f} GFLOP/s in a convolution")
    print("| encoder | size | precision | thousand multiply-adds a pixel | arithmetic alone, s | a step, s | × |")
    print("|---|---|---|---|---|---|---|")
    for name, size, kind, kmacs, own, found, ratio in rows:
        print(f"| {name} | {size} | {kind} | {kmacs:.1f} | {own:.4f} | {found:.4f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
