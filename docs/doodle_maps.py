"""The maps of the docs' doodle: what is what in the drawn painting "swirl", and another landscape of the same things.

    python docs/doodle_maps.py FOLDER       writes swirl.png, swirl-map.png and doodle.png there

Five colours: blue sky, yellow stars, violet hills, green water, brown grass.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from impasto import save_image
from impasto.media.drawn import draw_painting

SKY, STAR, HILL, WATER, GRASS = "#2040c0", "#ffe040", "#8030a0", "#20a060", "#a06020"
_FINE = 4  # drawn so many times larger, without soft edges


def swirl_map(width: int, height: int) -> Image.Image:
    """The regions of ``draw_painting("swirl")``, traced by hand."""
    map_, pen, (w, h) = _blank(width, height, SKY)
    stars = [(0.274, 0.40, 0.105), (0.094, 0.13, 0.042), (0.262, 0.073, 0.032), (0.455, 0.105, 0.05)]
    stars += [(0.91, 0.12, 0.055), (0.932, 0.475, 0.048), (0.058, 0.52, 0.027), (0.52, 0.467, 0.027)]
    for x, y, r in stars:
        pen.ellipse((w * (x - r), h * y - w * r, w * (x + r), h * y + w * r), STAR)
    hills = [(0, 0.625), (0.15, 0.59), (0.3, 0.61), (0.45, 0.6), (0.6, 0.56), (0.75, 0.53), (0.88, 0.55), (1, 0.6)]
    _below(pen, hills, w, h, HILL)
    _below(pen, [(0, 0.67), (0.3, 0.655), (0.6, 0.665), (1, 0.65)], w, h, WATER)
    grass = [(0, 0.8), (0.12, 0.83), (0.3, 0.875), (0.5, 0.87), (0.7, 0.83), (0.85, 0.8), (1, 0.765)]
    _below(pen, grass, w, h, GRASS)
    return map_.resize((width, height), Image.Resampling.NEAREST)


def doodle(width: int, height: int) -> Image.Image:
    """A bay between two hills, one large star, a river through the grass."""
    map_, pen, (w, h) = _blank(width, height, SKY)
    for x, y, r in ((0.68, 0.26, 0.11), (0.2, 0.14, 0.04), (0.4, 0.22, 0.03), (0.9, 0.1, 0.035)):
        pen.ellipse((w * (x - r), h * y - w * r, w * (x + r), h * y + w * r), STAR)
    _below(pen, [(0, 0.62), (1, 0.62)], w, h, WATER)
    pen.polygon([(w * x, h * y) for x, y in ((0, 0.3), (0.14, 0.34), (0.27, 0.5), (0.42, 0.64), (0, 0.66))], HILL)
    pen.polygon([(w * x, h * y) for x, y in ((1, 0.45), (0.88, 0.5), (0.78, 0.58), (0.7, 0.64), (1, 0.66))], HILL)
    _below(pen, [(0, 0.74), (0.2, 0.77), (0.4, 0.84), (0.6, 0.86), (0.8, 0.8), (1, 0.72)], w, h, GRASS)
    pen.polygon(
        [(w * x, h * y) for x, y in ((0.46, 0.8), (0.58, 0.8), (0.6, 0.9), (0.74, 1), (0.44, 1), (0.5, 0.9))], WATER
    )
    return map_.resize((width, height), Image.Resampling.NEAREST)


def _blank(width: int, height: int, colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int]]:
    size = (width * _FINE, height * _FINE)
    map_ = Image.new("RGB", size, colour)
    return map_, ImageDraw.Draw(map_), size


def _below(pen: ImageDraw.ImageDraw, line: list[tuple[float, float]], width: int, height: int, colour: str) -> None:
    """Fill what lies below a line through points, smooth between them."""
    xs = np.linspace(0, 1, 200)
    ys = np.interp(xs, *np.array(line).T)
    soft = np.convolve(np.pad(ys, 10, mode="edge"), np.ones(21) / 21, mode="valid")
    pen.polygon([*zip(xs * width, soft * height, strict=True), (width, height), (0, height)], colour)


def main() -> None:
    """Draw them into a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    painting = draw_painting("swirl")
    height, width = painting.shape[2:]
    save_image(painting, folder / "swirl.png")
    swirl_map(width, height).save(folder / "swirl-map.png")
    doodle(640, 480).save(folder / "doodle.png")


if __name__ == "__main__":
    main()
