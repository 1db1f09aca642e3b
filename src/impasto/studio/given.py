"""What a recipe and its files mean for a painter: styles, regions, what stays as it is, whose colours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError, UnknownNameError
from impasto.media.color import greyed, match_light, recolor
from impasto.media.image import file_sha256
from impasto.media.matte import check_matte, cut_out, fitted, load_matte, parse_box
from impasto.media.regions import Regions, load_regions
from impasto.mixture import Manner
from impasto.paint.targets import StyleImage
from impasto.recipe import Recipe, region_colors, region_strengths
from impasto.see.known import ENCODERS
from impasto.studio.easel import Picturable, Source, Stylable
from impasto.studio.sources import filled

__all__ = [
    "STARTS",
    "about_file",
    "about_style",
    "chroma_kept",
    "coloured",
    "content_mask",
    "init_path",
    "manners_of",
    "matte_of",
    "rooted",
    "strengths_of",
    "style_image",
]

STARTS = ("content", "noise", "style", "regions")


def rooted(recipe: Recipe) -> Recipe:
    """``recipe`` with whole paths: it must hold in any folder."""
    changes = {}
    names_of = {"encoder": ENCODERS, "init": STARTS, "mask": ("",), "style_mask": ("",), "protect": ("",)}
    for name, names in names_of.items():
        path = os.path.expanduser(getattr(recipe, name))
        if path not in names and os.path.isfile(path):
            changes[name] = os.path.abspath(path)
    return recipe.but(**changes)


def init_path(recipe: Recipe) -> Path:
    """The picture to start from; ``UnknownNameError`` where --init is neither one nor a name."""
    path = Path(recipe.init)
    if not path.exists() and "." not in path.name:
        raise UnknownNameError("value for --init", recipe.init, (*STARTS, "a picture file"))
    return path


def manners_of(given: Sequence[Stylable], recipe: Recipe) -> list[Manner]:
    """Every style with its settings; a mask of the recipe's own is that of the only one."""
    manners = [style if isinstance(style, Manner) else Manner(style) for style in given]
    manners = [replace(one, mask=os.path.abspath(os.path.expanduser(one.mask))) if one.mask else one for one in manners]
    if recipe.style_mask:
        if len(manners) != 1 or manners[0].mask:
            raise InputError(
                f"--style-mask {recipe.style_mask} is for one style alone: "
                "give each its own, as in a.jpg:mask=a-mask.png"
            )
        manners[0] = replace(manners[0], mask=recipe.style_mask)
    if manners and not any(one.weight for one in manners):
        raise InputError("the weights of all styles are zero: give one at least a weight above 0, as in a.jpg:0.7")
    for one in manners:
        if not recipe.mask and (one.region or one.mask):
            setting = f"region={one.region}" if one.region else f"mask={one.mask}"
            raise InputError(f"style {one.picture} with {setting}, and there is no --mask that shows regions: give one")
    return manners


def content_mask(recipe: Recipe, photo: Source, manners: Sequence[Manner], allow_huge: bool) -> Regions | None:
    """The content's regions; every one must be painted by some style."""
    if not recipe.mask:
        return None
    mask = load_regions(recipe.mask, allow_huge=allow_huge)
    height, width = photo.image.shape[2:]
    mask.check_shape(height, width, photo.path or "the content")
    used = [one for one in manners if one.weight]
    painted = {mask.number(one.region, f"style {one.picture}") for one in used if one.region}
    bare = [colour for number, colour in enumerate(mask.colours) if number not in painted]
    if bare and all(one.region for one in used):
        raise InputError(
            f"no style paints the region {', '.join(bare)} of {mask.name}: name one, as in "
            f"b.jpg:region={bare[0]}, or keep it as it is with --region-strength {bare[0]}=0 and a style for all"
        )
    return mask


def strengths_of(recipe: Recipe, mask: Regions | None) -> tuple[float | None, ...]:
    """The strength of each region that has one of its own."""
    if mask is None:
        return ()
    found: list[float | None] = [None] * len(mask)
    for colour, strength in region_strengths(recipe.region_strength).items():
        found[mask.number(colour, "--region-strength")] = strength
    return tuple(found)


