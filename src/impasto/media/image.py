"""Picture files <-> tensors. No other part of the package opens a picture file, except through these functions.

An image is a float tensor (1, 3, H, W), sRGB, 0..1; an alpha or a mask is (1, 1, H, W), 0 transparent, 1 opaque.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from impasto.errors import InputError, UnknownNameError
from impasto.media.decode import decode
from impasto.media.encode import DEEP, LONGEST, TRANSPARENT, encode
from impasto.media.files import check_folder, file_sha256, open_file, shown, write_file
from impasto.media.metadata import read_recipe

__all__ = [
    "READ_SUFFIXES",
    "WRITE_SUFFIXES",
    "Picture",
    "check_writable",
    "decode_picture",
    "encode_picture",
    "file_sha256",
    "load_image",
    "load_picture",
    "read_recipe",
    "resize",
    "resize_to",
    "save_image",
    "sized",
]

# By these a folder is searched for pictures; reading itself goes by the file's first bytes.
READ_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"),
    *(".heic", ".heif", ".avif"),
)
WRITE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")


@dataclass(frozen=True)
class Picture:
    """What a picture file holds."""

    image: Tensor  # (1, 3, H, W) float32, sRGB, 0..1
    alpha: Tensor | None  # (1, 1, H, W) float32, 0..1; None where every pixel is opaque
    bits: int  # 8 or 16, as in the file


def load_picture(path: Path | str, *, allow_huge: bool = False) -> Picture:
    """The picture at ``path``: upright, in sRGB, the first frame if there are several.

    JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF, and HEIC with ``impasto[heic]``. Raises ``MediaError`` when the file cannot
    be read, and above 100 megapixels unless ``allow_huge``.
    """
    with open_file(path) as stream:
        return _picture(stream, shown(path), allow_huge)


def load_image(path: Path | str, *, allow_huge: bool = False) -> Tensor:
    """``load_picture(path).image``: (1, 3, H, W) sRGB, 0..1."""
    return load_picture(path, allow_huge=allow_huge).image


def decode_picture(data: bytes, name: str, *, allow_huge: bool = False) -> Picture:
    """``load_picture`` of a file's bytes, as from an archive; ``name`` is what errors call it."""
    return _picture(io.BytesIO(data), shown(name), allow_huge)


def save_image(
    image: Tensor,
    path: Path | str,
    *,
    alpha: Tensor | None = None,
    bits: int = 8,
    quality: int = 95,
    recipe: str | None = None,
) -> None:
    """Write ``image`` (1, 3, H, W), sRGB 0..1 (cut to that range), as the suffix of ``path`` says: ``WRITE_SUFFIXES``.

    ``alpha`` (1, 1, H, W) is kept in PNG, TIFF and WebP; JPEG and BMP have none, there the picture is laid on white.
    ``bits=16`` for PNG and TIFF. ``quality`` (1..100) is of JPEG and WebP; WebP at 100 is lossless. ``recipe`` is a
    text that ``read_recipe`` finds again; BMP leaves it out.

    The file appears whole or not at all, and the same input gives the same bytes. Raises ``InputError`` for an image or
    an option that does not fit, ``MediaError`` when the file cannot be written.
    """
    _check_image(image, alpha, path, quality)
    check_writable(path, bits=bits, long_side=max(image.shape[-2:]))
    pixels = _pixels(image, alpha, Path(path).suffix.lower(), bits)
    write_file(path, encode(pixels, Path(path).suffix.lower(), quality=quality, recipe=recipe))


def encode_picture(image: Tensor, suffix: str, *, alpha: Tensor | None = None, quality: int = 95) -> bytes:
    """The bytes that ``save_image`` would write, for a picture inside something else; ``suffix`` as ``".png"``."""
    _check_image(image, alpha, f"a picture as {suffix}", quality)
    if suffix not in WRITE_SUFFIXES:
        raise UnknownNameError("kind of picture to write", suffix, WRITE_SUFFIXES)
    return encode(_pixels(image, alpha, suffix, 8), suffix, quality=quality)


def check_writable(path: Path | str, *, bits: int = 8, long_side: int = 0) -> None:
    """Make sure, before hours of painting, that ``save_image(..., path, bits=bits)`` will be able to write.

    ``long_side`` in pixels, where known: WebP and JPEG have a largest size. Raises ``InputError`` for a suffix that is
    unknown or cannot hold ``bits`` or the size, ``MediaError`` for a place that cannot be written to.
    """
    suffix = Path(path).suffix.lower()
    if bits not in (8, 16):
        raise InputError(f"bits {bits!r}: expected 8 or 16")
    if not suffix:
        if Path(path).is_dir():
            check_folder(path)  # says that it is a folder, which explains more
        raise InputError(f"{shown(path)} has no suffix: add the kind of picture, as in {shown(f'{path}.png')}")
    if suffix not in WRITE_SUFFIXES:
        raise UnknownNameError("kind of picture to write", suffix, WRITE_SUFFIXES)
    if bits == 16 and suffix not in DEEP:
        raise InputError(f"{shown(path)}: {suffix} holds 8 bits only, not 16: save as .png or .tif, or use 8 bits")
    if long_side > LONGEST.get(suffix, long_side):
        raise InputError(
            f"{shown(path)}: {suffix} holds {LONGEST[suffix]} pixels a side at most, not {long_side}: "
            "save as .png or .tif"
        )
    check_folder(path)


