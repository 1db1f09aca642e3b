"""What it buys to keep freed memory from step to step, or to be given it in huge pages, and what it costs.

    python benchmarks/freed.py CONTENT STYLE [--of kept|pages] [--sizes 512,1024] [--steps 5] [--encoder builtin] [--weights FILE]

``kept`` is for pictures that are seen whole, ``pages`` for those in blocks. Every cell is a process of its own, which paints at
that size alone, with and without; seconds are the median of its steps.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from encoders import seconds_per_step
from impasto.paint import optimise
from impasto.runtime import processor_name
from impasto.studio import open_easel
from paint import peak_of

# What is compared, without it and with it.
WAYS = {"kept": ("handed back", "kept"), "pages": ("small pages", "huge pages")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--sizes", default="512,1024")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--weights", type=Path, help="the VGG-19 file")
    parser.add_argument("--of", choices=tuple(WAYS), default="kept", help="what is compared")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        if args.one == "handed back":
            optimise.handle_freed = lambda how: None
        size = int(args.sizes)
        how = {"encoder": args.encoder, "weights": args.weights, "size": size, "start_size": size, "mirror": "off"}
        print(seconds_per_step(open_easel(args.content, args.style, steps=args.steps + 1, **how), size, args.steps))
        return
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads"
    )
    without, with_it = WAYS[args.of]
    print(
        f"| encoder | size | seconds a step, {without} | {with_it} | ratio | peak GB, {without} | {with_it} | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for size in args.sizes.split(","):
        words = [sys.executable, __file__, str(args.content), str(args.style), "--sizes", size]
        words += ["--steps", str(args.steps), "--encoder", args.encoder]
        words += ["--weights", str(args.weights)] if args.weights else []
        found = []
        for way in WAYS[args.of]:  # torch asks for the variable when it is loaded
            pages = [] if args.of == "kept" else ["env", f"THP_MEM_ALLOC_ENABLE={int(way == with_it)}"]
            found.append(peak_of([*pages, *words, "--one", way]))
        (_, before, old), (_, after, new) = found
        before, after, old, new = before * 2**30 / 1e9, after * 2**30 / 1e9, float(old), float(new)
        cells = [args.encoder, size, f"{old:.3f}", f"{new:.3f}", f"{new / old:.2f}"]
        cells += [f"{before:.2f}", f"{after:.2f}", f"{after / before:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
