"""``impasto compose`` and ``impasto mask``: a cut-out, and the picture it is set into."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from impasto.cli.options import opening_options, output_options, recipe_options_but, typed
from impasto.errors import InputError

__all__ = ["compose", "mask"]

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("content", type=_FILE)
@click.option("--foreground", required=True, metavar="auto|X,Y,W,H", help="The box around it, or auto: off the border.")
@click.option("-o", "--out", type=_FILE, help="Where the mask goes  [CONTENT-mask.png].")
@click.option("--invert", is_flag=True, help="White where the background is.")
@click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def mask(content: Path, foreground: str, out: Path | None, invert: bool, allow_huge: bool, quiet: bool) -> None:
    """Find the foreground of CONTENT by GrabCut and write it as a mask, white where it is.

    The mask is what `impasto image --protect` and `impasto compose --mask` read; any program can paint it further.
    """
    from impasto.cli.session import free_name
    from impasto.recipe import Recipe

    Recipe(foreground=foreground or "-")
    out = out or free_name(f"{content.stem}-mask", ".png")
    from impasto.media.image import load_picture, save_image
    from impasto.media.matte import check_matte, cut_out, parse_box
    from impasto.studio import check_output

    check_output(out, [content])
    picture = load_picture(content, allow_huge=allow_huge)
    matte = check_matte(cut_out(picture.image, parse_box(foreground)), "the foreground")
    matte = 1 - matte if invert else matte
    save_image(matte.expand(-1, 3, -1, -1), out)
    if not quiet:
        print(f"wrote {out}, {100 * float(matte.mean()):.0f} % of it white", file=sys.stderr)


@click.command()
@click.argument("front", type=_FILE, metavar="FOREGROUND")
@click.argument("background", type=_FILE)
@click.option("--mask", "cut", type=_FILE, help="White where FOREGROUND is cut out  [its transparency].")
@click.option("--at", metavar="X,Y", help="Where the cut-out's middle goes, in pixels  [the background's middle].")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Size of the cut-out, 0.01 to 100.")
@click.option(
    "--blend",
    default="normal",
    show_default=True,
    metavar="HOW",
    help="normal or mixed: cloned seamlessly, its colours fitted; paste: laid over as it is.",
)
@click.option("--style", type=_FILE, help="Paint the whole in the manner of this painting.")
@click.option("--harmonise", is_flag=True, help="BACKGROUND is a painting: paint the cut-out alone, in its manner.")
@recipe_options_but("protect", "foreground", "mask", "style_mask", "region_strength", "region_color")
@opening_options
@output_options("FOREGROUND-BACKGROUND.png")
def compose(
    front: Path,
    background: Path,
    cut: Path | None,
    at: str | None,
    scale: float,
    blend: str,
    style: Path | None,
    harmonise: bool,
    weights: Path | None,
    allow_huge: bool,
    out: Path | None,
    anyway: bool,
    **given: Any,
) -> int:
    """Set a cut-out of FOREGROUND into BACKGROUND, so that no seam shows, and paint it.

    Without --style and --harmonise the composition is saved as it is, at the background's size, and no option of a
    painting is taken. A painted one holds its recipe: `impasto rerun` paints it again.
    """
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.recipe import Recipe

    changes = typed(given)
    recipe = Recipe().but(**changes)
    place = _place(at)
    if recipe.init not in ("content", "noise", "style"):
        raise InputError(f"--init {recipe.init} is not for compose: expected content, noise or style")
    if style is not None and harmonise:
        raise InputError("--style paints the whole and --harmonise the cut-out alone: give one of them")
    if style is None and not harmonise and (changes or weights or given["save_every"] or given["log"]):
        name = next(iter(changes), "weights" if weights else "save_every" if given["save_every"] else "log")
        raise InputError(f"--{name.replace('_', '-')} is about painting: give --style FILE or --harmonise with it")
    output = Output(out=out or free_name(f"{front.stem}-{background.stem}", ".png"), **given)
    inputs = [path for path in (front, background, cut, style) if path is not None]
    output.check(inputs, recipe.size if style or harmonise else 0)
    from impasto.montage import open_montage, open_montage_easel

    montage = open_montage(front, background, mask=cut, at=place, scale=scale, blend=blend, allow_huge=allow_huge)
    if style is None and not harmonise:
        from impasto.media.image import save_image

        output.check(inputs, max(montage.image.shape[2:]))
        save_image(montage.image, output.out, alpha=montage.alpha, bits=output.bits, quality=output.jpeg_quality)
        if not output.quiet:
            height, width = montage.image.shape[2:]
            print(f"composed {output.out} ({width}×{height})", file=sys.stderr)
        return 0

    def easel() -> Any:
        return open_montage_easel(montage, [style] if style else [], recipe, weights=weights, allow_huge=allow_huge)

    return paint_to_file(easel, output, anyway=anyway)


def _place(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--at {text!r}: expected x,y in pixels of the background, as in 320,180") from None
    return x, y
