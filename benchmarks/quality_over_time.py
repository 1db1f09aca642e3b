"""What time buys: judged style and content over seconds, for either encoder alone and for the polish.

    python benchmarks/quality_over_time.py --shared ../shared [--pairs tubingen:starry_night,…] [--size 512] [--plot OUT.png]

Each row is a cold start of ``impasto image`` in a process of its own, judged by the judge of the shared folder; means over
the pairs. A row is marked where no other is faster, and better in both style and content.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import mean

import torch

from impasto.runtime import processor_name
from paint import judged, peak_of

# Name and options; the steps are those of the final size, the coarser ones in proportion to the preset.
RUNS = {
    "builtin, draft": "--encoder builtin --quality draft",
    "builtin, draft at strength 40": "--encoder builtin --quality draft --strength 40",
    "builtin, good": "--encoder builtin --quality good",
    "builtin, best": "--encoder builtin --quality best",
    "builtin draft, 4 steps of VGG-19": "--encoder builtin --quality draft --polish 4",
    "builtin draft, 8 steps of VGG-19": "--encoder builtin --quality draft --polish 8",
    "builtin draft, 12 steps of VGG-19": "--encoder builtin --quality draft --polish 12",
    "builtin draft, 24 steps of VGG-19": "--encoder builtin --quality draft --polish 24",
    "builtin draft, 34 steps of VGG-19 (--quality best)": "--encoder builtin --quality draft --polish 34",
    "builtin, 8 steps of VGG-19": "--encoder builtin --quality good --polish 8",
    "builtin, 24 steps of VGG-19": "--encoder builtin --quality good --polish 24",
    "VGG-19, draft": "--encoder vgg19-caffe --quality draft",
    "VGG-19, 16 steps": "--encoder vgg19-caffe --quality good --steps 16",
    "VGG-19, good": "--encoder vgg19-caffe --quality good",
    "VGG-19, best": "--encoder vgg19-caffe --quality best",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--pairs", default="tubingen:starry_night", help="CONTENT:STYLE,…")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    weights = args.shared / "weights/vgg19_caffe.safetensors"
    rows: list[tuple[str, float, float, float, float]] = []
    for number, (name, options) in enumerate(RUNS.items()):
        if args.only not in name:
            continue
        found = []
        for pair in args.pairs.split(","):
            content, style = pair.split(":")
            photo, painting = (
                args.shared / f"images/content/{content}.jpg",
                args.shared / f"images/style/{style}.jpg",
            )
            out = folder / f"{number:02d}-{content}-{style}.png"
            command = [sys.executable, "-m", "impasto", "image", str(photo), str(painting), "-o", str(out), "--quiet"]
            command += ["--size", str(args.size), *options.split()]
            command += ["--weights", str(weights)] if "vgg" in options or "polish" in options else []
            seconds, peak, _ = peak_of(command)
            scores = judged(args.shared, out, photo, painting, args.size)
            found.append((seconds, scores["style"], scores["content"], peak))
        rows.append((name, *(mean(column) for column in zip(*found, strict=True))))  # type: ignore[arg-type]
        print(".", end="", file=sys.stderr, flush=True)
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads; "
        f"{args.pairs}, {args.size} px"
    )
    print("| how | seconds | style | content | peak GB | not dominated |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        beaten = any(
            other is not row and all(a <= b for a, b in zip(other[1:4], row[1:4], strict=True)) for other in rows
        )
        print(f"| {row[0]} | {row[1]:.1f} | {row[2]:.3f} | {row[3]:.3f} | {row[4]:.2f} | {'' if beaten else '●'} |")


if __name__ == "__main__":
    main()
