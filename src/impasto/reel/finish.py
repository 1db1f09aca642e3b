"""Painted frames to a film: at the source's times, with its sound, the recipe inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.media.color import keep_colors
from impasto.media.frames import FilmWriter
from impasto.reel.film import Reel, Shots
from impasto.reel.work import Work

__all__ = ["preview_name", "write_film"]


def preview_name(out: Path) -> Path:
    """Where the film so far goes: ``clip-preview.mp4`` for ``clip.mp4``."""
    return out.with_name(f"{out.stem}-preview{out.suffix}")


def write_film(
    out: Path,
    reel: Reel,
    shots: Shots,
    work: Work,
    *,
    codec: str = "auto",
    quality: int | None = None,
    count: int | None = None,
    sound: bool = True,
) -> Iterator[list[str]]:
    """Write the kept frames, or the first ``count`` of them, to ``out``; yields the writer's remarks after each frame.

    The file appears whole, with the last pull. Raises ``MediaError`` where it cannot be written.
    """
    height, width = reel.shape
    frames = len(shots.times) if count is None else count
    about: dict[str, Any] = {**reel.about, "output": {"codec": codec, "quality": quality}}
    writer = FilmWriter(
        out,
        width,
        height,
        reel.rate,
        sound_from=reel.path if sound and reel.info.has_sound else None,
        end=reel.stretch.end,
        time_base=reel.info.time_base,
        codec=codec,
        quality=quality,
        comment=json.dumps(about, ensure_ascii=False),
    )
    with writer:
        for index, image in enumerate(_coloured(reel, shots, work, frames)):
            writer.write(image, reel.time(shots.times[index]))
            yield writer.remarks
        writer.close(whole=count is None)
    yield writer.remarks


def _coloured(reel: Reel, shots: Shots, work: Work, count: int) -> Iterator[Tensor]:
    """The first ``count`` frames as they are kept, or with the colours of the film, where these are to stay."""
    recipe = reel.painter.recipe
    if recipe.color != "content":
        yield from map(work.load, range(count))
        return
    for index, frame in reel.frames(shots, range(count)):
        yield keep_colors(work.load(index), frame, recipe.color_space)
