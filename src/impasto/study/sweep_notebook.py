"""The report of a sweep as a Jupyter notebook: its cells read the folder's tables, so it can be gone on from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import nbformat
from nbformat import v4

from impasto import __version__
from impasto.study.cells import Outcome
from impasto.study.folder import Folder

__all__ = ["sweep_notebook"]

_READ = """\
import csv
from pathlib import Path

HERE = Path(".")  # the folder of the study: the notebook lies in it


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def table(name):
    with open(HERE / name, newline="", encoding="utf-8") as file:
        return [{key: number(value) for key, value in row.items()} for row in csv.DictReader(file)]


runs, losses = table("runs.csv"), table("losses.csv")
VARIED = {varied!r}
JUDGED = [name for name in runs[0] if name.startswith("judged_")]
len(runs), len(losses)"""

_SHEET = """\
import base64
import html

from IPython.display import HTML


def label(run):
    return f"{run['run']:.0f}: " + ", ".join(f"{name.replace('_', '-')} {run[name]}" for name in VARIED)


def card(run):
    data = base64.b64encode((HERE / run["picture"]).read_bytes()).decode()
    return (
        '<figure style="display: inline-block; width: 220px; margin: 6px; vertical-align: top">'
        f'<img src="data:image/png;base64,{data}" style="width: 100%"><figcaption>{html.escape(label(run))}</figcaption></figure>'
    )


HTML("".join(card(run) for run in runs))"""

_TABLE = """\
def by(name):
    return sorted(runs, key=lambda run: (isinstance(run[name], str), run[name]))


def show(rows, names):
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(f'{v:.4g}' if isinstance(v, float) else v)}</td>" for v in (row[n] for n in names))
        + "</tr>"
        for row in rows
    )
    return HTML("<table><tr>" + "".join(f"<th>{name}</th>" for name in names) + f"</tr>{cells}</table>")


show(by((JUDGED or ["run"])[0]), ["run", *VARIED, "seconds", *JUDGED, "loss_total"])"""

_CURVES = """\
import plotly.graph_objects as go


def curves(name="total"):
    figure = go.Figure()
    for run in runs:
        rows = [row for row in losses if row["run"] == run["run"] and row[name] != ""]
        figure.add_scatter(x=[row["step"] for row in rows], y=[row[name] for row in rows], name=label(run))
    return figure.update_yaxes(type="log", title=f"{name}, weighted").update_xaxes(title="step")


curves("total")"""

_FRONT = """\
def point(run):
    return run["judged_style"], run["judged_content"]


def beaten(run):
    style, content = point(run)
    return any(s <= style and c <= content and (s, c) != (style, content) for s, c in map(point, runs))


judged = [run for run in runs if "judged_style" in run and "judged_content" in run]
front = sorted((run for run in judged if not beaten(run)), key=point)
figure = go.Figure()
for name, rows, mode in (("runs", judged, "markers"), ("front", front, "lines+markers")):
    figure.add_scatter(
        x=[run["judged_style"] for run in rows],
        y=[run["judged_content"] for run in rows],
        text=[label(run) for run in rows],
        mode=mode,
        name=name,
    )
figure.update_xaxes(title="judged style").update_yaxes(title="judged content")"""

_AGAIN = """\
from impasto.studio import read_about, reopen

picture = HERE / {picture!r}
read_about(picture)["recipe"]"""

_PAINT = """\
PAINT = False  # True: paint it again from the recipe inside the picture

if PAINT:
    easel = reopen(picture)
    for last in easel.paint():
        pass
    easel.painting(last).save(HERE / "again.png")"""


def sweep_notebook(
    folder: Folder, outcomes: Sequence[Outcome], best: Outcome | None, command: Callable[[Outcome], str]
) -> str:
    """The notebook as text (nbformat 4.5); it runs where it lies, with plotly for the curves."""
    sweep = folder.sweep
    content, style = (PurePath(source.path).name for source in (sweep.content, sweep.style))
    parts: list[tuple[str, str]] = [
        ("text", f"# {content} in the manner of {style}, by {len(sweep.cells)} recipes\n\n"
                 f"Varied: {', '.join(name.replace('_', '-') for name in sweep.varied)}. "
                 f"Judged by {sweep.judge.encoder.name} at {sweep.judge.size} px."),
        ("code", _READ.replace("{varied!r}", repr(list(sweep.varied)))),
    ]  # fmt: skip
    if outcomes:
        parts += [
            ("text", "## Contact sheet"),
            ("code", _SHEET),
            ("text", "## The runs"),
            ("code", _TABLE),
            ("text", "## Loss curves"),
            ("code", _CURVES),
            ("text", "## Style against content"),
            ("code", _FRONT),
        ]
    if best is not None:
        picture = f"pictures/{best.cell.file}"
        parts += [
            ("text", f"## The best, as judged\n\n{best.cell.label}\n\n```sh\n{command(best)}\n```"),
            ("code", _AGAIN.replace("{picture!r}", repr(picture))),
            ("code", _PAINT),
        ]
    made: Any = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(text, id=f"cell-{place}")
            if kind == "text"
            else v4.new_code_cell(text, id=f"cell-{place}")
            for place, (kind, text) in enumerate(parts)
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "impasto": __version__,
        },
    )
    nbformat.validate(made)
    return str(nbformat.writes(made)) + "\n"
