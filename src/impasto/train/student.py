"""The net that is distilled, with its scaffolding: normalisation, and taps that answer in the teacher's channels."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.see.encoder import ChainEncoder, Down
from impasto.train.normed import NormedChain
from impasto.train.options import DistilOptions

__all__ = ["SHAPE", "Student", "shape_of", "student_of"]

SHAPE = frozenset({"blocks", "places", "bare"})  # options that a student can grow into


class Student(NormedChain):
    """A chain with batch normalisation whose taps answer in the teacher's channels; for training only."""

    def __init__(
        self,
        blocks: Sequence[Sequence[int | str]],
        down: Down,
        taps: Mapping[str, int],
        places: Mapping[str, str] | None = None,
        bare: Sequence[str] = (),
    ) -> None:
        super().__init__(blocks, down=down, taps=taps, places=places, bare=bare, name="student", momentum=0.02)
        self.still = 0  # so many blocks only look: no gradient reaches them
        self.widths: dict[str, int] = {}  # of taps that are narrower still
        self.scales: Tensor
        # The teacher's maps run into the hundreds: the heads answer in units of each tap's own size.
        self.register_buffer("scales", torch.ones(len(taps)))

    @contextmanager
    def seen_by(self, unit: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
        """Within, ``unit`` stands in the place of the method of that name; in evaluation."""
        training, self.unit = self.training, unit  # type: ignore[method-assign, assignment]
        self.eval()
        try:
            yield
        finally:
            del self.unit  # type: ignore[method-assign]
            self.train(training)

    def unit(self, index: int, x: Tensor) -> Tensor:
        if int(self._plan[index][0][4]) > self.still:
            return super().unit(index, x)
        with torch.no_grad():
            return super().unit(index, x)

    def front(self, image: Tensor, block: int) -> Tensor:
        """What ``block`` is shown of ``image``."""
        x = (image - self.mean).contiguous(memory_format=torch.channels_last)
        first = self._first(block)
        x, _ = self.along(x, (), stop=first)
        return self.halved(x) if self._plan[first][1] else x

    def behind(self, x: Tensor, wanted: Sequence[str], block: int) -> dict[str, Tensor]:
        """The answers at ``wanted``, of ``block`` and later ones, to what ``front`` gave."""
        return self.along(x, wanted, self._first(block))[1]

    def _first(self, block: int) -> int:
        """The place in the chain where ``block`` begins."""
        found = [index for index, (layer, _) in enumerate(self._plan) if int(layer[4]) == block]
        if not found:
            raise InputError(f"there is no block {block}")
        return found[0]

    def block(self, parameter: str) -> int:
        """The block, from 1, that a parameter of that name belongs to."""
        kind, which = parameter.split(".")[:2]
        layer = self.places.get(which, which) if kind == "taps" else self._plan[int(which)][0]
        return int(layer[4])

    @torch.no_grad()
    def narrowed(self, widths: Mapping[str, int], images: Tensor) -> Student:
        """A copy whose answers at some taps span ``widths`` directions only: those of most energy on ``images``.

        A shallow tap in few channels saves arithmetic where the maps are largest.
        """
        seen: dict[str, Tensor] = {}

        def spy(index: int, x: Tensor) -> Tensor:
            out = type(self).unit(self, index, x)
            flat = out.transpose(0, 1).flatten(1)
            flat = flat[:, :: max(1, flat.shape[1] // 50_000)].double()
            seen[self._plan[index][0]] = torch.cat([flat, flat.new_ones(1, flat.shape[1])])
            return out

        new = copy.deepcopy(self).eval()
        with self.seen_by(spy):
            self(images, list(widths))
        for tap, width in widths.items():
            head: Any = new.taps[tap]
            wide = torch.cat([head.weight.flatten(1), head.bias[:, None]], 1).double()
            maps = wide @ seen[self.places.get(tap, tap)]
            basis = torch.linalg.eigh(maps @ maps.mT)[1][:, -width:]
            few = (basis @ (basis.mT @ wide)).float()
            head.weight.copy_(few[:, :-1, None, None])
            head.bias.copy_(few[:, -1])
        new.widths = {**self.widths, **widths}
        return new

    @torch.no_grad()
    def folded(self, name: str = "builtin") -> ChainEncoder:
        """The same eyes without the scaffolding: no normalisation, and taps as narrow as the student's own maps."""
        convs: Any = self.convs
        channels = dict(zip((layer for layer, _ in self._plan), (int(c.out_channels) for c in convs), strict=True))
        taps = {
            layer.name: min(
                channels[self.places.get(layer.name, layer.name)],
                layer.channels,
                self.widths.get(layer.name, layer.channels),
            )
            for layer in self.layers
        }
        slim = ChainEncoder(self.blocks, down=self.down, taps=taps, places=self.places, bare=self.bare, name=name)
        self.fold_into(slim)
        for layer, head in self.taps.items():
            wide = torch.cat([head.weight.flatten(1), head.bias[:, None]], 1).double()  # type: ignore  # (T, C + 1)
            _, scale, basis = torch.linalg.svd(wide, full_matrices=False)
            root = (scale[:, None] * basis)[: taps[layer]].float()  # its Gram is that of `wide`, all but the last value
            slim.taps[layer].weight.copy_(root[:, :-1, None, None])  # type: ignore
            slim.taps[layer].bias.copy_(root[:, -1])  # type: ignore
        return slim.eval()


def student_of(options: DistilOptions, channels: Mapping[str, int]) -> Student:
    """A new student; ``channels`` are the teacher's at each tap."""
    return Student(options.blocks, options.down, channels, dict(options.places), options.bare)


def shape_of(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``saved`` that shape a student; a checkpoint does not tell tuples from lists."""
    blocks = tuple(tuple(block) for block in saved["blocks"])
    places = tuple((tap, place) for tap, place in saved.get("places", ()))
    return {"blocks": blocks, "places": places, "bare": tuple(saved.get("bare", ()))}
