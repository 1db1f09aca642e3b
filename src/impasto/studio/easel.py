"""What a studio hands out: pictures given, an easel ready to paint on, a painting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.media.image import resize_to, save_image, sized
from impasto.mixture import Manner
from impasto.paint.complaints import Complaint, complaints
from impasto.paint.painter import Painter, Progress
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder

__all__ = ["Easel", "Painting", "Picturable", "Sight", "Source", "Stylable"]


@dataclass(frozen=True)
class Source:
    """A picture given: its pixels ``(1, 3, H, W)``, its alpha, and, where it came from a file, path and hash."""

    image: Tensor
    alpha: Tensor | None = None
    path: str = ""
    sha256: str = ""

    def about(self) -> dict[str, str]:
        """What the recipe in a picture records of it."""
        return {"path": self.path, "sha256": self.sha256}


Picturable = Tensor | Path | str | Source


Stylable = Picturable | Manner


@dataclass(frozen=True)
class Painting:
    """A picture painted: ``image`` ``(1, 3, H, W)``, 0..1, sRGB; ``alpha`` if the content had one; how it was made."""

    image: Tensor
    alpha: Tensor | None
    about: Mapping[str, Any]
    losses: Mapping[str, float] = field(default_factory=dict)
    reached: Mapping[str, float] = field(default_factory=dict)  # by name, where it was measured of the finished picture

    def save(self, path: Path | str, *, bits: int = 8, quality: int = 95) -> None:
        """Write it, recipe inside, to a temporary name first; ``bits=16`` for PNG and TIFF."""
        about = {**self.about, "output": {"bits": bits, "quality": quality}}
        text = json.dumps(about, ensure_ascii=False)
        save_image(self.image, path, alpha=self.alpha, bits=bits, quality=quality, recipe=text)


@dataclass(frozen=True)
class Easel:
    """Everything ready to paint: pull ``paint()``, then ask for the ``painting`` of a progress.

    ``files`` are those it was made from, which no output may replace; ``remarks`` are lines for the person. ``seen`` is
    what the painter gets for the content, where that is not the content itself; ``finishing`` is done to every picture.
    """

    content: Source
    styles: tuple[Source, ...]
    recipe: Recipe
    encoder: Encoder
    painter: Painter
    about: Mapping[str, Any]
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    regions: Tensor | None = None  # (1, R, H, W), 0..1: of the content, if it has a mask
    seen: Tensor | None = None
    finishing: Callable[[Tensor], Tensor] | None = None

    @property
    def long_side(self) -> int:
        """Pixels on the longer side of the finished picture."""
        return self.recipe.size

    @property
    def parts(self) -> tuple[Easel, ...]:
        """The easels whose paintings make up the picture, one painted after the other: this one alone."""
        return (self,)

    def paint(self) -> Iterator[Progress]:
        """One progress per step, its snapshots finished; to stop is to stop pulling."""
        seen = self.content.image if self.seen is None else self.seen
        for progress in self.painter.paint(seen, regions=self.regions):
            yield self._finished(progress)

    def _finished(self, progress: Progress) -> Progress:
        if self.finishing is None:
            return progress
        finishing = self.finishing
        return replace(progress, snapshot=lambda: finishing(progress.snapshot()))

    def painting(self, progress: Progress) -> Painting:
        """The picture as it stands at ``progress``, at the recipe's size, with the content's alpha.

        Short of the last step it is marked as interrupted: `rerun` would not make it again.
        """
        height, width = self.content.image.shape[2:]
        shape = sized(height, width, self.recipe.size)
        image = progress.snapshot()
        if tuple(image.shape[2:]) != shape:
            image = resize_to(image, *shape)
            image = image if self.finishing is None else self.finishing(image)
        alpha = None if self.content.alpha is None else resize_to(self.content.alpha, *shape)
        mark = {"interrupted": progress.step} if progress.step < progress.steps else {}
        return Painting(image, alpha, {**self.about, **mark}, progress.losses)

    def complaints(self, painting: Painting) -> tuple[Complaint, ...]:
        """What is wrong with a finished picture; nothing is said of one that was interrupted, or is no photograph painted."""
        if "interrupted" in painting.about or "task" in painting.about:
            return ()
        return complaints(painting.image, self.content.image, self.styles[0].image, self.encoder, self.recipe)


@dataclass(frozen=True)
class Sight:
    """An encoder ready to see: what a recipe records of it and its machine, its file if one was named, a line to say."""

    encoder: Encoder
    about: Mapping[str, Any]
    file: str
    remark: str
