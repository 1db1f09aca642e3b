"""Colour profiles (ICC): from what a picture embeds to sRGB.

Eight-bit pictures and profiles made of tables go through LittleCMS (Pillow's ImageCms). That knows 8 bits only, so
16-bit pictures with a profile of three curves and a matrix (Adobe RGB, ProPhoto, Display P3: nearly all of them) are
computed here. A broken profile is ignored, as if there were none. ICC.1:2022 gives the format.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

__all__ = ["sixteen_to_srgb", "srgb_icc", "to_srgb"]

Array = NDArray[Any]

# Linear sRGB to XYZ under D50, as the sRGB profile of the ICC has it.
_SRGB_TO_XYZ = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
_SPACES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}


@dataclass(frozen=True)
class _Shaper:
    """A profile that is a curve per channel and, for colour, a matrix."""

    curves: Array  # (channels, 65536) float32: linear light 0..1 for each 16-bit value
    matrix: Array | None  # (3, 3) linear RGB -> linear sRGB; None for grey

    @property
    def is_srgb(self) -> bool:
        """Whether this is sRGB itself, by any name: then the pixels stay exactly as they are."""
        straight = self.matrix is None or np.abs(self.matrix - np.eye(3)).max() < 0.004
        return bool(straight and np.abs(self.curves - _srgb_to_linear(_CODES)).max() < 0.002)


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """An RGB, L or CMYK ``image`` (8 bits) as RGB in sRGB; ``icc`` is the profile that it embeds, if any."""
    return (_by_lcms(image, icc) if icc and not _is_srgb(icc) else None) or image.convert("RGB")


def sixteen_to_srgb(colour: Array, icc: bytes | None) -> Array:
    """``colour`` (H, W, 1 or 3) uint16 as sRGB: the same array when it is sRGB already, else (H, W, 3) float32 0..1."""
    channels = colour.shape[2]
    if not icc or icc[16:20] != (b"GRAY" if channels == 1 else b"RGB "):
        return colour
    shaper = _shaper(icc)
    if shaper is None:  # tables: LittleCMS, at 8 bits
        eight = (colour // 257).astype(np.uint8)
        done = _by_lcms(Image.fromarray(eight[..., 0] if channels == 1 else eight), icc)
        return colour if done is None else np.asarray(done) / np.float32(255)
    if shaper.is_srgb:
        return colour
    result = np.empty((*colour.shape[:2], 3), np.float32)
    for top in range(0, len(colour), 64):  # a few rows at a time: the intermediate values are large
        rows = colour[top : top + 64]
        linear = np.stack([curve[rows[..., c]] for c, curve in enumerate(shaper.curves)], axis=2)
        if shaper.matrix is not None:
            linear = linear @ shaper.matrix.T.astype(np.float32)
        result[top : top + 64] = _linear_to_srgb(linear)
    return result


def _by_lcms(image: Image.Image, icc: bytes) -> Image.Image | None:
    """``image`` in sRGB by LittleCMS; None if the profile is broken or of other colours than the image."""
    if icc[16:20] != _SPACES.get(image.mode):
        return None
    try:
        # Relative colorimetric with black point compensation: the default of Photoshop and of most viewers.
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.ImageCmsProfile(io.BytesIO(srgb_icc())),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def srgb_icc() -> bytes:
    """The sRGB profile that pictures are tagged with; always the same bytes."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # LittleCMS writes the time of day into bytes 24..36: the same picture must give the same file.
    return made[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + made[36:]


_CODES = np.arange(65536, dtype=np.float32) / np.float32(65535)


def _srgb_to_linear(value: Array) -> Array:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(linear: Array) -> Array:
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def _is_srgb(icc: bytes) -> bool:
    shaper = _shaper(icc)
    return shaper is not None and shaper.is_srgb


@lru_cache(maxsize=4)
def _shaper(icc: bytes) -> _Shaper | None:
    """The curves and the matrix of ``icc``; None if it is made of tables, broken, or not of grey or RGB."""
    try:
        count = struct.unpack_from(">I", icc, 128)[0]
        tags = {}
        for index in range(min(count, 200)):
            name, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * index)
            tags[name] = icc[start : start + size]
        # PCS Lab means that curves do not give light; A2B0 means tables, which go before curves.
        if icc[20:24] != b"XYZ " or b"A2B0" in tags:
            return None
        if icc[16:20] == b"GRAY":
            return _Shaper(_curve(tags[b"kTRC"])[None], None)
        if icc[16:20] != b"RGB ":
            return None
        to_xyz = np.stack([_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
    except (KeyError, struct.error, ValueError, FloatingPointError):
        return None
    return _Shaper(curves, np.linalg.inv(_SRGB_TO_XYZ) @ to_xyz)


def _fixed(tag: bytes, start: int, count: int) -> Array:
    """``count`` numbers of kind s15Fixed16."""
    return np.array(struct.unpack_from(f">{count}i", tag, start)) / 65536


def _curve(tag: bytes) -> Array:
    """A tone curve of kind curv or para, at all 16-bit values: (65536,) float32 0..1."""
    x = _CODES.astype(np.float64)
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return _CODES
        if count > 1:
            points = np.array(struct.unpack_from(f">{count}H", tag, 12)) / 65535
            return np.interp(x, np.linspace(0, 1, count), points).astype(np.float32)
        g, a, b, c, d, e, f = struct.unpack_from(">H", tag, 12)[0] / 256, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    elif tag[:4] == b"para":
        kind = struct.unpack_from(">H", tag, 8)[0]
        p = [float(value) for value in _fixed(tag, 12, (1, 3, 4, 5, 7)[kind])] if kind < 5 else []
        if not p or (kind in (1, 2) and p[1] == 0):
            raise ValueError("no such curve")
        # All five kinds as the last: (a x + b)^g + e from d on, c x + f below.
        if kind == 0:
            g, a, b, c, d, e, f = p[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        elif kind in (1, 2):
            shift = p[3] if kind == 2 else 0.0
            g, a, b, c, d, e, f = p[0], p[1], p[2], 0.0, -p[2] / p[1], shift, shift
        else:
            g, a, b, c, d = p[:5]
            e, f = (p[5], p[6]) if kind == 4 else (0.0, 0.0)
    else:
        raise ValueError("no such curve")
    bent = np.maximum(a * x + b, 0) ** g + e
    return np.clip(np.where(x >= d, bent, c * x + f), 0, 1).astype(np.float32)
