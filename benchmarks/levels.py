"""What it buys to move a picture level by level: the same pairs, steps and encoder, with and without, judged by VGG-19.

    python benchmarks/levels.py --shared ../shared [--encoder builtin] [--size 512] [--steps 0]
                                [--pairs tubingen:starry_night,…] [--keep FOLDER]

Default settings otherwise. One row a way, averages over the pairs, then the ratio.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path
from statistics import mean

import torch

from impasto.paint.optimise import OptimisePainter
from paint import painted


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--pairs", default="tubingen:starry_night,cornell:la_muse,golden_gate:the_scream")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    by_levels = OptimisePainter.by_levels
    table = {}
    for way, decide in (("as one", lambda *_, **__: False), ("level by level", by_levels)):
        OptimisePainter.by_levels = decide  # type: ignore
        scores: dict[str, list[float]] = {}
        for content, style in (pair.split(":") for pair in args.pairs.split(",")):
            out = folder / f"{way.replace(' ', '-')}-{content}-{style}.png"
            options = {"encoder": args.encoder, "size": args.size, "steps": args.steps, "quality": args.quality}
            seconds, (found,) = painted(args.shared, content, style, out, [args.size], **options)
            scores.setdefault("seconds", []).append(seconds)
            for key, value in found.items():
                scores.setdefault(key, []).append(value)
            print(f"{way:15} {content} × {style}: {found}", flush=True)
        table[way] = {key: mean(values) for key, values in scores.items()}
    columns = list(table["as one"])
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {args.encoder}, {args.size} px")
    print("| moved | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for way, row in table.items():
        print(f"| {way} | " + " | ".join(f"{row[key]:.3f}" for key in columns) + " |")
    one, levels = table.values()
    print("| × | " + " | ".join(f"{levels[key] / one[key]:.3f}" for key in columns) + " |")


if __name__ == "__main__":
    main()
