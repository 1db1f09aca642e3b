"""Whatever was made, made again from the recipe inside it: paintings, reconstructions, textures, strips of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from impasto.errors import InputError
from impasto.recipe import Recipe
from impasto.studio import Easel, read_about
from impasto.studio import reopen as reopen_painting
from impasto.study.alone import open_reconstruction, open_texture
from impasto.study.layers import open_layers

__all__ = ["reopen"]


def reopen(picture: Path | str, **given: Any) -> Easel:
    """The easel on which ``picture`` was made; ``given`` and errors as of ``studio.reopen``."""
    about = read_about(picture)
    if (task := about.get("task")) is None:
        return reopen_painting(picture, **given)
    return reopen_painting(picture, **given, opener=partial(_open, dict(task), str(picture)))


def _open(
    task: dict[str, Any], name: str, content: Path | None, styles: Sequence[Path], recipe: Recipe, **rest: Any
) -> Easel:
    kind, layers = task.get("kind"), tuple(task.get("layers") or ())
    try:
        if kind == "reconstruct" and content is not None:
            return open_reconstruction(content, layers, recipe, **rest)
        if kind == "texture" and styles:
            size, seamless, each = (int(task["width"]), int(task["height"])), bool(task["seamless"]), bool(task["each"])
            return open_texture(styles[0], size, recipe, seamless=seamless, each=each, layers=layers, **rest)
        if kind == "layers" and content is not None and styles:
            return open_layers(content, styles[0], layers, recipe, **rest).easel
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{name}: the recipe inside is damaged; expected the one that impasto writes") from None
    raise InputError(f"{name} was made by a newer impasto, as a {kind!r}: update it")
