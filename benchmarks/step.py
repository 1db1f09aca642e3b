"""What one step costs at the final size, and how much of it is convolution: the part that nothing but less arithmetic saves.

python benchmarks/step.py CONTENT STYLE [--size 512] [--encoders builtin,vgg19-caffe] [--weights FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from impasto.loss.objective import Objective
from impasto.media.image import resize
from impasto.paint.canvas import PixelCanvas
from impasto.paint.optimise import OptimisePainter
from impasto.studio import open_easel


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--encoders", default="builtin,vgg19-caffe")
    parser.add_argument("--weights", type=Path, help="the VGG-19 file")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {args.size} px")
    print("| encoder | precision | seconds a step | of it convolutions |\n|---|---|---|---|")
    for name in args.encoders.split(","):
        weights = args.weights if name.startswith("vgg") else None
        easel = open_easel(args.content, args.style, encoder=name, size=args.size, weights=weights)
        assert isinstance(easel.painter, OptimisePainter)
        photo = resize(easel.content.image, args.size)
        canvas, objective = PixelCanvas(photo), Objective(easel.encoder, easel.painter.terms(photo, args.size))
        adam = torch.optim.Adam(canvas.parameters(), lr=0.03, fused=True)

        def step(canvas: PixelCanvas = canvas, objective: Objective = objective, adam: torch.optim.Adam = adam) -> None:
            adam.zero_grad()
            objective(canvas()).total.backward()
            adam.step()

        times = []
        for _ in range(8):
            began = time.perf_counter()
            step()
            times.append(time.perf_counter() - began)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            for _ in range(3):
                step()
        rows = seen.key_averages()
        convolutions = sum(row.self_cpu_time_total for row in rows if "convolution" in row.key)
        share = convolutions / sum(row.self_cpu_time_total for row in rows)
        precision = easel.about["machine"]["precision"]
        print(f"| {name} | {precision} | {sorted(times[1:])[3]:.3f} | {share:.0%} |", flush=True)


if __name__ == "__main__":
    main()
