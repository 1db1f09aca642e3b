"""Paintings made by code: style sources for the demo and the docs that are our own, so the repository may hold them.

Each is composed as a painter would: a drawn scene (colours and the direction of the brush at every pixel), a toned
ground, then passes of ever smaller strokes that take their colour from the scene and follow its direction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from impasto.errors import InputError, UnknownNameError
from impasto.media.brush import Array, Canvas, Layer, cover, field_noise, lay, lit, primed, ribbons, soft

__all__ = ["PAINTINGS", "draw_painting"]


def _paints(*codes: str) -> Array:
    """Hex codes as sRGB (N, 3) in 0..1."""
    return np.array([[int(c[k : k + 2], 16) / 255 for k in (0, 2, 4)] for c in codes], np.float32)


def _ramp(value: Array, paints: Array) -> Array:
    """Colours (..., 3) of ``value`` in 0..1 along evenly spaced ``paints``."""
    stops = np.linspace(0, 1, len(paints))
    return np.stack([np.interp(value, stops, paints[:, c]) for c in range(3)], -1).astype(np.float32)


def _over(below: Array, above: Array, part: Array) -> Array:
    """``above`` laid over ``below`` (H, W, 3) where ``part`` (H, W) is 1."""
    return np.asarray(below + np.clip(part, 0, 1)[..., None] * (above - below), np.float32)


def _grid(width: int, height: int) -> tuple[Array, Array]:
    """Where each pixel lies: x in 0..1 across and y in 0..1 down, both (H, W)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (x + 0.5) / width, (y + 0.5) / height


def _unit(width: int, height: int) -> float:
    """Pixels per pixel of a 640x512 painting: the brushes grow with the canvas, but no hair is finer than a pixel."""
    return max(float(np.sqrt(width * height / (640 * 512))), 0.6)


_NIGHT = _paints(
    "091230", "10235a", "1a3c8c", "2b62b4", "5a98cf", "9bc6dc", "dbe6da", "f8efce", "f2d066", "dd982a",
    "1d4d58", "514f93", "2f8f95",
)  # fmt: skip
_SHORE = _paints("0d1a2e", "12303a", "1e5048", "4c6b35", "8f7a2c", "c98f2b", "ecc35a", "f6e7b0", "7a3f22", "2a3f7a")


def _whirl(x: Array, y: Array, aspect: float, discs: Array, vortices: Array) -> Array:
    """The direction (H, W) of a wind that curls into ``vortices`` (x, y, size, spin) and rings ``discs`` (x, y, r)."""
    vx, vy = np.ones_like(x), 0.5 * np.cos(6.5 * x + 3.5 * y + 1.2)
    for cx, cy, size, spin in vortices:
        dx, dy = (x - cx) * aspect, y - cy
        r = np.hypot(dx, dy) + 1e-3
        pull = np.exp(-0.9 * (r / size) ** 2) * np.minimum(r / 0.03, 1) / r
        inward = 0.25 * abs(spin)  # circles would close; a spiral draws the eye in
        vx, vy = vx - pull * (spin * dy + inward * dx), vy + pull * (spin * dx - inward * dy)
    for cx, cy, size in discs:
        dx, dy = (x - cx) * aspect, y - cy
        ring = 9.0 * np.exp(-((np.hypot(dx, dy) / (2.0 * size)) ** 4)) / (np.hypot(dx, dy) + 1e-3)
        vx, vy = vx - ring * dy, vy + ring * dx
    return np.arctan2(vy, vx).astype(np.float32)


