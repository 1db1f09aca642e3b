"""``impasto reconstruct`` and ``impasto texture``: a content alone, a style alone, from noise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from impasto.cli.options import opening_options, output_options, recipe_options_but, typed
from impasto.errors import InputError

__all__ = ["BOTH_ONLY", "CONTENT_ONLY", "STYLE_ONLY", "reconstruct", "texture"]

# What has no meaning where the other of the two is not wanted.
STYLE_ONLY = ("style_scale", "style_scales", "style_layers", "statistic", "style_weight", "grain_weight")
CONTENT_ONLY = ("content_layers", "content_weight", "laplacian_weight", "grey_weight")
# What is about a photograph and a painting together.
BOTH_ONLY = (
    *("color", "color_space", "color_match", "protect", "foreground"),
    *("mask", "style_mask", "region_strength", "region_color", "polish"),
)
TEXTURE_STATISTIC = "moments"  # measured: see paint/texture.py
_FIXED = ("strength", "init", "losses", *BOTH_ONLY)


@click.command()
@click.argument("content", type=click.Path(path_type=Path))
@click.option("--layer", metavar="LAYER", help="The layer whose maps are matched  [the encoder's content layer].")
@click.option("--layers", metavar="all|LAYERS", help="A strip over several layers, as in all or relu1_1,relu3_1.")
@recipe_options_but(*_FIXED, *CONTENT_ONLY, *STYLE_ONLY, *BOTH_ONLY)
@opening_options
@output_options("by the input's name")
def reconstruct(
    content: Path, layer: str | None, layers: str | None, out: Path | None, anyway: bool, **given: Any
) -> int:
    """Make the photograph CONTENT again, from noise, out of what a layer keeps of it.

    Early layers give the photograph back, late ones its shapes without its detail. How much of the layer's maps is left
    unexplained is told at the end. Ctrl-C saves the picture as it stands; `impasto rerun` makes it again.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.recipe import Recipe

    if layer is not None and layers is not None:
        raise InputError("--layer and --layers together: give --layer for one picture, --layers for a strip")
    if layer is not None and ("," in layer or layer.strip() == "all"):
        raise InputError(f"--layer {layer}: expected one layer; --layers {layer} makes a strip of several")
    recipe = Recipe().but(strength=0.0, init="noise", **typed(given))
    weights, allow_huge = given.pop("weights"), given.pop("allow_huge")
    name = f"{content.stem}-{layers or layer or 'content'}".replace(",", "-").replace("/", "-")
    output = Output(out=out or free_name(name, ".png"), **given)
    output.check([content], recipe.size)

    def easel() -> Any:
        from impasto.study.alone import open_reconstruction

        return open_reconstruction(content, layers or layer or "", recipe, weights=weights, allow_huge=allow_huge)

    return paint_to_file(easel, output, anyway=anyway)


@click.command()
@click.argument("style", type=click.Path(path_type=Path))
@click.option("--size", "shape", default="512", show_default=True, metavar="WIDTHxHEIGHT",
              help="Of the canvas, in pixels, 32 to 20000 each; one number for a square.")  # fmt: skip
@click.option("--seamless", is_flag=True, help="A tile: copies of it side by side show no edges.")
@click.option("--layers", metavar="all|LAYERS", help="A strip: the style up to each of these layers, as in all.")
@click.option("--each", is_flag=True, help="With --layers: the style of each layer alone.")
@recipe_options_but("size", *_FIXED, *CONTENT_ONLY, *BOTH_ONLY, "style_weight", statistic=TEXTURE_STATISTIC)
@opening_options
@output_options("by the input's name")
def texture(
    style: Path,
    shape: str,
    seamless: bool,
    layers: str | None,
    each: bool,
    out: Path | None,
    anyway: bool,
    **given: Any,
) -> int:
    """Fill a canvas of any size with the texture of the painting STYLE, from noise.

    The painting is seen in its own pixels, or as large as the canvas where this is smaller; --style-scale multiplies. So
    a larger canvas has more strokes, not larger ones. What is matched are its moments; the paper's Gram matrices
    (--statistic gram) let the middle of a large canvas fade. Ctrl-C saves the picture as it stands; `impasto rerun` makes
    it again.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.recipe import Recipe

    size = _size(shape)
    changes = {"size": max(size), "content_weight": 0.0, "init": "noise"}
    changes |= {"statistic": TEXTURE_STATISTIC, **typed(given)}
    recipe = Recipe().but(**changes)
    weights, allow_huge = given.pop("weights"), given.pop("allow_huge")
    output = Output(out=out or free_name(f"{style.stem}-{'tile' if seamless else 'texture'}", ".png"), **given)
    output.check([style], max(size))

    def easel() -> Any:
        from impasto.study.alone import open_texture

        how: dict[str, Any] = {"seamless": seamless, "layers": layers or "", "each": each}
        return open_texture(style, size, recipe, weights=weights, allow_huge=allow_huge, **how)

    return paint_to_file(easel, output, anyway=anyway)


def _size(text: str) -> tuple[int, int]:
    """``640x480`` as (width, height)."""
    match = re.fullmatch(r"(\d{1,6})(?:[xX×*](\d{1,6}))?", text.strip())
    if not match:
        raise InputError(f"--size {text}: expected WIDTHxHEIGHT in pixels, as in 1024x768, or one number for a square")
    return int(match[1]), int(match[2] or match[1])
