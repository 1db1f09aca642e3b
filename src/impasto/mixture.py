"""What a person types to mix: names with weights (``gram,histogram=0.5``), and a painting with its manner (``a.jpg:0.7``)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from impasto.errors import InputError, UnknownNameError

__all__ = ["Manner", "named_numbers", "read_manner", "sizes"]

_SETTING = re.compile(r"[A-Za-z_-]+=.*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf", re.IGNORECASE)
_KEYS = ("weight", "scale", "layers", "region", "mask")


@dataclass(frozen=True)
class Manner:
    """A painting and how it is used among others; ``picture`` is a path or a tensor, as for ``stylize``.

    ``weight`` is its share of the style, ``scale`` the size of its strokes, times ``--style-scale``. ``layers``, as in
    ``relu1_1,relu2_1``, are those that it alone gives the style of; ``region`` is the colour of the one region of the
    content's mask that it paints; ``mask`` is a file with the painting's own regions. Raises ``InputError`` for a weight
    or a scale out of range.
    """

    picture: Any
    weight: float = 1.0
    scale: float = 1.0
    layers: str = ""
    region: str = ""
    mask: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise InputError(f"style {self.picture} with weight {self.weight:g}: expected 0 or more, as in a.jpg:0.7")
        if not 0.1 <= self.scale <= 10:
            raise InputError(f"style {self.picture} with scale={self.scale:g}: expected a value from 0.1 to 10")

    def settings(self) -> dict[str, Any]:
        """Those that are not at their defaults, by name."""
        return {key: getattr(self, key) for key in _KEYS if getattr(self, key) != getattr(Manner(""), key)}

    def text(self) -> str:
        """As it is typed; ``read_manner`` reads it back."""
        typed = [f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in _told(self)]
        return ":".join([str(self.picture), *typed])


def _told(manner: Manner) -> list[tuple[str, Any]]:
    # A float that %g would round is told in full.
    return [
        (key, repr(value) if isinstance(value, float) and float(f"{value:g}") != value else value)
        for key, value in manner.settings().items()
    ]


def read_manner(text: str) -> Manner:
    """``FILE``, ``FILE:0.7`` or ``FILE:KEY=VALUE:…`` with the keys weight, scale, layers, region and mask.

    A file whose own name holds a colon is taken as it is, where it exists. Raises ``InputError`` for a setting that
    cannot be read.
    """
    words = text.split(":")
    end = len(words)
    while end > 1 and not os.path.exists(":".join(words[:end])) and _is_setting(words[end - 1]):
        end -= 1
    name = ":".join(words[:end])
    if end == len(words) and end > 1 and not os.path.exists(name) and os.path.exists(":".join(words[:-1])):
        raise InputError(
            f"style {text!r}: {words[-1]!r} is no setting: expected a weight, as in a.jpg:0.7, or KEY=VALUE"
        )
    found: dict[str, Any] = {}
    for word in words[end:]:
        key, _, value = word.partition("=") if "=" in word else ("weight", "", word)
        if key not in _KEYS:
            raise UnknownNameError(f"setting of the style {name}", key, _KEYS)
        if key in found:
            raise InputError(f"style {text!r}: {key} is given twice; give it once")
        found[key] = _number(value, f"style {text!r}: {key}") if key in ("weight", "scale") else value
        if found[key] == "":
            raise InputError(f"style {text!r}: {key}= says nothing; leave it out, or give it a value")
    return Manner(name, **found)


def _is_setting(word: str) -> bool:
    return bool(_SETTING.fullmatch(word) or _NUMBER.fullmatch(word))


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{what} {text!r}: expected a number") from None


def named_numbers(
    text: str, flag: str, example: str, *, default: float | None = 1.0, name: Callable[[str], str] = str
) -> dict[str, float]:
    """``{name: number}`` of ``a,b=0.5``; a name without a number has ``default``, None: it must have one.

    ``name`` makes a name the known one or refuses it. Raises ``InputError`` for what is no number, negative or named twice.
    """
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        given, _, number = part.partition("=")
        if not number and default is None:
            raise InputError(f"{flag} {part!r}: expected NAME=NUMBER, as in {example}")
        value = _number(number, f"{flag} {part!r}:") if number else float(default or 0.0)
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{flag} {part!r}: expected a number from 0 up, as in {example}")
        if (key := name(given.strip())) in found:
            raise InputError(f"{flag} {text!r}: {key} is named twice; name it once")
        found[key] = value
    return found


def sizes(text: str, flag: str) -> dict[float, float]:
    """``{scale: share}`` of ``0.5,1,2`` or ``0.5=2,1``; shares sum to 1. ``InputError`` for a scale out of 0.1 to 10."""
    found: dict[float, float] = {}
    for given, share in named_numbers(text, flag, "0.5,1,2 or 0.5=2,1=1").items():
        scale = _number(given, f"{flag} {text!r}:")
        if not 0.1 <= scale <= 10:
            raise InputError(f"{flag} {text!r}: expected scales from 0.1 to 10")
        if scale in found:
            raise InputError(f"{flag} {text!r}: {given} is named twice; name it once")
        found[scale] = share
    total = sum(found.values())
    if found and total <= 0:
        raise InputError(f"{flag} {text!r}: all shares are zero; give one scale at least a share above 0")
    return {scale: share / total for scale, share in found.items() if share > 0}
