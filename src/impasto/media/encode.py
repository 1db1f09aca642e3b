"""Pixels to picture files: the bytes of a PNG, JPEG, TIFF, WebP or BMP. The same pixels give the same bytes.

PNG and TIFF are written here, since Pillow writes no colour at 16 bits; the others by Pillow. All but BMP say that they
are sRGB.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import InputError
from impasto.media.metadata import PNG_KEY, marked, recipe_bytes, with_comments, with_exif
from impasto.media.profile import srgb_icc

__all__ = ["DEEP", "LONGEST", "TRANSPARENT", "encode"]

Array = NDArray[Any]

DEEP = (".png", ".tif", ".tiff")  # can hold 16 bits
TRANSPARENT = (".png", ".tif", ".tiff", ".webp")
LONGEST = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}  # pixels a side that the format can hold


def encode(pixels: Array, suffix: str, *, quality: int = 95, recipe: str | None = None) -> bytes:
    """The file for ``pixels`` (H, W, 3 or 4), uint8 or uint16; ``suffix`` as ".png" says which kind.

    ``quality`` 1..100 is of JPEG and WebP; WebP at 100 is lossless. Alpha and 16 bits only where the format has them.
    """
    if suffix == ".png":
        return _png(pixels, recipe)
    if suffix in (".tif", ".tiff"):
        return _tiff(pixels, recipe)
    picture, file = Image.fromarray(pixels), io.BytesIO()
    if suffix in (".jpg", ".jpeg"):
        # 4:4:4: strokes have edges in colour as sharp as those in light.
        picture.save(file, "JPEG", quality=quality, subsampling="4:4:4", icc_profile=srgb_icc())
        return file.getvalue() if recipe is None else with_comments(file.getvalue(), recipe)
    if suffix == ".webp":
        exif = b"" if recipe is None else with_exif(recipe)
        # To WebP the quality of a lossless picture is the effort. exact: keeps the colours under transparent pixels.
        how = {"lossless": True, "quality": 75} if quality == 100 else {"quality": quality}
        picture.save(file, "WEBP", **how, exact=True, icc_profile=srgb_icc(), exif=exif)
        return file.getvalue()
    if suffix == ".bmp":
        picture.save(file, "BMP")
        return file.getvalue()
    raise InputError(f"no picture is written as {suffix!r}")


def _png(pixels: Array, recipe: str | None) -> bytes:
    """PNG of 8 or 16 bits (W3C PNG, 3rd edition)."""
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    file = io.BytesIO()

    def chunk(name: bytes, data: bytes) -> None:
        file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))

    file.write(b"\x89PNG\r\n\x1a\n")
    chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 6 if channels == 4 else 2, 0, 0, 0))
    chunk(b"sRGB", b"\0")
    if recipe is not None:
        chunk(b"iTXt", PNG_KEY.encode() + b"\0\0\0\0\0" + recipe_bytes(recipe))
    packer = zlib.compressobj(6)
    waiting = bytearray()
    for row in _filtered(pixels):
        waiting += packer.compress(row)
        if len(waiting) > 1 << 20:
            chunk(b"IDAT", bytes(waiting))
            waiting.clear()
    chunk(b"IDAT", bytes(waiting + packer.flush()))
    chunk(b"IEND", b"")
    return file.getvalue()


def _filtered(pixels: Array) -> Iterator[bytes]:
    """The rows of a PNG, each with the filter that leaves the smallest bytes (the heuristic of the standard)."""
    step = pixels.shape[2] * pixels.dtype.itemsize  # bytes from a pixel to the next
    above = np.zeros(pixels.shape[1] * step + step, np.int16)  # with one pixel of zeros to the left
    for row in pixels:
        here = np.zeros_like(above)
        here[step:] = np.frombuffer(row.astype(row.dtype.newbyteorder(">")).tobytes(), np.uint8)
        x, a, b, c = here[step:], here[:-step], above[step:], above[:-step]
        across, down = b - c, a - c  # |p - a|, |p - b| and |p - c| with p = a + b - c, of Paeth
        pa, pb, pc = np.abs(across), np.abs(down), np.abs(across + down)
        paeth = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))
        tries = np.stack([x, x - a, x - b, x - (a + b) // 2, x - paeth]).astype(np.uint8)
        best = int(np.abs(tries.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64).argmin())
        yield bytes([best]) + tries[best].tobytes()
        above = here


def _tiff(pixels: Array, recipe: str | None) -> bytes:
    """TIFF 6.0 of 8 or 16 bits: little-endian, deflate in strips, each pixel as its difference to the left one."""
    height, width, channels = pixels.shape
    kind = pixels.dtype.newbyteorder("<")
    rows = max(1, (1 << 20) // (width * channels * kind.itemsize))
    file = io.BytesIO(b"II*\0\0\0\0\0")
    file.seek(8)
    starts, sizes = [], []
    for top in range(0, height, rows):
        strip = pixels[top : top + rows].copy()
        strip[:, 1:] -= pixels[top : top + rows, :-1]
        starts.append(file.tell())
        sizes.append(file.write(zlib.compress(strip.astype(kind).tobytes(), 6)))
    tags: list[tuple[int, str, tuple[int, ...] | bytes]] = [  # in rising order, as the standard wants them
        (256, "I", (width,)),
        (257, "I", (height,)),
        (258, "H", (8 * kind.itemsize,) * channels),
        (259, "H", (8,)),  # deflate
        (262, "H", (2,)),  # RGB
        *([(270, "s", marked(recipe) + b"\0")] if recipe is not None else []),
        (273, "I", tuple(starts)),
        (277, "H", (channels,)),
        (278, "I", (rows,)),
        (279, "I", tuple(sizes)),
        (284, "H", (1,)),  # red, green, blue together
        (317, "H", (2,)),  # differences
        *([(338, "H", (2,))] if channels == 4 else []),  # alpha, not multiplied in
        (34675, "u", srgb_icc()),
    ]
    file.seek(0, io.SEEK_END)
    _write_tags(file, tags)
    if file.tell() >= 1 << 32:
        raise InputError("the picture needs more than the 4 GB that a TIFF can hold: save it as PNG")
    return file.getvalue()


def _write_tags(file: io.BytesIO, tags: list[tuple[int, str, tuple[int, ...] | bytes]]) -> None:
    """The directory of a TIFF at the end of ``file``, and its place in the header."""
    codes = {"s": 2, "H": 3, "I": 4, "u": 7}  # text, 16 bits, 32 bits, bytes
    entries = []
    for tag, kind, value in tags:
        data = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{kind}", *value)
        if len(data) > 4:  # only four bytes fit into the entry itself
            file.write(b"\0" * (file.tell() % 2))
            start = file.tell()
            file.write(data)
            data = struct.pack("<I", start)
        entries.append(struct.pack("<HHI", tag, codes[kind], len(value)) + data.ljust(4, b"\0"))
    file.write(b"\0" * (file.tell() % 2))
    place = file.tell()
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0")
    file.seek(4)
    file.write(struct.pack("<I", place))
    file.seek(0, io.SEEK_END)
