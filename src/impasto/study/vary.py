"""What a sweep varies: ``NAME=V1,V2`` as typed becomes checked values, and these the cells of a grid."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from impasto.errors import ImpastoError, InputError, UnknownNameError
from impasto.option import Option
from impasto.recipe import Recipe, options

__all__ = ["MANY", "blamed", "cells_of", "label", "parse_vary", "value_text"]

MANY = 200  # cells; more are painted only by those who say that they mean it

_LISTS = ("content_layers", "style_layers")  # a comma belongs to their values


def parse_vary(texts: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """``NAME=V1,V2,…`` of every text as option name and values, in the order given.

    Where a text holds a semicolon, that separates the values and commas belong to them; in values of options that are
    lists themselves (``style-layers``) a comma always does. A name given again adds to its values. Raises
    ``InputError`` on an unknown option, on a value of the wrong kind or out of range, and on one given twice.
    """
    known = {option.name: option for option in options()}
    varied: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not name:
            raise InputError(f"--vary {text!r}: expected NAME=V1,V2 as in --vary strength=25,50,75")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=5, cutoff=0) or list(known)
            raise UnknownNameError("option to vary", name.replace("_", "-"), [one.replace("_", "-") for one in near])
        if not equals:
            raise InputError(f"--vary {text}: expected NAME=V1,V2 as in --vary strength=25,50,75")
        values = tuple(_value(known[name], part.strip()) for part in _parts(name, rest))
        varied[name] = (*varied.get(name, ()), *values)
    for name, values in varied.items():
        if double := [value for value in values if values.count(value) > 1]:
            raise InputError(f"--vary {name.replace('_', '-')}: {value_text(double[0])} is given twice; give it once")
    return varied


def _parts(name: str, text: str) -> list[str]:
    if ";" in text:
        return text.split(";")
    return [text] if name in _LISTS else text.split(",")


def _value(option: Option, text: str) -> Any:
    """``text`` as the option's kind, checked as ``Recipe`` checks it, whatever else is asked for."""
    value: Any = text
    if option.kind is not str:
        try:
            value = option.kind(text)
        except ValueError:
            value = text  # Recipe says what was expected
    option.check(value)
    return value


def cells_of(base: Recipe, varied: Mapping[str, Sequence[Any]], *, many: bool = False) -> tuple[dict[str, Any], ...]:
    """The changes of every cell: all combinations, the last option running fastest.

    Raises ``InputError`` where there is nothing to vary, where a combination contradicts itself, and above ``MANY``
    cells unless ``many``.
    """
    if not varied:
        raise InputError("nothing to vary: give --vary NAME=V1,V2 as in --vary strength=25,50,75")
    count = math.prod(len(values) for values in varied.values())
    if count > MANY and not many:
        raise InputError(f"{count:,} cells are more than {MANY}: vary less, or give --yes to paint them all")
    cells = tuple(dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values()))
    for cell in cells:
        with blamed(cell):
            base.but(**cell)
    return cells


@contextmanager
def blamed(changes: Mapping[str, Any]) -> Iterator[None]:
    """Name the cell in what it raises that a person can mend."""
    try:
        yield
    except ImpastoError as error:
        raise InputError(f"the cell {label(changes)}: {error}") from None


def label(changes: Mapping[str, Any]) -> str:
    """A cell in words, ``strength 50, init noise``; of a file its name only."""
    words = []
    for name, value in changes.items():
        text = value_text(value)
        words.append(f"{name.replace('_', '-')} {PurePath(text).name if name in ('init', 'encoder') else text}")
    return ", ".join(words)


def value_text(value: Any) -> str:
    """``value`` as one would type it: 60 for 60.0, and never fewer digits than it has; words for an empty one."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    exact = short if not isinstance(value, float) or float(short) == value else repr(value)
    return exact or "its own"
