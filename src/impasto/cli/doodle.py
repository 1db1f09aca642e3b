"""``impasto doodle DOODLE STYLE --style-map MAP``: a picture out of a map in colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto.cli.options import recipe_options_but, typed

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
@click.option("--weights", type=click.Path(path_type=Path), help="A VGG-19 weight file (.pth or .safetensors).")
@click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where the picture goes  [DOODLE-STYLE.png].")
@click.option("--bits", type=int, default=8, show_default=True, help="8 or 16 bits a channel; 16 for PNG and TIFF.")
@click.option("--jpeg-quality", type=int, default=95, show_default=True, help="Quality of JPEG and WebP, 1 to 100.")
@click.option("--save-every", type=int, default=0, metavar="N", help="Also save every N steps as OUT-0040.png.")
@click.option("--log", type=click.Path(path_type=Path), help="Write step, size, total and every loss as CSV.")
@click.option("--anyway", is_flag=True, help="Paint even where the memory will hardly suffice.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="A last line on standard output for machines.")
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
