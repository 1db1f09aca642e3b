"""What it buys to look at a large picture smaller too: the same pairs and steps, with octaves and without, judged by VGG-19.

    python benchmarks/octaves.py --shared ../shared [--encoder builtin] [--size 1024] [--quality good]
                                 [--pairs tubingen:starry_night,…] [--keep FOLDER]

Without octaves the photograph is kept up to 1024 pixels, and above them what was painted. Judged at 512 pixels and at 1024:
from afar and from near. The last row is the small picture, of 512 pixels: as rich as that a large one is to be from afar.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch

from impasto.paint.optimise import OptimisePainter
from impasto.runtime import processor_name
from paint import painted

FAR, NEAR = 512, 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--size", type=int, default=NEAR)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--pairs", default="tubingen:starry_night,cornell:la_muse,golden_gate:the_scream")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads; "
        f"{args.encoder}, --quality {args.quality}, {len(args.pairs.split(','))} pairs"
    )
    octaves, keeps = OptimisePainter.octaves, OptimisePainter.keeps

    def old(painter: OptimisePainter, size: int) -> bool:
        return size > 1024 and keeps(painter, size)

    ways: tuple[tuple[str, int, Callable[..., object], Callable[..., bool]], ...] = (
        ("without", args.size, lambda *_: (), old),
        ("octaves", args.size, octaves, keeps),
        ("small", FAR, octaves, keeps),
    )
    table = {}
    for way, size, seen, kept in ways:
        OptimisePainter.octaves, OptimisePainter.keeps = seen, kept  # type: ignore
        scores: dict[str, list[float]] = {}
        for content, style in (pair.split(":") for pair in args.pairs.split(",")):
            out = folder / f"{way}-{content}-{style}.png"
            options = {"encoder": args.encoder, "size": size, "quality": args.quality}
            seconds, found = painted(args.shared, content, style, out, (FAR, NEAR), **options)
            scores.setdefault("seconds", []).append(seconds)
            for at, judged in zip((FAR, NEAR), found, strict=True):
                for key, value in judged.items():
                    scores.setdefault(f"{key} at {at}", []).append(value)
            print(f"{way:8} {content} × {style}: { {key: round(x[-1], 3) for key, x in scores.items()} }", flush=True)
        table[way] = {key: mean(values) for key, values in scores.items()}
    columns = list(table["without"])
    print("\n| " + " | ".join(["", *columns]) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for (way, size, *_), row in zip(ways, table.values(), strict=True):
        print(f"| {way}, {size} px | " + " | ".join(f"{row[key]:.3f}" for key in columns) + " |")
    one, more, _ = table.values()
    print("| octaves over without | " + " | ".join(f"{more[key] / one[key]:.2f}" for key in columns) + " |")


if __name__ == "__main__":
    main()
