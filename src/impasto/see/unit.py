"""What a chain of convolutions is made of: each unit in a word, and the module that the word stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import InputError

__all__ = ["Residual", "Unit", "words"]

_WORD = re.compile(r"^([1-9]\d{0,4})(?:r([1-9]\d?))?(?:k([1357]))?$")


@dataclass(frozen=True)
class Unit:
    """One unit of a chain: ``channels`` out of it, through a square ``kernel`` of so many pixels a side.

    With ``expansion`` 0 it is a convolution and a ReLU; else it adds to its input what an inverted residual finds there.
    """

    channels: int
    expansion: int = 0
    kernel: int = 3

    @classmethod
    def of(cls, word: int | str) -> Unit:
        """``160`` (a 3×3 convolution), ``"256k1"`` (a 1×1 convolution), ``"192r2"`` or ``"192r2k5"`` (a residual).

        ``InputError`` on anything else.
        """
        match = _WORD.match(str(word)) if type(word) in (int, str) else None
        if match is None:
            raise InputError(f"{word!r} is no unit of a net: expected channels, as in 160, 256k1, 192r2 or 192r2k5")
        return cls(int(match[1]), int(match[2] or 0), int(match[3] or 3))

    @property
    def word(self) -> int | str:
        """The word that ``of`` reads; a number where it is a plain 3×3 convolution."""
        text = f"{self.channels}{f'r{self.expansion}' * bool(self.expansion)}{f'k{self.kernel}' * (self.kernel != 3)}"
        return int(text) if text.isdigit() else text


def words(blocks: Sequence[Sequence[int | str]]) -> str:
    """``blocks`` as they are typed: ``32,20/64,56``."""
    return "/".join(",".join(str(Unit.of(word).word) for word in block) for block in blocks)


class Residual(nn.Module):
    """An inverted residual (Sandler et al. 2018): each channel's own ``kernel``, up ``expansion`` times, a ReLU, and down.

    ``(B, C, H, W)`` to ``(B, C, H, W)``. It sees as much as a convolution of as many channels for a part of its
    arithmetic: half of it, with an expansion of 2.
    """

    stride = (1, 1)

    def __init__(self, channels: int, expansion: int, kernel: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = channels
        self.hidden = channels * expansion
        self.depth = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        self.wide = nn.Conv2d(channels, self.hidden, 1)
        self.narrow = nn.Conv2d(self.hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        # Not in place: what is added to may be a tap's map.
        found: Tensor = self.narrow(F.relu_(self.wide(self.depth(x))))
        return x + found
