"""``impasto video FILM --smooth-only PAINTED``: the flicker taken out of a film that was painted elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto.cli.bar import FrameBar
from impasto.cli.options import typed, typed_film
from impasto.errors import InputError

__all__ = ["smooth"]

_OURS = ("temporal_weight", "flow", "flow_size", "cuts")
_NOT_OURS = ("weights", "resume", "afresh", "preview", "keep_work")


def smooth(film: Path, styles: Sequence[Path], painted: Path, given: dict[str, Any]) -> int:
    """Smooth ``painted`` by the motion of ``film``; the exit code. ``given`` is all that ``impasto video`` was told."""
    from impasto.film import FilmOptions

    choices, recipe = typed_film(given), typed(given)
    _check(styles, choices, recipe, given)
    options = FilmOptions(**choices)
    from impasto.cli.session import free_name
    from impasto.media.frames import check_film, check_room, codec_for, film_bytes, probe, read_frames

    out = given["out"] or free_name(f"{painted.absolute().stem}-smooth", ".mp4")
    check_film(out, [film, painted], codec=given["codec"], quality=given["film_quality"])
    stretch = {"start": given["start"], "end": given["end"], "every": given["every"]}
    source = read_frames(film, **stretch, info=probe(film, rate=given["rate"]))
    folder = painted.is_dir()
    pictures = read_frames(painted, info=probe(painted, rate=source.info.rate / given["every"] if folder else None))
    height, width = pictures.size
    shape, own = width / height, source.size[1] / source.size[0]
    if abs(shape / own - 1) > 0.02:
        raise InputError(
            f"{painted} is {width}×{height} pixels and {film} {source.size[1]}×{source.size[0]}: expected the same film, "
            "painted, in the same proportions"
        )
    if pictures.count and source.count and abs(pictures.count - source.count) > 1:
        raise InputError(
            f"{painted} has {pictures.count} frames and {film} {source.count}: expected the same film, frame by frame; "
            "give --start, --end or --every as it was painted"
        )
    check_room(out.parent, film_bytes(width, height, source.count or 0, codec_for(out, given["codec"])))
    return _run(source, pictures, out, options, given)


def _check(styles: Sequence[Path], choices: dict[str, Any], recipe: dict[str, Any], given: dict[str, Any]) -> None:
    """Nothing is painted, so nothing that says how may be given."""
    if styles:
        raise InputError(f"--smooth-only paints nothing: leave the style {styles[0]} out")
    other = [name for name in (*choices, *recipe) if name not in _OURS] + [name for name in _NOT_OURS if given[name]]
    other += [name for name, usual in (("jobs", 1), ("threads", 0)) if given[name] != usual]
    if other:
        flags = ", ".join("--" + name.replace("_", "-") for name in other)
        raise InputError(f"{flags} with --smooth-only: nothing is painted; leave it out")


def _run(source: Any, pictures: Any, out: Path, options: Any, given: dict[str, Any]) -> int:
    from impasto import __version__
    from impasto.cli.session import Held
    from impasto.media.frames import FilmWriter
    from impasto.paint.smooth import smooth_film

    began = time.perf_counter()
    info, (height, width) = source.info, pictures.size
    about = {
        "impasto": __version__,
        "smoothed": {name: getattr(options, name) for name in _OURS},
        "source": {"path": str(Path(info.path).absolute())},
        "painted": {"path": str(Path(pictures.info.path).absolute())},
    }
    times: list[Any] = []  # those of the frames under way: two at most

    def frames() -> Any:
        for frame in source:
            times.append(frame.time)
            yield frame.image

    writer = FilmWriter(
        out, width, height, info.rate / given["every"],
        sound_from=info.path if info.has_sound else None, end=given["end"],
        time_base=info.time_base, codec=given["codec"], quality=given["film_quality"],
        comment=json.dumps(about, ensure_ascii=False),
    )  # fmt: skip
    with writer, Held() as held, FrameBar("smoothing", source.count, given["quiet"]) as bar:
        for image in bar.over(smooth_film((frame.image for frame in pictures), frames(), options)):
            writer.write(image, times.pop(0))
            held.painting = True
            if held.asked:
                break
        held.saving = True
        writer.close(whole=not held.asked)
    if not given["quiet"]:
        state = "interrupted; the film so far is" if held.asked else "smoothed"
        line = f"{state} {out} ({width}×{height}, {writer.frames} frames) in {time.perf_counter() - began:.1f} s"
        print(*source.remarks, *pictures.remarks, *writer.remarks, line, sep="\n", file=sys.stderr)
    if given["as_json"]:
        print(json.dumps({"out": str(out), "frames": writer.frames, "width": width, "height": height,
                          "interrupted": held.asked}))  # fmt: skip
    return 130 if held.asked else 0
