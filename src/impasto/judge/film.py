"""How steady a painted film is, frame by frame, measured along the motion of the film it was painted from.

Nothing is held but the last frames: memory does not grow with the film. Frames are ``(1, 3, H, W)``, sRGB, 0..1.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from impasto.errors import InputError
from impasto.media.cuts import CutFinder
from impasto.media.flow import flow, reliability, warp
from impasto.media.image import resize_to

__all__ = ["FilmCard", "FilmJudge", "Look", "Steadiness", "Still", "heat"]

# A painted frame and its frame of the film -> the figures of a still picture; the style is known to it.
Still = Callable[[Tensor, Tensor], Mapping[str, float]]

_STATIC = 1.5 / 255  # change of a 5 × 5 neighbourhood's colour below which nothing has moved: less than codecs leave
_HOT = 0.25  # root of the error that is shown white
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Steadiness:
    """How steady a film is. None where there was nothing to measure: no earlier frame in its scene, no pixel at rest.

    ``short`` and ``long`` are warp errors: the mean squared difference between a frame and an earlier one, one frame or
    ``FilmJudge.long`` frames back, that was warped to it, over the pixels that can be trusted (Lai et al. 2018).
    ``flicker`` is the mean absolute change from frame to frame of pixels at which the film itself rests. ``drift`` is how
    much lighter (or darker, below 0) the worst scene has become at its end, beyond what the film has, 0..1. ``detail`` is
    how much of its contrast of neighbours the worst scene has at its end, over its beginning and over the film's: 1 is all.
    """

    short: float | None = None
    long: float | None = None
    flicker: float | None = None
    drift: float | None = None
    detail: float | None = None

    def over(self, other: Steadiness) -> dict[str, float]:
        """``short``, ``long`` and ``flicker`` as multiples of those of ``other``."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in ("short", "long", "flicker")}
        return {name: a / b for name, (a, b) in pairs.items() if a is not None and b is not None and b > 0}


@dataclass(frozen=True)
class FilmCard:
    """All that is measured of a painted film.

    ``film`` is the steadiness of the film itself, under the same flow: nothing painted can be expected to be steadier than
    the light it shows. ``against`` is that of another painting of the same film, and ``ratios`` this one's over it.
    ``stills`` are the figures of single frames, by their number. ``notes`` are sentences on what to bear in mind.
    """

    frames: int
    cuts: tuple[int, ...]
    trusted: float | None  # share of the pixels, mean over frames
    painted: Steadiness
    film: Steadiness
    against: Steadiness | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)
    stills: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    style_kept: float | None = None  # style distance of the last judged frame over the first one's: 1 is as near
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in order; figures to six digits."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Steadiness):
                value = {part.name: _short(getattr(value, part.name)) for part in fields(value)}
            out[item.name] = _short(value)
        out["cuts"], out["notes"] = list(self.cuts), list(self.notes)
        out["ratios"] = {name: _short(value) for name, value in self.ratios.items()}
        out["stills"] = {str(number): dict(found) for number, found in self.stills.items()}
        return out


@dataclass(frozen=True)
class Look:
    """What was seen at one frame: its number from 0, whether it begins a scene, and the errors that ``heat`` shows.

    ``error`` ``(1, 1, H, W)`` is the root of the squared warp error, mean over colours, and ``trusted`` where it counts;
    None at the first frame of a scene.
    """

    number: int
    cut: bool
    painted: Tensor
    error: Tensor | None = None
    trusted: Tensor | None = None


