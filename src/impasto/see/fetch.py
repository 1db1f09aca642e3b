"""Published weight files come over HTTP: what is there is resumed, what has come is checked before it counts."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import InputError, WeightsError
from impasto.see.known import KnownWeights

__all__ = ["Fetched", "fetch", "file_sha256", "part_file"]

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Fetched:
    """How far a fetch is: ``done`` of ``total`` bytes (None: nobody knows), ``resumed`` of them from an earlier one."""

    done: int
    total: int | None
    resumed: int = 0


def part_file(item: KnownWeights, folder: Path) -> Path:
    """Where the bytes of an unfinished fetch are kept."""
    return folder / f"{item.file}.part"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a whole file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(item: KnownWeights, folder: Path, *, url: str | None = None, timeout: float = 30.0) -> Iterator[Fetched]:
    """Bring ``item`` into ``folder`` under its published name; pull until exhausted.

    ``url`` is another address of the same file. The bytes collect in a ``.part`` file, which stays when the pulling
    stops or the connection breaks, and the next fetch goes on from there. Raises ``WeightsError`` with what to do.
    """
    address = url or item.url
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise InputError(f"{address!r}: expected an address that begins with https:// or http://")
    part = part_file(item, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("ab"):  # can it be written? better now than after the transfer
            pass
    except OSError as error:
        raise WeightsError(_unwritable(folder, error)) from None
    try:
        yield from _transfer(item, address, part, timeout)
    finally:
        if not part.stat().st_size:
            part.unlink()
    _check(item, address, part)
    os.replace(part, folder / item.file)


def _transfer(item: KnownWeights, address: str, part: Path, timeout: float) -> Iterator[Fetched]:
    """Append what is missing to ``part``."""
    start = part.stat().st_size
    if start and start == item.size:
        return
    answer, start = _open(item, address, start, timeout)
    with answer:
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else item.size
        if item.size is not None and total != item.size:
            raise WeightsError(
                f"{address} offers {total:,} bytes, expected {item.size:,}: not the file meant; nothing was changed"
            )
        missing = (total or start) - start
        if (free := shutil.disk_usage(part.parent).free) < missing:
            raise WeightsError(
                f"{part.parent} has {free / 1e6:,.0f} MB left, {item.name} needs {missing / 1e6:,.0f} MB more: "
                "free some space, or set IMPASTO_HOME to another folder"
            )
        done = start
        with part.open("ab" if start else "wb") as file:
            yield Fetched(done, total, start)
            while chunk := _receive(answer, item, address):
                try:
                    file.write(chunk)
                except OSError as error:
                    raise WeightsError(_unwritable(part.parent, error)) from None
                done += len(chunk)
                yield Fetched(done, total, start)
    if total is not None and done < total:
        raise WeightsError(
            f"the connection to {_host(address)} ended at {done:,} of {total:,} bytes: "
            "the same command goes on from there"
        )


def _open(item: KnownWeights, address: str, start: int, timeout: float) -> tuple[Any, int]:
    """The server's answer and the byte at which it begins: ``start``, or 0 from a server that cannot resume."""
    headers = {"User-Agent": "impasto", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # more is kept than the server has: begin again
            return _open(item, address, 0, timeout)
        raise WeightsError(f"{address} answers {error.code} {error.reason}: {_by_hand(item)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WeightsError(_unreachable(item, address, error)) from None
    if not start or answer.status != 206:
        return answer, 0
    given = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if given and int(given[1]) == start:
        return answer, start
    answer.close()
    return _open(item, address, 0, timeout)


def _receive(answer: Any, item: KnownWeights, address: str) -> bytes:
    try:
        return bytes(answer.read(_CHUNK))
    except http.client.IncompleteRead as error:
        return error.partial  # the end is noticed by the count
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"the connection to {_host(address)} broke ({_reason(error)}): the same command goes on from there"
        ) from None


def _check(item: KnownWeights, address: str, part: Path) -> None:
    """Raise ``WeightsError`` unless ``part`` is the published file; a wrong one is of no use and goes."""
    found = file_sha256(part)
    if found.startswith(item.sha256):
        return
    with part.open("rb") as file:
        page = file.read(64).lstrip()[:1] == b"<"
    part.unlink()
    what = "is a web page" if page else f"has checksum {found[:12]}…, expected {item.sha256[:12]}…"
    raise WeightsError(
        f"what came from {address} {what}: it was thrown away, whatever was installed before is untouched; "
        f"try again, or {_by_hand(item)}"
    )


def _by_hand(item: KnownWeights) -> str:
    return f"download {item.url} in a browser, then run: impasto models import FILE --as {item.name}"


def _unreachable(item: KnownWeights, address: str, error: Exception) -> str:
    return f"cannot reach {_host(address)} ({_reason(error)}): {_by_hand(item)}"


def _unwritable(folder: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{folder}: the disk is full: free some space, or set IMPASTO_HOME to another folder"
    return f"cannot write in {folder} ({_reason(error)}): set IMPASTO_HOME to a folder that you may write in"


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return " ".join(str(reason).split()).lower() or type(error).__name__


def _host(address: str) -> str:
    return urllib.parse.urlsplit(address).netloc or address
