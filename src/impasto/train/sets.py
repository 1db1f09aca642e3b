"""Pictures with labels: folders and archives of class folders, and the official CIFAR-10; read once, then cached."""

from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import re
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import ImpastoError, InputError, MediaError, TrainingError
from impasto.media.image import resize_to
from impasto.see.known import home
from impasto.see.weights import load_weights, save_weights
from impasto.train.data import DAMAGE, as_bytes, members

__all__ = ["LabelledSet", "Split", "read_labelled", "split"]

_KIND = "labelled-pictures"
_TEST = ("test", "testing", "val", "valid", "validation")
_OFFICIAL = "cifar-10-batches-py"


@dataclass(frozen=True)
class LabelledSet:
    """Pictures ``(N, 3, S, S)`` uint8 with labels ``(N,)``; ``test`` marks those that the set itself keeps apart."""

    path: str
    images: Tensor
    labels: Tensor
    test: Tensor
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    @property
    def side(self) -> int:
        """Pixels a side."""
        return self.images.shape[-1]


@dataclass(frozen=True)
class Split:
    """Indices of pictures to train, validate and test on, and how they were chosen."""

    train: Tensor
    validation: Tensor
    test: Tensor
    words: str


def read_labelled(source: Path, *, side: int = 0, cache: bool = True) -> LabelledSet:
    """Every picture under ``CLASS/`` of a folder or archive, also under ``train/CLASS/`` and ``test/CLASS/``; square.

    ``side`` 0 is that of small pictures themselves, else 96. What was decoded is kept under
    ``IMPASTO_HOME``, so that the next start is quick. Raises ``TrainingError`` where nothing can be learnt from it.
    """
    if not source.exists():
        raise TrainingError(f"no such data: {source}: give a folder of class folders, or a .zip or .tar archive of one")
    file = home() / "sets" / f"{source.name.split('.')[0]}-{_key(source, side)}.safetensors"
    if cache and (found := _cached(file, source)) is not None:
        return found
    found = _official(source) if _is_official(source) else _of_folders(source, side)
    if side and found.side != side:
        found = LabelledSet(
            found.path, _resized(found.images, side), found.labels, found.test, found.classes, found.skipped
        )
    if cache:
        about = {"classes": list(found.classes), "skipped": list(found.skipped)}
        state = {"images": found.images, "labels": found.labels, "test": found.test.to(torch.uint8)}
        with contextlib.suppress(ImpastoError):  # a full disk only makes the next start slower
            save_weights(file, _KIND, state, about)
    return found


