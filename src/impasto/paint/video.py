"""Films: each frame is painted on from those before it, as far as they know it (Ruder et al. 2016). No files, no codecs.

The first frame of a shot is painted whole. A later one starts from the painted frame before, moved by the optical flow,
and takes few steps: at the last size alone where all is known, from coarser ones where something new has come to light.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from impasto.film import FilmOptions
from impasto.media.flow import flow as estimated
from impasto.media.image import resize
from impasto.paint.frame import FilmPainter, FrameProgress, paint_frame, rounded, rungs_on
from impasto.paint.loop import Home, closing_share
from impasto.paint.past import Flow, Past

__all__ = ["FilmPainter", "FrameProgress", "Kept", "flow_of", "paint_numbered", "paint_video", "rounded", "rungs_on"]

_LARGEST_FLOW = 960


@dataclass(frozen=True)
class Kept:
    """A frame painted before an interruption: ``load()`` is its picture; ``worked``, whether it took any step."""

    load: Callable[[], Tensor]
    worked: bool


def flow_of(options: FilmOptions) -> Flow | None:
    """The optical flow that ``options`` name; None where nothing is taken to move."""
    if options.flow == "none":
        return None
    size = options.flow_size or _LARGEST_FLOW
    return lambda frame, other: estimated(frame, other, method=options.flow, size=size)


def paint_video(
    frames: Iterable[Tensor],
    painter: FilmPainter,
    options: FilmOptions | None = None,
    *,
    flow: Flow | None = None,
    cuts: Collection[int] = (),
    kept: Mapping[int, Kept] | None = None,
    loop: int | None = None,
) -> Iterator[FrameProgress]:
    """Paint ``frames`` ``(1, 3, H, W)``, 0..1, in their order; one progress a step and one, ``done``, a frame.

    ``flow`` is an estimator of one's own, else that of ``options``. ``cuts`` are the indices at which a new shot begins.
    ``kept`` are frames that are painted already: they are passed over, and those behind them come out as they would have
    without. ``loop`` is how many frames there are, where the last is to lead back to the first: of a film without cuts.
    Memory is that of a few frames, however long the film. This is one pass: see ``paint_numbered`` for more.
    """
    loop = None if any(cuts) else loop  # behind a cut there is nothing to come back to
    yield from paint_numbered(enumerate(frames), painter, options, flow=flow, cuts=cuts, kept=kept, loop=loop)


def paint_numbered(
    frames: Iterable[tuple[int, Tensor]],
    painter: FilmPainter,
    options: FilmOptions | None = None,
    *,
    flow: Flow | None = None,
    cuts: Collection[int] = (),
    kept: Mapping[int, Kept] | None = None,
    draft: Callable[[int], Tensor] | None = None,
    loop: int | None = None,
) -> Iterator[FrameProgress]:
    """``paint_video`` of frames that bring their index, in any direction of time: what came before is what was given.

    ``draft(index)`` is what an earlier pass made of a frame. It is mixed in equal parts with what its neighbour of this
    pass brings, so that a shot gone through forwards and backwards in turn agrees in both (Ruder et al. 2016, sec. 4.4).
    ``loop`` is how many frames there are, all of one shot, where the end is to meet the beginning.
    """
    options, kept = options or FilmOptions(), kept or {}
    flow = flow or flow_of(options)
    reach = options.back()
    past: deque[Past | _Lazy] = deque(maxlen=reach[-1])
    worked: Tensor | None = None  # the last frame that took a step: a slow fade adds up against it
    first: deque[Past | _Lazy] = deque(maxlen=1)  # what a loop comes back to
    for position, (index, frame) in enumerate(frames):
        frame = resize(frame, painter.recipe.size)
        if index in cuts:
            past.clear()
        if index in kept:
            past.append(_Lazy(frame, kept[index].load))
            worked = frame if kept[index].worked or worked is None else worked
            first.extend(past if loop and not position else ())
            continue
        near = [_loaded(past, back) for back in reach if back <= len(past)]
        last: FrameProgress | None = None
        drawn = draft(index) if draft else None
        share = closing_share(position, loop) if loop else 0.0
        home = Home(_loaded(first, 1), share) if share else None
        for last in paint_frame(index, frame, near, worked, painter, options, flow, drawn, home):
            if not last.done:
                yield last
        assert last is not None
        image = last.snapshot()
        worked = frame if last.worked else worked
        past.append(Past(frame, image))
        first.extend(past if loop and not position else ())
        yield last


@dataclass
class _Lazy:
    """A past whose picture is loaded when somebody looks."""

    frame: Tensor
    load: Callable[[], Tensor]


def _loaded(past: deque[Past | _Lazy], back: int) -> Past:
    found = past[-back]
    if isinstance(found, _Lazy):
        found = past[-back] = Past(found.frame, found.load())
    return found
