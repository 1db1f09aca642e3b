"""What it buys to keep freed memory from step to step, and what it costs: the same steps with and without.

    python benchmarks/freed.py [--sizes 512,1024,1400] [--steps 6] [--encoder builtin] [--weights FILE]

Every row is a process of its own, which paints at that size alone. Seconds are the median of the steps behind the first;
faults are the pages that the system hands out in one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

import torch

from impasto.media.drawn import draw_painting
from impasto.paint import optimise
from impasto.studio import open_easel


def one(size: int, steps: int, encoder: str, weights: str, kept: bool) -> dict[str, float]:
    """Seconds, pages and peak bytes of painting in this process."""
    if not kept:
        optimise.keep_freed = lambda on: None
    pictures = (draw_painting(name, width=1600, height=1200) for name in ("ember", "swirl"))
    easel = open_easel(
        *pictures, encoder=encoder, weights=weights or None, size=size, start_size=size, steps=steps + 1, mirror="off"
    )
    seconds, faults = [], []
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in easel.paint():
        now, there = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        seconds.append(now - began)
        faults.append(there - before)
        began, before = now, there
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": statistics.median(seconds[1:]), "faults": statistics.median(faults[1:]), "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="512,1024,1400")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--weights", default="", help="the VGG-19 file")
    parser.add_argument("--one", choices=("kept", "handed-back"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(int(args.sizes), args.steps, args.encoder, args.weights, args.one == "kept")))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(
        "| encoder | size | seconds a step, handed back | kept | ratio | faults, handed back | kept | peak GB | kept |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for size in args.sizes.split(","):
        words = [sys.executable, __file__, "--sizes", size, "--steps", str(args.steps), "--encoder", args.encoder]
        found = {}
        for way in ("handed-back", "kept"):
            out = subprocess.run(
                [*words, "--weights", args.weights, "--one", way], capture_output=True, text=True, check=True
            )
            found[way] = json.loads(out.stdout)
        old, new = found["handed-back"], found["kept"]
        cells = [args.encoder, size, f"{old['seconds']:.3f}", f"{new['seconds']:.3f}"]
        cells += [f"{new['seconds'] / old['seconds']:.2f}", f"{old['faults']:.0f}", f"{new['faults']:.0f}"]
        cells += [f"{old['peak'] / 1e9:.2f}", f"{new['peak'] / 1e9:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
