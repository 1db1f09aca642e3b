"""Regions, mixtures, strips and doodles on the command line: painted, told, painted again, refused."""

from __future__ import annotations

import json
import shlex

import pytest
import torch

from conftest import picture
from impasto.media.image import load_image, save_image


@pytest.fixture
def atelier(desk):
    """``desk`` with a second painting and two masks."""
    save_image(picture(7, 56, 56), desk.folder / "other.png")
    save_image(flag(48, 64), desk.folder / "mask.png")
    save_image(flag(56, 56), desk.folder / "style-mask.png")
    return desk


def flag(height: int, width: int) -> torch.Tensor:
    image = torch.zeros(1, 3, height, width)
    image[:, 0, :, : width // 2], image[:, 2, :, width // 2 :] = 1, 1
    return image


def paint(atelier, *words: object, styles: tuple[str, ...] = ("style.png",)) -> tuple[int, str, str]:
    return atelier.run("image", "photo.png", *styles, *small(atelier), *words)


def small(atelier) -> tuple[object, ...]:
    return ("-o", atelier.out, "--encoder", atelier.encoder, "--size", 64, "--steps", 2)


CONTROLS = [
    (("style.png:0.7", "other.png:0.3"), ()),
    (("style.png:layers=relu1_1,relu2_1:scale=0.5", "other.png:scale=2"), ()),
    (("style.png:region=red", "other.png:region=blue"), ("--mask", "mask.png")),
    (("style.png:mask=style-mask.png", "other.png"), ("--mask", "mask.png", "--region-strength", "red=80,blue=5")),
    (("style.png",), ("--mask", "mask.png", "--style-mask", "style-mask.png", "--init", "regions")),
    (("style.png",), ("--statistic", "gram,histogram=0.5", "--style-scales", "0.5,1=2", "--laplacian-weight", 1)),
    (("style.png",), ("--statistic", "sliced-wasserstein,nearest,patches", "--seed", 5)),
]


@pytest.mark.parametrize(("styles", "words"), CONTROLS, ids=lambda words: " ".join(map(str, words)))
def test_every_control_is_painted_again_from_its_recipe(atelier, styles, words):
    assert paint(atelier, *words, styles=styles)[0] == 0
    first = atelier.out.read_bytes()
    code, _, err = atelier.run("rerun", atelier.out, "-o", "again.png")
    assert code == 0, err
    assert (atelier.folder / "again.png").read_bytes() == first
    _, told, _ = atelier.run("show", atelier.out)
    command = shlex.split(told.splitlines()[0])[1:]
    assert atelier.run(*command, "-o", "typed.png")[0] == 0
    assert torch.equal(load_image(atelier.folder / "typed.png"), load_image(atelier.out))


def test_the_first_style_with_all_the_weight_is_the_first_alone(atelier):
    assert paint(atelier, styles=("style.png:1", "other.png:0"))[0] == 0
    mixed = load_image(atelier.out)
    assert paint(atelier)[0] == 0
    assert torch.equal(load_image(atelier.out), mixed)


def test_weights_are_recorded(atelier):
    assert paint(atelier, styles=("style.png:0.7", "other.png:0.3"))[0] == 0
    _, out, _ = atelier.run("show", "--json", atelier.out)
    assert [style["weight"] for style in json.loads(out)["styles"]] == [0.7, 0.3]


def test_a_mask_that_has_changed_is_told(atelier):
    assert paint(atelier, "--mask", "mask.png", "--style-mask", "style-mask.png")[0] == 0
    save_image(flag(48, 64).flip(3), atelier.folder / "mask.png")
    said = atelier.refused("rerun", atelier.out, "-o", "again.png")
    assert "mask" in said
    assert "sha256" in said


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("styles", [("style.png", "other.png"), ("style.png",)])
def test_a_strip_is_one_sheet(atelier, count, styles):
    code, out, _ = paint(atelier, "--strip", count, "--json", styles=styles)
    assert code == 0
    assert json.loads(out)["pictures"] == count
    sheet = load_image(atelier.out)
    assert sheet.shape[3] == count * 64 + (count - 1) * 2
    assert sheet.shape[2] > 48
    ends = []
    for style in (styles[0], styles[-1]):
        words = () if len(styles) > 1 else ("--strength", 10 if not ends else 90)
        assert paint(atelier, *words, styles=(style,))[0] == 0
        ends.append(load_image(atelier.out))
    assert torch.equal(sheet[:, :, :48, :64], ends[0])
    assert torch.equal(sheet[:, :, :48, -64:], ends[1])


def test_a_doodle_is_painted_and_painted_again(atelier):
    words = ("--style-map", "style-mask.png", "-o", "bay.png", "--encoder", atelier.encoder, "--size", 64, "--steps", 2)
    code, _, err = atelier.run("doodle", "mask.png", "style.png", *words)
    assert code == 0, err
    first = (atelier.folder / "bay.png").read_bytes()
    assert atelier.run("rerun", "bay.png", "-o", "again.png")[0] == 0
    assert (atelier.folder / "again.png").read_bytes() == first


def test_a_plan_knows_regions_and_mixtures(atelier):
    words = ("--encoder", atelier.encoder, "--size", 64, "--mask", "mask.png", "--json")
    code, out, err = atelier.run("plan", "photo.png", "style.png:0.5", "other.png:region=red", *words)
    assert code == 0, err
    assert json.loads(out)["fits"]


@pytest.mark.parametrize(
    ("styles", "words", "said"),
    [
        (("style.png:-1",), (), "expected 0 or more"),
        (("style.png:0", "other.png:0"), (), "all styles are zero"),
        (("style.png:layers=relu9_1",), (), "unknown layer"),
        (("style.png:layers=relu4_2",), (), "none of the style's layers"),
        (("style.png:region=red",), (), "there is no --mask"),
        (("style.png",), ("--style-mask", "style-mask.png"), "there is no --mask"),
        (("style.png",), ("--region-strength", "red=3"), "there is no --mask"),
        (("style.png",), ("--init", "regions"), "there is no --mask"),
        (("style.png",), ("--mask", "gone.png"), "gone.png does not exist"),
        (("style.png",), ("--mask", "style-mask.png"), "expected the same shape"),
        (("style.png",), ("--mask", "photo.png"), "flat colours at most"),
        (("style.png:region=red",), ("--mask", "mask.png"), "no style paints the region #0000ff"),
        (("style.png:region=green", "other.png"), ("--mask", "mask.png"), "no region is green"),
        (("style.png",), ("--mask", "mask.png", "--region-strength", "red=101"), "from 0 to 100"),
        (("style.png",), ("--mask", "mask.png", "--region-strength", "red"), "expected NAME=NUMBER"),
        (("style.png",), ("--mask", "mask.png", "--style-mask", "white.png"), "lacks #0000ff"),
        (("style.png", "other.png"), ("--mask", "mask.png", "--style-mask", "style-mask.png"), "one style alone"),
        (("style.png",), ("--mask", "mask.png", "--losses", "classic"), "--losses classic together"),
        (("style.png",), ("--statistic", "gram,grma"), "did you mean 'gram'"),
        (("style.png",), ("--statistic", "gram=0"), "with a weight above 0"),
        (("style.png",), ("--style-scales", "1,100"), "from 0.1 to 10"),
        (("style.png",), ("--strip", 1), "expected 2 to 12"),
        (("style.png",), ("--strip", 3, "--strength", 20), "leave it out"),
        (("style.png:2", "other.png"), ("--strip", 3), "leave the weights out"),
        (("style.png",), ("--strip", 3, "--log", "log.csv"), "together"),
    ],
)
def test_what_cannot_be_is_one_line(atelier, styles, words, said):
    red = torch.zeros(1, 3, 56, 56)
    red[:, 0] = 1
    save_image(red, atelier.folder / "white.png")
    assert said in atelier.refused("image", "photo.png", *styles, *small(atelier), *words)


def test_no_output_replaces_a_mask(atelier):
    for words in (("--mask", "mask.png"), ("--mask", "mask.png", "--style-mask", "style-mask.png")):
        assert "one of the inputs" in atelier.refused(
            *("image", "photo.png", "style.png", "--encoder", atelier.encoder, "--size", 64),
            *words,
            *("-o", words[-1]),
        )