def _swirl(width: int, height: int, rng: np.random.Generator) -> Canvas:
    """A windy night over a bay: a moon low over the hills, vortices and small lights above, gold grass in front.

    The sky's direction is a wind with vortices and rings; its lights and darks are noise smeared along that direction,
    so that rows of strokes share a colour. Hills follow their slope, water lies level, grass leans with the wind.
    """
    x, y = _grid(width, height)
    unit, shape, aspect = _unit(width, height), (height, width), width / height
    discs = np.array([
        (0.27, 0.40, 0.092), (0.09, 0.13, 0.03), (0.45, 0.10, 0.036), (0.91, 0.12, 0.045),
        (0.52, 0.47, 0.022), (0.93, 0.47, 0.03), (0.06, 0.52, 0.02), (0.26, 0.07, 0.018),
    ])  # fmt: skip
    vortices = np.array([(0.70, 0.31, 0.19, 3.4), (0.13, 0.28, 0.10, -2.4), (0.50, 0.27, 0.08, -2.2)])
    sky = _whirl(x, y, aspect, discs, vortices)
    hill = 0.60 + 0.035 * np.sin(7 * x + 0.5) + 0.025 * np.sin(17 * x) - 0.10 * np.exp(-(((x - 0.86) / 0.16) ** 2))
    bank = 0.90 - 0.12 * np.exp(-(((x - 1.02) / 0.45) ** 2)) - 0.09 * np.exp(-((x / 0.14) ** 2))
    bank = bank + 0.012 * np.sin(23 * x)
    water = 0.665
    in_hill, in_water, in_bank = y > hill, y > water, y > bank
    slope = np.arctan2(np.gradient(hill, axis=1) * height, 1.0) + 0.9 * (y - hill) * np.sin(31 * x)
    lean = -1.25 + 0.55 * np.sin(6 * x + 4 * y) + 0.3 * np.sin(19 * x - 7 * y)
    ripple = 0.10 * np.sin(14 * x + 40 * y)
    angle = np.select([in_bank, in_water, in_hill], [lean, ripple, slope], sky)

    band = ribbons(field_noise(rng, shape, 4.5 * unit), angle, 55 * unit)
    broad = ribbons(field_noise(rng, shape, 13 * unit), angle, 100 * unit)
    scene = _ramp(np.clip(0.33 + 0.14 * band + 0.11 * broad + 0.22 * (y - 0.3), 0, 1), _NIGHT[:8])
    for cx, cy, size in discs:
        r = np.hypot((x - cx) * aspect, y - cy) / size
        halo = np.exp(-((r / 1.75) ** 2)) + 0.13 * np.cos(6.5 * r) + 0.10 * band
        scene = _over(scene, _ramp(halo, _NIGHT[[2, 12, 4, 5, 6, 8, 9]]), 1.5 * np.exp(-((r / 2.0) ** 4)))
        scene = _over(scene, _ramp(0.1 + 0.75 * r + 0.2 * band, _NIGHT[[7, 7, 8, 8, 9]]), (1.0 - r) * 5)
    dim = 0.22 + 0.13 * band + 0.12 * broad + 1.2 * (y - hill)
    scene = _over(scene, _ramp(dim, _NIGHT[[0, 1, 10, 11, 12, 4]]), in_hill)
    moon = np.exp(-(((x - 0.27 - 0.015 * np.sin(70 * y)) / (0.045 + 0.25 * np.maximum(y - water, 0))) ** 2))
    broken = np.clip(0.55 + 0.45 * np.sin(150 * y + 9 * x) + 0.2 * band, 0, 1)
    sheen = np.clip(0.30 + 0.16 * band + 0.1 * broad, 0, 1) + 0.75 * moon * broken
    scene = _over(scene, _ramp(sheen, _NIGHT[[0, 1, 2, 12, 4, 6, 8, 8]]), in_water)
    deep = np.clip((y - bank) / 0.22, 0, 1)
    straw = 0.55 + 0.22 * band + 0.08 * broad - 0.4 * (deep - 0.3)
    scene = _over(scene, _ramp(straw, _SHORE[:8]), in_bank)

    canvas = primed(shape, _paints("7a5230")[0], rng)
    palette = np.concatenate([_NIGHT, _SHORE[3:9]])
    detail = np.where(in_hill | in_water, 0.62, 0.5).astype(np.float32)
    for disc in discs:
        detail[np.hypot((x - disc[0]) * aspect, y - disc[1]) < 1.7 * disc[2]] = 1.0
    few = detail - 0.3  # the finest brush leaves half of the large strokes alone
    for size, length, gap, keep in ((24, 95, 15, None), (13, 62, 10, None), (7.5, 40, 8, detail), (4, 22, 9, few)):
        layer = Layer(size * unit, length * unit, body=0.7 + size / 16, streak=0.2, mix=0.8)
        cover(canvas, scene, angle, layer, rng, spacing=gap * unit, palette=palette, jitter=0.05, density=keep)
    return canvas


