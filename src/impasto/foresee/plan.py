"""A painting foreseen: its sizes, their steps, what each takes, the memory at the peak."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from impasto.foresee.check import Fit, fit, painter_of
from impasto.foresee.pace import Pace, pace_of
from impasto.media.image import encode_picture, resize, sized
from impasto.paint.optimise import OptimisePainter
from impasto.paint.polish import PolishPainter
from impasto.recipe import Recipe
from impasto.see import tiling
from impasto.studio import Easel, Picturable, open_easel

__all__ = ["Plan", "Stage", "foresee", "plan_painting"]

_CACHED = 1 << 18  # pixels of a piece up to which a large picture's are as quick as a small one's
# What is cut into pieces, kept in few bits and read again beside the encoder: measured at 4 and 18 megapixels.
_BESIDE = 1.15
_SAMPLE = 256  # size of the picture that is encoded to know what writing takes


@dataclass(frozen=True)
class Stage:
    """One size of the ladder. ``block`` is the side of its blocks, 0 for whole, ``blocks`` their number.

    ``step_seconds`` are those of one step; ``seconds`` are all of the stage, its targets included.
    """

    size: int
    width: int
    height: int
    steps: int
    block: int
    blocks: int
    step_seconds: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What a painting will take here: seconds to open, paint and write it, and whether its memory fits."""

    stages: tuple[Stage, ...]
    opening: float
    writing: float
    fit: Fit
    encoder: str
    precision: str
    device: str
    threads: int

    @property
    def seconds(self) -> float:
        """Wall time of the whole command."""
        return self.opening + sum(stage.seconds for stage in self.stages) + self.writing

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; sizes in pixels, memory in bytes, times in seconds."""
        return {
            "encoder": self.encoder,
            "precision": self.precision,
            "device": self.device,
            "threads": self.threads,
            "sizes": [asdict(stage) for stage in self.stages],
            "seconds": self.seconds,
            "seconds_opening": self.opening,
            "seconds_writing": self.writing,
            "memory": asdict(self.fit.need),
            "memory_there": asdict(self.fit.room),
            "fits": self.fit.fits,
            "largest_size": self.fit.largest,
        }


def plan_painting(
    content: Picturable,
    styles: Picturable | Sequence[Picturable],
    recipe: Recipe | None = None,
    *,
    fresh: bool = False,
    **options: Any,
) -> Plan:
    """What ``stylize`` of the same arguments will take; ``fresh`` measures the machine anew.

    >>> plan_painting("photo.jpg", "painting.jpg", size=2048).seconds  # doctest: +SKIP
    """
    began = time.perf_counter()
    easel = open_easel(content, styles, recipe, **options)
    return foresee(easel, opening=time.perf_counter() - began, fresh=fresh)


def foresee(easel: Easel, *, opening: float = 0.0, fresh: bool = False) -> Plan:
    """The plan of an easel that is open; ``opening`` are the seconds that it took until it was."""
    painter, height, width = painter_of(easel), *easel.content.image.shape[2:]
    found = fit(easel)  # before anything is tried, which would leave its traces in the memory of this process
    large = _is_large(painter, height, width)
    pace = pace_of(painter, easel.about["encoder"]["sha256"], fresh=fresh, large=large)
    rungs = painter.rungs(height, width)
    stages = [_stage(painter, pace, sized(height, width, size), size, n, large) for size, n in rungs]
    if isinstance(painter, PolishPainter):
        second = painter.polisher()
        large = _is_large(second, height, width)
        paces = pace_of(second, easel.about["polish"]["sha256"], fresh=fresh, large=large)
        stages += [
            _stage(second, paces, sized(height, width, size), size, n, large) for size, n in second.rungs(height, width)
        ]
    machine = easel.about["machine"]
    return Plan(
        tuple(stages),
        opening + pace.warm,
        _writing(easel),
        found,
        easel.about["encoder"]["name"],
        machine["precision"],
        machine["device"],
        machine["threads"],
    )


def _is_large(painter: OptimisePainter, height: int, width: int) -> bool:
    """Whether what a step has freed is given anew at the next: then a pixel takes longer."""
    return painter.freed(*sized(height, width, painter.rungs(height, width)[-1][0])) != "keep"


def _stage(painter: OptimisePainter, pace: Pace, shape: tuple[int, int], size: int, steps: int, large: bool) -> Stage:
    block = painter.targets.block(*shape)
    seen = [(shape, block), *((octave, painter.octave_block(shape, octave)) for octave in painter.octaves(*shape))]
    areas = [[piece.area for piece in tiling.blocks(painter.encoder, *part, side)] for part, side in seen]
    looked = [sum(piece.area for piece in tiling.looks(painter.encoder, *part, side)) for part, side in seen]
    slower = _BESIDE * pace.large if large and max(map(max, areas)) > _CACHED else 1.0
    one = sum(pace.step + slower * pace.per_pixel * area for part in areas for area in part)
    # In blocks the first of the two passes looks without a gradient.
    one += slower * pace.look * sum(pixels for (_, side), pixels in zip(seen, looked, strict=True) if side)
    sides = 2 if painter.mirrors(*shape) else 1  # of both pictures
    start = pace.start + slower * pace.look * sides * (sum(looked) + _measured(painter, size))
    height, width = shape
    return Stage(size, width, height, steps, block, len(areas[0]), one, start + steps * one)


def _measured(painter: OptimisePainter, size: int) -> int:
    """Pixels of the paintings that are looked at for a picture of ``size``."""
    if not painter.styled:
        return 0
    found = 0
    for style in painter.targets.styles:
        shape = painter.targets.shape(style, size)
        block = painter.targets.block(*shape)
        found += sum(piece.area for piece in tiling.looks(painter.encoder, *shape, block))
    return found


def _writing(easel: Easel) -> float:
    """Seconds to write the picture as a PNG, by the content's own at a small size."""
    image = easel.content.image
    small = resize(image, min(_SAMPLE, max(image.shape[2:])))
    began = time.perf_counter()
    encode_picture(small, ".png")
    share = (easel.recipe.size / max(small.shape[2:])) ** 2
    return (time.perf_counter() - began) * share
