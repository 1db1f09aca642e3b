"""The built-in encoder is distilled here: a small net learns to see as a large one does.

The student answers, at six layers, what the teacher (VGG-19) would answer. It learns on crops of pictures, on distorted
ones, and on half-painted ones made with the student itself: the optimiser finds whatever a student is blind to, and
showing it to the teacher closes that hole. Afterwards the batch normalisation and the map into the teacher's channels
are folded away: ``t ≈ W s + b`` makes distances in the teacher's channels quadratic forms of ``[s; 1]``, so a tap of
few channels, a square root of that form, measures contents and Gram matrices as the teacher would.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from impasto.see.encoder import Encoder, Features
from impasto.train.checkpoint import plain
from impasto.train.data import crops, distort
from impasto.train.distances import relative_change, relative_gram, relative_lack, relative_maps, unexplained
from impasto.train.feed import fed
from impasto.train.grow import grow
from impasto.train.half_painted import paint_halfway, piece
from impasto.train.muon import Muon
from impasto.train.options import TAPS, DistilOptions
from impasto.train.replay import Replay
from impasto.train.student import SHAPE, Student, shape_of, student_of

__all__ = ["TAPS", "DistilOptions", "Distiller", "TrainingStep"]

_EMPHASIS = {"relu4_2": 2.0}  # what a student is blind to at the content's layer, a painting gets wrong
_SHALLOW, _DEEP = ("relu1_1", "relu2_1", "relu3_1"), ("relu4_1", "relu5_1")
_STYLE = (*_SHALLOW, *_DEEP)
_SETTLED = 0.4  # share of the highest rate from which on a batch's own statistics are more noise than help
_CONTENT = ("relu3_1", "relu4_1", "relu4_2")
_FRONT = 2  # blocks, and taps, that learn on small crops alone


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


class Distiller:
    """A training that can stop and go on: build, ``load_state`` where there is one, then pull ``run``.

    ``images`` and ``paintings`` are ``(3, H, W)`` uint8 tensors; ``paintings`` are styles of half-painted pictures.
    ``workers`` processes cut crops of them; 0: this one does. On CUDA, steps are replayed from graphs, and are not the
    same to the last bit in two runs.
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
        workers: int = 0,
    ) -> None:
        self.options = options
        self.device, self.precision, self.workers = torch.device(device), precision, workers
        self._replay = Replay() if self.device.type == "cuda" else None
        self.teacher: Encoder = teacher.to(  # type: ignore[call-overload]
            self.device, precision, memory_format=torch.channels_last
        ).eval()
        self.channels = channels = {layer.name: layer.channels for layer in teacher.layers if layer.name in TAPS}
        torch.manual_seed(options.seed)
        self.student = student_of(options, channels).to(self.device)
        self.student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, value in self.student.named_parameters():
            value.requires_grad_(self.student.block(name) >= options.learn_from)
        self.optimizers = self._optimizers()
        self.step = 0
        self.seconds = 0.0
        self.images, self.paintings, self.odds = images, paintings, odds
        self.pool: list[Tensor] = []  # half-painted pictures, their paintings and photographs, (3, 3, H, W) uint8 each
        self._group = 3 if options.change_weight else 2  # of these a step looks at the first two or at all
        self._made = 0
        self._settled = options.norms == "fixed"
        self._due = 0.0  # crops that the store lacks
        self._store: dict[bool, list[tuple[Tensor, dict[str, Tensor]]]] = {False: [], True: []}  # crops; pairs
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
        # A kernel for each channel is no matrix: Muon leaves it to AdamW, as it does taps and normalisations.
        convs = [p for name, p in named.items() if name.startswith("convs.") and p.ndim > 1 and p.shape[1] > 1]
        convs = convs if options.muon else []
        rest = [p for p in named.values() if not any(p is conv for conv in convs)]
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ]
        graph = self._replay is not None
        found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=options.learning_rate, capturable=graph)]
        if convs:
            found.append(Muon(convs, lr=options.muon))
        return found

    def _set_rates(self, share: float) -> float:
        """Every optimiser's rate at ``share`` of its highest; the first one's."""
        highest = (self.options.learning_rate, self.options.muon)
        for optimizer, rate in zip(self.optimizers, highest, strict=False):
            for group in optimizer.param_groups:
                # A graph reads the rate where it lies; a number would be the one of its capture for ever.
                if self._replay is None:
                    group["lr"] = rate * share
                elif isinstance(group["lr"], Tensor) and group["lr"].is_cuda:
                    group["lr"].fill_(rate * share)
                else:
                    group["lr"] = torch.tensor(rate * share, device=self.device)
        return highest[0] * share

    def _wanted(self, batch: Tensor, taps: Sequence[str] = TAPS) -> dict[str, Tensor]:
        """The teacher's maps in units of the student's scales."""
        with torch.no_grad():
            maps = self.teacher(batch, taps)
            scales = dict(zip(TAPS, self.student.scales, strict=True))
            return {tap: maps[tap] / scales[tap] for tap in taps}

    def state(self) -> dict[str, Any]:
        """Everything that a later ``load_state`` needs, tensors and plain values only."""
        return {
            "student": self.student.state_dict(),
            "optimizer": [_plain_rates(optimizer.state_dict()) for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "options": asdict(self.options),
            "pairs": torch.stack(self.pool).cpu() if self.pool else torch.zeros(0, dtype=torch.uint8),
            "made": self._made,
            "random": {use: random.get_state() for use, random in self._random.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``: the steps that follow are those that would have followed there.

        A state without the pool and the generators (an early checkpoint) goes on with other crops, and a store is filled
        anew. One of other ``blocks`` or ``places`` is grown to this student's.
        """
        options, saved = asdict(self.options), state.get("options", {})
        changed = {name for name, value in options.items() if plain(saved.get(name, value)) != plain(value)}
        if changed & SHAPE:
            old = student_of(replace(self.options, **shape_of(saved)), self.channels)
            old.load_state_dict(state["student"])
            grow(old, self.student, self._sample())
        else:
            self.student.load_state_dict(state["student"])
        moments = state["optimizer"]
        if not changed & (SHAPE | {"muon"}):  # else they are other weights' moments
            moments = moments if isinstance(moments, list) else [moments]
            for optimizer, values in zip(self.optimizers, moments, strict=True):
                optimizer.load_state_dict(values)
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        side = self.options.size * (2 if self.options.large else 1)
        self.pool = [
            pair.to(self.device) for pair in state.get("pairs", ()) if len(pair) == 3 and pair.shape[-1] == side
        ]
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
        # A deep layer sees further than a small crop reaches: some steps look at crops of twice the side. The shallow
        # ones learn nothing there that they do not else, and would take most of the time.
        big, few = 2 * options.size, max(1, options.batch // 4)
        source = self._cut(options.size, options.batch, "source")
        large = self._cut(big, few, "source") if options.large else iter(())
        side, count = (big, max(1, options.batch // 2)) if options.large else (options.size, options.batch)
        self._singles = crops(
            self.images, options.size, 1, weights=self.odds, random=random["source"], zoom=options.zoom
        )
        self._contents = self._cut(side, count, "contents")
        self._styles = self._cut(side, count, "styles")
        first, start = since if since is not None else (self.step, self.seconds)
        began, before = time.perf_counter(), self.seconds

        def share() -> float:
            if minutes is not None:
                return (before + time.perf_counter() - began - start) / max(60 * minutes, 1e-9)
            return (self.step - first) / steps if steps else 1.0

        while (done := share()) < 1:
            warm = min(1.0, (self.step - first + 1) / 40)
            falling = min(1.0, max(1 - done, 0.01) / max(cooldown, 1e-9))
            self._settled = options.norms == "fixed" or (options.norms == "settle" and falling < _SETTLED)
            rate = self._set_rates(warm * falling)
            errors: Mapping[str, Tensor]
            if options.store:
                self._fill()
                loss, errors = self._learn_stored()
                yield self._took(began, before, loss, errors, rate, held_out, every, share)
                continue
            wide = options.large > 0 and float(torch.rand((), generator=random["draws"])) < options.large
            batch, pairs = next(large if wide else source), 0
            if self.step >= options.painted_from and options.painted > 0:
                if not (options.lack_weight or options.change_weight):
                    batch = batch if wide else self._mix_painted(batch, random["draws"])
                elif not wide:
                    batch, pairs = self._mix_pairs(batch, random["draws"])
                elif float(torch.rand((), generator=random["draws"])) < options.painted:
                    batch, pairs = self._pairs(few, big, random["draws"]), few
            self.student.still = _FRONT if wide else 0
            loss, errors = self._stepped(batch, TAPS[_FRONT:] if wide else TAPS, pairs)
            yield self._took(began, before, loss, errors, rate, held_out, every, share)

    def _cut(self, side: int, count: int, use: str) -> Iterator[Tensor]:
        """Endless crops ``(count, 3, side, side)``, 0..1, on the device; those of the source are distorted."""
        source = use == "source"
        images = self.paintings if use == "styles" else self.images
        odds = None if use == "styles" else self.odds
        if self.workers:
            workers, seed = self.workers if source else 2, self.options.seed + list(self._random).index(use)
            found = fed(
                images, side, count, workers=workers, seed=seed, first=self.step, weights=odds, zoom=self.options.zoom
            )
            batches = (batch.to(self.device, non_blocking=True).float() / 255 for batch in found)
        else:
            random, zoom = self._random[use], self.options.zoom
            cut = crops(images, side, count, weights=odds, random=random, zoom=zoom)
            batches = (batch.to(self.device) for batch in cut)
        for batch in batches:
            yield distort(batch, self._random["draws"]) if source else batch

    def _stepped(self, batch: Tensor, taps: Sequence[str], pairs: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """One step, replayed where it can be."""
        if self._replay is None:
            return self._learn(batch, taps, pairs)
        key = (batch.shape, tuple(taps), pairs, self.student.still, self._settled)
        return self._replay(key, lambda held: self._learn(held, taps, pairs), batch)

    def _took(
        self,
        began: float,
        before: float,
        loss: Tensor,
        errors: Mapping[str, Tensor],
        rate: float,
        held_out: Tensor | None,
        every: int,
        share: Callable[[], float],
    ) -> TrainingStep:
        """One step more: where the training stands."""
        self.step += 1
        self.seconds = before + time.perf_counter() - began
        evaluate = held_out is not None and self.step % every == 0
        return TrainingStep(
            self.step,
            self.seconds,
            float(loss),
            {tap: float(value) for tap, value in errors.items()},
            rate,
            self.evaluate(held_out) if evaluate and held_out is not None else {},
            min(1.0, share()),
        )

    # ── a store: what still blocks and the teacher see, learnt from many times ──

    def _deep(self) -> list[str]:
        """Taps of the blocks that learn."""
        return [tap for tap in TAPS if int(self.student.places.get(tap, tap)[4]) >= self.options.learn_from]

    def _fill(self) -> None:
        """Two crops a step at least until the store is full, from then on ``fresh`` in place of the oldest."""
        held = sum(map(len, self._store.values()))
        fresh = self.options.fresh
        self._due += 16 if not held else fresh if held >= self.options.store else max(2, fresh)
        while self._due >= 1:
            self._due -= 1
            self._keep()

    def _keep(self) -> None:
        options, random = self.options, self._random["draws"]
        there = {paired: len(kept) for paired, kept in self._store.items()}
        # As many of each kind as a step takes: all are then learnt from equally often.
        couples = self._couples(options.batch)
        fewer = there[True] * (options.batch - self._group * couples) <= there[False] * couples
        paired = couples > 0 and self.step >= options.painted_from and fewer
        batch = self._pairs(1, options.size, random) if paired else distort(next(self._singles), random)
        batch = batch.to(self.device)
        self.student.eval()
        with (
            torch.no_grad(),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16),
        ):
            seen = self.student.front(batch, options.learn_from).to(self.precision)
        wanted = {tap: maps.to(self.precision) for tap, maps in self._wanted(batch, self._deep()).items()}
        self._store[paired].append((seen, wanted))
        if sum(there.values()) >= options.store:
            self._store[paired].pop(0)

    def _learn_stored(self) -> tuple[Tensor, dict[str, Tensor]]:
        options, random = self.options, self._random["draws"]
        picked: list[tuple[Tensor, dict[str, Tensor]]] = []
        singles, pairs = self._store[False], self._store[True]
        group = self._group
        couples = self._couples(options.batch) if pairs else 0
        for store, count in ((singles, options.batch - group * couples), (pairs, couples)):
            picked += (
                [store[i] for i in torch.randint(len(store), (count,), generator=random).tolist()] if count else []
            )
        order = [*range(options.batch - group * couples)]  # crops, then half-painted pictures, then their paintings
        first = len(order)
        order += [first + group * i + kind for kind in range(group) for i in range(couples)]
        seen = torch.cat([one for one, _ in picked])[order]
        wanted = {tap: torch.cat([maps[tap] for _, maps in picked])[order] for tap in self._deep()}
        self._look()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            found = self.student.behind(
                seen.contiguous(memory_format=torch.channels_last), list(wanted), options.learn_from
            )
        return self._descend(found, wanted, couples)

    def _look(self) -> None:
        self.student.train()
        if self._settled:
            self.student.norms.eval()

    def evaluate(self, images: Tensor, student: Student | None = None) -> dict[str, float]:
        """Unexplained variance per tap of ``student``, else of the one in training, as it would be saved now."""
        student = student or self.student
        student.eval()
        try:
            return unexplained(student, self._wanted, images.to(self.device))
        finally:
            student.train()

    def _learn(self, batch: Tensor, taps: Sequence[str] = TAPS, pairs: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
        """A step on ``batch``, at whose end there are ``pairs`` half-painted pictures and then their paintings.

        And then their photographs, where these are asked for.
        """
        self._look()
        wanted = self._wanted(batch, taps)
        # A cache of cast weights would point into a graph's memory.
        kept = self._replay is None
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16, cache_enabled=kept
        ):
            found = self.student(batch, taps)
        return self._descend(found, wanted, pairs)

    def _descend(self, found: Features, wanted: Mapping[str, Tensor], pairs: int) -> tuple[Tensor, dict[str, Tensor]]:
        """One step. At the end of the batch there are ``pairs`` half-painted pictures, and so on: see ``_learn``."""
        taps, last = tuple(wanted), self._group * pairs
        errors = {tap: relative_maps(found[tap], wanted[tap]) for tap in taps}
        # Plain sums, not roots: with roots the shallow taps, soon nearly right, drown the deep ones (measured). The content
        # tap counts half as much again: what a student is blind to there, a painting gets wrong.
        loss = torch.stack([error * _EMPHASIS.get(tap, 1.0) for tap, error in errors.items()]).sum()
        if self.options.gram_weight:
            # Judged layer by layer, a painting by an earlier student missed the style at relu5_1, more than three times as
            # much as at all other layers together. A third of the pictures stand for all at each of the shallow taps, which
            # are nearly right and the largest.
            grams = [relative_gram(found[tap], wanted[tap]).sqrt() for tap in _DEEP if tap in taps]
            for number, tap in enumerate(_SHALLOW):
                if tap in taps and number < len(wanted[tap]):
                    part = slice(number, None, len(_SHALLOW))
                    grams.append(relative_gram(found[tap][part], wanted[tap][part]).sqrt() / len(_SHALLOW))
            loss = loss + self.options.gram_weight * torch.stack(grams).sum()
        if pairs and self.options.lack_weight:
            both = [(maps[tap][-last:][: 2 * pairs] for maps in (found, wanted)) for tap in _STYLE if tap in taps]
            loss = loss + self.options.lack_weight * torch.stack([relative_lack(*maps) for maps in both]).sum()
        if pairs and self.options.change_weight:
            both = [
                (torch.cat([maps[tap][-last:][:pairs], maps[tap][-pairs:]]) for maps in (found, wanted))
                for tap in _CONTENT
                if tap in taps
            ]
            loss = loss + self.options.change_weight * torch.stack([relative_change(*maps) for maps in both]).sum()
        self.student.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return loss.detach(), {tap: error.detach() for tap, error in errors.items()}

    def _couples(self, count: int) -> int:
        """How many half-painted pictures, each with those that belong to it, are in a batch of ``count``."""
        return min(round(count * self.options.painted / self._group), count // self._group)

    def _mix_pairs(self, batch: Tensor, random: torch.Generator) -> tuple[Tensor, int]:
        """Replace a share of the batch by half-painted pictures and then their paintings; how many."""
        count = self._couples(len(batch))
        if len(batch) < 4:
            count = int(float(torch.rand((), generator=random)) < self.options.painted)
        if not count:
            return batch, 0
        return torch.cat([batch[self._group * count :], self._pairs(count, batch.shape[-1], random).to(batch)]), count

    def _pairs(self, count: int, side: int, random: torch.Generator) -> Tensor:
        """``count`` half-painted pictures, then their paintings, then photographs if asked for, along one batch."""
        self._refill(count, side, random)
        picks = torch.randint(len(self.pool), (count,), generator=random).tolist()
        pairs = torch.stack([piece(self.pool[p][: self._group], side, random) for p in picks], 1).float() / 255
        return (pairs.flip(4) if float(torch.rand((), generator=random)) < 0.5 else pairs).flatten(0, 1)

    def _refill(self, share: int, side: int, random: torch.Generator) -> None:
        """Paint new pictures as those there are used up: each is seen about ``again`` times."""
        self._made -= share * side**2
        if self._made <= 0 or len(self.pool) < share:
            fresh = self._paint(random)
            self.pool = (self.pool + fresh)[-self.options.pool :]
            self._made = round(self.options.again * sum(pair[0, 0].numel() for pair in fresh))

    def _mix_painted(self, batch: Tensor, random: torch.Generator) -> Tensor:
        """Replace a share of the batch by half-painted pictures; paint new ones as the pool is used up."""
        share = round(len(batch) * self.options.painted)
        if len(batch) == 1:
            share = int(float(torch.rand((), generator=random)) < self.options.painted)
        if not share:
            return batch
        side = batch.shape[-1]
        self._refill(share, side, random)
        picks = torch.randint(len(self.pool), (share,), generator=random).tolist()
        seen = torch.stack([piece(self.pool[p][0], side, random) for p in picks]).float() / 255
        if float(torch.rand((), generator=random)) < 0.5:
            seen = seen.flip(3)
        return torch.cat([batch[share:], seen.to(batch)])

    def _paint(self, random: torch.Generator) -> list[Tensor]:
        """A batch of random content × style pairs painted with the student as it is now."""
        encoder: Encoder = self.student.folded().to(  # type: ignore[call-overload]
            self.device, self.precision, memory_format=torch.channels_last
        )
        encoder.requires_grad_(False)
        return paint_halfway(encoder, next(self._contents), next(self._styles), random)


def _plain_rates(state: dict[str, Any]) -> dict[str, Any]:
    """An optimiser's state with numbers for rates."""
    groups = [{**group, "lr": float(group["lr"])} for group in state["param_groups"]]
    return {**state, "param_groups": groups}
