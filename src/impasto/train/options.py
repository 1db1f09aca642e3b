"""Every option of the trainings, its default, range and help: declared once. Needs no torch, so help comes at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal

from impasto.errors import InputError, UnknownNameError
from impasto.see.unit import Unit

__all__ = [
    "TAPS",
    "AutoencodeOptions",
    "ClassifyOptions",
    "DistilOptions",
    "EnlargeOptions",
    "flag",
    "option_fields",
    "parse_blocks",
    "parse_places",
    "parse_taps",
    "parse_widths",
]

TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")  # what a student answers


def _option(default: Any, help: str, **about: Any) -> Any:
    return field(default=default, metadata={"help": help, **about})


def flag(name: str) -> str:
    """The option of the command line that sets the field ``name``."""
    return "--" + name.replace("_", "-")


def option_fields(options: type) -> Iterator[Field[Any]]:
    """The fields that a command line offers."""
    return (item for item in fields(options) if item.default is not MISSING)


def parse_blocks(text: str) -> tuple[tuple[int | str, ...], ...]:
    """``"32,48/64,64/96r2"`` as channels, or words of ``Unit``, of every convolution by block."""
    try:
        units = [[Unit.of(word.strip()) for word in block.split(",")] for block in text.split("/")]
    except InputError:
        units = []
    if not units or any(unit.channels > 4096 for block in units for unit in block):
        raise InputError(
            f"--blocks {text!r}: expected channels by block, as in 32,48/64,64/96,96,96/192,192,192/192, or 256k1 for a "
            "1×1 convolution, 192r2 and 192r2k5 for residuals"
        )
    return tuple(tuple(unit.word for unit in block) for block in units)


def parse_places(text: str) -> tuple[tuple[str, str], ...]:
    """``"relu4_1=relu4_2,relu5_1=relu5_2"`` as pairs of a tap and the student's layer at which it is read."""
    pairs = [tuple(part.strip() for part in pair.split("=")) for pair in text.split(",") if pair.strip()]
    for pair in pairs:
        if len(pair) != 2 or pair[0] not in TAPS:
            raise InputError(f"--places {text!r}: expected taps and the student's layers, as in relu5_1=relu5_2")
    return tuple((tap, place) for tap, place in pairs)


def _check(options: Any) -> None:
    for item in option_fields(type(options)):
        value, about = getattr(options, item.name), item.metadata
        if (choices := about.get("choices")) and value not in choices:
            raise UnknownNameError(f"value for {flag(item.name)}", str(value), choices)
        if not isinstance(value, (int, float)):
            continue
        low, high = about.get("low", 0), about.get("high", math.inf)
        if not math.isfinite(value) or not low <= value <= high:
            most = f" to {high:g}" if high < math.inf else " or more"
            raise InputError(f"{flag(item.name)} {value}: expected {low:g}{most}")


def parse_taps(text: str) -> tuple[str, ...]:
    """``"relu4_1,relu5_1"`` as taps."""
    taps = tuple(part.strip() for part in text.split(",") if part.strip())
    for tap in taps:
        if tap not in TAPS:
            raise UnknownNameError("tap", tap, TAPS)
    return taps


def parse_widths(text: str) -> dict[str, int]:
    """``"relu1_1=20,relu2_1=56"`` as channels by tap."""
    found: dict[str, int] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        tap, _, width = (piece.strip() for piece in part.partition("="))
        if tap not in TAPS or not (width.isascii() and width.isdigit() and 0 < int(width) <= 4096):
            raise InputError(f"--tap-channels {text!r}: expected taps and channels, as in relu1_1=20,relu2_1=56")
        found[tap] = int(width)
    return found


@dataclass(frozen=True)
class DistilOptions:
    """What a distillation is made of; stored in its checkpoint.

    ``blocks``, ``down``, ``places`` and ``bare`` shape the student (see ``ChainEncoder``). ``gram_weight`` adds the relative
    Gram error of every crop, ``lack_weight`` that of the difference between a half-painted picture's Gram matrices and
    its painting's, by which a painting is steered, and ``change_weight`` that of the difference between its maps and its
    photograph's. ``painted`` is the share of each batch that half-painted pictures (and, with a ``lack_weight``, their
    paintings, with a ``change_weight`` their photographs too) make up, once ``painted_from`` steps are done.
    """

    blocks: tuple[tuple[int | str, ...], ...] = _option(
        ((32, 32), (64, 64), (96, 96), (160, 160, 144), (160,)), "Channels of every convolution, by block."
    )
    down: Literal["max", "average", "conv"] = _option(
        "max", "How maps are halved: by pooling or by a convolution of stride 2.", choices=("conv", "max", "average")
    )
    places: tuple[tuple[str, str], ...] = _option(
        (), "Where in the student a tap is read, if not at the layer of its name: relu5_1=relu5_2,…"
    )
    bare: tuple[str, ...] = _option(
        (), "Taps at which the student's own map, as wide as the teacher's, is the answer: relu5_1,…"
    )
    size: int = _option(128, "Side of the crops, in pixels.", low=16, high=1024)
    zoom: float = _option(
        0.7, "Octaves by which the closest crops are enlarged; 0: as sharp as the pictures, or sharper.", high=3
    )
    batch: int = _option(4, "Crops in a step.", low=2, high=4096)
    large: float = _option(0.0, "Share of the steps on crops of twice the side, a quarter as many.", high=1)
    learning_rate: float = _option(5e-3, "Highest rate of AdamW.", low=1e-7, high=1)
    weight_decay: float = _option(1e-4, "Weight decay of AdamW.", high=1)
    muon: float = _option(0.0, "Step of Muon on the convolutions, relative to their size; 0: AdamW.", high=0.5)
    norms: Literal["batch", "fixed", "settle"] = _option(
        "batch",
        "Normalise by the batch, by the statistics learnt before, or by these once the rate has fallen.",
        choices=("batch", "fixed", "settle"),
    )
    learn_from: int = _option(1, "The first block that learns; those before it stay as they are.", low=1, high=5)
    store: int = _option(
        0, "With --learn-from: crops that the blocks before it and the teacher see once, to be learnt from many times."
    )
    fresh: float = _option(
        0.25,
        "With --store: crops that come new into it at every step, once it is full in place of the oldest.",
        high=4096,
    )
    gram_weight: float = _option(0.3, "Weight of the error of Gram matrices beside that of maps.", high=1000)
    lack_weight: float = _option(
        0.0, "Weight of the error of what half-painted pictures lack of their painting's Gram matrices.", high=1000
    )
    change_weight: float = _option(
        0.0, "Weight of the error of how half-painted pictures' maps differ from their photographs'.", high=1000
    )
    painted: float = _option(0.5, "Share of half-painted pictures in a batch.", high=1)
    painted_from: int = _option(2500, "The step from which half-painted pictures are made.")
    again: float = _option(
        3.0, "How often a half-painted picture is learnt from before another takes its place.", low=1
    )
    pool: int = _option(480, "Half-painted pictures that are kept at a time.", low=1, high=100_000)
    seed: int = _option(0, "Seed of everything random.", high=2**31)

    def __post_init__(self) -> None:
        _check(self)
        if self.store and self.learn_from == 1:
            raise InputError("--store: every block learns, so what they see changes: add --learn-from 4, say")
        for name in ("lack_weight", "change_weight"):
            if getattr(self, name) and not self.painted:
                raise InputError(
                    f"{flag(name)} weighs half-painted pictures, and --painted 0 leaves them out: give one of both"
                )


