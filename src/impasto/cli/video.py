"""``impasto video FILM STYLE…``: a film painted, frame after frame, and finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto.cli.film import film_out_options, stretch_options
from impasto.cli.film_session import FilmSession
from impasto.cli.options import film_choices, recipe_options_but, typed, typed_film
from impasto.errors import InputError

__all__ = ["video"]


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.argument("styles", metavar="STYLE...", nargs=-1, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where the film goes  [FILM-STYLE.mp4].")
@stretch_options
@film_choices
@recipe_options_but("init")
@film_out_options
@click.option("--weights", type=click.Path(path_type=Path), help="A VGG-19 weight file (.pth or .safetensors).")
@click.option("--allow-huge", is_flag=True, help="Read style pictures above 100 megapixels.")
@click.option("--resume", is_flag=True, help="Go on with the frames that an interrupted run has kept.")
@click.option("--afresh", is_flag=True, help="Throw away what an interrupted run has kept.")
@click.option("--jobs", type=int, default=1, metavar="N", help="Paint N shots at a time, each by a process  [1].")
@click.option("--threads", type=int, default=0, metavar="N",
              help="Threads of each process: the same number gives the same bytes  [the cores over --jobs].")  # fmt: skip
@click.option("--preview", is_flag=True, help="Write the film so far as OUT-preview.mp4 now and then.")
@click.option(
    "--keep-work", is_flag=True, help="Leave the folder of painted frames, of 16 bits, when the film is done."
)
@click.option("--smooth-only", type=click.Path(path_type=Path), metavar="PAINTED",
              help="Paint nothing: take the flicker out of PAINTED, which is FILM painted elsewhere.")  # fmt: skip
@click.option("--anyway", is_flag=True, help="Paint even where the memory will hardly suffice.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="A last line on standard output for machines.")
def video(film: Path, styles: tuple[Path, ...], smooth_only: Path | None, **given: Any) -> int:
    """Paint FILM in the manner of STYLE, coherent from frame to frame, with its rate and its sound.

    Every painted frame is kept in OUT.work until the film is done: Ctrl-C, or a crash, loses nothing, and --resume goes on
    at the same bytes. Several styles are blended in equal parts.
    """
    from impasto.film import FilmOptions
    from impasto.recipe import Recipe

    if smooth_only is not None:
        from impasto.cli.smooth import smooth

        return smooth(film, styles, smooth_only, given)
    options = FilmOptions(**typed_film(given))
    start: dict[str, Any] = {"init": "noise"} if options.init == "noise" else {}
    recipe = Recipe(**typed(given), **start)
    if not styles:
        raise InputError("no style given: name a painting after the film, as in impasto video film.mp4 painting.jpg")
    session = FilmSession(film, styles, given)
    session.check()
    return session.run(recipe, options)
