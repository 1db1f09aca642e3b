"""Rich's bars, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from impasto.paint.painter import Progress

__all__ = ["Bar", "FrameBar"]

_Kept = TypeVar("_Kept")
_Self = TypeVar("_Self", bound="_Rich")


class _Rich(AbstractContextManager[Any]):
    """A bar with the time left, of one task; ``progress`` is None where no terminal is."""

    def __init__(self, title: str, total: float | None, quiet: bool, counted: str, *more: str, **fields: Any) -> None:
        self.progress: Any = None
        if quiet or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(counted, style="progress.percentage"),
            TimeRemainingColumn(),
            *map(TextColumn, more),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task(title, total=total, **fields)

    def __enter__(self: _Self) -> _Self:
        if self.progress:
            self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.progress:
            self.progress.stop()


class Bar(_Rich):
    """Rich's bar with the time left and the losses; where no terminal is, the notes alone."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        super().__init__("painting", 1.0, quiet, "{task.percentage:>3.0f}%", "{task.fields[losses]}", losses="")

    def show(self, at: Progress, title: str = "", done: float | None = None) -> None:
        """Where there are several paintings, ``title`` names this one and ``done`` is the share of all of them."""
        if self.progress:
            losses = "  ".join(f"{key} {value:.3g}" for key, value in at.losses.items() if key != "total")
            self.progress.update(
                self.task,
                completed=at.done if done is None else done,
                description=f"{title} {at.size} px".strip(),
                losses=losses,
            )
        self._note(at)

    def count(self, title: str, done: float, at: Progress | None) -> None:
        """Where a whole of many pictures is painted: ``title`` says which, ``done`` is the share of all."""
        if self.progress:
            self.progress.update(self.task, completed=done, description=title)
        if at is not None:
            self._note(at)

    def _note(self, at: Progress) -> None:
        if at.note and not self.quiet:
            print(at.note, file=sys.stderr)  # rich keeps it above the bar


class FrameBar(_Rich):
    """Rich's bar over frames, with the time left; where no terminal is, nothing."""

    def __init__(self, title: str, total: int | None, quiet: bool) -> None:
        super().__init__(title, total, quiet, "{task.completed:.0f}/" + ("?" if total is None else "{task.total:.0f}"))

    def over(self, items: Iterable[_Kept]) -> Iterator[_Kept]:
        """``items``, counted as they pass."""
        for item in items:
            yield item
            if self.progress:
                self.progress.advance(self.task)
