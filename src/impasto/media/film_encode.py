"""A film file as PyAV writes it: frames to the codec's pixels, the sound beside them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from impasto.errors import MediaError
from impasto.media.files import shown
from impasto.media.film_read import pyav, swscale_flags
from impasto.media.film_sound import Sound

__all__ = ["FilmFile", "Wanted"]

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".gif": "gif", ".webp": "webp"}
_SILENT = ("gif", "webp")  # neither sound nor a comment


class Wanted(Protocol):
    """What is told of the film that is wanted; ``remarks`` takes lines for the person."""

    path: Path
    width: int
    height: int
    rate: Fraction
    remarks: list[str]


class FilmFile:
    """A file with one stream of pictures, and the sound beside it."""

    def __init__(
        self,
        part: Path,
        film: Wanted,
        codec: str,
        time_base: Fraction | None,
        quality: int,
        sound_from: Path | str | None,
        end: float | Fraction | None,
        comment: str | None = None,
    ) -> None:
        av = pyav()
        self.codec, self.rate = codec, film.rate
        own = {"gif": Fraction(1, 100), "webp": Fraction(1, 1000)}  # what the format counts in
        self.base = own.get(codec) or Fraction(time_base or 1 / film.rate)
        self.remarks: list[str] = []
        self.last = -1
        suffix = film.path.suffix.lower()
        # bitexact: no random numbers and no dates in the file, so that the same frames give the same bytes.
        options = {"fflags": "+bitexact"}
        if suffix in (".mp4", ".m4v", ".mov"):
            options["movflags"] = "+faststart"  # the index first: browsers play before all is there
        if codec in _SILENT:
            options["loop"] = "0"  # for ever
        self.container = av.open(str(part), "w", format=_FORMATS[suffix], options=options)
        if comment is not None and codec not in _SILENT:
            self.container.metadata["comment"] = comment
        self.sound: Sound | None = None
        try:
            self._streams(film, quality)
            if sound_from is not None and codec not in _SILENT:
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

    def _streams(self, film: Wanted, quality: int) -> None:
        names = {"h264": "libx264", "prores": "prores_ks", "ffv1": "ffv1", "gif": "gif", "webp": "libwebp_anim"}
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
            if torch.backends.cpu.get_cpu_capability() == "AVX512":
                # With AVX-512 x264 made other bytes of the same frames now and then: of ten frames of noise, one film in five.
                stream.options = {**stream.options, "x264-params": "asm=avx2"}
        elif self.codec == "prores":
            stream.pix_fmt = "yuv422p10le"
            stream.options = {"profile": "hq", "vendor": "apl0"}
        elif self.codec == "ffv1":
            stream.pix_fmt = "bgr0"
            stream.options = {"level": "3"}
        elif self.codec == "webp":
            stream.pix_fmt = "bgra"
            stream.options = {"quality": str(quality)}
        if self.codec in ("h264", "prores"):
            # Limited range by the matrix of BT.709, and the file says so: players show the colours that were painted.
            context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        if self.codec == "gif":
            stream.pix_fmt = "pal8"
            self.palette = _Palette(film.width, film.height, self.base)
        self.stream = stream

    def _add_sound(self, film: Wanted, sound_from: Path | str, end: Fraction | None) -> None:
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
        if self.codec in ("ffv1", "webp"):
            return [frame.reformat(format=self.stream.pix_fmt)]
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
