"""One photograph in the manner of one painting, by many recipes: the cells of a sweep share what they need alike.

They share the pictures, the encoder, the descriptions of the style and the photograph's maps at every size: none of it
changes a picture, so an ``exact`` cell equals the painting of its recipe alone, bit for bit. Otherwise neighbours share
the coarser sizes too (``impasto.study.starts``), which is another picture, if a near one, in half the time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError, InputError
from impasto.judge.card import Judge
from impasto.judge.judges import default_judge, load_judge
from impasto.paint.optimise import Coarse, OptimisePainter, ladder
from impasto.paint.painter import Progress
from impasto.paint.shelf import Shelf
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.studio import Easel, Picturable, Source, load_source, open_easel
from impasto.study.cells import Cell, Outcome, Step, digest, key_of, picture_name
from impasto.study.starts import eyes_of, kind_of, leaders
from impasto.study.vary import blamed, label

__all__ = ["Sweep", "open_sweep"]

_JUDGED_AT = 512  # pixels at most: there a VGG-19 takes seconds, not minutes


@dataclass(frozen=True)
class Sweep:
    """Everything checked and nothing painted: pull ``steps()``.

    ``name`` says which study it is, ``base`` is the recipe that all cells change; ``encoders`` are the hashes of those
    that look, ``files`` those that no output may replace.
    """

    name: str
    content: Source
    style: Source
    base: Recipe
    cells: tuple[Cell, ...]
    judge: Judge
    encoders: tuple[str, ...]
    files: tuple[str, ...]
    machine: Mapping[str, Any]
    exact: bool = False
    weights: Path | None = None
    shelf: Shelf = field(default_factory=Shelf)

    @property
    def varied(self) -> tuple[str, ...]:
        """The options that differ between the cells, in the order given."""
        return tuple(dict.fromkeys(name for cell in self.cells for name in cell.changes))

    @cached_property
    def references(self) -> dict[str, dict[str, float]]:
        """What the judge says of two honest references: the photograph as it is, and the painting pasted over it."""
        content, style = self.judge.given
        return {
            "content unchanged": self.judge.distances(content),
            "style pasted": self.judge.distances(style),
        }

    def easel(self, cell: Cell, coarse: Coarse | None = None) -> Easel:
        """The easel of ``cell``, with what it shares with the others."""
        easel = open_easel(self.content, self.style, cell.recipe, weights=self.weights, shelf=self.shelf, coarse=coarse)
        if coarse is None:
            return easel
        return replace(easel, about={**easel.about, "shared_start": self.cells[cell.leader - 1].recipe.as_dict()})

    def steps(self, done: Collection[str] = ()) -> Iterator[Step]:
        """One ``Step`` per step of a painting and one per outcome; to interrupt is to stop pulling.

        Cells whose keys are ``done`` are left out.
        """
        left = [cell for cell in self.cells if cell.key not in done]
        # By kind, so that what one kind has seen can be dropped; those who lead before those who follow.
        left.sort(key=lambda cell: (kind_of(cell.recipe), cell.leader, not cell.leads, cell.number))
        whole = sum(map(self._cost, left)) or 1.0
        before = 0.0
        led: dict[int, Coarse | None] = {}
        last = left[0].recipe if left else self.base
        for cell in left:
            if cell is left[0]:
                self._warm(cell)
            _forget(self.shelf, last, cell.recipe)
            last = cell.recipe
            share = self._cost(cell) / whole
            try:
                for found in self._cell(cell, led):
                    if isinstance(found, Progress):
                        yield Step(cell, before + share * found.done, found)
                    else:
                        yield Step(cell, before + share, outcome=found)
            # Whatever is wrong with one cell, the others are still worth seeing.
            except Exception as error:
                why = str(error) if isinstance(error, ImpastoError) else f"{type(error).__name__}: {error}"
                yield Step(cell, before + share, outcome=Outcome(cell, failure=" ".join(why.split())))
            before += share

    def _cell(self, cell: Cell, led: dict[int, Coarse | None]) -> Iterator[Progress | Outcome]:
        """Paint a cell; ``led`` holds where the coarser sizes of those who lead ended."""
        if not cell.leads and cell.leader not in led:
            # The one who leads was painted by an earlier run: only its coarser sizes are painted again.
            start = yield from self._begin(self.cells[cell.leader - 1])
            led.clear()  # its moments are as large as three pictures: no two are held at once
            led[cell.leader] = start
        easel = self.easel(cell, None if cell.leads else led[cell.leader])
        curve: list[tuple[int, int, Mapping[str, float]]] = []
        seconds, began = 0.0, time.perf_counter()
        for last in easel.paint():
            seconds += time.perf_counter() - began
            curve.append((last.step, last.size, last.losses))
            yield last
            began = time.perf_counter()  # what the watcher did meanwhile is not painting
        painting = easel.painting(last)
        seconds += time.perf_counter() - began
        if not self.exact and cell.leads:
            led.clear()
            led[cell.number] = _started(easel)
        found = easel.complaints(painting)
        judged = self.judge.distances(painting.image)
        yield Outcome(cell, painting, seconds, last.losses, judged, tuple(curve), found)

    def _warm(self, cell: Cell) -> None:
        """One step that does not count: what torch sets up once (seconds, measured) is not the first cell's cost."""
        with suppress(Exception):  # what is wrong with it will be told when its turn comes
            next(self.easel(cell).paint())

    def _begin(self, leader: Cell) -> Generator[Progress, None, Coarse | None]:
        easel = self.easel(leader)
        for at in easel.paint():
            if at.size >= leader.recipe.size:
                break
            yield replace(at, done=0.0)
        return _started(easel)

    def _cost(self, cell: Cell) -> float:
        rungs = ladder(cell.recipe, *self.content.image.shape[2:])
        return float(sum(steps * size**2 for size, steps in (rungs if cell.leads else rungs[-1:])))


