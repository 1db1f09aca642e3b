"""Frames to films: H.264, ProRes or FFV1 with the sound of the source, GIF, and folders of PNG.

A film is written under a hidden name and moved into place when it is whole. The same frames give the same bytes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from impasto.errors import InputError, MediaError, UnknownNameError
from impasto.media.files import check_folder, part_beside, shown
from impasto.media.film_read import pyav, swscale_flags
from impasto.media.film_sound import Sound
from impasto.media.image import save_image

__all__ = ["CODECS", "FilmWriter", "check_film", "check_room", "codec_for", "film_bytes"]

# codec: the suffixes that can hold it, the first one to recommend
CODECS: dict[str, tuple[str, ...]] = {
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "prores": (".mov", ".mkv"),
    "ffv1": (".mkv",),
    "gif": (".gif",),
    "frames": ("",),
}
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".gif": "gif"}
_QUALITY = 80  # x264's CRF 18: no difference to be seen
# Bytes a pixel and frame, generous: painted frames are all detail.
_BYTES = {"h264": 0.15, "prores": 0.9, "ffv1": 2.6, "gif": 1.2, "frames": 3.2}
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
    if quality is not None and chosen != "h264":
        raise InputError(f"--film-quality is of H.264: {chosen} has none; leave it out")
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


class FilmWriter(AbstractContextManager["FilmWriter"]):
    """A film that is written frame by frame: ``with FilmWriter(…) as film: film.write(image, time)``.

    ``width`` and ``height`` are of the images, ``rate`` in frames a second (exactly: a ``Fraction``). With ``time_base``,
    a source's own, every frame keeps its time to the tick, also at a variable rate. ``sound_from`` names a film whose
    sound streams are copied as they are, from the time of the first frame to ``end`` seconds.

    ``codec`` is ``auto`` (by the suffix), ``h264``, ``prores``, ``ffv1`` (lossless), ``gif`` or ``frames`` (a folder of
    PNG). ``quality`` 1..100 is of H.264, 80 without. ``comment`` is a text kept in the file, but for GIF
    and folders. Left with an error, nothing is kept; ``close(whole=False)`` ends the film, and its sound, with the last
    frame. Raises ``InputError`` and ``MediaError`` at once where it cannot work.
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
                sink = _Film(self._part, self, chosen, time_base, quality or _QUALITY, sound_from, end, comment)
        except BaseException:
            self._remove()
            raise
        self._sink = sink
        if sound_from is not None and chosen in ("gif", "frames"):
            self.remarks.append(f"{'a GIF' if chosen == 'gif' else 'a folder of frames'} holds no sound")

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


