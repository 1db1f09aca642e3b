"""What a chain of convolutions is made of, each unit in a word. Needs no torch, so that options can read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from impasto.errors import InputError

__all__ = ["Unit", "words"]

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
