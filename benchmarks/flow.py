"""Films and flow: peak memory by the length of the film, and seconds a frame of every part.

python benchmarks/flow.py FILM [--size 320] [--frames 40] [--lengths 10,60,1000]

FILM is read and written again in processes of their own, as often over as the length asks for; the parts are timed alone.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from impasto.media.cuts import CutFinder
from impasto.media.flow import FLOWS, flow, reliability, warp
from impasto.media.frames import FilmWriter, read_frames
from paint import peak_of


def copy(film: Path, length: int, size: int, out: Path) -> None:
    """``length`` frames, the film over and over."""
    reader = read_frames(film, size=size)
    height, width = reader.size
    with FilmWriter(out, width, height, reader.info.rate) as writer:
        for count in itertools.count():
            frame = next(reader, None)
            if frame is None:
                reader = read_frames(film, size=size)
                frame = next(reader)
            if count == length:
                return
            writer.write(frame.image)


def memory(film: Path, lengths: list[int], size: int) -> None:
    print(f"\n| frames read and written, {size} px | peak MB |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for length in lengths:
            words = [str(film), "--size", str(size), "--copy", str(length), "--out", f"{folder}/{length}.mp4"]
            _, peak, _ = peak_of([sys.executable, __file__, *words])
            print(f"| {length} | {peak * 1024:.0f} |", flush=True)


def timed(work: Callable[[], Any], count: int) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) / count


def parts(film: Path, size: int, count: int) -> None:
    began = time.perf_counter()
    frames = [frame.image for frame in itertools.islice(read_frames(film, size=size), count)]
    print(f"\n| part, {size} px | seconds a frame |\n|---|---|\n| read | {(time.perf_counter() - began) / count:.4f} |")
    pairs = list(itertools.pairwise(frames))
    for method in FLOWS:
        seconds = timed(lambda method=method: [flow(b, a, method=method) for a, b in pairs], len(pairs))
        print(f"| flow, {method} | {seconds:.4f} |", flush=True)
    back, forth = flow(frames[1], frames[0]), flow(frames[0], frames[1])
    finder = CutFinder()
    with tempfile.TemporaryDirectory() as folder:
        height, width = frames[0].shape[2:]

        def write() -> None:
            with FilmWriter(Path(folder) / "out.mp4", width, height, Fraction(25)) as writer:
                for image in frames:
                    writer.write(image)

        for name, work in {
            "warp": lambda: [warp(image, back) for image in frames],
            "reliability": lambda: [reliability(forth, back) for _ in frames],
            "scene cuts": lambda: [finder(image) for image in frames],
            "write, H.264": write,
        }.items():
            print(f"| {name} | {timed(work, len(frames)):.4f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--lengths", default="10,60,1000")
    parser.add_argument("--copy", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.copy:
        copy(args.film, args.copy, args.size, args.out)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    parts(args.film, args.size, args.frames)
    memory(args.film, [int(length) for length in args.lengths.split(",")], args.size)


if __name__ == "__main__":
    main()
