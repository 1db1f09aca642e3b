"""Files on disk, opened and replaced with errors that speak to the person.

A file is written whole or not at all: first under a hidden name in the same folder, then moved over the old one.
"""

from __future__ import annotations

import difflib
import errno
import hashlib
import itertools
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from impasto.errors import MediaError

__all__ = ["check_folder", "file_sha256", "open_file", "part_beside", "shown", "write_file"]


def shown(path: Path | str) -> str:
    """``path`` as an error shows it: always one line, whatever characters the name holds."""
    text = str(path)
    return text if text.isprintable() and text else repr(text)


@contextmanager
def open_file(path: Path | str) -> Iterator[BinaryIO]:
    """The file at ``path``, open for reading bytes; ``MediaError`` if it is missing, a folder, empty or barred."""
    try:
        stream = open(path, "rb")  # noqa: SIM115 - closed below; here only the opening is guarded
    except OSError as error:
        raise MediaError(_why_unreadable(Path(path), error)) from None
    except ValueError:  # a NUL inside the name
        raise MediaError(f"{shown(path)}: no file can have this name; check it") from None
    with stream:
        if not stream.seekable():
            # A pipe can be read only once; a picture is read for its kind, its pixels and its hash.
            raise MediaError(f"{shown(path)} is a pipe or a device: save it as a file first")
        if os.fstat(stream.fileno()).st_size == 0:
            raise MediaError(f"{shown(path)} is empty (0 bytes): copy or download it again")
        yield stream


def file_sha256(path: Path | str) -> str:
    """SHA-256 of the file's bytes, 64 hexadecimal digits. Raises ``MediaError`` as ``open_file`` does."""
    digest = hashlib.sha256()
    with open_file(path) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_file(path: Path | str, data: bytes) -> None:
    """Put ``data`` at ``path``, whole or not at all; a file that was there stays as it was until the new one is safe.

    Raises ``MediaError`` when the disk is full, the folder is missing or barred, and the like.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing where it did
    part = part_beside(target)
    kept = "; the file that was there is untouched" if target.exists() else ""
    try:
        _write_bytes(part, data)
        os.replace(part, target)
    except OSError as error:
        raise MediaError(f"{shown(path)} could not be written: {_reason(error)}{kept}; {_remedy(error)}") from None
    finally:  # also on Ctrl-C; after a move there is nothing left to remove
        with suppress(OSError):
            os.unlink(part)


def check_folder(path: Path | str) -> None:
    """Make sure that a file can be put at ``path``, by putting one beside it for a moment; else ``MediaError``."""
    if "\0" in str(path):
        raise MediaError(f"{shown(path)}: no file can have this name; check it")
    target = Path(os.path.realpath(path))
    folder = target.parent
    if len(os.fsencode(target.name)) > 255:
        raise MediaError(f"{shown(path)}: the name is longer than 255 bytes; choose a shorter one")
    if target.is_dir():
        raise MediaError(f"{shown(path)} is a folder: give the name of a file in it, as in {shown(target / 'out.png')}")
    if not folder.is_dir():
        raise MediaError(f"{shown(path)}: the folder {shown(folder)} does not exist: create it, or check the name")
    if target.exists() and not os.access(target, os.W_OK):
        raise MediaError(f"{shown(path)} exists and is write-protected: choose another name, or allow writing to it")
    # os.access says yes to root and to folders on some network drives; only a real file tells.
    part = part_beside(target)
    try:
        _write_bytes(part, b"")
    except OSError as error:
        raise MediaError(f"{shown(path)} cannot be written: {_reason(error)}; {_remedy(error)}") from None
    finally:
        with suppress(OSError):
            os.unlink(part)


def part_beside(target: Path) -> Path:
    """A hidden name in the same folder, for what becomes ``target`` once it is whole."""
    # Only 40 characters of the name: the whole must stay within the 255 bytes that a file system allows.
    return target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex[:8]}.part")


def _write_bytes(path: Path, data: bytes) -> None:
    with open(path, "xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())  # some file systems tell of a full disk only here


def _reason(error: OSError) -> str:
    return (error.strerror or " ".join(str(error).split()) or type(error).__name__).lower()


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, or choose another folder"
    return "choose another name or folder"


def _why_unreadable(path: Path, error: OSError) -> str:
    try:
        if path.is_dir():
            return f"{shown(path)} is a folder: give the name of a picture file in it"
        if isinstance(error, FileNotFoundError):
            return f"{shown(path)} does not exist: {_nearest(path)}"
    except OSError:
        pass
    if isinstance(error, PermissionError):
        return f"{shown(path)} may not be read (permission denied): allow reading it, or copy it elsewhere"
    return f"{shown(path)} cannot be opened ({_reason(error)}): check the name"


def _nearest(path: Path) -> str:
    """What to try instead of a ``path`` that does not exist."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {shown(folder)}; check the name"
    # A look at the first few thousand names: enough for a folder of pictures, quick in one of a million files.
    names = {name.lower(): name for name in itertools.islice((entry.name for entry in os.scandir(folder)), 5000)}
    near = difflib.get_close_matches(path.name.lower(), sorted(names), n=1, cutoff=0.6)
    return f"did you mean {shown(folder / names[near[0]])}?" if near else "check the name"
