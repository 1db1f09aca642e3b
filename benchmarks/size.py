"""Time and peak memory of large pictures, 1 to 64 megapixels, and whether blocks leave a trace.

    python benchmarks/size.py CONTENT STYLE [--sizes 1160,2310,4928,9240] [--encoder builtin] [--quality good] [--keep FOLDER]

Each size is a cold start of ``impasto image`` in a process of its own. *Jump* is the mean step between neighbouring pixels
across the lines where blocks meet, over that of all other lines of the same place in the encoder's grid of 16 pixels:
pooling draws a pattern of its own there, of which the last column shows how strong it is, blocks or none.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from impasto.media.image import load_picture
from impasto.runtime import block_budget, processor_name
from impasto.see import tiling
from impasto.see.load import load_encoder
from paint import peak_of

GRID = 16


def jumps(image: Tensor, blocks: Sequence[tiling.Block]) -> tuple[float, float]:
    """Steps across block lines over those of other grid lines; those of grid lines over those of all others."""
    lines = {2: {block.top for block in blocks}, 3: {block.left for block in blocks}}
    on: list[float] = []
    grid: list[float] = []
    rest: list[float] = []
    for dim in (2, 3):
        across = image.diff(dim=dim).abs().mean((0, 1, 5 - dim)).tolist()
        for line, step in enumerate(across, 1):
            (on if line in lines[dim] else grid if line % GRID == 0 else rest).append(step)
    mean = [sum(part) / max(len(part), 1) for part in (on, grid, rest)]
    return mean[0] / mean[1] if on else float("nan"), mean[1] / mean[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--sizes", default="1160,2310,4928,9240", help="longer sides, in pixels")
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--quality", default="good")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(args.encoder)
    if args.encoder == "builtin":
        encoder = encoder.to(torch.bfloat16)
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads; "
        f"{args.content.stem} × {args.style.stem}, {args.encoder}, --quality {args.quality}"
    )
    print("| picture | megapixels | block | seconds | peak GB | bytes a pixel more | jump at blocks | at the grid |")
    print("|---|---|---|---|---|---|---|---|")
    last: tuple[int, float] | None = None
    for size in map(int, args.sizes.split(",")):
        out = folder / f"size-{size}.png"
        command = [sys.executable, "-m", "impasto", "image", str(args.content), str(args.style), "-o", str(out)]
        command += ["--encoder", args.encoder, "--size", str(size), "--quality", args.quality, "--quiet", "--json"]
        seconds, peak, text = peak_of(command)
        about = json.loads(text)
        pixels = about["width"] * about["height"]
        block = tiling.block_size(encoder, about["height"], about["width"], block_budget())
        cut = tiling.blocks(encoder, about["height"], about["width"], block)
        found = jumps(load_picture(out, allow_huge=True).image, cut) if block else None
        more = "" if last is None else f"{(peak * 2**30 - last[1]) / (pixels - last[0]):.0f}"
        last = pixels, peak * 2**30
        cells = [f"{about['width']}×{about['height']}", f"{pixels / 1e6:.1f}", str(block or "whole"), f"{seconds:.0f}"]
        cells += [f"{peak * 2**30 / 1e9:.2f}", more]
        cells += ["", ""] if found is None else [f"{found[0]:.3f}", f"{found[1]:.3f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
