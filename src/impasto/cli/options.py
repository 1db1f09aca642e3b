"""Recipe's fields as command-line options: an option is declared once, in ``recipe.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from impasto.errors import UnknownNameError
from impasto.film import SWITCH, film_options
from impasto.option import Option
from impasto.recipe import options

__all__ = [
    "all_of",
    "film_choices",
    "opening_options",
    "output_options",
    "recipe_options",
    "recipe_options_but",
    "typed",
    "typed_film",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)


class _Choice(click.Choice):  # type: ignore[type-arg]
    """A choice whose refusal offers the nearest name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            flag = param.opts[0] if param else "option"
            raise UnknownNameError(f"value for {flag}", str(value), [str(choice) for choice in self.choices])
        return value


class _Number(click.ParamType):  # type: ignore[type-arg]
    """A number as text: its kind and range are checked by ``Recipe``, whose message names the range."""

    def __init__(self, kind: type) -> None:
        self.name = "integer" if kind is int else "number"


def recipe_options(command: _Command) -> _Command:
    """Give ``command`` every option of ``Recipe``; it receives as ``changes`` those that were typed."""
    return recipe_options_but()(command)


def recipe_options_but(*left_out: str, **defaults: Any) -> Callable[[_Command], _Command]:
    """``recipe_options`` without those that ``left_out`` names: the command has a say of its own in them.

    ``defaults`` are what the help shows where the command's own default is another; the command sets it.
    """

    shown = (replace(option, default=defaults.get(option.name, option.default)) for option in options())
    return _adder(option for option in shown if option.name not in left_out)


def film_choices(command: _Command) -> _Command:
    """Give ``command`` every option of ``FilmOptions``; it receives those that were typed."""
    return _adder(film_options())(command)


def opening_options(command: _Command) -> _Command:
    """Give ``command`` what opens its pictures and its encoder: ``weights`` and ``allow_huge``."""
    return all_of(
        click.option("--weights", type=_FILE, help="A VGG-19 weight file (.pth or .safetensors)."),
        click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels."),
    )(command)


def output_options(name: str) -> Callable[[_Command], _Command]:
    """Give a command that paints one picture all that says where it goes and how: the fields of ``Output``.

    ``name`` is what the help shows as the picture's name where none is given.
    """
    return all_of(
        click.option("-o", "--out", type=_FILE, help=f"Where the picture goes  [{name}]."),
        click.option("--bits", type=int, default=8, show_default=True, help="8 or 16 bits a channel; 16 for PNG and TIFF."),
        click.option("--jpeg-quality", type=int, default=95, show_default=True, help="Quality of JPEG and WebP, 1 to 100."),
        click.option("--save-every", type=int, default=0, metavar="N", help="Also save every N steps as OUT-0040.png."),
        click.option("--log", type=_FILE, help="Write step, size, total and every loss as CSV."),
        click.option("--anyway", is_flag=True, help="Go on even where the memory will hardly suffice."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("--json", "as_json", is_flag=True, help="A last line on standard output for machines."),
    )  # fmt: skip


def all_of(*added: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """One decorator of several, in the order in which the help shows them."""

    def add(command: _Command) -> _Command:
        for option in reversed(added):
            command = option(command)
        return command

    return add


def _adder(wanted: Iterable[Option]) -> Callable[[_Command], _Command]:
    wanted = list(wanted)

    def add(command: _Command) -> _Command:
        for option in reversed(wanted):
            if option.choices == SWITCH:
                flag = "--" + option.name.replace("_", "-")
                command = click.option(flag, option.name, flag_value="on", default=None, help=option.help)(command)
                continue
            command = click.option(
                "--" + option.name.replace("_", "-"),
                option.name,
                default=None,
                type=_kind(option),
                metavar=option.metavar or (None if option.choices else ("N" if option.kind is int else "X")),
                help=f"{option.help}  [{_shown(option)}]",
            )(command)
        return command

    return add


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """Out of a command's arguments, those recipe options that were given; numbers become numbers where they are."""
    return _typed(options(), values)


def typed_film(values: dict[str, Any]) -> dict[str, Any]:
    """``typed`` of the options of a film."""
    return _typed(film_options(), values)


def _typed(wanted: Iterable[Option], values: dict[str, Any]) -> dict[str, Any]:
    out = {}
    for option in wanted:
        value = values.pop(option.name, None)
        if value is not None:
            out[option.name] = _number(option, value) if option.kind in (int, float) else value
    return out


def _number(option: Option, value: str) -> Any:
    try:
        return option.kind(value)
    except ValueError:
        return value  # Recipe says what was expected


def _kind(option: Option) -> click.ParamType[Any]:
    if option.choices:
        return _Choice(option.choices)
    return click.STRING if option.kind is str else _Number(option.kind)


def _shown(option: Option) -> str:
    default = option.default if option.default != "" else "its own"
    if option.kind in (int, float) and option.low is not None and option.high is not None and option.high <= 20000:
        return f"default {default:g}, {option.low:g} to {option.high:g}"
    return f"default {default}"