class FilmJudge:
    """Told every frame in turn, it measures; ``card`` is what it has found so far.

    Flow is found in the film, never in the painting, at ``flow_size`` pixels by ``method``. ``long``: how many frames back
    the second warp error looks, taken at every ``long``-th frame. ``still`` judges the frames whose numbers are in
    ``stills``, the first one after the first cut, and the last.
    """

    def __init__(
        self,
        *,
        long: int = 10,
        method: str = "dis",
        flow_size: int | None = None,
        still: Still | None = None,
        stills: tuple[int, ...] = (0,),
    ) -> None:
        if long < 2:
            raise InputError(f"--long {long}: expected 2 frames or more")
        self.long, self.method, self.flow_size = long, method, flow_size
        self.still, self.stills = still, set(stills)
        self.judged: dict[int, Mapping[str, float]] = {}
        self.cuts: list[int] = []
        self.frames = 0
        self._finder = CutFinder()
        self._tracks: dict[str, _Track] = {}
        self._trusted = _Mean()
        self._in_scene = 0
        self._last: tuple[Tensor, Tensor] | None = None

    @torch.no_grad()
    def look(self, painted: Tensor, film: Tensor, against: Tensor | None = None) -> Look:
        """Take in the next frame: as painted, as in the film, and as painted otherwise.

        The film's frame, and the other painting's, are brought to the size of ``painted``; ``InputError`` where its
        proportions differ by more than 2 %.
        """
        height, width = painted.shape[2:]
        frames = {"painted": painted, "film": _fitted(film, height, width, "the film")}
        if against is not None:
            frames["against"] = _fitted(against, height, width, "--against")
        number, self.frames = self.frames, self.frames + 1
        cut = self._finder(frames["film"])
        if cut:
            self.cuts.append(number)
        if cut or not self._tracks:
            self._begin(frames)
        error, trusted = self._steps(frames) if self._in_scene else (None, None)
        self._in_scene += 1
        for name, image in frames.items():
            self._tracks[name].remember(image)
        if self.still and (number in self.stills or (cut and len(self.cuts) == 1)):
            self.judged[number] = self.still(painted, frames["film"])
        self._last = (painted, frames["film"])
        return Look(number, cut, painted, error, trusted)

    def card(self, notes: tuple[str, ...] = ()) -> FilmCard:
        """What has been found so far; the last frame is judged now, if it is not yet."""
        if self.still and self._last and self.frames - 1 not in self.judged:
            self.judged[self.frames - 1] = self.still(*self._last)
        found = {name: track.steadiness(self._tracks["film"]) for name, track in self._tracks.items()}
        painted, film = found.get("painted", Steadiness()), found.get("film", Steadiness())
        against = found.get("against")
        styles = [one["style"] for _, one in sorted(self.judged.items()) if "style" in one]
        return FilmCard(
            self.frames, tuple(self.cuts), self._trusted.value(), painted, film, against,
            {} if against is None else painted.over(against), dict(sorted(self.judged.items())),
            styles[-1] / styles[0] if len(styles) > 1 and styles[0] > 0 else None, notes,
        )  # fmt: skip

    def _begin(self, frames: Mapping[str, Tensor]) -> None:
        """A scene begins: nothing before it counts."""
        self._in_scene = 0
        for name in frames:
            track = self._tracks.setdefault(name, _Track(self.long))
            track.begin()

    def _steps(self, frames: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Measure what there is to measure against the frame before, and the one long before."""
        last = self._tracks["film"].past[-1]
        backward, trusted = self._motion(frames["film"], last)
        self._trusted.add(float(trusted.mean()), 1)
        rest = _at_rest(frames["film"], last)
        shown = None
        for name, image in frames.items():
            track = self._tracks[name]
            error = (image - warp(track.past[-1], backward)).square().mean(1, keepdim=True)
            track.short.add_over(error, trusted)
            track.flicker.add_over((image - track.past[-1]).abs().mean(1, keepdim=True), rest)
            if name == "painted":
                shown = error.sqrt()
        if self._in_scene % self.long == 0:
            backward, far = self._motion(frames["film"], self._tracks["film"].past[0])
            for name, image in frames.items():
                track = self._tracks[name]
                error = (image - warp(track.past[0], backward)).square().mean(1, keepdim=True)
                track.long.add_over(error, far)
        assert shown is not None
        return shown, trusted

    def _motion(self, now: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """The flow back from ``now`` to ``before``, and where it can be trusted."""
        how = {"method": self.method, "size": self.flow_size}
        backward = flow(now, before, **how)  # type: ignore[arg-type]
        return backward, reliability(flow(before, now, **how), backward)  # type: ignore[arg-type]


def heat(look: Look) -> Tensor:
    """A frame of the heat map ``(1, 3, H, W)``: the error from black over red and yellow to white, at 0.25 and above.

    Where the flow cannot be trusted the painting itself shows, grey and dark; so it does at the first frame of a scene.
    """
    weights = look.painted.new_tensor(_LUMA)[:, None, None]
    dim = (look.painted * weights).sum(1, keepdim=True).expand_as(look.painted) * 0.35
    if look.error is None or look.trusted is None:
        return dim
    part = (look.error / _HOT).clamp(0, 1) * 3
    glow = torch.cat([part, part - 1, part - 2], 1).clamp(0, 1)
    return torch.where(look.trusted > 0.5, glow, dim)


class _Mean:
    """A mean that is added to."""

    def __init__(self) -> None:
        self.total, self.weight = 0.0, 0.0

    def add(self, value: float, weight: float) -> None:
        self.total, self.weight = self.total + value * weight, self.weight + weight

    def add_over(self, values: Tensor, mask: Tensor) -> None:
        """The mean of ``values`` under ``mask``, as one frame, if the mask holds anything."""
        held = float(mask.sum())
        if held:
            self.add(float((values * mask).sum(dtype=torch.float64)) / held, 1)

    def value(self) -> float | None:
        return self.total / self.weight if self.weight else None


class _Track:
    """One film of those that are compared: its last frames, its sums, and how its scenes began and stand."""

    def __init__(self, long: int) -> None:
        self.past: deque[Tensor] = deque(maxlen=long)
        self.short, self.long, self.flicker = _Mean(), _Mean(), _Mean()
        self.scenes: list[list[tuple[float, float]]] = []  # per scene: light and detail at its first and last frame

    def begin(self) -> None:
        self.past.clear()
        self.scenes.append([])

    def remember(self, image: Tensor) -> None:
        self.past.append(image)
        scene = self.scenes[-1]
        scene[1:] = [_light_and_detail(image)]

    def steadiness(self, film: _Track) -> Steadiness:
        drifts, details = [0.0], [1.0]
        for mine, its in zip(self.scenes, film.scenes, strict=True):
            if len(mine) < 2:
                continue
            (light, fine), (later, finer) = mine
            (film_light, film_fine), (film_later, film_finer) = its
            drifts.append(later - light - (film_later - film_light))
            if min(fine, film_fine, film_finer) > 1e-6:
                details.append(finer / fine / (film_finer / film_fine))
        known = any(len(scene) > 1 for scene in self.scenes)
        return Steadiness(
            self.short.value(), self.long.value(), self.flicker.value(),
            max(drifts, key=abs) if known else None,
            max(details, key=lambda part: abs(math.log(max(part, 1e-9)))) if known else None,
        )  # fmt: skip


def _light_and_detail(image: Tensor) -> tuple[float, float]:
    """Mean luma, and the mean absolute difference of neighbours' luma."""
    luma = (image * image.new_tensor(_LUMA)[:, None, None]).sum(1)
    edges = [luma.diff(dim=dim).abs() for dim in (1, 2)]
    return float(luma.mean()), sum(float(edge.mean()) for edge in edges if edge.numel())


def _at_rest(now: Tensor, last: Tensor) -> Tensor:
    """``(1, 1, H, W)``: 1 where the film has not changed around a pixel; single pixels differ by the codec's noise."""
    change = functional.avg_pool2d((now - last), 5, 1, 2, count_include_pad=False).abs().amax(1, keepdim=True)
    spread = functional.avg_pool2d((now - last).abs(), 5, 1, 2, count_include_pad=False).amax(1, keepdim=True)
    return ((change < _STATIC) & (spread < 2 * _STATIC)).to(now.dtype)


def _fitted(image: Tensor, height: int, width: int, name: str) -> Tensor:
    """``image`` at the painting's size; a line more or less is what codecs ask for."""
    tall, wide = image.shape[2:]
    if abs(wide * height / (tall * width) - 1) > 0.02 + 2 / min(height, width):
        raise InputError(
            f"the painted film is {width}×{height} and {name} {wide}×{tall}: expected the same proportions; "
            "give the film that it was painted from"
        )
    return resize_to(image, height, width)


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
