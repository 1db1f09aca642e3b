"""impasto paints a photograph in the manner of a painting: neural style transfer on an ordinary computer.

    from impasto import stylize, Recipe
    stylize("photo.jpg", "painting.jpg", size=512).save("out.png")

Names are loaded on first use (PEP 562), so that ``import impasto`` and ``impasto --help`` are instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from impasto.errors import ImpastoError, InputError, MediaError, TrainingError, UnknownNameError, WeightsError
    from impasto.foresee.plan import Plan, plan_painting
    from impasto.judge.card import Card, Judge, report_card
    from impasto.media.image import load_image, save_image
    from impasto.paint.painter import Painter, Progress, finish
    from impasto.recipe import Recipe
    from impasto.see.encoder import ChainEncoder, Encoder, Layer
    from impasto.see.load import load_encoder
    from impasto.studio import Easel, Painting, open_easel, stylize, stylize_steps
    from impasto.study.alone import open_reconstruction, open_texture

__all__ = [
    "Card",
    "ChainEncoder",
    "Easel",
    "Encoder",
    "ImpastoError",
    "InputError",
    "Judge",
    "Layer",
    "MediaError",
    "Painter",
    "Painting",
    "Plan",
    "Progress",
    "Recipe",
    "TrainingError",
    "UnknownNameError",
    "WeightsError",
    "__version__",
    "finish",
    "load_encoder",
    "load_image",
    "open_easel",
    "open_reconstruction",
    "open_texture",
    "plan_painting",
    "report_card",
    "save_image",
    "stylize",
    "stylize_steps",
]

_ROOMS = {
    "errors": ("ImpastoError", "InputError", "MediaError", "TrainingError", "UnknownNameError", "WeightsError"),
    "foresee.plan": ("Plan", "plan_painting"),
    "judge.card": ("Card", "Judge", "report_card"),
    "media.image": ("load_image", "save_image"),
    "paint.painter": ("Painter", "Progress", "finish"),
    "recipe": ("Recipe",),
    "see.encoder": ("ChainEncoder", "Encoder", "Layer"),
    "see.load": ("load_encoder",),
    "studio": ("Easel", "Painting", "open_easel", "stylize", "stylize_steps"),
    "study.alone": ("open_reconstruction", "open_texture"),
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"impasto.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
