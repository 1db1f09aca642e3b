"""The recipe inside a picture: a JSON text that ``save_image`` puts in and ``read_recipe`` takes out.

Where it lies, for who looks with another program:

    PNG    iTXt chunk with the key "impasto"
    TIFF   ImageDescription (tag 270), UTF-8
    JPEG   comments (COM), as many as it takes: one holds 64 kB at most
    WebP   UserComment in the Exif data

PNG aside, "impasto recipe " stands before the text, since other programs use the same places. BMP holds no recipe.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from impasto.errors import InputError
from impasto.media.decode import open_picture
from impasto.media.files import open_file, shown

__all__ = ["PNG_KEY", "marked", "read_recipe", "recipe_bytes", "with_comments", "with_exif"]

PNG_KEY = "impasto"
_MARK = b"impasto recipe "
_USER_COMMENT = 0x9286
_EXIF_PART = 0x8769
_UNICODE = b"UNICODE\0"


def read_recipe(path: Path | str) -> str:
    """The JSON text that ``save_image`` put into the picture at ``path``.

    Raises ``InputError`` if there is none, ``MediaError`` if the file is no picture.
    """
    name = shown(path)
    with open_file(path) as stream, open_picture(stream, name) as image:
        found = _find(image)
    if found is None:
        raise InputError(f"{name} holds no recipe: impasto writes one into its own PNG, JPEG, TIFF and WebP pictures")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise InputError(f"the recipe in {name} is damaged: another program has changed the file") from None


def recipe_bytes(recipe: str) -> bytes:
    """``recipe`` as UTF-8. A file name that is no Unicode leaves lone surrogates; \\udc80 means the same in JSON."""
    return recipe.encode("utf-8", "backslashreplace")


def marked(recipe: str) -> bytes:
    """The recipe as it stands in a place that other programs use too."""
    return _MARK + recipe_bytes(recipe)


def with_comments(jpeg: bytes, recipe: str) -> bytes:
    """A JPEG file with the recipe in comments, numbered as in "impasto recipe 1/2 "."""
    text = recipe_bytes(recipe)
    room = 65535 - 2 - 64
    parts = [text[at : at + room] for at in range(0, len(text), room)] or [b""]
    segments = b""
    for number, part in enumerate(parts, 1):
        content = _MARK + f"{number}/{len(parts)} ".encode() + part
        segments += b"\xff\xfe" + (len(content) + 2).to_bytes(2, "big") + content
    end = 4 + int.from_bytes(jpeg[4:6], "big")  # after the JFIF segment, which must be the first
    if jpeg[2:4] != b"\xff\xe0":
        end = 2
    return jpeg[:end] + segments + jpeg[end:]


def with_exif(recipe: str) -> bytes:
    """An Exif block that holds the recipe and says sRGB."""
    exif = Image.Exif()
    exif.endian = "<"
    text = marked(recipe).decode().encode("utf-16-le")  # the byte order of the block, as Exif wants it
    exif.get_ifd(_EXIF_PART).update({_USER_COMMENT: _UNICODE + text, 0xA001: 1})
    return exif.tobytes()


def _find(image: Image.Image) -> bytes | None:
    """The recipe in an opened picture, UTF-8; only the header is read."""
    if image.format == "PNG":
        text = image.info.get(PNG_KEY)
        return str(text).encode() if text is not None else None
    if image.format == "TIFF":
        description = image.getexif().get(270, "")
        # Pillow reads the text as Latin-1, one character for a byte.
        return _unmarked(description.encode("latin-1", "replace") if isinstance(description, str) else b"")
    if image.format in ("JPEG", "MPO"):
        comments = [_unmarked(data) for name, data in getattr(image, "applist", []) if name == "COM"]
        parts = [comment.partition(b" ")[2] for comment in comments if comment is not None]
        return b"".join(parts) if parts else None
    if image.format == "WEBP":
        comment = image.getexif().get_ifd(_EXIF_PART).get(_USER_COMMENT, b"")
        if isinstance(comment, bytes) and comment.startswith(_UNICODE):
            return _unmarked(comment[len(_UNICODE) :].decode("utf-16-le", "replace").encode())
    return None


def _unmarked(data: bytes) -> bytes | None:
    return data[len(_MARK) :] if data.startswith(_MARK) else None
