"""Time and peak memory of large pictures, 1 to 64 megapixels, and whether blocks leave a trace.

    python benchmarks/size.py CONTENT STYLE [--sizes 1160,2310,4928,9240] [--encoder builtin] [--quality good] [--steps N]
                              [--alone] [--keep FOLDER]

Each size is a cold start of ``impasto image`` in a process of its own. *Jump* is the step between neighbouring pixels
across the lines where blocks meet, over that of the other lines of the encoder's grid of 16 pixels near them: the median
over pieces of 64 pixels. *Elsewhere* is the same of those lines all moved aside, to where no blocks meet: the mean and the
spread of 28 such moves, which is what a jump is worth. Pooling draws a pattern of its own along that grid, of which the last
column shows how strong it is.
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

GRID, PIECE, MOVES = 16, 64, 14


def jumps(image: Tensor, blocks: Sequence[tiling.Block]) -> tuple[float, float, float, float]:
    """Steps across block lines over those of other grid lines; the mean and the spread of the same for these lines moved
    aside; and steps across grid lines over those of the lines beside them.

    Each piece of a line is set against the same piece of its neighbours, and the median taken: where a line runs along a
    wall, the whole of it would tell of the wall.
    """
    across = {}
    for dim in (2, 3):
        steps = image.diff(dim=dim).abs().mean(1)[0]
        steps = steps if dim == 2 else steps.T  # one row a line
        across[dim] = steps[:, : steps.shape[1] // PIECE * PIECE].unflatten(1, (-1, PIECE)).mean(2)

    def jump(moved: int) -> float:
        lines = {2: {block.top + moved for block in blocks if block.top}}
        lines[3] = {block.left + moved for block in blocks if block.left}
        on: list[Tensor] = []
        off: list[Tensor] = []
        for dim, pieces in across.items():
            for line in range(3 * GRID, len(pieces) - 2 * GRID, GRID):
                near = [line + k * GRID for k in (-2, -1, 1, 2) if line + k * GRID not in lines[dim]]
                ratio = pieces[line - 1] / torch.stack([pieces[k - 1] for k in near]).mean(0).clamp_min(1e-6)
                (on if line in lines[dim] else off).append(ratio)
        return float(torch.cat(on).median() / torch.cat(off).median())

    moves = [k for k in range(-MOVES, MOVES + 1) if k]
    elsewhere = torch.tensor([jump(GRID * k) for k in moves])
    grid = [
        pieces[line - 1] / (pieces[line - 1 - GRID // 2] + pieces[line - 1 + GRID // 2]).clamp_min(1e-6) * 2
        for pieces in across.values()
        for line in range(3 * GRID, len(pieces) - 2 * GRID, GRID)
    ]
    return jump(0), float(elsewhere.mean()), float(elsewhere.std()), float(torch.cat(grid).median())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--sizes", default="1160,2310,4928,9240", help="longer sides, in pixels")
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--quality", default="good")
    parser.add_argument("--steps", default="0", help="as of impasto image: few, where only memory is asked for")
    parser.add_argument("--alone", action="store_true", help="no coarser sizes before: where only memory is asked for")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(args.encoder)
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads; "
        f"{args.content.stem} × {args.style.stem}, {args.encoder}, --quality {args.quality}"
        f"{f', --steps {args.steps}' if args.steps != '0' else ''}{', no coarser sizes' if args.alone else ''}"
    )
    print(
        "| picture | megapixels | block | seconds | peak GB | bytes a pixel more | jump at blocks | elsewhere | at the grid |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    last: tuple[int, float] | None = None
    for size in map(int, args.sizes.split(",")):
        out = folder / f"size-{size}.png"
        command = [sys.executable, "-m", "impasto", "image", str(args.content), str(args.style), "-o", str(out)]
        command += ["--encoder", args.encoder, "--size", str(size), "--quality", args.quality, "--steps", args.steps]
        command += ["--start-size", str(size) if args.alone else "0", "--quiet", "--json"]
        seconds, peak, text = peak_of(command)
        about = json.loads(text)
        pixels = about["width"] * about["height"]
        encoder = encoder.to(getattr(torch, about["precision"]))  # what blocks are as large as
        block = tiling.block_size(encoder, about["height"], about["width"], block_budget())
        cut = tiling.blocks(encoder, about["height"], about["width"], block)
        found = jumps(load_picture(out, allow_huge=True).image, cut) if block else None
        more = "" if last is None else f"{(peak * 2**30 - last[1]) / (pixels - last[0]):.0f}"
        last = pixels, peak * 2**30
        cells = [f"{about['width']}×{about['height']}", f"{pixels / 1e6:.1f}", str(block or "whole"), f"{seconds:.0f}"]
        cells += [f"{peak * 2**30 / 1e9:.2f}", more]
        cells += (
            ["", "", ""]
            if found is None
            else [f"{found[0]:.3f}", f"{found[1]:.3f} ± {found[2]:.3f}", f"{found[3]:.3f}"]
        )
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
