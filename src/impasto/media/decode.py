"""Picture files to pixels: whatever colours a file holds, upright sRGB comes out.

Pillow does the decoding. Two things it does not do are done here: 16-bit colour at full precision (Pillow keeps the
upper 8 bits), and telling a person what is wrong with a file.
"""

from __future__ import annotations

import importlib
import os
import threading
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from impasto.errors import MediaError
from impasto.media.profile import sixteen_to_srgb, to_srgb

__all__ = ["MAX_PIXELS", "Pixels", "decode", "open_picture", "picture_kind"]

Array = NDArray[Any]

# A file of a few kilobytes can claim to be a picture that fills the memory ("decompression bomb").
MAX_PIXELS = 100_000_000

_KNOWN = "JPEG, PNG, TIFF, WebP, BMP, GIF, HEIC, AVIF"
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Pillow's tag of 16-bit pixels -> the tag under which the same bytes give the lower instead of the upper halves: the
# other byte order. "N" is the order of this machine, which is little-endian wherever torch runs.
_LOWER_HALF = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, other in (("L", "B"), ("B", "L"), ("N", "B"))
}

# Pillow's switches are global; pictures may be read in several threads.
_pillow = threading.Lock()


@dataclass(frozen=True)
class Pixels:
    """Decoded pixels: uint8 or uint16 at full range, or float32 0..1."""

    colour: Array  # (H, W, 3) sRGB
    alpha: Array | None  # (H, W), of any of the three kinds
    bits: int  # 8 or 16: of the file


def decode(stream: BinaryIO, name: str, *, allow_huge: bool = False) -> Pixels:
    """The picture in ``stream``; ``name`` is what errors call it. Raises ``MediaError``."""
    image = open_picture(stream, name)
    width, height = image.size
    if width * height > MAX_PIXELS and not allow_huge:
        raise MediaError(
            f"{name} is {width}×{height} pixels ({width * height / 1e6:.0f} megapixels), more than the "
            f"{MAX_PIXELS / 1e6:.0f} that are read unasked: pass --allow-huge if you trust it, or make it smaller"
        )
    kind = image.format
    try:
        pixels = _pixels(image, stream)
        # Pillow turns TIFF upright by itself.
        turn = 1 if kind == "TIFF" else _orientation(image)
    except MemoryError:
        raise MediaError(f"{name} ({width}×{height} pixels) does not fit in memory: make it smaller first") from None
    except Exception as error:  # on damaged files Pillow raises nearly anything
        raise MediaError(f"{name} {_what_is_wrong(stream, str(error))}") from None
    alpha = None if pixels.alpha is None else _upright(pixels.alpha, turn)
    return Pixels(_upright(pixels.colour, turn), alpha, pixels.bits)


def open_picture(stream: BinaryIO, name: str) -> Image.Image:
    """The picture's header by Pillow, its pixels not yet decoded. Raises ``MediaError`` if it is no known picture."""
    stream.seek(0)
    head = stream.read(512)
    if not head:
        raise MediaError(f"{name} is empty (0 bytes): copy or download it again")
    kind = picture_kind(head)
    if kind is None:
        what = "holds text, not a picture" if _is_text(head) else "is not a picture of a known format"
        raise MediaError(f"{name} {what}: expected {_KNOWN}")
    if kind in ("HEIF", "AVIF"):
        _register(kind, name)
    try:
        return _open(stream, kind)
    except MemoryError:
        raise MediaError(f"{name} does not fit in memory") from None
    except Exception as error:  # on damaged files Pillow raises nearly anything
        raise MediaError(f"{name} {_what_is_wrong(stream, str(error), opened=False)}") from None


