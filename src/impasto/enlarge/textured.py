"""A picture made larger, with the strokes of a painting where it has no detail of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.enlarge.enlarge import TIMES, enlarge, held_to
from impasto.errors import InputError, MediaError
from impasto.media.image import Picture, file_sha256, load_picture, resize_to
from impasto.recipe import Recipe
from impasto.studio import Easel, found_input, open_easel, read_about, recorded_easel, recorded_recipe

__all__ = ["Upscaled", "open_upscaled_easel", "reopen_upscaled", "upscale"]

_ROUNDS = 8  # of back-projection behind a painting, which moves more than the net does
_STRENGTH = 60.0


@dataclass(frozen=True)
class Upscaled:
    """A picture made ``times`` as large: ``image`` and ``alpha``; ``given`` is what it was made from, at ``path``."""

    image: Tensor
    alpha: Tensor | None
    given: Picture
    path: str
    times: int

    @property
    def size(self) -> int:
        """Longer side in pixels."""
        return max(self.image.shape[2:])


def upscale(path: Path | str, times: int, *, allow_huge: bool = False) -> Upscaled:
    """The picture at ``path``, ``times`` as large; its alpha is enlarged smoothly."""
    picture = load_picture(path, allow_huge=allow_huge)
    height, width = (times * side for side in picture.image.shape[2:])
    if max(height, width) > 20000:
        raise InputError(f"{path} becomes {width}×{height} pixels: expected 20000 a side at most")
    alpha = None if picture.alpha is None else resize_to(picture.alpha, height, width)
    return Upscaled(enlarge(picture.image, times), alpha, picture, str(Path(path).absolute()), times)


def open_upscaled_easel(made: Upscaled, style: Path | str, recipe: Recipe, **options: Any) -> Easel:
    """The easel that paints ``made`` at its one size in the manner of ``style`` and holds it to what was given.

    Made smaller again, the painting is the picture that was given: the strokes are all in what is finer. Strength is 60
    where the recipe does not say.
    """
    height, width = made.given.image.shape[2:]
    if made.times * min(height, width) < 32:
        raise InputError(
            f"{made.path} is {width}×{height} pixels: to be painted, it needs at least {32 // made.times} on each side"
        )
    plain = Recipe()
    said = any(getattr(recipe, name) != getattr(plain, name) for name in ("strength", "content_weight", "style_weight"))
    strength = {} if said or recipe.losses == "classic" else {"strength": _STRENGTH}
    recipe = recipe.but(size=made.size, start_size=made.size, **strength)
    easel = open_easel(made.image, style, recipe, **options)
    before, small = easel.finishing, made.given.image

    def finishing(painted: Tensor) -> Tensor:
        painted = painted if before is None else before(painted)
        return held_to(painted, small.to(painted), _ROUNDS) if painted.shape[2:] == made.image.shape[2:] else painted

    entry = {"path": made.path, "sha256": file_sha256(made.path)}
    about = {**easel.about, "upscale": {"picture": entry, "times": made.times}}
    content = replace(easel.content, alpha=made.alpha)
    return replace(easel, content=content, about=about, files=(*easel.files, made.path), finishing=finishing)


def reopen_upscaled(picture: Path | str, *, weights: Path | str | None = None, allow_huge: bool = False) -> Easel:
    """The easel on which the enlarged ``picture`` was painted, as ``studio.reopen`` for other pictures."""
    about, near = read_about(picture), Path(picture).parent
    try:
        times, entry = about["upscale"]["times"], dict(about["upscale"]["picture"])
        if times not in TIMES or not all(isinstance(entry[key], str) for key in ("path", "sha256")):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise MediaError(f"{picture}: the recipe inside is damaged; expected the one that impasto writes") from None
    given = found_input(entry, near, None, "picture")
    style = found_input(about["styles"][0], near, None, "style")
    recipe, weights = recorded_recipe(picture, about, weights)
    made = upscale(given, times, allow_huge=allow_huge)
    return recorded_easel(
        picture, about, open_upscaled_easel(made, style, recipe, weights=weights, allow_huge=allow_huge)
    )
