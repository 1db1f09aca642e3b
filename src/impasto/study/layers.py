"""What every layer sees: the style of each alone above, the content of each alone below (Gatys et al. 2015 and 2016)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import InputError
from impasto.media.image import resize, sized
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.studio import Painting, Picturable, Source, open_picture, open_sight
from impasto.study.alone import Layers, chosen_layers, made, named, reconstruction, texture
from impasto.study.strip import Panel, Strip, strip

__all__ = ["LayersStudy", "open_layers", "words_of"]


@dataclass(frozen=True)
class LayersStudy:
    """Everything checked and nothing painted: pull ``easel.paint()``, then ask for the ``easel.painting``, the figure."""

    content: Source
    style: Source
    layers: tuple[str, ...]
    recipe: Recipe
    easel: Strip

    @property
    def panels(self) -> tuple[str, ...]:
        """What stands under each panel, in the order in which they are painted."""
        return tuple(words_of(kind, layer) for kind in ("style", "content") for layer in self.layers)


def words_of(kind: str, layer: str) -> str:
    """What stands under a panel, and by what ``reached`` names it; ``kind`` is style or content."""
    return f"{kind} of {layer}"


def open_layers(
    content: Picturable,
    style: Picturable,
    layers: Layers = "all",
    recipe: Recipe | None = None,
    *,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    allow_huge: bool = False,
    done: Callable[[Panel, Painting], None] = lambda panel, painting: None,
    **changes: Any,
) -> LayersStudy:
    """Load and check all that the figure needs: ``style`` alone above, ``content`` alone below, layer by layer.

    Every panel has the content's proportions. ``done`` is called with each as it is finished; its painting holds the
    recipe of that panel. Other arguments as of ``open_easel``. Raises ``ImpastoError`` with one line.
    """
    recipe, chosen = named((recipe or Recipe()).but(init="noise", **changes), encoder)
    if recipe.style_layers or recipe.content_layers:
        raise InputError("--style-layers and --content-layers say what a painting is made of; here --layers names them")
    photo, painting = (
        open_picture(given, kind, allow_huge=allow_huge) for given, kind in ((content, "content"), (style, "style"))
    )
    sight = open_sight(recipe, weights=weights, encoder=chosen)
    names = chosen_layers(layers, sight.encoder, "--layers")
    height, width = sized(photo.image.shape[2], photo.image.shape[3], recipe.size)
    if min(height, width) < 32:
        raise InputError(
            f"a picture of {width}×{height} pixels is too thin to see every layer in: choose a larger --size, or crop it"
        )
    above, below = recipe.but(content_weight=0.0), recipe.but(strength=0.0)
    rows = [
        [
            Panel(texture(painting, (width, height), above.but(style_layers=name), sight), words_of("style", name))
            for name in names
        ],
        [Panel(reconstruction(photo, name, below, sight), words_of("content", name)) for name in names],
    ]
    heads = [
        (resize(source.image, min(recipe.size, max(source.image.shape[2:]))), f"the {kind}")
        for source, kind in ((painting, "style"), (photo, "content"))
    ]
    about = {
        **made("layers", {"layers": list(names)}, recipe),
        "content": photo.about(),
        "styles": [painting.about()],
        **sight.about,
    }
    return LayersStudy(photo, painting, names, recipe, strip(rows, about, heads=heads, done=done))
