"""Films <-> frames. No other part of the package opens a film, except through these functions.

A film is a file that PyAV reads, an animated GIF, PNG or WebP, or a folder of pictures. One frame at a time is held:
memory does not grow with a film's length. PyAV and OpenCV come with ``impasto[film]``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

from impasto.errors import InputError
from impasto.media.film import SLACK, FilmInfo, Frame, Shot
from impasto.media.film_place import check_film, check_room, codec_for, film_bytes
from impasto.media.film_read import film_info, film_shots
from impasto.media.film_stills import animation_info, animation_shots, folder_info, folder_shots, is_picture
from impasto.media.film_write import FilmWriter
from impasto.media.image import sized

__all__ = [
    "FilmInfo",
    "FilmReader",
    "FilmWriter",
    "Frame",
    "check_film",
    "check_room",
    "codec_for",
    "film_bytes",
    "probe",
    "read_frames",
]

Seconds = float | Fraction


def probe(path: Path | str, *, rate: Fraction | None = None) -> FilmInfo:
    """What the film at ``path`` is: size, rate, length, sound. ``rate`` is of folders of frames, which name none.

    Raises ``MediaError`` where it is no film or cannot be read, ``InputError`` for a still picture, an empty folder, and
    where PyAV is not installed.
    """
    if rate is not None and not 0 < rate <= 1000:
        raise InputError(f"a rate of {float(rate):g} frames a second: expected more than 0, up to 1000")
    if Path(path).is_dir():
        return folder_info(path, rate)
    info = animation_info(path) if is_picture(path) else film_info(path)
    if rate is not None:
        raise InputError(f"{path} has a rate of its own, {float(info.rate):g} frames a second: --rate is of folders")
    return info


def read_frames(
    path: Path | str,
    *,
    start: Seconds = 0.0,
    end: Seconds | None = None,
    every: int = 1,
    size: int | None = None,
    info: FilmInfo | None = None,
) -> FilmReader:
    """The frames of the film from ``start`` up to, and without, ``end`` (seconds), every ``every``-th of them.

    ``size`` is their longer side, in pixels; without it as the film has it. ``info`` is what ``probe`` has told, if it has.
    A truncated or damaged film gives what can be read, and its reader's ``remarks`` say so at the end. Raises at once what
    ``probe`` raises, and ``InputError`` for a stretch that holds nothing.
    """
    info = info or probe(path)
    _check_stretch(info, start, end, every, size)
    return FilmReader(info, Fraction(start), None if end is None else Fraction(end), every, size)


class FilmReader(Iterator[Frame]):
    """Frames, one at a time. ``info`` is the film's, ``size`` (height, width) the frames'; ``remarks`` grow while it reads."""

    def __init__(self, info: FilmInfo, start: Fraction, end: Fraction | None, every: int, size: int | None) -> None:
        self.info, self.remarks = info, list(info.remarks)
        self.size = (info.height, info.width) if size is None else sized(info.height, info.width, size)
        self.count = info.count(start, end, every)  # how many there will be, as far as the file tells
        self._frames = self._selected(start, end, every)

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """Let go of the file."""
        self._frames.close()

    def _selected(self, start: Fraction, end: Fraction | None, every: int) -> Generator[Frame, None, None]:
        index = 0
        for time, image in _shots(self.info, start, self.remarks):
            if time < start - SLACK:
                continue
            if end is not None and time >= end - SLACK:
                return
            if index % every == 0:
                yield Frame(image(*self.size), time, index)
            index += 1


def _shots(info: FilmInfo, start: Fraction, remarks: list[str]) -> Iterator[Shot]:
    if info.kind == "folder":
        return folder_shots(info.path, info)
    if info.kind == "animation":
        return animation_shots(info.path, info, remarks)
    return film_shots(info.path, info, start, remarks)


def _check_stretch(info: FilmInfo, start: Seconds, end: Seconds | None, every: int, size: int | None) -> None:
    if every < 1:
        raise InputError(f"--every {every}: expected 1 for every frame, 2 for every second one, and so on")
    if size is not None and size < 1:
        raise InputError(f"--size {size}: expected 1 pixel or more")
    if start < 0:
        raise InputError(f"--start {float(start):g}: expected 0 or later")
    if end is not None and end <= start:
        raise InputError(f"--end {float(end):g} is not after --start {float(start):g}: nothing would be left")
    if info.duration is not None and start >= info.duration and start > 0:
        raise InputError(f"--start {float(start):g} is beyond the end: {info.path} takes {float(info.duration):.2f} s")
