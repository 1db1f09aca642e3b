"""The only optimisation loop: whatever has parameters and a loss goes down here, one step a pull.

It watches itself. A loss that is not finite, or that has climbed far above where it began, is rolled back to the last
good state with half the step: a picture never restarts as noise (the field's oldest complaint about L-BFGS).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from impasto.errors import InputError
from impasto.loss.terms import Losses
from impasto.paint.adam import Adam
from impasto.paint.thrift import Kept

__all__ = ["Step", "descend"]

_KEEP_EVERY = 5  # a good state is copied every so many steps: the copy is one pass over the pixels
# Adam overshoots a little at every new size; divergence is of another order. Where all is well at the start, as where
# the photograph is nearly all that is wanted, the first steps are what there is to measure by.
_WORSE, _FIRST = 20.0, 3
_TRIES = 8


@dataclass(frozen=True)
class Step:
    """One step taken. ``losses`` are those seen before it; ``note`` says what was mended, once."""

    index: int
    steps: int
    losses: Losses
    note: str = ""


def descend(
    loss: Callable[[], Losses],
    optimizer: Optimizer | Adam,
    steps: int,
    *,
    after: Callable[[], None] = lambda: None,
    rate: Callable[[int], float] | None = None,
) -> Iterator[Step]:
    """Take ``steps`` steps with ``optimizer``; ``after`` runs behind each (a clamp, an average).

    ``rate(index)`` is the factor on the optimiser's learning rate. Closing the generator stops it. Raises ``InputError``
    where even the start has no finite loss, or halving the step eight times does not help.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    base = [group["lr"] for group in optimizer.param_groups]
    good = [Kept(p) for p in parameters]
    first: float | None = None
    shrink, told, index = 1.0, False, 0
    while index < steps:
        for group, lr in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = lr * shrink * (rate(index) if rate else 1.0)
        limit = math.inf if first is None else max(first, 1e-3) * (_WORSE if index >= _FIRST else _WORSE**2)

        def well(value: float, index: int = index, limit: float = limit) -> None:
            """A state whose loss is known to be good is what there is to go back to."""
            if index % _KEEP_EVERY == 0 and value <= limit:
                for p, kept in zip(parameters, good, strict=True):
                    kept.put(p)

        seen = _step(loss, optimizer, well)
        value = float(seen.total)
        # The step itself can break what the loss before it did not show.
        lost = not value <= limit or not all(_finite(p) for p in parameters)
        if lost:
            if first is None and not math.isfinite(value):
                raise InputError("the loss is not a number at the very start: a picture or a weight holds NaN")
            shrink /= 2
            if shrink < 0.5**_TRIES:
                raise InputError(
                    f"the painting diverges even with 1/{2**_TRIES} of the step: try a smaller --learning-rate or weights"
                )
            with torch.no_grad():
                for p, kept in zip(parameters, good, strict=True):
                    p.copy_(kept.get())
            optimizer.state.clear()
            note = (
                "" if told else f"diverged at step {index + 1}: went back to the last good picture with half the step"
            )
            told = True
            index += 1
            yield Step(index, steps, seen, note)
            continue
        first = value if first is None else max(first, value) if index < _FIRST else first
        with torch.no_grad():
            after()
        index += 1
        yield Step(index, steps, seen)


def _finite(x: Tensor) -> bool:
    """Whether all of ``x`` is; by its extremes, which carry a NaN on, since a mask would be another picture."""
    return all(math.isfinite(value) for value in torch.aminmax(x.detach()))


def _step(loss: Callable[[], Losses], optimizer: Optimizer | Adam, well: Callable[[float], None]) -> Losses:
    """One step; the losses are those of its first evaluation (L-BFGS makes several), told to ``well`` before it moves."""
    seen: list[Losses] = []

    def closure() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        losses = loss()
        losses.total.backward()  # type: ignore[no-untyped-call]
        if not seen:
            seen.append(Losses(losses.total.detach(), losses.parts))
            with torch.no_grad():
                well(float(seen[0].total))
        return losses.total.detach()

    optimizer.step(closure)  # type: ignore[arg-type]
    return seen[0]
