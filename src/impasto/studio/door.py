"""Names and paths in, a painter or a finished picture out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto import __version__
from impasto.media.image import sized
from impasto.mixture import Manner
from impasto.paint.finishing import Finishing
from impasto.paint.optimise import Coarse, OptimisePainter, ladder
from impasto.paint.painter import Painter, Progress
from impasto.paint.polish import PolishPainter
from impasto.paint.recolour import RecolourPainter
from impasto.paint.shelf import Shelf, kept
from impasto.paint.targets import StyleTargets
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.studio.easel import Easel, Painting, Picturable, Source, Stylable
from impasto.studio.given import (
    STARTS,
    about_file,
    about_style,
    chroma_kept,
    coloured,
    content_mask,
    init_path,
    manners_of,
    matte_of,
    rooted,
    strengths_of,
    style_image,
)
from impasto.studio.sight import check_one_encoder, encoder_key, open_sight, polished, remarks_of, second_sight
from impasto.studio.sources import check_different, filled, load_source

__all__ = ["open_easel", "stylize", "stylize_steps"]


def open_easel(
    content: Picturable,
    styles: Stylable | Sequence[Stylable],
    recipe: Recipe | None = None,
    *,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    protect: Picturable | None = None,
    allow_huge: bool = False,
    shelf: Shelf | None = None,
    coarse: Coarse | None = None,
    **changes: Any,
) -> Easel:
    """Load and check all that a painting needs; nothing is painted yet.

    Pictures are paths or tensors ``(1, 3, H, W)`` or ``(3, H, W)``, 0..1; a style may also be a ``Manner``, which says how
    much it counts among others, at which layers and in which region. ``protect`` is a mask of what stays as it is,
    a path as in ``Recipe`` or a tensor ``(1, 1, H, W)``. ``weights`` is a file for a VGG-19 encoder;
    ``encoder`` is a name, as in ``Recipe``, or an ``Encoder`` of one's own. ``changes`` are options of ``Recipe``.
    Paintings of the same ``Source`` pictures share through one ``shelf`` what they need alike; ``coarse`` is where the
    coarser sizes of another painting ended, to be gone on from.
    Raises ``ImpastoError`` with one line for anything that cannot be used.
    """
    chosen = None if isinstance(encoder, str) else encoder
    if isinstance(encoder, str):
        changes["encoder"] = encoder
    if isinstance(protect, (str, os.PathLike)):
        changes["protect"], protect = os.fspath(protect), None
    recipe = rooted((recipe or Recipe()).but(**changes))
    recipe = polished(recipe, weights, chosen)
    finishing_weights, weights = (weights, None) if recipe.polish > 0 else (None, weights)
    check_one_encoder(recipe, weights, chosen)
    given = [styles] if isinstance(styles, (Tensor, str, os.PathLike, Manner, Source)) else list(styles)
    manners = manners_of(given, recipe)
    photo = load_source(content, "content", allow_huge)
    paintings = tuple(load_source(manner.picture, "style", allow_huge) for manner in manners)
    check_different(photo, paintings)
    ladder(recipe, *photo.image.shape[2:])
    mask = content_mask(recipe, photo, manners, allow_huge)
    strengths = strengths_of(recipe, mask)
    style_images = [style_image(*pair, mask, allow_huge) for pair in zip(manners, paintings, strict=True)]
    start = None if recipe.init in STARTS else load_source(init_path(recipe), "init", allow_huge)
    matte, spared = matte_of(photo, recipe, protect, allow_huge)

    sight = kept(
        shelf,
        encoder_key(recipe, weights),
        lambda: open_sight(recipe, weights=weights, encoder=chosen),
        of=() if chosen is None else (chosen,),
    )
    chosen = sight.encoder
    second = None
    if recipe.polish > 0:
        key = ("encoder", "polish", str(finishing_weights), *encoder_key(recipe, None)[1:])
        second = kept(shelf, key, lambda: second_sight(recipe, finishing_weights))

    whole = photo.image
    photo, *rest = (
        replace(one, image=kept(shelf, ("filled",), lambda one=one: filled(one), of=(one.image, one.alpha)))  # type: ignore[misc]
        for one in (photo, *paintings)
    )
    paintings = tuple(rest)
    begun = None if start is None else filled(start)
    height, width = photo.image.shape[2:]
    regions = None if mask is None else mask.maps(*sized(height, width, recipe.size))
    seen, images, begun = coloured(recipe, photo, list(zip(paintings, style_images, strict=True)), begun, mask)
    style_images = [replace(one, image=image) for one, image in zip(style_images, images, strict=True)]
    painter: Painter
    if recipe.color == "palette":
        painter = RecolourPainter(style_images, recipe, alpha=photo.alpha)
    else:
        targets = StyleTargets(chosen, style_images, recipe, shelf=shelf)
        options: dict[str, Any] = {"init": begun, "strengths": strengths, "matte": matte, "coarse": coarse}
        painter = OptimisePainter(targets, recipe, **options)
        if second is not None:
            painter = PolishPainter(targets, recipe, StyleTargets(second.encoder, style_images, recipe), **options)
    space, tinted = chroma_kept(recipe, mask, regions)
    finishing = Finishing(photo.image, space, matte, whole, tinted) if space or matte is not None else None
    about = {
        "impasto": __version__,
        "recipe": recipe.as_dict(),
        "content": photo.about(),
        "styles": [about_style(*pair) for pair in zip(paintings, manners, strict=True)],
        **({"init": start.about()} if start else {}),
        **({"mask": about_file(recipe.mask)} if recipe.mask else {}),
        **({"protect": spared.about()} if spared else {}),
        **sight.about,
        **({"polish": second.about["encoder"]} if second else {}),
    }
    pictures = (photo, *paintings, *filter(None, (start, spared)))
    masks = (recipe.mask, *(manner.mask for manner in manners))
    seen_by = [sight, *([second] if second else [])]
    files = tuple(filter(None, [*(picture.path for picture in pictures), *masks, *(one.file for one in seen_by)]))
    return Easel(
        photo, paintings, recipe, chosen, painter, about, files, remarks_of(*seen_by), regions, seen, finishing
    )


def stylize_steps(
    content: Picturable, styles: Stylable | Sequence[Stylable], recipe: Recipe | None = None, **options: Any
) -> Iterator[Progress]:
    """Paint step by step: one ``Progress`` a step, ``progress.snapshot()`` the picture so far.

    ``options`` are those of ``open_easel``; what cannot be used is told at once, not at the first step.
    """
    return open_easel(content, styles, recipe, **options).paint()


def stylize(
    content: Picturable, styles: Stylable | Sequence[Stylable], recipe: Recipe | None = None, **options: Any
) -> Painting:
    """Paint ``content`` in the manner of ``styles`` and return the finished ``Painting``.

    >>> stylize("photo.jpg", "painting.jpg", size=512, strength=60).save("out.png")  # doctest: +SKIP
    """
    easel = open_easel(content, styles, recipe, **options)
    for last in easel.paint():  # noqa: B007 - the last one is what counts
        pass
    return easel.painting(last)
