"""VGG-19 in the two forms it is published in, as one encoder; and how a file of either is installed.

torchvision's net wants RGB, 0..1, less a mean and over a standard deviation; Oxford's (Caffe) wants BGR, 0..255, less a
mean. Scale and channel order go into the first convolution, the mean into the encoder's own centring. The encoder
repeats the border pixels before that convolution, so the fold is exact up to the last pixel.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import WeightsError
from impasto.see.encoder import VGG19_BLOCKS, ChainEncoder, Down
from impasto.see.fetch import file_sha256
from impasto.see.known import home, known
from impasto.see.weights import build_chain, checked, load_tensors, read_header, save_weights, tensors_digest

__all__ = ["guess_kind", "install", "load_vgg"]

Blocks = tuple[tuple[int, ...], ...]

_TENSOR = re.compile(r"features\.\d{1,2}\.(?:weight|bias)")

# Each net's first filter on its first input channel (torchvision: red, Oxford: blue), row by row: its fingerprint.
_FINGERPRINTS = {
    "vgg19": (-0.053474, -0.049257, -0.067942, 0.015314, 0.045068, 0.002144, 0.036226, 0.019999, 0.019864),
    "vgg19-caffe": (0.341195, 0.339992, -0.044844, 0.232159, 0.089782, -0.303314, -0.072609, -0.246675, -0.336833),
}


def load_vgg(path: Path, kind: str, down: Down = "max", *, trusted: bool = False) -> ChainEncoder:
    """The convolutions of a VGG-19 file of ``kind`` ``vgg19`` or ``vgg19-caffe``; its last block may be incomplete.

    ``WeightsError`` on a file of the other kind, unless its header or the caller (``trusted``) vouches for it.
    """
    state, blocks = _read(path, kind, trusted)
    digest = tensors_digest(state)
    weight, bias = state["features.0.weight"].double(), state["features.0.bias"]
    if kind == "vgg19":
        mean = torch.tensor([0.485, 0.456, 0.406])
        weight = weight / torch.tensor([0.229, 0.224, 0.225]).double().view(1, 3, 1, 1)
    else:
        mean = torch.tensor([123.68, 116.779, 103.939]) / 255
        weight = weight.flip(1) * 255
    tensors = {"mean": mean.view(1, 3, 1, 1), "convs.0.weight": weight, "convs.0.bias": bias}
    for i, number in enumerate(_numbers(blocks)):
        if i:
            tensors[f"convs.{i}.weight"] = state[f"features.{number}.weight"]
            tensors[f"convs.{i}.bias"] = state[f"features.{number}.bias"]
    return build_chain(path, tensors, blocks, down, None, name=kind, digest=digest)


def install(source: Path, name: str, *, force: bool = False) -> Path:
    """Check a VGG-19 file and keep its convolutions as ``name`` in the folder of weights; the path of the new file.

    ``WeightsError`` on a file of the other kind unless ``force``.
    """
    item = known(name)
    state, _ = _read(source, name, force)
    target = home() / f"{name}.safetensors"
    about = {"licence": item.licence, "source": source.name, "source_sha256": file_sha256(source)}
    save_weights(target, name, state, about, name=name)
    return target


def guess_kind(weight: Tensor) -> str | None:
    """``vgg19`` or ``vgg19-caffe`` by the weights of the first convolution ``(64, 3, 3, 3)``; None for another net.

    The scale of the weights alone does not tell the two nets apart: Oxford's have a root mean square of 0.19, and
    torchvision's lie between 0.1 and 0.5 too, for inputs 60 times smaller. It does tell when it is far above both:
    then they are Oxford's weights rewritten for standardised pixels (11), which is torchvision's form.
    """
    first = weight[0, 0].flatten().double()
    for kind, values in _FINGERPRINTS.items():
        known_first = torch.tensor(values, dtype=torch.float64)
        if first.shape == known_first.shape and (first - known_first).norm() < 0.02 * known_first.norm():
            return kind
    return "vgg19" if weight.double().square().mean().sqrt() > 2 else None


def _read(path: Path, kind: str, trusted: bool) -> tuple[dict[str, Tensor], Blocks]:
    """The convolutions' tensors, as stored, and the blocks that they fill."""
    header = read_header(path)
    if header is not None and header.kind != kind and not (trusted and header.kind in _FINGERPRINTS):
        raise WeightsError(f"{path} holds a {header.kind!r}, expected a {kind!r}")
    state = load_tensors(path, lambda name: _TENSOR.fullmatch(name) is not None)
    blocks = _filled(state)
    state = checked(path, state, _shapes(blocks))
    if header is not None and header.sha256 != (found := tensors_digest(state)):
        raise WeightsError(f"{path} is damaged: its checksum is {found[:12]}…, expected {header.sha256[:12]}…")
    looks = guess_kind(state["features.0.weight"])
    if header is None and not trusted and looks not in (None, kind):
        raise WeightsError(
            f"{path} looks like {looks}, not {kind}: the wrong one sees wrong colours and contrasts; "
            f"take it as {looks}, or import it with --force if it is right"
        )
    return state, blocks


def _numbers(blocks: Blocks) -> list[int]:
    """The convolutions' numbers in torchvision's list: each is followed by a ReLU, each block by a pooling."""
    sizes = [len(block) for block in blocks]
    return [2 * i + b for b in range(len(sizes)) for i in range(sum(sizes[:b]), sum(sizes[: b + 1]))]


def _filled(state: dict[str, Tensor]) -> Blocks:
    """VGG-19's blocks, the last one as far as the file has it: its first convolution is the least."""
    *whole, last = VGG19_BLOCKS
    numbers = _numbers(VGG19_BLOCKS)[-len(last) :]
    count = next((i for i, number in enumerate(numbers) if f"features.{number}.weight" not in state), len(last))
    return (*whole, last[: max(count, 1)])


def _shapes(blocks: Blocks) -> dict[str, tuple[int, ...]]:
    out: dict[str, tuple[int, ...]] = {}
    before = 3
    for number, channels in zip(_numbers(blocks), (c for block in blocks for c in block), strict=True):
        out[f"features.{number}.weight"] = (channels, before, 3, 3)
        out[f"features.{number}.bias"] = (channels,)
        before = channels
    return out
