"""``impasto image CONTENT STYLE``: the main job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from impasto.cli.options import recipe_options, typed

__all__ = ["image", "painting_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PAINTING: tuple[Callable[[Any], Any], ...] = (
    click.argument("content", type=click.Path(path_type=Path)),
    click.argument("style", type=click.Path(path_type=Path)),
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
def image(content: Path, style: Path, out: Path | None, anyway: bool, **given: Any) -> int:
    """Paint the photograph CONTENT in the manner of the painting STYLE.

    The picture holds its recipe: `impasto show` prints it and `impasto rerun` paints it again. Ctrl-C saves the picture
    as it stands.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.recipe import Recipe

    recipe = Recipe().but(**typed(given))  # options are checked before torch is even imported
    weights, allow_huge = given.pop("weights"), given.pop("allow_huge")
    output = Output(out=out or free_name(f"{content.stem}-{style.stem}", ".png"), **given)
    output.check([content, style], recipe.size)

    def easel(**changes: Any) -> Any:
        from impasto.studio import open_easel

        return open_easel(content, style, recipe.but(**changes), weights=weights, allow_huge=allow_huge)

    return paint_to_file(easel, output, anyway=anyway)
