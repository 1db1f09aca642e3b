"""Which cells are worth a look: those that no other one beats in both judged style and judged content."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from impasto.study.cells import Outcome

__all__ = ["best_of", "front_of"]


def front_of(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The Pareto front by judged style and content, lower being better in both, from the most style on.

    Of cells that the judge cannot tell apart all are on it; those without both figures are not.
    """
    judged = [outcome for outcome in outcomes if _point(outcome) is not None]
    points = {outcome.cell.number: _point(outcome) or (math.inf, math.inf) for outcome in judged}

    def beaten(outcome: Outcome) -> bool:
        style, content = points[outcome.cell.number]
        return any(s <= style and c <= content and (s, c) != (style, content) for s, c in points.values())

    return sorted((one for one in judged if not beaten(one)), key=lambda one: points[one.cell.number])


def best_of(outcomes: Sequence[Outcome], references: Mapping[str, Mapping[str, float]]) -> Outcome | None:
    """The cell of the front where style and content together are nearest.

    Each is counted in its own measure: style as a share of the untouched photograph's distance to the painting, content
    as a share of the pasted painting's distance to the photograph. Those that a complaint was raised about come last.
    None where the judge does not tell both.
    """
    style = references.get("content unchanged", {}).get("style") or 1.0
    content = references.get("style pasted", {}).get("content") or 1.0
    sound = [outcome for outcome in outcomes if not outcome.complaints] or list(outcomes)

    def distance(outcome: Outcome) -> tuple[float, int]:
        found = _point(outcome)
        assert found is not None
        return found[0] / style + found[1] / content, outcome.cell.number

    return min(front_of(sound), key=distance, default=None)


def _point(outcome: Outcome) -> tuple[float, float] | None:
    style, content = outcome.judged.get("style"), outcome.judged.get("content")
    if style is None or content is None or not (math.isfinite(style) and math.isfinite(content)):
        return None
    return style, content
