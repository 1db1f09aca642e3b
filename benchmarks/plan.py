"""What `impasto plan` foretells against what `impasto image` then takes, time and peak memory, one row a case.

python benchmarks/plan.py CONTENT STYLE [--weights VGG19_FILE] [--cases builtin:512:draft,vgg19-caffe:512:good,…]

Each plan and each painting is a cold start in a process of its own, one after the other; the machine should be quiet.
A case is ENCODER:SIZE:QUALITY, or ENCODER:SIZE:QUALITY:STEPS for few steps of a large picture.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import torch

from impasto.runtime import processor_name
from paint import peak_of

CASES = (
    "builtin:512:draft,builtin:512:good,vgg19-caffe:512:good,builtin:1024:good,builtin:2048:good,builtin:4928:draft:2"
)


def run(words: list[str]) -> tuple[float, float, str]:
    """Seconds, peak resident bytes and standard output of ``impasto *words`` in a process of its own."""
    seconds, peak, out = peak_of([sys.executable, "-m", "impasto", *words])
    return seconds, peak * 2**30, out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("content", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--weights", type=Path, help="the VGG-19 file")
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--only-plan", action="store_true", help="print what is foretold and paint nothing")
    args = parser.parse_args()
    print(
        f"{processor_name()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads"
    )
    print("| case | picture | seconds, foretold | measured | ratio | peak GB, foretold | measured | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    probed: set[str] = set()
    for case in args.cases.split(","):
        encoder, size, quality, *steps = case.split(":")
        words = [str(args.content), str(args.style), "--encoder", encoder, "--size", size, "--quality", quality]
        words += ["--steps", steps[0]] if steps else []
        words += ["--weights", str(args.weights)] if args.weights and encoder.startswith("vgg") else []
        if encoder not in probed:  # measured once, so that the next plan starts as cold as the painting
            run(["plan", *words, "--json", "--probe"])
            probed.add(encoder)
        plan = json.loads(run(["plan", *words, "--json"])[2])
        last, memory = plan["sizes"][-1], plan["memory"]["main"]
        cells = [
            case,
            f"{last['width']}×{last['height']}",
            f"{plan['seconds']:.1f}",
            "",
            "",
            f"{memory / 1e9:.2f}",
            "",
            "",
        ]
        if not args.only_plan:
            with tempfile.TemporaryDirectory() as folder:
                seconds, peak, _ = run(["image", *words, "-o", str(Path(folder) / "out.png"), "--quiet"])
            cells[3:5] = f"{seconds:.1f}", f"{plan['seconds'] / seconds:.2f}"
            cells[6:8] = f"{peak / 1e9:.2f}", f"{memory / peak:.2f}"
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
