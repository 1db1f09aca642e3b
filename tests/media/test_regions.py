"""Masks in colours: what a drawing program and JPEG make of them is undone."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from impasto.errors import InputError
from impasto.media.image import decode_picture, save_image
from impasto.media.regions import Regions, find_regions, load_regions


def flag(height: int = 60, width: int = 80) -> torch.Tensor:
    """Red on the left, blue on the right, a white square in the middle."""
    image = torch.zeros(1, 3, height, width)
    image[:, 0, :, : width // 2], image[:, 2, :, width // 2 :] = 1, 1
    image[:, :, 20:40, 30:50] = 1
    return image


def test_flat_colours_are_regions_from_the_largest_on() -> None:
    found = find_regions(flag())
    assert set(found.colours) == {"#ff0000", "#0000ff", "#ffffff"}
    assert found.colours[2] == "#ffffff"
    maps = found.maps(60, 80)
    torch.testing.assert_close(maps.sum(1), torch.ones(1, 60, 80))
    torch.testing.assert_close(maps[:, 2:].mean(), torch.tensor(400 / 4800))


def test_jpeg_and_soft_edges_change_nothing_but_edges() -> None:
    wide = torch.nn.functional.interpolate(flag(), (240, 320), mode="bicubic", align_corners=False).clamp(0, 1)
    file = io.BytesIO()
    codes = (wide[0].permute(1, 2, 0) * 255).byte().numpy()
    Image.fromarray(codes).save(file, "JPEG", quality=40)
    noisy = find_regions(decode_picture(file.getvalue(), "mask.jpg").image)
    assert len(noisy) == 3
    sharp = find_regions(flag()).maps(240, 320)
    order = [noisy.number(colour, "x") for colour in find_regions(flag()).colours]
    assert float((noisy.maps(240, 320)[:, order] - sharp).abs().mean()) < 0.02


def test_a_mask_of_one_pixel_or_colour_is_one_region() -> None:
    for image in (torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 40, 30)):
        found = find_regions(image)
        assert len(found) == 1
        assert bool((found.maps(9, 7) == 1).all())


def test_a_photograph_is_no_mask() -> None:
    random = torch.Generator().manual_seed(0)
    coarse = torch.nn.functional.interpolate(torch.rand((1, 3, 12, 12), generator=random), (120, 120), mode="nearest")
    noise = 0.02 * torch.randn(coarse.shape, generator=random)
    with pytest.raises(InputError, match="flat colours at most"):
        find_regions((coarse + noise).clamp(0, 1))


def test_colours_are_named_as_a_person_does() -> None:
    found = find_regions(flag())
    assert found.colours[found.number("red", "x")] == "#ff0000"
    assert found.colours[found.number("#1010f0", "x")] == "#0000ff"
    for colour, said in (("green", "no region is green"), ("rouge", "is no colour")):
        with pytest.raises(InputError, match=said):
            found.number(colour, "x")


def test_another_mask_in_the_same_order_or_refused() -> None:
    content = find_regions(flag())
    style = find_regions(flag(90, 60).flip(3))
    same = style.in_order_of(content, "x")
    assert same.colours == content.colours
    assert bool((same.labels[:, :9] == content.number("blue", "x")).all())
    black = Regions(torch.zeros(5, 5, dtype=torch.uint8), ("#000000",), "m.png")
    with pytest.raises(InputError, match=r"m.png lacks .*#ff0000"):
        black.in_order_of(content, "x")


def test_transparent_is_white(tmp_path) -> None:
    alpha = torch.ones(1, 1, 60, 80)
    alpha[..., :10] = 0
    save_image(torch.zeros(1, 3, 60, 80), tmp_path / "mask.png", alpha=alpha)
    assert load_regions(tmp_path / "mask.png").colours == ("#000000", "#ffffff")


def test_another_shape_is_named() -> None:
    found = find_regions(flag())
    found.check_shape(600, 801, "photo.jpg")
    with pytest.raises(InputError, match=r"80×60, but photo\.jpg is 300×300"):
        found.check_shape(300, 300, "photo.jpg")
