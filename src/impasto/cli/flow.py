"""``impasto flow FILM``: what optical flow finds in a film, to look at."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from impasto.cli.bar import FrameBar
from impasto.cli.film import film_out_options, stretch_options
from impasto.errors import InputError, UnknownNameError

__all__ = ["flow"]

_SHOWN = ("flow", "warp", "reliability")
_LEAST, _MOST = 16, 20000


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--show", default="flow", metavar="WHAT",
              help="flow (motion in colours), warp (each frame out of the one before) or reliability (white: to be "
              "trusted)  [flow].")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Where the film goes  [FILM-flow.mp4].")
@click.option("--method", default="dis", metavar="NAME", help="How flow is found: dis or farneback  [dis].")
@click.option("--size", type=int, metavar="PIXELS", help="Longer side of the film that is made  [the film's own].")
@click.option("--flow-size", type=int, metavar="PIXELS", help="Longer side at which flow is found  [that of the film].")
@click.option("--largest", type=float, metavar="X",
              help="Pixels a frame that have the fullest colour  [3 % of the longer side].")  # fmt: skip
@stretch_options
@film_out_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def flow(film: Path, show: str, out: Path | None, quiet: bool, **given: Any) -> int:
    """Show how each frame of FILM comes out of the one before: a film of as many frames, without sound.

    White is rest, red moves to the right, yellow down, cyan to the left, blue up. Scenes begin afresh, and the frames with
    which they begin are told. Ctrl-C keeps the film so far.
    """
    _check(show, given)
    from impasto.cli.session import free_name
    from impasto.media.flow import FLOWS
    from impasto.media.frames import check_film, check_room, codec_for, film_bytes, probe, read_frames

    if given["method"] not in FLOWS:
        raise UnknownNameError("value for --method", given["method"], FLOWS)
    out = out or free_name(f"{film.absolute().stem}-{show}", ".mp4")
    check_film(out, [film], codec=given["codec"], quality=given["film_quality"])
    info = probe(film, rate=given["rate"])
    reader = read_frames(
        film, start=given["start"], end=given["end"], every=given["every"], size=given["size"], info=info
    )
    if reader.count == 1:
        raise InputError(f"{film}: flow is between two frames, and there is only one; take a longer stretch")
    height, width = reader.size
    check_room(out.parent, film_bytes(width, height, reader.count or 0, codec_for(out, given["codec"])))
    return _run(reader, out, show, quiet, given)


def _check(show: str, given: dict[str, Any]) -> None:
    """Refuse what cannot be meant, before anything is loaded."""
    if show not in _SHOWN:
        raise UnknownNameError("value for --show", show, _SHOWN)
    for name in ("size", "flow_size"):
        if given[name] is not None and not _LEAST <= given[name] <= _MOST:
            flag = "--" + name.replace("_", "-")
            raise InputError(f"{flag} {given[name]}: expected {_LEAST} to {_MOST} pixels")
    largest = given["largest"]
    if largest is not None and show != "flow":
        raise InputError("--largest is of --show flow: leave it out")
    if largest is not None and not 0 < largest < 1e6:
        raise InputError(f"--largest {largest:g}: expected more than 0 pixels")


def _run(reader: Any, out: Path, show: str, quiet: bool, given: dict[str, Any]) -> int:
    """Make the film; the exit code."""
    from impasto.cli.session import Held
    from impasto.media.frames import FilmWriter
    from impasto.study.flow_film import seen

    info, (height, width) = reader.info, reader.size
    cuts: list[str] = []
    shares: list[float] = []
    writer = FilmWriter(
        out, width, height, info.rate / given["every"],
        time_base=info.time_base, codec=given["codec"], quality=given["film_quality"],
    )  # fmt: skip
    with writer, Held() as held, FrameBar(show, reader.count, quiet) as bar:
        how = {"method": given["method"], "size": given["flow_size"], "largest": given["largest"]}
        for item in bar.over(seen(reader, show, **how)):
            writer.write(item.frame.image, item.frame.time)
            held.painting = True
            if item.cut:
                cuts.append(f"{item.frame.index} ({_clock(item.frame.time)})")
            if item.trusted is not None:
                shares.append(item.trusted)
            if held.asked:
                break
        held.saving = True
        if writer.frames == 1 and not held.asked:
            raise InputError(f"{info.path}: flow is between two frames, and only one could be read")
        writer.close()
    if not quiet:
        lines = [*reader.remarks, *writer.remarks]
        if cuts:
            lines.append(f"new scenes begin with frame {', '.join(cuts)}")
        if shares:
            lines.append(f"{sum(shares) / len(shares):.1%} of the pixels can be trusted, on average")
        state = "interrupted; the film so far is" if held.asked else "wrote"
        lines.append(f"{state} {out} ({width}×{height}, {writer.frames} frames)")
        print(*lines, sep="\n", file=sys.stderr)
    return 130 if held.asked else 0


def _clock(time: Fraction) -> str:
    minutes, seconds = divmod(float(time), 60)
    return f"{int(minutes)}:{seconds:06.3f}"
