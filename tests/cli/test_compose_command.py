"""``impasto mask`` and ``impasto compose``: from a box to a cut-out that belongs to a painting."""

import pytest
import torch

from conftest import picture
from impasto import load_image
from impasto.media.image import load_picture, resize, save_image


@pytest.fixture
def parts(desk):
    """``desk`` with a disc on a plain ground, its mask, and a larger background."""
    rows, columns = torch.arange(48.0)[:, None], torch.arange(64.0)[None]
    disc = (((rows - 24) ** 2 + (columns - 32) ** 2) < 12**2).float()[None, None]
    front = picture(1) * 0.2 * (1 - disc) + disc * torch.tensor([0.9, 0.5, 0.1])[None, :, None, None]
    save_image(front, desk.folder / "front.png")
    save_image(disc.expand(1, 3, -1, -1), desk.folder / "mask.png")
    save_image(picture(4, 60, 80), desk.folder / "back.png")
    return desk


def painting(desk, *words):
    return ("--encoder", desk.encoder, "--size", 80, "--steps", 2, *words)


def test_a_box_becomes_a_mask(parts):
    assert parts.run("mask", "front.png", "--foreground", "14,6,36,36", "-o", "found.png")[0] == 0
    found, wanted = load_image(parts.folder / "found.png"), load_image(parts.folder / "mask.png")
    assert float((found - wanted).abs().mean()) < 0.03
    assert parts.run("mask", "front.png", "--foreground", "14,6,36,36", "--invert", "-q")[0] == 0
    inverted = load_image(parts.folder / "front-mask.png")
    assert float((inverted + found - 1).abs().max()) < 1.5 / 255
    assert "one of the inputs" in parts.refused("mask", "front.png", "--foreground", "auto", "-o", "front.png")
    assert "expected auto or x,y,w,h" in parts.refused("mask", "front.png", "--foreground", "disc")


def test_a_composition_has_the_backgrounds_size_and_pixels(parts):
    words = ("front.png", "back.png", "--mask", "mask.png", "--at", "30,30", "--blend", "paste", "-o", parts.out)
    assert parts.run("compose", *words)[0] == 0
    out, back = load_image(parts.out), load_image(parts.folder / "back.png")
    assert torch.equal(out[..., 50:], back[..., 50:])
    assert float((out[..., 30, 30] - torch.tensor([0.9, 0.5, 0.1])).abs().max()) < 1 / 255


def test_transparency_is_a_mask_too(parts):
    front, disc = (load_image(parts.folder / name) for name in ("front.png", "mask.png"))
    save_image(front, parts.folder / "cut.png", alpha=disc[:, :1])
    save_image(picture(4, 60, 80), parts.folder / "glass.png", alpha=torch.full((1, 1, 60, 80), 0.6))
    assert parts.run("compose", "cut.png", "glass.png", "-o", parts.out, "--bits", 16)[0] == 0
    found = load_picture(parts.out)
    assert found.bits == 16
    assert float((found.alpha - 0.6).abs().max()) < 1e-3
    assert "say what to cut out with --mask" in parts.refused("compose", "front.png", "back.png", "-o", "x.png")


@pytest.mark.parametrize("how", [("--style", "style.png"), ("--harmonise", "--color", "luma")], ids=" ".join)
def test_a_painted_composition_is_painted_again(parts, how):
    words = ("front.png", "back.png", "--mask", "mask.png", "--at", "30,30", "-o", parts.out, *how)
    code, _, err = parts.run("compose", *words, *painting(parts))
    assert code == 0, err
    assert parts.run("rerun", parts.out, "-o", "again.png")[0] == 0
    assert (parts.folder / "again.png").read_bytes() == parts.out.read_bytes()
    assert "impasto compose" in parts.run("show", parts.out)[1]
    assert "--content is not for it" in parts.refused("rerun", parts.out, "--content", "front.png")
    (parts.folder / "mask.png").unlink()
    assert "mask" in parts.refused("rerun", parts.out)


def test_harmonised_only_the_cut_out_changes(parts):
    words = ("front.png", "back.png", "--mask", "mask.png", "--at", "25,30", "--blend", "paste", "--harmonise")
    assert parts.run("compose", *words, "-o", parts.out, *painting(parts))[0] == 0
    assert parts.run("compose", *words[:-1], "-o", "plain.png")[0] == 0
    out, back, plain = (load_image(parts.folder / name) for name in ("out.png", "back.png", "plain.png"))
    assert torch.equal(out[..., 44:], resize(back, 80)[..., 44:])
    assert float((out - plain)[..., 22:38, 17:33].abs().mean()) > 0.003


def test_inputs_are_spared(parts):
    said = parts.refused("compose", "front.png", "back.png", "--mask", "mask.png", "-o", "mask.png")
    assert "is one of the inputs" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "here"), "expected x,y in pixels"),
        (("--at", "900,900"), "outside the background of 80×60"),
        (("--scale", "0"), "expected 0.01 to 100"),
        (("--blend", "mixd"), "did you mean 'mixed'"),
        (("--mask", "style.png"), "56×56 pixels and the foreground 64×48"),
        (("--mask", "none.png"), "does not exist"),
        (("--strength", "50"), "--strength is about painting"),
        (("--save-every", "5"), "--save-every is about painting"),
        (("--style", "style.png", "--harmonise"), "give one of them"),
    ],
)
def test_what_cannot_be_is_one_line(parts, words, said):
    mask = () if "--mask" in words else ("--mask", "mask.png")
    assert said in parts.refused("compose", "front.png", "back.png", *mask, *words, "-o", "x.png")
