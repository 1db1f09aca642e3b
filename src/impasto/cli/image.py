"""``impasto image CONTENT STYLE…``: the main job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from impasto.cli.options import recipe_options, typed

__all__ = ["image", "painting_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PAINTING: tuple[Callable[[Any], Any], ...] = (
    click.argument("content", type=click.Path(path_type=Path)),
    click.argument("styles", nargs=-1, required=True, metavar="STYLE..."),
    recipe_options,
    click.option("--weights", type=click.Path(path_type=Path), help="A VGG-19 weight file (.pth or .safetensors)."),
    click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels."),
)


def painting_options(command: _Command) -> _Command:
    """Give ``command`` all that says what is painted and how: the pictures, the recipe, the encoder's file."""
    for add in reversed(_PAINTING):
        command = add(command)
    return command


@click.command()
@painting_options
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where the picture goes  [CONTENT-STYLE.png].")
@click.option("--bits", type=int, default=8, show_default=True, help="8 or 16 bits a channel; 16 for PNG and TIFF.")
@click.option("--jpeg-quality", type=int, default=95, show_default=True, help="Quality of JPEG and WebP, 1 to 100.")
@click.option("--save-every", type=int, default=0, metavar="N", help="Also save every N steps as OUT-0040.png.")
@click.option("--log", type=click.Path(path_type=Path), help="Write step, size, total and every loss as CSV.")
@click.option(
    "--auto", is_flag=True, help="Where the result is no good, paint once more with the remedy; keep the better."
)
@click.option("--anyway", is_flag=True, help="Paint even where the memory will hardly suffice.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="A last line on standard output for machines.")
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