def open_sweep(
    content: Picturable,
    style: Picturable,
    cells: Sequence[Mapping[str, Any]],
    recipe: Recipe | None = None,
    *,
    name: str = "sweep",
    judge: Encoder | str | None = None,
    exact: bool = False,
    weights: Path | None = None,
    allow_huge: bool = False,
    **changes: Any,
) -> Sweep:
    """Load and check all that the cells need: nothing is painted yet.

    ``cells`` hold the options that each changes in ``recipe`` (see ``impasto.study.vary``). ``judge`` is an encoder or
    its name: the installed VGG-19 by default, else the built-in one. Raises ``ImpastoError`` with one line for anything
    that cannot be used, naming the cell.
    """
    base = (recipe or Recipe()).but(**changes)
    recipes = [base.but(**cell) for cell in cells]
    if not recipes:
        raise InputError("a sweep without cells: give it something to vary")
    _check_distinct(cells, recipes)
    chosen = _judge(judge)
    photo, painting = (
        load_source(given, role, allow_huge=allow_huge) for given, role in ((content, "content"), (style, "style"))
    )
    shelf = Shelf()
    about: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    files: set[str] = set()
    first: Easel | None = None
    last = base
    for cell, one in sorted(zip(cells, recipes, strict=True), key=lambda pair: kind_of(pair[1])):
        if kind_of(one) in about:
            continue  # the rest of a recipe was checked when it was made
        _forget(shelf, last, one)
        with blamed(cell):
            easel = open_easel(photo, painting, one, weights=weights, shelf=shelf)
        about[kind_of(one)] = easel.about
        files.update(easel.files)
        first, last = first or easel, one
    assert first is not None
    led = leaders(recipes, share=not exact)
    keys = [key_of(one, about[kind_of(one)]) for one in recipes]
    made = [
        Cell(
            place + 1,
            dict(cell),
            one,
            keys[place] if led[place] == place else digest([keys[place], keys[led[place]]]),
            picture_name(cell, keys[place]),
            led[place] + 1,
        )
        for place, (cell, one) in enumerate(zip(cells, recipes, strict=True))
    ]
    size = min(_JUDGED_AT, max(one.size for one in recipes))
    if isinstance(judge, str):
        files.add(os.path.abspath(os.path.expanduser(judge)))
    return Sweep(
        name=name,
        content=photo,
        style=painting,
        base=base,
        cells=tuple(made),
        judge=Judge(first.content.image, first.styles[0].image, chosen, size=size),
        encoders=tuple(dict.fromkeys(one["encoder"]["sha256"] for one in about.values())),
        files=tuple(sorted(files)),
        machine=first.about["machine"],
        exact=exact,
        weights=weights,
        shelf=shelf,
    )


def _forget(shelf: Shelf, old: Recipe, new: Recipe) -> None:
    """Drop what is of no use any more: only one encoder stays loaded beside the judge, and what it saw at one size."""
    if eyes_of(old) != eyes_of(new):
        shelf.clear("encoder")
    if (*eyes_of(old), old.size) != (*eyes_of(new), new.size):
        for kind in ("styles", "maps", "photo"):
            shelf.clear(kind)
    if old.content_layers != new.content_layers:
        shelf.clear("maps")


def _started(easel: Easel) -> Coarse | None:
    return easel.painter.ended if isinstance(easel.painter, OptimisePainter) else None


def _check_distinct(cells: Sequence[Mapping[str, Any]], recipes: Sequence[Recipe]) -> None:
    found: dict[Recipe, Mapping[str, Any]] = {}
    for cell, one in zip(cells, recipes, strict=True):
        if one in found:
            raise InputError(f"the cells {label(found[one])} and {label(cell)} are the same painting: give one of them")
        found[one] = cell


def _judge(given: Encoder | str | None) -> Encoder:
    if isinstance(given, Encoder):
        return given
    return load_judge(given or default_judge() or "builtin")
