"""What a sweep costs against its cells one by one, and what sharing the coarser sizes does to the pictures.

    python benchmarks/sweep.py --shared ../shared [--size 512] [--quality good] [--cells 12] [--keep FOLDER]

Three ways, each in processes of its own and in the same minutes: every cell by ``impasto image`` alone, ``impasto study
sweep --exact``, and ``impasto study sweep``. Both sweeps judge every cell and write tables and a report, which the
single runs do not. For every cell the table has the judged distances of both ways, judged by VGG-19 where it is in the
shared folder.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from impasto import load_image
from impasto.judge.card import Judge
from impasto.see.load import load_encoder


def seconds_of(*words: object) -> tuple[float, float]:
    """Seconds by the clock, and of processors' work: the second hold on a busy machine too."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "impasto", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, work


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--content", default="tubingen")
    parser.add_argument("--style", default="starry_night")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--cells", type=int, default=12, help="strengths from 10 to 90")
    parser.add_argument("--keep", type=Path, help="keep the results in this folder, which must be new")
    args = parser.parse_args()
    content = args.shared / f"images/content/{args.content}.jpg"
    style = args.shared / f"images/style/{args.style}.jpg"
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    strengths = [round(10 + 80 * k / max(args.cells - 1, 1)) for k in range(args.cells)]
    common = ("--size", args.size, "--quality", args.quality, "--encoder", args.encoder, "-q")
    single = [
        seconds_of("image", content, style, *common, "--strength", value, "-o", folder / f"single-{value}.png")
        for value in strengths
    ]
    vary = ("--vary", f"strength={','.join(map(str, strengths))}", "--judge", "builtin", *common)
    sweeps = {
        name: seconds_of("study", "sweep", content, style, *vary, *more, "-o", folder / name)
        for name, more in (("sweep --exact", ("--exact",)), ("sweep", ()))
    }
    whole = [sum(one[k] for one in single) for k in (0, 1)]
    print(
        f"{args.content} × {args.style}, {args.cells} cells at {args.size} px, --quality {args.quality}, {args.encoder}; "
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{os.environ.get('OMP_NUM_THREADS', 'all')} threads"
    )
    print("\n| how | seconds | of the single runs | seconds of work | of the single runs |\n|---|---|---|---|---|")
    for name, (wall, work) in {f"impasto image, {args.cells} times": whole, **sweeps}.items():
        print(f"| {name} | {wall:.1f} | {100 * wall / whole[0]:.0f} % | {work:.1f} | {100 * work / whole[1]:.0f} % |")
    weights = args.shared / "weights/vgg19_caffe.safetensors"
    eyes = load_encoder("vgg19-caffe", weights=weights) if weights.is_file() else load_encoder("builtin")
    judge = Judge(load_image(content), load_image(style), eyes, size=min(args.size, 512))
    led = {}
    with open(folder / "sweep" / "runs.csv", newline="") as file:
        for row in csv.DictReader(file):
            led[round(float(row["strength"]))] = row["shared_start"]
    print(f"\njudged by {eyes.name} at {judge.size} px\n")
    print("| strength | the same bytes | style alone | style shared | content alone | content shared | difference |")
    print("|---|---|---|---|---|---|---|")
    for value in strengths:
        alone = load_image(folder / f"single-{value}.png")
        swept, shared = (
            load_image(folder / name / "pictures" / f"strength-{value}.png") for name in ("sweep --exact", "sweep")
        )
        one, two = judge.distances(alone), judge.distances(shared)
        print(
            f"| {value}{'' if led[value] else ' (leads)'} | {'yes' if bool((alone == swept).all()) else 'NO'} "
            f"| {one['style']:.4f} | {two['style']:.4f} | {one['content']:.4f} | {two['content']:.4f} "
            f"| {float((alone - shared).abs().mean()):.4f} |"
        )
    if args.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
