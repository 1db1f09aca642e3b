"""What there is to tell of an encoder beside its paintings: where it comes from, how large it is, what a look costs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.see.known import ENCODERS, KNOWN, describe_auto, installed
from impasto.see.layers import layer_weights
from impasto.see.weights import read_header
from impasto.train.distil import macs

__all__ = ["Eyes", "describe", "labels"]

_LONGEST = 200  # characters that a file may say of itself
_PUBLISHED = {item.name: item.about for item in KNOWN}


@dataclass(frozen=True)
class Eyes:
    """An encoder as a page tells of it. ``None`` where a figure is not to be had."""

    label: str
    what: str
    parameters: int
    megabytes: float | None  # of its file
    kmacs: float | None  # thousand multiply-adds a pixel, forward, up to the deepest layer that is used
    sha256: str


def describe(given: Encoder | str, label: str, encoder: Encoder, recipe: Recipe, sha256: str) -> Eyes:
    """What is known of ``encoder``, which was ``given`` by name, as a file, or as itself, and paints by ``recipe``."""
    file = None if isinstance(given, Encoder) else _file(given)
    used = {
        *layer_weights(recipe.content_layers, encoder, encoder.content_layers, "--content-layers"),
        *layer_weights(recipe.style_layers, encoder, encoder.style_layers, "--style-layers"),
    } - {"pixels"}
    return Eyes(
        label,
        _what(given, encoder, file, recipe),
        sum(value.numel() for value in encoder.parameters()),
        None if file is None else file.stat().st_size / 1e6,
        macs(encoder, tuple(used)) if used else 0.0,
        sha256,
    )


def labels(encoders: Sequence[Encoder | str]) -> list[str]:
    """A short name for each: its own, or its file's; the whole path where two files are called alike."""
    whole = [given.name if isinstance(given, Encoder) else given for given in encoders]
    files = [isinstance(given, str) and given not in ENCODERS for given in encoders]
    short = [Path(name).stem if file else name for name, file in zip(whole, files, strict=True)]
    found: list[str] = []
    for stem, full in zip(short, whole, strict=True):
        name, number = stem if short.count(stem) == 1 else full, 2
        while name in found:
            name, number = f"{full} ({number})", number + 1
        found.append(name)
    return found


def _file(name: str) -> Path | None:
    """The file behind a name; None for weights that lie in none."""
    name = describe_auto()[0] if name == "auto" else name
    if name == "random":
        return None
    return installed(name) if name in ENCODERS else Path(os.path.expanduser(name))


def _what(given: Encoder | str, encoder: Encoder, file: Path | None, recipe: Recipe) -> str:
    if isinstance(given, Encoder):
        return f"an encoder of one's own, {type(encoder).__name__}"
    if file is None:
        return f"random weights, drawn from seed {recipe.seed}, never trained; the shape of the built-in one"
    if encoder.name in _PUBLISHED:
        return _PUBLISHED[encoder.name]
    header = read_header(file)
    words = _history({} if header is None else header.about)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def _history(about: Mapping[str, Any]) -> str:
    """How a file says it was trained: its words are taken as text, whatever they are."""
    by, data, test = (about.get(key) for key in ("trained_by", "data", "test"))
    if by == "impasto train encoder":
        teacher = about.get("teacher")
        name = teacher.get("name") if isinstance(teacher, Mapping) else None
        steps = about.get("steps")
        return f"distilled from {name or 'a larger one'}" + (f" in {steps:,} steps" if type(steps) is int else "")
    kind = {"impasto train classifier": "a classifier", "impasto train autoencoder": "an autoencoder"}.get(str(by))
    if kind is None:
        return f"trained by {by}" if isinstance(by, str) and by else "a file that does not say how it was trained"
    words = f"{kind}, trained on {data}" if isinstance(data, str) and data else kind
    scores = test.items() if isinstance(test, Mapping) else ()
    told = [f"{key.replace('_', ' ')} {value:.4g}" for key, value in scores if isinstance(value, (int, float))]
    return words + (f"; tested: {', '.join(told)}" if told else "")
