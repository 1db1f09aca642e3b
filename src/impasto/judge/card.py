"""The report card of a painting: every measure at once, beside two honest references.

The references are the photograph as it is and the painting pasted over it: a score that can be won by doing nothing, or
by copying, is seen to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.judge.measures import (
    chroma_grain,
    colour_distance,
    gram_distance,
    map_distance,
    similarity_distance,
    structural_similarity,
    wasserstein_distance,
)
from impasto.judge.seams import seam
from impasto.media.image import resize, resize_to, sized
from impasto.see.encoder import ChainEncoder, Encoder, Features
from impasto.see.known import KNOWN

__all__ = ["CONTENT", "HELD", "PUBLISHED", "SIMILARITY", "STYLE", "Card", "Judge", "report_card"]

STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
# Layers that the usual style loss does not descend on: a picture that only fools the others shows here.
HELD = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT = "relu4_2"
SIMILARITY = "relu3_1"
PUBLISHED = tuple(item.name for item in KNOWN)  # the nets that others judge by

_SIMILAR_AT = 256  # pixels: the self-similarities of 512 would be a matrix of a gigabyte
_COLOURS_AT = 150  # pixels, as in HistoGAN
_SMALLEST = 16  # pixels on the shorter side: relu5_1 sees nothing smaller
_STRETCH = 0.02  # of the shorter side: what rounding to whole pixels, or a crop of a few, may do


@dataclass(frozen=True)
class Card:
    """What ``encoder`` says of a picture at ``size`` pixels; None where it lacks the layer.

    ``style``, ``held`` (other layers) and ``wasserstein`` are means over ``layers``, ``content`` is at relu4_2, ``cfsd`` at
    relu3_1; these, ``colour`` and, as it should be, ``1 - ssim`` are 0 for the target itself. ``chroma_noise`` is relative
    to the style, ``seam`` to what is beside it: about 1 is good, above it is worse. ``references`` holds the cards of
    the content unchanged and of the style pasted; ``notes`` are sentences on what to bear in mind.
    """

    encoder: str
    size: int
    style: float | None
    held: float | None
    wasserstein: float | None
    content: float | None
    cfsd: float | None
    ssim: float
    colour: float
    chroma_noise: float
    seam: float
    layers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # "gram" and "wasserstein", by layer
    references: Mapping[str, Card] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in order; figures to six places."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            out[item.name] = round(value, 6) if isinstance(value, float) else value
        out["layers"] = {
            kind: {name: round(value, 6) for name, value in found.items()} for kind, found in self.layers.items()
        }
        out["references"] = {name: card.as_dict() for name, card in self.references.items()}
        out["notes"] = list(self.notes)
        return out


class Judge:
    """An encoder that has looked at a content and a style, each ``(1, 3, H, W)``, 0..1, at ``size`` pixels.

    It can judge any number of results after one look. The encoder should compute in float32. Raises ``InputError`` where
    it offers none of the layers to judge by, or the content is too thin to be seen at ``size``.
    """

    @torch.no_grad()
    def __init__(self, content: Tensor, style: Tensor, encoder: Encoder, *, size: int = 512) -> None:
        self.encoder, self.size = encoder, size
        self.offered = {layer.name for layer in encoder.layers}
        self.layers = tuple(name for name in dict.fromkeys((*STYLE, *HELD, CONTENT)) if name in self.offered)
        if not self.layers:
            raise InputError(f"the judge {encoder.name!r} offers none of the layers that a painting is judged by")
        _check_seen(content, size)
        device = next(encoder.parameters()).device
        self.given = (content, style)
        self.content = resize(content, size).to(device)
        thin = _SMALLEST / min(sized(style.shape[2], style.shape[3], size))  # a painting like a ribbon is seen larger
        self.style = resize(style, round(size * max(1.0, thin))).to(device)
        self._content = encoder(self.content, [CONTENT]) if CONTENT in self.offered else {}
        self._style = encoder(self.style, [name for name in self.layers if name in (*STYLE, *HELD)])

    @cached_property
    def _similar(self) -> Tensor | None:
        return self._similarity(self.content)

    def distances(self, result: Tensor) -> dict[str, float]:
        """The four figures that cost one look: style, held, content and chroma noise, to four places.

        ``result`` is ``(1, 3, H, W)``, whatever its size: it is brought to the content's.
        """
        image = resize_to(result, *self.content.shape[2:]).to(self.content)
        maps = self._look(image)
        found = {name: _mean(self._grams(maps, layers).values()) for name, layers in (("style", STYLE), ("held", HELD))}
        if CONTENT in maps:
            found["content"] = map_distance(maps[CONTENT], self._content[CONTENT])
        found["chroma_noise"] = self._chroma_noise(image)
        return {name: round(value, 4) for name, value in found.items() if value is not None}

    def card(self, result: Tensor, *, block: int = 0, references: bool = True) -> Card:
        """Every measure of ``result`` ``(1, 3, H, W)``, 0..1, with those of both references unless told not to.

        ``block`` is the side of the tiles that it was made of, for ``seam``. Raises ``InputError`` where its proportions
        are not the content's.
        """
        _check_alike(result, self.content)
        others: dict[str, Card] = {}
        if references:
            for name, given in zip(("content unchanged", "style pasted"), self.given, strict=True):
                # Seams are looked for in the picture's own pixels; so the references get as many.
                others[name] = self._card(given, resize_to(given, *result.shape[2:]), block)
        return self._card(result, result, block, others, self._notes())

    def _card(
        self,
        given: Tensor,
        own: Tensor,
        block: int,
        references: Mapping[str, Card] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Card:
        image = resize_to(given, *self.content.shape[2:]).to(self.content)
        maps = self._look(image)
        grams = self._grams(maps, (*STYLE, *HELD))
        spreads = {
            name: wasserstein_distance(maps[name], self._style[name])
            for name in STYLE
            if name in maps and name in self._style
        }
        own_similar, similar = self._similarity(image), self._similar
        return Card(
            encoder=self.encoder.name,
            size=self.size,
            style=_mean(grams[name] for name in STYLE if name in grams),
            held=_mean(grams[name] for name in HELD if name in grams),
            wasserstein=_mean(spreads.values()),
            content=map_distance(maps[CONTENT], self._content[CONTENT]) if CONTENT in maps else None,
            cfsd=None if own_similar is None or similar is None else similarity_distance(own_similar, similar),
            ssim=structural_similarity(image, self.content),
            colour=colour_distance(*(resize(x, min(_COLOURS_AT, max(x.shape[2:]))) for x in (image, self.style))),
            chroma_noise=self._chroma_noise(image),
            seam=seam(own, block),
            layers={"gram": grams, "wasserstein": spreads},
            references=references or {},
            notes=notes,
        )

    @torch.no_grad()
    def _look(self, image: Tensor) -> Features:
        maps: Features = self.encoder(image, self.layers)
        return maps

    @torch.no_grad()
    def _similarity(self, image: Tensor) -> Tensor | None:
        if SIMILARITY not in self.offered:
            return None
        small = resize(image, min(_SIMILAR_AT, max(image.shape[2:])))
        found: Tensor = self.encoder(small, [SIMILARITY])[SIMILARITY]
        return found

    def _grams(self, maps: Features, layers: Iterable[str]) -> dict[str, float]:
        return {name: gram_distance(maps[name], self._style[name]) for name in layers if name in self._style}

    def _chroma_noise(self, image: Tensor) -> float:
        return chroma_grain(image) / max(chroma_grain(self.style), 1e-9)

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.encoder.name not in PUBLISHED:
            notes.append(
                f"judged by {self.encoder.name}, not by a VGG-19: a picture that was painted through the same encoder "
                "has descended on what it is judged by (impasto models fetch vgg19-caffe gets the usual judge)"
            )
        elif isinstance(self.encoder, ChainEncoder) and self.encoder.edge == "repeat":
            notes.append(
                "beyond the border its first convolution sees the border again, where the published net sees the mean: "
                "figures are up to 2 % from those that others find (load_judge loads it as published)"
            )
        if lacking := [name for name in (*STYLE, *HELD, CONTENT) if name not in self.offered]:
            notes.append(f"{self.encoder.name} offers no {', '.join(lacking)}: left out")
        return tuple(notes)


def report_card(
    result: Tensor,
    content: Tensor,
    style: Tensor,
    encoder: Encoder,
    *,
    size: int = 512,
    block: int = 0,
    references: bool = True,
) -> Card:
    """The card of ``result``, painted from ``content`` in the manner of ``style``; all ``(1, 3, H, W)``, sRGB, 0..1.

    For several results of the same two pictures make one ``Judge`` and ask it for each ``card``.
    """
    return Judge(content, style, encoder, size=size).card(result, block=block, references=references)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _check_seen(content: Tensor, size: int) -> None:
    height, width = content.shape[2:]
    if min(sized(height, width, size)) < _SMALLEST:
        least = -(-_SMALLEST * max(height, width) // min(height, width))
        raise InputError(
            f"a content of {width}×{height} at --size {size} is under {_SMALLEST} pixels on its shorter side: "
            f"choose --size {least} or more, or crop it"
        )


def _check_alike(result: Tensor, content: Tensor) -> None:
    """A stretched picture would be judged for being stretched."""
    (height, width), (tall, wide) = result.shape[2:], content.shape[2:]
    # What the result's shorter side would be at the content's size, against what it is to be.
    fitted = (height * wide / width, wide) if wide >= tall else (tall, width * tall / height)
    off = max(abs(fitted[0] - tall), abs(fitted[1] - wide))
    if off > max(1.5, _STRETCH * min(tall, wide)):
        raise InputError(
            f"the result is {width}×{height} and the content has the proportions of {wide}×{tall}: expected the same; "
            "crop one of them, or give the content that it was painted from"
        )
