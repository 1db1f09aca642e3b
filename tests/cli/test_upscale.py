"""``impasto upscale``: larger, with and without a painting's strokes."""

import pytest
import torch

from impasto import load_image
from impasto.enlarge.enlarge import shrunk
from impasto.media.image import load_picture, save_image


@pytest.mark.parametrize("times", [2, 4])
def test_a_picture_made_larger(desk, times):
    assert desk.run("upscale", desk.photo, "--times", times)[0] == 0
    large = load_image(desk.folder / f"photo-x{times}.png")
    assert large.shape == (1, 3, 48 * times, 64 * times)
    assert float((shrunk(large, times) - load_image(desk.photo)).abs().mean()) < 0.01


def test_alpha_and_sixteen_bits(desk):
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., 40:] = 0.2
    save_image(load_image(desk.photo), desk.photo, alpha=alpha)
    assert desk.run("upscale", desk.photo, "-o", desk.out, "--bits", 16, "-q")[0] == 0
    found = load_picture(desk.out)
    assert found.bits == 16
    assert found.alpha.shape == (1, 1, 96, 128)


def test_painted_it_is_the_picture_when_made_smaller(desk):
    words = (desk.photo, "--style", desk.style, "-o", desk.out, "--encoder", desk.encoder, "--steps", 3)
    code, _, err = desk.run("upscale", *words)
    assert code == 0, err
    large, photo = load_image(desk.out), load_image(desk.photo)
    assert large.shape == (1, 3, 96, 128)
    assert float((shrunk(large, 2) - photo).abs().mean()) < 0.01
    assert desk.run("upscale", desk.photo, "-o", "plain.png")[0] == 0
    assert float((load_image(desk.folder / "plain.png") - large).abs().mean()) > 0.002
    assert desk.run("rerun", desk.out, "-o", "again.png")[0] == 0
    assert (desk.folder / "again.png").read_bytes() == desk.out.read_bytes()
    assert "impasto upscale" in desk.run("show", desk.out)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--times", "3"), "expected 2 or 4"),
        (("--strength", "50"), "--strength is about painting"),
        (("--style", "style.png", "--color", "palette"), "--color palette paints no strokes"),
        (("--style", "none.png"), "does not exist"),
        (("-o", "photo.png"), "is one of the inputs"),
    ],
)
def test_what_cannot_be_is_one_line(desk, words, said):
    assert said in desk.refused("upscale", desk.photo, *words)


def test_no_picture_is_one_line(desk):
    assert "expected JPEG, PNG" in desk.refused("upscale", desk.encoder)


def test_too_small_to_be_painted_is_one_line(desk):
    save_image(load_image(desk.photo)[..., :12, :20], desk.folder / "stamp.png")
    said = desk.refused("upscale", "stamp.png", "--style", desk.style, "--encoder", desk.encoder, "-o", "x.png")
    assert "needs at least 16 on each side" in said
    assert desk.run("upscale", "stamp.png", "--times", 4, "-q")[0] == 0
