"""Sound carried from one film to another as it is: packets are copied, nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.media.film_read import open_container, pyav, seconds_before_video

__all__ = ["Sound"]

# Seconds that sound runs ahead of the picture in the file: players want both side by side.
_AHEAD = Fraction(1, 2)


class Sound:
    """Every sound stream of the film at ``path``, to be copied into ``container`` up to ``end`` seconds of the film.

    ``begin`` says which of its seconds becomes the first; ``until`` copies what goes with the pictures so far.
    """

    def __init__(self, path: Path | str, container: Any, end: Fraction | None) -> None:
        self._source, self._container, self._end = open_container(path), container, end
        streams = list(self._source.streams.audio)
        self._target = {stream.index: container.add_stream_from_template(stream) for stream in streams}
        self._before = seconds_before_video(self._source)
        self._origin = Fraction(0)
        self._packets: Iterator[Any] = self._source.demux(streams) if streams else iter(())
        self._next: Any = None
        self.remark: str | None = None

    def begin(self, origin: Fraction) -> None:
        """Let the film begin at its second ``origin``: what sounds earlier is left out, the rest is moved."""
        self._origin = origin
        if origin > 1:
            self._seek(origin)
        self._advance()

    def until(self, seconds: Fraction | None) -> None:
        """Copy all that sounds up to ``seconds`` of the film and a little more; None: all there is."""
        while self._next is not None and (seconds is None or self._time() < seconds + _AHEAD):
            packet = self._next
            shift = round((self._origin + self._before) / packet.time_base)  # the film's first frame comes at 0
            packet.pts -= shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
            packet.stream = self._target[packet.stream.index]
            self._container.mux(packet)
            self._advance()

    def close(self) -> None:
        """Let go of the source."""
        self._next = None
        self._source.close()

    def _advance(self) -> None:
        """To the next packet that is wanted."""
        av = pyav()
        while True:
            try:
                self._next = next(self._packets, None)
            except (av.error.FFmpegError, OSError):
                self._next = None
                self.remark = "the sound breaks off: its file is damaged or truncated"
            if self._next is None:
                return
            if self._next.pts is None:  # the last one of a stream: a signal, not a packet
                continue
            time = self._time()
            if self._end is not None and time >= self._end:
                continue  # other streams may still be behind
            if time >= self._origin or not self._origin:
                return

    def _time(self) -> Fraction:
        """When the next packet sounds, in seconds of the film."""
        time: Fraction = self._next.pts * self._next.time_base - self._before
        return time

    def _seek(self, origin: Fraction) -> None:
        av = pyav()
        streams = list(self._source.streams.audio)
        try:
            self._source.seek(int((origin + self._before - 1) * 1_000_000), backward=True)
        except (av.error.FFmpegError, OSError):
            return  # then all that comes before is read and left out
        self._packets = self._source.demux(streams) if streams else iter(())
