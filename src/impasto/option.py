"""An option: its default, its range and its help, declared once as a field; and what sets of options have in common."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar

from impasto.errors import InputError, UnknownNameError

__all__ = ["Option", "OptionSet", "flag", "option"]

_Set = TypeVar("_Set", bound="OptionSet")
_KINDS: dict[str, type] = {"int": int, "float": float, "str": str}


@dataclass(frozen=True)
class Option:
    """One field of an ``OptionSet`` as a surface shows it: ``low`` and ``high`` are the range that is accepted."""

    name: str
    kind: type
    default: Any
    help: str
    group: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    metavar: str | None = None

    def check(self, value: Any) -> Any:
        """``value`` as this option's kind; ``InputError`` where it is of another, or out of range."""
        return _checked(self, value)


def option(default: Any, help: str, group: str, **about: Any) -> Any:
    """A field of an ``OptionSet``; ``about`` are those of ``Option``."""
    return field(default=default, metadata={"help": help, "group": group, **about})


class OptionSet:
    """What a frozen dataclass of options can do: check itself, be changed as a copy, become plain values and back."""

    called: ClassVar[str] = "option"  # what a message calls one of them

    def __post_init__(self) -> None:
        for option in self.declared():
            object.__setattr__(self, option.name, _checked(option, getattr(self, option.name)))
        self.check_together()

    @classmethod
    def declared(cls) -> tuple[Option, ...]:
        """All options, in the order that help shows them."""
        return _declared(cls)  # type: ignore[arg-type]

    def check_together(self) -> None:
        """Refuse options that contradict each other, or of which one takes all effect from the other."""

    def given(self) -> set[str]:
        """The names of the options that are not at their defaults: a set does not know who typed what."""
        return {option.name for option in self.declared() if getattr(self, option.name) != option.default}

    def but(self: _Set, **changes: Any) -> _Set:
        """A copy with ``changes``; an unknown option raises ``InputError`` with the nearest name."""
        known = [option.name for option in self.declared()]
        for name in changes:
            if name not in known:
                raise UnknownNameError(
                    self.called, name, difflib.get_close_matches(name, known, n=5, cutoff=0) or known
                )
        return replace(self, **changes)  # type: ignore[type-var]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, in order; ``from_dict`` reads them back."""
        return {option.name: getattr(self, option.name) for option in self.declared()}

    @classmethod
    def from_dict(cls: type[_Set], values: Mapping[str, Any]) -> _Set:
        """The options with ``values``; the rest stands at its defaults."""
        return cls().but(**values)


@functools.cache
def _declared(kind: type[OptionSet]) -> tuple[Option, ...]:
    return tuple(
        Option(item.name, _KINDS[str(item.type)], item.default, **item.metadata)
        for item in fields(kind)  # type: ignore[arg-type]
        if item.default is not MISSING
    )


def _checked(option: Option, value: Any) -> Any:
    """``value`` as the option's kind and within its range; ``InputError`` says what was expected."""
    name = flag(option.name)
    if option.kind is str:
        if not isinstance(value, str):
            raise InputError(f"{name} {value!r}: expected a text")
        if option.choices and value not in option.choices:
            raise UnknownNameError(f"value for {name}", value, option.choices)
        return value
    kind = "a whole number" if option.kind is int else "a number"
    try:
        number = option.kind(value)
        fits = number == value if option.kind is int else math.isfinite(number)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if isinstance(value, (bool, str)) or not fits:
        raise InputError(f"{name} {value!r}: expected {kind}")
    if (option.low is not None and number < option.low) or (option.high is not None and number > option.high):
        raise InputError(f"{name} {value}: expected a value from {option.low:g} to {option.high:g}")
    return number


def flag(name: str) -> str:
    """An option's name as it is typed."""
    return "--" + name.replace("_", "-")
