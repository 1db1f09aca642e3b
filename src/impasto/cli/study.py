"""``impasto study``: what impasto can paint with, side by side on a page to share."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.options import recipe_options_but, typed
from impasto.cli.study_layers import layers_command
from impasto.cli.sweep import COMMANDS
from impasto.errors import ImpastoError, InputError, MediaError

if TYPE_CHECKING:
    from impasto.study.encoders import EncoderStudy, Result

__all__ = ["study"]


@click.group()
def study() -> None:
    """Compare what impasto can paint with; each study is one page that can be shared."""


for _command in (layers_command, *COMMANDS):
    study.add_command(_command)


@study.command("encoders")
@click.argument("content", type=click.Path(path_type=Path))
@click.argument("style", type=click.Path(path_type=Path))
@click.option("-o", "--out", "--output", "out", type=click.Path(path_type=Path), metavar="FILE.html",
              help="Where the page goes  [encoders.html].")  # fmt: skip
@click.option("--encoder", "encoders", multiple=True, metavar="NAME|FILE",
              help="Who looks: builtin, random, vgg19, vgg19-caffe, or a file  [random, builtin, installed VGG-19].")  # fmt: skip
@click.option("--judge", metavar="NAME|FILE", help="Who judges the paintings  [the VGG-19 that is installed].")
@click.option(
    "--keep", type=click.Path(path_type=Path), metavar="FOLDER", help="Also save the paintings there, as PNG."
)
@recipe_options_but("encoder")
@click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def encoders_command(
    content: Path,
    style: Path,
    out: Path | None,
    encoders: Sequence[str],
    judge: str | None,
    keep: Path | None,
    allow_huge: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Paint CONTENT in the manner of STYLE through every encoder, and write one page of them all.

    The page holds the paintings, what each encoder is and costs, and, where there is a VGG-19 to judge, how near each
    came. Ctrl-C writes it with the paintings that are finished.
    """
    from impasto.cli.session import free_name
    from impasto.recipe import Recipe

    recipe = Recipe().but(**typed(given))
    places = _Places(out or free_name("encoders", ".html"), keep, quiet)
    places.check([content, style])
    from impasto.study.encoders import open_study

    opened = open_study(content, style, encoders, recipe, judge=judge, allow_huge=allow_huge)
    places.check(opened.files, [eyes.label for eyes in opened.eyes])
    return _run(opened, places)


@dataclass
class _Places:
    """Where a study goes: its page, and the folder of its pictures. ``failure`` is the first of these that failed."""

    page: Path
    keep: Path | None
    quiet: bool
    failure: ImpastoError | None = field(default=None, init=False)

    def check(self, inputs: Sequence[Path | str], labels: Sequence[str] = ()) -> None:
        """Refuse, before any work, what could not be written at the end or would replace one of the ``inputs``."""
        from impasto.media.files import check_folder
        from impasto.studio import check_output, check_page

        check_page(self.page, inputs)
        if self.keep is None:
            return
        if os.path.realpath(self.keep) == os.path.realpath(self.page):
            raise InputError(f"--keep {self.keep} is the page itself: choose another name for the folder")
        if not self.keep.exists():
            check_folder(self.keep)  # where a file can be put, a folder can be made
        elif not self.keep.is_dir():
            raise MediaError(f"--keep {self.keep} is a file: give the name of a folder")
        else:
            for number, label in enumerate(labels, 1):
                check_output(self.picture(number, label), inputs)

    def picture(self, number: int, label: str) -> Path:
        """The file in ``keep`` of the painting with this number, from 1."""
        name = re.sub(r"[^\w.-]+", "-", label).strip("-")[:80]
        return (self.keep or Path()) / f"{number}-{name}.png"

    def save_picture(self, number: int, result: Result) -> None:
        """Keep a painting, if it is to be kept; what fails does not end the study."""
        if self.keep is None or result.painting is None:
            return
        try:
            self.keep.mkdir(exist_ok=True)
            result.painting.save(self.picture(number, result.eyes.label))
        except OSError as error:
            self.failure = self.failure or MediaError(f"--keep {self.keep}: {(error.strerror or str(error)).lower()}")
        except ImpastoError as error:
            self.failure = self.failure or error

    def save_page(self, text: str) -> None:
        """Write the page; where that fails, among the temporary files, so that no work is lost: an error all the same."""
        from impasto.media.files import write_file

        try:
            write_file(self.page, text.encode())
        except MediaError as error:
            kept = None
            with suppress(OSError, MediaError):
                place = Path(tempfile.mkdtemp(prefix="impasto-")) / self.page.name
                write_file(place, text.encode())
                kept = place
            raise MediaError(f"{error}; the page is kept as {kept}" if kept else str(error)) from None


def _run(opened: EncoderStudy, places: _Places) -> int:
    """Paint, write the page, and say what became of it; the exit code."""
    from impasto.cli.session import Held
    from impasto.study.encoders_page import encoders_page

    results: list[Result] = []
    with Held() as held:
        with suppress(KeyboardInterrupt):  # of an impatient second Ctrl-C; what is finished is kept all the same
            _paint(opened, places, held, results)
        held.saving = True
        painted = [result for result in results if result.painting is not None]
        missing = len(opened.eyes) - len(results)
        if not painted and missing:
            raise KeyboardInterrupt
        if not painted:
            raise InputError(f"no encoder could paint; {results[0].eyes.label}: {results[0].failure}")
        places.save_page(encoders_page(opened, results))
    if not places.quiet:
        state = f"interrupted after {len(results)} of {len(opened.eyes)} encoders; the page so far is" * bool(missing)
        print(f"{state or 'wrote'} {places.page}", file=sys.stderr)
    failed = [result.eyes.label for result in results if result.failure]
    if places.failure:
        raise places.failure
    if failed:
        raise InputError(f"{', '.join(failed)} could not paint: {places.page} says why")
    return 130 if missing else 0


def _paint(opened: EncoderStudy, places: _Places, held: Any, results: list[Result]) -> None:
    """Pull the study to its end or to an interrupt; its results go into ``results`` as they come."""
    from impasto.cli.bar import Bar

    with Bar(places.quiet) as bar:
        for at in opened.steps():
            if at.progress:
                held.painting = True
                bar.show(at.progress, at.eyes.label, at.done)
            if at.result:
                results.append(at.result)
                places.save_picture(len(results), at.result)
                if not places.quiet:
                    print(_line(at.result), file=sys.stderr)
            if held.asked:
                break


def _line(result: Result) -> str:
    if result.failure:
        return f"{result.eyes.label}: {result.failure}"
    judged = "".join(f"  {name.replace('_', ' ')} {value:.4g}" for name, value in result.judged.items())
    return f"{result.eyes.label}: {result.seconds:.1f} s{judged}"