def _open(stream: BinaryIO, kind: str) -> Image.Image:
    stream.seek(0)
    with _pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on odd metadata; they would land in the person's terminal
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # MAX_PIXELS stands in for it
        try:
            return Image.open(stream, formats=(kind,))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def picture_kind(head: bytes) -> str | None:
    """Pillow's name of the format, by the first bytes: names of files lie."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] in _TIFF_HEADS:
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[4:8] == b"ftyp":
        # A general brand (mif1) may stand first and the telling one among those that follow.
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4], "big"), 64), 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "AVIF"
        if any(brand in _HEIC_BRANDS for brand in brands):
            return "HEIF"
    # "BM" alone is how many a text begins; in a bitmap four reserved bytes follow the size.
    if head[:2] == b"BM" and not _is_text(head):
        return "BMP"
    return None


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")
    return (
        b"\0" not in head
        and len(text.encode()) >= len(head) - 3
        and sum(c.isprintable() for c in text) > 0.8 * len(text)
    )


def _register(kind: str, name: str) -> None:
    """Have Pillow read HEIC and AVIF; ``MediaError`` says what to install."""
    Image.init()
    if kind == "AVIF" and kind in Image.OPEN:  # Pillow's own since 11.3
        return
    try:
        heif = importlib.import_module("pillow_heif")
    except ImportError:
        also = " (or a newer Pillow: pip install -U pillow)" if kind == "AVIF" else ""
        label = "an AVIF" if kind == "AVIF" else "a HEIC"
        raise MediaError(f"{name} is {label} picture: to read it, pip install 'impasto[heic]'{also}") from None
    if kind == "HEIF":
        if kind not in Image.OPEN:
            heif.register_heif_opener()
    elif hasattr(heif, "register_avif_opener"):
        heif.register_avif_opener()
    else:
        raise MediaError(f"{name} is an AVIF picture: to read it, pip install -U pillow")


def _pixels(image: Image.Image, stream: BinaryIO) -> Pixels:
    icc = image.info.get("icc_profile")
    coded = _coded(image)
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _strips_end(image) > stream.seek(0, os.SEEK_END):
        raise ValueError("truncated")  # before libtiff sees it, which would write to the person's terminal
    if coded in _LOWER_HALF or coded.startswith("RGBa;16"):
        return _sixteen_colour(image, stream, coded, icc)
    if coded == "LA;16B":  # Pillow knows no such pixels: let it take the four bytes for red, green, blue and alpha
        _recode(image, "RGBA")
        pair = np.ascontiguousarray(np.asarray(image)).view(">u2").astype(np.uint16)
        return Pixels(_three(sixteen_to_srgb(pair[..., :1], icc)), pair[..., 1], 16)
    image.load()
    if image.mode.startswith("I;16"):
        return _sixteen_grey(image, icc)
    if image.mode in ("I", "F"):
        return Pixels(_three(_numbers(np.asarray(image))[..., None]), None, 16)
    return _eight(image, icc)


def _eight(image: Image.Image, icc: bytes | None) -> Pixels:
    alpha = None
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        # Palettes first become colours; premultiplied ones are divided by their alpha.
        grey = image.mode in ("1", "L", "LA", "La")
        straight = image.convert("LA") if image.mode == "La" else image
        full = straight.convert("RGBA")
        alpha = np.asarray(full.getchannel("A"))
        base = full.getchannel("R") if grey else full.convert("RGB")
    elif image.mode == "1":
        base = image.convert("L")
    else:
        base = image if image.mode in ("L", "CMYK") else image.convert("RGB")
    return Pixels(np.asarray(to_srgb(base, icc)), alpha, 8)


def _sixteen_colour(image: Image.Image, stream: BinaryIO, coded: str, icc: bytes | None) -> Pixels:
    """Both halves of 16-bit RGB(A): Pillow decodes the file once for the upper and once for the lower bytes."""
    coded_straight = coded.replace("RGBa", "RGBA")  # Pillow would divide by alpha at 8 bits
    lower = _open(stream, str(image.format))
    key = image.info.get("transparency")
    _recode(image, coded_straight)
    high = np.asarray(image).astype(np.uint16)
    _recode(lower, _LOWER_HALF[coded_straight])
    both = high << 8 | np.asarray(lower)
    colour = both[..., :3]
    alpha: Array | None = both[..., 3] if both.shape[2] == 4 else None
    if alpha is None and isinstance(key, tuple):  # PNG: one colour stands for "nothing here"
        alpha = np.where((colour == np.array(key, np.uint16)).all(axis=2), 0, 65535).astype(np.uint16)
    if coded != coded_straight and alpha is not None:
        solid = np.maximum(alpha, 1)[..., None].astype(np.float64)
        colour = np.minimum(np.rint(colour * (65535 / solid)), 65535).astype(np.uint16)
    return Pixels(sixteen_to_srgb(colour, icc), alpha, 16)


def _sixteen_grey(image: Image.Image, icc: bytes | None) -> Pixels:
    values = np.asarray(image).astype(np.uint16)
    key = image.info.get("transparency")
    alpha = np.where(values == key, 0, 65535).astype(np.uint16) if isinstance(key, int) else None
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
        if bits < 16:  # 12 bits come as 0..4095
            values = (values.astype(np.uint32) * 65535 // ((1 << bits) - 1)).astype(np.uint16)
        if image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:  # white is zero
            values = 65535 - values
    return Pixels(_three(sixteen_to_srgb(values[..., None], icc)), alpha, 16)


def _numbers(values: Array) -> Array:
    """Grey of 32-bit numbers as float32 0..1: no file says which number is white, so the largest one has to tell.

    Floats up to 4 are light with 1 as white (brighter is cut); else white is 255, 65535 or 2³¹-1, the first that holds
    the largest value.
    """
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no finite numbers")
    peak = float(values.max())
    if values.dtype.kind == "f" and peak <= 4:
        white = 1.0
    else:
        white = next((white for white in (255.0, 65535.0) if peak <= white), 2.0**31 - 1)
    return np.clip(values.astype(np.float64) / white, 0, 1).astype(np.float32)


def _three(grey: Array) -> Array:
    return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey


def _coded(image: Image.Image) -> str:
    """Pillow's tag for the pixels as they lie in the file, such as "RGB;16B"; empty where it says nothing of use."""
    tiles = getattr(image, "tile", [])
    if len(tiles) == 0 or image.format not in ("PNG", "TIFF"):
        return ""
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _is_planar(image):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (8,))[0]
        if bits != 16 or image.mode not in ("RGB", "RGBA") or tiles[0][0] == "libtiff":
            return ""  # where libtiff decodes planes of 16 bits, the upper bytes are all that can be had
        return f"{image.mode};16{'L' if image.tag_v2.prefix == b'II' else 'B'}"
    args = tiles[0][3]
    return str(args[0] if isinstance(args, tuple) else args)


