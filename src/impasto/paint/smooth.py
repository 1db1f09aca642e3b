"""The flicker of a film that was painted elsewhere, frame by frame, taken out of it (Bonneel et al. 2015).

What differs slowly over a frame, as its brightness and its colours, is made to agree with the frame before, moved by the
flow of the film that was painted; what differs from pixel to pixel, the strokes, stays as far as it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.film import FilmOptions
from impasto.media.cuts import CutFinder
from impasto.media.flow import warp
from impasto.media.image import resize_to
from impasto.paint.past import Flow, motion_of
from impasto.paint.video import flow_of

__all__ = ["smooth_film", "smoothed"]

_STEPS = 60  # of conjugate gradients: from the last frame's correction on, the residual falls below 1e-3
_ENOUGH = 1e-3
_ALIKE = 200.0  # how fast trust falls with the squared change of colour that the flow leaves over
_WEIGHT = 0.1  # of --temporal-weight 1, per pixel, against the squared differences of neighbours


def smooth_film(
    painted: Iterable[Tensor],
    frames: Iterable[Tensor],
    options: FilmOptions | None = None,
    *,
    flow: Flow | None = None,
) -> Iterator[Tensor]:
    """The frames ``painted`` ``(1, 3, H, W)``, 0..1, without their flicker; ``frames`` are those of their source.

    Of ``options`` count ``temporal_weight``, ``flow``, ``flow_size`` and ``cuts``. Ends with the shorter of the two films.
    """
    options = options or FilmOptions()
    flow = flow or flow_of(options)
    cut = CutFinder()
    before: tuple[Tensor, Tensor, Tensor] | None = None
    for picture, source in zip(painted, frames, strict=False):
        frame = resize_to(source, *picture.shape[2:])
        if cut(frame) and options.cuts == "auto":
            before = None
        correction = torch.zeros_like(picture)
        if before is not None and options.temporal_weight:
            earlier, result, last = before
            motion = motion_of(frame, earlier, flow)
            moved, seen, guess = (
                x if motion.backward is None else warp(x, motion.backward) for x in (result, earlier, last)
            )
            alike = torch.exp(-_ALIKE * (frame - seen).square().mean(1, keepdim=True))
            weight = options.temporal_weight * _WEIGHT * motion.trusted * alike
            correction = smoothed(moved - picture, weight, guess)
        result = (picture + correction).clamp(0, 1)
        before = (frame, result, correction)
        yield result


def smoothed(wanted: Tensor, weight: Tensor, guess: Tensor | None = None) -> Tensor:
    """The ``D`` that solves ``min Σ |∇D|² + w (D - wanted)²``: screened Poisson, by conjugate gradients.

    ``wanted`` is ``(1, C, H, W)``, ``weight`` ``(1, 1, H, W)``, 0 or more. Where no weight is, ``D`` runs on smoothly.
    """
    if wanted.shape[2:] != weight.shape[2:]:
        raise InputError(f"a weight {tuple(weight.shape)} for {tuple(wanted.shape)}: expected one size")
    if not bool((weight > 0).any()):
        return torch.zeros_like(wanted)
    diagonal = _diagonal(weight)
    x = torch.zeros_like(wanted) if guess is None else guess.clone()
    right = weight * wanted
    residual = right - _pulled(x, weight)
    size = float(right.square().sum().sqrt()) + 1e-12
    z = residual / diagonal
    direction, rho = z, (residual * z).sum((2, 3), keepdim=True)
    for _ in range(_STEPS):
        if float(residual.square().sum().sqrt()) < _ENOUGH * size:
            break
        along = _pulled(direction, weight)
        step = rho / (direction * along).sum((2, 3), keepdim=True).clamp_min(1e-20)
        x, residual = x + step * direction, residual - step * along
        z = residual / diagonal
        rho, old = (residual * z).sum((2, 3), keepdim=True), rho
        direction = z + rho / old.clamp_min(1e-20) * direction
    return x


def _pulled(x: Tensor, weight: Tensor) -> Tensor:
    """``w x - Δx``, nothing flowing over the edge."""
    out = weight * x
    for dim in (2, 3):
        slope = x.diff(dim=dim)
        count = x.shape[dim] - 1
        out.narrow(dim, 0, count).sub_(slope)
        out.narrow(dim, 1, count).add_(slope)
    return out


def _diagonal(weight: Tensor) -> Tensor:
    """The diagonal of ``_pulled``: the weight, and one for each neighbour."""
    out = weight.clone()
    for dim in (2, 3):
        count = weight.shape[dim] - 1
        out.narrow(dim, 0, count).add_(1)
        out.narrow(dim, 1, count).add_(1)
    return out.clamp_min(1e-6)
