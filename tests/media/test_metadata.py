"""The recipe in a picture comes out as it went in."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import InputError, MediaError
from impasto.media.image import load_image, read_recipe, save_image

FINE = torch.rand(1, 3, 20, 30)
HOLDERS = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"]
LONG = json.dumps(
    {"style": "Sternennacht – 星月夜 🎨", "noise": np.random.default_rng(1).bytes(50_000).hex()}, ensure_ascii=False
)
TEXTS = {
    "short": '{"seed": 1}',
    "tongues": json.dumps({"style": "Sternennacht – 星月夜 🎨 ñ\n\t\"'<&>\\"}, ensure_ascii=False),
    "100 kB": LONG,
    "100 kB of ink": json.dumps({"a": "墨" * 34_000}, ensure_ascii=False),
    "empty": "",
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("suffix", HOLDERS)
def test_a_recipe_comes_out_as_it_went_in(tmp_path, suffix, text):
    path = tmp_path / f"a{suffix}"
    save_image(FINE, path, recipe=TEXTS[text])
    assert read_recipe(path) == TEXTS[text]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_recipe_at_16_bits_and_with_alpha(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_image(FINE, path, alpha=FINE[:, :1], bits=16, recipe=LONG)
    assert read_recipe(path) == LONG


@pytest.mark.parametrize("suffix", HOLDERS)
def test_a_recipe_changes_no_pixel(tmp_path, suffix):
    save_image(FINE, tmp_path / f"a{suffix}", recipe=LONG)
    save_image(FINE, tmp_path / f"b{suffix}")
    assert (load_image(tmp_path / f"a{suffix}") == load_image(tmp_path / f"b{suffix}")).all()


def test_a_file_name_that_is_no_unicode_stays_the_same_json(tmp_path):
    recipe = {"content": "caf\udce9.jpg"}  # as Python names a file in another encoding
    for suffix in HOLDERS:
        save_image(FINE, tmp_path / f"a{suffix}", recipe=json.dumps(recipe, ensure_ascii=False))
        assert json.loads(read_recipe(tmp_path / f"a{suffix}")) == recipe


def test_other_programs_see_it(tmp_path):
    save_image(FINE, tmp_path / "a.png", recipe=TEXTS["tongues"])
    save_image(FINE, tmp_path / "a.jpg", recipe='{"seed": 1}')
    with Image.open(tmp_path / "a.png") as seen:
        assert seen.text == {"impasto": TEXTS["tongues"]}
    with Image.open(tmp_path / "a.jpg") as seen:
        assert seen.info["comment"] == b'impasto recipe 1/1 {"seed": 1}'
        assert seen.info["jfif"]
    tifffile = pytest.importorskip("tifffile")
    save_image(FINE, tmp_path / "a.tif", recipe='{"seed": 1}')
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].tags["ImageDescription"].value == 'impasto recipe {"seed": 1}'


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_a_picture_without_a_recipe_says_so_in_one_line(tmp_path, kind):
    Image.new("RGB", (4, 4)).save(tmp_path / "plain", kind, comment=b"a comment", description="words")
    with pytest.raises(InputError, match="plain holds no recipe") as raised:
        read_recipe(tmp_path / "plain")
    assert "\n" not in str(raised.value)


def test_the_words_of_other_programs_are_no_recipe(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0{}"
    Image.new("RGB", (4, 4)).save(tmp_path / "a.webp", exif=exif)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.tif", tiffinfo={270: '{"shape": [4, 4, 3]}'})
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", comment=b"{}")
    for name in ("a.webp", "a.tif", "a.jpg"):
        with pytest.raises(InputError, match="no recipe"):
            read_recipe(tmp_path / name)


def test_bmp_is_written_without_its_recipe(tmp_path):
    save_image(FINE, tmp_path / "a.bmp", recipe="{}")
    with pytest.raises(InputError, match="no recipe"):
        read_recipe(tmp_path / "a.bmp")


def test_no_picture_no_recipe(tmp_path):
    (tmp_path / "a.png").write_text("words and words")
    for name in ("a.png", "none.png"):
        with pytest.raises(MediaError) as raised:
            read_recipe(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_reading_a_recipe_decodes_no_pixels(tmp_path):
    save_image(FINE, tmp_path / "a.png", recipe="{}")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: data.index(b"IDAT") + 8])
    assert read_recipe(tmp_path / "cut.png") == "{}"
