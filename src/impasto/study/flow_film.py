"""What flow finds in a film, made visible: the motion in colours, the frames warped, the places that can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.errors import UnknownNameError
from impasto.media.cuts import CutFinder
from impasto.media.flow import colour_wheel, flow, reliability, warp
from impasto.media.frames import Frame

__all__ = ["SHOWN", "Seen", "seen"]

SHOWN = ("flow", "warp", "reliability")
_LARGEST = 0.03  # of the longer side: the motion from frame to frame that has the fullest colour


@dataclass(frozen=True)
class Seen:
    """A frame of the film that is shown; ``cut`` where it begins a scene, ``trusted`` the share of reliable pixels."""

    frame: Frame
    cut: bool
    trusted: float | None = None


def seen(
    frames: Iterable[Frame],
    show: str = "flow",
    *,
    method: str = "dis",
    size: int | None = None,
    largest: float | None = None,
) -> Iterator[Seen]:
    """As many frames as there are in ``frames``, each about how it came out of the one before.

    ``flow``: where each pixel came from, as colours of the motion, the fullest at ``largest`` pixels a frame (3 % of the
    longer side without). ``warp``: the frame before, brought to this one. ``reliability``: white where that can be trusted,
    black where not. The first frame of a scene has none before: it is at rest, itself, or black. ``method`` and ``size``
    are those of ``flow``.
    """
    if show not in SHOWN:
        raise UnknownNameError("value for --show", show, SHOWN)
    finder, last = CutFinder(), None
    for frame in frames:
        now = frame.image
        cut = finder(now)
        if last is None or cut:
            empty = {"flow": torch.ones_like(now), "warp": now, "reliability": torch.zeros_like(now)}[show]
            yield Seen(replace(frame, image=empty), cut)
        else:
            image, trusted = _compared(now, last, show, method, size, largest)
            yield Seen(replace(frame, image=image), cut, trusted)
        last = now


def _compared(
    now: Tensor, last: Tensor, show: str, method: str, size: int | None, largest: float | None
) -> tuple[Tensor, float | None]:
    backward = flow(now, last, method=method, size=size)
    if show == "flow":
        # The colour is that of the motion, not of the way back.
        return colour_wheel(-backward, largest or _LARGEST * max(now.shape[2:])), None
    if show == "warp":
        return warp(last, backward), None
    trusted = reliability(flow(last, now, method=method, size=size), backward)
    return trusted.expand_as(now), float(trusted.mean())
