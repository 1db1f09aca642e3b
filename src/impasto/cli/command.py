"""A recipe as the command that paints it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from impasto.mixture import Manner
from impasto.recipe import options

__all__ = ["command_line"]


def command_line(about: Mapping[str, Any]) -> str:
    """``impasto image …`` with the options that differ from their defaults, ready for a shell."""
    if "compose" in about:
        words = _composed(about["compose"], about["styles"])
    elif "upscale" in about:
        made = about["upscale"]
        words = ["impasto", "upscale", made["picture"]["path"], "--times", str(made["times"])]
        words += [word for entry in about["styles"] for word in ("--style", entry["path"])]
    else:
        words = ["impasto", "image", about["content"]["path"] or "CONTENT"]
        words += [_style(entry) for entry in about["styles"]]
    for option in options():
        value = about["recipe"].get(option.name, option.default)
        if option.name == "style_mask":
            value = ""  # the style itself says it
        if value != option.default and not ("upscale" in about and option.name in ("size", "start_size")):
            words += ["--" + option.name.replace("_", "-"), _text(value)]
    weights = about["encoder"]["weights"]
    if weights and weights != about["recipe"].get("encoder"):
        words += ["--weights", weights]
    if about["output"]["bits"] != 8:
        words += ["--bits", str(about["output"]["bits"])]
    return shlex.join(words)


def _style(entry: Mapping[str, Any]) -> str:
    """A painting with its settings, as ``a.jpg:0.7`` is typed."""
    settings = {key: entry[key] for key in ("weight", "scale", "layers", "region") if key in entry}
    mask = {"mask": entry["mask"]["path"]} if "mask" in entry else {}
    return Manner(entry["path"] or "STYLE", **settings, **mask).text()


def _composed(made: Mapping[str, Any], styles: Sequence[Mapping[str, str]]) -> list[str]:
    words = ["impasto", "compose", made["foreground"]["path"], made["background"]["path"]]
    words += ["--mask", made["mask"]["path"]] if "mask" in made else []
    words += ["--at", ",".join(map(str, made["at"])), "--scale", _text(made["scale"]), "--blend", made["blend"]]
    return words + (["--harmonise"] if made["harmonise"] else ["--style", styles[0]["path"]])


def _text(value: Any) -> str:
    """``value`` as one would type it: 60 for 60.0, and never fewer digits than it has."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
