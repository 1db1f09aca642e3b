"""The exact gradient of an objective, block by block: memory is one block, whatever the picture's size.

For a statistic that is a mean over places, ``dL/dF`` at a place needs only ``dL/dG``. So the first pass sums the
statistics of all blocks and keeps nothing else; then ``dL/dG`` is known; the second pass encodes each block again and
sends ``dL/dG`` and its own part of the content loss back through it alone (Galerne et al., EGSR 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.objective import Objective
from impasto.loss.terms import ClassicContent, ClassicStyle, Losses, Match, Style
from impasto.see import tiling

__all__ = ["BlockObjective"]


@dataclass(frozen=True)
class BlockObjective:
    """Called as ``Objective`` is; equal to it, to rounding, in value and gradient. ``size`` is a block's side."""

    objective: Objective
    size: int

    def __call__(self, image: Tensor) -> Losses:
        parts, grad = self._seen(image.detach(), image.requires_grad)
        value = torch.stack(list(parts.values())).sum() if parts else torch.zeros((), device=image.device)
        pixels = tuple(term for term in self.objective.terms if term.layer == "pixels")
        whole = Objective(self.objective.encoder, pixels)  # pixels alone cost no maps
        if grad is None:
            plain = whole(image)
            return Losses(plain.total + value, {**parts, **plain.parts})
        # Gone back through at once: what they keep for it must not lie beside the maps of the blocks.
        leaf = image.detach().requires_grad_()
        plain = whole(leaf)
        total = plain.total + _Known.apply(leaf, value, grad)
        (grad,) = torch.autograd.grad(total, leaf)
        return Losses(_Known.apply(image, total.detach(), grad), {**parts, **plain.parts})

    def _seen(self, image: Tensor, with_grad: bool) -> tuple[dict[str, Tensor], Tensor | None]:
        """The terms on the encoder's layers, weighted, and the gradient of their sum."""
        encoder = self.objective.encoder
        terms = [term for term in self.objective.terms if term.layer != "pixels"]
        if not terms:
            return {}, None
        styles = [term for term in terms if isinstance(term, (Style, ClassicStyle))]
        maps_wanted = [term for term in terms if isinstance(term, (Match, ClassicContent))]
        if len(styles) + len(maps_wanted) < len(terms):
            raise InputError("a loss of this kind cannot be seen in blocks: try a smaller --size, or --block 20000")
        parts: dict[str, Tensor] = {}

        def add(name: str, amount: Tensor) -> None:
            parts[name] = parts[name] + amount.detach() if name in parts else amount.detach()

        slopes = self._slopes(image, styles, add)
        grid = tiling.blocks(encoder, image.shape[2], image.shape[3], self.size)
        grad = torch.zeros_like(image)
        layers = {term.layer for term in terms}
        for block in grid:
            piece = block.cut(image).clone().requires_grad_(with_grad)
            with torch.set_grad_enabled(with_grad):
                maps = encoder(piece, layers)
                pull = torch.zeros((), device=image.device)
                for term, slope in zip(styles, slopes, strict=True):
                    stride = encoder.stride(term.layer)
                    own = block.trim(maps[term.layer], stride)
                    places = (image.shape[2] // stride) * (image.shape[3] // stride)
                    mask = getattr(term, "mask", None)
                    part = tiling.own_mask(mask, block, stride)
                    share = own.shape[2] * own.shape[3] / places
                    if mask is not None and part is not None:
                        share = float(part.sum() / mask.sum().clamp_min(1e-8))
                    pull = pull + (term.statistic.describe(own, part) * slope).sum() * share
                for wanted in maps_wanted:
                    stride = encoder.stride(wanted.layer)
                    where = block.inner(stride, image.shape[2] // stride, image.shape[3] // stride)
                    local = wanted.within(*where)
                    amount = local(block.trim(maps[wanted.layer], stride)) * local.weight
                    add(wanted.name, amount)
                    pull = pull + amount
            if with_grad:
                (found,) = torch.autograd.grad(pull, piece)
                top, bottom, left, right = block.outer
                grad[:, :, top:bottom, left:right] += found
        return parts, grad if with_grad else None

    def _slopes(self, image: Tensor, styles: Sequence[Any], add: Any) -> list[Tensor]:
        """Pass one: every style term's value, and its gradient by the description of the whole picture."""
        slopes = []
        by_statistic: dict[tuple[int, bool], dict[str, Tensor]] = {}
        for term in styles:
            masked = getattr(term, "mask", None) is not None
            key = (id(term.statistic), masked)
            if key not in by_statistic:
                same = [
                    t
                    for t in styles
                    if t.statistic is term.statistic and (getattr(t, "mask", None) is not None) == masked
                ]
                masks = {t.layer: t.mask for t in same if masked}
                by_statistic[key] = tiling.describe(
                    self.objective.encoder, image, {t.layer for t in same}, term.statistic, self.size, masks
                )
            with torch.enable_grad():
                whole = by_statistic[key][term.layer].detach().requires_grad_()
                value = term.compare(whole) * term.weight
                (slope,) = torch.autograd.grad(value, whole)
            add(term.name, value)
            slopes.append(slope)
        return slopes


class _Known(torch.autograd.Function):
    """A value whose gradient is already known. It is handed on as it is: one way back is all that a step takes."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, value: Tensor, grad: Tensor) -> Tensor:
        ctx.grad = grad
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        grad, ctx.grad = ctx.grad, None
        return grad.mul_(upstream), None, None
