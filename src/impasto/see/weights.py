"""Weight files: read safely, written whole. The only module that opens them.

Impasto's own format is safetensors with one metadata entry, ``impasto``: JSON with ``kind`` (what the tensors are),
``name``, ``layers`` (what the net is built of), ``about`` (free) and ``sha256`` of the tensors. Published VGG files,
``.pth`` of any age or plain safetensors, are read too, without running what may be pickled in them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import pickle
import secrets
import tarfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from impasto.errors import InputError, WeightsError
from impasto.see.encoder import ChainEncoder, Encoder
from impasto.see.tarred import read_tarred
from impasto.see.unit import Unit

__all__ = [
    "CHAIN",
    "Header",
    "build_chain",
    "checked",
    "encoder_digest",
    "load_encoder_file",
    "load_tensors",
    "load_weights",
    "read_header",
    "save_encoder",
    "save_weights",
    "tensors_digest",
]

CHAIN = "chain-encoder"
_KEY = "impasto"
_SCALE, _MANY = ".scale", 100_000  # of a convolution's 8 bits by channel; numbers from which on it is a large one
_DIGESTS: weakref.WeakKeyDictionary[Encoder, str] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Header:
    """What an impasto weight file says of itself; ``layers`` and ``about`` are plain JSON values."""

    kind: str
    sha256: str
    name: str
    layers: Mapping[str, Any]
    about: Mapping[str, Any]


# ── impasto's own format ──


def save_weights(
    path: Path | str,
    kind: str,
    state: Mapping[str, Tensor],
    about: Mapping[str, Any],
    *,
    name: str = "",
    layers: Mapping[str, Any] | None = None,
) -> None:
    """Write ``state`` as one file, whole or not at all; the same tensors and words give the same bytes.

    ``about`` and ``layers`` are plain JSON values. Raises ``WeightsError`` where the file cannot be written.
    """
    path = Path(path)
    # Copies: safetensors refuses tensors that share memory or are not in row-major order.
    tensors = {key: value.detach().cpu().clone(memory_format=torch.contiguous_format) for key, value in state.items()}
    header = {
        "kind": kind,
        "name": name,
        "layers": dict(layers or {}),
        "about": dict(about),
        "sha256": tensors_digest(tensors),
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    # One metadata entry only: safetensors writes several in no particular order.
    _replace(path, safetensors.torch.save(tensors, {_KEY: text}))


def load_weights(path: Path | str, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of ``path`` and its free ``about``; ``WeightsError`` unless it is a whole file of ``kind``."""
    header, state = _read(Path(path), kind)
    return state, dict(header.about)


def read_header(path: Path | str) -> Header | None:
    """The header of ``path``, without reading its tensors; None where it is a weight file of another origin."""
    path = Path(path)
    if _format(path) != "safetensors":
        return None
    with _opened(path) as file:
        return _header(path, file.metadata() or {})


def tensors_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and bytes, whatever the order or the file they came from."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(path: Path, kind: str) -> tuple[Header, dict[str, Tensor]]:
    if _format(path) != "safetensors":
        raise WeightsError(f"{path} is not a file that impasto wrote: expected a {kind} in a .safetensors file")
    with _opened(path) as file:
        header = _header(path, file.metadata() or {})
        if header is None:
            raise WeightsError(f"{path} is not a file that impasto wrote: it has no header of impasto's")
        if header.kind != kind:
            raise WeightsError(f"{path} holds a {header.kind!r}, expected a {kind!r}")
        try:
            state = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        except Exception as error:
            raise WeightsError(f"{path} is damaged: {_line(error)}") from None
    if (found := tensors_digest(state)) != header.sha256:
        raise WeightsError(f"{path} is damaged: its checksum is {found[:12]}…, expected {header.sha256[:12]}…")
    return header, state


