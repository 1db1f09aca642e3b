"""What the program finds wrong with ordinary pictures and with spoilt ones: where the bounds of its complaints come from.

    python benchmarks/complaints.py --shared ../shared [--size 192] [--keep runs/complaints] [--only ordinary]

Paints ordinary pairs and pictures that are spoilt on purpose, and prints for each what was measured and what was
complained about. Ordinary pictures should raise nothing, spoilt ones what their name says. With ``--keep`` nothing is
painted twice.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from impasto import Recipe, load_image, stylize
from impasto.errors import ImpastoError
from impasto.paint.complaints import complaints, symptoms
from impasto.see.load import load_encoder

NOISE = {"init": "noise", "start_size": 0}  # 0: the size itself, so that one size has to do
SPOILT: dict[str, dict[str, Any]] = {
    "stuck: noise, tiny steps": {"init": "noise", "learning_rate": 0.001},
    "stuck: noise, two steps": {**NOISE, "steps": 2},
    "noise: harsh noise, two steps": {**NOISE, "noise_std": 1.0, "steps": 2},
    "white: white start, one step": {**NOISE, "noise_mean": 1.0, "noise_std": 0.0, "steps": 1},
    "black: black start, one step": {**NOISE, "noise_mean": 0.0, "noise_std": 0.0, "steps": 1},
    "flat: grey 100": {"grey_weight": 100.0},
    "flat: tv 1000": {"tv_weight": 1000.0},
    "noise: grey 5": {"grey_weight": 5.0},
    "blurred: tv 30": {"tv_weight": 30.0},
    "saturated: steps of 0.2": {"learning_rate": 0.2, "averaging": 0.0},
    "swamped: strength 100": {"strength": 100.0},
    "swamped: strength 95": {"strength": 95.0},
    "untouched: strength 5": {"strength": 5.0},
    "nothing (as asked): strength 0": {"strength": 0.0},
    "nothing: strength 30": {"strength": 30.0},
    "nothing: strength 70": {"strength": 70.0},
    "nothing: L-BFGS": {"optimizer": "lbfgs"},
    "nothing: tv 1": {"tv_weight": 1.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--quality", default="draft")
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder, and take those that are there")
    parser.add_argument("--only", choices=("ordinary", "spoilt"))
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    contents = sorted((args.shared / "images/content").iterdir())
    styles = sorted((args.shared / "images/style").iterdir())
    ordinary = [(contents[i % len(contents)], style) for i, style in enumerate(styles)]
    ordinary += [(contents[(3 * i + 1) % len(contents)], style) for i, style in enumerate(styles[::2])]
    base = Recipe(size=args.size, quality=args.quality, encoder=args.encoder)
    jobs: list[tuple[str, Path, Path, dict[str, Any]]] = []
    if args.only != "spoilt":
        jobs += [(f"{photo.stem} {style.stem}", photo, style, {}) for photo, style in dict.fromkeys(ordinary)]
    if args.only != "ordinary":
        photo = args.shared / "images/content/tubingen.jpg"
        for stem in ("starry_night", "seated-nude", "the_scream"):
            style = args.shared / f"images/style/{stem}.jpg"
            jobs += [(f"{name} / {stem}", photo, style, changes) for name, changes in SPOILT.items()]
    encoder = load_encoder(args.encoder)
    print(
        "| picture | roughness | bright | contrast | clipped | style | content | complaints |\n|---|---|---|---|---|---|---|---|"
    )
    for name, photo, style, changes in jobs:
        if changes.get("start_size") == 0:
            changes = {**changes, "start_size": args.size}
        recipe = base.but(**changes)
        file = folder / f"{name.replace('/', '-').replace(':', '')}-{args.size}.png"
        try:
            if not file.exists():
                stylize(photo, style, recipe).save(file)
        except ImpastoError as error:
            print(f"| {name} | | | | | | | {error} |", flush=True)
            continue
        given = (load_image(file), load_image(photo), load_image(style), encoder, recipe)
        seen = symptoms(*given)
        told = "; ".join(f"{one.kind} → {dict(one.remedy)}" for one in complaints(*given))
        (r1, b1, c1, k1), (r2, b2, c2, k2) = seen.given
        print(
            f"| {name} | {seen.roughness:.3f} ({r1:.3f}, {r2:.3f}) | {seen.bright:.2f} ({b1:.2f}, {b2:.2f}) "
            f"| {seen.contrast:.2f} ({c1:.2f}, {c2:.2f}) | {seen.clipped:.2f} ({k1:.2f}, {k2:.2f}) "
            f"| {seen.style:.2f} | {seen.content:.2f} | {told} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
