"""The judge: a picture is itself at distance 0, and its definitions are those of the independent tool."""

import pytest
import torch

from conftest import picture
from impasto.errors import InputError
from impasto.see.encoder import ChainEncoder
from impasto.train.judged import judge, mean_of


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    encoder = ChainEncoder(((8, 8), (8, 8), (12, 12, 12), (12, 12, 12), (12,))).requires_grad_(False)
    for conv in encoder.convs:  # the usual start lets the deep maps see next to nothing
        conv.weight.mul_(2.5)
        conv.bias.zero_()
    return encoder


def test_a_picture_is_its_own_style_and_content(teacher):
    image = picture(3, 48, 64)
    found = judge(image, image, image, teacher, size=64)
    assert found == {"style": 0.0, "held": 0.0, "content": 0.0, "chroma_noise": 1.0}


def test_noise_is_noise(teacher):
    content, style = picture(1), picture(2)
    noisy = (content + 0.2 * torch.randn(content.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    found, clean = judge(noisy, content, style, teacher, size=64), judge(content, content, style, teacher, size=64)
    assert found["chroma_noise"] > 2 * clean["chroma_noise"]
    assert found["content"] > clean["content"] == 0


def test_layers_that_a_teacher_lacks_are_left_out():
    image = picture(1)
    assert set(judge(image, image, image, ChainEncoder(((4,), (4,))), size=64)) == {"style", "chroma_noise"}
    with pytest.raises(InputError, match="offers none"):
        judge(image, image, image, ChainEncoder(((4, 4, 4),), taps={"relu1_3": 3}), size=64)


def test_means():
    assert mean_of([{"style": 1.0}, {"style": 2.0}]) == {"style": 1.5}
    assert mean_of([]) == {}
