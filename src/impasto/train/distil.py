"""One distillation from files to files: pictures and a teacher in; an encoder, its curve and its card out."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError, TrainingError, UnknownNameError
from impasto.media.image import load_image, save_image
from impasto.recipe import Recipe
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import ChainEncoder, Encoder
from impasto.see.known import installed
from impasto.see.layers import layer_weights
from impasto.see.load import encoder_digest, load_encoder
from impasto.see.unit import words
from impasto.see.weights import save_encoder
from impasto.train.card import Report, link, table, write_card
from impasto.train.checkpoint import Course, checkpoint_of, fit, save_checkpoint
from impasto.train.curve import can_plot, plot_curve, write_curve
from impasto.train.data import Pictures, crops, distort, read_pictures
from impasto.train.encoder import TAPS, Distiller, DistilOptions
from impasto.train.judged import judge, mean_of, paint
from impasto.train.student import shape_of, student_of

__all__ = ["KIND", "Distillation", "Material", "Source", "check_student", "find_teacher", "gather", "macs"]

KIND = "distillation"
_HELD_CROPS = 32


# ── pictures ──


@dataclass(frozen=True)
class Source:
    """One folder or archive and what came out of it."""

    path: str
    pictures: int
    held_out: int
    share: float
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """All pictures of a distillation, ``(3, H, W)`` uint8 each; ``odds`` are those of ``images``."""

    images: list[Tensor]
    odds: list[float]
    paintings: list[Tensor]
    held_out: list[Tensor]
    sources: tuple[Source, ...]
    held_names: tuple[str, ...]


def gather(
    data: Sequence[Path],
    paintings: Sequence[Path] = (),
    *,
    shares: Sequence[float] = (),
    hold_out: Sequence[str] = (),
    short_side: int = 512,
) -> Material:
    """Read everything once. Every source of ``data`` has equal odds unless ``shares`` says otherwise.

    ``hold_out`` are names or patterns of pictures that are scored on and never trained on; without any, every fiftieth
    picture of a source is, by the hash of its name: the same ones in every run.
    """
    if not data:
        raise InputError("no --data given: name folders or archives of pictures")
    if shares and len(shares) != len(data):
        raise InputError(f"--share names {len(shares)} shares for {len(data)} --data: give one for each, in order")
    if any(not math.isfinite(share) or share < 0 for share in shares) or (shares and sum(shares) <= 0):
        raise InputError("--share: expected numbers of 0 or more that are not all 0, as in 2,1,1")
    read: dict[Path, Pictures] = {}
    held: dict[Path, set[int]] = {}
    failures = []
    for path in dict.fromkeys([*data, *paintings]):
        try:
            read[path] = read_pictures([path], short_side=short_side)
        except TrainingError as error:
            if not path.exists():
                raise
            failures.append(str(error))
            read[path] = Pictures(skipped=[str(error)])
        held[path] = _held(read[path].names, hold_out)
    if not any(read[path].images for path in data):
        raise TrainingError(failures[0] if failures else "no readable picture in the data")
    weights = [
        share if read[path].images else 0.0 for path, share in zip(data, shares or [1.0] * len(data), strict=True)
    ]
    weights = [share / max(sum(weights), 1e-12) for share in weights]
    for pattern in hold_out:
        names = [name for found in read.values() for name in found.names]
        if not any(_called(name, pattern) for name in names):
            raise UnknownNameError("picture to --hold-out", pattern, _near(pattern, names))
    images: list[Tensor] = []
    odds: list[float] = []
    sources = []
    for path, share in zip(data, weights, strict=True):
        kept = [image for index, image in enumerate(read[path].images) if index not in held[path]]
        images += kept
        odds += [share / max(len(kept), 1)] * len(kept)
        about = Source(str(path), len(kept), len(held[path]), share if kept else 0.0, tuple(read[path].skipped))
        sources.append(about)
    if not images or sum(odds) <= 0:
        raise TrainingError("no picture is left to train on: all are held out, or of sources with --share 0")
    out_of = [(name, image) for path, found in read.items() for name, image in _chosen(found, held[path])]
    if not out_of:
        raise TrainingError("no picture is held out for the scores: give more data, or name some with --hold-out")
    styles = [i for path in paintings for n, i in enumerate(read[path].images) if n not in held[path]]
    if paintings and not styles:
        raise TrainingError(f"no readable painting is left in {', '.join(map(str, paintings))}")
    for path in paintings:
        if path not in data:
            found = read[path]
            count = len(found.images) - len(held[path])
            sources.append(Source(str(path), count, len(held[path]), 0.0, tuple(found.skipped)))
    held_names = tuple(sorted({name for name, _ in out_of}))
    return Material(images, odds, styles or images, [image for _, image in out_of], tuple(sources), held_names)


def _held(names: Sequence[str], patterns: Sequence[str]) -> set[int]:
    if patterns:
        return {i for i, name in enumerate(names) if any(_called(name, pattern) for pattern in patterns)}
    if len(names) < 4:
        return set()
    ranked = sorted(range(len(names)), key=lambda i: hashlib.sha256(PurePosixPath(names[i]).name.encode()).digest())
    return set(ranked[: math.ceil(len(names) / 50)])


def _called(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(PurePosixPath(name).name, pattern)


def _near(pattern: str, names: Sequence[str]) -> list[str]:
    import difflib

    files = sorted({PurePosixPath(name).name for name in names})
    return difflib.get_close_matches(pattern, files, n=3, cutoff=0) or files[:3]


def _chosen(found: Pictures, indices: set[int]) -> Iterator[tuple[str, Tensor]]:
    return ((found.names[i], found.images[i]) for i in sorted(indices))


# ── teacher and student ──


def find_teacher(name: str | None) -> Encoder:
    """The teacher called ``name``, or the installed VGG-19; ``InputError`` unless it offers all of ``TAPS``."""
    if name is None:
        name = next((kind for kind in ("vgg19-caffe", "vgg19") if installed(kind)), "vgg19-caffe")
    teacher = load_encoder(name)
    offered = [layer.name for layer in teacher.layers]
    if missing := [tap for tap in TAPS if tap not in offered]:
        raise InputError(f"--teacher {name} has no {', '.join(missing)}: a teacher offers {', '.join(TAPS)}")
    return teacher


def check_student(
    options: DistilOptions, teacher: Encoder, content: str = "", widths: Mapping[str, int] | None = None
) -> None:
    """``InputError`` where a student of ``options`` would not stand beside the teacher's maps, or not have ``content``."""
    shown = words(options.blocks)
    if len(options.blocks) != 5 or len(options.blocks[3]) < 2:
        raise InputError(f"--blocks {shown}: expected five blocks, the fourth of two or more: taps reach to relu5_1")
    with torch.device("meta"):
        student = ChainEncoder(options.blocks, down=options.down)
    offered = [layer.name for layer in student.layers]
    for place in dict(options.places).values():
        if place not in offered:
            raise InputError(f"--places: a student of --blocks {shown} has no {place}, only {', '.join(offered)}")
    places = {tap: dict(options.places).get(tap, tap) for tap in TAPS}
    if [offered.index(place) for place in places.values()] != sorted(offered.index(p) for p in places.values()):
        raise InputError("--places: a deeper tap is read above a shallower one: name them in order")
    for tap in options.bare:
        width = next(layer.channels for layer in student.layers if layer.name == places[tap])
        wanted = next(layer.channels for layer in teacher.layers if layer.name == tap)
        if width != wanted:
            raise InputError(
                f"--bare {tap}: --blocks {shown} has {width} channels at {places[tap]}, expected the teacher's {wanted}"
            )
    for tap, given in (widths or {}).items():
        most = next(layer.channels for layer in student.layers if layer.name == places[tap])
        if tap in options.bare:
            raise InputError(f"--tap-channels {tap}={given}: it is --bare, as wide as the teacher's")
        if given > most:
            raise InputError(
                f"--tap-channels {tap}={given}: --blocks {shown} has {most} channels there: give at most so many"
            )
    for tap in TAPS:
        if student.stride(places[tap]) != teacher.stride(tap):
            block = tap[4]
            raise InputError(
                f"--blocks {shown}: {tap} would be seen at every {student.stride(places[tap])} pixels, the teacher's at every "
                f"{teacher.stride(tap)}: with --down conv the last convolution of a block halves the map, so give "
                f"block {block} one more"
            )
    with torch.device("meta"):
        eyes = ChainEncoder(options.blocks, down=options.down, taps=dict.fromkeys(TAPS, 1), places=dict(options.places))
    layer_weights(content, eyes, eyes.content_layers, "--content-layers")
    deepest = max(teacher.stride(tap) for tap in TAPS)
    if options.size < deepest or options.size % deepest:
        raise InputError(f"--size {options.size}: expected a multiple of {deepest}, the stride of the deepest tap")


