"""Frames to films: H.264, ProRes or FFV1 with the sound of the source, GIF, WebP, and folders of PNG.

A film is written under a hidden name and moved into place when it is whole. The same frames give the same bytes.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import AbstractContextManager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import torch
from torch import Tensor

from impasto.errors import InputError, MediaError
from impasto.media.files import part_beside, shown
from impasto.media.film_encode import FilmFile
from impasto.media.film_place import check_film, codec_for
from impasto.media.image import save_image

__all__ = ["FilmWriter", "codec_for"]

_HOLDS_NO_SOUND = {"gif": "a GIF", "webp": "a WebP", "frames": "a folder of frames"}
_QUALITY = 80  # x264's CRF 18: no difference to be seen


class FilmWriter(AbstractContextManager["FilmWriter"]):
    """A film that is written frame by frame: ``with FilmWriter(…) as film: film.write(image, time)``.

    ``width`` and ``height`` are of the images, ``rate`` in frames a second (exactly: a ``Fraction``). With ``time_base``,
    a source's own, every frame keeps its time to the tick, also at a variable rate. ``sound_from`` names a film whose
    sound streams are copied as they are, from the time of the first frame to ``end`` seconds.

    ``codec`` is ``auto`` (by the suffix), ``h264``, ``prores``, ``ffv1`` (lossless), ``gif``, ``webp`` or ``frames`` (a
    folder of PNG). ``quality`` 1..100 is of H.264 and WebP, 80 without. ``comment`` is a text kept in the file, but for
    GIF, WebP and folders. Left with an error, nothing is kept; ``close(whole=False)`` ends the film, and its sound, with
    the last frame. Raises ``InputError`` and ``MediaError`` at once where it cannot work.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        rate: Fraction,
        *,
        sound_from: Path | str | None = None,
        end: float | Fraction | None = None,
        time_base: Fraction | None = None,
        codec: str = "auto",
        quality: int | None = None,
        comment: str | None = None,
    ) -> None:
        if width < 1 or height < 1 or rate <= 0:
            raise InputError(
                f"a film of {width}×{height} pixels at {rate} frames a second: expected more than 0 of each"
            )
        check_film(path, codec=codec, quality=quality)
        self.path, self.width, self.height, self.rate = Path(path), width, height, Fraction(rate)
        self.remarks: list[str] = []
        self.frames = 0
        self._origin: Fraction | None = None
        self._target = Path(os.path.realpath(path))
        self._part = part_beside(self._target)
        self._open = True
        chosen = codec_for(path, codec)
        sink: _Sink
        try:
            if chosen == "frames":
                sink = _Folder(self._part)
            else:
                sink = FilmFile(self._part, self, chosen, time_base, quality or _QUALITY, sound_from, end, comment)
        except BaseException:
            self._remove()
            raise
        self._sink = sink
        if sound_from is not None and chosen in _HOLDS_NO_SOUND:
            self.remarks.append(f"{_HOLDS_NO_SOUND[chosen]} holds no sound")

    def write(self, image: Tensor, time: Fraction | None = None) -> None:
        """Add ``image`` (1, 3, H, W), 0..1, shown from ``time`` seconds of the source on; without, one frame later."""
        if tuple(image.shape) != (1, 3, self.height, self.width):
            raise InputError(f"a frame {tuple(image.shape)} for a film of {self.width}×{self.height} pixels")
        if not bool(torch.isfinite(image).all()):
            raise InputError(
                f"{shown(self.path)}: frame {self.frames} has values that are no finite numbers (NaN); "
                "a lower --learning-rate or --precision float32 may help"
            )
        if self._origin is None:
            self._origin = Fraction(time or 0)
        at = self.frames / self.rate if time is None else Fraction(time) - self._origin
        with self._told():
            self._sink.write(image, at, self._origin)
        self.frames += 1

    def close(self, *, whole: bool = True) -> None:
        """Finish the file and move it into place. ``whole=False``: the film ends here, and so does the sound."""
        if not self._open:
            return
        self._open = False
        try:
            if not self.frames:
                raise MediaError(f"{shown(self.path)} was not written: there was no frame")
            with self._told():
                self._sink.finish(whole)
                if self._target.is_dir():
                    self._target.rmdir()  # an empty one, as check_film has seen to
                os.replace(self._part, self._target)
            self.remarks += self._sink.remarks
        finally:
            self._sink.drop()
            self._remove()

    def abort(self) -> None:
        """Stop, and leave nothing."""
        if self._open:
            self._open = False
            self._sink.drop()
            self._remove()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _told(self) -> _Told:
        return _Told(self.path)

    def _remove(self) -> None:
        with suppress(OSError):
            if self._part.is_dir():
                shutil.rmtree(self._part)
            else:
                self._part.unlink()


class _Told(AbstractContextManager["_Told"]):
    """What goes wrong in writing, as one line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        av = sys.modules.get("av")  # a folder of frames is written without it
        if isinstance(error, OSError) or (av is not None and isinstance(error, av.error.FFmpegError)):
            why = (getattr(error, "strerror", None) or str(error)).lower()
            raise MediaError(
                f"{shown(self.path)} could not be written: {why}; free some space, or choose another folder"
            ) from None


class _Sink(Protocol):
    remarks: list[str]

    def write(self, image: Tensor, at: Fraction, origin: Fraction) -> None: ...
    def finish(self, whole: bool) -> None: ...
    def drop(self) -> None: ...


class _Folder:
    """A folder of PNG, numbered from 1."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.remarks: list[str] = []
        folder.mkdir()

    def write(self, image: Tensor, at: Fraction, origin: Fraction) -> None:
        self.count += 1
        save_image(image, self.folder / f"frame-{self.count:06d}.png")

    def finish(self, whole: bool) -> None: ...
    def drop(self) -> None: ...
