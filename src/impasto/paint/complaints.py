"""What is wrong with a finished picture, if anything, and the option that mends it: the program looks at its own work.

The bounds were measured at 192 px on 29 ordinary pairs of photographs and paintings and on pictures that were spoilt on
purpose (``benchmarks/complaints.py`` prints both beside the bounds). Everything is relative to the two pictures given:
a night photograph may be dark, a drawing may be white.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.media.image import resize, resize_to
from impasto.paint.optimise import weights_of
from impasto.recipe import PRESETS, Recipe
from impasto.see.encoder import Encoder
from impasto.see.layers import layer_weights
from impasto.see.stats import gram

__all__ = ["Complaint", "Symptoms", "complaints", "symptoms"]

_SEEN_AT = 256  # pixels: enough to see what is there, and a look at it costs less than a step
_THINNEST = 32  # pixels of the shorter side
_WINDOW = 1024  # pixels of the middle: enough to see noise at a picture's own size, in little memory

_NOISY, _BLURRED = 2.0, 0.28  # of the rougher and of the smoother of the two pictures
_FLAT = 0.5  # of the smaller contrast of the two
_OFF = 0.25  # of brightness, beyond both
_CLIPPED = 0.25  # of all values, beyond both
_FAR, _NEAR = 0.5, 0.15  # shares of the way to the other picture
_SWAMPED, _UNTOUCHED = 0.88, 0.7


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong: its ``kind``, ``what`` in words, and the options of ``Recipe`` that mend it."""

    kind: str
    what: str
    remedy: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, "what": self.what, "remedy": dict(self.remedy)}

    def line(self) -> str:
        """One line for the person: what is wrong and what to try."""
        words = (f"--{name.replace('_', '-')} {_typed(value)}" for name, value in self.remedy.items())
        return f"{self.what}: try {' '.join(words)}"


@dataclass(frozen=True)
class Symptoms:
    """What was measured. ``roughness`` is the share of contrast that is between neighbours: 1 for white noise, 0 for fog.

    ``style`` and ``content`` are distances as shares: 1 is as far from the painting as the photograph is, or as far from
    the photograph as the painting is. ``bright``, ``contrast`` (standard deviation) and ``clipped`` (share of values at
    0 or 1) are of the picture, and in ``given`` of photograph and painting.
    """

    roughness: float
    bright: float
    contrast: float
    clipped: float
    style: float
    content: float
    given: tuple[tuple[float, float, float, float], ...]


def complaints(
    result: Tensor, content: Tensor, style: Tensor, encoder: Encoder, recipe: Recipe
) -> tuple[Complaint, ...]:
    """What is wrong with ``result``, painted from ``content`` in the manner of ``style`` by ``recipe``: the worst thing, or none.

    Pictures are ``(1, 3, H, W)``, 0..1; ``encoder`` is the one that was painted with. A finished picture only: one that
    was interrupted is not to blame.
    """
    kind = _kind(symptoms(result, content, style, encoder, recipe), recipe)
    return (Complaint(kind, _WHAT[kind], _remedy(kind, recipe)),) if kind else ()


@torch.no_grad()
def symptoms(result: Tensor, content: Tensor, style: Tensor, encoder: Encoder, recipe: Recipe) -> Symptoms:
    """Measure a picture beside the two that it was made from."""
    size = max(result.shape[2:])
    # Noise and clipped values are lost in a smaller copy: all three are seen at the picture's own size.
    (rough, clipped), *fine = (_fine(_middle(image, size)) for image in (result, content, style))
    device = next(encoder.parameters()).device
    result = _seen(result, size)
    photo, painting = resize_to(content, *result.shape[2:]), _seen(style, size)
    tones = [_tones(image) for image in (result, photo, painting)]
    small = [image.to(device) for image in (result, photo, painting)]
    pasted = resize_to(small[2], *small[0].shape[2:])
    styles = layer_weights(recipe.style_layers, encoder, encoder.style_layers, "--style-layers")
    contents = layer_weights(
        recipe.content_layers, encoder, encoder.content_weights or encoder.content_layers, "--content-layers"
    )
    seen, of_photo, of_painting = (encoder(image, {*styles, *contents}) for image in small)
    of_pasted = encoder(pasted, contents)
    styled = [sum(_apart(gram(maps[k]), gram(of_painting[k])) for k in styles) for maps in (seen, of_photo)]
    kept = [sum(_apart(maps[k], of_photo[k]) for k in contents) for maps in (seen, of_pasted)]
    return Symptoms(
        rough,
        *tones[0],
        clipped,
        styled[0] / max(styled[1], 1e-6),
        kept[0] / max(kept[1], 1e-6),
        tuple((one[0], *tone, one[1]) for one, tone in zip(fine, tones[1:], strict=True)),
    )


_WHAT = {
    "stuck": "the picture is stuck where it started, with little of the photograph or the painting in it",
    "noise": "the picture is full of noise",
    "white": "the picture has gone white",
    "black": "the picture has gone black",
    "flat": "the picture has hardly any contrast",
    "saturated": "the picture is saturated: many colours are as bright or as dark as they can be",
    "blurred": "the picture is blurred, smoother than both the photograph and the painting",
    "swamped": "the painting has swamped the photograph: little of it is left",
    "untouched": "the photograph is nearly untouched",
}


