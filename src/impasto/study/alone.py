"""A content alone, or a style alone, from noise: what a layer keeps of a photograph, and what of a painting.

Reconstructions after Mahendran and Vedaldi 2015 and Gatys et al. 2016, textures after Gatys et al. 2015, on the ladder of
sizes that every painting goes up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from impasto import __version__
from impasto.errors import InputError
from impasto.paint.optimise import OptimisePainter, ladder
from impasto.paint.painter import Progress
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.paint.texture import SwatchTargets, TexturePainter
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.see.layers import layer_weights
from impasto.studio import Easel, Painting, Picturable, Sight, Source, open_picture, open_sight, rooted
from impasto.study.strip import Panel, strip

__all__ = [
    "Alone",
    "chosen_layers",
    "made",
    "named",
    "open_reconstruction",
    "open_texture",
    "reconstruction",
    "texture",
]

Layers = str | Sequence[str]


@dataclass(frozen=True)
class Alone(Easel):
    """An easel whose finished painting says how near it came, by the encoder's own maps: ``measured`` is the loss's name."""

    measured: str = "content"
    words: str = ""

    def painting(self, progress: Progress) -> Painting:
        """The picture as it stands at ``progress``, and the error that is left of it."""
        painting = super().painting(progress)
        assert isinstance(self.painter, OptimisePainter)
        left = self.painter.losses(self.content.image, painting.image)[self.measured]
        return replace(painting, reached={f"{self.measured} at {self.words}": round(left, 6)})


# ── what is asked for ──


def _reconstruction_recipe(recipe: Recipe | None = None, **changes: Any) -> Recipe:
    """``recipe`` for the content alone, from noise; raises ``InputError`` on options out of range."""
    return (recipe or Recipe()).but(strength=0.0, init="noise", **changes)


def _texture_recipe(size: tuple[int, int], recipe: Recipe | None = None, **changes: Any) -> Recipe:
    """``recipe`` for the style alone, from noise, on a canvas of ``size`` (width, height); without one, of its moments."""
    width, height = size
    if min(size) < 32 or max(size) > 20000:
        raise InputError(f"--size {width}x{height}: expected a width and a height from 32 to 20000 pixels")
    return (recipe or Recipe(statistic="moments")).but(size=max(size), content_weight=0.0, init="noise", **changes)


def named(recipe: Recipe, encoder: Encoder | str | None) -> tuple[Recipe, Encoder | None]:
    """``recipe`` with whole paths and with the encoder, where it is a name, in it."""
    if isinstance(encoder, str):
        return rooted(recipe.but(encoder=encoder)), None
    return rooted(recipe), encoder


def _check_seamless(recipe: Recipe, seamless: bool) -> None:
    """Refuse what the two would spoil for each other."""
    if seamless and recipe.optimizer == "lbfgs":
        raise InputError(
            "--seamless and --optimizer lbfgs together: the picture is rolled at every step, which a line search cannot "
            "follow; leave --optimizer at adam"
        )


def chosen_layers(layers: Layers, encoder: Encoder, flag: str) -> tuple[str, ...]:
    """Names of layers in order of depth: ``"all"`` is one a block and the content's own, else those that are named.

    Raises ``UnknownNameError`` for one that the encoder does not have, ``InputError`` for none or a doubled one.
    """
    order = [layer.name for layer in encoder.layers]
    if layers == "all":
        wanted = {*encoder.style_layers, *encoder.content_layers}
        return tuple(name for name in order if name in wanted)
    given = [name.strip() for name in layers.split(",")] if isinstance(layers, str) else list(layers)
    given = [name for name in given if name]
    found = encoder.resolve(given)
    if "pixels" in found:
        raise InputError(f"{flag}: pixels are the picture itself, there is nothing to make of them; name layers")
    if not found or len(found) < len(given):
        raise InputError(f"{flag} {layers!r}: expected all, or layers that differ, as in relu1_1,relu3_1")
    return tuple(sorted(found, key=order.index))


# ── with everything at hand ──


def reconstruction(source: Source, layer: str, recipe: Recipe, sight: Sight) -> Alone:
    """The easel on which ``source`` is made again from what ``layer`` keeps of it."""
    recipe = recipe.but(content_layers=layer)
    (layer,) = layer_weights(layer, sight.encoder, (), "--layer")
    ladder(recipe, *source.image.shape[2:])  # raises on what is too thin
    # The style has no weight; a painter wants one to be there.
    painter = OptimisePainter(StyleTargets(sight.encoder, [StyleImage(source.image)], recipe), recipe)
    about = {
        **made("reconstruct", {"layers": [layer]}, recipe),
        "content": source.about(),
        "styles": [],
        **sight.about,
    }
    files = tuple(filter(None, [source.path, sight.file]))
    return Alone(source, (), recipe, sight.encoder, painter, about, files, (sight.remark,), "content", layer)


def texture(source: Source, size: tuple[int, int], recipe: Recipe, sight: Sight, *, seamless: bool = False) -> Alone:
    """The easel on which the style of ``source`` fills a canvas of ``size`` (width, height)."""
    _check_seamless(recipe, seamless)
    width, height = size
    canvas = Source(torch.zeros(1, 3, 1, 1).expand(1, 3, height, width))  # a shape, no pixels
    ladder(recipe, height, width)
    targets = SwatchTargets(sight.encoder, [StyleImage(source.image, source.alpha)], recipe)
    painter = TexturePainter(targets, recipe, size, seamless=seamless)
    task = {"width": width, "height": height, "seamless": seamless, "layers": [], "each": False}
    about = {**made("texture", task, recipe), "styles": [source.about()], **sight.about}
    files = tuple(filter(None, [source.path, sight.file]))
    words = ", ".join(targets.layers)
    return Alone(canvas, (source,), recipe, sight.encoder, painter, about, files, (sight.remark,), "style", words)


def made(kind: str, task: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """What a recipe records first: the version, what was made and how, every option."""
    return {"impasto": __version__, "task": {"kind": kind, **task}, "recipe": recipe.as_dict()}


# ── the doors ──


def open_reconstruction(
    content: Picturable,
    layers: Layers = "",
    recipe: Recipe | None = None,
    *,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    allow_huge: bool = False,
    **changes: Any,
) -> Easel:
    """Load and check all that it takes to make ``content`` again, from noise, out of a layer's maps of it.

    ``layers`` is one layer, the encoder's content layer where it is empty; for several, or ``"all"``, the painting is a
    strip of them in order of depth. Other arguments as of ``open_easel``. Raises ``ImpastoError`` with one line.
    """
    recipe, chosen = named(_reconstruction_recipe(recipe, **changes), encoder)
    source = open_picture(content, "content", allow_huge=allow_huge)
    sight = open_sight(recipe, weights=weights, encoder=chosen)
    names = chosen_layers(layers or sight.encoder.content_layers[-1], sight.encoder, "--layers")
    easels = [reconstruction(source, name, recipe, sight) for name in names]
    if len(names) == 1:
        return easels[0]
    task = made("reconstruct", {"layers": list(names)}, recipe)
    about = {**task, "content": source.about(), "styles": [], **sight.about}
    return strip([[Panel(easel, name) for easel, name in zip(easels, names, strict=True)]], about)


def open_texture(
    style: Picturable,
    size: tuple[int, int],
    recipe: Recipe | None = None,
    *,
    seamless: bool = False,
    layers: Layers = "",
    each: bool = False,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    allow_huge: bool = False,
    **changes: Any,
) -> Easel:
    """Load and check all that it takes to fill a canvas of ``size`` (width, height) with the texture of ``style``.

    With ``layers``, several or ``"all"`` of them, the painting is a strip: the style up to each layer, as in Gatys et al.
    2015, or with ``each`` the style of every layer alone. Other arguments as of ``open_easel``.
    """
    recipe, chosen = named(_texture_recipe(size, recipe, **changes), encoder)
    _check_seamless(recipe, seamless)
    if layers and recipe.style_layers:
        raise InputError(
            "--layers and --style-layers together: --layers says which layers a panel has; give one of them"
        )
    if each and not layers:
        raise InputError("--each is of a strip over the layers: give --layers all with it")
    source = open_picture(style, "style", allow_huge=allow_huge)
    sight = open_sight(recipe, weights=weights, encoder=chosen)
    if not layers:
        return texture(source, size, recipe, sight, seamless=seamless)
    if layers == "all":
        layers = sight.encoder.style_layers
    names = chosen_layers(layers, sight.encoder, "--layers")
    panels = []
    for index, name in enumerate(names):
        used = (name,) if each else names[: index + 1]
        easel = texture(source, size, recipe.but(style_layers=",".join(used)), sight, seamless=seamless)
        panels.append(Panel(easel, name if each or not index else f"up to {name}"))
    task = {"width": size[0], "height": size[1], "seamless": seamless, "layers": list(names), "each": each}
    return strip([panels], {**made("texture", task, recipe), "styles": [source.about()], **sight.about})
