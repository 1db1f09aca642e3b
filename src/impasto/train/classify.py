"""A classifier of small pictures, for the sake of its eyes: a VGG-like chain that loads as an encoder afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import InputError
from impasto.see.encoder import ChainEncoder, Encoder
from impasto.see.weights import encoder_digest, save_encoder, save_weights
from impasto.train.card import table, write_card
from impasto.train.curve import can_plot, plot_confusion, plot_curve
from impasto.train.epochs import EpochTraining, check_side, cut
from impasto.train.normed import NormedChain
from impasto.train.options import ClassifyOptions
from impasto.train.sets import LabelledSet, Split

__all__ = ["KIND", "Classifier", "ClassifierTraining", "Pooled", "Tuned", "chosen_blocks", "confusion", "write_results"]

KIND = "classifier"
_HEAD = "classifier-head"
# 152 million multiply-adds for a picture of 32 pixels: about 20 epochs of CIFAR-10 in 40 minutes on two cores.
_SMALL = ((32, 64), (128, 128), (256, 256), (256, 256))
_LARGE = ((16, 32), (64, 64), (128, 128), (256, 256), (256,))


def chosen_blocks(options: ClassifyOptions, side: int) -> ClassifyOptions:
    """``options`` with blocks for pictures of ``side`` where none are given."""
    return options if options.blocks else replace(options, blocks=_SMALL if side <= 48 else _LARGE)


class Classifier(nn.Module):
    """A chain with batch normalisation, the mean over the picture of its last layer, and one linear layer."""

    def __init__(self, options: ClassifyOptions, classes: int) -> None:
        super().__init__()
        self.encoder = NormedChain(options.blocks, down=options.down, name="classifier")
        self.dropout = options.dropout
        self.head = nn.Linear(self.encoder.layers[-1].channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, S, S)``, 0..1, to logits ``(B, classes)``."""
        last = self.encoder.layers[-1].name
        pooled = self.encoder(images, [last])[last].mean((2, 3))
        return self.head(F.dropout(pooled, self.dropout, self.training))  # type: ignore[no-any-return]

    def eyes(self, name: str) -> ChainEncoder:
        """What is kept for painting."""
        return self.encoder.plain(name)


class Pooled(nn.Module):
    """Any encoder's picture as one row: mean and deviation of every tapped layer, and the deepest two in quarters."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        deep = {layer.name: layer.stride for layer in encoder.layers}
        self.layers = tuple(dict.fromkeys((*encoder.style_layers, *encoder.content_layers)))
        self.quartered = sorted(self.layers, key=lambda name: deep[name])[-2:]

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, S, S)``, 0..1, to ``(B, features)``, float32."""
        maps = self.encoder(images, self.layers)
        rows = []
        for layer in self.layers:
            x = maps[layer].float()
            rows += [x.mean((2, 3)), x.var((2, 3), unbiased=False).add(1e-6).sqrt()]
            if layer in self.quartered:
                rows.append(F.adaptive_avg_pool2d(x, 2).flatten(1))
        return torch.cat(rows, 1)


