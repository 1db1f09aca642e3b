"""The seam between those who paint and those who watch: progress is pulled, a picture is taken when wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from impasto.errors import InputError

__all__ = ["Anchor", "Painter", "Progress", "Start", "finish"]


@dataclass(frozen=True)
class Anchor:
    """An earlier result, warped to this frame, and a mask ``(B, 1, H, W)`` of where it can be trusted."""

    image: Tensor
    mask: Tensor
    weight: float = 1.0


@dataclass(frozen=True)
class Start:
    """A picture ``(1, 3, H, W)``, 0..1, to go on from, and the ``(size, steps)`` that it is worked on, coarse to fine.

    ``fresh`` ``(1, 1, H, W)``, 0..1, is 1 where nothing is painted yet: the coarse sizes reach nowhere else. ``pace``, as
    large, is how much of a step each place takes at the last size: 0 leaves it as it is.
    """

    image: Tensor
    rungs: tuple[tuple[int, int], ...]
    fresh: Tensor
    pace: Tensor


@dataclass(frozen=True)
class Progress:
    """One step of a painting.

    ``step`` of ``steps`` counts over all sizes; ``size`` is the longer side painted at now; ``done`` is the share of the
    whole work, 0..1, weighted by pixels, since a step at 512 px costs far more than one at 64. ``losses`` holds the
    weighted terms and ``total``. ``note`` is a sentence for the person, mostly empty. ``snapshot()`` is the picture
    ``(1, 3, H, W)``, 0..1, copied only when asked for.
    """

    step: int
    steps: int
    size: int
    losses: Mapping[str, float]
    snapshot: Callable[[], Tensor]
    done: float = 0.0
    note: str = ""
    extra: Mapping[str, float] = field(default_factory=dict)


class Painter(Protocol):
    """Anything that paints: pull ``paint`` to its end, or stop pulling to cancel."""

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """Paint ``content`` ``(1, 3, H, W)``, 0..1, step by step."""
        ...


def finish(progress: Iterable[Progress]) -> Tensor:
    """Drain a painting and return its last picture."""
    last = deque(progress, maxlen=1)
    if not last:
        raise InputError("nothing was painted: the painting has no steps")
    return last[0].snapshot()
