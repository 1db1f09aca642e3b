"""Pictures to train on: out of folders, zip and tar archives, without unpacking them to disk."""

from __future__ import annotations

import lzma
import math
import os
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import MediaError, TrainingError
from impasto.media.image import READ_SUFFIXES, decode_picture, resize_to

__all__ = ["DAMAGE", "Member", "Pictures", "as_bytes", "crops", "distort", "members", "read_pictures"]

_LARGEST = 256 << 20  # bytes of one file: an archive may claim any size
_SMALLEST = 16  # pixels a side
_COMPRESSED = (b"\x1f\x8b", b"\xfd7zXZ", b"BZh")
# What zipfile, tarfile and the decompressors raise on damaged files, as the damage goes.
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True)
class Member:
    """One picture file of a folder or an archive, or what kept it from being read."""

    name: str
    data: bytes = b""
    problem: str = ""


def members(source: Path | str) -> Iterator[Member]:
    """Every picture file in a folder or an archive, in a fixed order; what cannot be read comes with its ``problem``.

    Raises ``TrainingError`` where ``source`` is missing or no archive that can be opened.
    """
    path = Path(source)
    try:
        if not path.exists():
            raise TrainingError(f"no such data: {path}: give a folder of pictures, or a .zip or .tar archive of them")
        if path.is_dir():
            yield from _of_folder(path)
        elif zipfile.is_zipfile(path):
            yield from _of_zip(path)
        elif tarfile.is_tarfile(path):
            yield from _of_tar(path)
        else:
            with path.open("rb") as file:
                head = file.read(6)
            if head.startswith((b"PK", *_COMPRESSED)):
                raise TrainingError(f"{path} is an archive that is damaged or cut short: copy or download it again")
            raise TrainingError(f"{path} is neither a folder nor a zip or tar archive")
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {_why(error)}") from None


def _is_picture(name: str) -> bool:
    file = PurePosixPath(name)
    # macOS puts a "._photo.jpg" that is no picture beside every photo.jpg of an archive.
    return file.suffix.lower() in READ_SUFFIXES and not file.name.startswith("._")


def _of_folder(path: Path) -> Iterator[Member]:
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if _is_picture(file.name)}
    for name in sorted(files):
        try:
            if not files[name].is_file():
                continue
            if (size := files[name].stat().st_size) > _LARGEST:
                yield Member(name, problem=f"is {size / 1e6:,.0f} MB large")
            else:
                yield Member(name, files[name].read_bytes())
        except OSError as error:
            yield Member(name, problem=f"cannot be read ({_why(error)})")


def _of_zip(path: Path) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise TrainingError(f"{path} is a damaged zip archive ({_why(error)}): copy or download it again") from None
    with archive:
        for item in sorted(archive.infolist(), key=lambda item: item.filename):
            if item.is_dir() or not _is_picture(item.filename):
                continue
            if item.file_size > _LARGEST:
                yield Member(item.filename, problem=f"is {item.file_size / 1e6:,.0f} MB large")
                continue
            try:
                data = archive.read(item)
            except DAMAGE as error:
                yield Member(item.filename, problem=f"is damaged in the archive ({_why(error)})")
            else:
                yield Member(item.filename, data)


def _of_tar(path: Path) -> Iterator[Member]:
    """A compressed tar can only be read forwards, so its own order is kept; behind damage nothing can be found."""
    count = 0
    try:
        with tarfile.open(path) as archive:
            for item in archive:
                if not item.isfile() or not _is_picture(item.name):
                    continue
                if item.size > _LARGEST:
                    yield Member(item.name, problem=f"is {item.size / 1e6:,.0f} MB large")
                    continue
                handle = archive.extractfile(item)
                if handle is None:
                    continue
                data = handle.read()
                if len(data) < item.size:
                    raise EOFError("cut short")
                count += 1
                yield Member(item.name, data)
            _check_end(path, archive.offset)
    except DAMAGE as error:
        yield Member(path.name, problem=f"is damaged or cut short after {count:,} pictures ({_why(error)})")


def _check_end(path: Path, offset: int) -> None:
    """Two empty blocks end a tar; tarfile takes the end of a file that was cut between two members for it."""
    with path.open("rb") as file:
        if file.read(6).startswith(_COMPRESSED):
            return  # there the decompressor notices
        file.seek(offset)
        if file.read(512) != bytes(512):
            raise EOFError("it has no end")


def _why(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split()).lower()
    return text[:100] or type(error).__name__


@dataclass
class Pictures:
    """Decoded pictures in memory, ``(3, H, W)`` uint8 each, and a line on each file that could not be used."""

    images: list[Tensor] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def as_bytes(member: Member) -> Tensor:
    """The picture of ``member`` as ``(3, H, W)`` uint8, white where it is transparent; ``MediaError`` says why not."""
    if member.problem:
        raise MediaError(f"{member.name} {member.problem}")
    picture = decode_picture(member.data, member.name)
    image = picture.image
    if picture.alpha is not None:
        image = image * picture.alpha + (1 - picture.alpha)
    return (image[0] * 255).round_().to(torch.uint8)


