"""A convolutional autoencoder: eyes that learnt from pictures alone, without labels or a teacher."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import TrainingError
from impasto.media.image import save_image
from impasto.see.unit import Unit
from impasto.see.weights import encoder_digest, save_encoder
from impasto.train.card import write_card
from impasto.train.curve import can_plot, plot_curve
from impasto.train.epochs import EpochTraining, check_side, cut
from impasto.train.normed import NormedChain
from impasto.train.options import AutoencodeOptions
from impasto.train.sets import LabelledSet, Split

__all__ = ["KIND", "Autoencoder", "AutoencoderTraining"]

KIND = "autoencoder"
_STRIP = 12  # pictures in the strip


class Autoencoder(nn.Module):
    """A chain that narrows a picture to its last layer, and a mirror image of it that makes a picture again."""

    def __init__(self, options: AutoencodeOptions) -> None:
        super().__init__()
        self.encoder = NormedChain(options.blocks, down=options.down, name="autoencoder")
        widths = [Unit.of(block[0]).channels for block in options.blocks]
        before = self.encoder.layers[-1].channels
        layers: list[nn.Module] = []
        for place, width in enumerate(reversed(widths)):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            if place < len(widths) - 1:
                layers.append(nn.Upsample(scale_factor=2))
            before = width
        self.decoder = nn.Sequential(*layers, nn.Conv2d(before, 3, 3, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, S, S)``, 0..1, as it is remembered."""
        last = self.encoder.layers[-1].name
        return torch.sigmoid(self.decoder(self.encoder(images, [last])[last]).float())


class AutoencoderTraining(EpochTraining):
    """Trains an ``Autoencoder`` by the squared error of its pictures."""

    kind = KIND

    def __init__(
        self,
        out: Path,
        found: LabelledSet,
        parts: Split,
        options: AutoencodeOptions,
        *,
        device: str = "auto",
        command: str = "",
    ) -> None:
        super().__init__(out, found, parts, options, device=device, command=command)
        self.model: Autoencoder = Autoencoder(options)
        check_side(self.model.encoder, found.side)
        self.model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        rate = options.learning_rate
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=rate, weight_decay=options.weight_decay)
        for group in self.optimizer.param_groups:
            group["initial_lr"] = rate

    def loss(self, index: Tensor, random: torch.Generator) -> Tensor:
        """Squared error of pictures seen through noise."""
        images = cut(self.images[index.to(self.device)], random, shift=0.0, zoom=0.0, colour=0.0)
        noise = torch.randn(images.shape, generator=random).to(images)
        return F.mse_loss(self.model(images + self.options.noise * noise), images)

    def scores(self) -> dict[str, float]:
        """The squared error of the validation part."""
        if not len(self.parts.validation):
            return {}
        return {"validation error": self.error(self.parts.validation)}

    @torch.no_grad()
    def remembered(self, index: Tensor) -> Tensor:
        """The pictures ``index`` through the bottleneck, 0..1."""
        self.model.eval()
        out = []
        for part in index.to(self.device).split(250):
            with self.autocast():
                out.append(self.model(self.images[part].float() / 255))
        return torch.cat(out)

    def error(self, index: Tensor) -> float:
        """Mean squared error of the pictures ``index``, of values 0..1."""
        wrong = 0.0
        for part in index.split(1000):
            true = self.images[part.to(self.device)].float() / 255
            wrong += float((self.remembered(part) - true).square().mean()) * len(part)
        return wrong / len(index)

    def finish(self, *, half: bool = True) -> dict[str, Any]:
        """Write checkpoint, encoder, strip, plot and card; the card."""
        if self._moved:
            self.save()
        out = self.out
        encoder = self.model.encoder.plain(out.stem)
        encoder = encoder.half() if half else encoder
        if not all(bool(value.isfinite().all()) for value in encoder.state_dict().values()):
            raise TrainingError(f"{out}: the trained weights are not finite in half precision: add --full")
        test = self.parts.test if len(self.parts.test) else self.parts.train
        error = self.error(test)
        scores = {"mean_squared_error": round(error, 6), "psnr": round(-10 * math.log10(max(error, 1e-12)), 2)}
        about = {"trained_by": "impasto train autoencoder", "data": Path(self.found.path).name, "test": scores}
        save_encoder(out, encoder, about)
        strip = out.with_name(f"{out.stem}-strip.png")
        spread = torch.linspace(0, len(test) - 1, min(_STRIP, len(test))).long()
        self._strip(strip, test[spread])
        code = self.model.encoder.layers[-1]
        numbers = code.channels * (self.found.side // code.stride) ** 2
        card = {
            "encoder": out.name,
            "sha256": encoder_digest(out),
            "bytes": out.stat().st_size,
            "test": scores,
            **self.about(),
            "parameters": sum(p.numel() for p in encoder.parameters()),
            "bottleneck": {"numbers": numbers, "of": 3 * self.found.side**2},
            "strip": strip.name,
        }
        if can_plot() and self.rows:
            groups = {"loss": "training loss", "validation error": "validation error"}
            plot_curve(out.with_suffix(".png"), self.rows, groups=groups, title=out.stem)
        write_card(out, card, _markdown(out, card))
        return card

    def _strip(self, path: Path, index: Tensor) -> None:
        """Pictures above, what is remembered of them below, each at least 96 pixels."""
        true = self.images[index.to(self.device)].float() / 255
        rows = [torch.cat(list(row), 2) for row in (true.cpu(), self.remembered(index).cpu())]
        strip = torch.cat(rows, 1)[None]
        scale = max(1, round(96 / self.found.side))
        save_image(F.interpolate(strip, scale_factor=scale, mode="nearest"), path)


def _markdown(out: Path, card: dict[str, Any]) -> str:
    data, code = card["data"], card["bottleneck"]
    lines: Sequence[str] = [
        f"# {out.stem}",
        "",
        f"An autoencoder's encoder, trained with `{card['command']}`.",
        "",
        f"- data: {data['path']}, {data['pictures']:,} pictures of {data['side']} pixels",
        f"- split: {data['split']}; {len(data['skipped'])} skipped",
        f"- trained: {card['epochs']:g} epochs, {card['seconds'] / 60:.1f} minutes on {card['device']}",
        f"- bottleneck: {code['numbers']:,} numbers for {code['of']:,} of the picture",
        f"- parameters of the encoder: {card['parameters']:,}; file {card['bytes']:,} bytes",
        f"- test error: **{card['test']['mean_squared_error']:.5f}** mean squared, {card['test']['psnr']} dB",
        "",
        f"![pictures above, what is remembered of them below](<{card['strip']}>)",
        *(["", "Skipped:", "", *(f"- {line}" for line in data["skipped"])] if data["skipped"] else []),
    ]
    return "\n".join(lines) + "\n"
