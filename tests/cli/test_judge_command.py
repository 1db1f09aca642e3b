"""``impasto judge``: a table for the person, JSON for a machine, one line for what cannot be judged."""

import json

import pytest
import torch

from conftest import picture
from impasto.media.image import save_image


@pytest.fixture
def judged(desk):
    def words(*more, result=None, content=None, style=None):
        pictures = (result or desk.photo, content or desk.photo, style or desk.style)
        return ("judge", *pictures, "--encoder", desk.encoder, "--size", 64, *more)

    return words


def test_a_table_and_a_line_of_json_say_the_same(desk, judged):
    code, out, err = desk.run(*judged("--layers"))
    assert (code, err) == (0, "")
    lines = {line.split("  ")[0].strip(): line for line in out.splitlines()}
    assert "judged by tiny at 64 pixels" in out
    assert {"style", "held", "wasserstein", "content", "cfsd", "ssim", "chroma noise", "seam", "relu5_1"} <= set(lines)
    assert "not by a VGG-19" in out
    card = json.loads(desk.run(*judged("--json"))[1])
    assert f"{card['style']:.4f}" in lines["style"]
    assert card["content"] == 0
    assert card["references"]["content unchanged"]["style"] == card["style"]


def test_the_builtin_encoder_judges_where_no_vgg19_is(desk):
    code, out, _ = desk.run("judge", desk.photo, desk.photo, desk.style, "--size", 64, "--json")
    card = json.loads(out)
    assert (code, card["encoder"], card["held"]) == (0, "builtin", None)
    assert "impasto models fetch vgg19-caffe" in card["notes"][0]


def test_a_white_result_is_a_result(desk, judged):
    save_image(torch.ones(1, 3, 48, 64), "white.png")
    card = json.loads(desk.run(*judged("--json", result="white.png"))[1])
    assert card["chroma_noise"] == 0
    assert card["content"] > 0
    assert card["ssim"] < 0.9


def test_a_result_of_another_size_is_judged(desk, judged):
    save_image(torch.nn.functional.interpolate(picture(1), scale_factor=3, mode="bicubic").clamp(0, 1), "large.png")
    assert json.loads(desk.run(*judged("--json", result="large.png"))[1])["ssim"] > 0.9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", 20], "--size 20: expected 64 to 4096"),
        (["--block", 5], "--block 5: expected 16"),
        (["--encoder", "vgg91"], "--encoder vgg91: unknown encoder"),
        (["--encoder", "vgg19"], "impasto models fetch vgg19"),
        (["--encoder", "photo.png"], "is not a weight file"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused(desk, judged, words, said):
    assert said in desk.refused(*judged(*words))


def test_pictures_that_cannot_be_judged(desk, judged):
    assert "does not exist" in desk.refused(*judged(result="none.png"))
    assert "the result is 56×56 and the content has the proportions of 64×48" in desk.refused(
        *judged(result=desk.style)
    )
    save_image(torch.rand(1, 3, 8, 8), "small.png")
    assert "expected at least 16 on each side as result" in desk.refused(*judged(result="small.png"))
