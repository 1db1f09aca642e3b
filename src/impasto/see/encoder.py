"""How a picture is seen: an image in, named feature maps out.

Every encoder of the package is a chain of convolutions and ReLUs in blocks, as VGG-19 is (Simonyan and Zisserman
2015), so one class holds them all: VGG-19 itself, the built-in student distilled from it, and nets trained on small
data sets. Any other ``Encoder`` with the same call works as well.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from impasto.errors import InputError, UnknownNameError
from impasto.see.residual import Residual
from impasto.see.unit import Unit

__all__ = ["VGG19_BLOCKS", "ChainEncoder", "Encoder", "Features", "Layer", "canonical_layer"]

Features = Mapping[str, Tensor]
Down = Literal["max", "average", "conv"]
Edge = Literal["repeat", "mean"]

VGG19_BLOCKS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)

# Pixels of a picture up to which all maps are kept for the way back: 1024×768, and in 16 bits no block of a large one.
_WHOLE = 800_000

_ALIAS = re.compile(r"^(?:relu|conv|r|block)_?(\d)(?:_|-|_conv|_relu|)(\d)$")


@dataclass(frozen=True)
class Layer:
    """One tap of an encoder: ``channels`` maps at every ``stride``-th pixel."""

    name: str
    channels: int
    stride: int


def canonical_layer(name: str, known: Sequence[str]) -> str:
    """The field's many spellings of one layer (``relu3_1``, ``conv3_1``, ``block3_conv1``) as ``relu3_1``.

    All of them mean the map after the ReLU, as in Gatys et al. 2016. Raises ``UnknownNameError`` with the nearest name.
    """
    given = name.strip()
    if given in known:
        return given
    match = _ALIAS.match(given.lower())
    if match and (canonical := f"relu{match[1]}_{match[2]}") in known:
        return canonical
    raise UnknownNameError("layer", canonical if match else given, known)


class Encoder(nn.Module):
    """An image ``(B, 3, H, W)``, sRGB, 0..1, becomes a mapping from layer names to maps ``(B, C, H/stride, W/stride)``.

    ``"pixels"`` is always a layer: the image itself. ``content_layers`` and ``style_layers`` are the encoder's own good
    defaults; ``name`` is what a result's recipe records. A side that is no multiple of the coarsest stride has a rest at its
    end: ``fills`` says that ``forward`` makes it one first, by ``filled``. Else no deep layer sees the rest, and colours run
    wild there.
    """

    name: str = "encoder"
    layers: tuple[Layer, ...] = ()
    content_layers: tuple[str, ...] = ()
    style_layers: tuple[str, ...] = ()
    content_weights: Mapping[str, float] = MappingProxyType({})  # of content_layers; none: they count the same
    radius: int = 0  # pixels that the deepest layer sees to each side; tiling needs it
    fills: bool = False
    balance: float = 1.0  # factor on the content weight at which --strength 50 is as balanced as with VGG-19

    def forward(self, image: Tensor, wanted: Iterable[str]) -> Features:
        """The maps of ``wanted``; computing stops at the deepest one."""
        raise NotImplementedError

    def footprint(self) -> float:
        """Bytes of memory that one pixel takes while its gradient is computed; 0 where it is not known."""
        return 0.0

    def resolve(self, names: Iterable[str]) -> tuple[str, ...]:
        """Layer names in any of the field's spellings, as this encoder's own, doubles dropped."""
        known = ("pixels", *(layer.name for layer in self.layers))
        return tuple(dict.fromkeys(canonical_layer(name, known) for name in names))

    def stride(self, name: str) -> int:
        """How many pixels of the image lie between two neighbours of the map ``name``."""
        return 1 if name == "pixels" else next(layer.stride for layer in self.layers if layer.name == name)

    @property
    def coarsest(self) -> int:
        """The stride of the deepest layer."""
        return max(layer.stride for layer in self.layers)

    def extent(self, name: str, image: Tensor) -> tuple[int, int]:
        """Rows and columns of the map ``name`` of ``image`` ``(B, C, H, W)``."""
        height, width = image.shape[2:]
        if name == "pixels":
            return height, width
        stride = self.stride(name)
        return max(1, self.whole(height) // stride), max(1, self.whole(width) // stride)

    def whole(self, length: int) -> int:
        """``length`` pixels, and what ``filled`` adds to them."""
        return -(-length // self.coarsest) * self.coarsest if self.fills else length

    def filled(self, x: Tensor) -> Tensor:
        """``x`` ``(B, C, H, W)`` with sides that are multiples of the coarsest stride, mirrored below and on the right.

        As it is where the encoder does not fill.
        """
        lower, right = (self.whole(length) - length for length in x.shape[2:])
        if not lower and not right:
            return x
        few = lower >= x.shape[2] or right >= x.shape[3]  # there is not as much to mirror
        return F.pad(x, (0, right, 0, lower), mode="replicate" if few else "reflect")

    def averaged(self, x: Tensor, name: str) -> Tensor:
        """``x`` ``(B, C, H, W)`` as large as the map ``name`` of a picture of that size: each place's own pixels, averaged."""
        return F.interpolate(x if name == "pixels" else self.filled(x), self.extent(name, x), mode="area")


