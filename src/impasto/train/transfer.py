"""A classifier on the eyes of an encoder that is there: what its features know of classes it was never shown."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import InputError
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import ChainEncoder
from impasto.see.load import encoder_digest, load_encoder
from impasto.train.classify import Pooled, Tuned
from impasto.train.epochs import check_side
from impasto.train.sets import LabelledSet, Split

__all__ = ["fit_head", "open_tuned"]

_DECAYS = (0.1, 1.0, 10.0)
_STEPS = 250


def open_tuned(name: str, found: LabelledSet, *, hidden: int = 0, seed: int = 0) -> tuple[Tuned, dict[str, Any]]:
    """The encoder ``name`` with a head that knows nothing yet, and what the card says of it."""
    encoder = load_encoder(name)
    if not isinstance(encoder, ChainEncoder):
        raise InputError(f"--from {name}: expected an encoder that impasto can write again")
    check_side(encoder, found.side)
    with torch.no_grad():
        width = Pooled(encoder)(found.images[:1].float() / 255).shape[1]
    torch.manual_seed(seed)
    head = f"one hidden layer of {hidden}" if hidden else "a linear head"
    about = {"name": encoder.name, "sha256": encoder_digest(encoder), "how": f"{head} on its pooled features"}
    return Tuned(encoder, width, len(found.classes), hidden), about


def fit_head(tuned: Tuned, found: LabelledSet, parts: Split, *, seed: int = 0, device: str = "auto") -> float:
    """Train the head alone, the encoder frozen; the accuracy on the validation part.

    Every training picture is seen as it is and mirrored. The weight decay is the one of three that does best on the
    validation part.
    """
    device = choose_device(device)
    dtype = choose_precision("auto", device)
    pool = Pooled(copy.deepcopy(tuned.encoder)).to(device, dtype)  # a copy: half precision must not come back
    rows = [_features(pool, found.images[parts.train], device, mirrored) for mirrored in (False, True)]
    train, wanted = torch.cat(rows), found.labels[parts.train].repeat(2)
    valid = _features(pool, found.images[parts.validation], device) if len(parts.validation) else None
    tuned.mean.copy_(train.mean(0))
    tuned.spread.copy_(train.std(0).clamp_min(1e-4))
    fresh = copy.deepcopy(tuned.head.state_dict())
    best, kept = -1.0, fresh
    for decay in _DECAYS if valid is not None else _DECAYS[1:2]:
        tuned.head.load_state_dict(fresh)
        torch.manual_seed(seed)
        _descend(tuned, train, wanted, decay)
        score = 0.0 if valid is None else _right(tuned, valid, found.labels[parts.validation])
        if score > best:
            best, kept = score, copy.deepcopy(tuned.head.state_dict())
    tuned.head.load_state_dict(kept)
    return best


@torch.no_grad()
def _features(pool: Pooled, images: Tensor, device: str, mirrored: bool = False) -> Tensor:
    rows = []
    for part in images.split(64):
        batch = part.to(device).float() / 255
        rows.append(pool(batch.flip(3) if mirrored else batch).cpu())
    return torch.cat(rows)


def _descend(tuned: Tuned, rows: Tensor, labels: Tensor, decay: float) -> None:
    tuned.head.train()
    adam = torch.optim.AdamW(tuned.head.parameters(), lr=0.005, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, _STEPS)
    order = torch.Generator().manual_seed(1)
    for _ in range(_STEPS):
        some = torch.randint(len(rows), (min(1024, len(rows)),), generator=order)
        loss = F.cross_entropy(tuned.answer(rows[some]), labels[some], label_smoothing=0.1)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()


@torch.no_grad()
def _right(tuned: Tuned, rows: Tensor, labels: Tensor) -> float:
    tuned.head.eval()
    return float((tuned.answer(rows).argmax(1) == labels).float().mean())
