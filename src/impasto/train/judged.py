"""Paintings made with a student, judged by its teacher: does the student paint, or only score?

Every distance is relative: 0 is the target itself, about 1 has nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.media.image import resize, resize_to
from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import finish
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.see.stats import gram

__all__ = ["CONTENT", "HELD", "STYLE", "judge", "paint"]

STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
# Layers that the usual style loss does not descend on: a picture that only fools the others shows here.
HELD = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT = "relu4_2"


def paint(encoder: Encoder, content: Tensor, style: Tensor, recipe: Recipe) -> Tensor:
    """``content`` ``(1, 3, H, W)`` painted in the manner of ``style`` as ``recipe`` says."""
    return finish(OptimisePainter(StyleTargets(encoder, [StyleImage(style)], recipe), recipe).paint(content))


@torch.no_grad()
def judge(result: Tensor, content: Tensor, style: Tensor, teacher: Encoder, *, size: int) -> dict[str, float]:
    """What the teacher says of a painting ``result``, all three pictures ``(1, 3, H, W)`` at ``size`` pixels.

    ``style`` is the mean relative Gram distance at the layers that are descended on, ``held`` at layers that are not,
    ``content`` the relative distance of maps at relu4_2, ``chroma_noise`` how much the colours of neighbours differ,
    relative to the painting: well above 1 is colour noise that a person sees. A layer that the teacher lacks is left
    out.
    """
    content, style = resize(content, size), resize(style, size)
    result = resize_to(result, *content.shape[2:])
    offered = {layer.name for layer in teacher.layers}
    wanted = [name for name in (*STYLE, *HELD, CONTENT) if name in offered]
    if not wanted:
        raise InputError(f"the teacher {teacher.name!r} offers none of the layers that a painting is judged by")
    r, c, s = (teacher(image, wanted) for image in (result, content, style))
    out = {}
    for name, layers in (("style", STYLE), ("held", HELD)):
        if found := [_relative(gram(r[k]), gram(s[k])) for k in layers if k in offered]:
            out[name] = sum(found) / len(found)
    if CONTENT in offered:
        out["content"] = _relative(r[CONTENT], c[CONTENT])
    out["chroma_noise"] = _chroma_grain(result) / max(_chroma_grain(style), 1e-9)
    return {name: round(value, 4) for name, value in out.items()}


def mean_of(judged: list[Mapping[str, float]]) -> dict[str, float]:
    """The mean of several judgements, name by name."""
    return {name: round(sum(one[name] for one in judged) / len(judged), 4) for name in (judged[0] if judged else {})}


def _relative(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).float().square().sum() / wanted.float().square().sum().clamp_min(1e-12))


def _chroma_grain(image: Tensor) -> float:
    """Mean absolute difference between neighbours in the two chroma channels (BT.601)."""
    r, g, b = image[0]
    chroma = torch.stack([-0.169 * r - 0.331 * g + 0.5 * b, 0.5 * r - 0.419 * g - 0.081 * b])
    return float(chroma.diff(dim=1).abs().mean() + chroma.diff(dim=2).abs().mean())
