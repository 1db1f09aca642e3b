"""``impasto doodle DOODLE STYLE --style-map MAP``: a picture out of a map in colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto.cli.options import opening_options, output_options, recipe_options_but, typed

__all__ = ["doodle"]

# What a doodle is: nothing of a photograph, every region from its own in the painting.
_OWN = (
    *("mask", "style_mask", "strength", "content_weight", "content_layers"),
    *("laplacian_weight", "region_strength", "region_color", "losses"),
)


@click.command()
@click.argument("doodle", type=click.Path(path_type=Path))
@click.argument("style", type=click.Path(path_type=Path))
@click.option("--style-map", type=click.Path(path_type=Path), required=True,
              help="The painting's regions, in the colours of the doodle.")  # fmt: skip
@recipe_options_but(*_OWN)
@opening_options
@output_options("DOODLE-STYLE.png")
def doodle(doodle: Path, style: Path, style_map: Path, out: Path | None, anyway: bool, **given: Any) -> int:
    """Paint a picture from DOODLE, a map in flat colours, with what STYLE has under the same colours in its own map.

    There is no photograph: the doodle says where things are, the painting what they look like. `impasto show` and
    `impasto rerun` know the result as any other.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.recipe import Recipe

    own = {"mask": str(doodle), "style_mask": str(style_map), "strength": 100.0}
    recipe = Recipe(mask=str(doodle), init="regions").but(**typed(given), **own)
    weights, allow_huge = given.pop("weights"), given.pop("allow_huge")
    output = Output(out=out or free_name(f"{doodle.stem}-{style.stem}", ".png"), **given)
    output.check([doodle, style, style_map], recipe.size)

    def easel() -> Any:
        from impasto.studio import open_easel

        return open_easel(doodle, style, recipe, weights=weights, allow_huge=allow_huge)

    return paint_to_file(easel, output, anyway=anyway)
