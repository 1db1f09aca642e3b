"""Pictures larger than memory, seen block by block, exactly.

Each block is encoded with a halo as wide as the deepest layer's receptive field, and the halo is cut off the maps
again: what is left equals the maps of the whole picture, to rounding. Blocks start at multiples of the deepest stride, so that
pooling falls on the same pixels (method of Galerne et al., "Scaling Painting Style Transfer", EGSR 2024).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.runtime import LARGE, VAST
from impasto.see.encoder import Encoder
from impasto.see.stats import Statistic

__all__ = [
    "Block",
    "block_size",
    "blocks",
    "describe",
    "describe_each",
    "encode",
    "encode_small",
    "grid",
    "looks",
    "own_mask",
    "widest",
]

_LOUDEST = 448.0  # the largest number of float8 e4m3
_LOUD = 64.0  # where the loudest of a first block is put: digits are kept down to a 4,000th of it


@dataclass(frozen=True)
class Block:
    """One piece of a picture, in pixels: ``top:bottom, left:right``, and what is looked at for it, with its halo."""

    top: int
    bottom: int
    left: int
    right: int
    outer: tuple[int, int, int, int]  # top, bottom, left, right

    @property
    def area(self) -> int:
        """Pixels that are looked at, halo included."""
        top, bottom, left, right = self.outer
        return (bottom - top) * (right - left)

    def cut(self, image: Tensor) -> Tensor:
        """The block and its halo out of an image ``(B, C, H, W)``."""
        top, bottom, left, right = self.outer
        return image[:, :, top:bottom, left:right]

    def inner(self, stride: int, height: int, width: int) -> tuple[slice, slice]:
        """Where the block lies in a whole map of ``height`` × ``width`` at ``stride``."""
        # The last block takes the odd rest: where maps are floored, its end is the map's.
        return (
            slice(self.top // stride, min(-(-self.bottom // stride), height)),
            slice(self.left // stride, min(-(-self.right // stride), width)),
        )

    def trim(self, maps: Tensor, stride: int) -> Tensor:
        """The block's own part of maps that were made with the halo."""
        rows, columns = self.inner(stride, 1 << 60, 1 << 60)
        top, left = self.outer[0] // stride, self.outer[2] // stride
        rows = slice(rows.start - top, rows.stop - top)
        columns = slice(columns.start - left, columns.stop - left)
        return _Trimmed.apply(maps, rows, columns)  # type: ignore[no-any-return, no-untyped-call]