class _Film:
    """A file with one stream of pictures, and the sound beside it."""

    def __init__(
        self,
        part: Path,
        film: FilmWriter,
        codec: str,
        time_base: Fraction | None,
        quality: int,
        sound_from: Path | str | None,
        end: float | Fraction | None,
        comment: str | None,
    ) -> None:
        av = pyav()
        self.codec, self.rate = codec, film.rate
        self.base = Fraction(1, 100) if codec == "gif" else Fraction(time_base or 1 / film.rate)
        self.remarks: list[str] = []
        self.last = -1
        suffix = film.path.suffix.lower()
        # bitexact: no random numbers and no dates in the file, so that the same frames give the same bytes.
        options = {"fflags": "+bitexact"}
        if suffix in (".mp4", ".m4v", ".mov"):
            options["movflags"] = "+faststart"  # the index first: browsers play before all is there
        self.container = av.open(str(part), "w", format=_FORMATS[suffix], options=options)
        if comment is not None and codec != "gif":
            self.container.metadata["comment"] = comment
        self.sound: Sound | None = None
        try:
            self._streams(film, quality)
            if sound_from is not None and codec != "gif":
                self._add_sound(film, sound_from, None if end is None else Fraction(end))
            self.container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            self.drop()
            why = (getattr(error, "strerror", None) or str(error)).lower()
            raise MediaError(
                f"{shown(film.path)} cannot be begun ({why}): the sound may be of a kind that {suffix} does not hold; "
                "write to .mkv, which holds all"
            ) from None
        except BaseException:
            self.drop()
            raise

    def _streams(self, film: FilmWriter, quality: int) -> None:
        names = {"h264": "libx264", "prores": "prores_ks", "ffv1": "ffv1", "gif": "gif"}
        stream = self.container.add_stream(names[self.codec], rate=self.rate)
        context = stream.codec_context
        even = self.codec in ("h264", "prores")
        stream.width = film.width + (film.width % 2 if even else 0)
        stream.height = film.height + (film.height % 2 if even and self.codec == "h264" else 0)
        if (stream.width, stream.height) != (film.width, film.height):
            film.remarks.append(
                f"{self.codec} wants even sides: the last line of {film.width}×{film.height} is repeated, "
                f"the film is {stream.width}×{stream.height}"
            )
        context.time_base = self.base
        if self.codec == "h264":
            stream.pix_fmt = "yuv420p"
            stream.options = {"crf": f"{10 + (100 - quality) * 0.4:.1f}", "preset": "medium"}
        elif self.codec == "prores":
            stream.pix_fmt = "yuv422p10le"
            stream.options = {"profile": "hq", "vendor": "apl0"}
        elif self.codec == "ffv1":
            stream.pix_fmt = "bgr0"
            stream.options = {"level": "3"}
        if self.codec in ("h264", "prores"):
            # Limited range by the matrix of BT.709, and the file says so: players show the colours that were painted.
            context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        if self.codec == "gif":
            stream.pix_fmt = "pal8"
            self.palette = _Palette(film.width, film.height, self.base)
        self.stream = stream

    def _add_sound(self, film: FilmWriter, sound_from: Path | str, end: Fraction | None) -> None:
        self.sound = Sound(sound_from, self.container, end)

    def write(self, image: Tensor, at: Fraction, origin: Fraction) -> None:
        if self.last < 0 and self.sound:
            self.sound.begin(origin)
        pts = round(at / self.base)
        if self.codec == "gif" and self.last >= 0 and pts < self.last + 2:
            return  # browsers slow down what is faster than 50 frames a second
        self.last = max(pts, self.last + 1)
        for frame in self._frames(image):
            frame.pts, frame.time_base = self.last, self.base
            frame.duration = max(1, round(1 / self.rate / self.base))
            self._mux(self.stream.encode(frame))
        if self.sound:
            self.sound.until(origin + at)

    def finish(self, whole: bool) -> None:
        self._mux(self.stream.encode(None))
        if self.sound:
            if whole:
                self.sound.until(None)
            if self.sound.remark:
                self.remarks.append(self.sound.remark)
        self.container.close()

    def drop(self) -> None:
        with suppress(Exception):  # a file that is thrown away may end as it likes
            if self.sound:
                self.sound.close()
        with suppress(Exception):
            self.container.close()

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            self.container.mux(packet)

    def _frames(self, image: Tensor) -> list[Any]:
        av = pyav()
        # Ten bits of ProRes are filled from sixteen; swscale takes 65280 for white there, as it gives it.
        deep = self.codec == "prores"
        values = image[0].detach().clamp(0, 1).permute(1, 2, 0).cpu().float()
        codes = (values * (65280 if deep else 255)).round().numpy().astype(np.uint16 if deep else np.uint8)
        height, width = codes.shape[:2]
        codes = np.pad(codes, ((0, self.stream.height - height), (0, self.stream.width - width), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(codes), format="rgb48le" if deep else "rgb24")
        if self.codec == "gif":
            return [self.palette(frame)]
        if self.codec == "ffv1":
            return [frame.reformat(format="bgr0")]
        turned = frame.reformat(
            format=self.stream.pix_fmt,
            dst_colorspace=1,
            src_color_range=2,
            dst_color_range=1,
            interpolation=swscale_flags(),
        )
        turned.color_primaries, turned.color_trc = 1, 1
        return [turned]


class _Palette:
    """The 256 colours of each frame of a GIF by itself, with an ordered dither, which stands still between frames."""

    def __init__(self, width: int, height: int, base: Fraction) -> None:
        graph = pyav().filter.Graph()
        source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=base)
        split, sink = graph.add("split"), graph.add("buffersink")
        found = graph.add("palettegen", "stats_mode=single")
        used = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=3")
        source.link_to(split)
        split.link_to(found, 0, 0)
        split.link_to(used, 1, 0)
        found.link_to(used, 0, 1)
        used.link_to(sink)
        graph.configure()
        self.graph, self.base, self.count = graph, base, 0

    def __call__(self, frame: Any) -> Any:
        frame.pts, frame.time_base = self.count, self.base
        self.count += 1
        self.graph.push(frame)
        return self.graph.pull()
