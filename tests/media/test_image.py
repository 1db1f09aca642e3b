"""Pictures in and out: every kind of pixel, what goes wrong, and that a file is written whole or not at all."""

import errno
import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from impasto.errors import ImpastoError, InputError, MediaError, UnknownNameError
from impasto.media import decode, files, image
from impasto.media.image import (
    READ_SUFFIXES,
    WRITE_SUFFIXES,
    check_writable,
    decode_picture,
    file_sha256,
    load_image,
    load_picture,
    resize,
    resize_to,
    save_image,
)
from impasto.media.profile import srgb_icc

RNG = np.random.default_rng(7)
EIGHT = RNG.integers(0, 256, (19, 23, 4), dtype=np.uint8)
SIXTEEN = RNG.integers(0, 65536, (19, 23, 4), dtype=np.uint16)
LOSSLESS = (".png", ".tif", ".tiff", ".bmp", ".webp")


def codes(tensor, bits=8):
    """(1, C, H, W) as (H, W, C) whole numbers; (H, W) for one channel."""
    values = (tensor[0].permute(1, 2, 0).double() * (2**bits - 1)).numpy()
    assert np.abs(values - values.round()).max() < 0.01
    values = values.round().astype(int)
    return values[..., 0] if values.shape[2] == 1 else values


def tensor(values):
    """(H, W, C) whole numbers as (1, C, H, W)."""
    white = np.iinfo(values.dtype).max
    return torch.from_numpy((values / np.float32(white)).astype(np.float32)).permute(2, 0, 1)[None]


def saved(picture, kind, **about):
    file = io.BytesIO()
    picture.save(file, kind, **about)
    return file.getvalue()


def smooth(height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (height + width)], 2).astype(np.uint8)


def one_line(raised):
    message = str(raised.value)
    assert message == message.strip()
    assert "\n" not in message
    assert 20 < len(message) < 400
    return message


def png(values, *, interlaced=False, extra=()):
    """A PNG of 8 or 16 bits by the letter of the standard, no filters: an independent reference."""
    height, width, channels = values.shape
    rows = values.astype(values.dtype.newbyteorder(">"))
    passes = [rows]
    if interlaced:
        starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        passes = [rows[y::dy, x::dx] for y, x, dy, dx in starts]
    body = b"".join(b"\0" + row.tobytes() for part in passes if part.size for row in part)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 8 * values.dtype.itemsize, kind, 0, 0, int(interlaced))
    chunks = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


