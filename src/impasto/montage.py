"""A cut-out set into a picture, and painted so that it belongs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError, MediaError
from impasto.media.compose import BLENDS, composed, place
from impasto.media.image import file_sha256, load_picture
from impasto.media.matte import check_matte, fitted, load_matte
from impasto.paint.finishing import Finishing
from impasto.paint.optimise import smallest
from impasto.paint.window import Window, WindowPainter
from impasto.recipe import Recipe
from impasto.studio import Easel, Source, found_input, open_easel, read_about, recorded_easel, recorded_recipe

__all__ = ["Montage", "open_montage", "open_montage_easel", "reopen_montage"]

_EDGE = 0.002  # of the longer side: how soft the edge of what is painted is, to each side
_NEAR = 0.6  # of the cut-out's own sides: how far around it the painting is looked at


@dataclass(frozen=True)
class Montage:
    """A composition not painted yet: ``image`` ``(1, 3, H, W)``, its ``alpha``, the ``matte`` of what was set in.

    ``about`` records the files and how they were put together; ``files`` are their names.
    """

    image: Tensor
    alpha: Tensor | None
    matte: Tensor
    background: Tensor
    about: Mapping[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """The pictures it was made from."""
        return tuple(self.about[key]["path"] for key in ("foreground", "background", "mask") if self.about.get(key))


def open_montage(
    foreground: Path | str,
    background: Path | str,
    *,
    mask: Path | str | None = None,
    at: tuple[int, int] | None = None,
    scale: float = 1.0,
    blend: str = "normal",
    allow_huge: bool = False,
) -> Montage:
    """What ``mask`` shows of ``foreground``, its middle ``at`` ``(x, y)`` of ``background``, blended as ``BLENDS`` say.

    Without a mask the foreground's own transparency says what is shown; without ``at`` the middle is the background's.
    Raises ``ImpastoError`` with one line for anything that cannot be used.
    """
    if not 0.01 <= scale <= 100:
        raise InputError(f"--scale {scale:g}: expected 0.01 to 100")
    front, back = (load_picture(path, allow_huge=allow_huge) for path in (foreground, background))
    height, width = front.image.shape[2:]
    if mask is not None:
        matte = fitted(load_matte(mask, allow_huge=allow_huge), height, width, f"--mask {mask}", "the foreground")
        matte = check_matte(matte, f"--mask {mask}", whole=True)
        matte = matte if front.alpha is None else matte * front.alpha
    elif front.alpha is not None:
        matte = front.alpha
    else:
        raise InputError(
            f"{foreground} is opaque all over: say what to cut out with --mask FILE; "
            "`impasto mask` makes one from a box"
        )
    height, width = back.image.shape[2:]
    x, y = at or (width // 2, height // 2)
    placed = place(front.image, matte, height, width, (x, y), scale)
    about = {
        "foreground": _entry(foreground),
        "background": _entry(background),
        **({"mask": _entry(mask)} if mask is not None else {}),
        "at": [x, y],
        "scale": scale,
        "blend": blend,
    }
    return Montage(composed(placed, back.image, blend), back.alpha, placed.matte, back.image, about)


def open_montage_easel(
    montage: Montage, styles: Sequence[Path | str] = (), recipe: Recipe | None = None, **options: Any
) -> Easel:
    """The easel of a ``montage``: the whole of it in the manner of ``styles``; without one, harmonised.

    Harmonised (after Luan et al. 2018, "Deep painterly harmonization"): the background is the painting, and of it what is
    near; only what was set in is painted, with a narrow edge around it, and all else stays as it is. ``options`` are
    those of ``open_easel``.
    """
    if styles:
        easel = open_easel(montage.image, list(styles), recipe, **options)
    else:
        easel = _harmonised(montage, recipe or Recipe(), options)
    content = replace(easel.content, alpha=montage.alpha)
    about = {**easel.about, "compose": {**montage.about, "harmonise": not styles}}
    return replace(easel, content=content, about=about, files=(*easel.files, *montage.files))


def _harmonised(montage: Montage, recipe: Recipe, options: Mapping[str, Any]) -> Easel:
    """The easel of a window around what was set in; in it the painting that is there is the style.

    A sky's brush for what flies, not the village's; and as much painted as not, so that every loss is felt.
    """
    height, width = montage.matte.shape[2:]
    window = _window(montage.matte)
    free = _softened(montage.matte, max(1, round(max(height, width) * _EDGE)))
    image, style = window.cut(montage.image), window.cut(montage.background)
    size = max(smallest(*image.shape[2:]), round(recipe.size * max(image.shape[2:]) / max(height, width)))
    within = recipe.but(size=size, start_size=min(recipe.start_size, size))
    easel = open_easel(image, style, within, protect=1 - window.cut(free), **options)
    asked = easel.recipe.but(size=recipe.size, start_size=recipe.start_size)
    return replace(
        easel,
        content=Source(montage.image),
        recipe=asked,
        painter=WindowPainter(easel.paint, window, recipe.size),
        about={**easel.about, "recipe": asked.as_dict()},
        seen=None,
        finishing=Finishing(montage.image, "", 1 - free),
    )


def reopen_montage(picture: Path | str, *, weights: Path | str | None = None, allow_huge: bool = False) -> Easel:
    """The easel on which the composition ``picture`` was painted, as ``studio.reopen`` for other pictures."""
    about, near = read_about(picture), Path(picture).parent
    made = about["compose"]
    try:
        names = {key: made[key] for key in ("foreground", "background", "mask") if key in made}
        files = {key: found_input(entry, near, None, key) for key, entry in names.items()}
        (x, y), scale, blend = made["at"], float(made["scale"]), made["blend"]
        styles = [] if made["harmonise"] else [found_input(entry, near, None, "style") for entry in about["styles"]]
        if blend not in BLENDS or "foreground" not in files or "background" not in files:
            raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError):
        raise MediaError(f"{picture}: the recipe inside is damaged; expected the one that impasto writes") from None
    montage = open_montage(
        files["foreground"], files["background"], mask=files.get("mask"), at=(int(x), int(y)), scale=scale, blend=blend,
        allow_huge=allow_huge,
    )  # fmt: skip
    recipe, weights = recorded_recipe(picture, about, weights)
    return recorded_easel(
        picture, about, open_montage_easel(montage, styles, recipe, weights=weights, allow_huge=allow_huge)
    )


def _window(matte: Tensor) -> Window:
    """What is painted and looked at: what was set in, and as much of the painting on each side of it."""
    seen = matte[0, 0] > 0.5 * float(matte.max())
    spans = []
    for dim, length in ((1, matte.shape[2]), (0, matte.shape[3])):
        there = torch.nonzero(seen.any(dim))[:, 0]
        first, last = int(there[0]), int(there[-1]) + 1
        # Never so little of it that it is no painting any more.
        reach = max(round(_NEAR * (last - first)), (max(matte.shape[2:]) // 4 - (last - first)) // 2, 24)
        spans.append((max(0, first - reach), min(length, last + reach)))
    return Window(*spans[0], *spans[1])


def _entry(path: Path | str) -> dict[str, str]:
    return {"path": str(Path(path).absolute()), "sha256": file_sha256(path)}


def _softened(matte: Tensor, wide: int) -> Tensor:
    """``matte`` with an edge ``wide`` pixels soft to each side.

    No wider: what is free beside the cut-out turns into an outline, of the contrast that was there between both.
    """
    return F.avg_pool2d(matte, 2 * wide + 1, 1, wide, count_include_pad=False).clamp(0, 1)
