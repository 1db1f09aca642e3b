"""What earlier frames tell of a new one: where each place was, what was painted there, how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from impasto.media.flow import reliability, warp

__all__ = ["Flow", "Known", "Motion", "Past", "motion_of", "recall", "recoloured", "same"]

# (frame, other) -> (1, 2, H, W), pixels of the frame; None: nothing is taken to move.
Flow = Callable[[Tensor, Tensor], Tensor]

_REST = 0.5 / 255  # a place that moving explains no better than this stays where it is
_NOISE = 1.5 / 255  # change of a patch of 8 pixels that compression alone can bring
_UNLIKE = 5 / 255  # a warped frame farther from the new one than this shows something else


@dataclass(frozen=True)
class Past:
    """An earlier frame ``(1, 3, H, W)`` and what was painted of it, as large."""

    frame: Tensor
    painted: Tensor


@dataclass(frozen=True)
class Known:
    """A frame as far as it is known: ``image`` ``(1, 3, H, W)``, ``mask`` ``(1, 1, H, W)`` where it is, 0..1.

    ``parts`` are the earlier frames warped to this one, each with the mask of what it alone is held to. ``fresh`` is 1
    where something has come to light that none of them shows, ``calm`` where nothing moved and nothing changed since the
    frame before. What lies on the boundary of a motion is neither known nor fresh: it is there, but not to be relied on.
    """

    image: Tensor
    mask: Tensor
    fresh: Tensor
    parts: tuple[tuple[Tensor, Tensor], ...]
    calm: Tensor


def recall(frame: Tensor, past: Sequence[Past], flow: Flow | None) -> Known:
    """What ``past``, nearest first, knows of ``frame``.

    Long-term consistency as in Ruder et al. 2016, eq. 9: a farther frame counts where no nearer one is reliable,
    ``max(c_far - Σ c_near, 0)``.
    """
    seen = [_seen(frame, earlier, flow) for earlier in past]
    image, mask, fresh = seen[0].painted, torch.zeros_like(frame[:, :1]), torch.ones_like(frame[:, :1])
    parts = []
    for here in seen:
        own = (here.trusted - mask).clamp_min(0)
        parts.append((here.painted, own))
        image, mask = image.lerp(here.painted, own), mask + own
        fresh = fresh * here.unlike
    return Known(image, mask, fresh * (1 - mask), tuple(parts), seen[0].calm * mask)


@dataclass(frozen=True)
class _Seen:
    """An earlier frame as seen from a new one: ``painted`` brought to it; where it is ``trusted``, ``unlike``, ``calm``."""

    painted: Tensor
    trusted: Tensor
    unlike: Tensor
    calm: Tensor


def _seen(frame: Tensor, past: Past, flow: Flow | None) -> _Seen:
    motion = motion_of(frame, past.frame, flow)
    painted = past.painted if motion.backward is None else warp(past.painted, motion.backward)
    return _Seen(painted, motion.trusted, motion.unlike, motion.calm)


@dataclass(frozen=True)
class Motion:
    """How a frame follows from another: ``backward``, the flow to it in pixels, None for none at all; masks of 0 and 1.

    ``trusted`` is where the flow is reliable, ``unlike`` where what it leads to looks different, ``calm`` where nothing
    moved and nothing changed.
    """

    backward: Tensor | None
    trusted: Tensor
    unlike: Tensor
    calm: Tensor


def motion_of(frame: Tensor, other: Tensor, flow: Flow | None) -> Motion:
    """How ``frame`` follows from ``other``, both ``(1, 3, H, W)``, by ``flow``; None: nothing is taken to move."""
    still = _mean(frame - other)
    calm = (still < _NOISE).to(frame)
    if flow is None:
        return Motion(None, torch.ones_like(calm), torch.zeros_like(calm), calm)
    backward, forward = flow(frame, other), flow(other, frame)
    trusted = reliability(forward, backward)
    # Estimated flow is never quite zero, and a picture sampled a twentieth of a pixel off a hundred times is a blur:
    # what motion does not explain better has not moved.
    moved = _mean(frame - warp(other, backward))
    rest = (still <= moved + _REST).to(frame)
    unlike = (torch.minimum(still, moved) > _UNLIKE).to(frame)
    return Motion(backward * (1 - rest), trusted, unlike, calm * rest)


def _mean(difference: Tensor) -> Tensor:
    """Mean absolute difference around each place, ``(1, 1, H, W)``."""
    grey = difference.abs().mean(1, keepdim=True)
    return functional.avg_pool2d(functional.pad(grey, (4, 4, 4, 4), mode="replicate"), 9, stride=1)


def same(frame: Tensor, other: Tensor) -> bool:
    """Whether nothing changed between two frames but what compression alone can bring."""
    change = frame - other
    if float(change.abs().mean()) > _REST:
        return False

    def patches(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x.mean(1, keepdim=True), 8, ceil_mode=True, count_include_pad=False)

    # A patch that grew lighter, and one that moved without growing lighter.
    return bool(patches(change).abs().max() < _NOISE and patches(change.abs()).max() < 2 * _NOISE)


def recoloured(frame: Tensor, past: Past) -> Tensor:
    """``frame`` in the colours that its like was painted in: least squares of an affine map, at 32 pixels a side.

    What appears anew starts from it, and not from the smear that a warp leaves there.
    """
    small = [functional.interpolate(x, (32, 32), mode="area")[0].flatten(1).T for x in (past.frame, past.painted)]
    given = torch.cat([small[0], torch.ones_like(small[0][:, :1])], 1).double()
    wanted = small[1].double()
    ridge = 1e-3 * len(given) * torch.diag(given.new_tensor([1, 1, 1, 0]))
    # Towards the frame's own colours where they vary too little to tell.
    plain = torch.cat([torch.eye(3), torch.zeros(1, 3)]).double()
    found = torch.linalg.solve(given.T @ given + ridge + 1e-9 * torch.eye(4), given.T @ wanted + ridge @ plain).float()
    mapped = torch.einsum("bchw,cd->bdhw", frame, found[:3]) + found[3][None, :, None, None]
    colours: Tensor = mapped.clamp(0, 1)
    return colours
