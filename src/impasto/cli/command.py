"""A recipe as the command that paints it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from impasto.recipe import options

__all__ = ["command_line"]


def command_line(about: Mapping[str, Any]) -> str:
    """``impasto image …`` with the options that differ from their defaults, ready for a shell."""
    words = ["impasto", "image", about["content"]["path"] or "CONTENT"]
    words += [entry["path"] or "STYLE" for entry in about["styles"]]
    for option in options():
        value = about["recipe"].get(option.name, option.default)
        if value != option.default:
            words += ["--" + option.name.replace("_", "-"), f"{value:g}" if option.kind is float else str(value)]
    if about["encoder"].get("weights"):
        words += ["--weights", about["encoder"]["weights"]]
    return shlex.join(words)
