"""The report card: 0 for the target itself, references that anybody can win, figures that an independent tool finds."""

import importlib.util
import json
import sys

import pytest
import torch

from conftest import picture
from impasto.errors import InputError
from impasto.judge.card import CONTENT, HELD, STYLE, Judge, report_card
from impasto.judge.judges import load_judge
from impasto.media.image import load_image
from impasto.see.encoder import ChainEncoder


@pytest.fixture
def full():
    """Every layer that a card is made of."""
    torch.manual_seed(0)
    encoder = ChainEncoder(((8, 8), (8, 8), (12, 12, 12), (12, 12, 12), (12,)), name="full").requires_grad_(False)
    for conv in encoder.convs:  # the usual start lets the deep maps see next to nothing
        conv.weight.mul_(2.5)
        conv.bias.zero_()
    return encoder


def test_the_references_are_what_they_say(full, content, style):
    card = report_card(content, content, style, full, size=64)
    unchanged, pasted = card.references["content unchanged"], card.references["style pasted"]
    assert (card.content, card.cfsd, card.ssim) == pytest.approx((0, 0, 1), abs=1e-6)
    assert unchanged.style == card.style > 0
    assert pasted.style < 0.3 * unchanged.style
    assert pasted.content > unchanged.content == 0
    assert pasted.colour < unchanged.colour
    assert card.style == pytest.approx(sum(card.layers["gram"][name] for name in STYLE) / len(STYLE))
    assert card.held == pytest.approx(sum(card.layers["gram"][name] for name in HELD) / len(HELD))
    assert set(card.layers["wasserstein"]) == set(STYLE)


def test_the_style_itself_is_at_no_distance_of_style(full):
    image = picture(3)
    card = report_card(image, image, image, full, size=64, references=False)
    assert (card.style, card.held, card.wasserstein, card.colour) == pytest.approx((0, 0, 0, 0), abs=1e-6)
    assert card.chroma_noise == 1
    assert card.references == {}


def test_a_card_is_plain_json(full, content, style):
    found = json.loads(json.dumps(report_card(content, content, style, full, size=64).as_dict(), allow_nan=False))
    assert set(found["references"]) == {"content unchanged", "style pasted"}
    assert found["notes"][0].startswith("judged by full, not by a VGG-19")
    assert found["style"] == found["references"]["content unchanged"]["style"]


def test_the_short_card_says_the_same(full, content, style):
    judge = Judge(content, style, full, size=48)
    mixed = 0.5 * content + 0.5 * picture(5)
    card = judge.card(mixed, references=False)
    assert judge.distances(mixed) == {
        name: pytest.approx(getattr(card, name), abs=6e-5) for name in ("style", "held", "content", "chroma_noise")
    }


def test_another_size_is_brought_to_the_contents(full, content, style):
    large = torch.nn.functional.interpolate(content, scale_factor=2, mode="bicubic").clamp(0, 1)
    assert report_card(large, content, style, full, size=64).content < 0.05
    almost = content[:, :, 1:]  # a row less is rounding, a crop of a few pixels
    assert report_card(almost, content, style, full, size=64).ssim > 0.5


@pytest.mark.parametrize("shape", [(48, 48), (64, 48), (48, 80)])
def test_other_proportions_are_refused(full, content, style, shape):
    with pytest.raises(InputError, match="proportions of 64×48: expected the same"):
        report_card(picture(1, *shape), content, style, full, size=64)


def test_layers_that_a_judge_lacks_are_told(tiny, content, style):
    card = report_card(content, content, style, tiny, size=64)
    assert card.content is not None
    assert card.held is not None  # of relu2_2 alone
    assert any("offers no relu1_2, relu3_3, relu4_3" in note for note in card.notes)
    small = report_card(content, content, style, ChainEncoder(((4,), (4,))), size=64)
    assert (small.held, small.content, small.cfsd) == (None, None, None)
    with pytest.raises(InputError, match="offers none"):
        Judge(content, style, ChainEncoder(((4, 4, 4),), taps={"relu1_3": 3}))


def test_thin_and_grey_pictures(full, content):
    with pytest.raises(InputError, match="choose --size 128 or more"):
        Judge(picture(1, 16, 128), content, full, size=64)
    ribbon = picture(2, 16, 160)
    grey = content.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    card = Judge(grey, ribbon, full, size=64).card(torch.ones_like(content))
    json.dumps(card.as_dict(), allow_nan=False)


@pytest.mark.slow
def test_vgg19_finds_what_the_independent_tool_finds(shared, caffe_weights):
    """Style, held, content and chroma noise to 1 %, of a painting, of the photograph and of the painting pasted."""
    spec = importlib.util.spec_from_file_location("judge_tool", shared / "tools/judge.py")
    tool = importlib.util.module_from_spec(spec)
    sys.modules["judge_tool"] = tool
    spec.loader.exec_module(tool)
    files = shared / "images/content/tubingen.jpg", shared / "images/style/starry_night.jpg"
    content, style = (tool.read(file, 256) for file in files)
    result = (0.6 * content + 0.4 * tool.read(files[1], size=(content.shape[2], content.shape[1]))).clamp(0, 1)
    net = list(tool.layers())
    wanted = tool.judge(result, content, style, net)
    card = report_card(result[None], *map(load_image, files), load_judge(str(caffe_weights)), size=256)
    for name, value in wanted.items():
        assert getattr(card, name) == pytest.approx(value, rel=0.01), name
    unchanged = card.references["content unchanged"]
    assert unchanged.style == pytest.approx(tool.judge(content, content, style, net)["style"], rel=0.01)
    assert card.notes == ()
    assert CONTENT not in card.layers["gram"]
