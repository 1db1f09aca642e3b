"""``impasto rerun`` of a film: painted again from the recipe in its comment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from impasto.errors import InputError, MediaError

__all__ = ["rerun_film"]

_NOT_ITS = ("init", "mask", "style_mask", "protect")


def rerun_film(film: Path, out: Path | None, content: Path | None, styles: tuple[Path, ...], **given: Any) -> int:
    """Paint ``film`` again, to ``out``; the exit code. ``content`` and ``styles`` name its inputs anew.

    What an interrupted run has kept is gone on with. Raises ``InputError`` where an input is gone or has changed.
    """
    for name in _NOT_ITS:
        if given.pop(name):
            raise InputError(f"{film} is a film: --{name.replace('_', '-')} is not for it; leave it out")
    from impasto.cli.film_session import FilmSession
    from impasto.cli.session import free_name
    from impasto.film import FilmOptions
    from impasto.media.frames import check_film
    from impasto.reel.film import Stretch
    from impasto.reel.work import Work, work_folder
    from impasto.studio import found_input, recorded_recipe

    about = _recipe_of(film)
    near = film.absolute().parent
    if styles and len(styles) != len(about["styles"]):
        raise InputError(f"{film} was painted with {len(about['styles'])} style(s), {len(styles)} given")
    try:
        options, stretch = FilmOptions.from_dict(about["film"]), Stretch.from_dict(about["source"])
        recipe, weights = recorded_recipe(film, about, given.pop("weights"))
        output = about["output"]
        codec, quality, threads = output["codec"], output["quality"], int(about["machine"]["threads"])
        source = _source(about["source"], near, content)
        paintings = tuple(
            found_input(entry, near, styles[i] if styles else None, "style") for i, entry in enumerate(about["styles"])
        )
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        raise _damaged(film) from None
    folder = codec == "frames"
    out = out or free_name(f"{film.stem}-rerun", "" if folder else film.suffix, film.parent)
    check_film(out, [film], codec=codec, quality=quality)
    begun = work_folder(out) / "about.json"
    session = FilmSession(
        source,
        paintings,
        {
            "out": out,
            **{name: getattr(stretch, name) for name in ("start", "end", "every", "rate")},
            "codec": codec,
            "film_quality": quality,
            "weights": weights,
            "threads": min(threads, os.cpu_count() or 1),
            "jobs": 1,
            "resume": begun.is_file() and not Work(begun.parent).empty(),
            **dict.fromkeys(("afresh", "preview", "keep_work"), False),
            **given,
        },
        onwards="the same command",
        recorded=about,
    )
    session.check()
    return session.run(recipe, options)


def _recipe_of(film: Path) -> Any:
    """The record in the film, of the form that ``open_reel`` gives; ``InputError`` for one that nothing can be painted from."""
    from impasto.cli.show_film import film_about

    about = film_about(film)
    if "smoothed" in about:
        raise InputError(
            f"{film} was painted elsewhere and smoothed: make it again with impasto video FILM --smooth-only PAINTED"
        )
    parts = ("recipe", "film", "source", "encoder", "machine", "output")
    if not all(isinstance(about.get(part), dict) for part in parts) or not isinstance(about.get("styles"), list):
        raise _damaged(film)
    return about


def _damaged(film: Path) -> MediaError:
    return MediaError(f"{film}: the recipe inside is damaged; expected the one that impasto writes")


def _source(entry: Mapping[str, str], near: Path, given: Path | None) -> Path:
    """The film that was painted, by name or beside the painted one, its hash checked."""
    from impasto.reel.film import digest

    recorded = Path(entry["path"])
    places = [recorded, near / PureWindowsPath(entry["path"]).name] if given is None else [given]
    there = [place for place in places if place.exists()]
    if not there:
        raise InputError(f"the film {places[0]} is gone: name it with --content FILM")
    for place in there:
        if digest(place) == entry["sha256"]:
            return place
    raise InputError(
        f"the film {there[0]} is not the one that was painted from (its sha256 differs): "
        "name the right one with --content FILM"
    )
