"""The encoders on this machine: where each lies, and whether its weights are whole, by their checksum."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError, MediaError, WeightsError
from impasto.examine.finding import Check, Finding, note, ok, wrong
from impasto.media.files import check_folder
from impasto.see.fetch import file_sha256, part_file
from impasto.see.known import KNOWN, describe_auto, home, installed, known
from impasto.see.load import encoder_digest, load_encoder

__all__ = ["CHECKS"]


def _folder() -> Iterator[Finding]:
    """Can weights be kept where they belong? What is not there yet is not made."""
    folder = home()
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    remedy = "set IMPASTO_HOME to a folder that you may write in"
    if not there.is_dir():
        yield wrong("folder", f"{folder}: {there} is a file, not a folder", remedy, path=str(folder))
        return
    try:
        check_folder(there / "weights")
    except MediaError:
        yield wrong("folder", f"{folder} cannot be written in", remedy, path=str(folder))
        return
    yield ok("folder", f"{folder}{'' if there == folder else ', made when it is needed'}", path=str(folder))


def _builtin() -> Iterator[Finding]:
    remedy = "install impasto again: pip install --force-reinstall --no-deps impasto"
    yield _verified("builtin", installed("builtin"), remedy)


def _known(name: str) -> Iterator[Finding]:
    path, part = installed(name), part_file(known(name), home())
    remedy = f"impasto models remove {name}, then impasto models fetch {name}"
    if path is not None:
        yield _verified(name, path, remedy)
    elif not part.is_file():
        yield ok(name, "not installed", installed=False)
    if part.is_file():
        text = f"{part}: {part.stat().st_size / 1e6:.0f} MB of an unfinished download"
        yield note(name, text, f"impasto models fetch {name} goes on with it, impasto models remove {name} removes it")


def _verified(name: str, path: Path | None, remedy: str) -> Finding:
    """A finding on the weights of ``name``: read whole, their digest compared with what the file records."""
    facts: dict[str, Any] = {"installed": path is not None, "path": str(path) if path else None}
    try:
        encoder = load_encoder(name)
        if path is not None and path.suffix != ".safetensors":
            _check_published(name, path)
    except ImpastoError as error:
        return wrong(name, str(error), remedy, **facts)
    size, digest = path.stat().st_size if path else 0, encoder_digest(encoder)
    facts |= {"size": size, "sha256": digest}
    return ok(name, f"{path}, {size / 1e6:.1f} MB, checksum {digest[:12]}… as recorded", **facts)


def _check_published(name: str, path: Path) -> None:
    """A file as it was published records no checksum of its tensors, but the whole file's is known."""
    found, wanted = file_sha256(path), known(name).sha256
    if not found.startswith(wanted):
        raise WeightsError(f"{path} is damaged: its checksum is {found[:12]}…, expected {wanted[:12]}…")


def _auto() -> Iterator[Finding]:
    name, reason = describe_auto()
    yield ok("auto", f"--encoder auto takes {name}: {reason}", encoder=name)


CHECKS: dict[str, Check] = {
    "folder": _folder,
    "builtin": _builtin,
    **{item.name: functools.partial(_known, item.name) for item in KNOWN},
    "auto": _auto,
}
