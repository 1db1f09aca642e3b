"""``impasto image CONTENT STYLE…``: the main job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from impasto.cli.options import all_of, opening_options, output_options, recipe_options, typed

__all__ = ["image", "painting_options"]

painting_options = all_of(  # what is painted and how: the pictures, the recipe, the encoder's file
    click.argument("content", type=click.Path(path_type=Path)),
    click.argument("styles", nargs=-1, required=True, metavar="STYLE..."),
    recipe_options,
    opening_options,
)


@click.command()
@painting_options
@output_options("CONTENT-STYLE.png")
@click.option(
    "--auto", is_flag=True, help="Where the result is no good, paint once more with the remedy; keep the better."
)
@click.option("--strip", type=int, default=0, metavar="N",
              help="N pictures on one sheet: from one STYLE to the other, or from less to more strength.")  # fmt: skip
def image(content: Path, styles: Sequence[str], out: Path | None, anyway: bool, strip: int, **given: Any) -> int:
    """Paint the photograph CONTENT in the manner of the painting STYLE, or of several together.

    A STYLE is a file, and, behind colons, its weight and settings: a.jpg:0.7 b.jpg:0.3, a.jpg:scale=2,
    a.jpg:layers=relu1_1,relu2_1, a.jpg:region=red, a.jpg:mask=a-mask.png.

    The picture holds its recipe: `impasto show` prints it and `impasto rerun` paints it again. Ctrl-C saves the picture
    as it stands.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.mixture import read_manner
    from impasto.recipe import Recipe

    recipe = Recipe().but(**typed(given))  # options are checked before torch is even imported
    manners = [read_manner(style) for style in styles]
    weights, allow_huge = given.pop("weights"), given.pop("allow_huge")
    name = "-".join([content.stem, *(Path(one.picture).stem for one in manners), *(["strip"] if strip else [])])
    output = Output(out=out or free_name(name, ".png"), **given)
    files = [recipe.mask, recipe.style_mask, *(file for one in manners for file in (one.picture, one.mask))]
    output.check(filter(None, [content, *files]), recipe.size)
    if strip:
        from impasto.cli.strip import paint_strip

        return paint_strip(
            content, manners, recipe, strip, output, anyway=anyway, weights=weights, allow_huge=allow_huge
        )

    def easel(**changes: Any) -> Any:
        from impasto.studio import open_easel

        return open_easel(content, manners, recipe.but(**changes), weights=weights, allow_huge=allow_huge)

    return paint_to_file(easel, output, anyway=anyway)
