"""The whole examination, section by section: pull ``sections()``, then lay them out as text or as JSON.

A section's module is imported when its turn comes: where torch itself is broken, the rest is still looked at.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from impasto import __version__
from impasto.examine.finding import Finding, Mark, Section, failed, found_by, private

__all__ = ["as_dict", "count", "sections"]

_SECTIONS = {
    "Versions": "versions",
    "Machine": "machine",
    "Devices": "devices",
    "Encoders": "encoders",
    "Pictures": "pictures",
    "Self-test": "selftest",
}


def sections(quick: bool = False) -> Iterator[Section]:
    """Every section as soon as it is known; ``quick`` leaves the self-test out. Nothing raises."""
    for title, module in _SECTIONS.items():
        if not (quick and module == "selftest"):
            yield private(Section(title, tuple(_findings(title, f"impasto.examine.{module}"))))


def count(found: Iterable[Section], mark: Mark) -> int:
    """How many findings carry ``mark``."""
    return sum(finding.mark == mark for section in found for finding in section.findings)


def as_dict(found: Iterable[Section]) -> dict[str, Any]:
    """Plain values for JSON."""
    found = list(found)
    return {
        "impasto": __version__,
        "wrong": count(found, "wrong"),
        "notes": count(found, "note"),
        "sections": [
            {"title": section.title, "findings": [_plain(finding) for finding in section.findings]} for section in found
        ],
    }


def _findings(title: str, module: str) -> Iterator[Finding]:
    try:
        checks = importlib.import_module(module).CHECKS
    except Exception as error:
        yield failed(title.lower(), error)
        return
    for name, check in checks.items():
        yield from found_by(name, check)


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "mark": finding.mark,
        "name": finding.name,
        "text": finding.text,
        "remedy": finding.remedy,
        "facts": dict(finding.facts),
    }
