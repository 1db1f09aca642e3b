"""Film files to frames, through PyAV: any container and codec that its FFmpeg reads.

Frames come out upright, of square pixels, in full-range RGB by the matrix and range that the file names. The sound is not
looked at here: ``film_write`` copies it.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import InputError, MediaError
from impasto.media.files import open_file, shown
from impasto.media.film import FilmInfo, Shot, absolute

__all__ = ["film_info", "film_shots", "open_container", "pyav", "seconds_before_video", "swscale_flags"]

# FFmpeg takes texts for films (of letters), and pictures and lists of addresses too: none of these is meant.
_NO_FILMS = {"tty", "image2", "image2pipe", "concat", "hls", "dash", "ffmetadata", "srt", "webvtt", "ass", "lavfi"}
# Packets whose times tell whether the rate is constant.
_SAMPLED = 400
# Rates that mkv's milliseconds and the like round away from.
_RATES = [Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)]
_RATES += [Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120)]
_BT709, _BT601, _BT2020 = 1, 5, 9  # swscale's numbers of the matrices
_LIMITED, _FULL = 1, 2
# libswscale's own numbers: PyAV has names for all of them from 18 on only.
_KERNELS = {"bicubic": 0x4, "lanczos": 0x200}
_EXACT = 0x2000 | 0x4000 | 0x40000 | 0x80000  # full chroma out and in, accurate rounding, the same bits everywhere
_HDR = {16: "PQ", 18: "HLG"}


def pyav() -> Any:
    """The module ``av``; ``InputError`` where it is not installed."""
    try:
        return importlib.import_module("av")
    except ImportError:
        raise InputError("films need PyAV, which is not here: pip install 'impasto[film]'") from None


def open_container(path: Path | str) -> Any:
    """The file as PyAV opens it; ``MediaError`` where it is missing, empty, barred or no film."""
    av = pyav()
    with open_file(path):
        pass  # says in our words what is wrong with a missing, empty or barred file
    try:
        container = av.open(absolute(path), options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except av.error.FFmpegError as error:
        why = "its index is missing: the file is truncated or damaged" if _headless(path) else _reason(error)
        raise MediaError(
            f"{shown(path)} is not a film that can be read ({why}): expected MP4, MKV, MOV, WebM, AVI, GIF or a "
            "folder of pictures; copy it again, or convert it to MP4"
        ) from None
    names = set(container.format.name.split(","))
    if names & _NO_FILMS or any(name.endswith("_pipe") for name in names):
        container.close()
        raise MediaError(f"{shown(path)} is not a film: expected MP4, MKV, MOV, WebM, AVI, GIF or a folder of pictures")
    return container


def film_info(path: Path | str) -> FilmInfo:
    """What the film at ``path`` tells of itself. Raises ``MediaError`` unless a frame of it can be decoded."""
    with open_container(path) as container:
        stream = _video(container, path)
        steps = _steps(stream)
    with open_container(path) as container:
        stream = _video(container, path)
        base, rate, variable = stream.time_base, _rate(stream, steps), _varies(steps, stream.time_base)
        first = next(_decoded(container, stream, []), None)
        if first is None:
            raise MediaError(f"{shown(path)} holds no frame that can be decoded: copy it again, or convert it to MP4")
        height, width = _shape(first, stream)
        length = stream.duration * base if stream.duration else _told(stream)
        if length is None and container.duration:
            length = Fraction(container.duration, 1_000_000)  # of the longest stream, the sound perhaps
        return FilmInfo(
            str(path), "film", width, height, rate, stream.frames or None, length,
            bool(container.streams.audio), variable, base, stream.codec_context.name, tuple(_remarks(first)),
        )  # fmt: skip


def film_shots(path: Path | str, info: FilmInfo, start: Fraction, remarks: list[str]) -> Iterator[Shot]:
    """The film's frames, in order, from ``start`` seconds or a little before; what cannot be read is left out.

    Why a film ended early, or had holes, is put into ``remarks``.
    """
    with open_container(path) as container:
        if start > 2 and _sought(container, path, start):
            yield from _shots(container, path, info, remarks, whole=False)
            return
    with open_container(path) as container:
        yield from _shots(container, path, info, remarks, whole=True)


def seconds_before_video(container: Any) -> Fraction:
    """The time that the container gives to its first frame; 0 where it has none."""
    streams = [stream for stream in container.streams.video if stream.start_time is not None]
    return streams[0].start_time * streams[0].time_base if streams else Fraction(0)


def swscale_flags(kernel: str = "bicubic") -> int:
    """How colours are converted, and resized with ``kernel`` (bicubic or lanczos): exactly.

    Without these flags every frame comes out darker, by 1.3 levels of 255.
    """
    return _KERNELS[kernel] | _EXACT


# ── the stream ──


def _video(container: Any, path: Path | str) -> Any:
    """The first stream of moving pictures; covers of songs are none."""
    cover = pyav().stream.Disposition.attached_pic
    found = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not found:
        what = "only sound" if container.streams.audio else "nothing that impasto reads"
        raise MediaError(f"{shown(path)} holds no moving pictures, {what}: expected a film")
    if not found[0].codec_context.is_open:
        found[0].thread_type = "AUTO"
    return found[0]


def _shots(container: Any, path: Path | str, info: FilmInfo, remarks: list[str], *, whole: bool) -> Iterator[Shot]:
    stream = _video(container, path)
    begin = stream.start_time * stream.time_base if stream.start_time is not None else Fraction(0)
    last: Fraction | None = None
    count, broken = 0, list[str]()
    for frame in _decoded(container, stream, broken):
        time = frame.pts * frame.time_base - begin if frame.pts is not None else None
        if time is None or (last is not None and time <= last):
            # Some old containers give two frames one time, or none.
            time = Fraction(0) if last is None else last + 1 / info.rate
        last, count = time, count + 1
        yield time, partial(_image, frame)
    if (what := _shortfall(info, count, last, broken, whole)) is not None:
        remarks.append(f"{shown(path)} {what}; what could be read is used")


def _shortfall(info: FilmInfo, count: int, last: Fraction | None, broken: list[str], whole: bool) -> str | None:
    """What a film lacks that ended after ``count`` frames, at ``last`` seconds; None where it is all there."""
    of = f" of {info.frames}" if whole and info.frames else ""
    if broken:
        return f"is damaged or truncated ({broken[0]}): {count}{of} frames could be read"
    if whole and info.frames and count < info.frames:
        return f"is truncated: it ends after {count}{of} frames"
    # A last frame may stand for long at a variable rate, and the length may be that of the sound.
    slack = Fraction(1) if info.has_sound or info.variable_rate else 3 / info.rate
    if info.duration is not None and last is not None and info.duration - last > slack + 1 / info.rate:
        return f"is truncated: it ends at {float(last):.2f} of {float(info.duration):.2f} s"
    return None


def _decoded(container: Any, stream: Any, broken: list[str]) -> Iterator[Any]:
    """Every frame that can be decoded; what stands in the way of others goes to ``broken``."""
    av = pyav()
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError) as error:
            broken.append(_reason(error))
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            broken.append(_reason(error))
            continue
        for frame in frames:
            if frame.is_corrupt:  # half a frame, the rest smeared from its neighbours
                broken.append("a frame is incomplete")
            else:
                yield frame


def _sought(container: Any, path: Path | str, start: Fraction) -> bool:
    """Move to the last key frame before ``start``; False where the file cannot be moved in, or would move too far."""
    av = pyav()
    stream = _video(container, path)
    begin = stream.start_time or 0
    try:
        container.seek(int(start / stream.time_base) + begin, stream=stream, backward=True)
        first = next(_decoded(container, stream, []), None)
        if first is None or first.pts is None or (first.pts - begin) * stream.time_base > start:
            return False
        container.seek(int(start / stream.time_base) + begin, stream=stream, backward=True)
    except (av.error.FFmpegError, OSError):
        return False
    return True


def _steps(stream: Any) -> list[int]:
    """The distances between frames, in units of the time base; of the first ones where the file has no index."""
    times = [entry.timestamp for entry in stream.index_entries or ()]
    if len(times) < (stream.frames or _SAMPLED):
        av = pyav()
        times = []
        with suppress(av.error.FFmpegError, OSError):
            packets = itertools.islice(stream.container.demux(stream), _SAMPLED)
            times = [packet.dts for packet in packets if packet.dts is not None]
    return [b - a for a, b in itertools.pairwise(sorted(times)) if b > a]


def _varies(steps: list[int], base: Fraction) -> bool:
    """Whether frames lie at unequal distances, by more than a rounding to milliseconds."""
    return bool(steps) and (max(steps) - min(steps)) > max(Fraction(2), Fraction(2, 1000) / base)


def _rate(stream: Any, steps: list[int]) -> Fraction:
    mean = stream.average_rate or stream.base_rate or Fraction(25)
    if _varies(steps, stream.time_base):
        return Fraction(mean)
    if steps and min(steps) == max(steps) and stream.time_base < Fraction(1, 5000):
        return Fraction(1 / (steps[0] * stream.time_base))
    near = min(_RATES, key=lambda rate: abs(rate - mean))
    return near if abs(near - mean) < mean / 2500 else Fraction(mean)


def _told(stream: Any) -> Fraction | None:
    """The length that Matroska writes beside a stream, as 00:00:05.280000000."""
    with suppress(ValueError, KeyError, AttributeError):
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        end = int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        began: Fraction = (stream.start_time or 0) * stream.time_base
        return end - began  # what it calls a length is a time
    return None


def _remarks(frame: Any) -> Iterator[str]:
    if frame.color_trc in _HDR:
        yield f"its colours are HDR ({_HDR[frame.color_trc]}) and are read as if they were ordinary: tone-map it first"
    if frame.interlaced_frame:
        yield "it is interlaced: fast things show combs; deinterlace it first"


# ── one frame ──


def _turns(frame: Any) -> int:
    """Quarter turns, counterclockwise, that bring it upright; phones film lying down and note it."""
    return round((getattr(frame, "rotation", 0) or 0) / 90) % 4


def _aspect(frame: Any, stream: Any) -> Fraction:
    """How much wider than high a pixel is."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, 20) < aspect < 20 else Fraction(1)


