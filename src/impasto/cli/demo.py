"""``impasto demo``: a first picture from what is already here: a photograph of scikit-image, a painting of our own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.options import recipe_options, typed
from impasto.errors import ImpastoError, InputError, UnknownNameError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["demo"]

# In the package of scikit-image itself: others of its pictures would have to be fetched.
_PHOTOS = ("chelsea", "coffee", "astronaut", "rocket")


@click.command()
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("demo.png"), show_default=True, help="The picture."
)
@click.option("--photo", default=_PHOTOS[0], show_default=True, metavar="NAME", help=f"One of {', '.join(_PHOTOS)}.")
@click.option(
    "--painting", default="swirl", show_default=True, metavar="NAME", help="One of swirl, ember, mosaic, ink."
)
@recipe_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="A last line on standard output for machines.")
def demo(out: Path, photo: str, painting: str, quiet: bool, as_json: bool, **given: Any) -> int:
    """Paint a first picture from what is already here.

    The photograph comes with scikit-image, the painting is drawn by impasto, the encoder is the built-in one. Both
    inputs are saved beside the picture, so that `impasto rerun` can paint it again.
    """
    from impasto.cli.session import Output, paint_to_file
    from impasto.recipe import Recipe

    recipe = Recipe().but(**{"encoder": "builtin", **typed(given)})
    content, style = (out.with_name(f"{out.stem}-{role}.png") for role in ("photo", "style"))
    output = Output(out=out, quiet=quiet, as_json=as_json)
    photograph = _photograph(photo)
    output.check([content, style])
    from impasto.media.drawn import draw_painting

    _keep(content, photograph, out)
    _keep(style, draw_painting(painting), out)

    def easel() -> Any:
        from impasto.studio import open_easel

        return open_easel(content, style, recipe)

    if not quiet:
        print(f"the photograph {photo}, from scikit-image, is in {content}", file=sys.stderr)
        print(f"the painting {painting}, drawn by impasto, is in {style}", file=sys.stderr)
    code = paint_to_file(easel, output)
    if code == 0 and not quiet:
        print(_what_next(out), file=sys.stderr)
    return code


def _photograph(name: str) -> Tensor:
    """A photograph of scikit-image's, ``(1, 3, H, W)``, 0..1."""
    if name not in _PHOTOS:
        raise UnknownNameError("photograph", name, _PHOTOS)
    try:
        from skimage import data
    except ImportError:
        raise InputError(
            "the demo's photographs come with scikit-image, which is not here: pip install 'impasto[demo]'"
        ) from None
    import torch

    return torch.from_numpy(getattr(data, name)()).permute(2, 0, 1)[None].float() / 255


def _keep(path: Path, image: Tensor, out: Path) -> None:
    """Save an input of the demo; a file of that name that is none of ours stays, and is spoken of."""
    from impasto.media.image import load_image, save_image
    from impasto.studio import read_about

    def ours(file: Path) -> bool:
        try:
            return bool(read_about(file))
        except ImpastoError:
            return False

    if out.exists() and not ours(out):
        raise InputError(f"{out} exists and was not painted by impasto: choose another name with -o")
    if path.exists() and not out.exists():
        try:
            same = load_image(path).sub(image).abs().max() < 1 / 255 if path.stat().st_size else False
        except (ImpastoError, RuntimeError):  # no picture, or one of another shape
            same = False
        if not same:
            raise InputError(f"{path} exists and is not the demo's: choose another name with -o")
    save_image(image, path)


def _what_next(out: Path) -> str:
    me = "impasto" if shutil.which("impasto") else _own_name()
    tries = (
        (f"{me} show {out}", "the recipe inside it"),
        (f"{me} rerun {out}", "the same picture again, bit for bit"),
        (f"{me} demo --painting ember --strength 80 -o ember.png", "another painting, more of it"),
        (f"{me} image PHOTO.jpg PAINTING.jpg", "your own pictures"),
        (f"{me} models fetch vgg19", "a larger encoder: finer pictures, more time"),
    )
    wide = max(len(command) for command, _ in tries)
    return "\n".join(["try next:", *(f"  {command:{wide}}  {what}" for command, what in tries)])


def _own_name() -> str:
    """How this program was called, where it is not on the search path."""
    called = Path(sys.argv[0])
    return os.path.relpath(called) if called.name == "impasto" else "python -m impasto"