@dataclass(frozen=True)
class ClassifyOptions:
    """What the training of a classifier is made of; stored in its checkpoint. Empty ``blocks``: by the pictures."""

    blocks: tuple[tuple[int | str, ...], ...] = _option(
        (), "Channels of every convolution, by block  [by the pictures]."
    )
    down: Literal["max", "average", "conv"] = _option(
        "max", "How maps are halved: by pooling or by a convolution of stride 2.", choices=("max", "average", "conv")
    )
    batch: int = _option(128, "Pictures in a step.", low=2, high=8192)
    learning_rate: float = _option(0.1, "Highest rate of SGD with momentum 0.9.", low=1e-6, high=10)
    weight_decay: float = _option(5e-4, "Weight decay of the convolutions.", high=1)
    label_smoothing: float = _option(0.1, "Share of each label that is spread over all classes.", high=0.9)
    shift: float = _option(0.125, "Largest random shift, of the side.", high=0.5)
    zoom: float = _option(0.4, "Largest random zoom, of the side; for pictures above 48 pixels.", high=0.8)
    colour: float = _option(0.1, "Random contrast and brightness.", high=1)
    dropout: float = _option(0.0, "Share of the pooled features that a step leaves out.", high=0.9)
    per_class: int = _option(0, "Train on so many pictures of every class; 0: on all.", high=1_000_000)
    validation: float = _option(0.1, "Share that is scored on after every epoch and not trained on.", high=0.9)
    side: int = _option(0, "Pixels a side; 0: their own up to 64, else 96.", high=1024)
    seed: int = _option(0, "Seed of everything random.", high=2**31)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class AutoencodeOptions:
    """What the training of an autoencoder is made of; stored in its checkpoint."""

    blocks: tuple[tuple[int | str, ...], ...] = _option(
        ((32, 32), (64, 64), (128, 128), (128, 64)), "Channels of every convolution of the encoder, by block."
    )
    down: Literal["max", "average", "conv"] = _option(
        "conv", "How maps are halved: by pooling or by a convolution of stride 2.", choices=("conv", "max", "average")
    )
    batch: int = _option(128, "Pictures in a step.", low=2, high=8192)
    learning_rate: float = _option(2e-3, "Highest rate of AdamW.", low=1e-7, high=1)
    weight_decay: float = _option(1e-4, "Weight decay of AdamW.", high=1)
    noise: float = _option(0.05, "Noise on what is seen, σ of 0..1; what is wanted back is without.", high=1)
    per_class: int = _option(0, "Train on so many pictures of every class; 0: on all.", high=1_000_000)
    validation: float = _option(0.1, "Share that is scored on after every epoch and not trained on.", high=0.9)
    side: int = _option(0, "Pixels a side; 0: their own up to 64, else 96.", high=1024)
    seed: int = _option(0, "Seed of everything random.", high=2**31)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class EnlargeOptions:
    """What the training of a net that enlarges is made of."""

    width: int = _option(32, "Channels of every convolution.", low=4, high=512)
    depth: int = _option(4, "Residual blocks of two convolutions.", low=1, high=64)
    size: int = _option(96, "Side of the large crops, in pixels; even.", low=32, high=1024)
    batch: int = _option(4, "Crops in a step.", low=1, high=4096)
    learning_rate: float = _option(1e-3, "Highest rate of Adam.", low=1e-7, high=1)
    perceptual: float = _option(1.0, "Weight of what the encoder sees beside the pixels.", high=1000)
    seed: int = _option(0, "Seed of everything random.", high=2**31)

    def __post_init__(self) -> None:
        _check(self)
        if self.size % 2:
            raise InputError(f"--size {self.size}: expected an even number, half of it is the small crop")
