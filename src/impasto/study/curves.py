"""Loss curves and the plane of style and content, as figures of plotly's that run in a browser without a network."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from impasto.study.cells import Outcome
from impasto.study.folder import loss_names

__all__ = ["judged_figure", "loss_figure", "plotly_script"]

_POINTS = 40_000  # of all curves together: more are slow to draw, and no eye tells them apart


def plotly_script() -> str | None:
    """plotly.js, whole, to be put into a page; None where plotly is not installed."""
    if importlib.util.find_spec("plotly") is None:
        return None
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def loss_figure(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A curve per cell over its steps, logarithmic, with a menu of the losses."""
    names = [name for name in loss_names(outcomes) if any(name in outcome.losses for outcome in outcomes)]
    every = 1 + sum(len(outcome.curve) for outcome in outcomes) * len(names) // _POINTS
    traces, shown = [], []
    for name in names:
        for outcome in outcomes:
            rows = outcome.curve[::every]
            if rows[-1:] != outcome.curve[-1:]:
                rows = (*rows, outcome.curve[-1])
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": f"{outcome.cell.number}: {outcome.cell.label}",
                    "x": [step for step, _, _ in rows],
                    "y": [losses.get(name) for _, _, losses in rows],
                    "text": [f"{size} px" for _, size, _ in rows],
                    "hovertemplate": "%{y:.4g} at step %{x}, %{text}",
                    "visible": name == names[0],
                }
            )
            shown.append(name)
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": [one == name for one in shown]}]} for name in names
    ]
    layout = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "loss, weighted"}, "type": "log", "exponentformat": "power"},
        "updatemenus": [{"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}],
        "legend": {"orientation": "h", "y": -0.2},
        "height": 480 + 12 * len(outcomes),
    }
    return {"data": traces, "layout": layout}


def judged_figure(
    outcomes: Sequence[Outcome], front: Sequence[Outcome], references: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Judged style against judged content: the cells, the front through the best of them, and the two references."""
    on = {outcome.cell.number for outcome in front}
    others = [one for one in outcomes if one.cell.number not in on and {"style", "content"} <= set(one.judged)]
    edges = [(name, one) for name, one in references.items() if {"style", "content"} <= set(one)]
    traces = [
        _points("cells", [(str(one.cell.number), one.cell.label, one.judged) for one in others], "markers+text"),
        _points("front", [(str(one.cell.number), one.cell.label, one.judged) for one in front], "lines+markers+text"),
        _points("references", [(name, name, one) for name, one in edges], "markers+text"),
    ]
    traces[1]["line"] = {"shape": "hv", "dash": "dot"}
    traces[2]["marker"] = {"symbol": "x", "size": 9}
    layout = {
        "xaxis": {"title": {"text": "judged style (less is nearer to the painting)"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "judged content (less keeps more)"}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": -0.2},
        "height": 520,
    }
    return {"data": [trace for trace in traces if trace["x"]], "layout": layout}


def _points(name: str, points: Sequence[tuple[str, str, Mapping[str, float]]], mode: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [judged["style"] for _, _, judged in points],
        "y": [judged["content"] for _, _, judged in points],
        "text": [text for text, _, _ in points],
        "hovertext": [words for _, words, _ in points],
        "hovertemplate": "%{hovertext}<br>style %{x:.4f}, content %{y:.4f}<extra></extra>",
        "textposition": "top center",
        "marker": {"size": 11},
    }
