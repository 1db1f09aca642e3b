"""How fast this machine paints: a few real steps at two small sizes, kept for the next time.

A step costs a little whatever the size, and then in proportion to the pixels that the encoder looks at.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from impasto.errors import ImpastoError
from impasto.media.files import write_file
from impasto.paint.optimise import OptimisePainter
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe
from impasto.runtime import block_budget, handle_freed, processor_name
from impasto.see import tiling
from impasto.see.known import home
from impasto.see.stats import gram

__all__ = ["Pace", "measure", "measure_large", "pace_of", "remembered"]

_SIZES = (128, 416)  # 4:3; the larger one fills the caches as a picture does, and takes VGG-19 half a second a step
_LARGE = 4096  # the side of a picture by whose blocks a large one is measured
_STEPS, _SECONDS = 5, 2.5  # at each size, as many steps as fit
_FORMAT = 1
_KEPT = 50  # paces in the file, the newest
# What a step's cost hangs on beside the weights of the terms, of which it matters only which are there.
_COSTLY = (
    *("content_layers", "style_layers", "statistic", "losses", "optimizer", "pooling", "averaging"),
    *("strength", "content_weight", "style_weight", "tv_weight", "grain_weight", "grey_weight", "laplacian_weight"),
)


@dataclass(frozen=True)
class Pace:
    """Seconds: ``step + per_pixel · pixels`` for a step; ``look`` a pixel for a look without a gradient.

    ``start`` is what a size takes before its first step beside looking, ``warm`` what the first size takes beyond that.
    ``large`` is how many times as long a pixel takes in the pieces of a large picture; 0: not measured.
    """

    step: float
    per_pixel: float
    look: float
    start: float
    warm: float
    large: float = 0.0

    def steps(self, pixels: int) -> float:
        """Seconds of a step on a picture or block of ``pixels``."""
        return self.step + self.per_pixel * pixels


def pace_of(painter: OptimisePainter, digest: str, *, fresh: bool = False, large: bool = False) -> Pace:
    """The pace at which ``painter`` paints here: remembered, or measured now (``fresh``: in any case) and kept.

    ``digest`` names the encoder's weights; with ``large`` what a large picture takes is measured as well.
    """
    key = _key(painter, digest)
    pace = None if fresh else remembered(key)
    if pace is None or (large and not pace.large):
        pace = pace or measure(painter)
        pace = replace(pace, large=measure_large(painter)) if large else pace
        _keep(key, pace)
    return pace


def measure(painter: OptimisePainter) -> Pace:
    """Paint a few steps of a drawn picture at two sizes, with the encoder and the terms of ``painter``."""
    warm = _timed(lambda: _paint(painter, 64, 1))
    pixels, steps, begins, looks = [], [], [], []
    for size in _SIZES:
        begin, step = _paint(painter, size, _STEPS)
        look = min(_timed(lambda size=size: _look(painter, size)) for _ in range(2))  # type: ignore[misc]
        pixels.append(size * size * 3 // 4)
        steps.append(step)
        looks.append(look / pixels[-1])
        begins.append(max(0.0, begin - step - 2 * look))  # the content and the painting are looked at once each
    slope = (steps[1] - steps[0]) / (pixels[1] - pixels[0])
    if slope <= 0:  # a machine too busy, or too fast, to tell the sizes apart
        slope = steps[1] / pixels[1]
    base = max(0.0, steps[1] - slope * pixels[1])
    start = statistics.mean(begins)
    return Pace(base, slope, looks[1], start, max(0.0, warm - start - steps[0]))


def measure_large(painter: OptimisePainter) -> float:
    """How many times as long a pixel of a large picture takes than one of a small.

    Its maps fit into no cache and are handed back to the system and given anew at each step, its residuals are looked at once
    more on the way back, and of what a block sees its own part is cut out. Measured on a piece as large as a block.
    """
    encoder = painter.encoder
    if next(encoder.parameters()).device.type != "cpu" or not encoder.radius:
        return 1.0
    halo = -(-encoder.radius // encoder.coarsest) * encoder.coarsest
    layers = [layer for layer in painter.targets.layers if layer != "pixels"]

    def once(height: int, width: int, halo: int, count: int) -> float:
        image = torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(0)).requires_grad_()
        block = tiling.Block(halo, height - halo, halo, width - halo, (0, height, 0, width))

        def there_and_back() -> None:
            maps = encoder(image, layers)
            seen = [gram(block.trim(maps[layer], encoder.stride(layer))) for layer in layers]
            torch.autograd.grad(seen, image, [found.detach() for found in seen])

        return statistics.median(_timed(there_and_back) for _ in range(count)) / (height * width)

    try:
        handle_freed("keep")  # as small pictures are painted
        small = once(_SIZES[1] * 3 // 4, _SIZES[1], 0, _STEPS)
        handle_freed("return")
        side = (tiling.block_size(encoder, _LARGE, _LARGE, block_budget()) or _SIZES[1]) + 2 * halo
        large = once(side, side, halo, 3)
    finally:
        handle_freed("usual")
    return min(max(large / small, 1.0), 4.0)


def _paint(painter: OptimisePainter, size: int, count: int) -> tuple[float, float]:
    """Seconds until the first step is done, and the median of those that follow."""
    costly = {name: getattr(painter.recipe, name) for name in _COSTLY}
    recipe = Recipe(**costly, size=size, start_size=size, steps=count + 1)
    photo, style = _pictures(size)
    targets = StyleTargets(painter.encoder, [StyleImage(style)], recipe)
    again = OptimisePainter(targets, recipe, strengths=painter.strengths)
    times, began = [], time.perf_counter()
    before = began
    for _ in again.paint(
        photo, regions=_stripes(photo, len(painter.strengths))
    ):  # its losses are read, so a graphics card is waited for
        now = time.perf_counter()
        times.append(now - before)
        before = now
        if len(times) > 2 and now - began > _SECONDS:
            break
    return times[0], statistics.median(times[1:] or times)


def _look(painter: OptimisePainter, size: int) -> None:
    costly = {name: getattr(painter.recipe, name) for name in _COSTLY}
    recipe = Recipe(**costly, size=size, start_size=size)
    targets = StyleTargets(painter.encoder, [StyleImage(_pictures(size)[0])], recipe)
    for value in targets.describe(size).values():
        value.cpu()


def _pictures(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A content and a style, ``(1, 3, 3/4 size, size)``: smooth ones, since what they show costs no time."""
    height = size * 3 // 4
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, size)[None]
    photo = torch.stack([rows.expand(height, size), columns.expand(height, size), rows * columns])[None]
    return photo.contiguous(), photo.flip(1).contiguous()


