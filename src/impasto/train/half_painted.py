"""Half-painted pictures: what an encoder will see, and must not be blind to."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.see.encoder import Encoder
from impasto.see.stats import gram

__all__ = ["paint_halfway", "piece"]

_SMALLEST = 16  # pixels a side that every layer can still see


def paint_halfway(encoder: Encoder, content: Tensor, style: Tensor, random: torch.Generator) -> list[Tensor]:
    """``content`` and ``style`` ``(B, 3, S, S)``, 0..1, painted through ``encoder``; snapshots on the way at the last size.

    ``(3, 3, H, W)`` uint8 each: the picture, the painting it takes after, and the photograph.
    """

    def number(low: float, high: float) -> float:
        return math.exp(math.log(low) + (math.log(high) - math.log(low)) * float(torch.rand((), generator=random)))

    kept: list[Tensor] = []
    image: Tensor | None = None
    weight = number(0.02, 0.6)
    last = content.shape[-1]
    for size, steps in ((last // 4, 24), (last // 2, 24), (last, 30)):
        if size < _SMALLEST and size < last:
            continue
        c, s = (F.interpolate(x, (size, size), mode="bilinear", antialias=True) for x in (content, style))
        if image is None:
            image = c if torch.rand((), generator=random) < 0.7 else torch.rand(c.shape, generator=random).to(c)
        else:
            image = F.interpolate(image, (size, size), mode="bicubic", align_corners=False)
        image = image.clamp(0, 1).detach().requires_grad_()
        with torch.no_grad():
            there = encoder(c, ["relu4_2"])["relu4_2"].float()
            grams = {k: gram(v) for k, v in encoder(s, encoder.style_layers).items()}
        adam = torch.optim.Adam([image], lr=number(0.015, 0.06), betas=(0.9, 0.99))
        marks = set(torch.randint(2, steps, (3,), generator=random).tolist()) | {steps - 1}
        for step in range(steps):
            maps = encoder(image, (*encoder.style_layers, "relu4_2"))
            loss = weight * _relative(maps["relu4_2"].float(), there)
            for layer, target in grams.items():
                loss = loss + _relative(gram(maps[layer]), target) / len(grams)
            adam.zero_grad()
            loss.backward()
            adam.step()
            with torch.no_grad():
                image.clamp_(0, 1)
            if size == last and step in marks:
                seen = torch.stack([image.detach(), s, c], 1)
                kept += list((seen * 255).round().to(torch.uint8))
    return kept


def piece(image: Tensor, side: int, random: torch.Generator) -> Tensor:
    """A random square of ``side`` pixels out of a square ``image`` ``(…, S, S)``."""
    top, left = (int(torch.randint(image.shape[-1] - side + 1, (), generator=random)) for _ in range(2))
    return image[..., top : top + side, left : left + side]


def _relative(a: Tensor, b: Tensor) -> Tensor:
    """Each picture's squared error over its target's size, summed over the batch."""
    return ((a - b).square().flatten(1).sum(1) / b.square().flatten(1).sum(1).clamp_min(1e-12)).sum()
