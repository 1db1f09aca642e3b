"""The built-in encoder is distilled here: a small net learns to see as a large one does.

The student answers, at six layers, what the teacher (VGG-19) would answer. It learns on crops of pictures, on distorted
ones, and on half-painted ones made with the student itself: the optimiser finds whatever a student is blind to, and
showing it to the teacher closes that hole. Afterwards the batch normalisation and the map into the teacher's channels
are folded away: ``t ≈ W s + b`` makes distances in the teacher's channels quadratic forms of ``[s; 1]``, so a tap of
few channels, a square root of that form, measures contents and Gram matrices as the teacher would.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.see.encoder import ChainEncoder, Down, Encoder, Features
from impasto.train.checkpoint import plain
from impasto.train.data import crops, distort
from impasto.train.grow import grow
from impasto.train.muon import Muon
from impasto.train.normed import NormedChain
from impasto.train.options import TAPS, DistilOptions

__all__ = ["TAPS", "DistilOptions", "Distiller", "Student", "TrainingStep", "unexplained"]

_EMPHASIS = {"relu4_2": 2.0}  # what a student is blind to at the content's layer, a painting gets wrong
_SHALLOW, _DEEP = ("relu1_1", "relu2_1", "relu3_1"), ("relu4_1", "relu5_1")


class Student(NormedChain):
    """A chain with batch normalisation whose taps answer in the teacher's channels; for training only."""

    def __init__(
        self,
        blocks: Sequence[Sequence[int]],
        down: Down,
        taps: Mapping[str, int],
        places: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(blocks, down=down, taps=taps, places=places, name="student", momentum=0.02)
        self.scales: Tensor
        # The teacher's maps run into the hundreds: the heads answer in units of each tap's own size.
        self.register_buffer("scales", torch.ones(len(taps)))

    @torch.no_grad()
    def folded(self, name: str = "builtin") -> ChainEncoder:
        """The same eyes without the scaffolding: no normalisation, and taps as narrow as the student's own maps."""
        widths = dict(zip((layer for layer, _ in self._plan), (c.out_channels for c in self.convs), strict=True))
        taps = {
            layer.name: min(int(widths[self.places.get(layer.name, layer.name)]), layer.channels)  # type: ignore
            for layer in self.layers
        }
        slim = ChainEncoder(self.blocks, down=self.down, taps=taps, places=self.places, name=name)
        self.fold_into(slim)
        for layer, head in self.taps.items():
            wide = torch.cat([head.weight.flatten(1), head.bias[:, None]], 1).double()  # type: ignore  # (T, C + 1)
            _, scale, basis = torch.linalg.svd(wide, full_matrices=False)
            root = (scale[:, None] * basis)[: taps[layer]].float()  # its Gram is that of `wide`, all but the last value
            slim.taps[layer].weight.copy_(root[:, :-1, None, None])  # type: ignore
            slim.taps[layer].bias.copy_(root[:, -1])  # type: ignore
        return slim.eval()


@dataclass(frozen=True)
class TrainingStep:
    """Where a training stands: ``errors`` are per-tap shares, ``held_out`` is filled at each evaluation.

    ``done`` is the share, 0..1, of the minutes or steps asked for.
    """

    step: int
    seconds: float
    loss: float
    errors: Mapping[str, float]
    learning_rate: float
    held_out: Mapping[str, float] = field(default_factory=dict)
    done: float = 0.0


def relative_maps(found: Tensor, wanted: Tensor) -> Tensor:
    """Share of the teacher's variance that is not explained: ``|t̂ - t|² / |t - mean t|²``, over the batch."""
    wanted = wanted.float()
    spread = wanted.var(dim=(0, 2, 3), unbiased=False).sum()
    return (found.float() - wanted).square().sum(1).mean() / spread.clamp_min(1e-12)


def relative_gram(found: Tensor, wanted: Tensor) -> Tensor:
    """``|Ĝ - G|² / |G|²`` of each picture's own Gram matrix, mean over the batch."""
    a, b = found.flatten(2).float(), wanted.flatten(2).float()
    g, h = a @ a.mT, b @ b.mT
    return ((g - h).square().sum((1, 2)) / h.square().sum((1, 2)).clamp_min(1e-12)).mean()


@torch.no_grad()
def unexplained(
    student: Encoder, teacher: Callable[[Tensor], Features], images: Tensor, batch: int = 8
) -> dict[str, float]:
    """Unexplained variance per tap of ``images`` ``(N, 3, H, W)``; the student answers in the teacher's channels."""
    wrong = dict.fromkeys(TAPS, 0.0)
    sums: dict[str, list[Tensor]] = {tap: [] for tap in TAPS}
    count = 0
    for part in images.split(batch):
        t, s = teacher(part), student(part, TAPS)
        for tap in TAPS:
            true = t[tap].double()
            wrong[tap] += float((s[tap].double() - true).square().sum()) / true[0, 0].numel()
            sums[tap].append(torch.stack([true.mean((2, 3)).sum(0), true.square().mean((2, 3)).sum(0)]))
        count += len(part)
    out = {}
    for tap in TAPS:
        first, second = torch.stack(sums[tap]).sum(0) / count
        out[tap] = wrong[tap] / count / float((second - first.square()).sum())
    return out


class Distiller:
    """A training that can stop and go on: build, ``load_state`` where there is one, then pull ``run``.

    ``images`` and ``paintings`` are ``(3, H, W)`` uint8 tensors; ``paintings`` are styles of half-painted pictures.
    """

    def __init__(
        self,
        teacher: Encoder,
        images: Sequence[Tensor],
        paintings: Sequence[Tensor],
        options: DistilOptions,
        *,
        odds: Sequence[float] | None = None,
        device: str | torch.device = "cpu",
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        self.options = options
        self.device, self.precision = torch.device(device), precision
        self.teacher: Encoder = teacher.to(  # type: ignore[call-overload]
            self.device, precision, memory_format=torch.channels_last
        ).eval()
        self.channels = channels = {layer.name: layer.channels for layer in teacher.layers if layer.name in TAPS}
        torch.manual_seed(options.seed)
        self.student = Student(options.blocks, options.down, channels, dict(options.places)).to(self.device)
        self.student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizers = self._optimizers()
        self.step = 0
        self.seconds = 0.0
        self.images, self.paintings, self.odds = images, paintings, odds
        self.pool: list[Tensor] = []
        self._made = 0
        self._random = {use: torch.Generator() for use in ("source", "draws", "contents", "styles")}
        self._reseed()
        with torch.no_grad():
            first = self._sample()
            maps = self.teacher(first.to(self.device), TAPS)
            self.student.scales.copy_(torch.stack([maps[tap].float().square().mean().sqrt() for tap in TAPS]))

    def _sample(self) -> Tensor:
        return next(crops(self.images, self.options.size, self.options.batch, seed=self.options.seed))

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        options, named = self.options, dict(self.student.named_parameters())
        convs = [p for name, p in named.items() if name.startswith("convs.") and p.ndim > 1] if options.muon else []
        rest = [p for p in named.values() if not any(p is conv for conv in convs)]
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ]
        found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=options.learning_rate)]
        if convs:
            found.append(Muon(convs, lr=options.muon))
        return found

    def _wanted(self, batch: Tensor) -> dict[str, Tensor]:
        """The teacher's maps in units of the student's scales."""
        with torch.no_grad():
            maps = self.teacher(batch, TAPS)
            return {tap: maps[tap].float() / scale for tap, scale in zip(TAPS, self.student.scales, strict=True)}

    def state(self) -> dict[str, Any]:
        """Everything that a later ``load_state`` needs, tensors and plain values only."""
        return {
            "student": self.student.state_dict(),
            "optimizer": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "options": asdict(self.options),
            "pool": torch.stack(self.pool) if self.pool else torch.zeros(0, dtype=torch.uint8),
            "made": self._made,
            "random": {use: random.get_state() for use, random in self._random.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``: the steps that follow are those that would have followed there.

        A state without the pool and the generators (an early checkpoint) goes on with other crops. One of other
        ``blocks`` or ``places`` is grown to this student's.
        """
        options, saved = asdict(self.options), state.get("options", {})
        changed = {name for name, value in options.items() if plain(saved.get(name, value)) != plain(value)}
        if changed & {"blocks", "places"}:
            old = Student(saved["blocks"], self.options.down, self.channels, dict(saved.get("places", ())))
            old.load_state_dict(state["student"])
            grow(old, self.student, self._sample())
        else:
            self.student.load_state_dict(state["student"])
        moments = state["optimizer"]
        if not changed & {"blocks", "places", "muon"}:  # else they are other weights' moments
            moments = moments if isinstance(moments, list) else [moments]
            for optimizer, values in zip(self.optimizers, moments, strict=True):
                optimizer.load_state_dict(values)
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        side = self.options.size * (2 if self.options.large else 1)
        self.pool = [image for image in state.get("pool", ()) if image.shape[-1] >= side]
        self._made = int(state.get("made", 0))
        self._reseed()
        for use, saved in state.get("random", {}).items():
            self._random[use].set_state(saved.cpu())

    def _reseed(self) -> None:
        for number, random in enumerate(self._random.values()):
            random.manual_seed(self.options.seed + 7919 * self.step + number)

    def run(
        self,
        *,
        minutes: float | None = None,
        steps: int | None = None,
        cooldown: float = 0.4,
        since: tuple[int, float] | None = None,
        held_out: Tensor | None = None,
        every: int = 250,
    ) -> Iterator[TrainingStep]:
        """Train for ``minutes`` or ``steps``; the rate falls to zero over the last ``cooldown`` of them.

        They count from ``since``, the step and the seconds at which an interrupted training began; from now if None.
        """
        options, random = self.options, self._random
        # A deep layer sees further than a small crop reaches: some steps look at crops of twice the side.
        big, few = 2 * options.size, max(1, options.batch // 4)
        source = crops(self.images, options.size, options.batch, weights=self.odds, random=random["source"])
        large = crops(self.images, big, few, weights=self.odds, random=random["source"])
        side, count = (big, max(1, options.batch // 2)) if options.large else (options.size, options.batch)
        self._contents = crops(self.images, side, count, weights=self.odds, random=random["contents"])
        self._styles = crops(self.paintings, side, count, random=random["styles"])
        first, start = since if since is not None else (self.step, self.seconds)
        began, before = time.perf_counter(), self.seconds

        def share() -> float:
            if minutes is not None:
                return (before + time.perf_counter() - began - start) / max(60 * minutes, 1e-9)
            return (self.step - first) / steps if steps else 1.0

        while (done := share()) < 1:
            warm = min(1.0, (self.step - first + 1) / 40)
            share_of_rate = warm * min(1.0, max(1 - done, 0.01) / max(cooldown, 1e-9))
            rate = options.learning_rate * share_of_rate
            for optimizer, base in zip(self.optimizers, (options.learning_rate, options.muon), strict=False):
                for group in optimizer.param_groups:
                    group["lr"] = base * share_of_rate
            wide = options.large > 0 and float(torch.rand((), generator=random["draws"])) < options.large
            batch = distort(next(large if wide else source), random["draws"])
            if self.step >= options.painted_from and options.painted > 0:
                batch = self._mix_painted(batch, random["draws"])
            loss, errors = self._learn(batch.to(self.device))
            self.step += 1
            self.seconds = before + time.perf_counter() - began
            evaluate = held_out is not None and self.step % every == 0
            yield TrainingStep(
                self.step,
                self.seconds,
                float(loss),
                {tap: float(value) for tap, value in errors.items()},
                rate,
                self.evaluate(held_out) if evaluate and held_out is not None else {},
                min(1.0, share()),
            )

    def evaluate(self, images: Tensor) -> dict[str, float]:
        """Unexplained variance per tap of the student as it would be saved now."""
        self.student.eval()
        try:
            return unexplained(self.student, self._wanted, images.to(self.device))
        finally:
            self.student.train()

    def _learn(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        self.student.train()
        if self.options.norms == "fixed":
            self.student.norms.eval()
        wanted = self._wanted(batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            found = self.student(batch, TAPS)
        errors = {tap: relative_maps(found[tap], wanted[tap]) for tap in TAPS}
        # Plain sums, not roots: with roots the shallow taps, soon nearly right, drown the deep ones (measured). The content
        # tap counts half as much again: what a student is blind to there, a painting gets wrong.
        loss = torch.stack([error * _EMPHASIS.get(tap, 1.0) for tap, error in errors.items()]).sum()
        if self.options.gram_weight:
            # Judged layer by layer, a painting by an earlier student missed the style at relu5_1, more than three times as
            # much as at all other layers together. One shallow tap a step stands for the three: they are nearly right.
            pick = _SHALLOW[int(torch.randint(len(_SHALLOW), (), generator=self._random["draws"]))]
            grams = [relative_gram(found[tap], wanted[tap]).sqrt() for tap in (pick, *_DEEP)]
            loss = loss + self.options.gram_weight * torch.stack(grams).sum()
        self.student.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return loss.detach(), {tap: error.detach() for tap, error in errors.items()}

    def _mix_painted(self, batch: Tensor, random: torch.Generator) -> Tensor:
        """Replace a share of the batch by half-painted pictures; paint new ones as the pool is used up."""
        share = round(len(batch) * self.options.painted)
        if len(batch) == 1:
            share = int(float(torch.rand((), generator=random)) < self.options.painted)
        if not share:
            return batch
        side = batch.shape[-1]
        self._made -= share * side**2
        if self._made <= 0 or len(self.pool) < share:
            fresh = self._paint(random)
            self.pool = (self.pool + fresh)[-self.options.pool :]
            self._made = 3 * sum(image[0].numel() for image in fresh)  # each picture is seen about three times
        picks = torch.randint(len(self.pool), (share,), generator=random).tolist()
        seen = torch.stack([self._piece(self.pool[p], side, random) for p in picks]).float() / 255
        if float(torch.rand((), generator=random)) < 0.5:
            seen = seen.flip(3)
        return torch.cat([batch[share:], seen])

    @staticmethod
    def _piece(image: Tensor, side: int, random: torch.Generator) -> Tensor:
        top, left = (int(torch.randint(image.shape[-1] - side + 1, (), generator=random)) for _ in range(2))
        return image[:, top : top + side, left : left + side]

    def _paint(self, random: torch.Generator) -> list[Tensor]:
        """A batch of random content × style pairs painted with the student as it is now; snapshots on the way."""
        encoder: Encoder = self.student.folded().to(  # type: ignore[call-overload]
            self.device, self.precision, memory_format=torch.channels_last
        )
        encoder.requires_grad_(False)
        content, style = next(self._contents).to(self.device), next(self._styles).to(self.device)

        def number(low: float, high: float) -> float:
            return math.exp(math.log(low) + (math.log(high) - math.log(low)) * float(torch.rand((), generator=random)))

        kept: list[Tensor] = []
        image: Tensor | None = None
        weight = number(0.02, 0.6)
        last = content.shape[-1]
        for size, steps in ((last // 2, 20), (last, 24)):
            c, s = (F.interpolate(x, (size, size), mode="bilinear", antialias=True) for x in (content, style))
            if image is None:
                image = c if torch.rand((), generator=random) < 0.7 else torch.rand(c.shape, generator=random).to(c)
            else:
                image = F.interpolate(image, (size, size), mode="bicubic", align_corners=False)
            image = image.clamp(0, 1).detach().requires_grad_()
            with torch.no_grad():
                target = encoder(c, ["relu4_2"])["relu4_2"].float()
                grams = {k: _gram(v) for k, v in encoder(s, encoder.style_layers).items()}
            adam = torch.optim.Adam([image], lr=number(0.015, 0.06), betas=(0.9, 0.99))
            marks = set(torch.randint(2, steps, (3,), generator=random).tolist()) | {steps - 1}
            for step in range(steps):
                maps = encoder(image, (*encoder.style_layers, "relu4_2"))
                loss = weight * _relative(maps["relu4_2"].float(), target)
                for layer, gram in grams.items():
                    loss = loss + _relative(_gram(maps[layer]), gram) / len(grams)
                adam.zero_grad()
                loss.backward()
                adam.step()
                with torch.no_grad():
                    image.clamp_(0, 1)
                if size == last and step in marks:
                    kept += list((image.detach().cpu() * 255).round().to(torch.uint8))
        return kept


def _gram(x: Tensor) -> Tensor:
    x = x.flatten(2).float()
    return x @ x.mT / x.shape[2]


def _relative(a: Tensor, b: Tensor) -> Tensor:
    """Each picture's squared error over its target's size, summed over the batch."""
    return ((a - b).square().flatten(1).sum(1) / b.square().flatten(1).sum(1).clamp_min(1e-12)).sum()