def chroma_kept(recipe: Recipe, mask: Regions | None, regions: Tensor | None) -> tuple[str, Tensor | None]:
    """Where the photograph's chroma is kept at the end: the colour space, empty for nowhere, and ``(1, 1, H, W)``, 1
    where it is, None for everywhere."""
    everywhere = recipe.color in ("content", "luma")
    if mask is None or regions is None:
        return recipe.color_space if everywhere else "", None
    kept = [everywhere] * len(mask)
    for colour, whose in region_colors(recipe.region_color).items():
        kept[mask.number(colour, "--region-color")] = whose == "content"
    if all(kept) or not any(kept):
        return recipe.color_space if kept[0] else "", None
    return recipe.color_space, regions[:, kept].sum(1, keepdim=True)


def style_image(manner: Manner, source: Source, mask: Regions | None, allow_huge: bool) -> StyleImage:
    """A painting as it is measured: its weight, its layers, its regions in the order of the content's."""
    layers = tuple(filter(None, (layer.strip() for layer in manner.layers.split(","))))
    region = mask.number(manner.region, f"style {manner.picture}") if mask and manner.region else None
    own = None
    if mask and manner.mask:
        found = load_regions(manner.mask, allow_huge=allow_huge)
        height, width = source.image.shape[2:]
        found.check_shape(height, width, source.path or "the style")
        own = found.in_order_of(mask, "b.jpg:region=COLOUR").maps(*found.labels.shape)
    return StyleImage(source.image, source.alpha, manner.weight, manner.scale, layers, region, own)


def about_style(source: Source, manner: Manner) -> dict[str, Any]:
    """What the recipe in a picture records of a painting: the file, and the settings that are not the usual ones."""
    mask = {"mask": about_file(manner.mask)} if manner.mask else {}
    return {**source.about(), **manner.settings(), **mask}


def about_file(path: str) -> dict[str, str]:
    """What the recipe in a picture records of a file."""
    return {"path": path, "sha256": file_sha256(path)}


def matte_of(
    photo: Source, recipe: Recipe, given: Picturable | None, allow_huge: bool
) -> tuple[Tensor | None, Source | None]:
    """What stays as it is, at the content's size, and the file that says so; None where all is painted."""
    height, width = photo.image.shape[2:]
    if isinstance(given, Tensor):
        if given.ndim != 4 or given.shape[:2] != (1, 1) or given.numel() == 0 or not bool(torch.isfinite(given).all()):
            raise InputError(f"the mask is a tensor of shape {tuple(given.shape)}: expected (1, 1, H, W), finite, 0..1")
        matte = check_matte(fitted(given.detach().float().clamp(0, 1).cpu(), height, width))
        return matte, Source(matte)  # a recipe that knows of a mask asks for its file
    if recipe.foreground:
        return check_matte(cut_out(filled(photo), parse_box(recipe.foreground)), "the foreground"), None
    if not recipe.protect:
        return None, None
    name = f"--protect {recipe.protect}"
    matte = fitted(load_matte(recipe.protect, allow_huge=allow_huge), height, width, name)
    path = str(Path(recipe.protect).absolute())
    return check_matte(matte, name), Source(matte, None, path, file_sha256(path))


def coloured(
    recipe: Recipe,
    photo: Source,
    paintings: Sequence[tuple[Source, StyleImage]],
    start: Tensor | None,
    mask: Regions | None,
) -> tuple[Tensor | None, list[Tensor], Tensor | None]:
    """What the painter gets, by the recipe's colour: the content if it is another, the paintings, what to start from.

    A painting of one region is matched to that region alone.
    """
    images = [style.image for style, _ in paintings]
    seen_by = [_visible(photo, mask, one.region) for _, one in paintings]
    if recipe.color == "match":
        images = [
            recolor(style.image, photo.image, recipe.color_match, alpha=style.alpha, reference_alpha=visible)
            for (style, _), visible in zip(paintings, seen_by, strict=True)
        ]
    if recipe.color != "luma":
        return None, images, start
    light = greyed(photo.image, recipe.color_space)
    images = [
        match_light(greyed(style.image, recipe.color_space), light, alpha=style.alpha, reference_alpha=visible)
        for (style, _), visible in zip(paintings, seen_by, strict=True)
    ]
    return light, images, None if start is None else greyed(start, recipe.color_space)


def _visible(photo: Source, mask: Regions | None, region: int | None) -> Tensor | None:
    """What of ``photo`` is to be seen in ``region``, or in all of it, ``(1, 1, H, W)``; None where that is everything."""
    if mask is None or region is None:
        return photo.alpha
    there = mask.maps(*photo.image.shape[2:])[:, region : region + 1]
    both = there if photo.alpha is None else there * photo.alpha
    return both if bool((both > 0).any()) else photo.alpha  # of a region that is wholly transparent nothing is known