_FIRE = _paints(
    "1d0b16", "4a0f1e", "8c1520", "c8281c", "e8531a", "f58a1f", "fbbd3d", "fde9a0", "0b2a33", "11505a",
    "3a8f8a", "6b2450",
)  # fmt: skip


def _ember(width: int, height: int, rng: np.random.Generator) -> Canvas:
    """A sun going down beside a headland: long undulating bands of streaky paint, hot above and teal below.

    The bands are level lines of a heaving height that rises around the sun; long strokes follow them and run dry, so
    that the red ground shows. The sea heaves less towards the horizon; headland and shore follow their own slope.
    """
    x, y = _grid(width, height)
    unit, shape, aspect = _unit(width, height), (height, width), width / height
    heave = 0.055 * np.sin(6.0 * x + 1.0 + 2.5 * y) + 0.03 * np.sin(12.5 * x - 3 * y) + 0.02 * np.sin(4 * x + 17 * y)
    r = np.hypot((x - 0.64) * aspect, y - 0.43)
    level = y + heave * np.clip(1.5 - 1.2 * np.exp(-((r / 0.2) ** 2)), 0, 2) - 0.10 * np.exp(-((r / 0.26) ** 2))
    sun = np.clip((0.085 - r) * 60, 0, 1)
    dy, dx = np.gradient(level * height)
    angle = np.where(r < 0.1, np.arctan2((x - 0.64) * aspect, 0.43 - y), np.arctan2(-dx, dy))
    sea = 0.565 + 0.006 * np.sin(20 * x)
    angle = np.where(y > sea, angle * np.clip(0.25 + (y - sea) * 3, 0, 1.2), angle)

    band = ribbons(field_noise(rng, shape, 4.5 * unit), angle, 110 * unit)
    broad = ribbons(field_noise(rng, shape, 11 * unit), angle, 160 * unit)
    heat = np.clip(0.30 + 0.62 * np.exp(-(((level - 0.45) / 0.22) ** 2)) + 0.13 * band + 0.12 * broad, 0, 1)
    heat = heat + 0.25 * np.exp(-((r / 0.16) ** 2))
    scene = _ramp(heat, _FIRE[[0, 11, 1, 2, 3, 3, 4, 5, 6]])
    cold = np.clip((0.2 - level) * 5 + 0.35 * broad, 0, 1)
    scene = _over(scene, _ramp(0.4 + 0.25 * band, _FIRE[[8, 9, 10, 6]]), 0.85 * cold * (broad > 0.1))
    scene = _over(scene, _ramp(r / 0.09, _FIRE[[7, 7, 6]]), sun)
    path = np.exp(-(((x - 0.64) / (0.05 + 0.35 * np.maximum(y - sea, 0))) ** 2)) * np.clip(0.75 + 0.4 * band, 0, 1.2)
    swell = 0.34 + 0.20 * band + 0.14 * broad
    water = _over(_ramp(swell, _FIRE[[0, 8, 8, 9, 9, 10, 4]]), _ramp(path, _FIRE[[2, 3, 4, 5, 6, 7]]), path)
    scene = _over(scene, water, y > sea)
    cape = 0.60 - 0.26 * np.exp(-((x / 0.26) ** 2)) - 0.03 * np.sin(16 * x) * (x < 0.5) + 0.4 * np.maximum(x - 0.42, 0)
    land = np.clip((y - cape) * 120, 0, 1) * (y < 0.60 + 0.03 * np.sin(9 * x) - 0.12 * x)
    shore = 1.04 - 0.26 * np.exp(-(((x - 1.0) / 0.42) ** 2)) + 0.012 * np.sin(25 * x)
    near = np.clip((y - shore) * 120, 0, 1)
    for part, edge in ((land, cape), (near, shore)):
        tilt = np.arctan2(np.gradient(edge, axis=1) * height, 1.0)
        angle = np.where(part > 0.5, tilt + 0.25 * np.sin(20 * x + 9 * y), angle)
        lip = np.exp(-np.maximum(y - edge, 0) / 0.025)
        scene = _over(scene, _ramp(0.2 + 0.16 * band + 0.75 * lip, _FIRE[[0, 8, 11, 1, 2, 4]]), part)

    canvas = primed(shape, _paints("8a2f1c")[0], rng)
    for size, length, gap in ((22, 150, 15), (12, 130, 11), (6, 80, 10.5)):
        layer = Layer(size * unit, length * unit, 0.9, 0.65 + size / 22, dry=0.6, taper=0.55, streak=0.14, mix=0.75)
        cover(canvas, scene, angle, layer, rng, spacing=gap * unit, palette=_FIRE, snap=0.45, jitter=0.04)
    return canvas


