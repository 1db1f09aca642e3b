"""Layers as a person names them, with weights: ``relu1_1=2, block3_conv1``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from impasto.errors import InputError
from impasto.see.encoder import Encoder

__all__ = ["layer_weights"]


def layer_weights(
    text: str, encoder: Encoder, default: Mapping[str, float] | Iterable[str], flag: str
) -> dict[str, float]:
    """``{layer: weight}`` of ``text``, the encoder's own ``default`` where it is empty; weights sum to 1.

    A ``default`` without weights gives every layer the same.

    Raises ``InputError`` for a weight that is no number, negative, or all zero, and ``UnknownNameError`` for a layer
    that the encoder does not have.
    """
    found: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = part.partition("=")
        try:
            weight = float(number) if number else 1.0
        except ValueError:
            raise InputError(f"{flag} {part!r}: expected LAYER or LAYER=WEIGHT, as in relu4_1=0.5") from None
        if not 0 <= weight < float("inf"):
            raise InputError(f"{flag} {part!r}: a weight is a number from 0 up")
        layer = encoder.resolve([name])[0]
        if layer in found:
            raise InputError(f"{flag} {text!r}: {layer} is named twice; give it one weight")
        found[layer] = weight
    found = found or dict(default if isinstance(default, Mapping) else dict.fromkeys(default, 1.0))
    total = sum(found.values())
    if total <= 0:
        raise InputError(f"{flag} {text!r}: all weights are zero; give one layer at least a weight above 0")
    return {name: weight / total for name, weight in found.items() if weight > 0}
