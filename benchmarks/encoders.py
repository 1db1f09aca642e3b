"""The built-in encoder against VGG-19 through the same program: twelve pairs, judged, and the time of a step.

    python benchmarks/encoders.py --shared ../shared [--size 512] [--contents tubingen,…] [--styles starry_night,…]
                                  [--pairs tubingen:starry_night,…]
                                  [--encoders builtin,vgg19-caffe,FILE.safetensors] [--keep FOLDER]

Default settings at strength 50; every content with every style, or the --pairs named. Prints one row per encoder with
averages over all pairs, then the ratios to the last encoder named, and the style layer by layer. Pictures that are in
FOLDER already, painted by the same weights, are judged and not painted again, so that a long run can be cut in two
(empty it when settings change); seconds are then of those painted now. The photographs and paintings of the default
pairs are held out of the built-in encoder's training.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from types import ModuleType

import torch

from impasto.media.image import load_image, save_image
from impasto.see.weights import encoder_digest
from impasto.studio import Easel, open_easel
from impasto.train.distil import macs


def judge_of(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("judge", shared / "tools/judge.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seconds_per_step(easel: Easel, size: int, steps: int = 6) -> float:
    """The median of the last steps, at the final size only."""
    times, last = [], time.perf_counter()
    run: Iterator[object] = easel.painter.paint(easel.content.image)
    for progress in run:
        now = time.perf_counter()
        if progress.size == size:  # type: ignore[attr-defined]
            times.append(now - last)
        last = now
        if len(times) > steps:
            break
    return sorted(times[1:])[len(times[1:]) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--contents", default="tubingen,golden_gate,chicago,cornell")
    parser.add_argument("--styles", default="starry_night,la_muse,the_scream")
    parser.add_argument("--pairs", help="CONTENT:STYLE,… instead of all combinations")
    parser.add_argument("--encoders", default="builtin,vgg19-caffe")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    args = parser.parse_args()
    judge = judge_of(args.shared)
    net = list(judge.layers())
    weights = args.shared / "weights/vgg19_caffe.safetensors"
    table: dict[str, dict[str, float]] = {}
    pairs = [(c, s) for c in args.contents.split(",") for s in args.styles.split(",")]
    if args.pairs:
        pairs = [tuple(pair.split(":")) for pair in args.pairs.split(",")]
    for name in args.encoders.split(","):
        scores: dict[str, list[float]] = {}
        for content, style in pairs:
            photo, painting = (
                args.shared / f"images/{kind}/{file}.jpg" for kind, file in (("content", content), ("style", style))
            )
            easel = open_easel(
                photo, painting, encoder=name, size=args.size, weights=weights if name == "vgg19-caffe" else None
            )
            kept = f"{Path(name).stem}-{content}-{style}-{args.size}-{encoder_digest(easel.encoder)[:8]}.png"
            if args.keep and (args.keep / kept).exists():
                image = load_image(args.keep / kept)
            else:
                began = time.perf_counter()
                last = None
                for last in easel.paint():  # noqa: B007
                    pass
                assert last is not None
                scores.setdefault("seconds", []).append(time.perf_counter() - began)
                image = last.snapshot().mul(255).round().div(255)
                if args.keep:
                    args.keep.mkdir(parents=True, exist_ok=True)
                    save_image(image, args.keep / kept)
            found = judge.judge(image[0], judge.read(photo, args.size), judge.read(painting, args.size), net)
            seen = [judge.features(x, net) for x in (image[0], judge.read(painting, args.size))]
            found |= {layer: judge.gram_distance(*(maps[layer] for maps in seen)) for layer in judge.STYLE}
            for key, value in found.items():
                scores.setdefault(key, []).append(value)
            print(f"{Path(name).stem:12} {content} × {style}: {found}", flush=True)
        row = {"seconds": float("nan")} | {key: mean(values) for key, values in scores.items()}
        row["step"] = seconds_per_step(easel, args.size)
        row["kmacs"] = macs(easel.encoder, ("relu5_1",)) or float("nan")
        table[name] = row
    columns = ("style", "held", "content", "chroma_noise", "seconds", "step", "kmacs")
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {args.size} px")
    print("| encoder | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in table.items():
        print(f"| {Path(name).stem} | " + " | ".join(f"{row[key]:.3f}" for key in columns) + " |")
    reference = list(table.values())[-1]
    for name, row in list(table.items())[:-1]:
        print(f"| {Path(name).stem}, × | " + " | ".join(f"{row[key] / reference[key]:.3f}" for key in columns) + " |")
    print("| style of | " + " | ".join(judge.STYLE) + " |")
    print("|---" * (len(judge.STYLE) + 1) + "|")
    for name, row in table.items():
        print(f"| {Path(name).stem} | " + " | ".join(f"{row[layer]:.3f}" for layer in judge.STYLE) + " |")


if __name__ == "__main__":
    main()
