"""A film opened: its stretch, its shots, the painter, and all that the recipe in the finished film will tell."""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import ImpastoError, InputError, MediaError
from impasto.film import FilmOptions, check_recipe_of_film
from impasto.media.cuts import CutFinder
from impasto.media.files import file_sha256, shown
from impasto.media.frames import FilmInfo, FilmReader, probe, read_frames
from impasto.media.image import resize_to, sized
from impasto.paint.optimise import OptimisePainter, ladder
from impasto.recipe import Recipe
from impasto.reel.loop import Homecoming
from impasto.studio import Easel, open_easel

__all__ = ["Reel", "Shots", "Stretch", "digest", "open_painter", "open_reel", "scan"]

_SCANNED = 64  # pixels at which cuts are looked for


@dataclass(frozen=True)
class Stretch:
    """Which frames of a film are meant: from ``start`` up to ``end`` seconds, every ``every``-th."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None
    every: int = 1
    rate: Fraction | None = None  # of a folder of frames

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "start": str(self.start),
            "end": None if self.end is None else str(self.end),
            "every": self.every,
            "rate": None if self.rate is None else str(self.rate),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Stretch:
        """What ``as_dict`` gave."""
        end, rate = values["end"], values["rate"]
        return cls(
            Fraction(values["start"]),
            None if end is None else Fraction(end),
            values["every"],
            None if rate is None else Fraction(rate),
        )


@dataclass(frozen=True)
class Shots:
    """What a first look at the frames tells: their ``times``, in ticks of the film's time base, and the ``cuts``."""

    times: array[int]
    cuts: tuple[int, ...]
    remarks: tuple[str, ...] = ()

    def ranges(self) -> tuple[range, ...]:
        """The indices of each shot's frames."""
        edges = [0, *self.cuts, len(self.times)]
        return tuple(range(a, b) for a, b in itertools.pairwise(edges))


