"""A chain that is easier to train: batch normalisation behind each convolution, folded into the weights at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.see.encoder import ChainEncoder, Down

__all__ = ["NormedChain"]


class NormedChain(ChainEncoder):
    """A ``ChainEncoder`` with batch normalisation (Ioffe and Szegedy 2015) in training; ``plain`` is what ships.

    Without normalisation a distillation was three times slower to the same point.
    """

    def __init__(
        self,
        blocks: Sequence[Sequence[int]],
        *,
        down: Down = "max",
        taps: Mapping[str, int] | None = None,
        places: Mapping[str, str] | None = None,
        bare: Sequence[str] = (),
        name: str = "encoder",
        momentum: float = 0.1,
    ) -> None:
        super().__init__(blocks, down=down, taps=taps, places=places, bare=bare, name=name)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(conv.out_channels, momentum=momentum)  # type: ignore[arg-type]
            for conv in self.convs
        )

    def unit(self, index: int, x: Tensor) -> Tensor:
        """Convolution ``index``, without its bias, its normalisation and its ReLU."""
        conv: Any = self.convs[index]
        if index == 0:
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), conv.weight)
        else:
            x = F.conv2d(x, conv.weight, stride=conv.stride, padding=conv.padding)
        return F.relu(self.norms[index](x))

    @torch.no_grad()
    def fold_into(self, plain: ChainEncoder) -> None:
        """Give ``plain``, of the same blocks, convolutions that answer as these do in evaluation."""
        units: Any = zip(self.convs, self.norms, plain.convs, strict=True)
        for conv, norm, new in units:
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            new.weight.copy_(conv.weight * gain[:, None, None, None])
            new.bias.copy_(norm.bias - norm.running_mean * gain)
        plain.mean.copy_(self.mean)

    def plain(self, name: str) -> ChainEncoder:
        """The same eyes without normalisation, on the CPU: every layer as it is."""
        plain = ChainEncoder(self.blocks, down=self.down, name=name)
        self.fold_into(plain)
        return plain.eval()
