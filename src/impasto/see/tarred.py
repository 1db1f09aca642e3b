"""Tensors from a file that ``torch.save`` wrote before February 2017: a tar of pickles and raw numbers.

Oxford's VGG-19 is published in that time's format, and ``torch.load(weights_only=True)`` refuses it. Here the pickles
may name an ordered dictionary and number types, nothing else, so reading such a file runs no code of its own.
"""

from __future__ import annotations

import pickle
import struct
import tarfile
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any

import torch
from torch import Tensor

__all__ = ["read_tarred"]

_NUMBERS = {
    f"{name}{what}": dtype
    for what in ("Storage", "Tensor")
    for name, dtype in {
        "Float": torch.float32,
        "Double": torch.float64,
        "Half": torch.float16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
    }.items()
}


def read_tarred(file: IO[bytes], wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """The ``wanted`` tensors of the dictionary in ``file``, by name; only their numbers are read.

    Raises ``pickle.UnpicklingError`` on anything but tensors and other errors on a damaged file: the caller words them.
    """
    with tarfile.open(fileobj=file, mode="r:") as tar:
        storages = _storages(tar)
        views = _views(tar)
        state = _Plain(_member(tar, "pickle"), views.__getitem__).load()
        if not isinstance(state, dict):
            raise ValueError("not a dictionary of tensors")
        names = [name for name in state if isinstance(name, str) and wanted(name) and isinstance(state[name], _View)]
        return {name: _tensor(state[name], storages, _member(tar, "storages")) for name in names}


class _View:
    """A tensor that has not been read: which storage, its shape and strides in elements."""

    def __init__(self, storage: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
        self.storage, self.shape, self.strides, self.offset = storage, shape, strides, offset


class _Plain(pickle.Unpickler):
    """An unpickler that knows an ordered dictionary, names of number types and the tensors already found."""

    def __init__(self, file: IO[bytes], found: Callable[[int], Any] | None = None) -> None:
        super().__init__(file)
        self._found = found

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module in ("torch", "torch.cuda") and name in _NUMBERS:
            return _NUMBERS[name]
        raise pickle.UnpicklingError(f"unsupported global {module}.{name}")

    def persistent_load(self, saved: Any) -> Any:
        if self._found is None:
            raise pickle.UnpicklingError("unsupported reference")
        return self._found(int(saved))


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is not a file")
    return found


def _storages(tar: tarfile.TarFile) -> dict[int, tuple[int, int, torch.dtype]]:
    """By key: the byte at which a storage begins, its number of elements and their type."""
    file, size = _member(tar, "storages"), tar.getmember("storages").size
    out: dict[int, tuple[int, int, torch.dtype]] = {}
    for _ in range(_Plain(file).load()):
        key, _, dtype = _Plain(file).load()
        (count,) = struct.unpack("<q", file.read(8))
        start = file.tell()
        if not 0 <= start + count * dtype.itemsize <= size:
            raise ValueError("the file ends too early")
        out[key] = (start, count, dtype)
        file.seek(start + count * dtype.itemsize)
    for key, root, offset, count in _Plain(file).load():
        start, whole, dtype = out[root]
        if not 0 <= offset <= offset + count <= whole:
            raise ValueError("a view leaves its storage")
        out[key] = (start + offset * dtype.itemsize, count, dtype)
    return out


def _views(tar: tarfile.TarFile) -> dict[int, _View]:
    file = _member(tar, "tensors")
    out = {}
    for _ in range(_Plain(file).load()):
        key, storage, _ = _Plain(file).load()
        (ndim,) = struct.unpack("<i4x", file.read(8))
        numbers = struct.unpack(f"<{2 * ndim + 1}q", file.read(8 * (2 * ndim + 1)))
        out[key] = _View(storage, numbers[:ndim], numbers[ndim:-1], numbers[-1])
    return out


def _tensor(view: _View, storages: dict[int, tuple[int, int, torch.dtype]], file: IO[bytes]) -> Tensor:
    start, count, dtype = storages[view.storage]
    file.seek(start)
    flat = torch.frombuffer(bytearray(file.read(count * dtype.itemsize)), dtype=dtype)
    return flat.as_strided(view.shape, view.strides, view.offset)
