"""The encoder of a recipe, on its device, and the VGG-19 that finishes what another has painted."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from impasto.errors import InputError, WeightsError
from impasto.recipe import Recipe
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import Encoder
from impasto.see.known import ENCODERS, KNOWN
from impasto.see.load import describe_auto, encoder_digest, load_encoder
from impasto.studio.easel import Sight

__all__ = ["VGG", "check_one_encoder", "encoder_key", "open_sight", "polished", "remarks_of", "second_sight"]

VGG = tuple(item.name for item in KNOWN)
_POLISH = 34  # steps of VGG-19 that --quality best ends with


def open_sight(recipe: Recipe, *, weights: Path | str | None = None, encoder: Encoder | None = None) -> Sight:
    """The encoder of ``recipe``, or the file ``weights`` for it, or the ``encoder`` given, on its device.

    Raises ``ImpastoError`` with one line where there is none such.
    """
    check_one_encoder(recipe, weights, encoder)
    file, why = "", ""
    if encoder is None:
        encoder, file, why = _loaded(recipe, weights)
    weight = next(encoder.parameters())
    machine = _machine(weight.device.type, weight.dtype)
    about = {
        "encoder": {"name": encoder.name, "sha256": encoder_digest(encoder), "weights": file},
        "machine": machine,
    }
    remark = f"encoder {encoder.name}{why}, {machine['precision']} on {machine['device']}"
    return Sight(encoder, about, file, remark)


def polished(recipe: Recipe, weights: Path | str | None, encoder: Encoder | None) -> Recipe:
    """``recipe`` with the number of steps that VGG-19 is to take behind another encoder, 0 for none.

    Left to choose, ``--quality best`` is the built-in encoder's draft and VGG-19's polish, where that is at hand.
    """
    if recipe.polish < 0:
        free = recipe.quality == "best" and recipe.encoder == "auto" and encoder is None and recipe.losses == "relative"
        if free and recipe.strength and (weights is not None or describe_auto()[0] in VGG):
            return recipe.but(encoder="builtin", quality="draft", polish=_POLISH)
    elif recipe.polish and recipe.encoder == "auto" and encoder is None:
        return recipe.but(encoder="builtin")
    return recipe


def second_sight(recipe: Recipe, weights: Path | str | None) -> Sight:
    """The VGG-19 that polishes: the file named, or the one that is installed."""
    name = describe_auto()[0]
    if weights is None and name not in VGG:
        raise WeightsError(
            f"--polish {recipe.polish} takes a VGG-19, and none is installed: run impasto models fetch vgg19-caffe, or name "
            "its file with --weights"
        )
    sight = open_sight(recipe.but(encoder="auto" if weights is not None else name, polish=0), weights=weights)
    if sight.encoder.name not in VGG:
        raise InputError(f"--weights {weights} and --polish {recipe.polish}: expected the file of a VGG-19")
    return sight


def remarks_of(sight: Sight, second: Sight | None = None) -> tuple[str, ...]:
    """Lines for the person on who sees."""
    return (sight.remark, *([] if second is None else [f"finished by {second.encoder.name}"]))


def encoder_key(recipe: Recipe, weights: Path | str | None) -> tuple[str | int, ...]:
    """What an encoder is loaded by; the seed is drawn from by random weights alone."""
    named = (recipe.encoder, str(weights), recipe.pooling, recipe.normalise, recipe.device, recipe.precision)
    return ("encoder", *named, recipe.seed if recipe.encoder == "random" else 0)


def check_one_encoder(recipe: Recipe, weights: Path | str | None, encoder: Encoder | None) -> None:
    """Refuse two encoders, and what an encoder of one's own cannot be asked for."""
    if weights is not None and (encoder is not None or recipe.encoder not in ("auto", *VGG)):
        name = "an encoder of one's own" if encoder is not None else f"--encoder {recipe.encoder}"
        raise InputError(f"--weights {weights} and {name} together: give one or the other")
    if encoder is not None and recipe.normalise != "mean":
        raise InputError("--normalise none and an encoder of one's own: it takes its mean away by itself, or does not")


def _loaded(recipe: Recipe, weights: Path | str | None) -> tuple[Encoder, str, str]:
    """The encoder of ``recipe``, the file that was named for it, and, where nobody chose it, why it was taken."""
    device = choose_device(recipe.device)
    dtype = choose_precision(recipe.precision, device)
    file = "" if recipe.encoder in ENCODERS else recipe.encoder
    if weights is not None:
        file = os.path.abspath(os.path.expanduser(weights))
    encoder = load_encoder(
        recipe.encoder,
        weights=None if weights is None else file,
        pooling=recipe.pooling,
        centred=recipe.normalise == "mean",
        seed=recipe.seed,
    )
    why = f" ({describe_auto()[1]})" if recipe.encoder == "auto" and weights is None else ""
    return encoder.to(device=device, dtype=dtype, memory_format=torch.channels_last), file, why  # type: ignore[call-overload]


def _machine(device: str, dtype: torch.dtype) -> dict[str, Any]:
    """What the bits of a result depend on beside the recipe."""
    return {
        "device": device,
        "precision": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
