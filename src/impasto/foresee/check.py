"""Whether a painting fits into the machine, and the largest one that does; costs nothing, so every run asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from impasto.errors import InputError
from impasto.examine.finding import gibibytes
from impasto.foresee import machine
from impasto.foresee.memory import Need, need, repainted
from impasto.paint.optimise import OptimisePainter, smallest
from impasto.studio import Easel

__all__ = ["Fit", "check_fits", "fit", "painter_of"]

# Of what is there: the need is an estimate, and others take from the same memory meanwhile.
_MARGIN = 0.9


@dataclass(frozen=True)
class Fit:
    """What a painting needs at its peak, and what can be had with a margin, of main memory and of a graphics card.

    ``largest`` is the largest size that fits where the one asked for does not, 0 where none does; else the size asked.
    """

    need: Need
    room: Need
    largest: int
    asked: int

    @property
    def fits(self) -> bool:
        """Whether it can be painted as it was asked for."""
        return self.largest == self.asked

    def refusal(self, called: Callable[[int], str] = str) -> str:
        """One line: what was asked, what it needs, what is there, the largest size that fits.

        ``called`` gives the value of --size for a number of pixels on the longer side.
        """
        tight = self.need.main > self.room.main
        wanted, there = (self.need.main, self.room.main) if tight else (self.need.card, self.room.card)
        remedy = f"--size {called(self.largest)} is the largest that fits" if self.largest else "no --size fits"
        return (
            f"--size {called(self.asked)} needs about {gibibytes(wanted)} of memory{'' if tight else ' on the graphics card'}, "
            f"and {gibibytes(there)} can be had: {remedy}; close other programs, or try it all the same with --anyway"
        )


def check_fits(easel: Easel) -> None:
    """Raise ``InputError``, one line with the largest size that fits, where ``easel`` would run out of memory."""
    for part in easel.parts:
        if isinstance(part.painter, OptimisePainter) and not (found := fit(part)).fits:
            raise InputError(found.refusal(part.painter.called))


def fit(easel: Easel) -> Fit:
    """The need of ``easel`` and what the machine can give."""
    painter, shape = painter_of(easel), easel.content.image.shape[2:]
    held, there = machine.resident(), _room(painter)
    asked = easel.recipe.size

    def at(size: int) -> Need:
        start = min(easel.recipe.start_size, size)
        return need(repainted(painter, easel.recipe.but(size=size, start_size=start)), *shape, held=held)

    wanted = at(asked)
    largest = asked if _fits(wanted, there) else _largest(lambda size: _fits(at(size), there), smallest(*shape), asked)
    return Fit(wanted, there, largest, asked)


def _room(painter: OptimisePainter) -> Need:
    device = next(painter.encoder.parameters()).device
    main = int(machine.room() * _MARGIN)
    if device.type != "cuda":
        return Need(main)
    return Need(main, int((torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)) * _MARGIN))


def _fits(need: Need, room: Need) -> bool:
    return need.main <= room.main and need.card <= room.card


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest size from ``low`` that fits, where ``high`` does not; 0 where there is none."""
    if high <= low or not fits(low):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def painter_of(easel: Easel) -> OptimisePainter:
    """The painter of ``easel``, where it is one that can be foreseen."""
    if not isinstance(easel.painter, OptimisePainter):
        raise InputError(f"{type(easel.painter).__name__} is a painter whose time and memory nobody knows beforehand")
    return easel.painter
