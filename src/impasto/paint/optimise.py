"""Painting by optimisation, coarse to fine: Gatys et al. 2016 on a ladder of sizes.

Large strokes form at 64 and 128 px, where a step costs almost nothing; the last size only adds grain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Mirrored, Objective
from impasto.loss.octaves import Octave, Octaves
from impasto.loss.terms import (
    ClassicContent,
    ClassicSmooth,
    Grain,
    Grey,
    Laplacian,
    Losses,
    Match,
    Smooth,
    Temporal,
    Term,
)
from impasto.media.image import resize, resize_to, sized
from impasto.paint.adam import Adam
from impasto.paint.canvas import Average, Brake, PixelCanvas, carry_moments, enlarged, resized
from impasto.paint.descend import descend
from impasto.paint.octave import OCTAVE, has_octaves
from impasto.paint.painter import Anchor, Progress, Start
from impasto.paint.protect import ProtectedCanvas, around
from impasto.paint.regions import fit_regions, region_colours, weight_maps
from impasto.paint.shelf import kept
from impasto.paint.targets import StyleTargets
from impasto.paint.thrift import LARGE, is_large
from impasto.recipe import PRESETS, Recipe
from impasto.runtime import VAST, WIDE, give_back, handle_freed, has_huge_pages
from impasto.see import tiling
from impasto.see.encoder import Encoder
from impasto.see.guide import GuideEncoder
from impasto.see.layers import layer_weights

__all__ = ["Coarse", "OptimisePainter", "Weights", "ladder", "smallest", "weights_of"]

_LARGE = 1024  # pixels of the longer side up to which a picture moves level by level
_SHORT = 32  # the shorter side never goes below: relu5_1 of VGG-19 sees nothing smaller than 16 pixels
_LEVELS = 8  # at 512 pixels the coarsest is 4×3
# Steps from which on a picture moves level by level, at the final size and at a coarser one. Of 18 at the last, content came
# out at 0.730, not 0.680; behind 16 at a coarser size, what areas overshot is mended at the next.
_PATIENT, _COARSER = 24, 16
_STILL = 10.0  # weight on the pixels of a region of strength 0


@dataclass(frozen=True)
class Weights:
    """The two weights that a strength, or explicit weights, come to."""

    content: float
    style: float


@dataclass(frozen=True)
class Coarse:
    """Where the coarser sizes ended: the picture ``(1, 3, H, W)``, 0..1, and the optimiser with its moments."""

    image: Tensor
    optimizer: Adam | torch.optim.LBFGS


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
    while sizes[0] / 2 >= recipe.first_size * 0.75 and sizes[0] / 2 * shape >= _SHORT:
        sizes.insert(0, round(sizes[0] / 2))
    steps = [plan[-1]] * len(sizes)
    for place in range(len(sizes)):
        steps[-1 - place] = plan[-1 - place] if place < len(plan) else plan[0]
    # Above 512 pixels each costs four times as much and has less left to do: it begins with all that was painted.
    steps = [_eased(count, size, plan[-1]) for count, size in zip(steps, sizes, strict=True)]
    if recipe.init == "noise":
        steps = [2 * count for count in steps]  # the presets count on a photograph to begin with
    if recipe.steps:
        scale = recipe.steps / steps[-1]
        steps = [max(1, round(count * scale)) for count in steps]
    return tuple(zip(sizes, steps, strict=True))


def _eased(count: int, size: int, last: int) -> int:
    """``count``, and where octaves are looked at, at most what shrinks from ``last`` as a size grows.

    A size then takes twice as long as the one before it. At 1024 pixels, judged there and at 512 by VGG-19, 16 steps came
    to a style of 0.096 and 0.060, 30 to 0.061 and 0.063; of 2, 4 and 9 at 2048 the eye can tell the grain of the paint.
    """
    return min(count, max(2, round(last * OCTAVE / size))) if has_octaves(size) else count


class OptimisePainter:
    """Paints by descending on the picture itself. ``init`` is a picture to start from, where the recipe names a file.

    ``strengths`` are those of the regions that have one of their own; None: as the recipe says. ``matte``
    ``(1, 1, H, W)`` is 1 where the content is to stay as it is: what is around it knows of it. ``coarse`` is where
    another painting's coarser sizes ended: then only the final size is painted. Where they ended here is ``ended``, from
    the first step at the final size on, where there is a shelf to share by.
    """

    def __init__(
        self,
        targets: StyleTargets,
        recipe: Recipe,
        *,
        init: Tensor | None = None,
        strengths: Sequence[float | None] = (),
        matte: Tensor | None = None,
        coarse: Coarse | None = None,
    ) -> None:
        self.targets, self.recipe, self.init, self.matte = targets, recipe, init, matte
        self.coarse = coarse
        self._flipped: StyleTargets | None = None
        self.ended: Coarse | None = None
        self.encoder: Encoder = targets.encoder
        self.weights = weights_of(recipe, self.encoder.balance)
        self.strengths = tuple(strengths)
        self.region_weights = [
            self.weights if strength is None else weights_of(recipe.but(strength=strength), self.encoder.balance)
            for strength in self.strengths
        ]
        self.content_layers = layer_weights(
            recipe.content_layers,
            self.encoder,
            self.encoder.content_weights or self.encoder.content_layers,
            "--content-layers",
        )

    def paint(
        self,
        content: Tensor,
        *,
        regions: Tensor | None = None,
        anchors: Sequence[Anchor] = (),
        start: Start | None = None,
    ) -> Iterator[Progress]:
        """Paint ``content`` ``(1, 3, H, W)``, 0..1; the last progress is the finished picture.

        ``regions`` ``(1, R, H, W)``, 0..1, sum to 1 at every pixel; each is painted with the styles that are for it.
        With a ``start`` the painting begins from its picture, on its rungs: what a film does behind its first frame.
        """
        try:
            yield from self._painted(content, regions, anchors, start)
        finally:
            handle_freed("usual")
            if start is None:  # a film's next frame wants the same again
                give_back()

    def _painted(
        self, content: Tensor, regions: Tensor | None, anchors: Sequence[Anchor], start: Start | None
    ) -> Iterator[Progress]:
        recipe = self.recipe
        device = next(self.encoder.parameters()).device
        content = content.to(device)
        regions = None if regions is None else regions.float().to(device)
        rungs = start.rungs if start else self.rungs(*content.shape[2:])
        coarse = self.coarse if len(rungs) > 1 and not start else None  # there is nothing coarser to go on from
        rungs = rungs if coarse is None else rungs[-1:]
        steps = sum(count for _, count in rungs)
        work = sum(count * size**2 for size, count in rungs)
        image: Tensor | None = None if coarse is None else coarse.image
        optimizer: Adam | torch.optim.LBFGS | None = None if coarse is None else coarse.optimizer
        before, spent = 0, 0.0
        handle_freed(self.freed(*sized(content.shape[2], content.shape[3], rungs[-1][0])))
        for size, count in rungs:
            if self.styled and (regions is None or regions.shape[1] == 1):
                self.targets.measure(size)
            photo = kept(self.targets.shelf, ("photo", size), lambda size=size: resize(content, size), of=(content,))  # type: ignore[misc]
            parts = None if regions is None else fit_regions(regions, *photo.shape[2:])
            if self.targets.shelf is not None and size == rungs[-1][0] and image is not None and optimizer is not None:
                self.ended = Coarse(image, optimizer)
            begun = _begun(start, image, photo) if start else self._first(image, photo, parts)
            canvas = self._canvas(begun, photo)
            wanted = begun if image is not None and self.keeps(size) and not start else photo
            del begun
            brake = Brake(canvas, _pace(start, photo, size == rungs[-1][0])) if start else None
            image = None  # a picture that nobody needs any more: at 16 megapixels each takes 190 MB
            # A start is refined in few steps: what each is asked for must not change.
            look = self._one_sided if start else self._objective
            objective = self._wrapped(look(wanted, size, anchors, parts, content), size)
            if is_large(photo):
                give_back()
            del photo, parts, wanted
            last, optimizer = optimizer, self._optimizer(canvas, start, count, last=size == rungs[-1][0])
            # A start holds most places, and what pushed them must not add up.
            if isinstance(last, Adam) and isinstance(optimizer, Adam) and start is None:
                carry_moments(last, optimizer, canvas)
            last = None
            average = Average(recipe.averaging if recipe.optimizer == "adam" else 0.0)

            def after(canvas: PixelCanvas = canvas, average: Average = average, brake: Brake | None = brake) -> None:
                if brake:
                    brake.hold()
                if recipe.optimizer == "adam":
                    # L-BFGS is left alone: a clamp between its steps spoils the curvature that it remembers.
                    canvas.clamp()
                average.add(canvas.pixels)

            # A start is refined, not sought. Adam's first steps are as long for a small slope as for a steep one, and
            # would stir up what is there; steps that shorten settle within a few.
            def rate(index: int, count: int = count) -> float:
                return 1.0 if start is None else min(0.25 * (index + 1), 1 - 0.9 * index / count)

            def snapshot(canvas: PixelCanvas = canvas, average: Average = average) -> Tensor:
                seen = average.image()
                return (canvas.pixels.detach().clamp(0, 1) if seen is None else seen).cpu()

            for step in descend(lambda c=canvas, o=objective: o(c()), optimizer, count, after=after, rate=rate):  # type: ignore[misc]
                losses = {name: float(value) for name, value in step.losses.parts.items()}
                losses["total"] = float(step.losses.total)
                done = (spent + step.index * size**2) / work
                yield Progress(before + step.index, steps, size, losses, snapshot, done, step.note)
            canvas.pixels.grad = None  # the last picture is saved while its canvas is still there
            del objective  # its maps would lie beside those of the next size
            before += count
            spent += count * size**2
            if before < steps:
                image = snapshot().to(device)

    @torch.no_grad()
    def losses(self, content: Tensor, image: Tensor) -> dict[str, float]:
        """The weighted losses of a finished picture ``image``, ``(1, 3, H, W)``, 0..1, of ``content``."""
        device = next(self.encoder.parameters()).device
        image = image.to(device)
        content = content.to(device)
        photo = resized(content, image)
        objective = self._objective(photo, max(image.shape[2:]), (), content=content)
        return {name: float(value) for name, value in objective(image).parts.items()}

    def called(self, size: int) -> str:
        """How a person asks for a picture of ``size``, for messages: the value of --size."""
        return f"{size}"

    def under(self, recipe: Recipe) -> OptimisePainter:
        """The same encoder and paintings under another recipe."""
        targets = StyleTargets(self.encoder, self.targets.styles, recipe)
        return OptimisePainter(targets, recipe, init=self.init, strengths=self.strengths, matte=self.matte)

    def rungs(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """The ``ladder`` that a content of ``height`` × ``width`` is painted on."""
        rungs = ladder(self.recipe, height, width)
        if not self.styled and self.init is None and self.recipe.init == "content":
            return rungs[-1:]  # the photograph alone is wanted and is there: coarser sizes could only blur it
        return rungs

    @property
    def styled(self) -> bool:
        """Whether anything is to be painted at all: at strength 0 nothing is."""
        return any(weights.style for weights in (self.region_weights or [self.weights]))

    def terms(
        self,
        photo: Tensor,
        size: int,
        anchors: Sequence[Anchor] = (),
        regions: Tensor | None = None,
        beside_large: bool = False,
    ) -> tuple[Term, ...]:
        """All that is wanted of the picture at ``size``: content, style, smoothness, brightness, anchors.

        ``beside_large``: it is looked at beside a large one.
        """
        recipe, classic = self.recipe, self.recipe.losses == "classic"
        terms: list[Term] = []
        if self.styled and regions is not None and regions.shape[1] > 1:
            shares = [weights.style for weights in self.region_weights] or [self.weights.style] * regions.shape[1]
            alike = self.targets.alike(regions.shape[1], shares)
            if len(alike) == 1:
                terms += self.targets.terms(size, shares[0])
            else:
                guides = self.targets.guides(torch.stack([regions[:, some].sum(1) for some in alike], 1))
                firsts = [some[0] for some in alike]
                terms += self.targets.terms(size, 1.0, guides, [shares[first] for first in firsts], firsts)
        elif self.styled:
            style = self.region_weights[0].style if self.region_weights else self.weights.style
            terms += self.targets.terms(size, style)
        content, masks = self._content_weight(regions)
        if content:
            block = self.targets.block(*photo.shape[2:])
            # A large picture's maps are kept in 8 bits: at 64 megapixels the built-in encoder's take 0.8 GB that way.
            small = (beside_large or is_large(photo)) and not classic

            def seen() -> dict[str, tuple[Tensor, float]]:
                if small:
                    return tiling.encode_small(self.encoder, photo, self.content_layers, block)
                whole = tiling.encode(self.encoder, photo, self.content_layers, block)
                return {layer: (found, 1.0) for layer, found in whole.items()}

            name = ("maps", small, *self.content_layers, block)
            # What one painting has painted so far no other wants: a sweep would hold on to it.
            shelf = None if self.keeps(size) else self.targets.shelf
            maps = kept(shelf, name, seen, of=(self.encoder, photo))
            for layer, share in self.content_layers.items():
                weight, (target, unit) = content * share, maps[layer]
                if classic:
                    terms.append(ClassicContent(layer, target, weight * len(self.content_layers)))
                else:
                    terms.append(Match(layer, target, weight, masks.get(layer), unit=unit))
        if regions is not None and (still := [number for number, own in enumerate(self.strengths) if own == 0]):
            # Adam moves a pixel however faint its gradient, and some comes over the border: what stays is held.
            terms.append(Match("pixels", photo, _STILL, regions[:, still].sum(1, keepdim=True)))
        if recipe.laplacian_weight:
            terms.append(Laplacian(photo, recipe.laplacian_weight))
        if recipe.tv_weight:
            terms.append(ClassicSmooth(recipe.tv_weight) if classic else Smooth(recipe.tv_weight))
        if recipe.grain_weight and self.styled and not classic:
            terms.append(Grain(self.targets.grain(size), recipe.grain_weight))
        if recipe.grey_weight:
            terms.append(Grey(photo.mean(), recipe.grey_weight))
        for anchor in anchors:
            target, mask = resized(anchor.image.to(photo), photo), resized(anchor.mask.to(photo), photo).clamp(0, 1)
            # Classic losses are on 0..255, and so is the temporal one of Ruder et al.'s own program.
            terms.append(Temporal(target, mask, anchor.weight * ((0.25 * 255) ** 2 if classic else 1)))
        if self.matte is not None:
            matte = resized(self.matte.to(photo), photo)
            terms = list(around(terms, self.encoder, photo, matte, self.targets.block(*photo.shape[2:])))
        if not terms:
            raise InputError("all weights are zero: nothing is wanted of the picture")
        return tuple(terms)

    def _content_weight(self, regions: Tensor | None) -> tuple[float, dict[str, Tensor]]:
        """The weight of the content loss, and where regions have their own, how much of it each place has."""
        weights = [own.content for own in self.region_weights]
        if regions is None or not weights:
            return self.weights.content, {}
        if len(set(weights)) == 1:
            return weights[0], {}
        block = self.targets.block(*regions.shape[2:])
        return weight_maps(tiling.encode(GuideEncoder(self.encoder), regions, self.content_layers, block), weights)

    def _objective(
        self,
        photo: Tensor,
        size: int,
        anchors: Sequence[Anchor],
        regions: Tensor | None = None,
        content: Tensor | None = None,
    ) -> Callable[[Tensor], Losses]:
        """What is wanted of the picture at ``size``, from both sides where the recipe has it so.

        ``photo`` is what is kept there, ``content`` the photograph: the same, where it is not given.
        """
        plain = self._one_sided(photo, size, anchors, regions, content)
        if not self.mirrors(*photo.shape[2:]):
            return plain
        twin = copy(self)
        twin.targets = self._flipped = self._flipped or self.targets.mirrored()
        twin.matte = None if self.matte is None else self.matte.flip(3)
        turned = [replace(anchor, image=anchor.image.flip(3), mask=anchor.mask.flip(3)) for anchor in anchors]
        regions = None if regions is None else regions.flip(3)
        content = None if content is None else content.flip(3)
        return Mirrored(plain, twin._one_sided(photo.flip(3), size, turned, regions, content))

    def _wrapped(self, objective: Callable[[Tensor], Losses], size: int) -> Callable[[Tensor], Losses]:
        """How ``objective`` is asked while the picture is painted at ``size``: as it is."""
        return objective

    def mirrors(self, height: int, width: int) -> bool:
        """Whether a picture of ``height`` × ``width`` is looked at from both sides: not a large one, for its memory."""
        recipe = self.recipe
        # Both sides are measured at every size: for a draft's few steps that takes a fifth of the time.
        usual = recipe.quality != "draft" and not self.encoder.name.startswith("vgg")
        wanted = recipe.mirror == "on" or (recipe.mirror == "auto" and usual)
        if recipe.optimizer == "lbfgs" or recipe.losses == "classic" or not (self.styled and self.weights.content):
            return False
        return wanted and 3 * height * width < LARGE

    def by_levels(self, height: int, width: int, steps: int, *, last: bool) -> bool:
        """Whether a picture of ``height`` × ``width`` moves level by level in ``steps``; ``last``: there is no larger size.

        Judged style came out 15 % nearer and content 2 % off by no more steps (three pairs, 512 pixels). With few at the
        last size it is left further from the photograph than it would be, and above 1024 pixels it keeps what was painted.
        Of a draft the coarser sizes alone move so: four pairs came out at a style of 0.105 and a content of 0.722, 0.129 and
        0.745 before. Who asks for classic losses wants the classic way.
        """
        recipe = self.recipe
        patient = (recipe.steps or PRESETS[recipe.quality][-1]) >= _PATIENT or (not last and steps >= _COARSER)
        return patient and recipe.optimizer == "adam" and max(height, width) <= _LARGE and recipe.losses != "classic"

    def octaves(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Height and width of the smaller pictures at which one of ``height`` × ``width`` is looked at too, largest first.

        tubingen × starry_night at 1024 pixels, judged by VGG-19 at 512: style 0.106 and content 0.718 without, 0.060 and
        0.695 with one, in fewer seconds; 512 itself stands at 0.075 and 0.613. At 512, looked at at 256 too, a picture comes
        out no better. Classic losses have their own weights.
        """
        found: list[tuple[int, int]] = []
        size, shape = max(height, width), min(height, width) / max(height, width)
        while has_octaves(size) and self.styled and self.recipe.losses != "classic":
            size = round(size / 2)
            if size * shape < _SHORT:
                break
            found.append(sized(height, width, size))
        return tuple(found)

    def _one_sided(
        self,
        photo: Tensor,
        size: int,
        anchors: Sequence[Anchor],
        regions: Tensor | None,
        content: Tensor | None = None,
    ) -> Callable[[Tensor], Losses]:
        """What is wanted of the picture at ``size``, and of a large one made smaller."""
        height, width = photo.shape[2:]
        octaves = self.octaves(height, width)
        share = 1 / (1 + len(octaves))
        block = self.targets.block(height, width)
        fine = self._seen(self.terms(photo, size, anchors, regions), block, share)
        source = photo if content is None else content
        beside, coarser = is_large(photo), []
        for shape in octaves:
            small = kept(self.targets.shelf, ("photo", *shape), lambda at=shape: resize_to(source, *at), of=(source,))  # type: ignore[misc]
            parts = None if regions is None else fit_regions(regions, *shape)
            # What is said of pixels, as smoothness and what other frames know, is said at the picture's own size.
            terms = [term for term in self.terms(small, max(shape), (), parts, beside) if term.layer != "pixels"]
            coarser.append(Octave(*shape, self._seen(terms, self.octave_block((height, width), shape), share)))
        return Octaves(fine, coarser) if coarser else fine

    def octave_block(self, whole: tuple[int, int], shape: tuple[int, int]) -> int:
        """The side of the blocks in which an octave of ``shape`` is seen, beside a picture of ``whole``.

        No larger ones than the picture's: an octave that is seen whole, as it is alone, would take more than all the rest. Of a
        picture of 32 megapixels and more only half as large: there lie its gradient and all that its first step brought.
        """
        block, own = self.targets.block(*whole), self.targets.block(*shape)
        if block and not self.recipe.block and math.prod(whole) >= VAST:
            block = tiling.scaled(self.encoder, block, 0.5)
        smaller = min(own or block, block)
        return smaller if len(tiling.blocks(self.encoder, *shape, smaller)) > 1 else 0

    def _seen(self, terms: Sequence[Term], block: int, share: float) -> Callable[[Tensor], Losses]:
        """The whole picture at once, or block by block where its maps would not fit; what layers say counts ``share``."""
        if share != 1:
            # A term is a frozen dataclass, which its protocol cannot say.
            less: list[Any] = [term for term in terms if term.layer != "pixels"]
            terms = [term for term in terms if term.layer == "pixels"]
            terms += [replace(term, weight=term.weight * share) for term in less]
        objective = Objective(self.encoder, tuple(terms))
        return BlockObjective(objective, block) if block else objective

    def freed(self, height: int, width: int) -> Literal["usual", "keep", "return"]:
        """What becomes of freed memory, where the picture ends at ``height`` × ``width``.

        Maps of a picture that is seen whole are as large at every step. In huge pages, which a picture of 2 megapixels has, those
        given anew cost little: 5 % of the time at 2048 pixels for 3.7 GB instead of 5.2; in small ones 70 %. Before one in blocks
        no coarser size keeps them: at 1232 pixels the gaps were more than 18 megapixels take later.
        """
        if not self.targets.block(height, width):
            return "usual" if height * width > WIDE and has_huge_pages() else "keep"
        return "return" if 3 * height * width >= LARGE else "usual"

    def _canvas(self, image: Tensor, photo: Tensor) -> PixelCanvas:
        grey = self.recipe.color == "luma"
        if self.matte is None:
            return PixelCanvas(image, grey=grey)
        return ProtectedCanvas(image, photo, resized(self.matte.to(photo), photo), grey=grey)

    @property
    def _detailed(self) -> bool:
        """Whether a size begins with the photograph's own detail."""
        return bool(self.weights.content) and self.recipe.init == "content" and self.init is None

    def keeps(self, size: int) -> bool:
        """Whether at ``size`` what is kept is what was painted, and no longer the photograph.

        There the deepest layer sees a small part of the picture, and the photograph's maps wear down what was painted at
        coarser sizes: strokes come out faint. The photograph is asked for at the octaves.
        """
        large = size > _LARGE if self.recipe.losses == "classic" else has_octaves(size)
        return large and self._detailed and self.matte is None and 0 not in self.strengths

    def _carried(self, image: Tensor, photo: Tensor) -> Tensor:
        """The picture of the last size at the size of ``photo``, and what of the photograph's detail is wanted there."""
        return enlarged(image, photo) if self._detailed else resized(image, photo)

    def _first(self, image: Tensor | None, photo: Tensor, regions: Tensor | None = None) -> Tensor:
        """What a size begins with: the picture of the last one, or what the recipe starts from."""
        recipe = self.recipe
        if image is not None:
            return self._carried(image, photo)
        if self.init is not None:
            return resized(self.init.to(photo), photo)
        if recipe.init == "noise":
            random = torch.Generator().manual_seed(recipe.seed)
            noise = torch.randn(photo.shape, generator=random).to(photo)
            return (recipe.noise_mean + recipe.noise_std * noise).clamp(0, 1)
        if recipe.init == "regions" and regions is not None:
            return region_colours(regions, self.targets, recipe.seed)
        if recipe.init == "style":
            return resized(self.targets.styles[0].image.to(photo), photo)
        return photo

    def _optimizer(
        self, canvas: PixelCanvas, start: Start | None, steps: int, *, last: bool
    ) -> Adam | torch.optim.LBFGS:
        """Who moves the picture in the ``steps`` of a size; ``last``: there is no larger one."""
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
        # What a whole area has been doing is soon out of date: with 0.9 content came out 3 % further off, with 0.95 15 %.
        height, width = canvas.pixels.shape[2:]
        by_levels = start is None and self.by_levels(height, width, steps, last=last)
        levels, rate, first = (_LEVELS, 0.012, 0.85) if by_levels else (1, 0.03, 0.9)
        return Adam(canvas.parameters(), lr=recipe.learning_rate or rate, betas=(first, 0.99), levels=levels)


def _begun(start: Start, image: Tensor | None, photo: Tensor) -> Tensor:
    """What a size begins with: the start, and where that has nothing yet, the ``image`` of the last size."""
    known = resized(start.image.to(photo), photo)
    if image is None:
        return known
    fresh = resized(start.fresh.to(photo), photo).clamp(0, 1)
    return known.lerp(resized(image, photo), fresh)


def _pace(start: Start, photo: Tensor, last: bool) -> Tensor:
    return resized((start.pace if last else start.fresh).to(photo), photo).clamp(0, 1)
