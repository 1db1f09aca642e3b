"""A painted film judged: how steady it is, and how near to its style. The part of ``impasto judge`` that is about films."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from impasto.cli.bar import FrameBar
from impasto.cli.film import Seconds
from impasto.errors import InputError

if TYPE_CHECKING:
    from impasto.judge.film import FilmCard
    from impasto.media.frames import FilmReader, Frame

__all__ = ["film_judge_options", "judge_film"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

# Field of Steadiness: (what it is called, its unit, what is good). Definitions: docs/flow.md.
_ROWS = {
    "short": ("warp error, × 10⁻⁴", 1e4, "0"),
    "long": ("… {long} frames back, × 10⁻⁴", 1e4, "0"),
    "flicker": ("flicker at rest, levels", 255.0, "0"),
    "drift": ("drift of light, levels", 255.0, "0"),
    "detail": ("detail kept", 1.0, "1"),
}


def film_judge_options(command: _Command) -> _Command:
    """Give ``command`` what is asked of a judge of films: ``against``, ``heatmap``, ``long``, ``start``, ``every`` …"""
    for add in reversed((
        click.option("--against", type=click.Path(path_type=Path), metavar="FILM",
                     help="Another painting of the film, as one frame by frame: figures are compared with its own."),
        click.option("--heatmap", type=click.Path(path_type=Path), metavar="OUT",
                     help="Also make a film of the warp error: black is steady, white is not."),
        click.option("--long", type=int, default=10, metavar="N",
                     help="How many frames back the long warp error looks  [10]."),
        click.option("--start", type=Seconds(), default=Fraction(0), metavar="TIME",
                     help="Where in its film the painted one begins: seconds or h:mm:ss  [0]."),
        click.option("--every", type=int, default=1, metavar="N",
                     help="The painted film has every N-th frame of its film  [1]."),
        click.option("--method", default="dis", metavar="NAME", help="How flow is found: dis or farneback  [dis]."),
        click.option("--flow-size", type=int, metavar="PIXELS",
                     help="Longer side at which flow is found  [that of the painted film]."),
        click.option("-q", "--quiet", is_flag=True, help="No bar, no remarks."),
    )):  # fmt: skip
        command = add(command)
    return command


def judge_film(
    painted: Path,
    film: Path,
    style: Path | None,
    *,
    encoder: str | None = None,
    size: int = 512,
    against: Path | None = None,
    heatmap: Path | None = None,
    long: int = 10,
    start: Fraction = Fraction(0),
    every: int = 1,
    method: str = "dis",
    flow_size: int | None = None,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Print the card of ``painted``, painted from ``film`` in the manner of ``style``; the exit code.

    Without a ``style`` no frame is judged as a picture. ``encoder`` is who judges these, at ``size`` pixels: without a name
    the installed VGG-19, else the built-in one.
    """
    from impasto.errors import UnknownNameError
    from impasto.judge.film import FilmJudge
    from impasto.media.flow import FLOWS
    from impasto.media.frames import check_film, read_frames
    from impasto.study.stills import still_judge

    if not 64 <= size <= 4096:
        raise InputError(f"--size {size}: expected 64 to 4096 pixels")
    if flow_size is not None and not 16 <= flow_size <= 20000:
        raise InputError(f"--flow-size {flow_size}: expected 16 to 20000 pixels")
    if method not in FLOWS:
        raise UnknownNameError("value for --method", method, FLOWS)
    inputs = [path for path in (painted, film, style, against) if path is not None]
    if heatmap is not None:
        check_film(heatmap, inputs)
    reader = read_frames(painted)
    if reader.count == 1:
        raise InputError(f"{painted} holds one frame: impasto judge without --video judges pictures")
    sources = [_reader_like(film, reader, start, every)]
    if against is not None:
        sources.append(read_frames(against))
    who, still = still_judge(style, encoder, size=size) if style is not None else ("", None)
    count = reader.count or 0
    judge = FilmJudge(long=long, method=method, flow_size=flow_size, still=still, stills=(0, count // 2))
    asked = _measure(judge, reader, sources, heatmap, quiet)
    notes = [*_notes(judge, reader, sources[0]), *reader.remarks]
    if who and "vgg" not in who:
        notes.append(f"frames are judged by {who}, not by a VGG-19: what was painted through it has descended on it")
    card = judge.card(tuple(notes))
    if as_json:
        click.echo(json.dumps({"judge": who, "size": size, **card.as_dict()}))
    else:
        _show(card, painted.name, who, size, long)
    return 130 if asked else 0


def _reader_like(film: Path, painted: FilmReader, start: Fraction, every: int) -> FilmReader:
    """The film at about the painted one's size: what is larger would be made smaller anyway."""
    from impasto.media.frames import probe, read_frames

    info = probe(film)
    size = min(max(painted.size), max(info.width, info.height))
    return read_frames(film, start=start, every=every, size=size, info=info)


def _measure(judge: Any, reader: FilmReader, sources: list[FilmReader], heatmap: Path | None, quiet: bool) -> bool:
    """Let the judge look at every frame; whether it was interrupted."""
    from contextlib import nullcontext

    from impasto.cli.session import Held
    from impasto.judge.film import heat
    from impasto.media.frames import FilmWriter

    height, width = reader.size
    info = reader.info
    writer = FilmWriter(heatmap, width, height, info.rate, time_base=info.time_base) if heatmap else None
    with writer or nullcontext(), Held() as held, FrameBar("judging", reader.count, quiet) as bar:
        for frames in bar.over(_together(reader, sources)):
            look = judge.look(*(frame.image for frame in frames))
            held.painting = True
            if writer:
                writer.write(heat(look), frames[0].time)
            if held.asked:
                break
        held.saving = True
        if judge.frames < 2:
            raise InputError(f"{info.path}: steadiness is between two frames, and there is no second one")
        if writer:
            writer.close()
        return held.asked


def _together(reader: FilmReader, sources: list[FilmReader]) -> Iterator[tuple[Frame, ...]]:
    """Frames of the same moment. ``InputError`` where the painted film and its source go at different paces."""
    first: list[Fraction] = []
    for frames in zip(reader, *sources, strict=False):
        first = first or [frame.time for frame in frames]
        times = [frame.time - begin for frame, begin in zip(frames, first, strict=True)]
        for source, time in zip(sources, times[1:], strict=True):
            if abs(time - times[0]) > Fraction(3, 5) / reader.info.rate:
                raise InputError(
                    f"frame {frames[0].index} of {reader.info.path} is shown at {float(times[0]):.3f} s and that of "
                    f"{source.info.path} at {float(time):.3f} s: expected the film it was painted from; "
                    "--start and --every tell which frames those are"
                )
        yield frames


def _notes(judge: Any, reader: FilmReader, source: FilmReader) -> Iterator[str]:
    if reader.count and judge.frames < reader.count:
        yield f"{judge.frames} of {reader.count} frames were compared"
    elif source.count and judge.frames < source.count:
        yield f"{reader.info.path} shows {judge.frames} of {source.count} frames of {source.info.path}"


def _show(card: FilmCard, name: str, who: str, size: int, long: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    scenes = f", new scenes at {', '.join(map(str, card.cuts))}" if card.cuts else ""
    trusted = "" if card.trusted is None else f", {card.trusted:.1%} of the pixels can be trusted"
    console.print(f"{card.frames} frames{scenes}{trusted}", soft_wrap=True)
    columns = {name: card.painted, "the film itself": card.film}
    if card.against:
        columns["against"] = card.against
    table = Table(box=None, pad_edge=False)
    for title in ("", *columns, *(["ratio"] if card.ratios else []), "good"):
        table.add_column(Text(title), justify="right" if title else "left", max_width=24, overflow="fold")
    for row, (title, unit, good) in _ROWS.items():
        cells = [_cell(getattr(column, row), unit) for column in columns.values()]
        if card.ratios:
            cells.append(f"{card.ratios[row]:.3f}" if row in card.ratios else "")
        table.add_row(title.format(long=long), *cells, good)
    console.print(table)
    if card.stills:
        console.print(f"single frames, judged by {who} at {size} pixels", soft_wrap=True)
        console.print(_stills(card.stills, set(card.cuts)))
        if card.style_kept is not None:
            console.print(f"style of the last over the first: {card.style_kept:.3f}")
    for note in card.notes:
        console.print(note, style="dim", soft_wrap=True)


def _stills(stills: Mapping[int, Mapping[str, float]], cuts: set[int]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("frame", justify="right")
    names = list(next(iter(stills.values())))
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("", style="dim")
    for number, found in stills.items():
        mark = "a new scene" if number in cuts else ""
        table.add_row(str(number), *(f"{found[name]:.4f}" for name in names), mark)
    return table


def _cell(value: float | None, unit: float) -> str:
    return "–" if value is None else f"{value * unit:.3f}"
