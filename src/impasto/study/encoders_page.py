"""The page of a study of encoders: the pictures, the paintings side by side, their figures, and what these mean."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from impasto import __version__
from impasto.judge.card import CONTENT, HELD, STYLE
from impasto.media.image import resize
from impasto.recipe import options
from impasto.runtime import processor_name
from impasto.studio import Source
from impasto.study.encoders import EncoderStudy, Result
from impasto.study.page import Column, Html, facts, figure, grid, page, section, shown, table, tag

__all__ = ["encoders_page"]

# How a column is called and shown, by the field of Eyes, of Result, or of a judgement.
_SIZES = {
    "parameters": Column("parameters", 0, float),
    "megabytes": Column("megabytes", 2, float),
    "kmacs": Column("thousand multiply-adds a pixel", 1, float),
}
_SECONDS = {"seconds": Column("seconds to paint", 1, float)}
_JUDGED = {
    "style": Column("style", 4, float),
    "held": Column("held", 4, float),
    "content": Column("content", 4, float),
    "chroma_noise": Column("chroma noise", 2, lambda value: abs(value - 1)),
}


def encoders_page(study: EncoderStudy, results: Sequence[Result]) -> str:
    """The page as one text of HTML; ``results`` may be fewer than the study's encoders, where it was interrupted."""
    judged = {name: column for name, column in _JUDGED.items() if any(name in result.judged for result in results)}
    columns = {**_SIZES, **_SECONDS, **judged}
    content, style = _name(study.content, "the photograph"), _name(study.style, "the painting")
    count = len(study.eyes)
    return page(
        f"{content} in the manner of {style}, seen by {count} encoder{'s' * (count != 1)}",
        _interrupted(study, results),
        tag(
            "p",
            "The same photograph, the same painting, the same settings: only the network that looks at them differs.",
        ),
        section("The pictures", grid([_given(study, "content", content), _given(study, "style", style)])),
        section("The paintings", grid([_card(result, columns, f"{content}, {style}") for result in results])),
        section(
            "All figures",
            table(
                "encoder",
                tuple(columns.values()),
                [(result.eyes.label, [_figure(result, name) for name in columns]) for result in results],
                caption="The best of each column in bold: the lowest, of chroma noise the nearest to 1.",
            ),
            _no_judge(study),
        ),
        section("What the figures mean", *_meaning(study, judged)),
        section("The settings", facts(_settings(study), wide=True)),
        section("The machine", facts(_machine(study), wide=True)),
        made_by=f"impasto {__version__}",
    )


def _interrupted(study: EncoderStudy, results: Sequence[Result]) -> Html | None:
    there = {result.eyes.sha256 for result in results}
    missing = [eyes.label for eyes in study.eyes if eyes.sha256 not in there]
    if not missing:
        return None
    words = f"Interrupted after {len(results)} of {len(study.eyes)} encoders; not painted: {', '.join(missing)}."
    return tag("p", words, class_="notice")


def _given(study: EncoderStudy, role: str, name: str) -> Html:
    source = study.content if role == "content" else study.style
    height, width = source.image.shape[2:]
    small = resize(source.image, min(max(height, width), study.recipe.size))
    alpha = None if source.alpha is None else resize(source.alpha, max(small.shape[2:]))
    words = tag("p", f"{role}, {width}×{height} pixels")
    return figure(small, name, words, alt=f"{role}: {name}", alpha=alpha, suffix=".jpg")


def _card(result: Result, columns: Mapping[str, Column], pictures: str) -> Html:
    eyes, painting = result.eyes, result.painting
    words = tag("p", eyes.what)
    if painting is None:
        return figure(None, eyes.label, words, tag("p", f"could not paint: {result.failure}", class_="notice"))
    figures = {column.title: shown(_figure(result, name), column.digits) for name, column in columns.items()}
    alt = f"{pictures}, painted through {eyes.label}"
    return figure(painting.image, eyes.label, words, facts(figures), alt=alt, alpha=painting.alpha)


def _figure(result: Result, name: str) -> float | None:
    """The value of a column; None where there is none. Who did not paint takes no part: it could be the best of all."""
    if result.painting is None:
        return None
    if name in _SIZES:
        value: float | None = getattr(result.eyes, name)
        return value
    return result.seconds if name in _SECONDS else result.judged.get(name)


def _no_judge(study: EncoderStudy) -> Html | None:
    if study.judge is not None:
        return None
    words = "No judged distances here, for want of a VGG-19: "
    return tag("p", words, tag("code", "impasto models fetch vgg19-caffe"), " gets one, ", tag("code", "--judge FILE"),
               " names one.")  # fmt: skip


def _meaning(study: EncoderStudy, judged: Mapping[str, Column]) -> list[Html]:
    size = study.recipe.size
    texts = [
        "Megabytes are those of the encoder's file; random weights need none. Multiply-adds are those of one look at the "
        "picture, up to the deepest layer that is used; a step of painting takes a look and the way back.",
        "Seconds are of this machine and this run: painting alone, without loading and judging. Whatever else ran at the "
        "time is in them.",
    ]
    offered = [] if study.judge is None else [layer.name for layer in study.judge.layers]
    style, held = (", ".join(name for name in names if name in offered) for names in (STYLE, HELD))
    meanings = {
        "style": f"How far the painting's Gram matrices are from those of the style at {style}; 0 is the style "
        "itself, about 1 has nothing of it.",
        "held": f"The same at {held}, layers that the usual style loss does not descend on. A picture that only "
        "fools the others shows here.",
        "content": f"How far its maps at {CONTENT} are from the photograph's; lower has more of the photograph. "
        "Content and style pull against each other, so the lowest of one alone is not the best painting.",
        "chroma_noise": "How much the colours of neighbouring pixels differ, relative to the style. Well "
        "above 1 is colour noise that a person sees.",
    }
    if study.judge is not None:
        texts += [
            f"The judge is {study.judge.name}, at {size} pixels. It has its own taste: an encoder that was distilled "
            "from it, or is it, has been taught or has descended on what it is judged by.",
        ]
    last = "One photograph, one painting, one run: a look, not a benchmark."
    named = [tag("p", tag("strong", column.title), f": {meanings[name]}") for name, column in judged.items()]
    return [*(tag("p", text) for text in texts), *named, tag("p", last)]


def _settings(study: EncoderStudy) -> dict[str, str]:
    """The recipe, without what differs from one painting to the next; of a file its name only, for a page is shared."""
    values = {option.name: getattr(study.recipe, option.name) for option in options() if option.name != "encoder"}
    values["init"] = PurePath(study.recipe.init).name
    return {name.replace("_", "-"): str(value).removesuffix(".0") or "its own" for name, value in values.items()}


def _machine(study: EncoderStudy) -> dict[str, str]:
    machine = {name: str(value) for name, value in study.machine.items()}
    kind = machine.pop("processor")
    return {"processor": processor_name(), "architecture": kind, "cores": str(os.cpu_count()), **machine}


def _name(source: Source, otherwise: str) -> str:
    return PurePath(source.path).name if source.path else otherwise