def read_pictures(
    sources: Sequence[Path | str], *, short_side: int = 512, keep: Callable[[str], bool] = lambda name: True
) -> Pictures:
    """All pictures of ``sources`` whose name ``keep`` accepts, no larger than ``short_side`` on the shorter side.

    What cannot be used, a file or a whole archive, is skipped and named in ``skipped``. Raises ``TrainingError`` where
    a source does not exist, or no picture is left.
    """
    found = Pictures()
    for source in sources:
        if not Path(source).exists():
            next(members(source))  # says what is missing
        try:
            wanted = (member for member in members(source) if member.problem or keep(member.name))
            for name, image in _side_by_side(wanted, lambda member: _ready(member, short_side)):
                if isinstance(image, str):
                    found.skipped.append(image)
                else:
                    found.images.append(image)
                    found.names.append(name)
        except TrainingError as error:
            found.skipped.append(str(error))
    if not found.images:
        reason = f": {found.skipped[0]}" if found.skipped else ""
        if len(found.skipped) > 1:
            reason += f" (and {len(found.skipped) - 1:,} more)"
        raise TrainingError(f"no readable picture in {', '.join(map(str, sources))}{reason}")
    return found


def _side_by_side(
    sources: Iterator[Member], make: Callable[[Member], Tensor | str]
) -> Iterator[tuple[str, Tensor | str]]:
    """What ``make`` gives for each, in order, on all cores: decoders leave Python alone for most of their time."""
    count = os.cpu_count() or 1
    waiting: deque[tuple[str, Future[Tensor | str]]] = deque()
    problem = None
    with ThreadPoolExecutor(count) as pool:
        try:
            for member in sources:
                waiting.append((member.name, pool.submit(make, member)))
                if len(waiting) > 4 * count:
                    name, future = waiting.popleft()
                    yield name, future.result()
        except TrainingError as error:  # what was read before an archive turned out to be damaged is kept
            problem = error
        for name, future in waiting:
            yield name, future.result()
    if problem is not None:
        raise problem


def _ready(member: Member, short_side: int) -> Tensor | str:
    """The picture of ``member``, no larger than ``short_side``, or why it cannot be used."""
    try:
        image = as_bytes(member)
    except MediaError as error:
        return str(error)
    height, width = image.shape[1:]
    if min(height, width) < _SMALLEST:
        return f"{member.name} is {width}×{height} pixels, less than {_SMALLEST} a side"
    shrink = short_side / min(height, width)
    if shrink < 1:
        small = resize_to(image[None].float() / 255, round(height * shrink), round(width * shrink))
        image = (small[0] * 255).round().to(torch.uint8)
    return image.contiguous()


def crops(
    images: Sequence[Tensor],
    size: int,
    batch: int,
    *,
    seed: int = 0,
    weights: Sequence[float] | None = None,
    random: torch.Generator | None = None,
    as_bytes: bool = False,
    zoom: float = 0.7,
) -> Iterator[Tensor]:
    """Endless batches ``(batch, 3, size, size)``, 0..1, cut at random scales and flipped, for ever and repeatably.

    The closest are enlarged by ``zoom`` octaves. With ``as_bytes`` they are uint8, 0..255.

    ``random`` is the generator to draw from, where a caller wants to keep its state; else one is seeded with ``seed``.
    """
    random = torch.Generator().manual_seed(seed) if random is None else random
    odds = torch.ones(len(images)) if weights is None else torch.tensor(weights)
    draw = random

    def number(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=draw))

    while True:
        picks = torch.multinomial(odds, batch, replacement=True, generator=random)
        cut = []
        for pick in picks.tolist():
            image = images[pick]
            short = min(image.shape[1:])
            # From detail at full scale to most of the picture: strokes and structure both.
            side = min(short, max(32, round(size * 2 ** number(-zoom, max(0.0, math.log2(max(short, size) / size))))))
            top = int(number(0, image.shape[1] - side + 1 - 1e-6))
            left = int(number(0, image.shape[2] - side + 1 - 1e-6))
            piece = image[None, :, top : top + side, left : left + side]
            piece = piece if as_bytes else piece.float() / 255
            if side != size:
                piece = F.interpolate(piece, (size, size), mode="bilinear", antialias=True, align_corners=False)
            if number(0, 1) < 0.5:
                piece = piece.flip(3)
            cut.append(piece if as_bytes else piece.clamp(0, 1))
        yield torch.cat(cut)


def distort(images: Tensor, random: torch.Generator) -> Tensor:
    """Contrast, channel order and, on a third, noise up to σ 0.25: states that an optimised picture passes through.

    ``random`` is a generator on the CPU; on another device the noise itself comes from that device's own.
    """
    count, here = len(images), images.device
    own = random if here.type == "cpu" else None

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=random)

    def noise(height: int, width: int, count: int) -> Tensor:
        return torch.randn((count, 3, height, width), generator=own, device=here)

    changed = draw(0, 1) < 0.5
    gain = torch.where(changed, draw(0.5, 1.3), torch.ones(()))
    shift = torch.where(changed, draw(-0.15, 0.15), torch.zeros(()))
    swapped = draw(0, 1) < 0.2
    orders = torch.stack(
        [torch.randperm(3, generator=random) if swap else torch.arange(3) for swap in swapped.tolist()]
    )
    grainy, coarse, sigma = draw(0, 1) < 1 / 3, draw(0, 1) < 0.4, 0.25 * draw(0, 1) ** 1.5
    gain, shift, sigma = (values.to(here)[:, None, None, None] for values in (gain, shift, sigma))
    out = images[torch.arange(count, device=here)[:, None], orders.to(here)].sub_(0.5).mul_(gain).add_(0.5 + shift)
    height, width = images.shape[2:]
    for which, is_coarse in ((grainy & ~coarse, False), (grainy & coarse, True)):
        if len(places := which.nonzero()[:, 0]):
            grain = noise(height, width, len(places))
            if is_coarse:
                half = noise(height // 2, width // 2, len(places))
                grain += F.interpolate(half, (height, width), mode="bilinear", align_corners=False) * 1.5
            out[places.to(here)] += sigma[places.to(here)] * grain
    return out.clamp_(0, 1)
