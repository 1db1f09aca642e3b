"""The page of a study of layers: the figure, the pictures it was made from, how near each panel came."""

from __future__ import annotations

import os
import shlex
from pathlib import PurePath

from impasto import __version__
from impasto.media.image import resize
from impasto.recipe import options
from impasto.runtime import processor_name
from impasto.studio import Painting, Source
from impasto.study.layers import LayersStudy, words_of
from impasto.study.page import Column, Html, facts, figure, grid, page, section, table, tag

__all__ = ["layers_page"]

_COLUMNS = (Column("style left", 4), Column("content left", 4))


def layers_page(study: LayersStudy, painting: Painting) -> str:
    """The page as one text of HTML; ``painting`` is the figure, whole or as it stood when it was interrupted."""
    content, style = _name(study.content, "the photograph"), _name(study.style, "the painting")
    reached = painting.reached
    rows = [(layer, [reached.get(words_of(kind, layer)) for kind in ("style", "content")]) for layer in study.layers]
    return page(
        f"What {study.easel.encoder.name} sees in {style} and in {content}, layer by layer",
        _interrupted(study, painting),
        tag(
            "p",
            "Above, noise was improved until it had the painting\u2019s statistics at one layer, and nothing else. "
            "Below, until it had the photograph\u2019s maps at one layer.",
        ),
        section("The figure", figure(painting.image, "Style of each layer alone, content of each layer alone")),
        section(
            "The pictures",
            grid([_given(study, study.style, "style", style), _given(study, study.content, "content", content)]),
        ),
        section(
            "How near each came",
            table("layer", _COLUMNS, rows, caption="What is left unexplained; 0 is all, about 1 is nothing."),
        ),
        section("What it shows", *(tag("p", text) for text in _MEANING)),
        section("The settings", facts(_settings(study), wide=True)),
        section("Make it again", tag("p", tag("code", _command(study)))),
        made_by=f"impasto {__version__}",
    )


_MEANING = (
    "A style is what features a layer finds together, wherever they are. The first layers know colours and grain, the next "
    "strokes, the last whole motifs; alone, a late layer says little of colour. Every layer starts from the same noise.",
    "A content is what features a layer finds at each place. The first layers give the photograph back pixel by pixel; the "
    "later ones keep what is there, and let go of how it looks.",
    "Panels are painted coarse to fine. Of a shallow layer\u2019s style the coarse sizes are left out: there it would see "
    "what is beyond its reach at the last.",
    "What is left is measured on the finished picture: |G - G*|\u00b2 / |G*|\u00b2 of the Gram matrices (or the distance of "
    "the moments), |F - F*|\u00b2 / |F*|\u00b2 of the maps, by the encoder that painted. More steps (--quality best) leave "
    "less.",
)


def _interrupted(study: LayersStudy, painting: Painting) -> Html | None:
    if "interrupted" not in painting.about:
        return None
    return tag("p", f"Interrupted after {len(painting.reached)} of {len(study.panels)} panels.", class_="notice")


def _given(study: LayersStudy, source: Source, role: str, name: str) -> Html:
    height, width = source.image.shape[2:]
    small = resize(source.image, min(max(height, width), study.recipe.size))
    return figure(small, name, tag("p", f"{role}, {width}×{height} pixels"), alt=f"{role}: {name}", suffix=".jpg")


def _settings(study: LayersStudy) -> dict[str, str]:
    """What is not at its default, and where it was computed; of a file its name only, for a page is shared."""
    values = study.recipe.as_dict()
    about, machine = study.easel.about["encoder"], study.easel.about["machine"]
    changed = {
        option.name.replace("_", " "): str(values[option.name])
        for option in options()
        if option.name in ("size", "quality", "seed", "statistic")
        or (values[option.name] != option.default and option.name not in ("init", "encoder"))
    }
    return {
        "encoder": f"{about['name']}, sha256 {about['sha256'][:12]}",
        **changed,
        "processor": processor_name(),
        "device": f"{machine['device']}, {machine['precision']}, {machine['threads']} thread{'s' * (machine['threads'] != 1)}",
        "torch": machine["torch"],
    }


def _command(study: LayersStudy) -> str:
    words = ["impasto", "study", "layers", _name(study.content, "CONTENT"), _name(study.style, "STYLE")]
    for option in options():
        value = getattr(study.recipe, option.name)
        if value != option.default and option.name not in ("init", "encoder"):
            words += ["--" + option.name.replace("_", "-"), f"{value:g}" if isinstance(value, float) else str(value)]
    encoder = study.easel.about["encoder"]["name"] if study.recipe.encoder == "auto" else study.recipe.encoder
    words += ["--layers", ",".join(study.layers), "--encoder", os.path.basename(encoder)]
    return shlex.join(words)


def _name(source: Source, otherwise: str) -> str:
    return PurePath(source.path).name or otherwise