def macs(encoder: Encoder, layers: Sequence[str] = ()) -> float | None:
    """Thousand multiply-adds per pixel up to the deepest of ``layers`` (all if none); None for another kind of net."""
    if not isinstance(encoder, ChainEncoder):
        return None
    total, left, stride = 0.0, set(layers or (layer.name for layer in encoder.layers)), 1
    for conv, (name, halve) in zip(encoder.convs, encoder._plan, strict=True):
        if not left:
            break
        stride *= 2 if halve else 1
        stride *= conv.stride[0]  # type: ignore
        total += sum(value.numel() for value in conv.parameters() if value.ndim == 4) / stride**2
        for tap in encoder._read.get(name, ()):
            if tap in encoder.taps:
                total += encoder.taps[tap].weight.numel() / stride**2  # type: ignore
            left.discard(tap)
    return round(total / 1000, 2)


# ── the run ──


class Distillation:
    """A distillation into the file ``out``: pull ``steps()``, ``save()`` now and then, ``finish()`` at the end.

    ``state`` is a checkpoint to go on from. Nothing is written before ``save``.
    """

    def __init__(
        self,
        out: Path,
        material: Material,
        options: DistilOptions,
        course: Course,
        *,
        teacher: str | None = None,
        device: str = "auto",
        state: Mapping[str, Any] | None = None,
        command: str = "",
        every: int = 250,
    ) -> None:
        self.out, self.material, self.course, self.command, self.every = out, material, course, command, every
        eyes = find_teacher(teacher)
        self._teacher_name = teacher
        check_student(options, eyes)
        self.teacher = {"name": eyes.name, "sha256": encoder_digest(eyes), "kmacs_per_pixel": macs(eyes, TAPS)}
        self.device = choose_device(device)
        if self.device == "cuda":
            torch.set_float32_matmul_precision("high")
        self.distiller = Distiller(
            eyes,
            material.images,
            material.paintings,
            options,
            odds=material.odds,
            device=self.device,
            precision=choose_precision("auto", self.device),
            workers=max(1, (os.cpu_count() or 1) - 4) if self.device == "cuda" else 0,
        )
        self.rows: list[dict[str, float]] = []
        self._complete = self._moved = False
        if state is not None:
            self._resume(state)
        clean = next(crops(material.held_out, options.size, _HELD_CROPS, seed=5))
        self._held = {"clean": clean, "distorted": distort(clean, torch.Generator().manual_seed(3))}

    def _resume(self, state: Mapping[str, Any]) -> None:
        path = checkpoint_of(self.out)
        there = state.get("teacher")
        if there is not None and there["sha256"] != self.teacher["sha256"]:
            raise TrainingError(
                f"{path} was trained with the teacher {there['name']} (sha256 {there['sha256'][:12]}…), "
                f"not {self.teacher['name']} ({self.teacher['sha256'][:12]}…): name that one with --teacher"  # type: ignore[index]
            )
        saved, options = state["options"], self.distiller.options
        # The shape it was trained in, which load_state grows from.
        before = student_of(
            dataclasses.replace(options, **shape_of({"blocks": options.blocks, **saved})), self.distiller.channels
        )
        fit(path, before, state["student"])
        try:
            self.distiller.load_state(state)
        except (ValueError, KeyError, RuntimeError, TypeError) as error:
            raise TrainingError(f"{path} does not fit this net: {' '.join(str(error).split())[:120]}") from None
        self.rows = [dict(row) for row in state.get("rows", ())]

    def steps(self) -> Iterator[Report]:
        """Train to the end of the course; a report per step, with scores and a row of the curve now and then."""
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}
        course = self.course
        for at in self.distiller.run(
            minutes=course.minutes,
            steps=course.steps,
            cooldown=course.cooldown,
            since=course.since,
            held_out=self._held["clean"],
            every=self.every,
        ):
            self._moved = True
            if not math.isfinite(at.loss):
                raise TrainingError(
                    f"the training diverged at step {at.step:,} (loss {at.loss}): go on from the last checkpoint with "
                    "--resume --change and a lower --learning-rate"
                )
            for tap, value in at.errors.items():
                sums[tap] = sums.get(tap, 0.0) + value
                counts[tap] = counts.get(tap, 0) + 1
            text = ""
            if at.held_out:
                row = {"step": at.step, "seconds": round(at.seconds, 1), "rate": at.learning_rate, "loss": at.loss}
                row |= {f"train {tap}": sums[tap] / counts[tap] if tap in sums else math.nan for tap in TAPS}
                self.rows.append(row | {f"held-out {tap}": value for tap, value in at.held_out.items()})
                sums, counts = {}, {}
                text = " ".join(f"{tap[4:]} {value:.3f}" for tap, value in at.held_out.items())
            yield Report(at.done, at.step, at.seconds, text)
        self._complete = True

    def save(self) -> None:
        """The checkpoint and the curve, each whole or not at all; ``TrainingError`` on a full disk."""
        distiller = self.distiller
        if not all(bool(value.isfinite().all()) for value in distiller.student.parameters()):
            raise TrainingError(f"the weights at step {distiller.step:,} are not finite: not saved")
        state = distiller.state() | {
            "kind": KIND,
            "teacher": self.teacher,
            "course": asdict(dataclasses.replace(self.course, complete=self._complete)),
            "rows": self.rows,
        }
        save_checkpoint(checkpoint_of(self.out), state)
        if self.rows:
            write_curve(self.out.with_suffix(".csv"), self.rows)

    def finish(
        self,
        *,
        half: bool = True,
        eight_bit: bool = False,
        widths: Mapping[str, int] | None = None,
        balance: float = 1.0,
        content: str = "",
        pairs: Sequence[tuple[Path, Path]] = (),
        size: int = 512,
    ) -> dict[str, Any]:
        """Write checkpoint, encoder, plot and card; the card. ``pairs`` of content and style are painted and judged.

        ``balance`` is the encoder's own factor on the content weight and ``content`` its own content layers, see
        ``Encoder``. ``widths`` are channels of taps that are to be narrower, ``eight_bit`` is as for ``save_encoder``.
        """
        if self._moved:  # without a step it is an export, and the checkpoint keeps its course
            self.save()
        distiller, out = self.distiller, self.out
        student = distiller.student
        if widths:
            sample = next(crops(self.material.images, distiller.options.size, _HELD_CROPS, weights=self.material.odds))
            student = student.narrowed(widths, sample.to(distiller.device))
        errors = {name: distiller.evaluate(images, student) for name, images in self._held.items()}
        encoder = student.folded(out.stem).cpu()
        if half:
            encoder = encoder.half()
        if not all(bool(value.isfinite().all()) for value in encoder.state_dict().values()):
            raise TrainingError(f"{out}: the trained weights are not finite{' in half precision: add --full' * half}")
        about = {
            "trained_by": "impasto train encoder",
            "teacher": self.teacher,
            "steps": distiller.step,
            "seconds": round(distiller.seconds),
            "unexplained": _rounded(errors["clean"]),
            "balance": balance,
        }
        if content:
            about["content"] = layer_weights(content, encoder, (), "--content-layers")
        save_encoder(out, encoder, about, eight_bit=eight_bit)
        card: dict[str, Any] = {
            "encoder": out.name,
            "sha256": encoder_digest(out),
            "command": self.command,
            "teacher": self.teacher,
            "data": [asdict(source) for source in self.material.sources],
            "held_out": {"pictures": list(self.material.held_names), "crops": _HELD_CROPS},
            "options": asdict(distiller.options),
            "course": asdict(self.course),
            "steps": distiller.step,
            "seconds": round(distiller.seconds, 1),
            "device": self.device,
            "parameters": sum(value.numel() for value in encoder.parameters()),
            "bytes": out.stat().st_size,
            "precision": ("large convolutions int8, else " if eight_bit else "") + ("float16" if half else "float32"),
            "balance": balance,
            "content": about.get("content", {}),
            "kmacs_per_pixel": macs(encoder),
            "unexplained": {name: _rounded(found) for name, found in errors.items()},
        }
        if pairs:
            card["judged"] = self._judge(pairs, size)
        if can_plot() and self.rows:
            titles = {"held-out ": "held out", "train ": "training"}
            plot_curve(out.with_suffix(".png"), self.rows, groups=titles, title="unexplained variance")
        write_card(out, card, _markdown(out, card))
        return card

    def _judge(self, pairs: Sequence[tuple[Path, Path]], size: int) -> dict[str, Any]:
        """Paint each pair with the file as it was written, and ask the teacher in full precision."""
        teacher = find_teacher(self._teacher_name)
        student = load_encoder(str(self.out)).to(  # type: ignore[call-overload]
            self.device, choose_precision("auto", self.device), memory_format=torch.channels_last
        )
        rows: list[dict[str, Any]] = []
        for content_path, style_path in pairs:
            content, style = load_image(content_path), load_image(style_path)
            painted = paint(student, content, style, Recipe(size=size))
            file = self.out.with_name(f"{self.out.stem}-{content_path.stem}-{style_path.stem}.png")
            save_image(painted, file)
            found = judge(painted, content, style, teacher, size=size)
            rows.append({"content": str(content_path), "style": str(style_path), "picture": file.name, "found": found})
        return {"size": size, "pairs": rows, "mean": mean_of([row["found"] for row in rows])}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}


