"""One frame of a film, painted on from those before it as far as they know it (Ruder et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from impasto.film import FilmOptions
from impasto.paint.loop import Home, homewards
from impasto.paint.painter import Anchor, Progress, Start
from impasto.paint.past import Flow, Known, Past, recall, recoloured, same
from impasto.recipe import Recipe

__all__ = ["FilmPainter", "FrameProgress", "paint_frame", "rounded", "rungs_on"]

_NEW = 0.7  # share of a frame that is new from which it is painted whole: a cut that nobody announced, a flash
_COARSE = 0.01  # share from which the new is painted from coarser sizes too
_CALM, _MOVED = 0.08, 0.4  # share of a step for what rests, and for what moved and lost some of its strokes on the way
_PAYS = 1e-3  # a step that takes away less of the loss than this does not pay any more


class FilmPainter(Protocol):
    """A painter that can go on from a picture: what ``OptimisePainter`` is."""

    recipe: Recipe

    def rungs(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """``(size, steps)`` from coarse to fine."""
        ...

    def paint(
        self,
        content: Tensor,
        *,
        regions: Tensor | None = None,
        anchors: Sequence[Anchor] = (),
        start: Start | None = None,
    ) -> Iterator[Progress]:
        """Paint ``content`` ``(1, 3, H, W)``, 0..1, step by step."""
        ...


@dataclass(frozen=True)
class FrameProgress:
    """A step of frame ``index``, or with ``done`` the frame finished: ``snapshot()`` is its picture ``(1, 3, H, W)``.

    ``new`` is the share of the frame that no earlier one knows, 0..1; ``whole``, whether it is painted like a first
    frame; ``worked``, whether it took any step. ``inner`` is the painter's own progress, None where nothing is to do.
    The picture of a finished frame is rounded to 16 bits: what a lossless file keeps, and what the next one starts from.
    """

    index: int
    snapshot: Callable[[], Tensor]
    inner: Progress | None = None
    done: bool = False
    new: float = 1.0
    whole: bool = True
    worked: bool = True


def paint_frame(
    index: int,
    frame: Tensor,
    past: Sequence[Past],
    worked: Tensor | None,
    painter: FilmPainter,
    options: FilmOptions,
    flow: Flow | None,
    draft: Tensor | None = None,
    home: Home | None = None,
) -> Iterator[FrameProgress]:
    """Paint ``frame`` on from its ``past``, nearest first; the last progress is the finished one.

    ``worked`` is the last frame that took a step, ``draft`` what an earlier pass made of this one, ``home`` the frame that
    the film is to come back to.
    """
    follows = options.init in ("warped", "previous")
    still = bool(past) and follows and worked is not None and same(frame, worked) and same(frame, past[0].frame)
    if still and (home is None or same(past[0].painted, home.first.painted)):
        yield FrameProgress(index, lambda: past[0].painted, None, True, 0.0, False, False)
        return
    if draft is not None and not past:
        image = rounded(draft)
        yield FrameProgress(index, lambda: image, None, True, 0.0, False, True)
        return
    known = recall(frame, past, flow) if past else None
    new = 1.0 if known is None else 1 - float(known.mask.mean())
    if draft is not None and known is not None:
        known, new = _mixed(known, draft), 0.0
    if home is not None and known is not None:
        known = homewards(frame, known, home, flow)
        new = min(new, 1 - float(known.mask.mean()))
    if known is None or new > _NEW:
        steps = painter.paint(frame)
    elif not follows:
        steps = painter.paint(frame, anchors=_anchors(known, options))
    else:
        steps = _on(frame, past[0], known, new, painter, options)
    whole = known is None or new > _NEW or not follows
    at: Progress | None = None
    for at in steps:
        yield FrameProgress(index, at.snapshot, at, False, new, whole)
    assert at is not None
    image = at.snapshot()
    if not whole and known is not None:
        image = _steadied(image, known)
    image = rounded(image)
    yield FrameProgress(index, lambda: image, at, True, new, whole)


def _mixed(known: Known, draft: Tensor) -> Known:
    """What the neighbours know, half and half with the frame's own ``draft``, which is all that is new to them."""
    image = draft.lerp(known.image, 0.5 * known.mask)
    return replace(known, image=image, fresh=torch.zeros_like(known.fresh))


def _on(
    frame: Tensor, before: Past, known: Known, new: float, painter: FilmPainter, options: FilmOptions
) -> Iterator[Progress]:
    """Paint a frame on from the one before it: few steps, and most of them where something is new."""
    fresh, moved = known.fresh, 1 - known.calm
    image = known.image.lerp(recoloured(frame, before), fresh) if options.init == "warped" else before.painted
    pace = _CALM + (_MOVED - _CALM) * moved
    pace = pace + (1 - pace) * fresh
    new = float(fresh.mean())
    rungs = rungs_on(painter.rungs(*frame.shape[2:]), new, float(moved.mean()), options.frame_steps)
    yield from _while_it_pays(
        painter.paint(frame, anchors=_anchors(known, options), start=Start(image, rungs, fresh, pace)), rungs[-1]
    )


def _steadied(image: Tensor, known: Known) -> Tensor:
    """``image`` as bright as before where nothing happens: each frame's steps go on from the last one's, and what they
    add up to would be seen as a scene that slowly darkens (measured: 0.7 % in a hundred frames)."""
    calm = known.calm
    drift = ((image - known.image) * calm).sum((2, 3), keepdim=True) / calm.sum().clamp_min(1)
    return image - drift * calm


def _anchors(known: Known, options: FilmOptions) -> list[Anchor]:
    if not options.temporal_weight:
        return []
    return [Anchor(image, mask, options.temporal_weight) for image, mask in known.parts]


def rungs_on(whole: Sequence[tuple[int, int]], new: float, moved: float, asked: int) -> tuple[tuple[int, int], ...]:
    """The sizes and steps of a later frame out of those of a first one."""
    size, steps = whole[-1]
    most = asked or max(4, round(0.27 * steps))
    # A quarter of them keeps what rests; the rest comes with motion and with what is new.
    last = max(2, round(most * (0.25 + 0.75 * min(1.0, 2 * moved + 10 * new))))
    if new < _COARSE:
        return ((size, last),)
    coarse = [(small, max(2, round(0.15 * count * min(1.0, 0.5 + 5 * new)))) for small, count in whole[-3:-1]]
    return (*coarse, (size, last))


def _while_it_pays(steps: Iterator[Progress], last: tuple[int, int]) -> Iterator[Progress]:
    """Pull a painting until four steps together, at its last size, no longer take enough of the loss away."""
    seen: list[float] = []
    for at in steps:
        yield at
        if at.size == last[0]:
            seen.append(at.losses["total"])
        # The first few climb: a cold optimiser feels its way.
        if len(seen) >= 8 and min(seen[-4:]) > min(seen[3:-4]) * (1 - 4 * _PAYS):
            return


def rounded(image: Tensor) -> Tensor:
    """``image`` as a file of 16 bits gives it back."""
    return (image.clamp(0, 1) * 65535).round() / 65535
