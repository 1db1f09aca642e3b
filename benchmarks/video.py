"""What a film costs, and how coherent it is, against frame-by-frame painting of the same frames.

    python benchmarks/video.py --shared ../shared [--size 320] [--quality good] [--compare 216:240] [--frames 0:240]

Paints `cutBunny.mp4` with the built-in encoder in this process, paints the frames of --compare one by one too, measures
both along the flow of the film, and lets the judge of the shared folder (VGG-19) look at single frames. Then a still scene
of 100 frames with noise, the peak memory of 10 and of 1,000 frames, and rate, length and sound of two other films, in
processes of their own. One row a goal. The machine should be quiet: about half an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import torch

from impasto.film import FilmOptions
from impasto.judge.film import FilmJudge
from impasto.media.cuts import cuts as found_cuts
from impasto.media.frames import FilmWriter, probe, read_frames
from impasto.media.image import save_image
from impasto.paint.painter import finish
from impasto.paint.smooth import smooth_film
from impasto.paint.video import FilmPainter, paint_video, rounded
from impasto.recipe import Recipe
from impasto.reel.film import open_painter
from impasto.runtime import processor_name
from paint import judged, peak_of

STILL, MANY = 100, 1000


def painted(frames: list[torch.Tensor], painter: FilmPainter, cuts: set[int]) -> tuple[list[torch.Tensor], list[float]]:
    """The film, and the seconds of each frame, flow included."""
    found, seconds, before = [], [], time.perf_counter()
    for at in paint_video(frames, painter, FilmOptions(), cuts=cuts):
        if at.done:
            found.append(at.snapshot())
            seconds.append(time.perf_counter() - before)
            before = time.perf_counter()
            if sys.stderr.isatty():
                print(f"\r{len(found)} of {len(frames)} frames ", end="", file=sys.stderr, flush=True)
    return found, seconds


def noisy(frame: torch.Tensor, count: int) -> list[torch.Tensor]:
    """A still scene as a camera sees it: ``frame`` with noise of 1.2 / 255, another in every frame."""
    random = torch.Generator().manual_seed(0)
    return [(frame + 1.2 / 255 * torch.randn(frame.shape, generator=random)).clamp(0, 1) for _ in range(count)]


def judge(shared: Path, folder: Path, picture: torch.Tensor, frame: torch.Tensor, style: Path) -> dict[str, float]:
    save_image(picture, folder / "picture.png")
    save_image(frame, folder / "frame.png")
    return judged(shared, folder / "picture.png", folder / "frame.png", style, max(picture.shape))


def row(what: str, found: str, goal: str, ok: bool) -> None:
    print(f"| {what} | {found} | {goal} | {'yes' if ok else 'no'} |", flush=True)


def whole_film(args: argparse.Namespace, style: Path, folder: Path) -> None:
    film = args.shared / "videos/cutBunny.mp4"
    first, last = map(int, args.frames.split(":"))
    frames = [frame.image for frame in read_frames(film, size=args.size)][first:last]
    recipe = Recipe(size=args.size, quality=args.quality, encoder="builtin")
    _, painter = open_painter(tuple(frames[0].shape[2:]), [style], recipe, FilmOptions())  # type: ignore[arg-type]
    cuts = set(found_cuts(frames))
    found, seconds = painted(frames, painter, cuts)
    later = [taken for index, taken in enumerate(seconds) if index not in cuts | {0}]
    mean = sum(later) / len(later)
    row("seconds a frame after the first, flow included", f"{mean:.2f} (first {seconds[0]:.1f})", "≤ 1.5", mean <= 1.5)

    low, high = (max(0, int(number) - first) for number in args.compare.split(":"))
    span = range(low, min(high, len(frames)))
    alone = {index: rounded(finish(painter.paint(frames[index]))) for index in span}
    measure = FilmJudge()
    for index in span:
        measure.look(found[index], frames[index], alone[index])
    ratios = measure.card().ratios
    for name, words, goal in (
        ("short", "warp error on reliable pixels, over frame by frame", 0.35),
        ("long", "the same, ten frames apart", 0.35),
        ("flicker", "flicker on static pixels, over frame by frame", 0.2),
    ):
        if name in ratios:
            row(words, f"{ratios[name]:.4f}", f"≤ {goal}", ratios[name] <= goal)

    for weight in (1, 10, 50):  # how far smoothing alone comes, of what was painted one by one
        measure = FilmJudge()
        smooth = smooth_film(alone.values(), [frames[index] for index in span], FilmOptions(temporal_weight=weight))
        for index, picture in zip(span, smooth, strict=True):
            measure.look(picture, frames[index], alone[index])
        left = measure.card().ratios.get("short", 0)
        row(f"--smooth-only at weight {weight}: warp error over frame by frame", f"{left:.4f}", "", True)

    start, end = (judge(args.shared, folder, found[k], frames[k], style)["style"] for k in (0, len(frames) - 1))
    row("judged style of the last frame over the first", f"{end / start:.2f} ({end:.3f} / {start:.3f})", "≤ 1.25",
        end <= 1.25 * start)  # fmt: skip
    for cut in sorted(cuts & set(span)):
        mine, its = (judge(args.shared, folder, x[cut], frames[cut], style)["content"] for x in (found, alone))
        row(f"judged content behind the cut (frame {first + cut}), over painted alone", f"{mine / its:.3f}", "≤ 1.1",
            mine <= 1.1 * its)  # fmt: skip

    still, _ = painted(noisy(frames[0], STILL), painter, set())
    drift = float(still[-1].mean() / still[0].mean()) - 1
    row(f"brightness drift of a still scene of {STILL} frames", f"{drift:+.2%}", "≤ 1 %", abs(drift) <= 0.01)
    start, end = (judge(args.shared, folder, still[k], frames[0], style)["style"] for k in (0, -1))
    row("judged style of its last frame over its first", f"{end / start:.2f}", "≤ 1.25", end <= 1.25 * start)


def command(film: Path, style: Path, out: Path, *more: str) -> list[str]:
    words = ["video", str(film), str(style), "-o", str(out), "--encoder", "builtin", "--quality", "draft", "-q"]
    return [sys.executable, "-m", "impasto", *words, *more]


def memory(style: Path, folder: Path) -> None:
    peaks = []
    wide = torch.rand((1, 3, 3, 24), generator=torch.Generator().manual_seed(0))
    wide = torch.nn.functional.interpolate(wide, (48, 64 + MANY), mode="bicubic", align_corners=False).clamp(0, 1)
    for count in (10, MANY):
        film = folder / f"pan-{count}.mp4"
        with FilmWriter(film, 64, 48, Fraction(25)) as writer:
            for k in range(count):
                writer.write(wide[:, :, :, k : k + 64])
        small = ("--size", "64", "--steps", "1", "--frame-steps", "1")
        peaks.append(peak_of(command(film, style, folder / f"painted-{count}.mp4", *small))[1])
    row(f"peak memory of {MANY} frames over 10", f"{peaks[1] / peaks[0]:.2f} ({peaks[1]:.2f} GB)", "the same",
        peaks[1] <= 1.05 * peaks[0])  # fmt: skip


def finished(args: argparse.Namespace, style: Path, folder: Path) -> None:
    for name in ("bigbuckbunny", "carphone_pristine"):
        film, out = args.shared / f"videos/{name}.mp4", folder / f"{name}.mp4"
        peak_of(command(film, style, out, "--size", "64", "--steps", "1", "--frame-steps", "1"))
        old, new = probe(film), probe(out)
        same = (old.frames, old.rate, old.duration) == (new.frames, new.rate, new.duration)
        sound = sounds(film) == sounds(out)
        what = f"{new.frames} frames at {new.rate}, {float(new.duration or 0):.3f} s" + ", sound" * new.has_sound
        row(f"frames, rate, duration and sound of {name}", what, "identical", same and sound)


def sounds(path: Path) -> list[bytes]:
    """Every packet of sound, as it lies in the file."""
    import av

    with av.open(str(path)) as container:
        streams = container.streams.audio
        return [bytes(packet) for packet in container.demux(streams) if packet.pts is not None] if streams else []


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--style", default="starry_night")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--frames", default="0:240", help="which frames of cutBunny are painted, as in 200:240")
    parser.add_argument("--compare", default="216:240", help="which of them are painted one by one too")
    parser.add_argument("--parts", default="film,memory,finished", help="what to measure")
    args = parser.parse_args()
    style = args.shared / f"images/style/{args.style}.jpg"
    print(f"cutBunny × {args.style}, {args.size} px, {args.quality}; {processor_name()}, {os.cpu_count()} cores, "
          f"{torch.get_num_threads()} threads")  # fmt: skip
    print("| what | found | goal | reached |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "film" in args.parts:
            whole_film(args, style, folder)
        if "memory" in args.parts:
            memory(style, folder)
        if "finished" in args.parts:
            finished(args, style, folder)


if __name__ == "__main__":
    main()