class _Trimmed(torch.autograd.Function):
    """Some ``rows`` and ``columns`` of ``maps``. On PyTorch's own way back they lie otherwise than the maps: all is turned twice,
    a seventh of a step in blocks."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, rows: slice, columns: slice) -> Tensor:
        ctx.shape, ctx.rows, ctx.columns = maps.shape, rows, columns
        return maps[:, :, rows, columns]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        rows, columns = ctx.rows, ctx.columns
        found = torch.empty(ctx.shape, dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last)
        found[:, :, rows, columns] = grad
        around = (found[:, :, : rows.start], found[:, :, rows.stop :])
        beside = (found[:, :, rows, : columns.start], found[:, :, rows, columns.stop :])
        for part in (*around, *beside):
            part.zero_()
        return found, None, None


def grid(height: int, width: int, size: int, halo: int, stride: int) -> tuple[Block, ...]:
    """Blocks of about ``size`` pixels a side that cover a picture; ``size`` and ``halo`` go up to a ``stride``.

    What is looked at is equally large for all, but for the last of a row or a column: at the border, where no halo is
    needed, the block itself is larger. Maps of one shape follow each other into the same memory; of many, they leave gaps
    that together were as large as the maps (measured at 10 megapixels).
    """
    size, halo = -(-size // stride) * stride, -(-halo // stride) * stride
    return tuple(
        Block(top, bottom, left, right, (*above, *beside))
        for (top, bottom), above in _spans(height, size, halo, stride)
        for (left, right), beside in _spans(width, size, halo, stride)
    )


def _spans(length: int, size: int, halo: int, stride: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Start and end of each block along a side, and of what is looked at for it."""
    count = -(-(length - 2 * halo) // size)
    if count <= 1:
        yield (0, length), (0, length)
        return
    size = -(-(length - 2 * halo) // (count * stride)) * stride
    count = -(-(length - 2 * halo) // size)
    ends = [*(halo + size * number for number in range(1, count)), length]
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        yield (start, end), (size * number, min(length, size * (number + 1) + 2 * halo))


def blocks(encoder: Encoder, height: int, width: int, size: int) -> tuple[Block, ...]:
    """The grid of a picture for ``encoder``; ``size`` 0 is one block: the whole picture."""
    one = size <= 0 or size >= max(height, width)
    height, width = encoder.whole(height), encoder.whole(width)  # beyond its end a picture is cut as it is
    if one:
        return (Block(0, height, 0, width, (0, height, 0, width)),)
    if not encoder.radius:
        raise InputError(f"--block {size}: the encoder {encoder.name!r} does not say how far it sees (its radius is 0)")
    return grid(height, width, size, encoder.radius, encoder.coarsest)


def looks(encoder: Encoder, height: int, width: int, size: int) -> tuple[Block, ...]:
    """The blocks in which a picture is looked at without a gradient to come, where those with one are of ``size``.

    Nothing is kept for the way back, so that twice the pixels take less memory; and of larger blocks, less is looked at twice.
    """
    if size > 0 and encoder.radius:
        size = scaled(encoder, size, 2)
    return blocks(encoder, height, width, size)


def widest(encoder: Encoder, height: int, width: int, size: int) -> int:
    """Pixels that are looked at in one go at the most, halo included: it never falls as a picture grows."""
    deepest = encoder.coarsest
    side = sum(-(-part // deepest) * deepest for part in (size, encoder.radius, encoder.radius))
    return min(height, side) * min(width, side) if size else height * width


def block_size(encoder: Encoder, height: int, width: int, budget: float) -> int:
    """The side of the blocks in which a picture is seen whose maps take more than ``budget`` bytes; 0: the whole fits.

    The maps of a block take half the budget, halo included: there the picture itself takes as much again. From 8
    megapixels on, where it takes more, they take a third, and from 32 on a quarter: the built-in encoder looks at every pixel
    2.3 times in float32, and then 2.7 times.
    The choice hangs on the budget alone, not on what happens to be free: the same picture is cut the same way again.
    """
    per_pixel = encoder.footprint()
    if not per_pixel or not encoder.radius or height * width * per_pixel <= budget:
        return 0
    deepest = encoder.coarsest
    share = 2 if height * width <= LARGE else 3 if height * width < VAST else 4
    side = int((budget / share / per_pixel) ** 0.5) - 2 * encoder.radius
    return max(side // deepest * deepest, 4 * deepest)


def scaled(encoder: Encoder, size: int, share: float) -> int:
    """The side of blocks of which one, halo included, takes ``share`` of what one of ``size`` takes; at least 4 places deep."""
    deepest = encoder.coarsest
    side = int((size + 2 * encoder.radius) * share**0.5) - 2 * encoder.radius
    return max(side // deepest * deepest, 4 * deepest)


def _pieces(
    encoder: Encoder, image: Tensor, layers: Sequence[str], size: int
) -> Iterator[tuple[Block, dict[str, Tensor]]]:
    """The maps of each block of ``looks``; good until the next is asked for."""
    height, width = image.shape[2:]
    for block in looks(encoder, height, width, size):
        maps = dict(encoder(block.cut(image), layers))
        for layer in layers:
            maps[layer] = block.trim(maps[layer], encoder.stride(layer))
        yield block, maps
        maps.clear()  # they would lie beside the next block's


@torch.no_grad()
def encode(encoder: Encoder, image: Tensor, layers: Iterable[str], size: int) -> dict[str, Tensor]:
    """Whole maps of ``image``, made block by block: float32, or the encoder's own 16 bits, which hold all there is."""
    wanted = list(layers)
    found: dict[str, Tensor] = {}
    for block, maps in _pieces(encoder, image, wanted, size):
        for layer, part in maps.items():
            own = part if part.dtype in (torch.bfloat16, torch.float16) else part.float()
            found[layer] = _set_in(found.get(layer), own, block, encoder, layer, image)
    return found


def _set_in(whole: Tensor | None, part: Tensor, block: Block, encoder: Encoder, layer: str, image: Tensor) -> Tensor:
    """The ``whole`` map ``layer`` of ``image``, made with the first block, with the ``part`` of ``block`` set into it."""
    if whole is None:
        shape = (*part.shape[:2], *encoder.extent(layer, image))
        # As the encoder's own maps lie: a difference of two that lie apart takes three times as long.
        whole = torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last)
    rows, columns = block.inner(encoder.stride(layer), *whole.shape[2:])
    whole[:, :, rows, columns] = part
    return whole


@torch.no_grad()
def encode_small(encoder: Encoder, image: Tensor, layers: Iterable[str], size: int) -> dict[str, tuple[Tensor, float]]:
    """Whole maps of ``image``, made block by block, in 8 bits: each with the factor that it is kept times.

    A number keeps 4 binary digits (float8 e4m3): what is lost is less than a thousandth of the maps' energy. Pixels are
    not maps and stay as they are.
    """
    wanted, units = list(layers), dict[str, float]()
    found: dict[str, Tensor] = {}
    for block, maps in _pieces(encoder, image, [layer for layer in wanted if layer != "pixels"], size):
        for layer, part in maps.items():
            if layer not in units:  # of the first block: others may be louder by far
                loudest = float(part.float().abs().amax().clamp_min(1e-12))
                units[layer] = 2.0 ** round(math.log2(_LOUD / loudest))
            small = (part.float() * units[layer]).clamp(-_LOUDEST, _LOUDEST).to(torch.float8_e4m3fn)
            found[layer] = _set_in(found.get(layer), small, block, encoder, layer, image)
    kept = {layer: (maps, units[layer]) for layer, maps in found.items()}
    return kept | ({"pixels": (image, 1.0)} if "pixels" in wanted else {})


@torch.no_grad()
def describe(
    encoder: Encoder,
    image: Tensor,
    layers: Iterable[str],
    statistic: Statistic,
    size: int,
    masks: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The descriptions of ``image``, summed over its blocks; for statistics that average over places.

    ``masks`` are of the size of the layers' maps and weight the places.
    """
    wanted = list(layers)
    each = [(layer, statistic, (masks or {}).get(layer)) for layer in wanted]
    found = describe_each(encoder, image, each, size)
    return dict(zip(wanted, found, strict=True))


@torch.no_grad()
def describe_each(
    encoder: Encoder, image: Tensor, wanted: Sequence[tuple[str, Statistic, Tensor | None]], size: int
) -> list[Tensor]:
    """One description for each ``(layer, statistic, mask)`` of ``wanted``, summed over the blocks in one look.

    For statistics that average over places; a mask ``(1, 1, h, w)`` is of its layer's whole map.
    """
    total: list[Tensor | None] = [None] * len(wanted)
    weights = [0.0] * len(wanted)
    layers = list(dict.fromkeys(layer for layer, _, _ in wanted))
    for block, maps in _pieces(encoder, image, layers, size):
        for i, (layer, statistic, mask) in enumerate(wanted):
            part = maps[layer]
            own = own_mask(mask, block, encoder.stride(layer))
            weight = float(part.shape[2] * part.shape[3]) if own is None else float(own.sum())
            if total[i] is not None and not weight:
                continue
            found = statistic.describe(part, own) * weight
            seen = total[i]
            total[i] = found if seen is None else seen + found
            weights[i] += weight
    return [value / max(weight, 1e-30) for value, weight in zip(total, weights, strict=True) if value is not None]


def own_mask(mask: Tensor | None, block: Block, stride: int) -> Tensor | None:
    """The part of a whole map's ``mask`` that belongs to ``block``."""
    if mask is None:
        return None
    rows, columns = block.inner(stride, *mask.shape[2:])
    return mask[:, :, rows, columns]
