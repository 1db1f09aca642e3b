"""A loaded bristle brush: thousands of strokes that follow a flow, each with its own streaks, ends and relief.

A stroke is a cubic spine fitted to a walk along the flow. In its frame (``u`` along, ``t`` across, both pixels) it
looks up a long-grained noise: the same grain streaks the colour, breaks the paint where the brush runs dry and raises
the ridges that `lit` shades afterwards. Strokes are opaque and laid in order, so each hides a part of those below.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Canvas", "Layer", "cover", "field_noise", "lay", "lit", "primed", "ribbons", "soft"]

Array: TypeAlias = NDArray[Any]  # float32, but for the places and labels, which are whole numbers

_ALONG, _ACROSS = 1024, 512  # samples of the bristle grain; powers of two, so that it wraps with a mask
_FINE = 3.0  # grain samples per pixel across the brush: nearest lookup then needs no interpolation
_STEPS = 6  # points walked to each side of a stroke's middle
_LIGHT = (-0.62, -0.78)  # towards the lamp, x right and y down: upper left


@dataclass(frozen=True)
class Canvas:
    """What has been painted so far; `lay` paints on it in place.

    ``color`` (H, W, 3) is sRGB; ``height`` (H, W) is the thickness of the paint, about 0..2 in pixels.
    """

    color: Array
    height: Array


@dataclass(frozen=True)
class Layer:
    """One pass of strokes; lengths are pixels, the rest 0..1 unless said otherwise."""

    width: float
    length: float
    opacity: float = 0.95
    body: float = 1.0  # thickness of the paint, in units of canvas height
    dry: float = 0.3  # how far the paint breaks into streaks towards the end of the stroke
    taper: float = 0.4  # how far the brush is lifted at both ends
    streak: float = 0.1  # lightness difference between the bristles
    mix: float = 0.6  # how far the second, badly mixed colour shows


def primed(shape: tuple[int, int], ground: Array, rng: np.random.Generator, weave: float = 0.1) -> Canvas:
    """A canvas (H, W) of one ground colour (3,), blotched; ``weave`` is the roughness of the cloth, in pixels."""
    blotch = 0.05 * field_noise(rng, shape, 24.0) + 0.02 * field_noise(rng, shape, 1.2)
    color = np.clip(ground * (1 + blotch[..., None]), 0, 1).astype(np.float32)
    return Canvas(color, (weave * field_noise(rng, shape, 1.0)).astype(np.float32))


def field_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float | tuple[float, float]) -> Array:
    """Gaussian noise (H, W) blurred by ``sigma`` pixels (one, or down and right); mean 0, deviation 1; it tiles."""
    return _standard(soft(rng.standard_normal(shape, np.float32), sigma))


def _standard(field: Array) -> Array:
    """``field`` with mean 0 and deviation 1."""
    level: Array = (field - field.mean()) / (field.std() + np.float32(1e-9))
    return level


def soft(field: Array, sigma: float | tuple[float, float]) -> Array:
    """``field`` (H, W) under a Gaussian of ``sigma`` pixels (one, or down and right); it wraps at the border."""
    down, right = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    fy, fx = np.fft.fftfreq(field.shape[0])[:, None], np.fft.rfftfreq(field.shape[1])[None]
    blur = np.exp(-2 * np.pi**2 * ((down * fy) ** 2 + (right * fx) ** 2))
    return np.fft.irfft2(np.fft.rfft2(field) * blur, s=field.shape).astype(np.float32)


def ribbons(noise: Array, angle: Array, reach: float, steps: int = 12) -> Array:
    """``noise`` (H, W) averaged ``reach`` pixels to both sides along the flow ``angle``: line integral convolution.

    Cabral & Leedom 1993. Mean 0, deviation 1: bands of light and dark that run with the strokes.
    """
    high, wide = noise.shape
    y, x = np.mgrid[:high:2, :wide:2].astype(np.float32)  # every other pixel will do: the blur hides it
    points = np.stack([x.ravel(), y.ravel()], -1)
    total = np.zeros(len(points), np.float32)
    for at in _walk(points, angle, np.full(len(points), reach, np.float32), steps):
        total += _at(noise, at)
    full = total.reshape(y.shape).repeat(2, 0).repeat(2, 1)[:high, :wide]
    return _standard(soft(full, 1.0))


def _scatter(shape: tuple[int, ...], spacing: float, rng: np.random.Generator, density: Array | None = None) -> Array:
    """Points (N, 2) as x, y pixels on a shaken grid in random order; ``density`` (H, W) is the chance to keep one."""
    high, wide = shape
    y, x = np.meshgrid(np.arange(-0.5, high / spacing + 0.5), np.arange(-0.5, wide / spacing + 0.5), indexing="ij")
    points = np.stack([x.ravel(), y.ravel()], -1)
    points = ((points + rng.uniform(-0.65, 0.65, points.shape)) * spacing).astype(np.float32)
    rng.shuffle(points)
    if density is not None:
        points = points[rng.random(len(points)) < _at(density, points)]
    return points


def _at(field: Array, points: Array) -> Array:
    """The pixel (..., C or nothing) of ``field`` nearest to each of ``points`` (N, 2), held at the border."""
    x = np.clip(points[:, 0].astype(np.int32), 0, field.shape[1] - 1)
    y = np.clip(points[:, 1].astype(np.int32), 0, field.shape[0] - 1)
    found: Array = field[y, x]
    return found


def _walk(points: Array, angle: Array, reach: Array, steps: int) -> list[Array]:
    """``2 * steps + 1`` arrays of points (N, 2): from ``reach`` pixels upstream to ``reach`` downstream."""
    flow = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    step = (reach / steps)[:, None]
    sides: list[list[Array]] = []
    for sign in (-1.0, 1.0):
        here, last, side = points, _at(flow, points) * np.float32(sign), []
        for _ in range(steps):
            turn = _at(flow, here)
            # A brush has no arrow: an angle and its opposite are one direction, so keep going the same way.
            last = np.where((turn * last).sum(-1, keepdims=True) < 0, -turn, turn)
            here = here + step * last
            side.append(here)
        sides.append(side)
    return [*reversed(sides[0]), points, *sides[1]]


@lru_cache(maxsize=1)
def _bristles() -> Array:
    """The grain (1024 * 512, 2) in 0..1: what the bristles leave (relief, breaks) and how they mix (colour)."""
    rng = np.random.default_rng(1889)
    shape = (_ALONG, _ACROSS)
    hair = sum(g * field_noise(rng, shape, s) for g, s in ((1.0, (24.0, 2.0)), (0.6, (16.0, 5.5)), (0.25, (5.0, 2.5))))
    mix = sum(g * field_noise(rng, shape, s) for g, s in ((0.6, (30.0, 3.0)), (1.0, (40.0, 9.0))))
    grain = np.stack([hair / np.std(hair), mix / np.std(mix)], -1)
    return (0.5 + 0.5 * np.tanh(1.2 * grain)).reshape(-1, 2).astype(np.float32)


def cover(
    canvas: Canvas,
    scene: Array,
    angle: Array,
    layer: Layer,
    rng: np.random.Generator,
    *,
    spacing: float,
    palette: Array,
    snap: float = 0.5,
    jitter: float = 0.04,
    density: Array | None = None,
    regions: Array | None = None,
) -> None:
    """Cover ``canvas`` with one `Layer` of strokes, each loaded with the scene's colour at its point.

    ``snap`` pulls the colour to the nearest of ``palette`` (a painter mixes few paints), ``jitter`` is the deviation of
    what remains; the second paint on the brush is a neighbour of it in the palette. ``regions`` are those of `lay`.
    """
    points = _scatter(canvas.height.shape, spacing, rng, density)
    wanted = _at(scene, points) + rng.normal(0, jitter, (len(points), 1))
    far = ((wanted[:, None] - palette[None]) ** 2).sum(-1) * rng.uniform(0.7, 1.3, (len(points), len(palette)))
    order = np.argsort(far, axis=1)
    colors = wanted + snap * (palette[order[:, 0]] - wanted) + rng.normal(0, jitter / 2, wanted.shape)
    other = palette[order[np.arange(len(points)), rng.integers(1, min(4, len(palette)), len(points))]]
    seconds = 0.45 * wanted + 0.55 * other
    lay(canvas, points, angle, colors, seconds, layer, rng, regions)


def lay(
    canvas: Canvas,
    points: Array,
    angle: Array,
    colors: Array,
    seconds: Array,
    layer: Layer,
    rng: np.random.Generator,
    regions: Array | None = None,
) -> None:
    """Paint one stroke through each of ``points`` (N, 2) along ``angle`` (H, W), in order, on ``canvas`` in place.

    ``colors`` and ``seconds`` (N, 3) are the two paints on each brush; widths and lengths vary from stroke to stroke.
    With ``regions`` (H, W) a stroke stays inside the region of its point.
    """
    count = len(points)
    points, colors, seconds = (np.asarray(a, np.float32) for a in (points, colors, seconds))
    half = layer.width / 2 * rng.uniform(0.65, 1.25, count).astype(np.float32)
    reach = layer.length / 2 * rng.uniform(0.6, 1.3, count).astype(np.float32)
    spines = np.stack(_walk(points, angle, reach, _STEPS), 1)  # (N, 13, 2)
    chord = spines[:, -1] - spines[:, 0]
    turn = np.arctan2(chord[:, 1], chord[:, 0])
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    along = spines - points[:, None]
    u, v = cos * along[..., 0] + sin * along[..., 1], cos * along[..., 1] - sin * along[..., 0]
    bend = _cubic(u, v, reach)
    offsets = rng.integers(4096, 1 << 16, (count, 2))
    body = layer.body * rng.uniform(0.6, 1.2, count)
    load = layer.dry * rng.uniform(0.3, 1.5, count)
    opaque = layer.opacity * rng.uniform(0.85, 1.0, count)
    for i in range(count):
        _stroke(
            canvas, points[i], float(cos[i, 0]), float(sin[i, 0]), u[i], bend[i], float(half[i]), offsets[i],
            colors[i], seconds[i], float(body[i]), float(load[i]), float(opaque[i]), layer, regions,
        )  # fmt: skip


def _cubic(u: Array, v: Array, reach: Array) -> Array:
    """Least-squares ``v = c0 + c1 u + c2 u^2 + c3 u^3`` of every spine (N, P); ``c`` is (N, 4), per pixel."""
    scale = np.maximum(reach, 1.0)[:, None]
    powers = np.stack([(u / scale) ** k for k in range(4)], -1).astype(np.float64)  # (N, P, 4)
    normal = powers.transpose(0, 2, 1) @ powers + 1e-4 * np.eye(4)
    fit = np.linalg.solve(normal, powers.transpose(0, 2, 1) @ v[..., None].astype(np.float64))[..., 0]
    return (fit / scale ** np.arange(4)).astype(np.float32)


def _stroke(
    canvas: Canvas,
    at: Array,
    cos: float,
    sin: float,
    reach: Array,
    bend: Array,
    half: float,
    offset: Array,
    color: Array,
    second: Array,
    body: float,
    dry: float,
    opaque: float,
    layer: Layer,
    regions: Array | None,
) -> None:
    high, wide = canvas.height.shape
    start, end = float(reach.min()), float(reach.max())
    c0, c1, c2, c3 = (float(c) for c in bend)
    du = np.array([start, start / 2, 0.0, end / 2, end])
    dv = c0 + du * (c1 + du * (c2 + du * c3))
    xs, ys = at[0] + cos * du - sin * dv, at[1] + sin * du + cos * dv
    pad = half + 2 + 0.05 * (end - start)
    x0, x1 = max(int(xs.min() - pad), 0), min(int(xs.max() + pad) + 1, wide)
    y0, y1 = max(int(ys.min() - pad), 0), min(int(ys.max() + pad) + 1, high)
    if x0 >= x1 or y0 >= y1:
        return
    dx = (np.arange(x0, x1, dtype=np.float32) - at[0])[None]
    dy = (np.arange(y0, y1, dtype=np.float32) - at[1])[:, None]
    u = cos * dx + sin * dy
    t = cos * dy - sin * dx - (c0 + u * (c1 + u * (c2 + u * c3)))
    inside = (np.abs(t) < 1.6 * half + 1) & (u > start - half) & (u < end + half)
    if regions is not None:
        mine = regions[min(max(int(at[1]), 0), high - 1), min(max(int(at[0]), 0), wide - 1)]
        inside &= regions[y0:y1, x0:x1] == mine
    where = np.flatnonzero(inside)
    if not len(where):
        return
    u, t = u.ravel()[where], t.ravel()[where]
    t /= np.sqrt(1 + (c1 + u * (2 * c2 + 3 * c3 * u)) ** 2)  # a steep spine would otherwise look thick

    progress = (u - start) / max(end - start, 1e-3)  # 0 where the brush lands, 1 where it leaves
    row = (u + offset[0]).astype(np.int32) & (_ALONG - 1)
    cell = row * _ACROSS + ((_FINE * t + offset[1]).astype(np.int32) & (_ACROSS - 1))
    grain = np.take(_bristles(), cell, axis=0)
    hair, mix = grain[:, 0], grain[:, 1]
    swell = half * (1 - layer.taper * (2 * progress - 1) ** 2)
    edge = np.clip(swell * (0.9 + 0.2 * hair) - np.abs(t) + 0.5, 0, 1)
    round_in = half * (1 - np.sqrt(np.clip(1 - (t / (half + 0.5)) ** 2, 0, 1)))  # the round tip of the brush
    lands = np.clip((u - start - round_in) / 1.5, 0, 1)
    leaves = np.clip((end - (0.8 + 1.2 * dry) * half * hair - 0.7 * round_in - u) / 2.0, 0, 1)
    wet = np.clip((hair + 0.9 - dry * (0.5 + 1.6 * progress)) * 3.0, 0, 1)
    alpha = opaque * edge * lands * leaves * wet

    rows = where // (x1 - x0) + y0
    flat = rows * wide + where % (x1 - x0) + x0
    share = layer.mix * np.clip(1.6 * mix - 0.3, 0, 1)
    paint = color + share[:, None] * (second - color) + (layer.streak * (hair - 0.5))[:, None]
    view = canvas.color.reshape(-1, 3)
    under = view[flat]
    view[flat] = under + alpha[:, None] * (paint - under)
    ridge = np.clip((np.abs(t) / half - 0.55) * 2.2, 0, 1)  # paint pushed aside by the brush
    blob = np.clip(progress * 3 - 1.8, 0, 1)  # and ahead of it
    thick = body * (0.3 + 0.8 * hair + 0.5 * ridge + 0.4 * blob)
    lift = canvas.height.reshape(-1)
    lift[flat] += alpha * (thick - 0.75 * lift[flat])


def lit(canvas: Canvas, relief: float = 0.65, gloss: float = 0.25) -> Array:
    """The canvas under a lamp at the upper left: (H, W, 3) sRGB in 0..1.

    ``relief`` is how strongly slopes of the paint darken and lighten; ``gloss`` adds the shine of wet ridges.
    """
    dy, dx = np.gradient(soft(canvas.height, 0.6))  # bristles finer than a pixel would glitter
    slope = np.tanh(-2.2 * (dx * _LIGHT[0] + dy * _LIGHT[1]))[..., None]
    shade = np.where(
        slope > 0, slope * (1.05 - canvas.color) * 0.7, slope * 1.5 * canvas.color * (1 - 0.75 * canvas.color)
    )
    shine = gloss * np.clip(slope - 0.35, 0, 1) ** 1.5
    return np.asarray(np.clip(canvas.color + relief * shade + shine, 0, 1), np.float32)
