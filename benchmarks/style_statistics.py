"""What a style is, compared: every statistic on the same twelve pairs in equal time, as VGG-19 judges them.

    python benchmarks/style_statistics.py --shared ../shared [--size 512] [--pairs 12] [--statistics gram,histogram,…]

Gram matrices paint first, at ``--quality``; the others get as many steps as fit into the same time, by what a step of each
takes (processor time, so that a busy machine does not decide it). Judged by the judge of the shared folder: ``held`` are
layers that no loss of ours sees. ``--keep FOLDER`` keeps the pictures, ``--json FILE`` all the numbers.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

from impasto import Recipe, load_image, open_easel
from impasto.recipe import PRESETS, STATISTIC_NAMES

PAIRS = (
    ("content/tubingen.jpg", "starry_night.jpg"),
    ("content/golden_gate.jpg", "the_scream.jpg"),
    ("content/brad_pitt.jpg", "picasso_selfport1907.jpg"),
    ("content/chicago.jpg", "mondrian.jpg"),
    ("content/cornell.jpg", "la_muse.jpg"),
    ("content/flowers.jpg", "woman-with-hat-matisse.jpg"),
    ("content/hoovertowernight.jpg", "seated-nude.jpg"),
    ("content/sailboat.jpg", "shipwreck.jpg"),
    ("content/modern.jpg", "contrast_of_forms.jpg"),
    ("photos/kodak_01.png", "asheville.jpg"),
    ("photos/kodak_15.png", "frida_kahlo.jpg"),
    ("photos/kodak_20.png", "scene_de_rue.jpg"),
)
SCORES = ("style", "held", "content", "chroma_noise")


def load_judge(shared: Path) -> Any:
    spec = importlib.util.spec_from_file_location("judge", shared / "tools" / "judge.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def painted(content: torch.Tensor, style: torch.Tensor, recipe: Recipe) -> tuple[Any, float, float]:
    """The painting, its seconds of processor time, and how many of them its last size took a step."""
    began = time.process_time()
    easel, times = open_easel(content, style, recipe), []
    for last in easel.paint():
        times.append((time.process_time(), last.size))
    ends = [moment for moment, size in times if size == recipe.size]
    step = (ends[-1] - ends[0]) / max(1, len(ends) - 1)
    return easel.painting(last), times[-1][0] - began, step


def in_equal_time(content: torch.Tensor, style: torch.Tensor, recipe: Recipe, seconds: float) -> Recipe:
    """``recipe`` with as many steps as fit into ``seconds``, by a short trial."""
    usual = PRESETS[recipe.quality][-1]
    few = max(2, usual // 5)
    _, once, _ = painted(content, style, recipe.but(steps=few))
    _, twice, _ = painted(content, style, recipe.but(steps=2 * few))
    per_step = max((twice - once) / few, 1e-6)
    return recipe.but(steps=max(1, round(few + (seconds - once) / per_step)))


def judged(judge: Any, net: Any, image: torch.Tensor, content: Path, style: Path, size: int) -> dict[str, float]:
    photo, painting = judge.read(content, size), judge.read(style, size)
    found: dict[str, float] = judge.judge(image[0], photo, painting, net)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--quality", default="good", choices=PRESETS)
    parser.add_argument("--pairs", type=int, default=len(PAIRS), help="how many of them, from the first")
    parser.add_argument(
        "--statistics", default=",".join((*STATISTIC_NAMES, "gram+histogram")), help="a+b: both together"
    )
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    parser.add_argument("--json", type=Path, help="write every pair's numbers there")
    args = parser.parse_args()
    judge = load_judge(args.shared)
    net = list(judge.layers())
    names = ["gram", *(name for name in args.statistics.split(",") if name != "gram")]
    rows: list[dict[str, Any]] = []
    small = Recipe(encoder=args.encoder, size=64, steps=2)
    painted(torch.rand(1, 3, 48, 64), torch.rand(1, 3, 48, 64), small)  # what only the first painting pays
    for photo, painting in PAIRS[: args.pairs]:
        content, style = args.shared / "images" / photo, args.shared / "images/style" / painting
        pictures = load_image(content), load_image(style)
        budget = 0.0
        for name in names:
            recipe = Recipe(encoder=args.encoder, size=args.size, quality=args.quality)
            recipe = recipe.but(statistic=name.replace("+", ","))
            if name != "gram":
                recipe = in_equal_time(*pictures, recipe, budget)
            result, seconds, step = painted(*pictures, recipe)
            budget = budget or seconds
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                result.save(args.keep / f"{content.stem}-{style.stem}-{name}.png")
            scores = judged(judge, net, result.image, content, style, args.size)
            row = {"pair": f"{content.stem} × {style.stem}", "statistic": name, "seconds": seconds, "step": step}
            rows.append({**row, "steps": recipe.steps or PRESETS[args.quality][-1], **scores})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    report(rows, names, f"{args.encoder}, {args.size} px, {args.quality}, {args.pairs} pairs")


def report(rows: list[dict[str, Any]], names: list[str], about: str) -> None:
    """Means over the pairs, and on how many of them each is nearer than Gram."""
    gram = {row["pair"]: row for row in rows if row["statistic"] == "gram"}
    print(f"{about}; {platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads")
    print(
        "| statistic | seconds | a step, s | last steps | style | held | content | chroma noise | held below Gram's |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        own = [row for row in rows if row["statistic"] == name]
        mean = {key: statistics.mean(row[key] for row in own) for key in ("seconds", "step", "steps", *SCORES)}
        won = sum(row["held"] < gram[row["pair"]]["held"] for row in own)
        print(
            f"| {name} | {mean['seconds']:.1f} | {mean['step']:.3f} | {mean['steps']:.0f} | {mean['style']:.3f} | "
            f"{mean['held']:.3f} | {mean['content']:.3f} | {mean['chroma_noise']:.2f} | "
            f"{'' if name == 'gram' else f'{won} of {len(own)}'} |"
        )


if __name__ == "__main__":
    main()
