"""A film painted on the command line: checked, looked through, painted, finished; what is interrupted is kept."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli.bar import FrameBar
from impasto.errors import ImpastoError, InputError

if TYPE_CHECKING:
    from impasto.cli.film_preview import Previews
    from impasto.cli.session import Held
    from impasto.reel.film import Reel, Shots
    from impasto.reel.paint import Orders, Painted
    from impasto.reel.work import Work

__all__ = ["FilmSession"]


@dataclass
class FilmSession:
    """One film on the command line. ``given`` are the words that are of the command itself.

    ``onwards`` is what goes on after an interruption; ``recorded``, of a film that is painted again, the record of the first.
    """

    film: Path
    styles: tuple[Path, ...]
    given: dict[str, Any]
    onwards: str = "--resume"
    recorded: Mapping[str, Any] | None = None
    out: Path = field(init=False)
    quiet: bool = field(init=False)
    began: float = field(default_factory=time.perf_counter, init=False)

    def __post_init__(self) -> None:
        from impasto.cli.session import free_name

        self.quiet = self.given["quiet"]
        stem = f"{self.film.absolute().stem}-{self.styles[0].stem}"
        self.out = self.given["out"] or free_name(stem, ".mp4")

    def check(self) -> None:
        """Refuse, before anything is loaded, what contradicts itself or could not be written."""
        if self.given["resume"] and self.given["afresh"]:
            raise InputError("--resume and --afresh together: go on with what is kept, or throw it away")
        if self.given["resume"] and self.given["out"] is None:
            raise InputError("--resume: name the film that is to go on with -o")
        if not 1 <= self.given["jobs"] <= 256:
            raise InputError(f"--jobs {self.given['jobs']}: expected 1 to 256")
        if not 0 <= self.given["threads"] <= 1024:
            raise InputError(f"--threads {self.given['threads']}: expected 1 to 1024, or 0 for the cores over --jobs")
        from impasto.media.frames import check_film, codec_for
        from impasto.reel.finish import preview_name
        from impasto.reel.work import work_folder

        how = {"codec": self.given["codec"], "quality": self.given["film_quality"]}
        if self.film.is_dir() and self.film.resolve() in self.out.resolve().parents:
            raise InputError(f"{self.out} lies in the folder of the frames themselves: choose a place outside with -o")
        check_film(self.out, [self.film, *self.styles], **how)
        if self.given["preview"]:
            if codec_for(self.out, self.given["codec"]) == "frames":
                raise InputError(f"--preview is of films: while it paints, look into {work_folder(self.out)}")
            check_film(preview_name(self.out), [self.film, *self.styles], **how)

    def run(self, recipe: Any, options: Any) -> int:
        """Open, look through, paint, finish; the exit code."""
        from impasto.reel.film import Stretch, open_reel
        from impasto.reel.work import open_work

        given = self.given
        stretch = Stretch(given["start"], given["end"], given["every"], given["rate"])
        threads = self._threads()
        reel = open_reel(
            self.film, self.styles, recipe, options, stretch, weights=given["weights"], allow_huge=given["allow_huge"]
        )
        if self.recorded is not None:
            from impasto.reel.again import as_recorded

            reel = as_recorded(reel, self.recorded, self.film)
        if not given["anyway"]:
            from impasto.reel.estimate import check_memory

            check_memory(reel)
        self._check_room(reel, reel.info.count(stretch.start, stretch.end, stretch.every) or 0)
        work = open_work(self.out, reel.about, resume=given["resume"], afresh=given["afresh"])
        try:
            return self._made(reel, work, threads)
        finally:
            if work.empty():  # nothing was painted: nothing is left
                work.remove()

    def _made(self, reel: Reel, work: Work, threads: int) -> int:
        """Look through, paint, finish; the exit code."""
        from impasto.cli.session import Held

        self._say(*reel.easel.remarks)
        with Held() as held:
            shots = self._scanned(reel)
            self._check_room(reel, len(shots.times))
            self._tell(reel, shots, work)
            done = self._painted(reel, shots, work, held, threads)
            held.saving = True
            if done < len(shots.times):
                return self._interrupted(reel, shots, work, done)
            remarks = self._write(self.out, reel, shots, work)
        if not self.given["keep_work"]:
            work.remove()
        self._report(reel, shots, remarks)
        return 0

    def _check_room(self, reel: Reel, count: int) -> None:
        """Is there room on the disk for what is still to be painted of ``count`` frames?"""
        from impasto.media.frames import check_room
        from impasto.reel.estimate import room_needed
        from impasto.reel.work import Work, work_folder

        left = 0 if self.given["afresh"] else Work(work_folder(self.out)).count()
        needed = room_needed(reel, max(0, count - left), self.given["codec"], str(self.out))
        check_room(self.out.parent, needed, "the film with its work")

    def _threads(self) -> int:
        """Threads of torch in each process, set for this one."""
        import torch

        threads = int(self.given["threads"] or max(1, torch.get_num_threads() // self.given["jobs"]))
        torch.set_num_threads(threads)
        return threads

    def _scanned(self, reel: Reel) -> Shots:
        from impasto.reel.film import scan

        found: Shots | None = None
        total = reel.info.count(reel.stretch.start, reel.stretch.end, reel.stretch.every)
        with FrameBar("looking for cuts", total, self.quiet) as bar:
            for _, found in bar.over(scan(reel)):  # noqa: B007 - the last one is what counts
                pass
        assert found is not None
        self._say(*found.remarks)
        return found

    def _tell(self, reel: Reel, shots: Shots, work: Work) -> None:
        """What is about to be done, and how long it will take."""
        if self.quiet:
            return
        from impasto.cli.plan import span
        from impasto.reel.estimate import estimate

        frames, parts = len(shots.times), len(shots.ranges())
        height, width = reel.shape
        about = estimate(reel, shots, self.given["jobs"])
        where = f", cut{'s' * (parts > 2)} at frame {', '.join(map(str, shots.cuts[:8]))}" * (parts > 1)
        self._say(
            f"{frames} frame{'s' * (frames != 1)} of {width}×{height} in {parts} shot{'s' * (parts != 1)}{where}",
            f"about {span(about.seconds)}: {about.first:.1f} s for the first frame of a shot, "
            f"about {about.later:.2f} s for a later one; painted frames are kept in {work.folder}",
        )

    def _painted(self, reel: Reel, shots: Shots, work: Work, held: Held, threads: int) -> int:
        """Paint to the end or to an interrupt; how many frames are kept then, from the first on."""
        from impasto.cli.bar import Bar
        from impasto.cli.film_preview import Previews
        from impasto.reel.finish import preview_name

        previews: Previews | None = None
        if self.given["preview"]:
            write = partial(self._write, preview_name(self.out), reel, shots, work)
            previews = Previews(write, work, len(shots.times))
        with Bar(self.quiet) as bar:
            try:
                for at in self._steps(reel, shots, work, threads):
                    held.painting = True
                    bar.count(f"frame {at.done + 1} of {at.frames}", at.share, at.at.inner if at.at else None)
                    if previews and (at.at is None or at.at.done):
                        previews.due()
                    if held.asked:
                        break
            except KeyboardInterrupt:
                held.saving = True
        held.saving = True
        if previews and previews.failure:
            self._say(f"no preview: {previews.failure}")
        return len(work.kept(range(len(shots.times))))

    def _steps(self, reel: Reel, shots: Shots, work: Work, threads: int) -> Iterator[Painted]:
        from concurrent.futures.process import BrokenProcessPool

        from impasto.reel.paint import paint_apart, paint_shots

        jobs = min(self.given["jobs"], len(shots.ranges()))
        if jobs == 1:
            yield from paint_shots(reel, shots, work)
            return
        try:
            yield from paint_apart(reel, shots, work, jobs, self._orders(reel, shots, work, threads))
        except BrokenProcessPool:
            raise InputError(
                f"one of {jobs} processes was ended, perhaps for want of memory: what is painted is kept; "
                "go on with --resume and fewer --jobs"
            ) from None

    def _orders(self, reel: Reel, shots: Shots, work: Work, threads: int) -> Orders:
        from impasto.reel.paint import Orders

        return Orders(
            film=reel.path,
            styles=tuple(str(style.absolute()) for style in self.styles),
            recipe=reel.painter.recipe.as_dict(),
            options=reel.options.as_dict(),
            stretch=reel.stretch.as_dict(),
            weights=str(self.given["weights"]) if self.given["weights"] else None,
            allow_huge=self.given["allow_huge"],
            times=shots.times.tobytes(),
            cuts=shots.cuts,
            work=str(work.folder.absolute()),
            threads=threads,
        )

    def _interrupted(self, reel: Reel, shots: Shots, work: Work, done: int) -> int:
        """The film so far, and how to go on."""
        from impasto.reel.finish import preview_name

        if work.empty():
            raise KeyboardInterrupt
        lines = [
            f"interrupted: {work.count()} of {len(shots.times)} frames are kept in {work.folder}; go on with {self.onwards}"
        ]
        if done:
            preview = preview_name(self.out)
            try:
                self._write(preview, reel, shots, work, done)
                lines.append(f"the film so far is {preview}")
            except ImpastoError as error:
                lines.append(f"the film so far could not be written: {error}")
        self._say(*lines)
        self._json(reel, shots, done)
        return 130

    def _write(self, out: Path, reel: Reel, shots: Shots, work: Work, count: int | None = None) -> list[str]:
        from impasto.reel.finish import write_film

        remarks: list[str] = []
        with FrameBar("writing", count or len(shots.times), self.quiet) as bar:
            how = {"codec": self.given["codec"], "quality": self.given["film_quality"], "count": count}
            for remarks in bar.over(write_film(out, reel, shots, work, **how)):  # noqa: B007 - likewise
                pass
        return remarks

    def _report(self, reel: Reel, shots: Shots, remarks: list[str]) -> None:
        height, width = reel.shape
        seconds = time.perf_counter() - self.began
        frames = len(shots.times)
        self._say(
            *remarks, f"painted {self.out} ({width}×{height}, {frames} frame{'s' * (frames != 1)}) in {seconds:.1f} s"
        )
        self._json(reel, shots, frames)

    def _json(self, reel: Reel, shots: Shots, done: int) -> None:
        if not self.given["as_json"]:
            return
        height, width = reel.shape
        line = {
            "out": str(self.out),
            "seconds": round(time.perf_counter() - self.began, 3),
            "width": width,
            "height": height,
            "frames": len(shots.times),
            "done": done,
            "shots": len(shots.ranges()),
            "cuts": list(shots.cuts),
            "interrupted": done < len(shots.times),
        }
        print(json.dumps(line))

    def _say(self, *lines: str) -> None:
        if not self.quiet:
            for line in lines:
                print(line, file=sys.stderr)
