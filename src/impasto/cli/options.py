"""Recipe's fields as command-line options: an option is declared once, in ``recipe.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import click

from impasto.errors import UnknownNameError
from impasto.film import SWITCH, film_options
from impasto.recipe import Option, options

__all__ = ["film_choices", "recipe_options", "recipe_options_but", "typed", "typed_film"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


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
