"""The report of a sweep: what it needs, what it says where that is missing, and its files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

from impasto.errors import InputError
from impasto.media.files import write_file
from impasto.study.cells import Outcome
from impasto.study.folder import Folder
from impasto.study.pareto import best_of

__all__ = ["check", "remarks", "write"]


def check(*, notebook: bool) -> None:
    """Before any work: raise ``InputError`` where a notebook is asked for and cannot be written."""
    if notebook and not _there("nbformat"):
        raise InputError("--notebook needs nbformat: pip install 'impasto[report]'")


def remarks() -> list[str]:
    """Lines for the person on what the report will lack."""
    if _there("plotly"):
        return []
    return ["the report will have no curves, for want of plotly: pip install 'impasto[report]'"]


def write(
    folder: Folder,
    outcomes: Sequence[Outcome],
    command: Callable[[Outcome], str],
    *,
    shows: str = "",
    notebook: bool = False,
) -> Outcome | None:
    """Write ``report.html`` and, where asked for, ``report.ipynb``; the best cell as judged.

    ``outcomes`` may be fewer than the cells, where the sweep was interrupted; ``command`` is what paints one alone.
    """
    from impasto.study.sweep_page import sweep_page

    painted = [outcome for outcome in outcomes if not outcome.failure]
    best = best_of(painted, folder.sweep.references)
    text = sweep_page(folder, outcomes, best, command, shows=shows)
    write_file(folder.path / "report.html", text.encode())
    if notebook:
        from impasto.study.sweep_notebook import sweep_notebook

        write_file(folder.path / "report.ipynb", sweep_notebook(folder, painted, best, command).encode())
    return best


def _there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