@dataclass(frozen=True)
class Reel:
    """A film ready to be painted. ``about`` goes into the finished one; ``files`` no output may replace."""

    path: str
    info: FilmInfo
    stretch: Stretch
    options: FilmOptions
    easel: Easel
    painter: OptimisePainter
    about: Mapping[str, Any]
    files: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the painted frames."""
        return sized(self.info.height, self.info.width, self.painter.recipe.size)

    @property
    def rate(self) -> Fraction:
        """Frames a second of the painted film."""
        return self.info.rate / self.stretch.every

    def time(self, ticks: int) -> Fraction:
        """Seconds of the source."""
        return ticks * self.info.time_base

    def look(self) -> FilmReader:
        """The frames of the stretch, tiny: enough to find cuts."""
        size = min(_SCANNED, max(self.info.height, self.info.width))
        stretch = self.stretch
        return read_frames(
            self.path, start=stretch.start, end=stretch.end, every=stretch.every, size=size, info=self.info
        )

    def frames(self, shots: Shots, wanted: range, *, size: int | None = None) -> Iterator[tuple[int, Tensor]]:
        """The frames ``wanted``, a stretch of a shot, at the painted size, with their indices; backwards if it is so.

        A film is read forwards only: backwards means by the dozen, each dozen turned round.
        """
        if not wanted:
            return
        if wanted.step < 0:
            low, high = wanted[-1], wanted[0] + 1
            for top in range(high, low, -_DOZEN):
                yield from reversed(list(self.frames(shots, range(max(low, top - _DOZEN), top), size=size)))
            return
        start = self.time(shots.times[wanted[0]])
        end = self.time(shots.times[wanted[-1] + 1]) if wanted[-1] + 1 < len(shots.times) else self.stretch.end
        reader = read_frames(
            self.path, start=start, end=end, every=self.stretch.every, size=size or max(self.shape), info=self.info
        )
        try:
            for index, frame in zip(wanted, reader, strict=False):
                yield index, resize_to(frame.image, *self.shape) if size is None else frame.image
        finally:
            reader.close()


_DOZEN = 12


def open_painter(
    shape: tuple[int, int],
    styles: Sequence[Path | str],
    recipe: Recipe,
    options: FilmOptions,
    *,
    weights: Path | str | None = None,
    allow_huge: bool = False,
) -> tuple[Easel, OptimisePainter]:
    """The easel of a film whose frames are of ``shape`` (height, width): all but its frames.

    Raises ``ImpastoError`` for a style, a recipe or an encoder that cannot be used.
    """
    check_recipe_of_film(recipe)
    if options.init == "noise":
        recipe = recipe.but(init="noise")  # a fixed one: its seed is the recipe's
    # Frame by frame a polish would take away again what makes a film calm; later frames are not seen in a mirror, and must
    # want what the first one did.
    recipe = recipe.but(polish=0, mirror="off" if recipe.mirror == "auto" else recipe.mirror)
    ladder(recipe, *shape)
    try:
        easel = open_easel(
            _stand_in(*sized(*shape, recipe.size)), list(styles), recipe, weights=weights, allow_huge=allow_huge
        )
    except MediaError:
        for style in styles:
            _check_no_film(style)
        raise
    assert isinstance(easel.painter, OptimisePainter)
    return easel, easel.painter


def open_reel(
    film: Path | str,
    styles: Sequence[Path | str],
    recipe: Recipe,
    options: FilmOptions,
    stretch: Stretch | None = None,
    *,
    weights: Path | str | None = None,
    allow_huge: bool = False,
) -> Reel:
    """Load and check all that painting a film needs; nothing is painted, and no frame is read yet.

    Raises ``ImpastoError`` with one line for anything that cannot be used.
    """
    stretch = stretch or Stretch()
    path = str(Path(film).absolute())
    info = probe(film, rate=stretch.rate)
    reader = read_frames(film, start=stretch.start, end=stretch.end, every=stretch.every, info=info)
    reader.close()
    easel, painter = open_painter(
        (info.height, info.width), styles, recipe, options, weights=weights, allow_huge=allow_huge
    )
    about = {
        **{key: value for key, value in easel.about.items() if key != "content"},
        "recipe": painter.recipe.as_dict(),
        "film": options.as_dict(),
        "source": {"path": path, "sha256": digest(film), **stretch.as_dict()},
    }
    return Reel(path, info, stretch, options, easel, painter, about, (path, *easel.files))


def scan(reel: Reel) -> Iterator[tuple[int, Shots | None]]:
    """Look through the film once, at 64 pixels: yields how many frames were seen, and at the end what they tell.

    Raises ``InputError`` where no frame can be read.
    """
    finder, cuts, times = CutFinder(), [], array("q")
    home = Homecoming() if reel.options.loop == "on" else None
    with closing(reel.look()) as reader:
        for frame in reader:
            if finder(frame.image) and reel.options.cuts == "auto":
                cuts.append(len(times))
            times.append(round(frame.time / reel.info.time_base))
            if home is not None:
                home(frame.image)
            yield len(times), None
    if not times:
        raise InputError(f"{shown(reel.path)}: no frame of it could be read; copy it again, or choose another stretch")
    told = [] if home is None else home.remarks(len(cuts), [reel.time(ticks) for ticks in times])
    yield len(times), Shots(times, tuple(cuts), (*reader.remarks, *told))


def _stand_in(height: int, width: int) -> Tensor:
    """A picture of a frame's size: an easel wants something to look at, and a film may begin in black."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    return torch.stack([rows.expand(height, width), columns.expand(height, width), rows * columns])[None].contiguous()


def _check_no_film(style: Path | str) -> None:
    """Say of a style that is no picture that it is a film, or a folder. Of a GIF the first frame is a picture."""
    if Path(style).is_dir():
        raise InputError(f"{shown(style)} is a folder: expected a picture as style, as one of those in it")
    try:
        info = probe(style)
    except ImpastoError:
        return  # neither: the easel says what is wrong with it
    if info.kind == "film":
        raise InputError(
            f"{shown(style)} is a film of {info.width}×{info.height} pixels: expected a picture as style; "
            "save one frame of it as a picture"
        ) from None


def digest(film: Path | str) -> str:
    """SHA-256 of the film's bytes; of a folder, of its pictures' names and bytes."""
    if not Path(film).is_dir():
        return file_sha256(film)
    digest = hashlib.sha256()
    for file in sorted(Path(film).iterdir()):
        if file.is_file() and not file.name.startswith("."):
            digest.update(f"{file.name}\0{file_sha256(file)}\0".encode())
    return digest.hexdigest()