def _header(path: Path, metadata: Mapping[str, str]) -> Header | None:
    if _KEY not in metadata:
        return None
    try:
        values = json.loads(metadata[_KEY])
    except (ValueError, RecursionError):
        raise WeightsError(f"{path} is damaged: its header is not JSON") from None
    types = {"kind": str, "sha256": str, "name": str, "layers": dict, "about": dict}
    for key, wanted in types.items():
        if not isinstance(values, dict) or not isinstance(values.get(key), wanted):
            raise WeightsError(f"{path} is damaged: its header has no {key}")
    return Header(**{key: values[key] for key in types})


def _replace(path: Path, data: bytes) -> None:
    """Write beside ``path`` first: a reader never sees half a file, and a full disk leaves the old one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {(error.strerror or _line(error)).lower()}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


# ── files of any origin ──


def load_tensors(path: Path | str, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """The ``wanted`` tensors, by name, of a ``.safetensors`` or ``.pth`` file of any age, told apart by their content.

    They may be views of the file, of any shape and type: give them to ``checked`` before use. Raises ``WeightsError``
    on files that are missing, cut short or something else, and on pickled objects.
    """
    path = Path(path)
    form = _format(path)
    if form == "safetensors":
        with _opened(path) as file:
            try:
                return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118
            except Exception as error:
                raise WeightsError(f"{path} is damaged: {_line(error)}") from None
    try:
        if form == "tar":
            with path.open("rb") as stream:
                return read_tarred(stream, wanted)
        # The older of the two formats, a bare pickle, cannot be mapped into memory.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=form == "zip")
    except pickle.UnpicklingError as error:
        if "global" in str(error).lower():
            raise WeightsError(
                f"{path} holds pickled objects beside its tensors: refused, for loading them could run any code"
            ) from None
        raise WeightsError(f"{path} is damaged or cut short: {_line(error)}") from None
    except Exception as error:
        raise WeightsError(f"{path} is damaged or cut short: {_line(error)}") from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds a {type(state).__name__}, expected tensors by name")
    return {
        name: value
        for name, value in state.items()
        if isinstance(name, str) and wanted(name) and isinstance(value, Tensor)
    }


def checked(path: Path | str, state: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Copies of the tensors of ``state`` that ``shapes`` names; ``WeightsError`` names the first that does not fit."""
    out = {}
    for name, shape in shapes.items():
        if name not in state:
            raise WeightsError(f"{path} lacks {name}")
        tensor = state[name]
        if tuple(tensor.shape) != shape:
            raise WeightsError(f"{path}: {name} is {_times(tensor.shape)}, expected {_times(shape)}")
        if tensor.layout != torch.strided or not tensor.dtype.is_floating_point:
            raise WeightsError(f"{path}: {name} holds {tensor.dtype}, expected floating-point numbers")
        # Shapes are checked before the copy: strides of 0 let a small file claim terabytes.
        out[name] = tensor.detach().clone(memory_format=torch.contiguous_format)
        if not out[name].isfinite().all():
            raise WeightsError(f"{path}: {name} holds values that are not finite numbers")
    return out


