"""Training on labelled pictures, epoch by epoch: the loop that classifiers and autoencoders share.

What a step sees follows from the seed and its number alone, so a training that was interrupted goes on exactly.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import InputError, TrainingError
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import ChainEncoder
from impasto.see.unit import words
from impasto.train.card import Report
from impasto.train.checkpoint import Course, checkpoint_of, fit, save_checkpoint
from impasto.train.curve import write_curve
from impasto.train.sets import LabelledSet, Split

__all__ = ["EpochTraining", "check_side", "cut"]

_WARM = 0.15  # of the training: the rate rises over it, then falls as a cosine


def check_side(encoder: ChainEncoder, side: int) -> None:
    """``InputError`` where pictures of ``side`` are too small for the deepest layer."""
    if encoder.down == "conv" and len(encoder.blocks) > 1 and len(encoder.blocks[0]) < 2:
        raise InputError(
            "--down conv: expected two convolutions in the first block or more, as in --blocks 32,32/64,64"
        )
    stride = encoder.coarsest
    if side < stride or side % stride:
        shown = words(encoder.blocks)
        raise InputError(f"pictures of {side} pixels and --blocks {shown}: expected a --side divisible by {stride}")


def cut(images: Tensor, random: torch.Generator, *, shift: float, zoom: float, colour: float) -> Tensor:
    """Pictures ``(B, 3, S, S)`` uint8 as they are trained on, 0..1: moved, mirrored, zoomed, of other light.

    ``shift`` and ``zoom`` are shares of the side; what is moved in is the mirrored border.
    """
    count, _, _, side = images.shape
    most = round(side * shift)
    window = side - round(side * zoom * float(torch.rand((), generator=random)))
    moves = torch.rand((2, count, 1), generator=random)
    # The window lies anywhere in the picture, and beyond its border by the shift.
    places = (moves * (side - window + 2 * most + 1)).floor().long() - most
    rows = places[0] + torch.arange(window)
    columns = places[1] + torch.arange(window)
    mirrored = torch.rand((count, 1), generator=random) < 0.5
    columns = torch.where(mirrored, side - 1 - columns, columns)
    gain = 1 + colour * (4 * torch.rand((count, 1, 1, 1), generator=random) - 2)
    offset = colour * (2 * torch.rand((count, 3, 1, 1), generator=random) - 1) * 0.5

    def inside(places: Tensor) -> Tensor:
        return (side - 1 - ((side - 1) - places.abs()).abs()).clamp(0, side - 1).to(images.device)

    which = torch.arange(count, device=images.device)[:, None, None]
    seen = images[which, :, inside(rows)[:, :, None], inside(columns)[:, None, :]]  # (B, window, window, 3)
    out = seen.permute(0, 3, 1, 2).float() / 255
    if window != side:
        out = F.interpolate(out, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return ((out - 0.5) * gain.to(out) + 0.5 + offset.to(out)).clamp_(0, 1)


class EpochTraining:
    """One training on a labelled set into the file ``out``; see ``Training`` for how it is used.

    A subclass builds ``model`` and ``optimizer``, gives the ``loss`` of a batch and the ``scores`` of an epoch.
    """

    kind = ""
    model: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(
        self,
        out: Path,
        found: LabelledSet,
        parts: Split,
        options: Any,
        *,
        device: str = "auto",
        command: str = "",
    ) -> None:
        self.out, self.found, self.parts, self.options, self.command = out, found, parts, options, command
        self.device = choose_device(device)
        self.precision = choose_precision("auto", self.device)
        self.images, self.labels = found.images.to(self.device), found.labels.to(self.device)
        self.step, self.seconds = 0, 0.0
        self.rows: list[dict[str, float]] = []
        self.course = Course(steps=0)
        self._complete = self._moved = False
        self.batch = min(options.batch, len(parts.train))
        if self.batch < 2:
            raise TrainingError(f"{found.path}: one picture only to train on")
        self.per_epoch = len(parts.train) // self.batch
        torch.manual_seed(options.seed)

    def loss(self, index: Tensor, random: torch.Generator) -> Tensor:
        """The loss of the pictures ``index``; ``random`` makes what differs from epoch to epoch."""
        raise NotImplementedError

    def scores(self) -> dict[str, float]:
        """Scores on the validation part, by name."""
        raise NotImplementedError

    def autocast(self) -> torch.autocast:
        """Half the bits where the machine multiplies them itself."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def begin(self, course: Course, state: Mapping[str, Any] | None = None) -> None:
        """Set out for ``course``, from a checkpoint where there is one."""
        self.course = course
        if state is None:
            return
        path = checkpoint_of(self.out)
        if (there := list(state["classes"])) != list(self.found.classes):
            raise TrainingError(
                f"{path} was trained on {len(there)} classes ({', '.join(map(str, there[:3]))} …), not on those of "
                f"{self.found.path}: name that data with --data"
            )
        fit(path, self.model, state["model"])
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (ValueError, KeyError, RuntimeError, TypeError) as error:
            raise TrainingError(f"{path} does not fit this net: {' '.join(str(error).split())[:120]}") from None
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self.rows = [dict(row) for row in state["rows"]]

    def steps(self) -> Iterator[Report]:
        """Train to the end of the course; a report per step, with scores at the end of every epoch."""
        course, began, before = self.course, time.perf_counter(), self.seconds
        rates = [group["initial_lr"] for group in self.optimizer.param_groups]
        total, count = torch.zeros((), device=self.device), 0

        def share() -> float:
            if course.minutes is not None:
                spent = before + time.perf_counter() - began - course.began
                return spent / max(60 * course.minutes, 1e-9)
            return (self.step - course.first) / course.steps if course.steps else 1.0

        while (done := share()) < 1:
            factor = done / _WARM if done < _WARM else 0.5 + 0.5 * math.cos(math.pi * (done - _WARM) / (1 - _WARM))
            for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * max(factor, 0.01)
            total += self._learn()
            count += 1
            self.seconds = before + time.perf_counter() - began
            done, text = min(1.0, share()), ""
            if self.step % self.per_epoch == 0 or done >= 1:
                loss = float(total) / count
                if not math.isfinite(loss):
                    raise TrainingError(
                        f"the training diverged before step {self.step:,} (loss {loss}): go on from the last "
                        "checkpoint with --resume --change and a lower --learning-rate"
                    )
                text = self._score(loss)
                total, count = torch.zeros((), device=self.device), 0
                self.seconds = before + time.perf_counter() - began
            yield Report(done, self.step, self.seconds, text)
        self._complete = True

    def _score(self, loss: float) -> str:
        scores = self.scores()
        epoch = self.step / self.per_epoch
        rate = self.optimizer.param_groups[0]["lr"]
        row = {"step": self.step, "seconds": round(self.seconds, 1), "epoch": epoch, "rate": rate, "loss": loss}
        self.rows.append(row | scores)
        return f"epoch {epoch:.4g}  loss {loss:.4f}  " + "  ".join(f"{k} {v:.4f}" for k, v in scores.items())

    def _learn(self) -> Tensor:
        self._moved = True
        self.model.train()
        random = torch.Generator().manual_seed(1_000_003 * (self.options.seed + 1) + self.step)
        with self.autocast():
            loss = self.loss(self._picks(), random)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return loss.detach().float()

    def _picks(self) -> Tensor:
        """The pictures of this step: every epoch goes through all of them in another order."""
        epoch, place = divmod(self.step, self.per_epoch)
        random = torch.Generator().manual_seed(7919 * (self.options.seed + 1) + epoch)
        order = torch.randperm(len(self.parts.train), generator=random)
        return self.parts.train[order[place * self.batch : (place + 1) * self.batch]]

    def save(self) -> None:
        """The checkpoint and the curve, each whole or not at all; ``TrainingError`` on a full disk."""
        if not all(bool(value.isfinite().all()) for value in self.model.parameters()):
            raise TrainingError(f"the weights at step {self.step:,} are not finite: not saved")
        state = {
            "kind": self.kind,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "options": asdict(self.options),
            "course": asdict(dataclasses.replace(self.course, complete=self._complete)),
            "classes": list(self.found.classes),
            "rows": self.rows,
        }
        save_checkpoint(checkpoint_of(self.out), state)
        if self.rows:
            write_curve(self.out.with_suffix(".csv"), self.rows)

    def about(self) -> dict[str, Any]:
        """What every card says of a training on a labelled set."""
        return {
            "command": self.command,
            "data": {
                "path": self.found.path,
                "pictures": len(self.found.images),
                "side": self.found.side,
                "classes": list(self.found.classes),
                "split": self.parts.words,
                "skipped": list(self.found.skipped),
            },
            "options": asdict(self.options),
            "course": asdict(self.course),
            "steps": self.step,
            "epochs": round(self.step / self.per_epoch, 2),
            "seconds": round(self.seconds, 1),
            "device": self.device,
            "precision": str(self.precision).removeprefix("torch."),
        }