_GLASS = _paints(
    "17161c", "2b3a4a", "4c6f7d", "8fb0ae", "e9dfc3", "d9b56a", "c47a3a", "8c3b2a", "c98b86", "5b6b3a",
    "20574f", "3d2a2a", "b9502f", "e8c24a",
)  # fmt: skip
_FRUIT = ((0.23, 0.69, 0.105, 0.10), (0.33, 0.80, 0.095, 0.085), (0.98, 0.60, 0.085, 0.12), (0.85, 0.74, 0.10, 0.085))
_JUG = ((0.14, 0.17, 0.24, 0.34, 0.46, 0.60, 0.72, 0.76), (0.10, 0.075, 0.062, 0.09, 0.165, 0.19, 0.135, 0.12))


def _facets(things: Array, limit: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """``things`` (H, W) cut by straight lines until no facet has more than ``limit`` pixels; also a ramp across each.

    The ramp (H, W) runs 0..1 from one side of a facet to the other.
    """
    wide = things.shape[1]
    labels, ramp = np.zeros(things.size, np.int32), np.zeros(things.size, np.float32)
    rest = [np.flatnonzero(things == k) for k in np.unique(things)]
    leans = np.array([0.35, 1.2, 1.9, 2.7])  # a few directions shared by all cuts hold the picture together
    count = 0
    while rest:
        cells = rest.pop()
        if not len(cells):
            continue
        x, y = cells % wide, cells // wide
        lean = rng.choice(leans) + rng.normal(0, 0.12)
        if len(cells) > 600:  # across the long side, else facets become splinters
            spread = np.linalg.eigh(np.cov(np.stack([x, y])))[1][:, 1]
            long = np.arctan2(spread[1], spread[0])
            lean = leans[np.argmin(np.abs(np.sin(leans - long)) + rng.uniform(0, 0.5, 4))] + rng.normal(0, 0.12)
        side = np.cos(lean) * x + np.sin(lean) * y
        if len(cells) <= limit * rng.uniform(0.35, 1.3):
            low, high = side.min(), side.max()
            labels[cells], ramp[cells] = count, (side - low) / max(high - low, 1)
            count += 1
            continue
        cut = np.quantile(side, rng.uniform(0.35, 0.65))
        rest += [cells[side <= cut], cells[side > cut]]
    return labels.reshape(things.shape), ramp.reshape(things.shape)


def _mosaic(width: int, height: int, rng: np.random.Generator) -> Canvas:
    """A cubist still life: a jug and fruit on a tilted table with a striped cloth, cut into facets with dark joints.

    Every facet has its own tint, a ramp from light to dark across it and one direction of the brush; strokes stop at
    its border. The joints are painted last, with a thin dark brush that follows them.
    """
    x, y = _grid(width, height)
    unit, shape = _unit(width, height), (height, width)
    px, py = x * width / height, y
    things = np.where(px + 0.45 * py < 0.85, 0, 1) + 2 * (px - 0.25 * py > 0.9)
    things = np.where(py > 0.66 - 0.10 * px + 0.25 * np.maximum(px - 0.75, 0), 4, things)
    cloth = (np.abs(px - 0.92 - 0.5 * (py - 0.8)) < 0.17) & (things == 4)
    things[cloth] = 5
    belly = np.interp(py, *_JUG)  # half its width at each height
    jug = (np.abs(px - 0.52 - 0.04 * (py - 0.4)) < belly) & (py > 0.14) & (py < 0.765)
    grip = np.abs(np.hypot((px - 0.69) / 0.9, py - 0.36) - 0.11) < 0.024
    things[grip & (px > 0.6)] = 6
    things[jug] = np.where(px < 0.55, 7, 8)[jug]
    volume = np.where(jug, 0.05 - 0.9 * np.abs(px - 0.47), 0.0)
    for k, (cx, cy, rx, ry) in enumerate(_FRUIT):
        fruit = np.hypot((px - cx) / rx, (py - cy) / ry) < 1
        things[fruit] = 9 + k
        volume[fruit] = (-0.13 * (px - cx) / rx - 0.16 * (py - cy) / ry + 0.03)[fruit]
    labels, ramp = _facets(things.astype(np.int32), int(2600 * unit**2), rng)

    tints = _GLASS[[1, 10, 2, 3, 6, 4, 12, 4, 5, 12, 13, 9, 7]]  # one for each thing
    count = int(labels.max()) + 1
    thing = np.zeros(count, np.int64)
    thing[labels.ravel()] = things.ravel()
    stray = _GLASS[rng.integers(1, len(_GLASS), count)]  # a third of the facets borrow from elsewhere in the picture
    tint: Array = tints[thing] + 0.45 * (rng.random((count, 1)) < 0.35) * (stray - tints[thing])
    tint = tint + rng.normal(0, 0.07, (count, 1)) + rng.normal(0, 0.02, (count, 3))
    swing = rng.uniform(0.14, 0.42, count) * rng.choice([-1, 1], count)
    light = volume + (ramp - 0.5) * swing[labels] - 0.22 * (np.hypot(px - 0.5, py - 0.45) - 0.35)
    grain = field_noise(rng, shape, 7 * unit)
    scene = tint[labels] + (light + 0.03 * grain)[..., None] * np.array([1.05, 1.0, 0.9])  # light is warm
    stripes = cloth & (np.sin(95 * (px + 0.6 * py)) > 0.35)
    scene[stripes] = 0.4 * scene[stripes] + 0.6 * _GLASS[7]
    angle = rng.uniform(0, np.pi, count)[labels] + 0.12 * field_noise(rng, shape, 40 * unit)

    canvas = primed(shape, _GLASS[11], rng)
    for size, length, gap in ((17, 44, 9.0), (9, 34, 7.5), (5, 24, 11.0)):
        layer = Layer(size * unit, length * unit, body=0.6 + size / 25, taper=0.25, streak=0.16, mix=0.6)
        gap *= unit
        cover(canvas, scene, angle, layer, rng, spacing=gap, palette=_GLASS, snap=0.22, jitter=0.045, regions=labels)

    dark = np.broadcast_to(_GLASS[0], (*shape, 3))
    for cut, thick in ((labels, 3.6), (things, 6.0)):
        edge = np.zeros(shape, bool)
        edge[:, 1:] |= cut[:, 1:] != cut[:, :-1]
        edge[1:] |= cut[1:] != cut[:-1]
        dy, dx = np.gradient(soft(edge, 3 * unit))
        yy, xy, xx = (soft(a, 4 * unit) for a in (dy * dy, dx * dy, dx * dx))
        along = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2  # structure tensor: least change is along the joint
        layer = Layer(thick * unit, 20 * unit, body=0.8, dry=0.3, taper=0.2, streak=0.1, mix=0.25)
        cover(canvas, dark, along, layer, rng, spacing=2.1 * unit, palette=_GLASS[[0, 11, 1]], density=0.8 * edge)
    return canvas


_INK = _paints("0c1330", "18224f", "263a72", "3f5a90", "7088ac", "a9b3bd")
_PAPER = _paints("ecdfc3", "c8442c")


def _hatch(level: Array, pitch: float, width: Array) -> Array:
    """How much ink (H, W) of lines along every ``pitch`` of ``level``, each ``width`` pixels thick, with soft edges."""
    dy, dx = np.gradient(level)
    away = np.abs((level / pitch) % 1 - 0.5) * pitch / np.maximum(np.hypot(dx, dy), 0.15)
    return np.asarray(np.clip(width / 2 - away + 0.5, 0, 1))


def _ink(width: int, height: int, rng: np.random.Generator) -> Canvas:
    """Mountains over a lake in indigo on warm paper: washes that fade into mist, woodcut lines, bold reeds in front.

    Each range of hills is one wash, dark at its ridge, with lines cut down its shaded slopes. Sky and water are lines
    along a wavy level; noise smeared along them makes the knife press, lift and break off.
    """
    x, y = _grid(width, height)
    unit, shape = _unit(width, height), (height, width)
    px, py = x * width / height, y
    canvas = primed(shape, _PAPER[0], rng, weave=0.05)
    color = canvas.color
    bleed = 1 + 0.16 * field_noise(rng, shape, 14 * unit) + 0.07 * field_noise(rng, shape, 1.6)
    wobble = 0.007 * field_noise(rng, shape, 16 * unit) + 0.0012 * field_noise(rng, shape, 6 * unit)

    def press(angle: Array, reach: float) -> Array:
        return ribbons(field_noise(rng, shape, 3 * unit), angle, reach * unit)

    def stain(ink: Array, part: Array) -> None:
        color[:] = _over(color, np.broadcast_to(ink, color.shape), part)

    r = np.hypot(px - 0.86, py - 0.21)
    stain(_PAPER[1], np.clip((0.085 - r + 0.5 * wobble) * 120, 0, 1) * 0.86 * bleed)
    flow = py + 0.04 * np.sin(5 * px + 1) + 0.016 * np.sin(12 * px - 7 * py)
    level = (flow + wobble) * height
    dy, dx = np.gradient(level)
    stain(_INK[3], 0.42 * np.clip(0.75 - 2.3 * py, 0, 1) * bleed * np.clip((r - 0.10) * 12, 0, 1))
    tone = 2.9 - 5.5 * py + 0.75 * press(np.arctan2(-dx, dy), 60)
    stain(_INK[1], 0.9 * _hatch(level, 8.5 * unit, unit * np.clip(tone, -1, 4.2)) * np.clip((r - 0.095) * 60, 0, 1))

    grain = [press(np.full(shape, a, np.float32), 30) for a in (1.0, 2.1, 0.0)]  # down to the right, to the left, level
    for k in range(4):
        base = 0.40 + 0.085 * k
        ridge = np.zeros(width, np.float32)
        for octave in range(5):
            knots = rng.normal(0, 1, 6 * 2**octave + 2)
            ridge += np.interp(x[0], np.linspace(0, 1, len(knots)), knots) * 0.062 * 0.52**octave
        ridge = base + ridge * (1.15 - 0.12 * k) + (0.10 - 0.05 * k) * (x[0] - 0.4 + 0.3 * (k % 2))
        below = py - ridge[None] + 0.5 * wobble
        body = np.clip(below * height / 1.2, 0, 1)
        stain(_PAPER[0], 0.93 * body)
        fade = np.exp(-np.maximum(below, 0) / (0.075 + 0.01 * k))
        stain(_INK[3 - k // 2], body * fade * (0.42 + 0.14 * k) * bleed)
        lean = (0.62, -0.5, 0.45, -0.7)[k]
        top = np.clip(((px - lean * np.maximum(below, 0)) * height).astype(int), 0, width - 1)  # where each cut began
        slope = soft(np.broadcast_to(np.gradient(ridge), shape), 2.5 * unit)[0][top] * height * np.sign(lean)
        cut = (px - lean * below + 0.05 * np.sin(14 * below + 5 * px) + 1.2 * wobble) * height
        shade = 1.1 + 0.25 * k + 1.3 * np.tanh(1.6 * slope) + 0.9 * grain[k % 2] - (9 - k) * np.maximum(below, 0)
        lines = _hatch(cut, (6.0 + 0.8 * k) * unit, unit * np.clip(shade, -1, 4.5))
        stain(_INK[max(2 - k, 0)], body * (0.68 + 0.1 * k) * lines)
        rim = (1.1 + 0.3 * k + 0.5 * grain[2]) * unit - np.abs(below * height)
        stain(_INK[max(1 - k // 2, 0)], np.clip(rim + 0.5, 0, 1))

    far = np.maximum(py - 0.775, 0)
    lake = py > 0.775 + 0.003 * np.sin(40 * px)
    stain(_PAPER[0], lake * 0.95)
    stain(_INK[3], lake * (0.10 + 1.2 * far) * bleed)
    swell = (far + 1e-4) ** 0.72 * 0.75 + 0.012 * np.sin(9 * px + 20 * far) * np.minimum(far * 12, 1) + 0.5 * wobble
    glare = np.exp(-(((px - 0.86) / (0.05 + 0.5 * far)) ** 2))
    tone = 2.2 + 6 * far + 1.5 * grain[2] - 2.6 * glare
    stain(_INK[1], 0.95 * lake * _hatch(swell * height, 8.5 * unit, unit * np.clip(tone, -1, 5.5)))

    for cx, tall, blades in ((0.10, 0.50, 26), (0.24, 0.32, 18), (1.13, 0.36, 18)):
        dx, dy = px - cx, 1.04 - py  # from the root, below the frame
        angle = np.arctan2(-dy, dx) + 0.5 * np.hypot(dx, dy) * np.sign(dx) / tall
        fan, half = rng.normal(0, 0.32, blades), 0.5 * tall * rng.uniform(0.45, 1.0, blades)
        points = np.stack([cx + half * np.sin(fan), 1.04 - half * np.cos(fan)], -1) * height
        for size in (5.0, 8.5):
            layer = Layer(size * unit, 0.72 * tall * height, 1.0, 0.25, dry=0.3, taper=0.93, streak=0.05, mix=0.3)
            some = points[rng.random(blades) < 0.6]
            first, second = _INK[rng.integers(0, 2, len(some))], _INK[rng.integers(1, 3, len(some))]
            lay(canvas, some, angle, first, second, layer, rng)
    return canvas


_PAINTERS: dict[str, Callable[[int, int, np.random.Generator], Canvas]] = {
    "swirl": _swirl,
    "ember": _ember,
    "mosaic": _mosaic,
    "ink": _ink,
}
PAINTINGS: tuple[str, ...] = tuple(_PAINTERS)


def draw_painting(name: str, *, width: int = 640, height: int = 512, seed: int = 0) -> Tensor:
    """One of our own `PAINTINGS` as (1, 3, ``height``, ``width``) sRGB in 0..1, float32; the same bytes for a seed.

    How it is drawn: the painter of that name makes a scene, the colour and the brush direction of every pixel, from
    formulas and from noise smeared along the direction. Then some ten thousand strokes are laid on a toned ground, wide
    ones first. Each bends along the direction, carries two paints near the scene's colour, streaks them with its own
    bristles and leaves a ridge of paint; a lamp at the upper left shades the ridges at last. Brushes and composition
    grow with the canvas. ``seed`` (0 or more) changes every stroke, the hills of "ink" and the facets of "mosaic".

    `UnknownNameError` for a name that is not a painting, `InputError` for less than 32 pixels or a negative seed.
    """
    if name not in _PAINTERS:
        raise UnknownNameError("painting", name, PAINTINGS)
    if min(width, height) < 32:
        raise InputError(f"a painting of {width}×{height} is too small to hold a brush: ask for at least 32×32 pixels")
    if seed < 0:
        raise InputError(f"the seed of a painting is {seed}: give 0 or more")
    rng = np.random.default_rng([seed, *name.encode()])
    picture = lit(_PAINTERS[name](width, height, rng))
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
