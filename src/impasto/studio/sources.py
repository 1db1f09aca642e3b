"""Pictures that are given, checked and read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.media.image import file_sha256, load_picture
from impasto.studio.easel import Picturable, Source

__all__ = ["check_different", "filled", "load_source", "open_picture"]

_SMALLEST = 16  # pixels: below it the deepest layer of VGG-19 sees nothing


def open_picture(given: Picturable, kind: str, *, allow_huge: bool = False) -> Source:
    """A picture for the role ``kind``, the mean visible colour under what is transparent; ``kind`` "result" may be flat.

    Raises ``ImpastoError`` with one line for what cannot be used.
    """
    source = load_source(given, kind, allow_huge)
    return replace(source, image=filled(source))


def load_source(given: Picturable, kind: str, allow_huge: bool = False) -> Source:
    """``given`` as checked pixels; the message names the picture by its role."""
    if isinstance(given, Source):
        source = given
    elif isinstance(given, Tensor):
        source = Source(_checked_tensor(given, kind))
    elif isinstance(given, (str, os.PathLike)):
        picture = load_picture(given, allow_huge=allow_huge)
        source = Source(picture.image, picture.alpha, str(Path(given).absolute()), file_sha256(given))
    else:
        raise InputError(f"the {kind} is a {type(given).__name__}: expected a path or a tensor (1, 3, H, W), 0..1")
    height, width = source.image.shape[2:]
    name = source.path or f"the {kind}"
    if min(height, width) < _SMALLEST:
        raise InputError(f"{name} is {width}×{height} pixels: expected at least {_SMALLEST} on each side as {kind}")
    seen = source.image.flatten(2)
    if source.alpha is not None:
        seen = seen[:, :, source.alpha.flatten() > 0]
    if seen.numel() == 0:
        raise InputError(f"{name} is wholly transparent: expected a visible picture as {kind}")
    if kind not in ("init", "result") and float((seen.amax(2) - seen.amin(2)).max()) < 2 / 255:
        shade = "black" if float(seen.max()) < 0.02 else "one flat colour"
        raise InputError(f"{name} is {shade} all over, with nothing in it to see: choose another picture as {kind}")
    return source


def _checked_tensor(given: Tensor, kind: str) -> Tensor:
    """``given`` as ``(1, 3, H, W)`` float32, 0..1, on the CPU."""
    image = given.detach().float()
    image = image[None] if image.ndim == 3 else image
    if image.ndim != 4 or image.shape[:2] != (1, 3) or image.numel() == 0:
        raise InputError(f"the {kind} is a tensor of shape {tuple(given.shape)}: expected (1, 3, H, W), 0..1")
    if not bool(torch.isfinite(image).all()):
        raise InputError(f"the {kind} holds NaN or infinite values: expected numbers from 0 to 1")
    if float(image.min()) < -1e-3 or float(image.max()) > 1 + 1e-3:
        raise InputError(f"the {kind} runs from {image.min():.3g} to {image.max():.3g}: expected 0..1, divide by 255?")
    return image.clamp(0, 1).cpu()


def check_different(photo: Source, paintings: Iterable[Source]) -> None:
    """Refuse a painting that is the photograph itself."""
    for style in paintings:
        if style.image.shape == photo.image.shape and torch.equal(style.image, photo.image):
            raise InputError(
                f"content and style are the same picture{f' ({style.path})' if style.path else ''}: "
                "give a photograph and a painting"
            )


def filled(source: Source) -> Tensor:
    """The pixels, the mean colour of the visible ones under what is transparent: hidden colours must not leak."""
    if source.alpha is None:
        return source.image
    weight = source.alpha / source.alpha.sum().clamp_min(1e-8)
    mean = (source.image * weight).sum((2, 3), keepdim=True)
    return source.image * source.alpha + mean * (1 - source.alpha)