class ChainEncoder(Encoder):
    """Blocks of 3×3 convolutions, each with a ReLU; between blocks the maps are halved.

    ``blocks`` lists the channels of every convolution by block; the output of convolution *i* of block *b* is the layer
    ``relu{b}_{i}``. In place of channels, a word of ``Unit.of`` stands for a convolution of another size or a residual.
    ``down`` is how a block hands over to the next at half the size: ``"max"`` or ``"average"`` pooling,
    or ``"conv"``: the last convolution of a block is 4×4 with stride 2. ``taps`` maps layer names to channels: such a
    layer is what a 1×1 convolution with bias reads off there, and only the layers named are offered; without it every
    layer is offered as it is. ``places`` lets a tap be read elsewhere than at the layer of its name: a student may need
    one convolution more than its teacher to see the same. Taps in ``bare`` are the chain's own map there, without a
    convolution that reads it off. The image is centred on ``mean`` first, so that half precision keeps its digits. Beyond
    the border the first convolution sees the border's pixels again, and a side that is no multiple of the coarsest stride
    is made one by its own mirror image (``edge`` ``"repeat"``). With ``"mean"`` it is as the published nets are usually run:
    the mean is seen there, and rows and columns that halving leaves over are dropped.
    """

    mean: Tensor

    def __init__(
        self,
        blocks: Sequence[Sequence[int | str]],
        *,
        down: Down = "max",
        taps: Mapping[str, int] | None = None,
        places: Mapping[str, str] | None = None,
        bare: Sequence[str] = (),
        name: str = "encoder",
    ) -> None:
        super().__init__()
        if not blocks or not all(blocks):
            raise InputError(f"blocks {blocks!r}: expected at least one convolution with at least one channel in each")
        units = [[Unit.of(word) for word in block] for block in blocks]
        if units[0][0].expansion or units[0][0].kernel != 3:  # its border is its own: see ``unit``
            raise InputError(f"blocks begin with {units[0][0].word}: expected a 3×3 convolution, as in 32")
        self.name = name
        self.blocks = tuple(tuple(unit.word for unit in block) for block in units)
        self.down: Down = down
        self.edge: Edge = "repeat"
        self.convs = nn.ModuleList()
        self.taps = nn.ModuleDict()
        self.places = dict(places or {})
        self.bare = tuple(bare)
        self._plan: list[tuple[str, bool]] = []  # (layer name, pooled before it)
        self._strides: list[int] = []  # of each unit's map
        self._read: dict[str, list[str]] = {}  # what is offered at a layer of the chain
        for tap in taps or ():
            self._read.setdefault(self.places.get(tap, tap), []).append(tap)
        layers, before, stride, radius = [], 3, 1, 0
        for b, block in enumerate(units, 1):
            for i, unit in enumerate(block, 1):
                strided = down == "conv" and i == len(block) and b < len(units)
                channels, layer = unit.channels, f"relu{b}_{i}"
                self.convs.append(_module(unit, before, strided, layer))
                self._plan.append((layer, b > 1 and i == 1 and down != "conv"))
                radius += (2 if strided else unit.kernel // 2) * stride
                stride *= 2 if strided else 1
                self._strides.append(stride)
                if taps is None:
                    self._read[layer] = [layer]
                    layers.append(Layer(layer, channels, stride))
                else:
                    for tap in self._read.get(layer, ()):
                        if tap in self.bare and taps[tap] != channels:
                            raise InputError(
                                f"{tap} is to be bare, of {taps[tap]} channels, but {layer} has {channels}"
                            )
                        layers.append(Layer(tap, taps[tap], stride))
                        if tap not in self.bare:
                            self.taps[tap] = nn.Conv2d(channels, taps[tap], 1)
                before = channels
            if down != "conv":
                radius += stride
                stride *= 2
        self.radius = radius
        if taps is not None and (missing := set(taps) - {layer.name for layer in layers}):
            raise InputError(f"taps at {sorted(missing)}: this net of blocks {self.blocks} has no such layers")
        if unused := (set(self.places) | set(self.bare)) - set(taps or ()):
            raise InputError(f"places of {sorted(unused)}: there are no such taps")
        self.layers = tuple(layers)
        offered = {layer.name for layer in layers}
        self.content_layers = ("relu4_2",) if "relu4_2" in offered else (layers[-1].name,)
        self.style_layers = tuple(f"relu{b}_1" for b in range(1, len(blocks) + 1) if f"relu{b}_1" in offered)
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5))

    @property
    def fills(self) -> bool:  # type: ignore[override]
        """Whether all of a picture is seen. Where it was not, two fifths of the lowest rows came out as pure blue or black."""
        return self.edge == "repeat"

    @property
    def plan(self) -> tuple[tuple[str, bool, int, int], ...]:
        """Of each unit: the layer behind it, whether maps are pooled before it, its stride, and its kernel's side."""
        strides = [int(conv.stride[0]) for conv in self.convs]  # type: ignore
        sides = [Unit.of(word).kernel for block in self.blocks for word in block]
        return tuple(
            (layer, halve, s, 4 if s > 1 else side)
            for (layer, halve), s, side in zip(self._plan, strides, sides, strict=True)
        )

    def read_at(self, layer: str) -> tuple[str, ...]:
        """The layers offered that are read behind the convolution ``layer``."""
        return tuple(self._read.get(layer, ()))

    @property
    def dtype(self) -> torch.dtype:
        """The precision that the convolutions run in."""
        return self.convs[0].weight.dtype  # type: ignore[return-value]

    def forward(self, image: Tensor, wanted: Iterable[str]) -> Features:
        names = set(wanted)
        maps: dict[str, Tensor] = {"pixels": image} if "pixels" in names else {}
        left = names - {"pixels"}
        if unknown := left - {layer.name for layer in self.layers}:
            raise UnknownNameError("layer", min(unknown), [layer.name for layer in self.layers])
        # Centred in full precision: only then do bfloat16's 8 bits resolve an 8-bit picture.
        x = (self.filled(image) - self.mean).to(self.dtype).contiguous(memory_format=torch.channels_last)
        read = [index for index, (layer, _) in enumerate(self._plan) if left.intersection(self.read_at(layer))]
        return maps | self.along(x, left, stop=max(read, default=-1) + 1)[1]

    def along(
        self, x: Tensor, wanted: Container[str], start: int = 0, stop: int | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The way of ``x``, which is what unit ``start`` is shown, up to unit ``stop``; and the maps of ``wanted`` read on it."""
        maps: dict[str, Tensor] = {}
        for index, (layer, halve) in list(enumerate(self._plan))[start:stop]:
            x = self.unit(index, self.halved(x) if halve and index > start else x)
            for tap in self.read_at(layer):
                if tap in wanted:
                    maps[tap] = self.taps[tap](x) if tap in self.taps else x
        return x, maps

    def footprint(self) -> float:
        size = torch.finfo(self.dtype).bits / 8
        kept, stride, widest = 0.0, 1, 0.0
        for conv, (_, halve) in zip(self.convs, self._plan, strict=True):
            if halve:  # a pooled map and, for max pooling, the 8-byte index of every maximum
                stride *= 2
                kept += conv.in_channels / stride**2 * (size + (8 if self.down == "max" else 0))  # type: ignore
            stride *= conv.stride[0]  # type: ignore
            kept += conv.out_channels / stride**2 * size  # type: ignore
            widest = max(widest, conv.out_channels / stride**2)  # type: ignore
            if isinstance(conv, Residual):  # of a picture that is not small, its inside is made anew on the way back
                widest = max(widest, (conv.in_channels + conv.hidden) / stride**2)
        # Three of the widest maps live at once on the way back, and taps and statistics are read in between.
        return kept + 4 * widest * size

    def halved(self, x: Tensor) -> Tensor:
        """What one block hands over to the next, where no convolution halves it."""
        return F.avg_pool2d(x, 2) if self.down == "average" else F.max_pool2d(x, 2)

    def unit(self, index: int, x: Tensor) -> Tensor:
        """Convolution ``index`` and its ReLU, or residual ``index``."""
        conv = self.convs[index]
        if isinstance(conv, Residual):
            # Of a large picture it forgets its inside until the way back.
            if x.requires_grad and x.shape[2] * x.shape[3] * self._strides[index] ** 2 > _WHOLE:
                return checkpoint(conv, x, use_reentrant=False, preserve_rng_state=False)  # type: ignore[no-any-return]
            return conv(x)  # type: ignore[no-any-return]
        if index == 0 and self.edge == "repeat":  # what is optimised with the mean there gets a frame along its border
            edged = _Edged.apply(x)  # type: ignore[no-untyped-call]
            return F.relu_(F.conv2d(edged, conv.weight, conv.bias, stride=conv.stride))  # type: ignore
        return F.relu_(conv(x))


class _Edged(torch.autograd.Function):
    """``x`` ``(B, C, H, W)`` with its border pixels once more around it. PyTorch's own way back takes five times as long."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return F.pad(x, (1, 1, 1, 1), mode="replicate")

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        found = grad[:, :, 1:-1].clone()
        found[:, :, 0] += grad[:, :, 0]
        found[:, :, -1] += grad[:, :, -1]
        found[..., 1] += found[..., 0]
        found[..., -2] += found[..., -1]
        return found[..., 1:-1]


def _module(unit: Unit, before: int, strided: bool, layer: str) -> nn.Module:
    """What stands behind a word of ``blocks``, on maps of ``before`` channels."""
    if unit.expansion:
        if strided or unit.channels != before:
            why = "cannot halve the map" if strided else f"has {unit.channels} channels, the map before it {before}"
            raise InputError(f"{layer}, a residual ({unit.word}), {why}: expected a convolution there")
        return Residual(before, unit.expansion, unit.kernel)
    if strided and unit.kernel != 3:
        raise InputError(f"{layer} ({unit.word}) is to halve the map, with a kernel of 4: leave out its own")
    if strided:
        return nn.Conv2d(before, unit.channels, 4, stride=2, padding=1)
    return nn.Conv2d(before, unit.channels, unit.kernel, padding=unit.kernel // 2)
