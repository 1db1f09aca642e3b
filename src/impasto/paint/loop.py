"""A film that loops: its last frames are brought back to what was painted of the first one, a share at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from impasto.media.flow import warp
from impasto.paint.past import Flow, Known, Past, motion_of

__all__ = ["Home", "closing_share", "homewards"]

_CLOSING = 24  # frames at most over which the way back is spread: as many small changes instead of one jump
_SEEN = 1 / 255  # a change of paint below this leaves a place at rest


@dataclass(frozen=True)
class Home:
    """The ``first`` frame of a loop, and the ``share``, 0..1, of the way to it that a frame is to take."""

    first: Past
    share: float


def closing_share(position: int, count: int) -> float:
    """How much of the way that is left frame ``position`` of ``count`` takes; 0 where the end is far yet.

    It is twice the part that would make all steps alike, also the one from the last frame to the first: near the end more
    of a frame can be matched with the first, so that some of the way is known late.
    """
    closing = min(_CLOSING, 2 * count // 3)
    left = count - position
    return 0.0 if left > closing else 2 / (left + 2)


def homewards(frame: Tensor, known: Known, home: Home, flow: Flow | None) -> Known:
    """What is ``known`` of ``frame`` ``(1, 3, H, W)``, moved towards what was painted of the first frame.

    The first frame is brought to this one by the flow between them. It counts where that is reliable and the two look
    alike there: by its share, and wholly where no nearer frame knows the place.
    """
    motion = motion_of(frame, home.first.frame, flow)
    painted = home.first.painted if motion.backward is None else warp(home.first.painted, motion.backward)
    trusted = motion.trusted * (1 - motion.unlike)
    share = trusted * (1 - known.mask + known.mask * home.share)
    image = known.image.lerp(painted, share)
    mask = known.mask + (1 - known.mask) * trusted
    changed = (image - known.image).abs().mean(1, keepdim=True) > _SEEN
    calm = known.calm * (1 - changed.to(known.calm))
    return replace(known, image=image, mask=mask, fresh=known.fresh * (1 - trusted), parts=((image, mask),), calm=calm)
