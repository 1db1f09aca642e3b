"""Which cells of a sweep may share their coarser sizes, and which of them paints these for the others.

Coarse sizes are about half the time of a painting. Cells that differ only in weights come to much the same coarse
picture; so up to ``TOGETHER`` neighbours go on from that of the middle one. What differs in kind (the start, the layers,
the sizes, the optimiser) is never shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from impasto.paint.optimise import weights_of
from impasto.recipe import Recipe

__all__ = ["DIALS", "TOGETHER", "eyes_of", "kind_of", "leaders"]

DIALS = ("strength", "content_weight", "style_weight", "tv_weight", "grain_weight", "grey_weight", "averaging")

TOGETHER = 6  # of twelve cells two then paint all sizes


def kind_of(recipe: Recipe) -> tuple[Any, ...]:
    """All of a recipe but its dials: cells of one kind may share their coarser sizes."""
    values = recipe.as_dict()
    return (*eyes_of(recipe), *(value for name, value in values.items() if name not in DIALS))


def eyes_of(recipe: Recipe) -> tuple[Any, ...]:
    """What an encoder is loaded by; it comes first in a kind, so that each is loaded once for cells sorted by kind."""
    seed = recipe.seed if recipe.encoder == "random" else 0
    return (recipe.encoder, recipe.pooling, recipe.normalise, recipe.device, recipe.precision, seed)


def leaders(recipes: Sequence[Recipe], *, share: bool) -> list[int]:
    """For every recipe the place of the one whose coarser sizes it goes on from: its own unless ``share``."""
    led = list(range(len(recipes)))
    if not share:
        return led
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for place, recipe in enumerate(recipes):
        if recipe.init == "content" and not weights_of(recipe).style:
            continue  # the photograph alone is wanted: one size, nothing to share
        kinds.setdefault(kind_of(recipe), []).append(place)
    for places in kinds.values():
        places.sort(key=lambda place: tuple(getattr(recipes[place], name) for name in DIALS))
        count = -(-len(places) // TOGETHER)
        for part in range(count):
            together = places[part * len(places) // count : (part + 1) * len(places) // count]
            for place in together:
                led[place] = together[len(together) // 2]
    return led
