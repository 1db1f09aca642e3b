"""The same photograph in the manner of the same painting, through one encoder after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from impasto.errors import ImpastoError, InputError
from impasto.judge.card import Judge
from impasto.judge.judges import default_judge, load_judge
from impasto.paint.painter import Progress
from impasto.recipe import Recipe
from impasto.see.encoder import Encoder
from impasto.see.known import KNOWN, installed
from impasto.studio import Easel, Painting, Picturable, Source, open_easel
from impasto.study.eyes import Eyes, describe, labels

__all__ = ["EncoderStudy", "Result", "Step", "default_encoders", "default_judge", "open_study", "study_encoders"]


@dataclass(frozen=True)
class Result:
    """What an encoder painted, in how many seconds, and what the judge says; or ``failure``, why it did not."""

    eyes: Eyes
    painting: Painting | None = None
    seconds: float = 0.0
    judged: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True)
class Step:
    """Where a study stands: ``done`` is the share of the whole, 0..1.

    ``progress`` is the last step of the painting that is under way; at an encoder's end there is ``result`` instead.
    """

    eyes: Eyes
    done: float
    progress: Progress | None = None
    result: Result | None = None


@dataclass(frozen=True)
class EncoderStudy:
    """Everything checked and nothing painted: pull ``steps()``.

    ``content`` and ``style`` are the pictures as they are painted from, ``files`` those that no output may replace.
    """

    given: tuple[Picturable, Picturable]
    encoders: tuple[Encoder | str, ...]
    recipe: Recipe
    content: Source
    style: Source
    eyes: tuple[Eyes, ...]
    judge: Encoder | None
    machine: Mapping[str, Any]
    files: tuple[str, ...]
    allow_huge: bool = False

    def steps(self) -> Iterator[Step]:
        """One ``Step`` per step of a painting and one per result; to interrupt is to stop pulling."""
        costs = [eyes.kmacs or 1.0 for eyes in self.eyes]  # a large encoder is a large part of the work
        before = 0.0
        for given, eyes, cost in zip(self.encoders, self.eyes, costs, strict=True):
            try:
                for at in self._paint(given, eyes):
                    done = 1.0 if isinstance(at, Result) else at.done
                    share = (before + done * cost) / sum(costs)
                    yield Step(eyes, share, result=at) if isinstance(at, Result) else Step(eyes, share, at)
            # Whatever is wrong with one encoder, the others are still worth seeing.
            except Exception as error:
                why = str(error) if isinstance(error, ImpastoError) else f"{type(error).__name__}: {error}"
                failed = Result(eyes, failure=" ".join(why.split()))
                yield Step(eyes, (before + cost) / sum(costs), result=failed)
            before += cost

    def _paint(self, given: Encoder | str, eyes: Eyes) -> Iterator[Progress | Result]:
        easel = _open(self.given, given, self.recipe, self.allow_huge)
        # One step that does not count: what torch sets up once (a second, measured) is not the first encoder's cost.
        next(easel.paint())
        seconds, began = 0.0, time.perf_counter()
        for last in easel.paint():
            seconds += time.perf_counter() - began
            yield last
            began = time.perf_counter()  # what the watcher did meanwhile is not painting
        painting = easel.painting(last)
        seconds += time.perf_counter() - began
        judged: Mapping[str, float] = {}
        if self.judge is not None:
            judge = Judge(self.content.image, self.style.image, self.judge, size=self.recipe.size)
            judged = judge.distances(painting.image)
        yield Result(eyes, painting, seconds, judged)


def default_encoders() -> tuple[str, ...]:
    """Random weights, the built-in encoder and every VGG-19 that is installed."""
    return ("random", "builtin", *(item.name for item in KNOWN if installed(item.name)))


def open_study(
    content: Picturable,
    style: Picturable,
    encoders: Sequence[Encoder | str] = (),
    recipe: Recipe | None = None,
    *,
    judge: Encoder | str | None = None,
    allow_huge: bool = False,
    **changes: Any,
) -> EncoderStudy:
    """Load and check all that the paintings need: nothing is painted yet.

    ``encoders`` are names, files or an ``Encoder`` of one's own, ``default_encoders()`` where none is given; ``judge``
    likewise, the installed VGG-19 by default. ``changes`` are options of ``Recipe``. Raises ``ImpastoError`` with one
    line for anything that cannot be used, and where two of the encoders are the same one.
    """
    recipe = (recipe or Recipe()).but(**changes)
    chosen = tuple(encoders) or default_encoders()
    first: Easel | None = None
    found: dict[str, Eyes] = {}
    files: set[str] = set()
    for given, label in zip(chosen, labels(chosen), strict=True):
        name = given if isinstance(given, str) else label
        try:
            easel = _open((content, style), given, recipe, allow_huge)
        except ImpastoError as error:
            if first is None:  # as like as not the pictures, which come before the encoder
                raise
            raise InputError(f"--encoder {name}: {error}") from None
        sha256 = easel.about["encoder"]["sha256"]
        if sha256 in found:
            same = found[sha256].label
            raise InputError(f"--encoder {name} is the same encoder as {same} (sha256 {sha256[:12]}…): give it once")
        found[sha256] = describe(given, label, easel.encoder, recipe, sha256)
        files.update(easel.files)
        # Only the first easel's pictures are kept: with every encoder open, large ones would not fit into memory.
        first = first or easel
    assert first is not None
    if isinstance(judge, str):
        files.add(os.path.abspath(os.path.expanduser(judge)))
    return EncoderStudy(
        (content, style),
        chosen,
        recipe,
        first.content,
        first.styles[0],
        tuple(found.values()),
        _judge(judge),
        first.about["machine"],
        tuple(sorted(files)),
        allow_huge,
    )


def study_encoders(
    content: Picturable,
    style: Picturable,
    encoders: Sequence[Encoder | str] = (),
    recipe: Recipe | None = None,
    **options: Any,
) -> Iterator[Step]:
    """Paint through one encoder after the other: ``step.result`` is what one painted, at its end.

    ``options`` are those of ``open_study``; what cannot be used is told at once, not at the first step.
    """
    return open_study(content, style, encoders, recipe, **options).steps()


def _open(pictures: tuple[Picturable, Picturable], given: Encoder | str, recipe: Recipe, allow_huge: bool) -> Easel:
    return open_easel(*pictures, recipe, encoder=given, allow_huge=allow_huge)


def _judge(given: Encoder | str | None) -> Encoder | None:
    name = default_judge() if given is None else given
    return name if name is None or isinstance(name, Encoder) else load_judge(name)
