"""Where a film can be written, in which codec, and whether there is room: asked before any work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from impasto.errors import InputError, MediaError, UnknownNameError
from impasto.media.files import check_folder, shown

__all__ = ["CODECS", "check_film", "check_room", "codec_for", "film_bytes"]

# codec: the suffixes that can hold it, the first one to recommend
CODECS: dict[str, tuple[str, ...]] = {
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "prores": (".mov", ".mkv"),
    "ffv1": (".mkv",),
    "gif": (".gif",),
    "webp": (".webp",),
    "frames": ("",),
}
# Bytes a pixel and frame, generous: painted frames are all detail.
_BYTES = {"h264": 0.15, "prores": 0.9, "ffv1": 2.6, "gif": 1.2, "webp": 0.3, "frames": 3.2}
_SPARE = 200 << 20  # a disk that is filled to the last byte troubles every other program


def codec_for(path: Path | str, codec: str = "auto") -> str:
    """The codec that ``path`` asks for by its suffix: a name without one is a folder of frames.

    Raises ``InputError`` for a suffix that is no film's, or that cannot hold ``codec``.
    """
    suffix = Path(path).suffix.lower()
    if codec != "auto" and codec not in CODECS:
        raise UnknownNameError("codec", codec, ("auto", *CODECS))
    if Path(path).is_dir() and codec in ("auto", "frames"):
        return "frames"
    if codec == "auto":
        for name, suffixes in CODECS.items():
            if suffix in suffixes:
                return name
        known = [*dict.fromkeys(s for suffixes in CODECS.values() for s in suffixes if s)]
        raise InputError(
            f"{shown(path)}: no film is written as {suffix}: expected {', '.join(known)}, or a folder's name for frames"
        )
    if suffix not in CODECS[codec] and codec != "frames":
        raise InputError(
            f"{shown(path)} cannot hold {codec}: expected {' or '.join(CODECS[codec])}, "
            f"as in {shown(Path(path).with_suffix(CODECS[codec][0]))}"
        )
    return codec


def check_film(
    path: Path | str, inputs: Iterable[Path | str] = (), *, codec: str = "auto", quality: int | None = None
) -> None:
    """Before any work: can a film be written to ``path``, and is it none of the ``inputs``?

    Raises ``InputError`` for a suffix, codec or quality that does not fit and for a folder that is not empty,
    ``MediaError`` for a place that cannot be written to.
    """
    chosen = codec_for(path, codec)
    if quality is not None and chosen not in ("h264", "webp"):
        raise InputError(f"--film-quality is of H.264 and WebP: {chosen} has none; leave it out")
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"--film-quality {quality}: expected 1 to 100")
    for name in inputs:
        if Path(path).exists() and Path(name).exists() and Path(path).samefile(name):
            raise InputError(f"{shown(path)} is one of the inputs: choose another output with -o")
    if chosen != "frames":
        check_folder(path)
    elif not Path(path).exists():
        check_folder(path)  # where a file can be put, a folder can be made
    elif not Path(path).is_dir():
        raise InputError(f"{shown(path)} is a file: give a new folder's name for frames, or end it in .mp4 for a film")
    elif any(Path(path).iterdir()):
        raise InputError(f"{shown(path)} is not empty: give a new folder's name, so that frames of two films never mix")


def film_bytes(width: int, height: int, frames: int, codec: str) -> int:
    """About how many bytes a film of ``frames`` frames will take, rather too many."""
    return round(width * height * frames * _BYTES[codec])


def check_room(folder: Path | str, needed: int, what: str = "the film") -> None:
    """Raise ``MediaError`` unless the disk of ``folder`` has room for ``needed`` bytes, and some to spare."""
    place = Path(os.path.realpath(folder))
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed + _SPARE:
        raise MediaError(
            f"{what} takes about {needed / 1e9:.1f} GB, and {shown(place)} has {free / 1e9:.1f} GB free: "
            "free some space, choose another folder, or a smaller --size"
        )
