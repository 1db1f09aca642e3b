"""What an examination finds: a mark, a line, and what to do about it.

A check is a function without arguments that yields findings; one that raises is itself a finding.
"""

from __future__ import annotations

import getpass
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from impasto.errors import ImpastoError

__all__ = ["Check", "Finding", "Mark", "Section", "failed", "found_by", "gibibytes", "note", "ok", "private", "wrong"]

Mark = Literal["ok", "note", "wrong"]

_REPORT = "if nothing above explains it, report it with the output of impasto doctor --json"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``remedy`` is what to do; ``facts`` are plain values of JSON for a program."""

    mark: Mark
    name: str
    text: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


Check = Callable[[], Iterator[Finding]]


@dataclass(frozen=True)
class Section:
    """Findings of one kind, in order."""

    title: str
    findings: tuple[Finding, ...]


def ok(name: str, text: str, **facts: Any) -> Finding:
    """All is well."""
    return Finding("ok", name, text, "", facts)


def note(name: str, text: str, remedy: str = "", **facts: Any) -> Finding:
    """Something that costs time or leaves a wish open; painting works."""
    return Finding("note", name, text, remedy, facts)


def wrong(name: str, text: str, remedy: str, **facts: Any) -> Finding:
    """Something that keeps impasto from working as it should."""
    return Finding("wrong", name, text, remedy, facts)


def found_by(name: str, check: Check) -> Iterator[Finding]:
    """What ``check`` finds; where it raises, what it found until then and a finding of that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a driver's complaint would stand between the lines; devices.py tells it
            yield from check()
    except Exception as error:
        yield failed(name, error)


def failed(name: str, error: Exception) -> Finding:
    """A check that raised, in one line; an error of ours says itself what to do."""
    line = " ".join(str(error).split())
    if isinstance(error, ImpastoError):
        return wrong(name, line, _REPORT)
    return wrong(name, f"the check failed: {type(error).__name__}{': ' if line else ''}{line}"[:400], _REPORT)


def gibibytes(size: float) -> str:
    """``size`` in bytes as a person reads it."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


# ── what goes into a bug report names nobody ──


def private(section: Section) -> Section:
    """``section`` with ``~`` for the home folder and ``USER`` for a folder of the user's name, wherever they stand."""
    swaps = _swaps()
    return replace(section, findings=tuple(_private(finding, swaps) for finding in section.findings))


def _private(finding: Finding, swaps: list[tuple[re.Pattern[str], str]]) -> Finding:
    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for pattern, instead in swaps:
                value = pattern.sub(instead, value)
            return value
        if isinstance(value, float) and not math.isfinite(value):
            return None  # JSON has no word for it
        if isinstance(value, Mapping):
            return {key: clean(inner) for key, inner in value.items()}
        return [clean(inner) for inner in value] if isinstance(value, (list, tuple)) else value

    return Finding(
        finding.mark, clean(finding.name), clean(finding.text), clean(finding.remedy), clean(dict(finding.facts))
    )


def _swaps() -> list[tuple[re.Pattern[str], str]]:
    try:
        home = Path.home()
        places = {str(home), str(home.resolve())}
    except (OSError, RuntimeError):  # a container's user may have no home
        places = set()
    # The longest first, and not "/" or "C:\", which stand for no one.
    whole = sorted((place for place in places if len(place) > 3), key=len, reverse=True)
    swaps = [(re.compile(re.escape(place) + r"(?![\w.-])"), "~") for place in whole]
    try:
        user = getpass.getuser()
    except (ImportError, KeyError, OSError):
        user = ""
    if user:  # as in /media/USER/disk
        swaps.append((re.compile(rf"(?<=[/\\]){re.escape(user)}(?=[/\\])"), "USER"))
    return swaps
