"""A chain that is easier to train: batch normalisation behind each convolution, folded into the weights at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.see.encoder import ChainEncoder, Down
from impasto.see.residual import Residual

__all__ = ["NormedChain"]

_FIRST = 0.3  # what a residual adds at first: a deep net then begins as a shallow one


class NormedChain(ChainEncoder):
    """A ``ChainEncoder`` with batch normalisation (Ioffe and Szegedy 2015) in training; ``plain`` is what ships.

    Without normalisation a distillation was three times slower to the same point.
    """

    def __init__(
        self,
        blocks: Sequence[Sequence[int | str]],
        *,
        down: Down = "max",
        taps: Mapping[str, int] | None = None,
        places: Mapping[str, str] | None = None,
        bare: Sequence[str] = (),
        name: str = "encoder",
        momentum: float = 0.1,
    ) -> None:
        super().__init__(blocks, down=down, taps=taps, places=places, bare=bare, name=name)
        self.norms = nn.ModuleList(_norm(conv, momentum) for conv in self.convs)

    def unit(self, index: int, x: Tensor) -> Tensor:
        """Convolution ``index``, without its bias, its normalisation and its ReLU, or a residual with its two."""
        conv: Any = self.convs[index]
        if isinstance(conv, Residual):
            norms: Any = self.norms[index]
            inside, behind = norms
            hidden = F.relu(inside(F.conv2d(conv.depth(x), conv.wide.weight)))
            return x + behind(F.conv2d(hidden, conv.narrow.weight))  # type: ignore[no-any-return]
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
            if isinstance(conv, Residual):
                new.depth.weight.copy_(conv.depth.weight)
                _fold(conv.wide, norm[0], new.wide)
                _fold(conv.narrow, norm[1], new.narrow)
            else:
                _fold(conv, norm, new)
        plain.mean.copy_(self.mean)

    def plain(self, name: str) -> ChainEncoder:
        """The same eyes without normalisation, on the CPU: every layer as it is."""
        plain = ChainEncoder(self.blocks, down=self.down, name=name)
        self.fold_into(plain)
        return plain.eval()


def _norm(conv: Any, momentum: float) -> nn.Module:
    if not isinstance(conv, Residual):
        return nn.BatchNorm2d(conv.out_channels, momentum=momentum)
    inside, behind = (nn.BatchNorm2d(width, momentum=momentum) for width in (conv.hidden, conv.out_channels))
    nn.init.constant_(behind.weight, _FIRST)
    return nn.ModuleList([inside, behind])


def _fold(conv: nn.Conv2d, norm: Any, new: nn.Conv2d) -> None:
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    new.weight.copy_(conv.weight * gain[:, None, None, None])
    new.bias.copy_(norm.bias - norm.running_mean * gain)  # type: ignore[union-attr]
