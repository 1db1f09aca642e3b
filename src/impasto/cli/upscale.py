"""``impasto upscale PICTURE``: two or four times as large."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from impasto.cli.options import opening_options, output_options, recipe_options_but, typed
from impasto.errors import InputError

__all__ = ["upscale"]

_FILE = click.Path(path_type=Path)

# What is made larger is one picture, painted whole, from itself, at its one size.
_OWN = (
    *("size", "start_size", "init", "noise_mean", "noise_std", "protect", "foreground"),
    *("mask", "style_mask", "region_strength", "region_color"),
)


@click.command()
@click.argument("picture", type=_FILE)
@click.option("--times", type=int, default=2, show_default=True, help="2 or 4.")
@click.option("--style", type=_FILE, help="Fill in the strokes of this painting, finer than the picture knows.")
@recipe_options_but(*_OWN)
@opening_options
@output_options("PICTURE-x2.png")
def upscale(
    picture: Path,
    times: int,
    style: Path | None,
    weights: Path | None,
    allow_huge: bool,
    out: Path | None,
    anyway: bool,
    **given: Any,
) -> int:
    """Make PICTURE two or four times as large, sharper than bicubic does.

    A small net that comes with the package adds what is finer; made smaller again, the result is PICTURE. With --style
    it is painted too, and the options of a painting are taken.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.recipe import Recipe

    changes = typed(given)
    recipe = Recipe().but(**changes)
    if times not in (2, 4):
        raise InputError(f"--times {times}: expected 2 or 4")
    if recipe.color == "palette":
        raise InputError("--color palette paints no strokes: with upscale give another --color")
    if style is None and (changes or weights or given["save_every"] or given["log"]):
        name = next(iter(changes), "weights" if weights else "save_every" if given["save_every"] else "log")
        raise InputError(f"--{name.replace('_', '-')} is about painting: give --style FILE with it")
    output = Output(out=out or free_name(f"{picture.stem}-x{times}", ".png"), **given)
    inputs = [picture, *([style] if style else [])]
    output.check(inputs)
    from impasto.enlarge.textured import open_upscaled_easel
    from impasto.enlarge.textured import upscale as enlarged

    made = enlarged(picture, times, allow_huge=allow_huge)
    output.check(inputs, made.size)
    if style is None:
        from impasto.media.image import save_image

        save_image(made.image, output.out, alpha=made.alpha, bits=output.bits, quality=output.jpeg_quality)
        if not output.quiet:
            height, width = made.image.shape[2:]
            print(f"enlarged {output.out} ({width}×{height})", file=sys.stderr)
        return 0

    def easel() -> Any:
        return open_upscaled_easel(made, style, recipe, weights=weights, allow_huge=allow_huge)

    return paint_to_file(easel, output, anyway=anyway)
