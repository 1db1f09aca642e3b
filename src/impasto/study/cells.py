"""The cells of a sweep: what each is, what it is recognised by, and what became of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from impasto.paint.complaints import Complaint
from impasto.paint.painter import Progress
from impasto.recipe import Recipe
from impasto.studio import Painting
from impasto.study.vary import label

__all__ = ["Cell", "Curve", "Outcome", "Step", "digest", "key_of", "picture_name"]

Curve = tuple[tuple[int, int, Mapping[str, float]], ...]


@dataclass(frozen=True)
class Cell:
    """One painting of a sweep: its number from 1, what differs in it, its whole recipe.

    ``key`` is what it is recognised by: recipe, pictures, encoder, shared start. ``file`` is the name of its picture.
    ``leader`` is the number of the cell from whose coarser sizes it goes on; its own number where it paints all sizes.
    """

    number: int
    changes: Mapping[str, Any]
    recipe: Recipe
    key: str
    file: str
    leader: int

    @property
    def label(self) -> str:
        """The cell in words: ``strength 50, init noise``."""
        return label(self.changes)

    @property
    def leads(self) -> bool:
        """Whether it paints all sizes, as it would alone."""
        return self.leader == self.number


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: seconds of painting, last losses, the judge's distances; or ``failure``, why nothing did.

    ``curve`` has ``(step, size, {name: loss})`` per step. ``painting`` is None where the picture lies in a file already.
    """

    cell: Cell
    painting: Painting | None = None
    seconds: float = 0.0
    losses: Mapping[str, float] = field(default_factory=dict)
    judged: Mapping[str, float] = field(default_factory=dict)
    curve: Curve = ()
    complaints: tuple[Complaint, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Step:
    """Where a sweep stands: ``done`` is the share of the whole, 0..1; at a cell's end there is its ``outcome``."""

    cell: Cell
    done: float
    progress: Progress | None = None
    outcome: Outcome | None = None


def key_of(recipe: Recipe, about: Mapping[str, Any]) -> str:
    """What a painting is known by: its recipe, and the hashes of all that it is made from."""
    made_from = [one["sha256"] for one in (about["content"], *about["styles"], *filter(None, [about.get("init")]))]
    return digest([recipe.as_dict(), made_from, about["encoder"]["sha256"]])


def digest(value: Any) -> str:
    """SHA-256 of plain values, whatever their order in a mapping."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def picture_name(changes: Mapping[str, Any], key: str) -> str:
    """The name of a cell's picture: its label, with a piece of its key where the label cannot be had in full."""
    words = label(changes).replace(", ", "_").replace(" ", "-")
    name = re.sub(r"[^\w.=+-]+", "-", words).strip("-")
    return f"{name}.png" if name == words and len(name) <= 80 else f"{name[:80].strip('-')}-{key[:6]}.png"
