"""Films that are no film files: folders of frames, and animated GIF, PNG and WebP, through Pillow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from impasto.errors import InputError, MediaError
from impasto.media.decode import MAX_PIXELS, open_picture, picture_kind
from impasto.media.files import open_file, shown
from impasto.media.film import FilmInfo, Shot
from impasto.media.image import READ_SUFFIXES, load_picture, resize_to

__all__ = ["animation_info", "animation_shots", "folder_info", "folder_shots", "is_picture"]

_FOLDER_RATE = Fraction(25)
_PAUSE = 100  # milliseconds that browsers show a frame of a GIF which names no time, or next to none
_SIDEWAYS = (5, 6, 7, 8)  # Exif orientations that swap the sides


def is_picture(path: Path | str) -> bool:
    """Whether the file begins as a picture does, moving or not."""
    with open_file(path) as stream:
        return picture_kind(stream.read(512)) is not None


# ── folders ──


def folder_info(folder: Path | str, rate: Fraction | None = None) -> FilmInfo:
    """The pictures of a folder as a film of ``rate`` frames a second, 25 without; by name, 2 before 10.

    Raises ``InputError`` where there are none, or where they differ in size.
    """
    files = _frames(folder)
    width, height = _size(files[0])
    for file in files:
        if _size(file) != (width, height):
            other = _size(file)
            raise InputError(
                f"frames of a film are of one size: {shown(files[0])} is {width}×{height}, "
                f"{shown(file)} is {other[0]}×{other[1]}; take it out of the folder, or resize it"
            )
    rate = rate or _FOLDER_RATE
    count = len(files)
    kind = files[0].suffix.lower().lstrip(".")
    return FilmInfo(str(folder), "folder", width, height, rate, count, count / rate, False, False, 1 / rate, kind)


def folder_shots(folder: Path | str, info: FilmInfo) -> Iterator[Shot]:
    """Every picture of the folder as a frame."""
    for number, file in enumerate(_frames(folder)):
        yield number / info.rate, partial(_loaded, file)


def _loaded(file: Path, height: int, width: int) -> Tensor:
    picture = load_picture(file)
    image = picture.image if picture.alpha is None else picture.image * picture.alpha + (1 - picture.alpha)
    return resize_to(image, height, width)


def _frames(folder: Path | str) -> list[Path]:
    try:
        found = [file for file in Path(folder).iterdir() if file.suffix.lower() in READ_SUFFIXES]
    except OSError as error:
        raise MediaError(f"{shown(folder)} cannot be listed ({error.strerror}): allow reading it") from None
    found = [file for file in found if not file.name.startswith(".")]
    if not found:
        raise InputError(f"{shown(folder)} holds no pictures: expected a folder of frames, as frame-001.png")
    return sorted(found, key=lambda file: _natural(file.name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """For sorting as a person does: frame-2 before frame-10."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts] + [(1, 0, name)]


def _size(file: Path) -> tuple[int, int]:
    """Width and height, upright, by the header alone."""
    with open_file(file) as stream:
        image = open_picture(stream, shown(file))
        width, height = image.size
        turned = image.format != "TIFF" and image.getexif().get(0x0112) in _SIDEWAYS
    return (height, width) if turned else (width, height)


# ── animated pictures ──


def animation_info(path: Path | str) -> FilmInfo:
    """What an animated GIF, PNG or WebP tells; ``InputError`` for a picture that does not move."""
    with open_file(path) as stream:
        image = open_picture(stream, shown(path))
        if getattr(image, "n_frames", 1) < 2:
            raise InputError(f"{shown(path)} is a picture, not a film: impasto image paints pictures")
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise MediaError(f"{shown(path)} is {width}×{height} pixels, more than {MAX_PIXELS / 1e6:.0f} megapixels")
        pauses, clear = _pauses(image, shown(path))
        kind = (image.format or "gif").lower()
    total = Fraction(sum(pauses), 1000)
    remarks = ("its transparent places are laid on white",) if clear else ()
    rate = Fraction(1000, pauses[0]) if len(set(pauses)) == 1 else len(pauses) / total
    varies = max(pauses) - min(pauses) > 10
    base = Fraction(1, 1000)
    return FilmInfo(str(path), "animation", width, height, rate, len(pauses), total, False, varies, base, kind, remarks)


def animation_shots(path: Path | str, info: FilmInfo, remarks: list[str]) -> Iterator[Shot]:
    """Every frame of the animation; a damaged one ends it, with a line in ``remarks``."""
    with open_file(path) as stream:
        image, time = open_picture(stream, shown(path)), Fraction(0)
        for number in range(info.frames or 0):
            try:
                image.seek(number)
                pixels = np.asarray(image.convert("RGBA"), dtype=np.float32)
                pause = _pause(image)
            except Exception as error:  # on damaged files Pillow raises nearly anything
                remarks.append(
                    f"{shown(path)} is damaged after {number} of {info.frames} frames ({_short(error)}): "
                    "what could be read is used"
                )
                return
            yield time, partial(_on_white, pixels)
            time += Fraction(pause, 1000)


def _pauses(image: Any, name: str) -> tuple[list[int], bool]:
    """How long each frame is shown, in milliseconds, and whether any has transparent places."""
    pauses, clear = [], False
    for number in range(image.n_frames):
        try:
            image.seek(number)
            image.load()
        except Exception as error:
            if number < 2:
                raise MediaError(f"{name} is damaged ({_short(error)}): copy or download it again") from None
            break
        pauses.append(_pause(image))
        clear = clear or (image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255)
    return pauses, clear


def _pause(image: Image.Image) -> int:
    pause = round(float(image.info.get("duration", 0) or 0))
    return pause if pause > 10 else _PAUSE


def _on_white(pixels: np.ndarray[Any, Any], height: int, width: int) -> Tensor:
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    flat = values[:, :3] * values[:, 3:] + (1 - values[:, 3:])
    return resize_to(flat, height, width)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:100].lower() or type(error).__name__