def split(found: LabelledSet, *, per_class: int = 0, validation: float = 0.1, seed: int = 0) -> Split:
    """Which pictures to train on: ``per_class`` of every class, or all that are left; drawn with ``seed``.

    A set with a test part of its own is tested on that, and ``validation`` of the rest is set apart. Elsewhere
    ``per_class`` (or four fifths) of every class are trained on and the rest tested on, up to half of it validated on.
    """
    if not 0 <= validation < 1:
        raise InputError(f"--validation {validation:g}: expected a share, 0 or more and below 1")
    if per_class < 0:
        raise InputError(f"--per-class {per_class}: expected 0 or more")
    random = torch.Generator().manual_seed(seed)
    own = bool(found.test.any())
    train, valid, test = [], [], [found.test.nonzero().flatten()] if own else []
    for label, name in enumerate(found.classes):
        there = ((found.labels == label) & ~found.test).nonzero().flatten()
        there = there[torch.randperm(len(there), generator=random)]
        aside = round(len(there) * validation) if own else 0
        most = len(there) - aside - (0 if own else 1)
        if per_class > most:
            raise InputError(f"--per-class {per_class}: class {name} has only {most} pictures to train on")
        if most < 1:
            raise TrainingError(f"class {name} of {found.path} has {len(there)} picture(s): expected two or more")
        count = per_class if per_class else most if own else max(1, min(most, round(0.8 * len(there))))
        train.append(there[aside : aside + count])
        if own:
            valid.append(there[:aside])
            continue
        rest = there[count:]
        aside = min(len(rest) // 2, max(1, round(len(there) * validation))) if validation else 0
        valid.append(rest[:aside])
        test.append(rest[aside:])
    parts = tuple(torch.cat(part) for part in (train, valid, test))
    how = "its own test part" if own else "the rest of every class"
    many = f"{per_class} pictures a class" if per_class else "all others" if own else "four fifths a class"
    words = (
        f"{len(parts[0]):,} to train on ({many}), {len(parts[1]):,} to validate, {len(parts[2]):,} to test ({how}), "
        f"drawn with seed {seed}"
    )
    return Split(parts[0], parts[1], parts[2], words)


# ── class folders ──


def _of_folders(source: Path, side: int) -> LabelledSet:
    images, names, tests, skipped = [], [], [], []
    seen: dict[str, int] = dict.fromkeys(_empty_folders(source), 0)
    for member in members(source):
        parts = PurePosixPath(member.name).parts
        if len(parts) < 2:
            skipped.append(f"{member.name} {member.problem or 'lies in no class folder'}")
            continue
        seen.setdefault(parts[-2], 0)
        try:
            image = as_bytes(member)
        except MediaError as error:
            skipped.append(str(error))
            continue
        if not side:
            side = min(image.shape[1:]) if max(image.shape[1:]) <= 64 else 96
        images.append(_square(image, side))
        names.append(parts[-2])
        tests.append(len(parts) > 2 and parts[-3].lower() in _TEST)
        seen[parts[-2]] += 1
    skipped += [f"class {name} has no readable picture: left out" for name, count in seen.items() if not count]
    classes = tuple(sorted(name for name, count in seen.items() if count))
    if len(classes) < 2:
        reason = f" ({skipped[0]})" if skipped else ""
        found = f"one class only, {classes[0]}" if classes else "no class folder with pictures"
        raise TrainingError(f"{source} has {found}{reason}: expected a folder of pictures for each class")
    trained = {name for name, test in zip(names, tests, strict=True) if not test}
    if only := sorted(set(classes) - trained):
        raise TrainingError(f"class {only[0]} of {source} has pictures to test on but none to train on")
    labels = torch.tensor([classes.index(name) for name in names])
    return LabelledSet(str(source), torch.stack(images), labels, torch.tensor(tests), classes, tuple(skipped))


def _empty_folders(source: Path) -> Iterator[str]:
    """The names of folders with nothing in them, as far as a folder or a zip archive tells."""
    if source.is_dir():
        yield from (path.name for path in sorted(source.rglob("*")) if path.is_dir() and not any(path.iterdir()))
    elif zipfile.is_zipfile(source):
        with contextlib.suppress(*DAMAGE), zipfile.ZipFile(source) as archive:
            names = archive.namelist()
            full = {str(parent) for name in names for parent in PurePosixPath(name).parents}
            yield from (PurePosixPath(n).name for n in names if n.endswith("/") and n.rstrip("/") not in full)


def _square(image: Tensor, side: int) -> Tensor:
    """The middle square of a picture, ``side`` pixels a side."""
    height, width = image.shape[1:]
    if (height, width) == (side, side):
        return image
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return _resized(image[None, :, top : top + short, left : left + short], side)[0]


def _resized(images: Tensor, side: int) -> Tensor:
    out = torch.empty((len(images), 3, side, side), dtype=torch.uint8)
    for part, into in zip(images.split(1024), out.split(1024), strict=True):
        into.copy_((resize_to(part.float() / 255, side, side) * 255).round())
    return out


# ── the official CIFAR-10 ──


def _is_official(source: Path) -> bool:
    with contextlib.suppress(*DAMAGE):
        if source.is_file() and tarfile.is_tarfile(source):
            with tarfile.open(source) as archive:
                for item in archive:
                    if item.isfile():
                        return PurePosixPath(item.name).parent.name == _OFFICIAL
    return False


def _official(source: Path) -> LabelledSet:
    """``cifar-10-python.tar.gz``: pickles of arrays, read without running anything that may be pickled in them."""
    images, labels, tests, skipped = [], [], [], []
    classes: tuple[str, ...] = ()
    try:
        with tarfile.open(source) as archive:
            for item in archive:
                name = PurePosixPath(item.name).name
                handle = archive.extractfile(item)
                if handle is None or not (name == "batches.meta" or re.match(r"data_batch_\d+$|test_batch$", name)):
                    continue
                data = handle.read()
                try:
                    batch = _Plain(io.BytesIO(data), encoding="bytes").load()
                    if name == "batches.meta":
                        classes = tuple(_text(label) for label in batch[b"label_names"])
                        continue
                    pixels = np.asarray(batch[b"data"])
                    marks = [int(label) for label in batch[b"labels"]]
                    if pixels.dtype != np.uint8 or pixels.shape != (len(marks), 3072) or not marks:
                        raise ValueError(f"its pictures are an array of {pixels.dtype} {pixels.shape}")
                    if not all(0 <= label < 1000 for label in marks):
                        raise ValueError("its labels are out of range")
                except Exception as error:  # a damaged pickle raises anything
                    skipped.append(f"{item.name} is damaged ({' '.join(str(error).split())[:100]})")
                    continue
                images.append(torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy()))
                labels.append(torch.tensor(marks))
                tests.append(torch.full((len(marks),), name == "test_batch"))
    except DAMAGE as error:
        skipped.append(f"{source.name} is damaged or cut short ({' '.join(str(error).split())[:100].lower()})")
    if not images or all(bool(test.all()) for test in tests):
        raise TrainingError(f"{source} has no readable batch to train on" + (f": {skipped[0]}" if skipped else ""))
    label = torch.cat(labels)
    count = int(label.max()) + 1
    if len(classes) < count:
        classes = tuple(map(str, range(count)))
    return LabelledSet(str(source), torch.cat(images), label, torch.cat(tests), classes, tuple(skipped))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _array(kind: Any, shape: Sequence[int], code: Any) -> Any:
    """What an array's pickle calls before it fills the array in."""
    return np.ndarray((0,), np.int8)


def _bytes(text: str, coding: Any = "latin1") -> bytes:
    return text.encode("latin1")


class _Plain(pickle.Unpickler):
    """An unpickler that knows numbers, text, bytes, lists, dictionaries and numpy arrays of numbers, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and re.fullmatch(r"numpy\.(_core|core)\.multiarray", module):
            return _array
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("_codecs", "encode"):
            return _bytes
        raise pickle.UnpicklingError(f"it holds a pickled {module}.{name}: refused, for loading it could run any code")


# ── the cache ──


def _key(source: Path, side: int) -> str:
    """Changes with the place, the size and the time of the file, or of any file in the folder."""
    digest = hashlib.sha256(f"1 {source.absolute()} {side}".encode())
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    for file in files:
        stat = file.stat()
        digest.update(f"{file} {stat.st_size} {stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _cached(file: Path, source: Path) -> LabelledSet | None:
    if not file.is_file():
        return None
    try:
        state, about = load_weights(file, _KIND)
        images, labels, test = state["images"], state["labels"], state["test"].bool()
        classes, skipped = tuple(map(str, about["classes"])), tuple(map(str, about["skipped"]))
    except (ImpastoError, KeyError, TypeError):  # read it again
        return None
    if images.dtype != torch.uint8 or images.ndim != 4 or not len(images) == len(labels) == len(test):
        return None
    return LabelledSet(str(source), images, labels, test, classes, skipped)
