"""Several pictures on one sheet, side by side, each with a line under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from impasto.errors import InputError

__all__ = ["contact_strip"]

_PAPER, _INK = (255, 255, 255), (60, 60, 60)


def contact_strip(pictures: Sequence[tuple[Tensor, str]]) -> Tensor:
    """``(1, 3, H, W)``, 0..1: images ``(1, 3, h, w)`` of one height in a row on white, their labels below.

    Type and gaps grow with the pictures; a label too long for its picture is cut short.
    """
    if not pictures:
        raise InputError("no pictures for a sheet: give one at least")
    height = pictures[0][0].shape[2]
    gap = max(4, height // 64)
    font = ImageFont.load_default(size=max(11, height // 22))
    room = round(font.size * 1.8) if isinstance(font, ImageFont.FreeTypeFont) else 20
    width = sum(image.shape[3] for image, _ in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, height + room), _PAPER)
    pen, left = ImageDraw.Draw(sheet), 0
    for image, label in pictures:
        if image.shape[2] != height:
            raise InputError(f"a picture {image.shape[2]} pixels high on a sheet of {height}: expected one height")
        codes = (image[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().cpu().numpy()
        sheet.paste(Image.fromarray(codes), (left, 0))
        wide = image.shape[3]
        while len(label) > 1 and pen.textlength(label, font) > wide:
            label = label[:-2] + "…"
        pen.text((left + wide / 2, height + room / 2), label, _INK, font, anchor="mm")
        left += wide + gap
    return torch.from_numpy(np.asarray(sheet).copy()).permute(2, 0, 1)[None].float() / 255
