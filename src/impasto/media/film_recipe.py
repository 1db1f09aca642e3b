"""The text that impasto leaves in a film: its recipe, in the comment of the file."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import MediaError
from impasto.media.files import shown
from impasto.media.film_read import open_container

__all__ = ["read_film_recipe"]


def read_film_recipe(path: Path | str) -> str:
    """The comment of the film at ``path``; ``MediaError`` where it is no film, or has none."""
    with open_container(path) as container:
        found = {key.lower(): str(value) for key, value in container.metadata.items()}
    if not found.get("comment"):
        raise MediaError(f"{shown(path)} holds no recipe: expected a film painted by impasto, as mp4, mov or mkv")
    return found["comment"]
