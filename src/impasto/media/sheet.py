"""Pictures side by side on white paper, each with a few words under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from impasto.media.image import resize_to

__all__ = ["sheet", "sheet_size"]

_INK = 60 / 255


def sheet(rows: Sequence[Sequence[tuple[Tensor | None, str]]], height: int, width: int) -> Tensor:
    """Rows of ``(picture, words)`` as one picture ``(1, 3, H, W)``, every cell ``height`` × ``width`` pixels.

    A picture of other proportions is fitted into its cell; None leaves it empty. The words stand below, shortened where
    there is no room for them. ``sheet_size`` tells H and W beforehand.
    """
    whole = torch.ones(1, 3, *sheet_size(rows, height, width))
    gap, room = _spaces(height, width)
    top = 0
    for row in rows:
        for place, (picture, words) in enumerate(row):
            left = place * (width + gap)
            if picture is not None:
                scale = min(height / picture.shape[2], width / picture.shape[3])
                shape = max(1, round(picture.shape[2] * scale)), max(1, round(picture.shape[3] * scale))
                fitted = resize_to(picture.detach().float().cpu(), *shape)
                y, x = top + (height - shape[0]) // 2, left + (width - shape[1]) // 2
                whole[:, :, y : y + shape[0], x : x + shape[1]] = fitted
            whole[:, :, top + height : top + height + room, left : left + width] = _words(words, room, width)
        top += height + room + gap
    return whole


def sheet_size(rows: Sequence[Sequence[object]], height: int, width: int) -> tuple[int, int]:
    """Height and width of a ``sheet`` of these rows."""
    gap, room = _spaces(height, width)
    most = max(len(row) for row in rows)
    return len(rows) * (height + room + gap) - gap, most * (width + gap) - gap


def _spaces(height: int, width: int) -> tuple[int, int]:
    """Pixels between cells, and those for the words below one."""
    return max(2, min(height, width) // 64), max(14, width // 9)


def _words(words: str, height: int, width: int) -> Tensor:
    """Dark words in the middle of a white strip ``(1, 3, height, width)``."""
    strip = Image.new("L", (width, height), 255)
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(size=max(9, round(height * 0.55)))
    while words and pen.textlength(words, font=font) > width:
        words = words.rstrip("…")[:-1] + "…" if len(words.rstrip("…")) > 1 else ""
    pen.text((width / 2, height / 2), words, 0, font, anchor="mm")
    grey = torch.from_numpy(np.asarray(strip, dtype=np.float32) / 255)
    return (_INK + (1 - _INK) * grey).expand(1, 3, height, width)