class Tuned(nn.Module):
    """A linear head, or one hidden layer, on the pooled features of an encoder that learns too, or does not."""

    mean: Tensor
    spread: Tensor

    def __init__(self, encoder: ChainEncoder, width: int, classes: int, hidden: int = 0) -> None:
        super().__init__()
        self.encoder = encoder
        self.pool = [Pooled(encoder)]  # in a list: its encoder is this one's
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.head: nn.Module = nn.Linear(width, classes)
        if hidden:
            self.head = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.3), nn.Linear(hidden, classes))

    def answer(self, features: Tensor) -> Tensor:
        """Pooled features ``(B, width)`` to logits."""
        return self.head((features - self.mean) / self.spread)  # type: ignore[no-any-return]

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, S, S)``, 0..1, to logits ``(B, classes)``."""
        return self.answer(self.pool[0](images))

    def eyes(self, name: str) -> ChainEncoder:
        """What is kept for painting."""
        taps = {layer.name: layer.channels for layer in self.encoder.layers} if len(self.encoder.taps) else None
        plain = ChainEncoder(
            self.encoder.blocks, down=self.encoder.down, taps=taps, places=self.encoder.places, name=name
        )
        plain.load_state_dict({key: value.cpu().float() for key, value in self.encoder.state_dict().items()})
        return plain.eval()


class ClassifierTraining(EpochTraining):
    """Trains a ``Classifier``, or a ``Tuned`` one whose head is there already."""

    kind = KIND

    def __init__(
        self,
        out: Path,
        found: LabelledSet,
        parts: Split,
        options: ClassifyOptions,
        *,
        tuned: Tuned | None = None,
        origin: Mapping[str, Any] | None = None,
        device: str = "auto",
        command: str = "",
    ) -> None:
        super().__init__(out, found, parts, options, device=device, command=command)
        self.origin = origin
        self.model: Classifier | Tuned = tuned or Classifier(options, len(found.classes))
        check_side(self.model.encoder, found.side)
        self.model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if tuned is not None:
            self.model.requires_grad_(True)
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        rest = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": options.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, lr=options.learning_rate, momentum=0.9, nesterov=True)
        for group in self.optimizer.param_groups:
            group["initial_lr"] = options.learning_rate

    def loss(self, index: Tensor, random: torch.Generator) -> Tensor:
        """Cross entropy of changed pictures."""
        options: ClassifyOptions = self.options
        index = index.to(self.device)
        zoom = options.zoom if self.found.side > 48 else 0.0
        images = cut(self.images[index], random, shift=options.shift, zoom=zoom, colour=options.colour)
        return F.cross_entropy(self.model(images).float(), self.labels[index], label_smoothing=options.label_smoothing)

    def scores(self) -> dict[str, float]:
        """The share of the validation part that is named rightly."""
        if not len(self.parts.validation):
            return {}
        counts = self.confusion(self.parts.validation)
        return {"validation accuracy": float(counts.trace() / counts.sum())}

    def confusion(self, index: Tensor) -> Tensor:
        """``[true, said]`` counts of the pictures ``index``."""
        said = self.logits(index).argmax(1).cpu()
        return confusion(self.found.labels[index], said, len(self.found.classes))

    @torch.no_grad()
    def logits(self, index: Tensor) -> Tensor:
        """What the net says of the pictures ``index`` as they are."""
        self.model.eval()
        out = []
        for part in index.to(self.device).split(500):
            with self.autocast():
                out.append(self.model(self.images[part].float() / 255).float())
        return torch.cat(out)

    def finish(self, *, half: bool = True) -> dict[str, Any]:
        """Write checkpoint, encoder, head, plots and card; the card."""
        if self._moved:
            self.save()
        extra = {**self.about(), "parameters": sum(p.numel() for p in self.model.parameters())}
        if self.origin:
            extra["from"] = dict(self.origin)
        counts = self.confusion(self.parts.test) if len(self.parts.test) else None
        card = write_results(self.out, self.model, self.found, counts, extra, half=half)
        if can_plot() and self.rows:
            plot_curve(
                self.out.with_suffix(".png"),
                self.rows,
                groups={"loss": "training loss", "validation accuracy": "validation accuracy"},
                title=self.out.stem,
                log=False,
            )
        return card


def confusion(true: Tensor, said: Tensor, classes: int) -> Tensor:
    """``[true, said]`` counts."""
    return torch.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes)


def write_results(
    out: Path,
    model: Classifier | Tuned,
    found: LabelledSet,
    counts: Tensor | None,
    extra: dict[str, Any],
    *,
    half: bool,
) -> dict[str, Any]:
    """Write the encoder, the head beside it, the confusion of the test part and the card; the card."""
    encoder = model.eyes(out.stem)
    encoder = encoder.half() if half else encoder
    if not all(bool(value.isfinite().all()) for value in encoder.state_dict().values()):
        raise InputError(f"{out}: the trained weights are not finite in half precision: add --full")
    scores: dict[str, float] = {}
    if counts is not None:
        there = counts.sum(1) > 0
        each = counts.diagonal()[there] / counts.sum(1)[there]
        scores = {"accuracy": float(counts.trace() / counts.sum()), "mean_class_accuracy": float(each.mean())}
        scores = {name: round(value, 4) for name, value in scores.items()}
    about = {"trained_by": "impasto train classifier", "data": Path(found.path).name, "test": scores}
    save_encoder(out, encoder, about)
    head = {name: value for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    save_weights(out.with_suffix(".head.safetensors"), _HEAD, head, {"classes": list(found.classes)})
    card = {"encoder": out.name, "sha256": encoder_digest(out), "bytes": out.stat().st_size, "test": scores, **extra}
    if counts is not None:
        card["confusion"] = counts.tolist()
        if can_plot():
            title = f"{out.stem}: {scores['accuracy']:.1%} of {int(counts.sum()):,} test pictures"
            plot_confusion(out.with_name(f"{out.stem}-confusion.png"), counts, found.classes, title=title)
    write_card(out, card, _markdown(out, card, counts, found.classes))
    return card


def _markdown(out: Path, card: dict[str, Any], counts: Tensor | None, classes: Sequence[str]) -> str:
    data = card["data"]
    lines = [f"# {out.stem}", "", f"A classifier's encoder, trained with `{card['command']}`.", ""]
    lines += [f"- data: {data['path']}, {data['pictures']:,} pictures of {len(data['classes'])} classes"]
    lines += [f"- split: {data['split']}; {len(data['skipped'])} skipped"]
    if "from" in card:
        lines += [f"- from: {card['from']['name']} (sha256 `{card['from']['sha256']}`), {card['from']['how']}"]
    if card["steps"]:
        lines += [f"- trained: {card['epochs']:g} epochs, {card['seconds'] / 60:.1f} minutes on {card['device']}"]
    lines += [f"- parameters: {card['parameters']:,}; file {card['bytes']:,} bytes"]
    for name, value in card["test"].items():
        lines += [f"- test {name.replace('_', ' ')}: **{value:.2%}**"]
    if counts is not None:
        rows = [
            [name, f"{int(counts[i].sum()):,}", f"{counts[i, i] / counts[i].sum().clamp_min(1):.1%}", worst]
            for i, name in enumerate(classes)
            for worst in [_worst(counts[i], i, classes)]
        ]
        lines += ["", "## By class", "", *table(["class", "test pictures", "right", "most taken for"], rows)]
    if data["skipped"]:
        lines += ["", "Skipped:", "", *(f"- {line}" for line in data["skipped"])]
    return "\n".join(lines) + "\n"


def _worst(row: Tensor, true: int, classes: Sequence[str]) -> str:
    others = row.clone()
    others[true] = 0
    return f"{classes[int(others.argmax())]} ({int(others.max())})" if int(others.max()) else ""
