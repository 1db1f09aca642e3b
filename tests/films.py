"""Small films for tests: moving texture, made here by PyAV, with a sine for sound where it is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from conftest import picture
from impasto.media.film_read import swscale_flags


def scene(count: int, height: int = 48, width: int = 64, seed: int = 3, step: int = 2) -> list[torch.Tensor]:
    """A pan over a picture: every frame ``(1, 3, H, W)`` shows it ``step`` pixels further to the left."""
    wide = picture(seed, height, width + step * count)
    return [wide[:, :, :, step * k : step * k + width] for k in range(count)]


def codes(image: torch.Tensor) -> np.ndarray[Any, Any]:
    """(1, 3, H, W) 0..1 as (H, W, 3) bytes."""
    return np.ascontiguousarray((image[0].permute(1, 2, 0) * 255).round().byte().numpy())


def make_film(
    path: Path,
    frames: Iterable[torch.Tensor],
    rate: Fraction | int = 25,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    sound: float = 0.0,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    full_range: bool = False,
    matrix: int = 1,
    options: dict[str, str] | None = None,
    sound_codec: str = "aac",
) -> Path:
    """A film at ``path``. ``times`` are in milliseconds, for a variable rate; ``sound`` is so many seconds of 440 Hz."""
    import av

    frames = list(frames)
    height, width = frames[0].shape[2:]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        context = stream.codec_context
        base = Fraction(1, 1000) if times else 1 / Fraction(rate)
        context.time_base = base
        context.color_range, context.colorspace = (2 if full_range else 1), matrix
        if aspect:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        voice = container.add_stream(sound_codec, rate=44100) if sound else None
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(codes(image), format="rgb24")
            frame = frame.reformat(
                format=pix_fmt,
                dst_colorspace={1: 1, 6: 5}[matrix],
                src_color_range=2,
                dst_color_range=2 if full_range else 1,
                interpolation=swscale_flags(),
            )
            frame.pts, frame.time_base = (times[number] if times else number), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice:
            _sing(container, voice, sound)
    return path


def _sing(container: Any, voice: Any, seconds: float) -> None:
    import av

    total = int(seconds * 44100)
    wave = (np.sin(2 * np.pi * 440 * np.arange(total) / 44100) * 0.3).astype(np.float32)
    for start in range(0, total, 1024):
        part = wave[start : start + 1024]
        if voice.codec_context.name == "aac":
            frame = av.AudioFrame.from_ndarray(np.stack([part, part]), format="fltp", layout="stereo")
        else:
            whole = np.repeat((part * 32767).astype(np.int16), 2)[None]
            frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        container.mux(voice.encode(frame))
    container.mux(voice.encode(None))


def sound_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """The sound of a film as it lies there: each packet's time in seconds, and its bytes."""
    import av

    with av.open(str(path)) as container:
        streams = container.streams.audio
        packets = container.demux(streams) if streams else ()
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in packets if packet.pts is not None]