def _stripes(photo: torch.Tensor, count: int) -> torch.Tensor | None:
    """As many regions as the painting has, one above the other; None without."""
    if count < 2:
        return None
    rows = torch.arange(photo.shape[2]) * count // photo.shape[2]
    stripes = torch.stack([(rows == number).float() for number in range(count)])
    return stripes[None, :, :, None].expand(-1, -1, -1, photo.shape[3]).contiguous()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# ── what was measured before ──


def remembered(key: str) -> Pace | None:
    """The pace kept under ``key``; None where there is none that can be trusted."""
    with suppress(TypeError):
        pace = Pace(**_all().get(key, {}))
        values = asdict(pace).values()
        if all(isinstance(value, (int, float)) and math.isfinite(value) and value >= 0 for value in values):
            return pace
    return None


def _keep(key: str, pace: Pace) -> None:
    """Remember, if it can be: a folder that cannot be written to costs only the time to measure again."""
    paces = {name: value for name, value in _all().items() if name != key}
    paces = dict([*paces.items(), (key, asdict(pace))][-_KEPT:])
    with suppress(OSError, ImpastoError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_file(_file(), json.dumps({"format": _FORMAT, "paces": paces}, indent=1).encode())


def _all() -> dict[str, Any]:
    """All that is kept; nothing where the file is missing, damaged or of another format."""
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        kept = json.loads(_file().read_text(encoding="utf-8"))
        if kept.get("format") == _FORMAT and isinstance(kept.get("paces"), dict):
            return dict(kept["paces"])
    return {}


def _file() -> Path:
    return home() / "pace.json"


def _key(painter: OptimisePainter, digest: str) -> str:
    """All that a pace hangs on, as one short name."""
    recipe, weight = painter.recipe, next(painter.encoder.parameters())
    card = torch.cuda.get_device_name(weight.device) if weight.device.type == "cuda" else ""
    terms = [bool(painter.weights.content), painter.styled, len(painter.strengths)]
    terms += [bool(getattr(recipe, name)) for name in ("tv_weight", "grain_weight", "grey_weight", "laplacian_weight")]
    about = [digest, str(weight.dtype), weight.device.type, card, torch.get_num_threads(), processor_name()]
    about += [torch.__version__, recipe.statistic, recipe.losses, recipe.optimizer, recipe.pooling, terms]
    about += [list(painter.content_layers), list(painter.targets.layers)]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]
