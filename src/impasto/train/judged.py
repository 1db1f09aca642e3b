"""Paintings made with a student, judged by its teacher: does the student paint, or only score?

Every distance is relative: 0 is the target itself, about 1 has nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from impasto.judge.card import Judge
from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import finish
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder

__all__ = ["judge", "mean_of", "paint"]


def paint(encoder: Encoder, content: Tensor, style: Tensor, recipe: Recipe) -> Tensor:
    """``content`` ``(1, 3, H, W)`` painted in the manner of ``style`` as ``recipe`` says."""
    return finish(OptimisePainter(StyleTargets(encoder, [StyleImage(style)], recipe), recipe).paint(content))


def judge(result: Tensor, content: Tensor, style: Tensor, teacher: Encoder, *, size: int) -> dict[str, float]:
    """What the teacher says of a painting ``result``, all three pictures ``(1, 3, H, W)`` at ``size`` pixels.

    The four figures of ``Judge.distances``: style, held, content and chroma noise. A layer that the teacher lacks is left
    out. A teacher that repeats the border, as for painting, says up to 2 % other figures than one from ``load_judge``.
    """
    return Judge(content, style, teacher, size=size).distances(result)


def mean_of(judged: list[Mapping[str, float]]) -> dict[str, float]:
    """The mean of several judgements, name by name."""
    return {name: round(sum(one[name] for one in judged) / len(judged), 4) for name in (judged[0] if judged else {})}
