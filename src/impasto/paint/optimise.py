"""Painting by optimisation, coarse to fine: Gatys et al. 2016 on a ladder of sizes.

Large strokes form at 64 and 128 px, where a step costs almost nothing; the last size only adds grain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.loss.terms import ClassicContent, ClassicSmooth, Grain, Grey, Losses, Match, Smooth, Term
from impasto.media.image import resize
from impasto.paint.canvas import Average, PixelCanvas, carry_moments, resized
from impasto.paint.descend import descend
from impasto.paint.painter import Anchor, Progress
from impasto.paint.shelf import kept
from impasto.paint.targets import StyleTargets
from impasto.recipe import PRESETS, Recipe
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.layers import layer_weights

__all__ = ["OptimisePainter", "Start", "Weights", "ladder", "smallest", "weights_of"]

_SHORT = 32  # the shorter side never goes below: relu5_1 of VGG-19 sees nothing smaller than 16 pixels


@dataclass(frozen=True)
class Weights:
    """The two weights that a strength, or explicit weights, come to."""

    content: float
    style: float


@dataclass(frozen=True)
class Start:
    """Where the coarser sizes ended: the picture ``(1, 3, H, W)``, 0..1, and the optimiser with its moments."""

    image: Tensor
    optimizer: torch.optim.Optimizer


def weights_of(recipe: Recipe, balance: float = 1.0) -> Weights:
    """Content and style weight of a recipe; ``balance`` is the encoder's own content factor.

    The dial: ``content = 0.2 ((100 - s) / s)^1.5`` at style 1, so 50 is 0.2, measured as balanced on VGG-19; 0 is the
    photograph alone and 100 the painting alone. Since both losses are relative, a number means the same at any size
    and for any style.
    """
    if recipe.losses == "classic":
        return Weights(
            recipe.content_weight if recipe.content_weight >= 0 else 5.0,
            recipe.style_weight if recipe.style_weight >= 0 else 100.0,
        )
    s = recipe.strength
    content, style = (1.0, 0.0) if s == 0 else (0.2 * ((100 - s) / s) ** 1.5 * balance, 1.0)
    return Weights(
        recipe.content_weight if recipe.content_weight >= 0 else content,
        recipe.style_weight if recipe.style_weight >= 0 else style,
    )


def smallest(height: int, width: int) -> int:
    """The least size at which a picture of ``height`` × ``width`` can be seen."""
    return math.ceil(_SHORT / (min(height, width) / max(height, width)))


def ladder(recipe: Recipe, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """``(size, steps)`` from coarse to fine, doubling to the recipe's size, for a content of ``height`` × ``width``.

    Raises ``InputError`` where the picture is too thin to be seen at the final size.
    """
    shape = min(height, width) / max(height, width)
    if recipe.size < smallest(height, width):
        raise InputError(
            f"a picture of {width}×{height} at --size {recipe.size} is under {_SHORT} pixels on its shorter side: "
            f"choose --size {smallest(height, width)} or more, or crop it"
        )
    plan = PRESETS[recipe.quality]
    sizes = [recipe.size]
    while sizes[0] / 2 >= recipe.start_size * 0.75 and sizes[0] / 2 * shape >= _SHORT:
        sizes.insert(0, round(sizes[0] / 2))
    # Above the preset's ladder each size costs four times as much and has less left to do.
    steps = [plan[-1]] * len(sizes)
    for place in range(len(sizes)):
        steps[-1 - place] = plan[-1 - place] if place < len(plan) else plan[0]
    if recipe.steps:
        scale = recipe.steps / plan[-1]
        steps = [max(1, round(count * scale)) for count in steps]
    return tuple(zip(sizes, steps, strict=True))


class OptimisePainter:
    """Paints by descending on the picture itself. ``init`` is a picture to start from, where the recipe names a file.

    ``start`` is where another painting's coarser sizes ended: then only the final size is painted. Where they ended
    here is ``started``, from the first step at the final size on, where there is a shelf to share by.
    """

    def __init__(
        self, targets: StyleTargets, recipe: Recipe, *, init: Tensor | None = None, start: Start | None = None
    ) -> None:
        self.targets, self.recipe, self.init, self.start = targets, recipe, init, start
        self.started: Start | None = None
        self.encoder: Encoder = targets.encoder
        self.weights = weights_of(recipe, self.encoder.balance)
        self.content_layers = layer_weights(
            recipe.content_layers,
            self.encoder,
            self.encoder.content_weights or self.encoder.content_layers,
            "--content-layers",
        )

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """Paint ``content`` ``(1, 3, H, W)``, 0..1; the last progress is the finished picture."""
        recipe = self.recipe
        device = next(self.encoder.parameters()).device
        content = content.to(device)
        rungs = self.rungs(*content.shape[2:])
        start = self.start if len(rungs) > 1 else None  # one size only: there is nothing coarser to go on from
        rungs = rungs if start is None else rungs[-1:]
        steps = sum(count for _, count in rungs)
        work = sum(count * size**2 for size, count in rungs)
        image: Tensor | None = None if start is None else start.image
        optimizer: torch.optim.Optimizer | None = None if start is None else start.optimizer
        before, spent = 0, 0.0
        for size, count in rungs:
            photo = kept(self.targets.shelf, ("photo", size), lambda size=size: resize(content, size), of=(content,))  # type: ignore[misc]
            if self.targets.shelf is not None and size == rungs[-1][0] and image is not None and optimizer is not None:
                self.started = Start(image, optimizer)
            canvas = PixelCanvas(self._start(photo) if image is None else self._carried(image, photo))
            image = None  # a picture that nobody needs any more: at 16 megapixels each takes 190 MB
            objective = self._objective(photo, size, anchors)
            last, optimizer = optimizer, self._optimizer(canvas)
            if last is not None:
                carry_moments(last, optimizer, canvas)
            last = None
            average = Average(recipe.averaging if recipe.optimizer == "adam" else 0.0)

            def after(canvas: PixelCanvas = canvas, average: Average = average) -> None:
                if recipe.optimizer == "adam":
                    # L-BFGS is left alone: a clamp between its steps spoils the curvature that it remembers.
                    canvas.clamp()
                average.add(canvas.pixels)

            def snapshot(canvas: PixelCanvas = canvas, average: Average = average) -> Tensor:
                seen = average.image()
                return (canvas.pixels.detach().clamp(0, 1).clone() if seen is None else seen).cpu()

            for step in descend(lambda c=canvas, o=objective: o(c()), optimizer, count, after=after):  # type: ignore[misc]
                losses = {name: float(value) for name, value in step.losses.parts.items()}
                losses["total"] = float(step.losses.total)
                done = (spent + step.index * size**2) / work
                yield Progress(before + step.index, steps, size, losses, snapshot, done, step.note)
            image = snapshot().to(device)
            before += count
            spent += count * size**2

    @torch.no_grad()
    def losses(self, content: Tensor, image: Tensor) -> dict[str, float]:
        """The weighted losses of a finished picture ``image``, ``(1, 3, H, W)``, 0..1, of ``content``."""
        device = next(self.encoder.parameters()).device
        image = image.to(device)
        objective = OptimisePainter._objective(self, resized(content.to(device), image), max(image.shape[2:]), ())
        return {name: float(value) for name, value in objective(image).parts.items()}

    def called(self, size: int) -> str:
        """How a person asks for a picture of ``size``, for messages: the value of --size."""
        return f"{size}"

    def under(self, recipe: Recipe) -> OptimisePainter:
        """The same encoder and paintings under another recipe."""
        return OptimisePainter(StyleTargets(self.encoder, self.targets.styles, recipe), recipe, init=self.init)

    def rungs(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """The ``ladder`` that a content of ``height`` × ``width`` is painted on."""
        rungs = ladder(self.recipe, height, width)
        if not self.weights.style and self.init is None and self.recipe.init == "content":
            return rungs[-1:]  # the photograph alone is wanted and is there: coarser sizes could only blur it
        return rungs

    def terms(self, photo: Tensor, size: int, anchors: Sequence[Anchor] = ()) -> tuple[Term, ...]:
        """All that is wanted of the picture at ``size``: content, style, smoothness, brightness, anchors."""
        recipe, classic = self.recipe, self.recipe.losses == "classic"
        terms: list[Term] = []
        if self.weights.style:
            terms += self.targets.terms(size, self.weights.style)
        if self.weights.content:
            block = self.targets.block(*photo.shape[2:])
            maps = kept(
                self.targets.shelf,
                ("maps", *self.content_layers, block),
                lambda: tiling.encode(self.encoder, photo, self.content_layers, block),
                of=(self.encoder, photo),
            )
            for layer, share in self.content_layers.items():
                weight = self.weights.content * share
                target = maps[layer]
                if classic:
                    terms.append(ClassicContent(layer, target, weight * len(self.content_layers)))
                else:
                    terms.append(Match(layer, target, weight))
        if recipe.tv_weight:
            terms.append(ClassicSmooth(recipe.tv_weight) if classic else Smooth(recipe.tv_weight))
        if recipe.grain_weight and self.weights.style and not classic:
            terms.append(Grain(self.targets.grain(size), recipe.grain_weight))
        if recipe.grey_weight:
            terms.append(Grey(photo.mean(), recipe.grey_weight))
        for anchor in anchors:
            target, mask = resized(anchor.image, photo), resized(anchor.mask, photo)
            terms.append(Match("pixels", target, 1.0, mask, "temporal"))
        if not terms:
            raise InputError("all weights are zero: nothing is wanted of the picture")
        return tuple(terms)

    def _objective(self, photo: Tensor, size: int, anchors: Sequence[Anchor]) -> Callable[[Tensor], Losses]:
        """The whole picture at once, or block by block where its maps would not fit."""
        objective = Objective(self.encoder, self.terms(photo, size, anchors))
        block = self.targets.block(*photo.shape[2:])
        return BlockObjective(objective, block) if block else objective

    def _carried(self, image: Tensor, photo: Tensor) -> Tensor:
        """The picture of the last size at the size of ``photo``."""
        return resized(image, photo)

    def _start(self, photo: Tensor) -> Tensor:
        recipe = self.recipe
        if self.init is not None:
            return resized(self.init.to(photo), photo)
        if recipe.init == "noise":
            random = torch.Generator().manual_seed(recipe.seed)
            noise = torch.randn(photo.shape, generator=random).to(photo)
            return (recipe.noise_mean + recipe.noise_std * noise).clamp(0, 1)
        if recipe.init == "style":
            return resized(self.targets.styles[0].image.to(photo), photo)
        return photo

    def _optimizer(self, canvas: PixelCanvas) -> torch.optim.Optimizer:
        recipe = self.recipe
        if recipe.optimizer == "lbfgs":
            # Without a line search it stalls or explodes (measured): strong Wolfe only.
            return torch.optim.LBFGS(
                canvas.parameters(),
                lr=recipe.learning_rate or 1.0,
                max_iter=1,
                max_eval=25,
                history_size=100,
                line_search_fn="strong_wolfe",
                tolerance_grad=0.0,
                tolerance_change=0.0,
            )
        return torch.optim.Adam(canvas.parameters(), lr=recipe.learning_rate or 0.03, betas=(0.9, 0.99), fused=True)