def _shape(frame: Any, stream: Any) -> tuple[int, int]:
    """Height and width as shown."""
    shape = (frame.height, max(1, round(frame.width * _aspect(frame, stream))))
    return shape[::-1] if _turns(frame) % 2 else shape


def _image(frame: Any, height: int, width: int) -> Tensor:
    """A decoded frame as ``(1, 3, height, width)``, 0..1: RGB, upright, of square pixels."""
    layout, turns = frame.format, _turns(frame)
    alpha = any(part.is_alpha for part in layout.components)
    bits = max(part.bits for part in layout.components)
    deep = bits > 8 and not alpha
    rgb = layout.is_rgb or layout.name == "pal8"
    full = rgb or frame.color_range == _FULL or layout.name.startswith("yuvj")
    ranges = {} if rgb else {"src_color_range": _FULL if full else _LIMITED, "dst_color_range": _FULL}
    found = frame.reformat(
        *((height, width) if turns % 2 else (width, height)),
        format="rgba" if alpha else "rgb48le" if deep else "rgb24",
        src_colorspace=None if rgb else _matrix(frame),
        interpolation=swscale_flags("lanczos"),
        **ranges,
    )
    # From more than 8 bits swscale shifts up instead of scaling: white lies a little below 65535, measured.
    white = (float(((1 << bits) - 1) << (16 - bits)) if full else 65280.0) if deep else 255.0
    values = torch.from_numpy(found.to_ndarray().astype(np.float32)).permute(2, 0, 1)[None] / white
    if alpha:
        values = values[:, :3] * values[:, 3:] + (1 - values[:, 3:])
    return values.clamp(0, 1).rot90(turns, (2, 3)).contiguous()


def _matrix(frame: Any) -> int:
    """The number that swscale gives to the matrix that the frame names; without a name, by its size, as players do."""
    named = {1: _BT709, 4: 4, 5: _BT601, 6: _BT601, 7: 7, 9: _BT2020, 10: _BT2020}
    guess = _BT709 if frame.height >= 720 or frame.width >= 1280 else _BT601
    return named.get(int(frame.colorspace), guess)


def _headless(path: Path | str) -> bool:
    """Whether it begins as an MP4 and has lost the index, which most cameras write at the end."""
    with open_file(path) as stream:
        head = stream.read(12)
        return head[4:8] == b"ftyp"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).lower()[:100] or type(error).__name__
