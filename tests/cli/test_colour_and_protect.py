"""--color, --protect and --foreground on the command line: on every surface, with everything, again from the recipe."""

import json
import shutil

import pytest
import torch

from conftest import picture
from impasto import load_image, stylize
from impasto.media.image import load_picture, resize, save_image
from impasto.media.spaces import SPACES

MODES = [
    ("--color", "content"),
    ("--color", "content", "--color-space", "ycbcr"),
    ("--color", "luma"),
    ("--color", "luma", "--color-space", "lab"),
    ("--color", "match"),
    ("--color", "match", "--color-match", "histogram"),
]


@pytest.fixture
def masked(desk):
    """``desk`` with a mask: the left half white, a soft edge, the rest black."""
    ramp = ((torch.arange(64.0) - 28) / 8).clamp(0, 1)
    save_image((1 - ramp).expand(1, 3, 48, 64), desk.folder / "mask.png")
    return desk


def chroma_error(image, content, space):
    found, wanted = (SPACES[space].of_srgb(x)[:, 1:] for x in (image, content))
    return float((found - wanted).abs().max())


@pytest.mark.parametrize("words", MODES, ids=" ".join)
def test_every_mode_paints_and_paints_again(desk, words):
    assert desk.image(*words)[0] == 0
    assert desk.run("rerun", desk.out, "-o", "again.png")[0] == 0
    assert (desk.folder / "again.png").read_bytes() == desk.out.read_bytes()
    if words[1] in ("content", "luma"):
        space = words[3] if len(words) > 2 else "oklab"
        assert chroma_error(load_image(desk.out), load_image(desk.photo), space) <= 2 / 255
    assert desk.image(out=desk.folder / "plain.png")[0] == 0
    assert not torch.equal(load_image(desk.folder / "plain.png"), load_image(desk.out))


def test_the_palette_alone_takes_no_strokes(desk):
    assert desk.run("image", desk.photo, desk.style, "-o", desk.out, "--encoder", desk.encoder, "--color", "palette",
                    "--size", 64)[0] == 0  # fmt: skip
    found, style = (load_image(path)[0].flatten(1) for path in (desk.out, desk.style))
    torch.testing.assert_close(found.mean(1), style.mean(1), atol=0.02, rtol=0)
    assert desk.run("rerun", desk.out, "-o", "again.png")[0] == 0
    assert (desk.folder / "again.png").read_bytes() == desk.out.read_bytes()


def test_stages_previews_and_interrupted_pictures_have_the_colours_too(masked):
    words = ("--color", "content", "--protect", "mask.png", "--save-every", 1)
    assert masked.image(*words)[0] == 0
    content = load_image(masked.photo)
    stage = load_image(masked.folder / "out-0001.png")
    assert chroma_error(stage, content, "oklab") <= 2 / 255
    assert torch.equal(stage[..., :28], content[..., :28])


def test_losing_the_style_weight_leaves_the_photograph(desk):
    """Light alone is painted, and here the content's: every colour is back in its place."""
    words = ("--strength", 0, "--color", "luma", "--color-space", "ycbcr")
    assert desk.image(*words)[0] == 0
    assert float((load_image(desk.out) - load_image(desk.photo)).abs().max()) < 2.1 / 255


@pytest.mark.parametrize("words", [(), ("--color", "luma"), ("--block", "32"), ("--optimizer", "lbfgs"),
                                   ("--losses", "classic"), ("--init", "noise"), ("--statistic", "moments"),
                                   ("--bits", "16"), ("--size", "100")], ids=" ".join)  # fmt: skip
def test_protected_pixels_are_the_contents_bit_for_bit(masked, words):
    assert masked.image("--protect", "mask.png", *words)[0] == 0
    found = load_image(masked.out)
    wanted = resize(load_image(masked.photo), found.shape[3])
    left = found.shape[3] * 26 // 64
    codes = 65535 if "--bits" in words else 255
    assert torch.equal((found[..., :left] * codes).round(), (wanted[..., :left] * codes).round())
    assert float((found - wanted)[..., -20:].abs().mean()) > 1e-4  # and the rest is painted
    assert masked.run("rerun", masked.out, "-o", "again.png")[0] == 0
    assert (masked.folder / "again.png").read_bytes() == masked.out.read_bytes()


