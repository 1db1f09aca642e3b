"""Several paintings as one picture: a strip that fills panel by panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from impasto.media.image import sized
from impasto.media.sheet import sheet, sheet_size
from impasto.paint.painter import Anchor, Progress
from impasto.studio import Easel, Painting, Source

__all__ = ["Panel", "Strip", "StripPainter", "strip"]


@dataclass(frozen=True)
class Panel:
    """An easel and the words under what is painted on it."""

    easel: Easel
    words: str


class StripPainter:
    """Paints the panels of ``rows`` one after the other; ``snapshot()`` is the sheet so far, as a painting's is.

    ``heads`` are pictures with words that stand before the rows, one each. ``done`` is called with each panel's painting
    as it is finished. ``reached`` holds what was reached, by the words.
    """

    def __init__(
        self,
        rows: Sequence[Sequence[Panel]],
        *,
        heads: Sequence[tuple[Tensor, str]] = (),
        done: Callable[[Panel, Painting], None] = lambda panel, painting: None,
    ) -> None:
        self.rows, self.heads, self.done = tuple(tuple(row) for row in rows), tuple(heads), done
        self.panels = tuple(panel for row in self.rows for panel in row)
        self.reached: dict[str, float] = {}
        sizes = [sized(*_shape(panel.easel), panel.easel.recipe.size) for panel in self.panels]
        self.height, self.width = (max(size[side] for size in sizes) for side in (0, 1))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the sheet, in pixels."""
        rows = [[*row, None] if self.heads else row for row in self.rows]
        return sheet_size(rows, self.height, self.width)

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """Every panel's own steps; ``content`` is of no account, the easels have theirs."""
        finished: dict[int, Tensor] = {}
        self.reached.clear()
        counts = [_steps(panel.easel) for panel in self.panels]
        for index, panel in enumerate(self.panels):
            before = dict(finished)
            for at in panel.easel.paint():
                if at.step == at.steps:  # before it is shown: whoever stops pulling here has a whole panel
                    painting = panel.easel.painting(at)
                    finished[index] = painting.image
                    self.reached[panel.words] = next(iter(painting.reached.values()), float("nan"))
                    self.done(panel, painting)

                def snapshot(index: int = index, at: Progress = at, before: dict[int, Tensor] = before) -> Tensor:
                    return self._sheet({**before, index: at.snapshot()})

                yield replace(
                    at,
                    step=sum(counts[:index]) + at.step,
                    steps=sum(counts),
                    snapshot=snapshot,
                    done=(index + at.done) / len(self.panels),
                )

    def _sheet(self, pictures: Mapping[int, Tensor]) -> Tensor:
        cells = iter(range(len(self.panels)))
        rows = [[(pictures.get(next(cells)), panel.words) for panel in row] for row in self.rows]
        if self.heads:
            rows = [[head, *row] for head, row in zip(self.heads, rows, strict=True)]
        return sheet(rows, self.height, self.width)


@dataclass(frozen=True)
class Strip(Easel):
    """The easel of a strip: its painting is the sheet, at the sheet's own size."""

    @property
    def long_side(self) -> int:
        """Pixels on the longer side of the sheet."""
        return max(self.content.image.shape[2:])

    @property
    def parts(self) -> tuple[Easel, ...]:
        """The panels' easels."""
        return tuple(panel.easel for panel in self.painter.panels) if isinstance(self.painter, StripPainter) else ()

    def painting(self, progress: Progress) -> Painting:
        """The sheet as it stands at ``progress``."""
        mark = {"interrupted": progress.step} if progress.step < progress.steps else {}
        reached = dict(self.painter.reached) if isinstance(self.painter, StripPainter) else {}
        return Painting(progress.snapshot(), None, {**self.about, **mark}, progress.losses, reached)


def strip(
    rows: Sequence[Sequence[Panel]],
    about: Mapping[str, Any],
    *,
    heads: Sequence[tuple[Tensor, str]] = (),
    done: Callable[[Panel, Painting], None] = lambda panel, painting: None,
) -> Strip:
    """One easel for all the panels of ``rows``; ``about`` is what the sheet records, the rest as of ``StripPainter``."""
    painter = StripPainter(rows, heads=heads, done=done)
    first = painter.panels[0].easel
    canvas = Source(torch.zeros(1, 3, 1, 1).expand(1, 3, *painter.shape))  # a shape, no pixels
    files = tuple(dict.fromkeys(file for panel in painter.panels for file in panel.easel.files))
    return Strip(canvas, first.styles, first.recipe, first.encoder, painter, about, files, first.remarks)


def _shape(easel: Easel) -> tuple[int, int]:
    height, width = easel.content.image.shape[2:]
    return height, width


def _steps(easel: Easel) -> int:
    rungs: Callable[..., Sequence[tuple[int, int]]] = easel.painter.rungs  # type: ignore[attr-defined]
    return sum(count for _, count in rungs(*_shape(easel)))
