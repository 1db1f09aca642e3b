"""How much memory a painting takes at its peak, worked out from how it is going to be painted; nothing is tried.

Three things count. *What the process holds* before the first step: Python, torch, the encoder, the pictures as they
were given; that is asked of the system. *Pictures* of the size painted at, 12 bytes a pixel each: what is optimised, its
gradient, the optimiser's moments, and so on. *Maps*: what the encoder keeps of what it looks at at once, the whole
picture or the largest block with its halo. Measured against the peak of the process for both encoders, 64 to 2048
pixels, whole and in blocks: within 20 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from impasto.foresee.machine import resident
from impasto.media.image import sized
from impasto.paint.optimise import OptimisePainter
from impasto.paint.polish import PolishPainter
from impasto.paint.thrift import LARGE
from impasto.recipe import Recipe
from impasto.runtime import WIDE
from impasto.see import tiling
from impasto.see.transport import Histogram

__all__ = ["Need", "need", "repainted"]

_PICTURE = 12  # bytes a pixel: three channels in float32
# What the first step loads and builds, whatever the size: kernels, threads, the weights once more as they want them.
_KERNELS = 100 << 20
# Maps that are freed leave gaps: a share of the maps of a picture that is seen whole, whose memory is kept from step to step
# (VGG-19 a fourth, the built-in encoder a half, of a wide picture more than all of them), and no more than so much of blocks,
# where what is large is given back.
_GAPS, _WIDE_GAPS, _GAPS_IN_BLOCKS = 0.35, 1.2, 128 << 20
_SAMPLE = (
    64 << 20
)  # what a statistic that is no mean reads of a map, at most so many places, with all it sorts and sums
_CONTEXT = 600 << 20  # main memory that a process takes for working on a graphics card
_LOOKED = 0.5  # maps without a gradient to come, as a share of those with one
_HISTORY = 100  # steps that L-BFGS remembers, two pictures each
_SAVED = 3.5  # pictures around while the result is written: the canvas, the average, the result, its codes, the file


@dataclass(frozen=True)
class Need:
    """Bytes at the peak: of main memory, and, where a graphics card paints, of its own."""

    main: int
    card: int = 0


def need(painter: OptimisePainter, height: int, width: int, *, held: int | None = None) -> Need:
    """The peak of painting a content of ``height`` × ``width``, which is loaded, as all else that ``painter`` needs.

    ``held`` are the bytes that the process holds now; asked of the system where it is not given.
    """
    held = resident() if held is None else held
    if isinstance(painter, PolishPainter):
        parts = [need(one, height, width, held=held) for one in (_alone(painter), painter.polisher())]
        return Need(max(one.main for one in parts), max(one.card for one in parts))
    rungs = painter.rungs(height, width)
    peak = max(_stage(painter, (height, width), size, steps) for size, steps in rungs)
    written = int(_SAVED * _PICTURE) * math.prod(sized(height, width, rungs[-1][0]))
    if next(painter.encoder.parameters()).device.type == "cuda":
        return Need(held + _CONTEXT + written, int(peak) + _PICTURE * height * width)
    return Need(held + _KERNELS + max(int(peak), written))


def repainted(painter: OptimisePainter, recipe: Recipe) -> OptimisePainter:
    """The same encoder and paintings under another recipe."""
    return painter.under(recipe)


def _alone(painter: PolishPainter) -> OptimisePainter:
    """The painter that begins, without the one that finishes."""
    return OptimisePainter(painter.targets, painter.recipe, strengths=painter.strengths, matte=painter.matte)


def _stage(painter: OptimisePainter, content: tuple[int, int], size: int, steps: int) -> float:
    """Bytes on top of what the process holds, while the picture is painted at ``size``."""
    height, width = sized(*content, size)
    pixels = height * width
    photo = 0 if (height, width) == content else 1  # at its own size the content is not copied
    large = 3 * pixels >= LARGE
    block = painter.targets.block(height, width)
    seen = tiling.widest(painter.encoder, height, width, block)
    maps = painter.encoder.footprint() * seen
    if block:
        # The losses on pixels have their turn before, and the blocks add to their gradient.
        gaps, looking = min(maps / 2, _GAPS_IN_BLOCKS), maps
    else:
        wide = painter.freed(height, width) == "keep" and pixels > WIDE
        gaps, looking = (_WIDE_GAPS if wide else _GAPS) * maps, maps
    kept, comparing = _whole_maps(painter, pixels)
    # In blocks the comparing is done before the blocks are looked at again; a whole picture's maps lie beside it.
    working = max(looking + gaps, comparing) if block else looking + gaps + comparing
    kept += _guides(painter, pixels)
    pictures = _pictures(
        painter, steps, large, painter.by_levels(height, width, steps, last=size == painter.recipe.size)
    )
    # Of each octave the picture, its gradient and the photograph's maps.
    smaller = [math.prod(shape) for shape in painter.octaves(height, width)]
    octaves = sum(2 * _PICTURE * part + _target(painter, part, large) for part in smaller)
    painting = pictures * _PICTURE * pixels + _target(painter, pixels) + octaves + working + kept
    begun = 1 if painter.keeps(size) else 0  # what the size begins with, whose maps are made
    beginning = (photo + begun + 2) * _PICTURE * pixels
    measuring = _measuring(painter, size)
    if len(painter.strengths) > 1 or painter.mirrors(height, width):
        return max(painting, beginning + measuring)
    # Of one style, not mirrored, the paintings are measured before, beside what the coarser size left.
    return max(painting, beginning + _target(painter, pixels) + maps * _LOOKED, measuring + 2 * _PICTURE * pixels / 4)


def _whole_maps(painter: OptimisePainter, pixels: int) -> tuple[float, float]:
    """Bytes of what statistics keep that are no means over places: the maps of their layers, and beside them what it
    takes to compare one, its slope and, for distributions, the way that each place has to go."""
    kinds = [kind for kind in painter.targets.statistics if not kind.sums]
    if not kinds or not painter.styled:
        return 0.0, 0.0
    size = next(painter.encoder.parameters()).dtype.itemsize
    wide = {layer.name: layer.channels / layer.stride**2 for layer in painter.encoder.layers}
    kept = [wide.get(layer, 3.0) for layer in painter.targets.layers]
    ways = 2 if any(isinstance(kind, Histogram) for kind in kinds) else 0
    return sum(kept) * size * pixels, max(kept) * (1 + ways) * size * pixels + _SAMPLE


def _guides(painter: OptimisePainter, pixels: int) -> float:
    """Bytes of the regions at every layer, twice: shared out, and without what is faint; and of the rows read for one."""
    if len(painter.strengths) < 2:
        return 0.0
    layers = [layer for layer in painter.encoder.layers if layer.name in painter.targets.layers]
    size = next(painter.encoder.parameters()).dtype.itemsize
    rows = sum(layer.channels / layer.stride**2 * size for layer in layers)
    return (len(painter.strengths) * 4 * (1 + 2 * sum(1 / layer.stride**2 for layer in layers)) + rows) * pixels


def _pictures(painter: OptimisePainter, steps: int, large: bool, by_levels: bool) -> float:
    """How many pictures a stage keeps: the canvas, its gradient, the average, the last good copy, the optimiser's."""
    beside = 0.5 if large else 1.0  # what is only kept beside a large one is kept in 16 bits
    if painter.recipe.optimizer == "lbfgs":
        # Directions and gradients of its line search, beside the history.
        return 2 + 2 * beside + 8 + 2 * min(steps, _HISTORY)
    return 2 + 2 * beside + 2 * beside * (4 / 3 if by_levels else 1)  # its moments, those of coarser levels too


