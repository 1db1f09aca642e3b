"""From a name or a file to an encoder that is ready to see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from impasto.errors import InputError, UnknownNameError, WeightsError
from impasto.see.encoder import ChainEncoder, Encoder
from impasto.see.known import BUILTIN, ENCODERS, KNOWN, describe_auto, home, installed
from impasto.see.untrained import random_encoder
from impasto.see.vgg import guess_kind, load_vgg
from impasto.see.weights import CHAIN, encoder_digest, load_encoder_file, load_tensors, read_header

__all__ = ["describe_auto", "encoder_digest", "load_encoder"]

_KINDS = tuple(item.name for item in KNOWN)


def load_encoder(
    name: str = "auto",
    *,
    weights: Path | str | None = None,
    pooling: str = "max",
    centred: bool = True,
    seed: int = 0,
) -> Encoder:
    """An encoder in float32, for evaluation, without gradients of its weights.

    ``name`` is ``builtin``, ``random`` (the built-in one's shape with weights drawn from ``seed``), ``vgg19``,
    ``vgg19-caffe``, ``auto`` (an installed VGG-19, else the built-in one; never a download) or the path of a
    ``.safetensors`` or ``.pth`` file. ``weights`` is the file to take for ``name``. ``pooling`` is how
    a net that pools halves its maps: ``max``, as trained, or ``average``, as Gatys et al. 2016 do. Without ``centred``
    the mean colour that it was trained with is not taken from the picture: the mistake that a study shows.

    Raises ``UnknownNameError`` on a name that is none of these, ``WeightsError`` on a file that is missing or wrong.
    """
    if pooling not in ("max", "average"):
        raise UnknownNameError("pooling", pooling, ("max", "average"))
    encoder = _load(name, weights, pooling, seed)
    if not centred:
        encoder.mean.zero_()
    return encoder


def _load(name: str, weights: Path | str | None, pooling: str, seed: int) -> ChainEncoder:
    if weights is None and name == "auto":
        name = describe_auto()[0]
    if weights is not None and name in _KINDS:
        return load_vgg(Path(weights), name, pooling)  # type: ignore[arg-type]
    if weights is not None:
        if name not in ENCODERS:
            raise UnknownNameError("encoder", name, ENCODERS)
        return _from_file(Path(weights), pooling)
    if name in _KINDS:
        return load_vgg(_installed(name), name, pooling)  # type: ignore[arg-type]
    if name in ("builtin", "random"):
        if installed("builtin") is None:
            raise WeightsError(f"the built-in encoder is missing ({BUILTIN}): install impasto again")
        builtin = load_encoder_file(BUILTIN)
        shape = (builtin.blocks, builtin.down)
        return _pooled(builtin if name == "builtin" else random_encoder(*shape, seed=seed), pooling)
    if not _is_path(name):
        raise UnknownNameError("encoder", name, ENCODERS)
    # os.path leaves a "~nobody" that is no user as it is; pathlib would raise.
    return _from_file(Path(os.path.expanduser(name)), pooling)


def _installed(name: str) -> Path:
    path = installed(name)
    if path is None:
        raise WeightsError(
            f"{name} is not installed in {home()}: run impasto models fetch {name}, or, with the file at hand, "
            f"impasto models import FILE --as {name}"
        )
    return path


def _is_path(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in (".safetensors", ".pth", ".pt") or os.sep in name or path.is_file()


def _from_file(path: Path, pooling: str) -> ChainEncoder:
    header = read_header(path)
    if header is not None and header.kind == CHAIN:
        return _pooled(load_encoder_file(path), pooling)
    kind = header.kind if header is not None else _kind_of(path)
    if kind not in _KINDS:
        raise WeightsError(f"{path} holds a {kind!r}, expected an encoder")
    return load_vgg(path, kind, pooling)  # type: ignore[arg-type]


def _kind_of(path: Path) -> str:
    """Which VGG-19 a file without impasto's header holds."""
    first = "features.0.weight"
    state: dict[str, Any] = load_tensors(path, lambda name: name == first)
    if first not in state:
        raise WeightsError(f"{path} lacks {first}: expected a VGG-19 or a file that impasto wrote")
    if state[first].ndim == 4 and state[first].numel() <= 1 << 20 and (kind := guess_kind(state[first])):
        return kind
    raise InputError(
        f"cannot tell which kind of VGG-19 {path} is: run impasto models import {path} --as {' or --as '.join(_KINDS)}"
    )


def _pooled(encoder: ChainEncoder, pooling: str) -> ChainEncoder:
    """Average pooling where it was asked for; without being asked, a net keeps the way it was trained with."""
    if pooling == "average":
        if encoder.down == "conv":
            raise InputError(
                f"pooling 'average': the encoder {encoder.name!r} halves its maps with convolutions; it takes a VGG-19"
            )
        encoder.down = "average"
    return encoder