def _format(path: Path) -> str:
    """``"safetensors"``, ``"zip"``, ``"tar"`` or ``"pickle"``, by content; ``WeightsError`` on anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            size = os.fstat(file.fileno()).st_size
        if head[:4] == b"PK\x03\x04":
            return "zip"
        if head[:2] == b"\x80\x02":
            return "pickle"
        if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
            return "safetensors"
        if head.lstrip()[:1] == b"<":
            raise WeightsError(f"{path} is a web page, not a weight file: download the file itself")
        if head.startswith(b"version https://git-lfs"):
            raise WeightsError(f"{path} is a Git LFS pointer, not the weight file: run git lfs pull")
        if tarfile.is_tarfile(path):
            return "tar"
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {(error.strerror or _line(error)).lower()}") from None
    cut = " or is cut short" if head[8:9] == b"{" else ""
    what = "is empty" if not head else f"is not a weight file{cut}"
    raise WeightsError(f"{path} {what}: expected a .safetensors or .pth file")


def _opened(path: Path) -> Any:
    try:
        return safetensors.safe_open(str(path), framework="pt", device="cpu")
    except Exception as error:  # its own error class, OSError and ValueError, as the version goes
        raise WeightsError(f"{path} is damaged or cut short: {_line(error)}") from None


# ── encoders ──


def save_encoder(
    path: Path | str, encoder: ChainEncoder, about: Mapping[str, Any] | None = None, *, eight_bit: bool = False
) -> None:
    """Write an encoder with all that ``load_encoder_file`` needs to build it again, in the precision it has.

    With ``eight_bit`` the weights of large convolutions are rounded to 1 in 127 of the largest of their channel.
    """
    taps = {layer.name: layer.channels for layer in encoder.layers} if len(encoder.taps) or encoder.bare else None
    layers: dict[str, Any] = {"blocks": [list(block) for block in encoder.blocks], "down": encoder.down, "taps": taps}
    if encoder.places:
        layers["places"] = dict(encoder.places)
    if encoder.bare:
        layers["bare"] = list(encoder.bare)
    state = encoder.state_dict()
    state = _packed(state) if eight_bit else state
    save_weights(path, CHAIN, state, about or {}, name=encoder.name, layers=layers)


def _packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    out = {}
    for name, value in state.items():
        if value.ndim == 4 and value.numel() >= _MANY:
            scale = value.float().flatten(1).abs().amax(1).clamp_min(1e-20) / 127
            out[name] = (value.float() / scale[:, None, None, None]).round().to(torch.int8)
            out[name + _SCALE] = scale
        else:
            out[name] = value
    return out


def _unpacked(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions of 8 bits as float32; what does not fit together is left for ``checked`` to refuse."""
    out = {name: value for name, value in state.items() if not name.endswith(_SCALE)}
    for name, value in out.items():
        scale = state.get(name + _SCALE)
        if value.dtype == torch.int8 and scale is not None:
            if value.ndim != 4 or scale.dtype != torch.float32 or scale.shape != value.shape[:1]:
                raise WeightsError(f"{path} is damaged: {name}{_SCALE} does not fit {_times(value.shape)}")
            out[name] = value.float() * scale[:, None, None, None]
    return out


def load_encoder_file(path: Path | str) -> ChainEncoder:
    """The encoder that ``save_encoder`` wrote: float32, for evaluation, without gradients of its weights."""
    path = Path(path)
    header, state = _read(path, CHAIN)
    state = _unpacked(path, state)
    blocks, down, taps, places, bare = _layers(path, header.layers)
    if not 0 < len(header.name) <= 100 or not header.name.isprintable():
        raise WeightsError(f"{path} is damaged: its name is {_line(header.name)!r}")
    encoder = build_chain(
        path, state, blocks, down, taps, places=places, bare=bare, name=header.name, digest=header.sha256
    )
    balance = header.about.get("balance", 1.0)
    if isinstance(balance, bool) or not isinstance(balance, (int, float)) or not 1e-3 <= balance <= 1e3:
        raise WeightsError(f"{path} is damaged: its balance is {_line(repr(balance))}, expected a number about 1")
    encoder.balance = float(balance)
    if content := header.about.get("content"):
        _set_content(path, encoder, content)
    return encoder


def _set_content(path: Path, encoder: ChainEncoder, content: Any) -> None:
    """The layers, with weights, by which the encoder itself prefers to hold on to a photograph."""
    offered = {layer.name for layer in encoder.layers}
    right = isinstance(content, dict) and set(content) <= offered
    if not right or not all(type(share) in (int, float) and 0 < share <= 1e6 for share in content.values()):
        raise WeightsError(f"{path} is damaged: its content layers are {_line(repr(content))}")
    encoder.content_layers = tuple(content)
    encoder.content_weights = {name: float(share) for name, share in content.items()}


