"""A recipe as the command that paints it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from impasto.recipe import options

__all__ = ["command_line"]


def command_line(about: Mapping[str, Any]) -> str:
    """``impasto image …``, or what else it was, with the options that differ from their defaults, ready for a shell."""
    words, implied, usual = _task(about.get("task") or {"kind": "image"})
    words += [about["content"]["path"] or "CONTENT"] if "content" in about else []
    words += [entry["path"] or "STYLE" for entry in about["styles"]]
    for option in options():
        if option.name in implied:
            continue
        value = about["recipe"].get(option.name, option.default)
        if value != usual.get(option.name, option.default):
            words += ["--" + option.name.replace("_", "-"), _text(value)]
    weights = about["encoder"]["weights"]
    if weights and weights != about["recipe"].get("encoder"):
        words += ["--weights", weights]
    if about["output"]["bits"] != 8:
        words += ["--bits", str(about["output"]["bits"])]
    return shlex.join(words)


def _task(task: Mapping[str, Any]) -> tuple[list[str], tuple[str, ...], dict[str, Any]]:
    """The words of a command that say what is made; the options of a painting that go without saying there; its defaults."""
    words, layers = ["impasto", str(task["kind"])], ",".join(task.get("layers", ()))
    if task["kind"] == "reconstruct":
        return [*words, "--layers" if "," in layers else "--layer", layers], ("strength", "init", "content_layers"), {}
    if task["kind"] == "layers":
        return ["impasto", "study", "layers", "--layers", layers], ("init",), {}
    if task["kind"] == "texture":
        words += ["--size", f"{task['width']}x{task['height']}"]
        words += ["--seamless"] if task["seamless"] else []
        words += ["--layers", layers] if layers else []
        words += ["--each"] if task["each"] else []
        return words, ("size", "content_weight", "init"), {"statistic": "moments"}
    return words, (), {}


def _text(value: Any) -> str:
    """``value`` as one would type it: 60 for 60.0, and never fewer digits than it has."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
