"""Who judges the single frames of a painted film, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from impasto.errors import ImpastoError, InputError
from impasto.media.image import load_image
from impasto.see.load import load_encoder
from impasto.study.encoders import default_judge
from impasto.train.judged import judge

__all__ = ["still_judge"]


def still_judge(
    style: Path | str, name: str | None = None, *, size: int = 512
) -> tuple[str, Callable[[Tensor, Tensor], Mapping[str, float]]]:
    """The judge's name, and what it says of a painted frame and its content, both ``(1, 3, H, W)``, at ``size`` pixels.

    ``name`` is that of an encoder, or a file; without one the installed VGG-19 judges, else the built-in encoder. Raises
    ``ImpastoError`` where the style cannot be read, or the encoder not be had.
    """
    painting = load_image(style)
    name = name or default_judge() or "builtin"
    try:
        eyes = load_encoder(name)
    except ImpastoError as error:
        raise InputError(f"--encoder {name}: {error}") from None

    def still(result: Tensor, content: Tensor) -> Mapping[str, float]:
        return judge(result, content, painting, eyes, size=size)

    return eyes.name, still
