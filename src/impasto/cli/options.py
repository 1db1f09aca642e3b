"""Recipe's fields as command-line options: an option is declared once, in ``recipe.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from impasto.errors import UnknownNameError
from impasto.recipe import Option, options

__all__ = ["recipe_options", "recipe_options_but", "typed"]

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

    def add(command: _Command) -> _Command:
        for option in reversed([option for option in options() if option.name not in left_out]):
            command = click.option(
                "--" + option.name.replace("_", "-"),
                option.name,
                default=None,
                type=_kind(option),
                metavar=option.metavar or (None if option.choices else ("N" if option.kind is int else "X")),
                help=f"{option.help}  [{_shown(replace(option, default=defaults.get(option.name, option.default)))}]",
            )(command)
        return command

    return add


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """Out of a command's arguments, those recipe options that were given; numbers become numbers where they are."""
    out = {}
    for option in options():
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
