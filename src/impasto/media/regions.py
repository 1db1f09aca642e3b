"""Masks in colours: each colour of a picture is a region of another.

A mask comes out of a drawing program, often as JPEG: its edges are blurred and its flat colours noisy. So colours near to
each other are one, and a colour that exists only along edges, with no place of its own, is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ImageColor
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from impasto.errors import InputError
from impasto.media.image import load_picture

__all__ = ["MOST", "Regions", "find_regions", "load_regions"]

MOST = 12  # regions of a mask
_EXACT = 24  # a mask of so few colours in all is taken at its word: none of them is an edge
_NEAR = 0.2  # colours this near are one; RGB, each 0..1
_SAME = 0.4  # a colour named, or in another mask, is found within this
_SHAPE = 0.02  # masks may differ so much in width over height: what cropping to whole pixels makes
_CELLS = 32  # steps of each channel in which colours are counted

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Regions:
    """A mask: ``labels`` ``(H, W)``, for each pixel the number of its colour in ``colours``, as ``#rrggbb``."""

    labels: Tensor
    colours: tuple[str, ...]
    name: str = "the mask"

    def __len__(self) -> int:
        return len(self.colours)

    def maps(self, height: int, width: int) -> Tensor:
        """``(1, R, height, width)``, 0..1: how much of each pixel lies in each region; sums to 1."""
        parts = []
        for number in range(len(self)):
            part = (self.labels == number)[None, None].float()
            parts.append(part if part.shape[2:] == (height, width) else interpolate(part, (height, width), mode="area"))
        return torch.cat(parts, 1)

    def number(self, colour: str, what: str) -> int:
        """Which region is of ``colour``, a name or ``#rrggbb``; ``what`` is what the message calls it.

        Raises ``InputError`` where no region is near to it, or ``colour`` is none.
        """
        try:
            wanted = np.array(ImageColor.getrgb(colour)[:3], np.float64) / 255
        except ValueError:
            raise InputError(
                f"{what}: {colour!r} is no colour: expected a name or #rrggbb, as in red; {self._has()}"
            ) from None
        away = [float(np.linalg.norm(wanted - _rgb(own))) for own in self.colours]
        if min(away) > _SAME:
            raise InputError(f"{what}: no region is {colour}; {self._has()}")
        return int(np.argmin(away))

    def in_order_of(self, other: Regions, what: str) -> Regions:
        """The same mask with the colours, and their numbers, of ``other``; what is of none of them belongs to nothing.

        Raises ``InputError`` naming the colours of ``other`` that are not in this one.
        """
        away = np.array([[float(np.linalg.norm(_rgb(a) - _rgb(b))) for b in self.colours] for a in other.colours])
        nearest = away.argmin(1)
        missing = [colour for colour, row in zip(other.colours, away, strict=True) if row.min() > _SAME]
        # Two colours cannot be the same one here: the farther of them is missing.
        for i, colour in enumerate(other.colours):
            rivals = [j for j in range(len(other)) if nearest[j] == nearest[i] and away[j].min() < away[i].min()]
            if rivals and colour not in missing:
                missing.append(colour)
        if missing:
            raise InputError(
                f"{self.name} lacks {', '.join(missing)}, which {other.name} has: paint such a region in it, "
                f"or name a painting for it, as in {what}"
            )
        labels = torch.full_like(self.labels, len(other))
        for i, own in enumerate(nearest):
            labels[self.labels == int(own)] = i
        return Regions(labels, other.colours, self.name)

    def check_shape(self, height: int, width: int, picture: str) -> None:
        """Raise ``InputError`` unless the mask has the shape of ``picture``, whatever its size."""
        own_height, own_width = self.labels.shape
        if abs((own_width / own_height) / (width / height) - 1) > _SHAPE + 1 / min(
            own_height, own_width, height, width
        ):
            raise InputError(
                f"{self.name} is {own_width}×{own_height}, but {picture} is {width}×{height}: "
                f"expected the same shape; crop or resize the mask to {width}×{height}"
            )

    def _has(self) -> str:
        return f"{self.name} has {', '.join(self.colours)}"


def load_regions(path: Path | str, *, allow_huge: bool = False) -> Regions:
    """The regions of the mask at ``path``; transparent is white. Raises ``MediaError``, and as ``find_regions`` does."""
    picture = load_picture(path, allow_huge=allow_huge)
    image = picture.image if picture.alpha is None else picture.image * picture.alpha + 1 - picture.alpha
    return find_regions(image, str(path))


def find_regions(image: Tensor, name: str = "the mask") -> Regions:
    """The regions of a mask ``(1, 3, H, W)``, 0..1, ordered from the largest.

    Raises ``InputError`` where it has more than twelve colours, as a photograph has.
    """
    pixels = (image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    codes = (pixels.astype(np.int64) * (1 << 16, 1 << 8, 1)).sum(2)
    few, where, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(few) <= _EXACT:
        paints = np.stack([few >> 16, few >> 8 & 255, few & 255], 1).astype(np.float64) / 255
        cells = where.reshape(codes.shape)
        exact = True
    else:
        steps = (pixels.astype(np.int64) * _CELLS // 256 * (_CELLS**2, _CELLS, 1)).sum(2)
        few, where, counts = np.unique(steps, return_inverse=True, return_counts=True)
        cells = where.reshape(codes.shape)
        sums = [np.bincount(where.ravel(), pixels[..., c].ravel(), len(few)) for c in range(3)]
        paints = np.stack(sums, 1) / counts[:, None] / 255
        exact = False
    centres = _grouped(paints, counts)
    if not exact:
        centres = _with_a_place(paints, cells, centres)
    if len(centres) > MOST:
        raise InputError(f"{name} has {len(centres)} or more colours: expected a mask of {MOST} flat colours at most")
    nearest = _nearest(paints, centres)
    labels = nearest[cells]
    shares = np.bincount(labels.ravel(), minlength=len(centres))
    order = np.argsort(-shares, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    colours = tuple("#" + "".join(f"{round(float(v) * 255):02x}" for v in centres[i]) for i in order)
    return Regions(torch.from_numpy(place[labels].astype(np.uint8)), colours, name)


def _grouped(paints: Array, counts: NDArray[np.int64]) -> Array:
    """The commonest colours, each the centre of those near to it."""
    centres: list[Array] = []
    for i in np.argsort(-counts, kind="stable"):
        if all(np.linalg.norm(paints[i] - centre) > _NEAR for centre in centres):
            centres.append(paints[i])
    return np.stack(centres)


def _with_a_place(paints: Array, cells: NDArray[np.int64], centres: Array) -> Array:
    """Those of ``centres`` that are somewhere more than a line: that fill a window of a few pixels."""
    height, width = cells.shape
    side = 2 * max(1, round(min(height, width) * 0.004)) + 1
    labels = _nearest(paints, centres)[cells]
    kept = []
    for number, centre in enumerate(centres):
        own = torch.from_numpy(labels == number)[None, None].float()
        filled = avg_pool2d(own, min(side, height, width), 1)
        # A blot of compression may fill one window; a region fills a ten-thousandth of the picture.
        if float((filled > 1 - 1e-4).sum()) > 1e-4 * height * width:
            kept.append(centre)
    return np.stack(kept) if kept else centres[:1]


def _nearest(paints: Array, centres: Array) -> NDArray[np.int64]:
    return np.asarray(np.linalg.norm(paints[:, None] - centres[None], axis=2).argmin(1))


def _rgb(colour: str) -> Array:
    return np.array(ImageColor.getrgb(colour)[:3], np.float64) / 255
