"""What a training leaves to look at: its curve as CSV, and plots where matplotlib is installed."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.errors import MediaError, TrainingError
from impasto.media.files import write_file

__all__ = ["HINT", "can_plot", "plot_confusion", "plot_curve", "write_bytes", "write_curve"]

HINT = "no plots: matplotlib is missing, pip install 'impasto[train]' brings it"

Row = Mapping[str, float]


def can_plot() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def write_bytes(path: Path, data: bytes) -> None:
    """``data`` at ``path``, whole or not at all; ``TrainingError`` where it cannot be written."""
    try:
        write_file(path, data)
    except MediaError as error:
        raise TrainingError(str(error)) from None


def write_curve(path: Path, rows: Sequence[Row]) -> None:
    """One line per row; the columns are those of all rows, in the order in which they appear."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    for row in rows:
        table.writerow([_number(row[name]) if name in row else "" for name in columns])
    write_bytes(path, text.getvalue().encode())


def plot_curve(path: Path, rows: Sequence[Row], *, groups: Mapping[str, str], title: str, log: bool = True) -> None:
    """The columns that begin with a prefix of ``groups`` over minutes, one panel per prefix and its label."""
    figure = _figure(5.2 * len(groups), 3.8)
    for place, (prefix, label) in enumerate(groups.items(), 1):
        axes = figure.add_subplot(1, len(groups), place)
        for name in dict.fromkeys(name for row in rows for name in row if name.startswith(prefix)):
            points = [(row["seconds"] / 60, row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), label=name.removeprefix(prefix).strip(" _") or label)
        axes.set_xlabel("minutes")
        axes.set_title(f"{title}: {label}", fontsize=10)
        axes.grid(alpha=0.3)
        if log:
            axes.set_yscale("log")
        if axes.get_lines():
            axes.legend(fontsize=8)
    _save(figure, path)


def plot_confusion(path: Path, counts: Tensor, classes: Sequence[str], *, title: str) -> None:
    """``counts[true, said]`` as shares of each true class; numbers in the fields up to 20 classes."""
    side = max(4.5, min(18.0, 0.55 * len(classes) if len(classes) <= 20 else 0.16 * len(classes)))
    figure = _figure(side + 1, side)
    axes = figure.add_subplot()
    shares = (counts.double() / counts.sum(1, keepdim=True).clamp_min(1)).numpy()
    figure.colorbar(axes.imshow(shares, vmin=0, vmax=1, cmap="viridis"), shrink=0.8)
    small = 9 if len(classes) <= 20 else 5
    axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=small)
    axes.set_yticks(range(len(classes)), classes, fontsize=small)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(title, fontsize=10)
    if len(classes) <= 20:
        for true in range(len(classes)):
            for said in range(len(classes)):
                shade = "black" if shares[true, said] > 0.6 else "white"
                axes.text(said, true, int(counts[true, said]), ha="center", va="center", fontsize=6, color=shade)
    _save(figure, path)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # never pyplot: it would look for a screen

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110, metadata={"Software": None})
    write_bytes(path, data.getvalue())


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