# --- written and read again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_every_kind_written_is_read_again(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_image(tensor(smooth()), path, quality=100)
    picture = load_picture(path)
    assert picture.alpha is None
    assert picture.bits == 8
    assert picture.image.dtype == torch.float32
    assert np.abs(codes(picture.image) - smooth()).max() <= (0 if suffix in LOSSLESS else 4)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_kept_exactly(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_image(tensor(EIGHT[..., :3]), path, alpha=tensor(EIGHT[..., 3:]), quality=100)
    picture = load_picture(path)
    assert (codes(picture.alpha) == EIGHT[..., 3]).all()
    assert (codes(picture.image) == EIGHT[..., :3]).all()


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_where_alpha_cannot_be_kept_the_picture_is_laid_on_white(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_image(torch.zeros(1, 3, 8, 8), path, alpha=torch.full((1, 1, 8, 8), 0.25))
    assert load_picture(path).alpha is None
    assert np.abs(codes(load_image(path)) - 191).max() <= 1


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_sixteen_bits_are_exact(tmp_path, suffix, channels):
    path = tmp_path / f"a{suffix}"
    alpha = tensor(SIXTEEN[..., 3:]) if channels == 4 else None
    save_image(tensor(SIXTEEN[..., :3]), path, alpha=alpha, bits=16)
    picture = load_picture(path)
    assert picture.bits == 16
    assert (codes(picture.image, 16) == SIXTEEN[..., :3]).all()
    assert channels == 3 or (codes(picture.alpha, 16) == SIXTEEN[..., 3]).all()
    with Image.open(path) as seen:  # an independent reader agrees on the upper bytes
        assert (np.asarray(seen) == SIXTEEN[..., :channels] >> 8).all()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff_by_tifffile(tmp_path, bits, channels):
    tifffile = pytest.importorskip("tifffile")
    values = (EIGHT if bits == 8 else SIXTEEN)[..., :channels].repeat(300, 1)  # several strips
    alpha = tensor(values[..., 3:]) if channels == 4 else None
    save_image(tensor(values[..., :3]), tmp_path / "a.tif", alpha=alpha, bits=bits, recipe="{}")
    assert (tifffile.imread(tmp_path / "a.tif") == values).all()


def test_large_strips_of_a_tiff_agree_with_pillow(tmp_path):
    values = RNG.integers(0, 256, (700, 800, 3), dtype=np.uint8)
    save_image(tensor(values), tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as seen:
        assert len(seen.tag_v2[273]) > 1
        assert (np.asarray(seen) == values).all()


@pytest.mark.parametrize("values", [smooth(), EIGHT[..., :3], np.full((5, 5, 3), 9, np.uint8)])
def test_png_filters_are_undone_by_pillow(tmp_path, values):
    save_image(tensor(values), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as seen:
        assert (np.asarray(seen) == values).all()


@pytest.mark.parametrize("suffix", WRITE_SUFFIXES)
def test_one_pixel_is_a_picture(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_image(torch.full((1, 3, 1, 1), 0.2), path)
    assert load_image(path).shape == (1, 3, 1, 1)
    assert (load_image(path) - 0.2).abs().max() < 0.02


@pytest.mark.parametrize(("suffix", "bits"), [(suffix, 8) for suffix in WRITE_SUFFIXES] + [(".png", 16), (".tif", 16)])
def test_same_input_same_bytes(tmp_path, suffix, bits):
    for name in ("a", "b"):
        save_image(tensor(SIXTEEN[..., :3]), tmp_path / (name + suffix), bits=bits, recipe='{"seed": 1}')
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert file_sha256(tmp_path / f"a{suffix}") == file_sha256(tmp_path / f"b{suffix}")


def test_the_sRGB_tag_does_not_depend_on_the_time():  # noqa: N802
    show = "import sys; from impasto.media.profile import srgb_icc; sys.stdout.buffer.write(srgb_icc())"
    path = os.pathsep.join(sys.path)
    ran = subprocess.run(
        [sys.executable, "-c", show], check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert ran.stdout == srgb_icc()
    assert struct.unpack(">6H", srgb_icc()[24:36]) == (2000, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_output_says_sRGB_and_comes_back_unchanged(tmp_path, suffix):  # noqa: N802
    path = tmp_path / f"a{suffix}"
    save_image(tensor(smooth()), path)
    with Image.open(path) as seen:
        if suffix == ".png":
            assert seen.info["srgb"] == 0
        else:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(seen.info["icc_profile"]))
            assert "sRGB" in ImageCms.getProfileDescription(profile)
        assert (codes(load_image(path)) == np.asarray(seen)).all()


def test_jpeg_keeps_colour_at_full_resolution(tmp_path):
    save_image(tensor(smooth()), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as seen:
        assert all(layer[1:3] == (1, 1) for layer in seen.layer)


def test_values_beyond_the_range_are_cut_and_any_float_kind_is_taken(tmp_path):
    wild = torch.tensor([-3.0, 0.5, 7.0], dtype=torch.float64).view(1, 3, 1, 1).requires_grad_()
    save_image(wild, tmp_path / "a.png")
    assert codes(load_image(tmp_path / "a.png")).tolist() == [[[0, 128, 255]]]
    save_image(torch.ones(1, 3, 2, 2, dtype=torch.bfloat16), tmp_path / "b.PNG")
    assert (load_image(tmp_path / "b.PNG") == 1).all()


# --- every kind of pixel ---------------------------------------------------------------------------------------------

GREY = EIGHT[..., 0]
DEEP_GREY = SIXTEEN[..., 0]


def grey_of(data):
    picture = decode_picture(data, "grey")
    assert (picture.image == picture.image[:, :1]).all()
    return picture


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey(kind):
    assert (codes(grey_of(saved(Image.fromarray(GREY), kind)).image)[..., 0] == GREY).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_black_and_white(kind):
    bits = Image.fromarray(GREY > 99)
    assert bits.mode == "1"
    assert (codes(grey_of(saved(bits, kind)).image)[..., 0] == 255 * (GREY > 99)).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_with_alpha(kind):
    picture = grey_of(saved(Image.fromarray(EIGHT[..., :2], "LA"), kind))
    assert (codes(picture.image)[..., 0] == GREY).all()
    assert (codes(picture.alpha) == EIGHT[..., 1]).all()


@pytest.mark.parametrize(("kind", "order"), [("PNG", "<"), ("TIFF", "<"), ("TIFF", ">")])
def test_grey_of_16_bits(kind, order):
    picture = grey_of(saved(Image.fromarray(DEEP_GREY.astype(f"{order}u2")), kind))
    assert picture.bits == 16
    assert (codes(picture.image, 16)[..., 0] == DEEP_GREY).all()


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits(channels, interlaced):
    picture = decode_picture(png(SIXTEEN[..., :channels], interlaced=interlaced), "deep.png")
    colours = SIXTEEN[..., :1] if channels < 3 else SIXTEEN[..., :3]
    assert picture.bits == 16
    assert (codes(picture.image, 16) == colours).all()
    assert (picture.alpha is None) == (channels in (1, 3))
    if picture.alpha is not None:
        assert (codes(picture.alpha, 16) == SIXTEEN[..., channels - 1]).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("values", [EIGHT, SIXTEEN])
def test_png_where_one_colour_is_transparent(values, channels):
    values = values[..., :channels]
    key = struct.pack(f">{channels}H", *values[2, 3].tolist())
    picture = decode_picture(png(values, extra=[(b"tRNS", key)]), "key.png")
    clear = (values == values[2, 3]).all(axis=2)
    assert ((codes(picture.alpha) == 0) == clear).all()


@pytest.mark.parametrize(
    "about", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"planar": True}, {"tile": (16, 16)}]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff_of_16_bits_by_tifffile(about, channels):
    tifffile = pytest.importorskip("tifffile")
    values, about, file = SIXTEEN[..., :channels], dict(about), io.BytesIO()
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    if about.pop("planar", False):
        extra["planarconfig"] = "separate"
        values = np.moveaxis(values, 2, 0).copy()
    tifffile.imwrite(file, values, photometric="rgb", **about, **extra)
    picture = decode_picture(file.getvalue(), "deep.tif")
    assert picture.bits == 16
    assert (codes(picture.image, 16) == SIXTEEN[..., :3]).all()
    assert channels == 3 or (codes(picture.alpha, 16) == SIXTEEN[..., 3]).all()


def test_compressed_planes_of_16_bits_come_at_8_and_say_so():
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    planes = np.moveaxis(SIXTEEN[..., :3], 2, 0).copy()
    tifffile.imwrite(file, planes, photometric="rgb", planarconfig="separate", compression="zlib")
    picture = decode_picture(file.getvalue(), "planes.tif")
    assert picture.bits == 8
    assert (codes(picture.image) == SIXTEEN[..., :3] >> 8).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_tiff_with_alpha_multiplied_in(kind):
    tifffile = pytest.importorskip("tifffile")
    white, file = np.iinfo(kind).max, io.BytesIO()
    straight = np.full((6, 6, 4), white // 2, kind)
    straight[..., 0] = white // 4
    multiplied = straight.copy()
    multiplied[..., :3] = straight[..., :3] * (straight[..., 3:] / white)
    tifffile.imwrite(file, multiplied, photometric="rgb", extrasamples=["assocalpha"])
    picture = decode_picture(file.getvalue(), "m.tif")
    assert (picture.image - tensor(straight[..., :3])).abs().max() < 3 / white
    assert (picture.alpha - 0.5).abs().max() < 1 / white


def test_tiff_of_16_bits_where_white_is_zero():
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(file, DEEP_GREY, photometric="miniswhite")
    assert (codes(grey_of(file.getvalue()).image, 16)[..., 0] == 65535 - DEEP_GREY.astype(int)).all()


def test_numbers_of_32_bits():
    light = np.float32([[0, 0.25, 1]])
    assert (grey_of(saved(Image.fromarray(light), "TIFF")).image[0, 0].numpy() == light).all()
    assert np.allclose(grey_of(saved(Image.fromarray(light * 255), "TIFF")).image[0, 0], light)
    whole = np.int32([[0, 13107, 65535]])
    assert np.allclose(grey_of(saved(Image.fromarray(whole), "TIFF")).image[0, 0], [[0, 0.2, 1]])
    with pytest.raises(MediaError, match="no finite numbers") as raised:
        decode_picture(saved(Image.fromarray(np.float32([[0, np.nan]])), "TIFF"), "nan.tif")
    one_line(raised)


def test_palette_with_transparency():
    indexed = Image.new("P", (3, 1))
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    indexed.putdata([0, 1, 2])
    plain = decode_picture(saved(indexed, "PNG"), "p.png")
    assert plain.alpha is None
    assert codes(plain.image).tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    clear = decode_picture(saved(indexed, "PNG", transparency=bytes([0, 128, 255])), "p.png")
    assert codes(clear.alpha).tolist() == [[0, 128, 255]]
    assert codes(clear.image).tolist() == codes(plain.image).tolist()


def test_gif_gives_its_first_frame():
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert codes(decode_picture(data, "a.gif").image)[0, 0].tolist() == [255, 0, 0]


def test_opaque_alpha_is_none():
    assert decode_picture(saved(Image.new("RGBA", (3, 3), (1, 2, 3, 255)), "PNG"), "a.png").alpha is None


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(kind):
    inks = {
        (255, 0, 0, 0): (0, 255, 255),
        (0, 255, 0, 0): (255, 0, 255),
        (0, 0, 0, 255): (0, 0, 0),
        (0,) * 4: (255,) * 3,
    }
    for ink, colour in inks.items():  # Pillow writes JPEG inverted, as Adobe does
        data = saved(Image.new("CMYK", (16, 16), ink), kind)
        assert np.abs(codes(decode_picture(data, "inks").image) - colour).max() <= 2


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_heic_and_avif(kind):
    heif = pytest.importorskip("pillow_heif")
    if kind == "HEIF":
        heif.register_heif_opener()
    else:
        Image.init()
        if kind not in Image.SAVE:
            pytest.skip("this Pillow has no AVIF")
    picture = decode_picture(saved(Image.fromarray(smooth()), kind, quality=95), "a")
    assert np.abs(codes(picture.image) - smooth()).mean() < 3


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_without_the_extra_the_error_says_what_to_install(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "OPEN", {key: value for key, value in Image.OPEN.items() if key != kind})
    brand = b"heic" if kind == "HEIF" else b"avif"
    with pytest.raises(MediaError, match=r"pip install 'impasto\[heic\]'") as raised:
        decode_picture(b"\0\0\0\x18ftyp" + brand + bytes(40), "phone.heic")
    one_line(raised)


# --- orientation and colour ------------------------------------------------------------------------------------------

# Exif 2.32: the side of the upright picture where the first stored row and the first stored column lie.
SIDES = {1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left"} | {
    5: "left top",
    6: "right top",
    7: "right bottom",
    8: "left bottom",
}


def stored(upright, orientation):
    row, column = SIDES[orientation].split()
    values = upright if row in ("top", "bottom") else upright.swapaxes(0, 1)
    values = values[::-1] if row in ("bottom", "right") else values
    return np.ascontiguousarray(values[:, ::-1] if column in ("bottom", "right") else values)


@pytest.mark.parametrize("orientation", SIDES)
def test_pictures_come_out_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = Image.fromarray(stored(smooth(), orientation))
    for kind, about in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 100})):
        got = codes(decode_picture(saved(lying, kind, exif=exif, **about), kind).image)
        assert got.shape == smooth().shape
        assert np.abs(got - smooth()).max() <= (6 if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", SIDES)
def test_16_bits_and_alpha_are_turned_too(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    picture = decode_picture(png(stored(SIXTEEN, orientation), extra=[(b"eXIf", block)]), "a.png")
    assert (codes(picture.image, 16) == SIXTEEN[..., :3]).all()
    assert (codes(picture.alpha, 16) == SIXTEEN[..., 3]).all()
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(
        file, stored(SIXTEEN[..., :3], orientation), photometric="rgb", extratags=[(274, "H", 1, orientation, True)]
    )
    assert (codes(decode_picture(file.getvalue(), "a.tif").image, 16) == SIXTEEN[..., :3]).all()


def test_a_broken_orientation_is_ignored():
    for block in (b"Exif\0\0rubbish", b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0"):
        data = saved(Image.fromarray(smooth()), "JPEG", exif=block)
        assert decode_picture(data, "a.jpg").image.shape == (1, 3, 48, 64)


def s15(*values):
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def icc(space, connection, tags):
    """A colour profile, version 2, with ``tags``: only what a transform needs."""
    body, table, at = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + s15(0.9642, 1, 0.8249) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def xyz(*values):
    return b"XYZ \0\0\0\0" + s15(*values)


# Adobe RGB (1998) under D50, by gamma, by table, and by formula.
GAMMA = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)
TABLE = b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *(round((i / 1023) ** 1.8 * 65535) for i in range(1024)))
FORMULA = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + s15(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def adobe_rgb(curve):
    matrix = {b"rXYZ": xyz(0.60974, 0.31111, 0.01947), b"gXYZ": xyz(0.20528, 0.62567, 0.06087)}
    matrix[b"bXYZ"] = xyz(0.14919, 0.06322, 0.74457)
    white = {b"wtpt": xyz(0.9642, 1, 0.8249)}
    return icc(b"RGB ", b"XYZ ", matrix | white | {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def grey_profile(curve):
    return icc(b"GRAY", b"XYZ ", {b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": curve})


def tables(space, inks):
    """A profile that goes through a table of two points an ink: each ink takes light and adds a tint."""
    straight = bytes(range(256))
    corners = b""
    for index in range(2**inks):
        on = [(index >> (inks - 1 - ink)) & 1 for ink in range(inks)]
        light = 250 * sum(on) // inks if space == b"RGB " else max(0, 250 - 80 * sum(on))
        corners += bytes([light, 128 + 30 * on[0] - 20 * on[1], 128 + 25 * on[2] - 30 * on[0]])
    lut = b"mft1\0\0\0\0" + bytes([inks, 3, 2, 0]) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut += straight * inks + corners + straight * 3
    return icc(space, b"Lab ", {b"wtpt": xyz(0.9642, 1, 0.8249), b"A2B0": lut, b"A2B1": lut})


def by_lcms(picture, profile):
    """The reference: LittleCMS, relative colorimetric with black point compensation."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    how = ImageCms.buildTransform(source, target, picture.mode, "RGB", 1, ImageCms.Flags.BLACKPOINTCOMPENSATION)
    return np.asarray(ImageCms.applyTransform(picture, how)).astype(int)


@pytest.mark.parametrize("curve", [GAMMA, TABLE, FORMULA])
def test_rgb_profile_as_by_littlecms(curve):
    profile = adobe_rgb(curve)
    reference = by_lcms(Image.fromarray(smooth()), profile)
    assert np.abs(reference - smooth()).max() > 20
    for kind in ("PNG", "TIFF"):
        got = codes(decode_picture(saved(Image.fromarray(smooth()), kind, icc_profile=profile), kind).image)
        assert np.abs(got - reference).max() <= 1


@pytest.mark.parametrize("curve", [GAMMA, TABLE, FORMULA])
def test_rgb_profile_at_16_bits_as_by_littlecms(curve):
    profile = adobe_rgb(curve)
    block = (b"iCCP", b"x\0\0" + zlib.compress(profile))
    picture = decode_picture(png(smooth().astype(np.uint16) * 257, extra=[block]), "deep.png")
    reference = by_lcms(Image.fromarray(smooth()), profile)
    assert picture.bits == 16
    assert np.abs(picture.image[0].permute(1, 2, 0).numpy() * 255 - reference).max() < 1


def test_a_profile_at_16_bits_loses_no_steps():
    ramp = np.repeat(np.arange(30000, 34096, dtype=np.uint16)[None, :, None], 3, 2)
    block = (b"iCCP", b"x\0\0" + zlib.compress(adobe_rgb(GAMMA)))
    values = decode_picture(png(ramp, extra=[block]), "ramp.png").image[0, 1, 0]
    assert len(values.unique()) == 4096
    assert (values.diff() > 0).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_profile_as_by_littlecms(bits):
    ramp = np.arange(256, dtype=np.uint8)[None]
    deep = ramp if bits == 8 else ramp.astype(np.uint16) * 257
    block = (b"iCCP", b"x\0\0" + zlib.compress(grey_profile(TABLE)))
    picture = decode_picture(png(deep[..., None], extra=[block]), "grey.png")
    reference = by_lcms(Image.fromarray(ramp), grey_profile(TABLE))
    assert np.abs(reference[..., 0] - ramp).max() > 10
    assert np.abs(picture.image[0].permute(1, 2, 0).numpy() * 255 - reference).max() < 1.5  # near black


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_profile_as_by_littlecms(kind):
    profile = tables(b"CMYK", 4)
    data = saved(Image.fromarray(np.dstack([smooth(), smooth()[..., 0]]), "CMYK"), kind, icc_profile=profile)
    with Image.open(io.BytesIO(data)) as seen:
        reference = by_lcms(seen, profile)
        assert np.abs(reference - np.asarray(seen.convert("RGB"))).max() > 20
    assert np.abs(codes(decode_picture(data, "inks").image) - reference).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_rgb_profile_of_tables_as_by_littlecms(bits):
    profile = tables(b"RGB ", 3)
    block = (b"iCCP", b"x\0\0" + zlib.compress(profile))
    data = png(smooth() if bits == 8 else smooth().astype(np.uint16) * 257, extra=[block])
    reference = by_lcms(Image.fromarray(smooth()), profile)
    assert np.abs(codes(decode_picture(data, "a.png").image) - reference).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "profile",
    [b"rubbish", adobe_rgb(GAMMA)[:180], adobe_rgb(b"nope" + bytes(20)), grey_profile(GAMMA), tables(b"CMYK", 4)],
    ids=["rubbish", "cut", "no curve", "of grey", "of inks"],
)
def test_a_profile_that_is_broken_or_of_other_colours_is_ignored(profile, bits):
    values = (EIGHT if bits == 8 else SIXTEEN)[..., :3]
    data = png(values, extra=[(b"iCCP", b"x\0\0" + zlib.compress(profile))])
    assert (codes(decode_picture(data, "a.png").image, bits) == values).all()


def test_sRGB_by_another_name_changes_nothing():  # noqa: N802
    matrix = {b"rXYZ": xyz(0.43607, 0.22249, 0.01392), b"gXYZ": xyz(0.38515, 0.71687, 0.09708)}
    matrix |= {b"bXYZ": xyz(0.14307, 0.06061, 0.7141), b"rTRC": FORMULA, b"gTRC": FORMULA, b"bTRC": FORMULA}
    for values in (EIGHT, SIXTEEN):
        block = (b"iCCP", b"x\0\0" + zlib.compress(icc(b"RGB ", b"XYZ ", matrix)))
        got = decode_picture(png(values, extra=[block]), "a.png")
        assert (codes(got.image, 8 * values.dtype.itemsize) == values[..., :3]).all()


def test_transparent_palette_and_grey_keep_their_profile():
    profile = adobe_rgb(GAMMA)
    pixel = Image.new("RGBA", (2, 1), (200, 30, 90, 255))
    pixel.putpixel((1, 0), (200, 30, 90, 99))
    reference = by_lcms(pixel.convert("RGB"), profile)
    picture = decode_picture(saved(pixel, "PNG", icc_profile=profile), "a.png")
    assert np.abs(codes(picture.image) - reference).max() <= 1
    assert codes(picture.alpha).tolist() == [[255, 99]]
    grey = Image.fromarray(EIGHT[..., :2], "LA")
    got = decode_picture(saved(grey, "PNG", icc_profile=grey_profile(TABLE)), "a.png").image
    assert np.abs(codes(got) - by_lcms(grey.convert("L"), grey_profile(TABLE))).max() <= 1


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_resize_keeps_the_proportions():
    picture = torch.rand(1, 3, 30, 40)
    assert resize(picture, 40) is picture
    assert resize(picture, 20).shape == (1, 3, 15, 20)
    assert resize(picture, 100).shape == (1, 3, 75, 100)
    assert resize(torch.rand(1, 1, 500, 2), 50).shape == (1, 1, 50, 1)
    assert resize(torch.rand(2, 5, 8, 4), 4).shape == (2, 5, 4, 2)
    assert resize_to(picture, 30, 40) is picture


def test_resize_is_antialiased_bounded_and_repeatable():
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float().expand(1, 3, 64, 64)
    assert (resize_to(board, 8, 8) - 0.5).abs().max() < 0.05
    edge = torch.zeros(1, 1, 8, 8)
    edge[..., 4:] = 1
    wide = resize_to(edge, 50, 50)
    assert wide.min() == 0
    assert wide.max() == 1
    assert (resize_to(edge, 13, 9) == resize_to(edge, 13, 9)).all()
    assert (resize_to(torch.full((1, 3, 9, 9), 0.3), 40, 4) - 0.3).abs().max() < 1e-6


@pytest.mark.parametrize("size", [0, -3])
def test_no_size_below_one(size):
    with pytest.raises(InputError) as raised:
        resize_to(torch.rand(1, 3, 4, 4), size, 4)
    one_line(raised)


# --- what goes wrong in reading --------------------------------------------------------------------------------------


def refusal(call, *words, kind=MediaError):
    with pytest.raises(kind) as raised:
        call()
    message = one_line(raised)
    for word in words:
        assert word in message
    return message


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "Holiday.jpg").write_bytes(b"x")
    refusal(lambda: load_image(tmp_path / "holliday.jpg"), "does not exist", "did you mean", "Holiday.jpg")
    refusal(lambda: load_image(tmp_path / "qqq.png"), "does not exist", "check the name")
    refusal(lambda: load_image(tmp_path / "none" / "a.png"), "there is no folder")
    refusal(lambda: load_image(tmp_path / "a\nb.png"), "does not exist")
    refusal(lambda: load_image("a\0b.png"), "no file can have this name")
    refusal(lambda: load_image("x" * 300 + ".png"), "cannot be opened")
    refusal(lambda: file_sha256(tmp_path / "qqq.png"), "does not exist")


def test_a_folder_an_empty_file_and_no_picture(tmp_path):
    refusal(lambda: load_image(tmp_path), "is a folder")
    empty, text, bytes_ = tmp_path / "empty.png", tmp_path / "text.jpg", tmp_path / "bytes.png"
    empty.write_bytes(b"")
    refusal(lambda: load_image(empty), "empty.png is empty (0 bytes)")
    refusal(lambda: decode_picture(b"", "member.png"), "member.png is empty (0 bytes)")
    text.write_text("Grüße, this is a letter and no picture.\n" * 30)
    refusal(lambda: load_image(text), "text.jpg holds text, not a picture", "JPEG, PNG")
    text.write_text("BM is how this text begins")
    refusal(lambda: load_image(text), "holds text, not a picture")
    bytes_.write_bytes(RNG.bytes(300))
    refusal(lambda: load_image(bytes_), "not a picture of a known format", "HEIC")
    with pytest.raises(ImpastoError) as raised:
        decode_picture(b"text", "new\nline.png")
    one_line(raised)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def barred(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr("builtins.open", barred)
    refusal(lambda: load_image(tmp_path / "a.png"), "permission denied")


def whole_files():
    picture = Image.fromarray(RNG.integers(0, 256, (64, 80, 3), dtype=np.uint8))
    files = {kind: saved(picture, kind) for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")}
    files["TIFF deflate"] = saved(picture, "TIFF", compression="tiff_deflate")
    files["TIFF 16"] = None
    files["PNG 16"] = png(SIXTEEN)
    Image.init()
    if "AVIF" in Image.SAVE:
        files["AVIF"] = saved(picture, "AVIF")
    try:
        import pillow_heif
    except ImportError:
        return files
    pillow_heif.register_heif_opener()
    files["HEIF"] = saved(picture, "HEIF")
    return files


WHOLE = whole_files()


@pytest.mark.parametrize("part", [0.05, 0.4, 0.9])
@pytest.mark.parametrize("kind", WHOLE)
def test_a_picture_that_is_cut_off_is_refused(kind, part, tmp_path):
    data = WHOLE[kind]
    if data is None:
        save_image(tensor(SIXTEEN[..., :3]), tmp_path / "a.tif", bits=16)
        data = (tmp_path / "a.tif").read_bytes()
    assert decode_picture(data, "whole").image.shape[1] == 3
    cut = data[: int(part * len(data))]
    refusal(lambda: decode_picture(cut, "half"), f"half is cut off after {len(cut):,} bytes")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF deflate", "WEBP", "GIF", "AVIF", "HEIF", "PNG 16"])
def test_a_damaged_picture_is_read_or_refused_but_never_crashes(kind):
    data = WHOLE.get(kind)
    if data is None:
        pytest.skip("not in this Pillow")
    rng = np.random.default_rng(3)
    for _ in range(12):
        broken = bytearray(data)
        for place in rng.integers(4, len(data), 20):
            broken[place] = rng.integers(256)
        try:
            picture = decode_picture(bytes(broken), "broken")
        except MediaError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
        else:
            assert torch.isfinite(picture.image).all()


def test_huge_pictures_are_refused_by_their_header(tmp_path):
    head = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    refusal(lambda: load_image(tmp_path / "bomb.png"), "20000×20000", "400 megapixels", "--allow-huge")
    refusal(lambda: decode_picture(bomb, "in.zip/bomb.png"), "400 megapixels")


def test_huge_pictures_are_read_when_allowed(monkeypatch):
    data = saved(Image.fromarray(smooth()), "PNG")
    monkeypatch.setattr(decode, "MAX_PIXELS", 48 * 64)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow's own limit does not stand in the way, and stays
    assert decode_picture(data, "a").image.shape == (1, 3, 48, 64)
    monkeypatch.setattr(decode, "MAX_PIXELS", 48 * 64 - 1)
    refusal(lambda: decode_picture(data, "a"), "--allow-huge")
    assert decode_picture(data, "a", allow_huge=True).image.shape == (1, 3, 48, 64)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_the_name_of_a_file_does_not_decide(tmp_path):
    (tmp_path / "really.jpg").write_bytes(saved(Image.fromarray(smooth()), "PNG"))
    assert (codes(load_image(tmp_path / "really.jpg")) == smooth()).all()
    assert set(WRITE_SUFFIXES) < set(READ_SUFFIXES)


# --- what goes wrong in writing --------------------------------------------------------------------------------------

FINE = torch.rand(1, 3, 6, 7)


@pytest.mark.parametrize("step", ["replace", "write", "encode"])
@pytest.mark.parametrize("before", [b"an older picture", None])
def test_a_failing_write_leaves_everything_as_it_was(tmp_path, monkeypatch, step, before):
    path = tmp_path / "out.png"
    if before:
        path.write_bytes(before)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "replace":
        monkeypatch.setattr(files.os, "replace", full)
    elif step == "write":
        monkeypatch.setattr(files.os, "fsync", full)
        monkeypatch.setattr(image, "check_folder", lambda path: None)
    else:
        monkeypatch.setattr(image, "encode", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    if step == "encode":
        with pytest.raises(KeyboardInterrupt):
            save_image(FINE, path)
    else:
        message = refusal(
            lambda: save_image(FINE, path), "out.png could not be written: no space left", "free some space"
        )
        assert ("untouched" in message) == bool(before)
    assert (path.read_bytes() if path.exists() else None) == before
    assert [entry.name for entry in tmp_path.iterdir()] == (["out.png"] if before else [])


def test_the_new_file_lies_hidden_beside_the_old_until_it_is_whole(tmp_path, monkeypatch):
    seen = []
    move = os.replace
    monkeypatch.setattr(files.os, "replace", lambda a, b: (seen.append((a, a.stat().st_size)), move(a, b)))
    save_image(FINE, tmp_path / "out.png")
    ((part, size),) = seen
    assert part.parent == tmp_path
    assert part.name.startswith(".")
    assert part.suffix == ".part"
    assert size == (tmp_path / "out.png").stat().st_size


def test_a_link_keeps_pointing_where_it_did(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "a.png")
    save_image(FINE, tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real" / "a.png").is_file()


def test_long_and_odd_names_can_be_written(tmp_path):
    for name in ("ü" * 120 + ".png", "a b\n.png", ".png.png"):
        save_image(FINE, tmp_path / name)
        assert load_image(tmp_path / name).shape == FINE.shape


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".bmp"])
def test_16_bits_only_where_the_format_has_them(tmp_path, suffix):
    for call in (lambda p: save_image(FINE, p, bits=16), lambda p: check_writable(p, bits=16)):
        refusal(lambda c=call: c(tmp_path / f"a{suffix}"), "8 bits only", ".png or .tif", kind=InputError)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_are_told_before_painting(tmp_path, monkeypatch):
    check_writable(tmp_path / "a.png", bits=16, long_side=20000)
    assert not list(tmp_path.iterdir())
    (tmp_path / "folder.png").mkdir()
    refusal(lambda: check_writable(tmp_path / "folder.png"), "is a folder")
    refusal(lambda: check_writable(tmp_path), "is a folder")
    refusal(lambda: check_writable(tmp_path / "none" / "a.png"), "does not exist", "create it")
    refusal(lambda: check_writable("a\0b.png"), "no file can have this name")
    refusal(lambda: check_writable(tmp_path / "a"), "no suffix", kind=InputError)
    refusal(lambda: check_writable(tmp_path / "a.pgn"), "'.png'", kind=UnknownNameError)
    refusal(lambda: check_writable(tmp_path / "a.gif"), "unknown kind", kind=InputError)
    refusal(lambda: check_writable(tmp_path / "a.png", bits=12), "8 or 16", kind=InputError)
    refusal(lambda: check_writable(tmp_path / "a.webp", long_side=20000), "16383", ".png", kind=InputError)

    def barred(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", barred)
    refusal(lambda: check_writable(tmp_path / "a.png"), "permission denied")


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"dear")
    monkeypatch.setattr(files.os, "access", lambda *_: False)  # root may write anything
    refusal(lambda: save_image(FINE, tmp_path / "a.png"), "write-protected")
    assert (tmp_path / "a.png").read_bytes() == b"dear"


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"image": FINE * float("nan")}, "NaN"),
        ({"image": FINE / 0}, "no finite numbers"),
        ({"alpha": torch.full((1, 1, 6, 7), float("nan"))}, "of the alpha"),
        ({"alpha": torch.rand(1, 1, 7, 6)}, "expected a float alpha (1, 1, 6, 7)"),
        ({"image": torch.rand(3, 6, 7)}, "expected a float image"),
        ({"image": torch.rand(2, 3, 6, 7)}, "expected a float image"),
        ({"image": torch.zeros(1, 3, 6, 7, dtype=torch.uint8)}, "not uint8"),
        ({"image": torch.rand(1, 3, 0, 7)}, "(1, 3, 0, 7)"),
        ({"quality": 0}, "1 to 100"),
        ({"quality": 101}, "1 to 100"),
    ],
)
def test_images_that_are_none_are_not_written(tmp_path, about, words):
    about = {"image": FINE, **about}
    refusal(lambda: save_image(about.pop("image"), tmp_path / "a.png", **about), words, kind=InputError)
    assert not list(tmp_path.iterdir())
