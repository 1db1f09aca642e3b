"""What painting a film will take here, told before it is begun."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from impasto.errors import InputError
from impasto.examine.finding import gibibytes
from impasto.film import FilmOptions
from impasto.foresee.check import check_fits, fit
from impasto.foresee.machine import resident
from impasto.foresee.pace import Pace, pace_of
from impasto.media.frames import codec_for, film_bytes
from impasto.media.image import sized
from impasto.paint.video import flow_of, rungs_on
from impasto.reel.film import Reel, Shots
from impasto.reel.work import BYTES

__all__ = ["Estimate", "check_memory", "estimate", "room_needed"]

# What is taken for a usual frame: how much of it moves, and how much is new. Stiller films take less than foretold.
_MOVED, _NEW = 0.4, 0.03
_PICTURE = 12  # bytes a pixel: three channels in float32


@dataclass(frozen=True)
class Estimate:
    """Seconds of a shot's first frame and of a later one, flow included; of ``frames`` in ``shots`` by ``jobs``."""

    first: float
    later: float
    frames: int
    shots: int
    passes: int
    jobs: int

    @property
    def seconds(self) -> float:
        """All of it."""
        whole = self.shots * self.first + (self.frames * self.passes - self.shots) * self.later
        return whole / max(1, min(self.jobs, self.shots))


def estimate(reel: Reel, shots: Shots, jobs: int = 1) -> Estimate:
    """How long ``reel`` will take. Measures the machine for some seconds, where nothing is remembered of it."""
    painter, (height, width) = reel.painter, reel.shape
    pace = pace_of(painter, reel.about["encoder"]["sha256"])
    ladder = painter.rungs(height, width)

    def of(rungs: tuple[tuple[int, int], ...]) -> float:
        return sum(_stage(pace, *sized(height, width, size), steps) for size, steps in rungs)

    whole = reel.options.init in ("content", "noise")
    first = of(ladder)
    later = first if whole else of(rungs_on(ladder, _NEW, _MOVED, reel.options.frame_steps))
    return Estimate(first, later + _flow(reel), len(shots.times), len(shots.ranges()), reel.options.passes, jobs)


def room_needed(reel: Reel, frames: int, codec: str, out: str) -> int:
    """Bytes that the work and the film will take while both are there."""
    height, width = reel.shape
    kept = height * width * BYTES * frames * reel.options.passes
    return round(kept + film_bytes(width, height, frames, codec_for(out, codec)))


def check_memory(reel: Reel) -> None:
    """Raise ``InputError``, one line with a size that fits, where painting the film would run out of memory."""
    check_fits(reel.easel)
    wanted = fit(reel.easel)
    more = _beside(reel.options) * math.prod(reel.shape) * _PICTURE
    short = wanted.need.main + more - wanted.room.main
    if short > 0:
        # What the process holds now does not shrink with the size; all else does, nearly.
        held = resident()
        share = max(0.0, (wanted.room.main - held) / (wanted.need.main + more - held))
        raise InputError(
            f"--size {wanted.asked} needs about {gibibytes(wanted.need.main + more)} of memory for a film, and "
            f"{gibibytes(wanted.room.main)} can be had: try --size {int(0.95 * wanted.asked * share**0.5)} or less, "
            "or paint it all the same with --anyway"
        )


def _beside(options: FilmOptions) -> int:
    """How many pictures are there beside what painting a single one takes: frames looked back at, and what flow brings."""
    back = options.back()
    dozen = 12 if options.passes > 1 else 0  # read backwards
    return 2 * back[-1] + 4 * len(back) + 6 + dozen + 4 * (options.loop == "on")


def _stage(pace: Pace, height: int, width: int, steps: int) -> float:
    pixels = height * width
    return pace.start + 2 * pace.look * pixels + steps * pace.steps(pixels)


def _flow(reel: Reel) -> float:
    """Seconds that flow takes a frame, there and back, to every frame looked back at."""
    flow = flow_of(reel.options)
    if flow is None:
        return 0.0
    image = torch.rand((1, 3, *reel.shape), generator=torch.Generator().manual_seed(0))
    flow(image, image)  # once to load what it needs
    began = time.perf_counter()
    flow(image, image)
    return 2 * len(reel.options.back()) * (time.perf_counter() - began)
