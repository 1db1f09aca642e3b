"""What is wrong with a finished picture, if anything, and the option that mends it: the program looks at its own work.

The bounds were measured at 192 px on 32 ordinary pairs of photographs and paintings and on pictures that were spoilt on
purpose (``benchmarks/complaints.py`` prints both beside the bounds). Everything is relative to the two pictures given:
a night photograph may be dark, a drawing may be white.
"""

from __future__ import annotations

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

_SEEN_AT = 256  # pixels: enough to tell a picture from noise, and a look at it costs less than a step

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
    given: tuple[tuple[float, float, float, float], tuple[float, float, float, float]]


def complaints(
    result: Tensor, content: Tensor, style: Tensor, encoder: Encoder, recipe: Recipe
) -> tuple[Complaint, ...]:
    """What is wrong with ``result``, painted from ``content`` in the manner of ``style`` by ``recipe``; worst first.

    Pictures are ``(1, 3, H, W)``, 0..1; ``encoder`` is the one that was painted with. A finished picture only: one that
    was interrupted is not to blame.
    """
    found = symptoms(result, content, style, encoder, recipe)
    kinds = _kinds(found, recipe)
    return tuple(Complaint(kind, _WHAT[kind], remedy) for kind in kinds if (remedy := _remedy(kind, recipe)))


@torch.no_grad()
def symptoms(result: Tensor, content: Tensor, style: Tensor, encoder: Encoder, recipe: Recipe) -> Symptoms:
    """Measure a picture beside the two that it was made from."""
    size = max(result.shape[2:])
    # Roughness depends on the size: all three are seen at the picture's own.
    photo, painting = resize_to(content, *result.shape[2:]), resize(style, size)
    rough, bright, contrast, clipped = _look(result)
    device = next(encoder.parameters()).device
    small = [resize(image, min(size, _SEEN_AT)).to(device) for image in (result, photo, painting)]
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
        bright,
        contrast,
        clipped,
        styled[0] / max(styled[1], 1e-6),
        kept[0] / max(kept[1], 1e-6),
        (_look(photo), _look(painting)),
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


def _kinds(found: Symptoms, recipe: Recipe) -> list[str]:
    """What is wrong, worst first; of things that follow from one another the first."""
    rough, bright, contrast, clipped = zip(*found.given, strict=True)
    weights = weights_of(recipe)
    kinds = []
    if found.bright > max(bright) + _OFF:
        kinds.append("white")
    elif found.bright < min(bright) - _OFF:
        kinds.append("black")
    elif found.contrast < _FLAT * min(contrast):
        kinds.append("flat")
    elif found.clipped > max(clipped) + _CLIPPED:
        kinds.append("saturated")
    if found.style > _FAR and found.content > _FAR and weights.content and weights.style:
        kinds.append("stuck")
    if kinds:
        return kinds
    if found.roughness > _NOISY * max(rough):
        return ["noise"]
    if found.roughness < _BLURRED * min(rough):
        return ["blurred"]
    if found.content > _SWAMPED and weights.content >= 0:
        return ["swamped"]
    if found.style > _UNTOUCHED and found.content < _NEAR and weights.style:
        return ["untouched"]
    return []


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
            "stuck": {"quality": "best"} if recipe.quality != "best" else {"steps": 4 * PRESETS["best"][-1]},
            "noise": {"grain_weight": max(0.5, 3 * recipe.grain_weight)},
            "blurred": {"grain_weight": 0.0},
        }.get(kind, {"grey_weight": 0.5})
    return {name: value for name, value in changes.items() if getattr(recipe, name) != value}


# What brings a failure about, by option: whether a value of it is to blame.
_SLOW = {
    "learning_rate": lambda value: 0 < value < 0.01,
    "steps": lambda value: 0 < value < PRESETS["draft"][-1],
    "tv_weight": lambda value: value >= 10,
    "grey_weight": lambda value: value >= 2,
}
_LOUD = {
    "learning_rate": lambda value: value > 0.05,
    "averaging": lambda value: value == 0,
    "optimizer": lambda value: value == "lbfgs",
    "normalise": lambda value: value == "none",
}
_SMOOTHERS = {"tv_weight": lambda value: value > 0}
_FLATTENERS = {
    "tv_weight": lambda value: value >= 2,
    "grey_weight": lambda value: value >= 2,
    "normalise": lambda value: value == "none",
    "learning_rate": lambda value: value > 0.05 or 0 < value < 0.01,
    "steps": lambda value: 0 < value < PRESETS["draft"][-1],
}


def _balance(recipe: Recipe, *, more: bool) -> dict[str, Any]:
    """More painting or less, by the dial that the recipe uses."""
    if recipe.losses == "relative" and recipe.content_weight < 0 and recipe.style_weight < 0:
        strength = min(recipe.strength + 35, 90) if more else max(recipe.strength - 30, 10)
        return {"strength": float(strength)}
    weights = weights_of(recipe)
    return {"content_weight": weights.content / 10 if more else max(weights.content * 5, 0.05)}


def _look(image: Tensor) -> tuple[float, float, float, float]:
    """Roughness, brightness, contrast and the share of clipped values of a picture ``(1, 3, H, W)``."""
    grey = (image * torch.tensor([0.299, 0.587, 0.114], device=image.device).view(1, 3, 1, 1)).sum(1)
    spread = float(grey.var().clamp_min(1e-6))
    apart = float(grey.diff(dim=1).square().mean() + grey.diff(dim=2).square().mean()) / 2
    clipped = float(((image < 1.5 / 255) | (image > 253.5 / 255)).float().mean())
    return apart / (2 * spread), float(grey.mean()), spread**0.5, clipped


def _apart(found: Tensor, wanted: Tensor) -> float:
    found, wanted = found.float(), wanted.float()
    return float((found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12))


def _typed(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