def resize(image: Tensor, long_side: int) -> Tensor:
    """``image`` (B, C, H, W) with ``long_side`` pixels on its longer side, the other in proportion and at least 1.

    The tensor itself if it has that size already. Raises ``InputError`` if ``long_side`` is below 1.
    """
    height, width = image.shape[-2:]
    return resize_to(image, *sized(height, width, long_side))


def sized(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Height and width in proportion, with ``long_side`` pixels on the longer side and at least 1 on the other."""
    longest = max(height, width)
    return max(1, round(height * long_side / longest)), max(1, round(width * long_side / longest))


def resize_to(image: Tensor, height: int, width: int) -> Tensor:
    """``image`` (B, C, H, W) at ``height`` × ``width`` pixels, cut to 0..1: Lanczos to shrink, bicubic to enlarge.

    The tensor itself if it has that size already. Raises ``InputError`` for a size below 1.
    """
    if height < 1 or width < 1:
        raise InputError(f"cannot resize to {width}×{height} pixels: expected at least 1 a side")
    if tuple(image.shape[-2:]) == (height, width):
        return image
    if height <= image.shape[-2] and width <= image.shape[-1]:
        return _shrunk(image, height, width)
    if image.device.type == "mps":  # torch has no antialiased bicubic there (2.4)
        return resize_to(image.cpu(), height, width).to(image.device)
    sized = functional.interpolate(image, size=(height, width), mode="bicubic", align_corners=False, antialias=True)
    return sized.clamp_(0, 1)


def _shrunk(image: Tensor, height: int, width: int) -> Tensor:
    """Lanczos through Pillow, in float32: torch has none, and its bicubic takes away grain that the eye misses.

    Measured on a style at 512 px: what is optimised for the bicubic one lies 0.007 from the Lanczos one in relative Gram
    distance, as far as a hundred steps.
    """
    planes = image.detach().cpu().float().flatten(0, 1)
    sized = [Image.fromarray(plane.numpy()).resize((width, height), Image.Resampling.LANCZOS) for plane in planes]
    found = torch.stack([torch.from_numpy(np.array(plane)) for plane in sized])
    return found.reshape(*image.shape[:2], height, width).clamp(0, 1).to(image)


def _picture(stream: BinaryIO, name: str, allow_huge: bool) -> Picture:
    pixels = decode(stream, name, allow_huge=allow_huge)
    image = _to_tensor(pixels.colour).permute(2, 0, 1)[None].contiguous()
    alpha = None
    if pixels.alpha is not None:
        alpha = _to_tensor(pixels.alpha)[None, None]
        if bool((alpha == 1).all()):
            alpha = None
    return Picture(image, alpha, pixels.bits)


def _to_tensor(values: NDArray[Any]) -> Tensor:
    """uint8, uint16 or float32 values as float32 0..1, of the same shape."""
    if values.dtype == np.float32:
        return torch.from_numpy(np.ascontiguousarray(values))
    white = np.float32(np.iinfo(values.dtype).max)
    return torch.from_numpy(np.ascontiguousarray(values.astype(np.float32) / white))


def _pixels(image: Tensor, alpha: Tensor | None, suffix: str, bits: int) -> NDArray[Any]:
    """``image`` with its ``alpha``, or laid on white where the kind of file has none, as (H, W, C) uint8 or uint16.

    A few rows at a time: at 64 megapixels each copy in float32 would take 770 MB.
    """
    height, width = image.shape[2:]
    channels = 4 if alpha is not None and suffix in TRANSPARENT else 3
    codes = np.empty((height, width, channels), np.uint8 if bits == 8 else np.uint16)
    for rows in _rows(height, width):
        strip = _plain(image[:, :, rows])
        if alpha is not None:
            cover = _plain(alpha[:, :, rows])
            strip = torch.cat([strip, cover], 1) if channels == 4 else strip * cover + (1 - cover)
        codes[rows] = (strip[0].permute(1, 2, 0) * (2**bits - 1)).round().numpy()
    return codes


def _rows(height: int, width: int) -> Iterator[slice]:
    step = max(1, (1 << 20) // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _plain(image: Tensor) -> Tensor:
    return image.detach().to("cpu", torch.float32).clamp(0, 1)


def _check_image(image: Tensor, alpha: Tensor | None, path: Path | str, quality: int) -> None:
    name = shown(path)
    if image.ndim != 4 or image.shape[:2] != (1, 3) or image.numel() == 0 or not image.is_floating_point():
        raise InputError(f"{name}: expected a float image (1, 3, H, W), not {_described(image)}")
    if alpha is not None and (alpha.shape != (1, 1, *image.shape[2:]) or not alpha.is_floating_point()):
        raise InputError(
            f"{name}: expected a float alpha {(1, 1, *image.shape[2:])} for this image, not {_described(alpha)}"
        )
    for values, what in ((image, "image"), (alpha, "alpha")):
        # By the extremes, which carry a NaN on: a mask would be as large as another picture.
        if values is not None and not all(map(math.isfinite, torch.stack(torch.aminmax(values.detach())).tolist())):
            count = int((~torch.isfinite(values)).sum())
            raise InputError(
                f"{name} was not written: {count} of {values.numel()} values of the {what} are no finite numbers "
                "(NaN); a lower --learning-rate or --precision float32 may help"
            )
    if not 1 <= quality <= 100:
        raise InputError(f"quality {quality}: expected 1 to 100")


def _described(values: Tensor) -> str:
    return f"{str(values.dtype).removeprefix('torch.')} {tuple(values.shape)}"
