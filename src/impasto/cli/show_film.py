"""``impasto show`` of a film: the recipe in its comment."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto.cli.command import option_words
from impasto.errors import MediaError
from impasto.film import film_options
from impasto.recipe import options

__all__ = ["film_about", "is_film", "show_film"]

_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")  # those that hold a recipe


def is_film(path: Path) -> bool:
    """By its name: what `impasto video` writes with a recipe inside."""
    return path.suffix.lower() in _SUFFIXES


def show_film(film: Path, as_json: bool) -> None:
    """Print how ``film`` was painted; ``MediaError`` where it does not say."""
    about = film_about(film)
    try:
        lines = _lines(about)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _no_recipe(film) from None
    print(json.dumps(about) if as_json else "\n".join(lines))


def film_about(film: Path) -> dict[str, Any]:
    """What the comment of ``film`` records; ``MediaError`` where it holds none, or something else."""
    from impasto.media.film_recipe import read_film_recipe

    try:
        about = json.loads(read_film_recipe(film))
    except (RecursionError, ValueError):
        about = None
    if not isinstance(about, dict):
        raise _no_recipe(film)
    return about


def _no_recipe(film: Path) -> MediaError:
    return MediaError(f"{film}: the comment inside is no recipe; expected a film painted by impasto")


def _lines(about: Mapping[str, Any]) -> list[str]:
    entries = [(role, about[role]) for role in ("source", "painted") if role in about]
    entries += [("style", style) for style in about.get("styles", ())]
    files = [f"{role:9}{entry['path'] or '(not a file)'}  sha256 {entry.get('sha256', '')[:16] or '-'}"
             for role, entry in entries]  # fmt: skip
    if "smoothed" in about:
        values = about["smoothed"]
        return ["smoothed by impasto video --smooth-only", *files, f"impasto  {about['impasto']}", *_values(values)]
    encoder, machine = about["encoder"], about["machine"]
    return [
        _command(about),
        *files,
        f"encoder  {encoder['name']}  sha256 {encoder['sha256'][:16] or '-'}",
        f"machine  {', '.join(f'{key} {value}' for key, value in machine.items())}",
        f"impasto  {about['impasto']}",
        *_values({**about["film"], **{k: v for k, v in about["recipe"].items() if k not in about["film"]}}),
    ]


def _values(values: Mapping[str, Any]) -> list[str]:
    return [f"  {key.replace('_', '-'):16}{value}" for key, value in values.items()]


def _command(about: Mapping[str, Any]) -> str:
    """``impasto video …`` with the options that differ from their defaults, ready for a shell."""
    source, output = about["source"], about["output"]
    words = ["impasto", "video", source["path"], *(style["path"] or "STYLE" for style in about["styles"])]
    for name in ("start", "end", "every", "rate"):
        if source[name] not in (None, "0", 1):
            words += [f"--{name}", _decimal(source[name]) if name in ("start", "end") else str(source[name])]
    words += option_words(film_options(), about["film"])
    words += option_words([option for option in options() if option.name != "init"], about["recipe"])
    if about["encoder"]["weights"] and about["encoder"]["weights"] != about["recipe"].get("encoder"):
        words += ["--weights", about["encoder"]["weights"]]
    words += ["--threads", str(about["machine"]["threads"])]
    if output["codec"] != "auto":
        words += ["--codec", output["codec"]]
    if output["quality"] is not None:
        words += ["--film-quality", str(output["quality"])]
    return shlex.join(words)


def _decimal(value: str) -> str:
    """A fraction of seconds as it is typed."""
    over, _, under = value.partition("/")
    return f"{int(over) / int(under or 1):.6f}".rstrip("0").rstrip(".")
