"""A recipe as the command that paints it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from impasto.film import SWITCH
from impasto.mixture import Manner
from impasto.option import Option
from impasto.recipe import options

__all__ = ["command_line", "option_words"]


def command_line(about: Mapping[str, Any]) -> str:
    """``impasto image …``, or what else it was, with the options that differ from their defaults, ready for a shell."""
    implied: tuple[str, ...] = ("style_mask",)  # the style itself says it
    usual: dict[str, Any] = {}
    if "compose" in about:
        words = _composed(about["compose"], about["styles"])
    elif "upscale" in about:
        made, implied = about["upscale"], (*implied, "size", "start_size")
        words = ["impasto", "upscale", made["picture"]["path"], "--times", str(made["times"])]
        words += [word for entry in about["styles"] for word in ("--style", entry["path"])]
    else:
        words, more, usual = _task(about.get("task") or {"kind": "image"})
        implied = (*implied, *more)
        words += [about["content"]["path"] or "CONTENT"] if "content" in about else []
        words += [_style(entry) for entry in about["styles"]]
    words += option_words((option for option in options() if option.name not in implied), about["recipe"], usual)
    weights = about["encoder"]["weights"]
    if weights and weights != about["recipe"].get("encoder"):
        words += ["--weights", weights]
    if about["output"]["bits"] != 8:
        words += ["--bits", str(about["output"]["bits"])]
    return shlex.join(words)


def option_words(
    wanted: Iterable[Option], values: Mapping[str, Any], usual: Mapping[str, Any] | None = None
) -> list[str]:
    """The ``values`` of options that differ from their defaults, or from what is ``usual`` there, as words of a command."""
    words: list[str] = []
    for option in wanted:
        value = values.get(option.name, option.default)
        if value != (usual or {}).get(option.name, option.default):
            words += ["--" + option.name.replace("_", "-")]
            words += [] if option.choices == SWITCH else [_text(value)]
    return words


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
