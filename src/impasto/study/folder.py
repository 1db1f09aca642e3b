"""The folder of a sweep: what is in it says what is done, so that the same command goes on where it ended.

    study.json     which study this is
    pictures/      one PNG per cell, its recipe inside
    cells/         one record per cell, written when its picture is safe: what makes a cell count as done
    runs.csv       a row per cell: every option, losses, judged distances, seconds
    losses.csv     a row per step of every cell
    report.html    the page, and report.ipynb where it was asked for

The tables and the page are made anew from the records; only what is listed here is ever written.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import InputError, MediaError
from impasto.media.files import check_folder, file_sha256, write_file
from impasto.paint.complaints import Complaint
from impasto.recipe import options
from impasto.study.cells import Cell, Outcome
from impasto.study.sweep import Sweep

__all__ = ["JUDGED", "LOSSES", "Folder", "loss_names"]

LOSSES = ("total", "style", "content", "tv", "grain", "grey")  # in this order; others behind them
JUDGED = ("style", "held", "content", "chroma_noise")

_MARK = "study.json"


class Folder:
    """``path`` as the folder of ``sweep``; nothing is written before ``open``."""

    def __init__(self, path: Path, sweep: Sweep) -> None:
        self.path, self.sweep = path, sweep
        self._identity = _identity(sweep)

    def check(self) -> None:
        """Raise one line unless the folder is new, empty, or that of this very study, and can be written to."""
        if not self.path.exists():
            check_folder(self.path)  # where a file can be put, a folder can be made
            return
        if not self.path.is_dir():
            raise MediaError(f"-o {self.path} is a file: give the name of a folder")
        if any(self.path.iterdir()):
            self._check_same()
        check_folder(self.path / _MARK)
        for file in self.sweep.files:
            if Path(file).exists() and _inside(Path(file), (self.path / "pictures", self.path / "cells")):
                raise InputError(f"{file}, one of the inputs, lies in {self.path}: choose another folder with -o")

    def open(self) -> None:
        """Make the folder and what says whose it is."""
        try:
            for folder in (self.path, self.path / "pictures", self.path / "cells"):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise MediaError(f"-o {self.path} could not be made: {(error.strerror or str(error)).lower()}") from None
        _write_json(self.path / _MARK, self._identity)

    def outcomes(self) -> dict[str, Outcome]:
        """The cells that are done, by key: their records and pictures are whole."""
        found = {cell.key: self._read(cell) for cell in self.sweep.cells}
        return {key: outcome for key, outcome in found.items() if outcome is not None}

    def keep(self, outcome: Outcome) -> None:
        """Save the picture of a cell, then its record."""
        if outcome.painting is None:
            return
        picture = self.picture(outcome.cell)
        outcome.painting.save(picture)
        record = {
            "key": outcome.cell.key,
            "picture": picture.name,
            "sha256": file_sha256(picture),
            "changes": dict(outcome.cell.changes),
            "seconds": outcome.seconds,
            "losses": dict(outcome.losses),
            "judged": dict(outcome.judged),
            "complaints": [one.as_dict() for one in outcome.complaints],
            "curve": [[step, size, dict(losses)] for step, size, losses in outcome.curve],
        }
        _write_json(self._record(outcome.cell), record)

    def write_tables(self, outcomes: Iterable[Outcome]) -> None:
        """``runs.csv`` and ``losses.csv``, whole, in the cells' order."""
        done = sorted(outcomes, key=lambda outcome: outcome.cell.number)
        write_file(self.path / "runs.csv", _runs(self.sweep, done))
        write_file(self.path / "losses.csv", _losses(done))

    def picture(self, cell: Cell) -> Path:
        """Where a cell's picture lies."""
        return self.path / "pictures" / cell.file

    def _record(self, cell: Cell) -> Path:
        return self.path / "cells" / f"{Path(cell.file).stem}.json"

    def _read(self, cell: Cell) -> Outcome | None:
        """What the record of a cell says; None where it is another one's, damaged, or its picture is not as it was."""
        try:
            record = json.loads(self._record(cell).read_text(encoding="utf-8"))
            if record["key"] != cell.key or file_sha256(self.picture(cell)) != record["sha256"]:
                return None
            return Outcome(
                cell,
                seconds=float(record["seconds"]),
                losses=_numbers(record["losses"]),
                judged=_numbers(record["judged"]),
                curve=tuple((int(step), int(size), _numbers(losses)) for step, size, losses in record["curve"]),
                complaints=tuple(Complaint(**one) for one in record["complaints"]),
            )
        except (OSError, MediaError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _check_same(self) -> None:
        mark = self.path / _MARK
        try:
            there = dict(json.loads(mark.read_text(encoding="utf-8")).items())
        except FileNotFoundError:
            raise InputError(f"-o {self.path} holds other files and no study: choose a new folder") from None
        except (OSError, ValueError, AttributeError, RecursionError):
            raise InputError(f"-o {self.path}: {mark.name} in it is damaged: choose a new folder") from None
        differ = [name for name, value in self._identity.items() if there.get(name) != value]
        if differ:
            raise InputError(
                f"-o {self.path} holds another study ({_told(differ[0], there)}): choose a new folder, "
                "or give the same pictures and options to go on"
            )


def _identity(sweep: Sweep) -> dict[str, Any]:
    """Which study this is. More values of the options that vary make it larger, not another."""
    base = {name: value for name, value in sweep.base.as_dict().items() if name not in sweep.varied}
    return {
        "impasto study": sweep.name,
        "content": sweep.content.sha256,
        "style": sweep.style.sha256,
        "varied": sorted(sweep.varied),
        "options": base,
        "exact": sweep.exact,
        "judge": [sweep.judge.encoder.name, sweep.judge.size],
    }


def _told(name: str, there: Mapping[str, Any]) -> str:
    """In what the study that is there differs."""
    value = there.get(name)
    words = {
        "impasto study": f"of {value}",
        "content": "of another photograph",
        "style": "of another painting",
        "options": "with other options",
        "exact": "with --exact" if value else "without --exact",
    }
    if name in ("varied", "judge") and isinstance(value, list) and value:
        texts = ", ".join(map(str, value)).replace("_", "-")
        return f"it varies {texts}" if name == "varied" else f"judged by {texts} px"
    return words.get(name, "of another kind")


def _runs(sweep: Sweep, done: Sequence[Outcome]) -> bytes:
    names = [option.name for option in options()]
    judged = [name for name in JUDGED if any(name in outcome.judged for outcome in done)]
    losses = loss_names(done)
    head = ("run", "picture", *names, *(f"loss_{name}" for name in losses), *(f"judged_{name}" for name in judged))
    rows: list[Sequence[Any]] = [(*head, "judge", "steps_painted", "seconds", "shared_start", "complaints")]
    for outcome in done:
        values = outcome.cell.recipe.as_dict()
        rows.append(
            (
                outcome.cell.number,
                f"pictures/{outcome.cell.file}",
                *(values[name] for name in names),
                *(_figure(outcome.losses.get(name)) for name in losses),
                *(_figure(outcome.judged.get(name)) for name in judged),
                sweep.judge.encoder.name,
                len(outcome.curve),
                f"{outcome.seconds:.3f}",
                "" if outcome.cell.leads else outcome.cell.leader,
                "; ".join(one.what for one in outcome.complaints),
            )
        )
    return _csv(rows)


def loss_names(done: Iterable[Outcome]) -> list[str]:
    """The losses that the cells tell of, the usual ones first."""
    return list(dict.fromkeys([*LOSSES, *(name for outcome in done for name in sorted(outcome.losses))]))


def _losses(done: Sequence[Outcome]) -> bytes:
    names = loss_names(done)
    rows: list[Sequence[Any]] = [("run", "step", "size", *names)]
    for outcome in done:
        for step, size, losses in outcome.curve:
            rows.append((outcome.cell.number, step, size, *(_figure(losses.get(name)) for name in names)))
    return _csv(rows)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.8g}"


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    held = io.StringIO()
    csv.writer(held).writerows(rows)
    return held.getvalue().encode()


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def _write_json(path: Path, value: Any) -> None:
    write_file(path, json.dumps(value, ensure_ascii=False).encode())


def _inside(path: Path, folders: Iterable[Path]) -> bool:
    real = os.path.realpath(path)
    return any(real.startswith(os.path.realpath(folder) + os.sep) for folder in folders)
