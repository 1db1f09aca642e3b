"""``impasto study layers``: what every layer sees of a painting and of a photograph, as a figure and a page."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.alone import BOTH_ONLY, CONTENT_ONLY
from impasto.cli.options import recipe_options_but, typed
from impasto.errors import ImpastoError, MediaError

if TYPE_CHECKING:
    from impasto.paint.painter import Progress
    from impasto.studio import Painting
    from impasto.study.layers import LayersStudy

__all__ = ["layers_command"]

_PAGE, _FIGURE = "layers.html", "layers.png"


@click.command("layers")
@click.argument("content", type=click.Path(path_type=Path))
@click.argument("style", type=click.Path(path_type=Path))
@click.option("-o", "--out", "--output", "out", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where the figure, the page and every panel go  [layers].")  # fmt: skip
@click.option("--layers", default="all", metavar="all|LAYERS",
              help="Which layers: all is one a block and the content's  [all].")  # fmt: skip
@recipe_options_but("strength", "init", "losses", *BOTH_ONLY, *CONTENT_ONLY, "style_layers", "style_weight")
@click.option("--weights", type=click.Path(path_type=Path), help="A VGG-19 weight file (.pth or .safetensors).")
@click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels.")
@click.option("--anyway", is_flag=True, help="Go on even where the memory will hardly suffice.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def layers_command(
    content: Path,
    style: Path,
    out: Path | None,
    layers: str,
    weights: Path | None,
    allow_huge: bool,
    anyway: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Show what every layer sees: the style of each alone above, the content of each alone below, from noise.

    The folder gets the figure (layers.png), a page to share (layers.html) and every panel with its recipe. Ctrl-C writes
    them as they stand.
    """
    from impasto.cli.session import free_name
    from impasto.recipe import Recipe

    recipe = Recipe().but(init="noise", **typed(given))
    folder = _Folder(out or free_name("layers", ""), quiet)
    folder.check([content, style])
    from impasto.foresee.check import check_fits
    from impasto.study.layers import open_layers

    opened = open_layers(
        content,
        style,
        layers,
        recipe,
        weights=weights,
        allow_huge=allow_huge,
        done=lambda panel, painting: folder.save(painting, _panel(panel.words)),
    )
    folder.check(opened.easel.files, [_panel(words) for words in opened.panels])
    if not anyway:
        check_fits(opened.easel)
    if not quiet:
        print(*opened.easel.remarks, sep="\n", file=sys.stderr)
    return _run(opened, folder)


def _panel(words: str) -> str:
    return f"{words.replace(' of ', '-')}.png"


@dataclass
class _Folder:
    """Where the study goes. ``failure`` is the first panel that could not be written: the others go on."""

    path: Path
    quiet: bool
    failure: ImpastoError | None = field(default=None, init=False)

    def check(self, inputs: Any, panels: Any = ()) -> None:
        """Refuse, before any work, a folder that cannot be written to, or holds what is not of such a study."""
        from impasto.media.files import check_folder
        from impasto.studio import check_output, check_page

        if not self.path.exists():
            check_folder(self.path)  # where a file can be put, a folder can be made
            return
        if not self.path.is_dir():
            raise MediaError(f"-o {self.path} is a file: give the name of a folder")
        there = {entry.name for entry in os.scandir(self.path)}
        if there and _PAGE not in there:
            raise MediaError(
                f"-o {self.path} holds other things ({min(there)}): give a new folder, or one of an earlier study of layers"
            )
        check_page(self.path / _PAGE, inputs)
        for name in (_FIGURE, *panels):
            check_output(self.path / name, inputs)

    def save(self, painting: Painting, name: str) -> None:
        """Write a panel; what fails does not end the study."""
        try:
            self.path.mkdir(exist_ok=True)
            painting.save(self.path / name)
        except OSError as error:
            self.failure = self.failure or MediaError(f"-o {self.path}: {(error.strerror or str(error)).lower()}")
        except ImpastoError as error:
            self.failure = self.failure or error

    def finish(self, painting: Painting, page: str) -> None:
        """Write the figure and the page, or raise."""
        from impasto.media.files import write_file

        self.path.mkdir(exist_ok=True)
        painting.save(self.path / _FIGURE)
        write_file(self.path / _PAGE, page.encode())


def _run(opened: LayersStudy, folder: _Folder) -> int:
    """Paint, write, and say what became of it; the exit code."""
    from impasto.cli.session import Held
    from impasto.study.layers_page import layers_page

    with Held() as held:
        last = _paint(opened, folder, held)
        held.saving = True
        if last is None:
            raise KeyboardInterrupt
        painting = opened.easel.painting(last)
        folder.finish(painting, layers_page(opened, painting))
    missing = last.step < last.steps
    if not folder.quiet:
        for name, value in painting.reached.items():
            print(f"  {name}: {value:.4f} is left", file=sys.stderr)
        state = (
            f"interrupted after {len(painting.reached)} of {len(opened.panels)} panels; so far:" if missing else "wrote"
        )
        print(f"{state} {folder.path / _PAGE}", file=sys.stderr)
    if folder.failure:
        raise folder.failure
    return 130 if missing else 0


def _paint(opened: LayersStudy, folder: _Folder, held: Any) -> Progress | None:
    """Pull to the end or to an interrupt; the last progress, None before the first step."""
    from impasto.cli.bar import Bar

    last: Progress | None = None
    with Bar(folder.quiet) as bar, suppress(KeyboardInterrupt):  # of an impatient second Ctrl-C: what is there is kept
        for last in opened.easel.paint():
            held.painting = True
            bar.show(last)
            if held.asked:
                break
    return last
