"""Training of the net that makes pictures larger: small crops against the large ones that they were made from.

The loss is that of Johnson et al. 2016: how far the enlarged crop is from the true one as an encoder sees it, beside the
pixels themselves, which keep the colours. An encoder alone leaves a fine grid; pixels alone leave a blur.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.enlarge.net import Enlarger, save_enlarger
from impasto.errors import TrainingError
from impasto.see.encoder import Encoder
from impasto.see.load import load_encoder
from impasto.train.card import Report, write_card
from impasto.train.data import Pictures, crops
from impasto.train.options import EnlargeOptions

__all__ = ["EnlargeTraining", "find_eyes", "halved"]

_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_2")
_EVERY = 50  # steps between two reports


def find_eyes(name: str) -> Encoder:
    """The encoder of this name or file, which must have one of the layers that are compared."""
    encoder = load_encoder(name)
    known = [layer.name for layer in encoder.layers]
    if not set(_LAYERS) & set(known):
        raise TrainingError(f"--encoder {name} has none of the layers {', '.join(_LAYERS)}: it has {', '.join(known)}")
    return encoder


def halved(image: Tensor) -> Tensor:
    """``image`` ``(B, 3, 2H, 2W)`` at half the size, bicubic with antialiasing, in steps of an 8-bit file."""
    small = F.interpolate(image, scale_factor=0.5, mode="bicubic", align_corners=False, antialias=True)
    return (small.clamp(0, 1) * 255).round() / 255


@dataclass
class EnlargeTraining:
    """A training for ``minutes``; pull ``steps()``, and ``finish()`` writes net and card."""

    out: Path
    pictures: Pictures
    encoder: Encoder
    options: EnlargeOptions
    minutes: float
    command: str = ""

    def __post_init__(self) -> None:
        torch.manual_seed(self.options.seed)
        self.net = Enlarger(self.options.width, self.options.depth).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        known = {layer.name for layer in self.encoder.layers}
        self.layers = [layer for layer in _LAYERS if layer in known]
        self.count, self.seconds = 0, 0.0
        self.rows: list[dict[str, float]] = []

    def steps(self) -> Iterator[Report]:
        """Reports as it goes; the rate follows a cosine over the minutes that were asked for."""
        began, made = time.monotonic(), crops(
            self.pictures.images, self.options.size, self.options.batch, seed=self.options.seed
        )  # fmt: skip
        optimizer = torch.optim.Adam(self.net.parameters(), lr=self.options.learning_rate, betas=(0.9, 0.99))
        sums: dict[str, float] = {}
        for large in made:
            done = min(1.0, self.seconds / max(60 * self.minutes, 1e-9))
            for group in optimizer.param_groups:
                warm = min(1.0, (self.count + 1) / 100)
                group["lr"] = self.options.learning_rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
            optimizer.zero_grad(set_to_none=True)
            parts = self.losses(large)
            total = parts["pixels"] + self.options.perceptual * parts["seen"]
            if not bool(torch.isfinite(total)):
                raise TrainingError(f"the training diverged at step {self.count + 1}: try a smaller --learning-rate")
            total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            self.count += 1
            self.seconds = time.monotonic() - began
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            text = ""
            if self.count % _EVERY == 0:
                self.rows.append({"step": self.count, **{name: value / _EVERY for name, value in sums.items()}})
                text = "  ".join(f"{name} {value / _EVERY:.4f}" for name, value in sums.items())
                sums = {}
            yield Report(done, self.count, self.seconds, text)
            if self.seconds >= 60 * self.minutes:
                return

    def losses(self, large: Tensor) -> dict[str, Tensor]:
        """Mean absolute error of the pixels; squared error of what is seen over its size, mean over the layers.

        Both as shares of what bicubic leaves, so that 1 is bicubic and flat crops weigh nothing.
        """
        small = halved(large)
        found = self.net(small)
        bicubic = F.interpolate(small, scale_factor=2, mode="bicubic", align_corners=False)
        with torch.no_grad():
            wanted, before = self.encoder(large, self.layers), self.encoder(bicubic, self.layers)
        maps = self.encoder(found, self.layers)
        seen = [
            (maps[layer] - wanted[layer]).square().mean()
            / (before[layer] - wanted[layer]).square().mean().clamp_min(1e-8)
            for layer in self.layers
        ]
        pixels = (found - large).abs().mean() / (bicubic - large).abs().mean().clamp_min(1e-4)
        return {"pixels": pixels, "seen": torch.stack(seen).mean()}

    def save(self) -> None:
        """Write the net as it stands."""
        if not all(bool(value.isfinite().all()) for value in self.net.state_dict().values()):
            raise TrainingError(f"{self.out}: the trained weights are not finite")
        save_enlarger(self.out, self.net, {"trained_by": "impasto train enlarger", "steps": self.count})

    def finish(self) -> dict[str, Any]:
        """Write net and card; the card."""
        self.save()
        card: dict[str, Any] = {
            "net": self.out.name,
            "command": self.command,
            "bytes": self.out.stat().st_size,
            "parameters": sum(p.numel() for p in self.net.parameters()),
            "steps": self.count,
            "minutes": round(self.seconds / 60, 1),
            "pictures": len(self.pictures.images),
            "skipped": len(self.pictures.skipped),
            "encoder": self.encoder.name,
            "last": self.rows[-1] if self.rows else {},
        }
        write_card(self.out, card, _markdown(self.out, card))
        return card


def _markdown(out: Path, card: Mapping[str, Any]) -> str:
    last = card["last"]
    shares = f"pixels {last['pixels']:.3f}, as the encoder sees {last['seen']:.3f}" if last else "not measured"
    lines: Sequence[str] = [
        f"# {out.stem}",
        "",
        f"A net that makes pictures twice as large, trained with `{card['command']}`.",
        "",
        f"- trained: {card['steps']:,} steps, {card['minutes']} minutes, on {card['pictures']:,} pictures",
        f"- perceptual loss: encoder {card['encoder']}",
        f"- {card['parameters']:,} parameters, {card['bytes']:,} bytes",
        f"- error in its last {_EVERY} steps, as a share of bicubic's: {shares}",
    ]
    return "\n".join(lines) + "\n"
