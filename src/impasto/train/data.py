"""Pictures to train on: out of folders, zip and tar archives, without unpacking them to disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto.errors import TrainingError

__all__ = ["Pictures", "crops", "members", "read_pictures"]

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}


def members(source: Path | str) -> Iterator[tuple[str, bytes]]:
    """``(name, bytes)`` of every picture file in a folder or an archive, in a fixed order.

    Raises ``TrainingError`` where ``source`` is missing or no readable archive.
    """
    path = Path(source)
    if not path.exists():
        raise TrainingError(f"no such data: {path}: give a folder of pictures, or a .zip or .tar archive of them")
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES and file.is_file():
                yield str(file.relative_to(path)), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if Path(name).suffix.lower() in SUFFIXES:
                    yield name, archive.read(name)
    elif tarfile.is_tarfile(path):
        # A compressed tar can only be read forwards; its own order is fixed too.
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    handle = archive.extractfile(member)
                    assert handle is not None
                    yield member.name, handle.read()
    else:
        raise TrainingError(f"{path} is neither a folder nor a zip or tar archive")


@dataclass
class Pictures:
    """Decoded pictures in memory, ``(3, H, W)`` uint8 each, and what could not be read."""

    images: list[Tensor] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_pictures(
    sources: Sequence[Path | str], *, short_side: int = 512, keep: Callable[[str], bool] = lambda name: True
) -> Pictures:
    """All pictures of ``sources`` whose name ``keep`` accepts, no larger than ``short_side`` on the shorter side.

    A picture that cannot be decoded is skipped and named in ``skipped``.
    """
    found = Pictures()
    for source in sources:
        for name, data in members(source):
            if not keep(name):
                continue
            try:
                image: Image.Image = Image.open(io.BytesIO(data)).convert("RGB")
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
                found.skipped.append(name)
                continue
            shrink = short_side / min(image.size)
            if shrink < 1:
                size = (round(image.width * shrink), round(image.height * shrink))
                image = image.resize(size, Image.Resampling.LANCZOS)
            found.images.append(torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous())
            found.names.append(name)
    if not found.images:
        raise TrainingError(f"no readable picture in {', '.join(map(str, sources))}")
    return found


def crops(
    images: Sequence[Tensor], size: int, batch: int, *, seed: int = 0, weights: Sequence[float] | None = None
) -> Iterator[Tensor]:
    """Endless batches ``(batch, 3, size, size)``, 0..1, cut at random scales and flipped, for ever and repeatably."""
    random = torch.Generator().manual_seed(seed)
    odds = torch.ones(len(images)) if weights is None else torch.tensor(weights)

    def number(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    while True:
        picks = torch.multinomial(odds, batch, replacement=True, generator=random)
        cut = []
        for pick in picks.tolist():
            image = images[pick]
            short = min(image.shape[1:])
            # From detail at full scale to most of the picture: strokes and structure both.
            side = min(short, max(32, round(size * 2 ** number(-0.7, max(0.0, np.log2(max(short, size) / size))))))
            top = int(number(0, image.shape[1] - side + 1 - 1e-6))
            left = int(number(0, image.shape[2] - side + 1 - 1e-6))
            piece = image[None, :, top : top + side, left : left + side].float() / 255
            if side != size:
                piece = F.interpolate(piece, (size, size), mode="bilinear", antialias=True, align_corners=False)
            if number(0, 1) < 0.5:
                piece = piece.flip(3)
            cut.append(piece.clamp(0, 1))
        yield torch.cat(cut)


def distort(images: Tensor, random: torch.Generator) -> Tensor:
    """Contrast, channel order and, on a third, noise up to σ 0.25: states that an optimised picture passes through."""
    out = []
    for image in images:
        gain, shift = (torch.rand(2, generator=random) * torch.tensor([0.8, 0.3]) + torch.tensor([0.5, -0.15])).tolist()
        image = ((image - 0.5) * gain + 0.5 + shift) if torch.rand((), generator=random) < 0.5 else image
        if torch.rand((), generator=random) < 0.2:
            image = image[torch.randperm(3, generator=random)]
        if torch.rand((), generator=random) < 1 / 3:
            sigma = 0.25 * float(torch.rand((), generator=random)) ** 1.5
            noise = torch.randn(image.shape, generator=random)
            if torch.rand((), generator=random) < 0.4:  # coarser grain too
                half = torch.randn((3, image.shape[1] // 2, image.shape[2] // 2), generator=random)
                noise = F.interpolate(half[None], image.shape[1:], mode="bilinear", align_corners=False)[0] * 1.5
            image = image + sigma * noise
        out.append(image)
    return torch.stack(out).clamp(0, 1)