def _target(painter: OptimisePainter, pixels: int, beside_large: bool = False) -> float:
    """The content's own maps, kept for comparing."""
    if not painter.weights.content:
        return 0.0
    size = min(next(painter.encoder.parameters()).dtype.itemsize, torch.float32.itemsize)
    if (beside_large or 3 * pixels >= LARGE) and painter.recipe.losses != "classic":
        size = torch.float8_e4m3fn.itemsize
    wide = {layer.name: layer.channels / layer.stride**2 * size for layer in painter.encoder.layers}
    sides = 2 if painter.mirrors(1, pixels) else 1
    return sides * sum(wide.get(layer, _PICTURE) for layer in painter.content_layers) * pixels


def _measuring(painter: OptimisePainter, size: int) -> float:
    """Bytes while the paintings are measured for ``size``; with transparent parts they are seen whole."""
    if not painter.styled:
        return 0.0
    found = 0.0
    for style in painter.targets.styles:
        height, width = painter.targets.shape(style, size)
        block = painter.targets.block(height, width)
        maps = painter.encoder.footprint() * _LOOKED * tiling.widest(painter.encoder, height, width, block)
        kept, _ = _whole_maps(painter, height * width)
        maps += kept + _SAMPLE if kept and block else 0
        found = max(found, maps + 2 * _PICTURE * height * width)
    return found
