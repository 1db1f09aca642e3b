"""What counts where: the weights of a picture's regions, and of a painting's opaque places, at the layers of an encoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.media.image import resize
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.guide import GuideEncoder

__all__ = ["Guides", "guide", "opaque_places"]

_FAINT = 1e-3  # a place with less weight than this is not read: it would cost as much as any


@dataclass(frozen=True)
class Guides:
    """Regions at every layer: their ``weights`` ``(1, R, h, w)``, and how clearly each shows there, ``(R,)``, 0..1."""

    weights: dict[str, Tensor]
    clear: dict[str, list[float]]

    def of(self, region: int) -> dict[str, Tensor]:
        """The weights of one region, ``(1, 1, h, w)``."""
        return {layer: weight[:, region : region + 1] for layer, weight in self.weights.items()}


@torch.no_grad()
def guide(encoder: Encoder, regions: Tensor, layers: Iterable[str], block: int) -> Guides:
    """The weights of regions ``(1, R, H, W)``, 0..1, at ``layers``.

    A place counts for the region that it lies in, by how much of what it sees lies there too: what looks over a border
    says little about either side. The mean weight of a region is its share of the picture. It shows clearly where its
    places see little else: a thin one does at the first layers alone.
    """
    weights, clear = tiling.encode(GuideEncoder(encoder), regions, layers, block), {}
    for layer, seen in weights.items():
        there = encoder.averaged(regions, layer)
        weight = torch.where(seen * there < _FAINT, 0.0, seen * there)
        covered, held = there.mean((2, 3), keepdim=True), weight.mean((2, 3), keepdim=True)
        clear[layer] = (held / covered.clamp_min(1e-12)).flatten().tolist()
        weights[layer] = weight * (covered / held.clamp_min(1e-12))
    return Guides(weights, clear)


def opaque_places(encoder: Encoder, alpha: Tensor | None, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """How far each place of a painting ``image`` is opaque, ``{layer: (1, 1, h, w)}``; nothing where all of it is."""
    if alpha is None:
        return {}
    alpha, found = resize(alpha, max(image.shape[2:])).to(image.device), {}
    for layer in layers:
        # A place counts as far as its patch of the painting is opaque.
        found[layer] = encoder.averaged(alpha, layer).clamp(0, 1)
    return found
