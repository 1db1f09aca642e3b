"""Shots painted into the work folder, by this process or by several: shots know nothing of each other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from impasto.film import FilmOptions
from impasto.paint.video import FrameProgress, paint_numbered
from impasto.recipe import Recipe
from impasto.reel.film import Reel, Shots, Stretch, open_reel
from impasto.reel.work import Work

__all__ = ["Orders", "Painted", "paint_apart", "paint_shots"]

_BEAT = 0.2  # seconds between two looks at what the others have done


@dataclass(frozen=True)
class Painted:
    """How far a film is: ``done`` of ``frames`` are kept. ``at`` is the step just taken, where this process takes it.

    ``share`` is that of the whole work, 0..1, over all passes.
    """

    done: int
    frames: int
    share: float
    at: FrameProgress | None = None


@dataclass(frozen=True)
class Orders:
    """What another process needs to paint shots of the same film: names and plain values."""

    film: str
    styles: tuple[str, ...]
    recipe: dict[str, Any]
    options: dict[str, Any]
    stretch: dict[str, Any]
    weights: str | None
    allow_huge: bool
    times: bytes
    cuts: tuple[int, ...]
    work: str
    threads: int


def paint_shots(reel: Reel, shots: Shots, work: Work, wanted: Sequence[range] | None = None) -> Iterator[Painted]:
    """Paint the shots ``wanted`` (all), one after the other; every finished frame is in ``work`` before it is told."""
    chosen = shots.ranges() if wanted is None else tuple(wanted)
    loops = reel.options.loop == "on" and len(shots.ranges()) == 1
    passes, frames = reel.options.passes, sum(len(shot) for shot in chosen)
    done = whole = 0  # frames of all passes, and of the last
    for shot in chosen:
        for number in range(1, passes + 1):
            last = number == passes
            place = work if last else work.part(number)
            earlier = work.part(number - 1) if number > 1 else None
            order = shot if number % 2 == 1 else shot[::-1]
            kept = place.kept(order)
            done += len(kept)
            whole += len(kept) if last else 0
            yield Painted(whole, frames, done / (frames * passes))
            if len(kept) == len(shot):
                continue
            steps = paint_numbered(
                reel.frames(shots, order),
                reel.painter,
                reel.options,
                kept=kept,
                draft=earlier.load if earlier else None,
                loop=len(shot) if loops and last else None,
            )
            for at in steps:
                if at.done:
                    place.keep(at.index, at.snapshot(), worked=at.worked)
                    done += 1
                    whole += last
                yield Painted(whole, frames, done / (frames * passes), at)


def paint_apart(reel: Reel, shots: Shots, work: Work, jobs: int, orders: Orders) -> Iterator[Painted]:
    """``paint_shots`` by ``jobs`` processes at once: the same bytes, if each has as many threads of torch as one had.

    To stop is to stop pulling: the processes end with the step that they are in, and what is kept stays.
    """
    every = shots.ranges()
    frames = len(shots.times)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    # The longest first: then none is left over at the end.
    longest = sorted(every, key=len, reverse=True)
    with ProcessPoolExecutor(jobs, context, _begin, (orders, stop)) as pool:
        waiting: set[Future[None]] = {pool.submit(_shot, shot.start, shot.stop) for shot in longest}
        try:
            while waiting:
                for future in [future for future in waiting if future.done()]:
                    waiting.remove(future)
                    future.result()
                done = work.count()
                yield Painted(done, frames, done / frames)
                if waiting:
                    time.sleep(_BEAT)
        finally:
            stop.set()
            for future in waiting:
                future.cancel()


_ours: dict[str, Any] = {}


def _begin(orders: Orders, stop: Any) -> None:
    """In another process: open the film once, for all the shots that come."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us decides, and says so by ``stop``
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _ours.update(orders=orders, stop=stop)


def _shot(start: int, stop: int) -> None:
    orders: Orders = _ours["orders"]
    if "reel" not in _ours:
        torch.set_num_threads(orders.threads)
        _ours["reel"] = open_reel(
            orders.film,
            orders.styles,
            Recipe.from_dict(orders.recipe),
            FilmOptions.from_dict(orders.options),
            Stretch.from_dict(orders.stretch),
            weights=orders.weights,
            allow_huge=orders.allow_huge,
        )
    times = array("q")
    times.frombytes(orders.times)
    shots = Shots(times, orders.cuts)
    for _ in paint_shots(_ours["reel"], shots, Work(Path(orders.work)), [range(start, stop)]):
        if _ours["stop"].is_set() or os.getppid() == 1:
            return