def _kind(found: Symptoms, recipe: Recipe) -> str:
    """What is wrong; of things that follow from one another the first. Empty where nothing is."""
    rough, bright, contrast, clipped = zip(*found.given, strict=True)
    weights = weights_of(recipe)
    both = bool(weights.content and weights.style)
    checks = {
        "white": found.bright > max(bright) + _OFF,
        "black": found.bright < min(bright) - _OFF,
        "flat": found.contrast < _FLAT * min(contrast),
        "saturated": found.clipped > max(clipped) + _CLIPPED,
        "blurred": found.roughness < _BLURRED * min(rough),
        "stuck": both and found.style > _FAR and found.content > _FAR,
        "noise": found.roughness > _NOISY * max(rough),
        "swamped": found.content > _SWAMPED,
        # Strength 0 keeps the photograph: that was asked for.
        "untouched": bool(weights.style) and found.style > _UNTOUCHED and found.content < _NEAR,
    }
    return next((kind for kind, wrong in checks.items() if wrong), "")


def _remedy(kind: str, recipe: Recipe) -> dict[str, Any]:
    """The options that mend it: first what the recipe itself did to bring it about, put back; else a step further."""
    default = Recipe()
    undo = {"stuck": _SLOW, "noise": _LOUD, "blurred": _SMOOTHERS, "saturated": _LOUD}.get(kind, _FLATTENERS)
    if kind in ("swamped", "untouched"):
        return _balance(recipe, more=kind == "untouched")
    changes = {name: getattr(default, name) for name, wrong in undo.items() if wrong(getattr(recipe, name))}
    if kind == "stuck" and recipe.init == "noise" and not changes:
        changes["init"] = "content"
    if changes.get("init") == "content":
        changes |= {name: getattr(default, name) for name in ("noise_mean", "noise_std")}
    if not changes:
        changes = {
            "stuck": _more_steps(recipe),
            "noise": _more_steps(recipe)
            if recipe.init == "noise"
            else {"grain_weight": max(0.5, 3 * recipe.grain_weight)},
            "blurred": {"grain_weight": 0.0},
        }.get(kind, {"grey_weight": 0.5})
    return {name: value for name, value in changes.items() if getattr(recipe, name) != value}


# What brings a failure about, by option: whether a value of it is to blame.
_SLOW = {
    "learning_rate": lambda value: 0 < value < 0.004,
    "steps": lambda value: 0 < value < PRESETS["draft"][-1],
    "tv_weight": lambda value: value >= 10,
    "grey_weight": lambda value: value >= 2,
}
_LOUD = {
    "learning_rate": lambda value: value > 0.05,
    "averaging": lambda value: value == 0,
    "optimizer": lambda value: value == "lbfgs",
    "normalise": lambda value: value == "none",
    "grey_weight": lambda value: value >= 2,
}
_SMOOTHERS = {"tv_weight": lambda value: value > 0}
_FLATTENERS = {
    "tv_weight": lambda value: value >= 2,
    "grey_weight": lambda value: value >= 2,
    "normalise": lambda value: value == "none",
    "learning_rate": lambda value: value > 0.05 or 0 < value < 0.004,
    "steps": lambda value: 0 < value < PRESETS["draft"][-1],
}


def _more_steps(recipe: Recipe) -> dict[str, Any]:
    names = list(PRESETS)
    if recipe.steps or recipe.quality == names[-1]:
        return {"steps": 3 * (recipe.steps or PRESETS[recipe.quality][-1])}
    return {"quality": names[names.index(recipe.quality) + 1]}


def _balance(recipe: Recipe, *, more: bool) -> dict[str, Any]:
    """More painting or less, by the dial that the recipe uses."""
    weights = weights_of(recipe)
    if more and not weights.content:
        return _more_steps(recipe)
    if recipe.losses == "relative" and recipe.content_weight < 0 and recipe.style_weight < 0:
        strength = recipe.strength
        return {"strength": min(strength + 35, 100.0) if more else max(strength - 30, strength / 2)}
    return {"content_weight": weights.content / 10 if more else max(weights.content * 5, 0.05)}


def _middle(image: Tensor, size: int) -> Tensor:
    """The middle of ``image`` as it is when its longer side has ``size`` pixels: at most a window of it."""
    share = min(1.0, _WINDOW / size)
    height, width = (max(1, round(side * share)) for side in image.shape[2:])
    top, left = (image.shape[2] - height) // 2, (image.shape[3] - width) // 2
    return resize(image[:, :, top : top + height, left : left + width], round(size * share))


def _seen(image: Tensor, size: int) -> Tensor:
    """``image`` as the encoder looks at it: small, but never so thin that the deepest layer sees nothing."""
    shape = min(image.shape[2:]) / max(image.shape[2:])
    return resize(image, max(min(size, _SEEN_AT), math.ceil(_THINNEST / shape)))


def _grey(image: Tensor) -> Tensor:
    return (image * torch.tensor([0.299, 0.587, 0.114], device=image.device).view(1, 3, 1, 1)).sum(1)


def _fine(image: Tensor) -> tuple[float, float]:
    """Roughness, and the share of values that are clipped."""
    grey = _grey(image)
    steps = [grey.diff(dim=dim).square().mean() for dim in (1, 2) if grey.shape[dim] > 1]
    spread = grey.var(correction=0).clamp_min(1e-6)
    clipped = ((image < 1.5 / 255) | (image > 253.5 / 255)).float().mean()
    return float(sum(steps) / max(len(steps), 1) / (2 * spread)), float(clipped)


def _tones(image: Tensor) -> tuple[float, float]:
    """Brightness and contrast, the mean and the standard deviation of grey."""
    grey = _grey(image)
    return float(grey.mean()), float(grey.std(correction=0))


def _apart(found: Tensor, wanted: Tensor) -> float:
    found, wanted = found.float(), wanted.float()
    return float((found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12))


def _typed(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
