"""A recipe as the command that paints it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from impasto.recipe import Option, options

__all__ = ["command_line", "option_words"]


def command_line(about: Mapping[str, Any]) -> str:
    """``impasto image …`` with the options that differ from their defaults, ready for a shell."""
    words = ["impasto", "image", about["content"]["path"] or "CONTENT"]
    words += [entry["path"] or "STYLE" for entry in about["styles"]]
    words += option_words(options(), about["recipe"])
    weights = about["encoder"]["weights"]
    if weights and weights != about["recipe"].get("encoder"):
        words += ["--weights", weights]
    if about["output"]["bits"] != 8:
        words += ["--bits", str(about["output"]["bits"])]
    return shlex.join(words)


def option_words(wanted: Iterable[Option], values: Mapping[str, Any]) -> list[str]:
    """The ``values`` of options that differ from their defaults, as words of a command line."""
    words: list[str] = []
    for option in wanted:
        value = values.get(option.name, option.default)
        if value != option.default:
            words += ["--" + option.name.replace("_", "-"), _text(value)]
    return words


def _text(value: Any) -> str:
    """``value`` as one would type it: 60 for 60.0, and never fewer digits than it has."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