def _is_planar(image: Image.Image) -> bool:
    """Whether the file holds all red, then all green, ..., as some TIFF do."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2)


def _strips_end(image: TiffImagePlugin.TiffImageFile) -> int:
    """The byte where the last compressed strip or tile of a TIFF ends; 0 where nothing is compressed."""
    if image.info.get("compression") == "raw":
        return 0  # Pillow sees to these, and some writers give them wrong lengths
    tags = image.tag_v2
    starts = tags.get(TiffImagePlugin.STRIPOFFSETS) or tags.get(TiffImagePlugin.TILEOFFSETS, ())
    sizes = tags.get(TiffImagePlugin.STRIPBYTECOUNTS) or tags.get(TiffImagePlugin.TILEBYTECOUNTS, ())
    return max((start + size for start, size in zip(starts, sizes, strict=False)), default=0)


def _recode(image: Image.Image, coded: str) -> None:
    """Decode ``image`` with its pixels taken as ``coded``."""
    planes = _is_planar(image)  # there each tile is of one band: "R;16B"
    tiles = []
    for tile in image.tile:  # type: ignore[attr-defined]
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        whole = args[0] + coded[coded.index(";") :] if planes else coded
        tiles.append(tile._replace(args=(whole, *args[1:]) if isinstance(tile.args, tuple) else whole))
    if planes:  # bands beyond those of the mode are neither colour nor alpha
        tiles = [tile for tile in tiles if tile.args[0][0] in image.mode]
    image.tile = tiles  # type: ignore[attr-defined]
    image.load()


def _orientation(image: Image.Image) -> int:
    """The Exif orientation, 1..8; a broken one counts as 1."""
    try:
        turn = image.getexif().get(0x0112, 1)
    except Exception:  # Exif blocks are often damaged, and no picture is worse for it
        return 1
    return turn if turn in range(1, 9) else 1


def _upright(pixels: Array, orientation: int) -> Array:
    """``pixels`` (H, W, ...) as the camera was held; orientations 5 to 8 swap height and width."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _what_is_wrong(stream: BinaryIO, reason: str, *, opened: bool = True) -> str:
    """Why a picture cannot be decoded, by Pillow's ``reason`` and the bytes themselves."""
    size = stream.seek(0, os.SEEK_END)
    reason = " ".join(reason.split())
    if _is_cut_off(stream, size) or "truncated" in reason.lower():
        return f"is cut off after {size:,} bytes: copy or download it again"
    if opened:
        return f"is damaged ({reason[:120] or 'no reason given'}): copy or download it again"
    return "is damaged, or of a rare kind: copy it again, or save it as an ordinary PNG or TIFF of 8 or 16 bits"


def _is_cut_off(stream: BinaryIO, size: int) -> bool:
    """Whether a file ends before its own structure says so."""
    stream.seek(0)
    head = stream.read(16)
    kind = picture_kind(head)
    if kind == "WEBP":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if kind == "PNG":
        stream.seek(max(0, size - 4096))
        return b"IEND" not in stream.read()
    if kind == "JPEG":
        stream.seek(max(0, size - 65536))
        return b"\xff\xd9" not in stream.read()
    if kind == "GIF":
        stream.seek(max(0, size - 1024))
        return not stream.read().rstrip(b"\0").endswith(b";")
    if kind == "BMP":
        return int.from_bytes(head[2:6], "little") > size
    if kind in ("HEIF", "AVIF"):
        return _boxes_end(stream, size) > size
    if kind == "TIFF" and head[2] == 42:
        order = "little" if head[:1] == b"I" else "big"
        return int.from_bytes(head[4:8], order) + 2 > size  # type: ignore[arg-type]
    return False


def _boxes_end(stream: BinaryIO, size: int) -> int:
    """Where the last box of an ISO media file (HEIC, AVIF) says it ends."""
    at = 0
    while at < size:
        stream.seek(at)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0: to the end of the file
            return size if length == 0 and len(head) >= 8 else size + 1
        at += length
    return at
