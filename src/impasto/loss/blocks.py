"""The exact gradient of an objective, block by block: memory is one block, whatever the picture's size.

For a statistic that is a mean over places, ``dL/dF`` at a place needs only ``dL/dG``. So the first pass sums the
statistics of all blocks and keeps nothing else; then ``dL/dG`` is known; the second pass encodes each block again and
sends ``dL/dG`` and its own part of the content loss back through it alone (Galerne et al., EGSR 2024).

A statistic that is no mean, as a histogram, needs the whole map at once. Then the first pass keeps the maps of its layers,
though not what lies between them, and ``dL/dF`` takes their place; the second pass sends it back the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.objective import Objective
from impasto.loss.terms import ClassicContent, ClassicStyle, Losses, Match, Style
from impasto.runtime import LARGE, give_back
from impasto.see import tiling

__all__ = ["BlockObjective", "Known"]

_Add = Callable[[str, Tensor], None]
_Mean = Style | ClassicStyle


@dataclass(frozen=True)
class BlockObjective:
    """Called as ``Objective`` is; equal to it, to rounding, in value and gradient. ``size`` is a block's side."""

    objective: Objective
    size: int

    def __call__(self, image: Tensor) -> Losses:
        pixels = tuple(term for term in self.objective.terms if term.layer == "pixels")
        whole = Objective(self.objective.encoder, pixels)  # pixels alone cost no maps
        grad: Tensor | None = None
        if image.requires_grad:
            # The losses on pixels first, and gone back through at once: what they keep for it does not lie beside the maps
            # of the blocks, and their gradient is the one that the blocks add to. A second one is 770 MB at 64 megapixels.
            leaf = image.detach().requires_grad_()
            plain = whole(leaf)
            grad = torch.autograd.grad(plain.total, leaf)[0] if pixels else torch.zeros_like(leaf)
        else:
            plain = whole(image)
        parts = self._seen(image.detach(), grad)
        total = plain.total.detach() + sum(parts.values(), torch.zeros((), device=image.device))
        return Losses(total if grad is None else Known.apply(image, total, grad), {**parts, **plain.parts})

    def _seen(self, image: Tensor, grad: Tensor | None) -> dict[str, Tensor]:
        """The terms on the encoder's layers, weighted; the gradient of their sum is added to ``grad``."""
        encoder = self.objective.encoder
        terms = [term for term in self.objective.terms if term.layer != "pixels"]
        if not terms:
            return {}
        with_grad = grad is not None
        means = [term for term in terms if isinstance(term, _Mean) and term.statistic.sums]
        wholes = [term for term in terms if isinstance(term, Style) and not term.statistic.sums]
        maps_wanted = [term for term in terms if isinstance(term, (Match, ClassicContent))]
        if len(means) + len(wholes) + len(maps_wanted) < len(terms):
            raise InputError("a loss of this kind cannot be seen in blocks: try a smaller --size, or --block 20000")
        parts: dict[str, Tensor] = {}

        def add(name: str, amount: Tensor) -> None:
            parts[name] = parts[name] + amount.detach() if name in parts else amount.detach()

        large = image.shape[2] * image.shape[3] >= LARGE
        slopes = self._slopes(image, means, add)
        map_slopes = self._map_slopes(image, wholes, add)
        grid = tiling.blocks(encoder, image.shape[2], image.shape[3], self.size)
        if large:
            give_back()  # maps without a gradient leave gaps that those with one do not fill
        layers = {term.layer for term in terms}
        for block in grid:
            piece = block.cut(image).clone().requires_grad_(with_grad)
            with torch.set_grad_enabled(with_grad):
                maps = encoder(piece, layers)
                own = {layer: block.trim(maps[layer], encoder.stride(layer)) for layer in layers}
                pull = torch.zeros((), device=image.device)
                for term, slope in zip(means, slopes, strict=True):
                    pull = pull + self._pull(term, slope, own[term.layer], block, image)
                for layer, slope in map_slopes.items():
                    there = block.inner(encoder.stride(layer), *slope.shape[2:])
                    pull = pull + (own[layer] * slope[:, :, there[0], there[1]]).sum()
                for wanted in maps_wanted:
                    stride = encoder.stride(wanted.layer)
                    where = block.inner(stride, *encoder.extent(wanted.layer, image))
                    local = wanted.within(*where)
                    amount = local(own[wanted.layer]) * local.weight
                    add(wanted.name, amount)
                    pull = pull + amount
            if grad is not None and pull.requires_grad:  # else masks leave nothing to say in this block
                (found,) = torch.autograd.grad(pull, piece)
                top, bottom, left, right = block.outer
                grad[:, :, top:bottom, left:right] += found
                del found
            del piece, maps, own, pull  # they would lie beside the next block's
        if large:
            give_back()  # what follows is whole pictures
        return parts

    def _pull(self, term: _Mean, slope: Tensor, own: Tensor, block: tiling.Block, image: Tensor) -> Tensor | float:
        """A block's share of the whole description, times the slope: its gradient is the term's own at the block."""
        stride = self.objective.encoder.stride(term.layer)
        mask = term.mask if isinstance(term, Style) else None
        part = tiling.own_mask(mask, block, stride)
        if mask is None or part is None:
            share = own.shape[2] * own.shape[3] / math.prod(self.objective.encoder.extent(term.layer, image))
        else:
            share = float(part.sum() / mask.sum().clamp_min(1e-30))
        return (term.statistic.describe(own, part) * slope).sum() * share if share else 0.0

    def _slopes(self, image: Tensor, means: Sequence[Any], add: _Add) -> list[Tensor]:
        """Pass one: every style term's value, and its gradient by the description of the whole picture."""
        wanted = [(term.layer, term.statistic, getattr(term, "mask", None)) for term in means]
        slopes = []
        if wanted:
            for term, found in zip(
                means, tiling.describe_each(self.objective.encoder, image, wanted, self.size), strict=True
            ):
                with torch.enable_grad():
                    whole = found.detach().requires_grad_()
                    value = term.compare(whole) * term.weight
                    (slope,) = torch.autograd.grad(value, whole)
                add(term.name, value)
                slopes.append(slope)
        return slopes

    def _map_slopes(self, image: Tensor, wholes: Sequence[Style], add: _Add) -> dict[str, Tensor]:
        """Pass one of statistics that are no means: their values, and the gradient by the whole map of each layer."""
        layers = list(dict.fromkeys(term.layer for term in wholes))
        if not layers:
            return {}
        found = tiling.encode(self.objective.encoder, image, layers, self.size)
        for layer in layers:
            whole = found[layer].requires_grad_()
            slope: Tensor | None = None
            for term in (term for term in wholes if term.layer == layer):
                # Gone back through one by one: what each keeps for it is as large as the map, and regions are many.
                with torch.enable_grad():
                    value = term(whole) * term.weight
                    (own,) = torch.autograd.grad(value, whole)
                add(term.name, value)
                slope = own if slope is None else slope.add_(own)
                del own, value
            assert slope is not None
            found[layer] = slope  # the map itself is not needed again
            del whole, slope
        return found


class Known(torch.autograd.Function):
    """A value whose gradient is already known. It is handed on as it is: one way back is all that a step takes."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, value: Tensor, grad: Tensor) -> Tensor:
        ctx.grad = grad
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        grad, ctx.grad = ctx.grad, None
        return grad.mul_(upstream), None, None