def build_chain(
    path: Path,
    state: Mapping[str, Tensor],
    blocks: Sequence[Sequence[int | str]],
    down: Any,
    taps: Mapping[str, int] | None,
    *,
    places: Mapping[str, str] | None = None,
    bare: Sequence[str] = (),
    name: str,
    digest: str,
) -> ChainEncoder:
    """A ``ChainEncoder`` around ``state``; ``digest`` is what ``encoder_digest`` will answer, ``path`` words errors."""
    try:
        with torch.device("meta"):  # shapes alone: nothing is allocated before they are known to fit the file
            encoder = ChainEncoder(blocks, down=down, taps=taps, places=places, bare=bare, name=name)
    except InputError as error:
        raise WeightsError(f"{path} is damaged: {error}") from None
    shapes = {key: tuple(value.shape) for key, value in encoder.state_dict().items()}
    if extra := sorted(set(state) - set(shapes)):
        raise WeightsError(f"{path} is damaged: {_line(extra[0])!r} does not belong to its layers")
    tensors = {key: value.float() for key, value in checked(path, state, shapes).items()}
    encoder.load_state_dict(tensors, assign=True)
    encoder.eval().requires_grad_(False)
    _DIGESTS[encoder] = digest
    return encoder


def encoder_digest(source: Encoder | Path | str) -> str:
    """SHA-256 of the weights of an encoder or of a file, for a recipe: the same whichever file they came in.

    An encoder that was loaded keeps the digest of its file, also when it is cast to half precision; any other is
    digested as it is. Files are read whole once; one that changes (size or time) is read again.
    """
    if isinstance(source, Encoder):
        return _DIGESTS.get(source) or tensors_digest(source.state_dict())
    path = Path(source)
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {(error.strerror or _line(error)).lower()}") from None
    return _file_digest(path.absolute(), stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, changed: int) -> str:
    header = read_header(path)
    if header is not None:
        return _read(path, header.kind)[0].sha256
    return tensors_digest(load_tensors(path, lambda name: name.startswith("features.")))


_Net = tuple[tuple[tuple[int | str, ...], ...], str, dict[str, int] | None, dict[str, str], tuple[str, ...]]


def _layers(path: Path, layers: Mapping[str, Any]) -> _Net:
    """The header's ``layers`` if they are a net that could be: a file's word is not taken for it."""

    def channels(value: Any) -> bool:
        return type(value) is int and 1 <= value <= 65536

    blocks, down, taps = layers.get("blocks"), layers.get("down"), layers.get("taps")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 9:
        raise WeightsError(f"{path} is damaged: its header names no blocks")
    for block in blocks:
        if not isinstance(block, list) or not 1 <= len(block) <= 64 or not all(map(_is_unit, block)):
            raise WeightsError(f"{path} is damaged: a block of its header is {_line(repr(block))}")
    if down not in ("max", "average", "conv"):
        raise WeightsError(f"{path} is damaged: down in its header is {_line(repr(down))}")
    if taps is not None and not (isinstance(taps, dict) and taps and all(map(channels, taps.values()))):
        raise WeightsError(f"{path} is damaged: taps in its header are {_line(repr(taps))}")
    places = layers.get("places", {})
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        raise WeightsError(f"{path} is damaged: places in its header are {_line(repr(places))}")
    bare = layers.get("bare", [])
    if not isinstance(bare, list) or not all(isinstance(tap, str) for tap in bare):
        raise WeightsError(f"{path} is damaged: bare taps in its header are {_line(repr(bare))}")
    return tuple(tuple(block) for block in blocks), down, taps, places, tuple(bare)


def _is_unit(value: Any) -> bool:
    with contextlib.suppress(InputError):
        return Unit.of(value).channels <= 65536
    return False


def _times(shape: tuple[int, ...] | torch.Size) -> str:
    return "×".join(map(str, shape)) or "a single number"


def _line(error: object) -> str:
    """The gist of someone else's words, on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:119] + "…"