def test_with_transparency_at_any_size(masked):
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., 50:] = 0.4
    save_image(picture(1), masked.photo, alpha=alpha)
    assert masked.image("--protect", "mask.png", "--color", "content")[0] == 0
    found, content = load_picture(masked.out), load_picture(masked.photo)
    assert torch.equal(found.alpha, content.alpha)
    assert torch.equal(found.image[..., :28], content.image[..., :28])


def test_the_mask_is_an_input(masked):
    assert masked.image("--protect", "mask.png")[0] == 0
    about = json.loads(masked.run("show", masked.out, "--json")[1])
    assert about["protect"]["path"] == str(masked.folder / "mask.png")
    assert len(about["protect"]["sha256"]) == 64
    said = masked.refused("image", masked.photo, masked.style, "-o", "mask.png", "--protect", "mask.png",
                          "--encoder", masked.encoder, "--size", 64, "--steps", 2)  # fmt: skip
    assert "is one of the inputs" in said
    before = masked.out.read_bytes()
    shutil.move(masked.folder / "mask.png", masked.folder / "moved.png")
    assert "name it with --protect FILE" in masked.refused("rerun", masked.out)
    assert masked.run("rerun", masked.out, "-o", "again.png", "--protect", "moved.png")[0] == 0
    assert (masked.folder / "again.png").read_bytes() == before


def test_a_mask_of_another_size_is_resized_and_of_another_shape_refused(masked):
    save_image(torch.rand(1, 3, 24, 32).round(), masked.folder / "half.png")
    assert masked.image("--protect", "half.png")[0] == 0
    save_image(torch.rand(1, 3, 48, 48).round(), masked.folder / "square.png")
    said = masked.refused("image", masked.photo, masked.style, "--protect", "square.png")
    assert "48×48" in said
    assert "64×48" in said


@pytest.mark.parametrize(("value", "words"), [(0.0, "black all over"), (1.0, "white all over")])
def test_a_mask_of_one_colour_is_refused(masked, value, words):
    save_image(torch.full((1, 3, 48, 64), value), masked.folder / "plain.png")
    assert words in masked.refused("image", masked.photo, masked.style, "--protect", "plain.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--protect", "none.png"), "none.png does not exist"),
        (("--protect", "tiny.safetensors"), "expected JPEG, PNG"),
        (("--protect", "mask.png", "--foreground", "auto"), "--protect and --foreground together"),
        (("--foreground", "1,2,3"), "expected auto or x,y,w,h"),
        (("--foreground", "60,40,20,20"), "leaves the picture of 64×48"),
        (("--color", "contents"), "did you mean 'content'"),
        (("--color-space", "lab"), "--color-space is of --color content and luma"),
        (("--color-match", "mean", "--color", "content"), "--color-match is of --color match and palette"),
        (("--color", "palette", "--strength", "70"), "--color palette paints no strokes"),
    ],
)
def test_what_does_not_fit_is_one_line(masked, words, said):
    assert said in masked.refused("image", masked.photo, masked.style, *words)


def test_the_foreground_is_kept(desk):
    rows, columns = torch.arange(48.0)[:, None], torch.arange(64.0)[None]
    disc = (((rows - 24) ** 2 + (columns - 32) ** 2) < 12**2).float()[None, None]
    save_image(picture(1) * 0.3 * (1 - disc) + disc * torch.tensor([0.9, 0.5, 0.1])[None, :, None, None], desk.photo)
    assert desk.image("--foreground", "14,6,36,36")[0] == 0
    found, content = load_image(desk.out), load_image(desk.photo)
    assert torch.equal(found[..., 18:30, 26:38], content[..., 18:30, 26:38])
    assert not torch.equal(found[..., :6], content[..., :6])
    assert desk.run("rerun", desk.out, "-o", "again.png")[0] == 0
    assert (desk.folder / "again.png").read_bytes() == desk.out.read_bytes()


def test_grey_pictures_in_every_mode(tiny, content, style):
    grey = content.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    for color in ("content", "luma", "match", "palette"):
        small = {} if color == "palette" else {"steps": 1}
        for pair in ((grey, style), (content, grey.flip(3))):
            assert stylize(*pair, encoder=tiny, size=64, start_size=64, color=color, **small).image.isfinite().all()
