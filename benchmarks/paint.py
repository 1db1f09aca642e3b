"""What the whole command costs and how good its pictures are: ``impasto image`` against the classic method.

    python benchmarks/paint.py --shared ../shared [--baseline 100,200,500] [--runs vgg19-caffe:50,vgg19-caffe:70,builtin:50]

Each run is a cold start of the command in its own process (wall time, peak memory of the process), judged by the judge
of the shared folder. The classic method (``baseline.py``) runs on the same machine in the same minutes; where it is cut
before 500 steps its time for 500 is extrapolated from its seconds per step, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto.media.image import save_image
from impasto.studio import open_easel

HERE = Path(__file__).resolve().parent


def peak_of(command: list[str]) -> tuple[float, float, str]:
    """Seconds, peak resident gigabytes and standard output of a command in a process of its own."""
    code = (
        "import json,resource,subprocess,sys,time\n"
        "t=time.perf_counter()\n"
        "p=subprocess.run(sys.argv[1:],capture_output=True,text=True)\n"
        "sys.stderr.write(p.stderr)\n"
        "s=time.perf_counter()-t\n"
        "m=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/2**20\n"
        "print(json.dumps([s,m,p.stdout,p.returncode]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    seconds, peak, out, status = json.loads(done.stdout)
    if status:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return seconds, peak, out


def judged(shared: Path, result: Path, content: Path, style: Path, size: int) -> dict[str, float]:
    out = subprocess.run(
        [sys.executable, str(shared / "tools/judge.py"), str(result), str(content), str(style), "--size", str(size)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(out)


def painted(
    shared: Path, content: str, style: str, out: Path, judged_at: Sequence[int], **options: Any
) -> tuple[float, list[dict[str, float]]]:
    """Paint a pair of the shared folder in this process, into ``out``: seconds, and its scores at each size of ``judged_at``."""
    photo, painting = shared / f"images/content/{content}.jpg", shared / f"images/style/{style}.jpg"
    if options.get("encoder") == "vgg19-caffe":
        options["weights"] = shared / "weights/vgg19_caffe.safetensors"
    easel = open_easel(photo, painting, **options)
    began = time.perf_counter()
    for last in easel.paint():  # noqa: B007
        pass
    seconds = time.perf_counter() - began
    save_image(last.snapshot(), out)
    return seconds, [judged(shared, out, photo, painting, size) for size in judged_at]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--content", default="tubingen")
    parser.add_argument("--style", default="starry_night")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--baseline", default="100", help="steps of the classic method at which to judge; empty: none")
    parser.add_argument(
        "--runs", default="vgg19-caffe:50,vgg19-caffe:75,builtin:50", help="ENCODER:STRENGTH[:QUALITY],…"
    )
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    content = args.shared / f"images/content/{args.content}.jpg"
    style = args.shared / f"images/style/{args.style}.jpg"
    weights = args.shared / "weights/vgg19_caffe.safetensors"
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    per_step = 0.0
    if args.baseline:
        marks = [int(mark) for mark in args.baseline.split(",")]
        command = [sys.executable, str(HERE / "baseline.py"), str(content), str(style), str(folder / "classic.png")]
        command += ["--weights", str(weights), "--size", str(args.size), "--steps", str(max(marks))]
        command += ["--marks", args.baseline]
        _, peak, out = peak_of(command)
        about = json.loads(out.strip().splitlines()[-1])
        per_step = about["seconds_per_step"]
        for mark in marks:
            scores = judged(args.shared, folder / f"classic-{mark:04d}.png", content, style, args.size)
            rows.append({"how": f"classic, {mark} steps", "seconds": about["marks"][str(mark)], "peak": peak, **scores})
    for run in filter(None, args.runs.split(",")):
        encoder, strength, *rest = run.split(":")
        out_file = folder / f"{run.replace(':', '-')}.png"
        command = [sys.executable, "-m", "impasto", "image", str(content), str(style), "-o", str(out_file), "--quiet"]
        command += ["--encoder", encoder, "--strength", strength, "--size", str(args.size), "--json"]
        command += ["--quality", rest[0]] if rest else []
        command += ["--weights", str(weights)] if encoder == "vgg19-caffe" else []
        seconds, peak, _ = peak_of(command)
        scores = judged(args.shared, out_file, content, style, args.size)
        rows.append({"how": f"impasto {run}", "seconds": seconds, "peak": peak, **scores})
    print(
        f"{args.content} × {args.style}, {args.size} px; {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores"
    )
    print("| how | seconds | style | held | content | chroma noise | peak GB |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['how']} | {row['seconds']:.1f} | {row['style']:.3f} | {row['held']:.3f} | {row['content']:.3f} "
            f"| {row['chroma_noise']:.2f} | {row['peak']:.2f} |"
        )
    if per_step:
        print(f"\nclassic: {per_step:.2f} s a step, so 500 steps take {500 * per_step:.0f} s on this machine")
        for row in rows:
            if row["how"].startswith("impasto"):
                print(f"{row['how']}: {500 * per_step / row['seconds']:.1f} × faster than 500 classic steps")


if __name__ == "__main__":
    main()
