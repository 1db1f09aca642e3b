"""Who judges: the VGG-19 that is installed, or whom the person names."""

from __future__ import annotations

from impasto.errors import ImpastoError, InputError
from impasto.judge.card import CONTENT, HELD, PUBLISHED, STYLE
from impasto.see.encoder import ChainEncoder, Encoder
from impasto.see.known import installed
from impasto.see.load import load_encoder

__all__ = ["default_judge", "load_judge"]


def default_judge() -> str | None:
    """The installed VGG-19, that of Gatys et al. first; None where there is none."""
    return next((name for name in ("vgg19-caffe", "vgg19") if installed(name)), None)


def load_judge(name: str, *, flag: str = "--judge") -> Encoder:
    """The encoder ``name``, or of that file, in float32; ``InputError`` names ``flag`` where it cannot judge.

    A VGG-19 sees the border as it was published: its figures are those that others find with the same weights.
    """
    try:
        judge = load_encoder(name)
    except ImpastoError as error:
        raise InputError(f"{flag} {name}: {error}") from None
    if not {layer.name for layer in judge.layers} & {*STYLE, *HELD, CONTENT}:
        raise InputError(f"{flag} {name} offers none of the layers that a painting is judged by: expected a VGG-19")
    if isinstance(judge, ChainEncoder) and judge.name in PUBLISHED:
        judge.edge = "mean"
    return judge