def _markdown(out: Path, card: Mapping[str, Any]) -> str:
    teacher = card["teacher"]
    cost = f"{card['kmacs_per_pixel']} thousand multiply-adds a pixel"
    if teacher["kmacs_per_pixel"]:
        share = teacher["kmacs_per_pixel"] / card["kmacs_per_pixel"]
        cost += f" (the teacher {teacher['kmacs_per_pixel']}: {share:.1f} times as many)"
    blocks = words(card["options"]["blocks"])
    lines = [
        f"# {out.stem}",
        "",
        f"An encoder distilled with `{card['command'] or 'impasto train encoder'}`. Every weight comes out of this "
        "training; the teacher was the target and none of its layers is copied.",
        "",
        f"- teacher: {teacher['name']}, sha256 `{teacher['sha256']}`",
        f"- trained: {card['steps']:,} steps, {card['seconds'] / 60:,.0f} minutes on {card['device']}",
        f"- net: `{blocks}`, halved by {card['options']['down']}, {card['parameters']:,} parameters, {cost}",
        f"- file: {card['bytes']:,} bytes, {card['precision']}, sha256 of the tensors `{card['sha256']}`",
        "",
        "## Unexplained variance on held-out pictures",
        "",
        *table(
            ["crops", *TAPS],
            [[name, *(f"{found[tap]:.4f}" for tap in TAPS)] for name, found in card["unexplained"].items()],
        ),
        "",
        f"{card['held_out']['crops']} crops of {len(card['held_out']['pictures'])} pictures never trained on.",
    ]
    if "judged" in card:
        names = list(card["judged"]["mean"])
        rows = [
            [link(Path(row["picture"])), *(f"{row['found'][name]:.4f}" for name in names)]
            for row in card["judged"]["pairs"]
        ]
        rows.append(["mean", *(f"{card['judged']['mean'][name]:.4f}" for name in names)])
        title = f"## Paintings at {card['judged']['size']} pixels, judged by the teacher"
        lines += ["", title, "", *table(["painting", *names], rows)]
    sources = [
        [s["path"], f"{s['pictures']:,}", s["held_out"], f"{s['share']:.2f}", len(s["skipped"])] for s in card["data"]
    ]
    lines += ["", "## Data", "", *table(["source", "pictures", "held out", "share", "skipped"], sources)]
    skipped = [line for source in card["data"] for line in source["skipped"]]
    if skipped:
        lines += ["", "Skipped:", "", *(f"- {line}" for line in skipped)]
    return "\n".join(lines) + "\n"
