"""What is told of an encoder is what its file says, whatever that may be."""

import pytest

from impasto.recipe import Recipe
from impasto.see.load import load_encoder
from impasto.see.weights import save_encoder
from impasto.study.eyes import describe, labels
from impasto.train.distil import macs

HISTORIES = [
    ({}, "a file that does not say how it was trained"),
    ({"trained_by": 7}, "a file that does not say how it was trained"),
    ({"trained_by": "hand"}, "trained by hand"),
    (
        {"trained_by": "impasto train classifier", "data": "shapes.zip", "test": {"accuracy": 0.4125, "odd": "x"}},
        "a classifier, trained on shapes.zip; tested: accuracy 0.4125",
    ),
    ({"trained_by": "impasto train classifier", "data": [], "test": 3}, "a classifier"),
    (
        {"trained_by": "impasto train autoencoder", "data": "a", "test": {"mean_squared_error": 0.01, "psnr": 20.0}},
        "an autoencoder, trained on a; tested: mean squared error 0.01, psnr 20",
    ),
    (
        {"trained_by": "impasto train encoder", "teacher": {"name": "vgg19"}, "steps": 5079},
        "distilled from vgg19 in 5,079 steps",
    ),
    ({"trained_by": "impasto train encoder", "teacher": "vgg19"}, "distilled from a larger one"),
    ({"trained_by": "x" * 500}, "trained by " + "x" * 188 + "…"),
]


@pytest.mark.parametrize(("about", "words"), HISTORIES)
def test_a_file_tells_its_history(tmp_path, tiny, about, words):
    file = str(tmp_path / "tiny.safetensors")
    save_encoder(file, tiny, about)
    assert describe(file, "tiny", load_encoder(file), Recipe(), "").what == words


def test_its_figures_are_those_of_the_net(tmp_path, tiny):
    file = tmp_path / "tiny.safetensors"
    save_encoder(file, tiny)
    found = describe(str(file), "here", tiny, Recipe(), "hash")
    assert (found.label, found.sha256) == ("here", "hash")
    assert found.megabytes == file.stat().st_size / 1e6
    assert found.parameters == sum(conv.weight.numel() + conv.bias.numel() for conv in tiny.convs)
    assert found.kmacs == macs(tiny, ("relu5_1",))
    shallow = describe(str(file), "", tiny, Recipe(style_layers="relu1_1", content_layers="pixels"), "")
    assert shallow.kmacs == pytest.approx(3 * 8 * 9 / 1000, abs=0.01)


def test_those_with_a_name(tiny):
    assert describe("builtin", "", load_encoder("builtin"), Recipe(), "").what.startswith("distilled from vgg19-caffe")
    random = describe("random", "", load_encoder("random"), Recipe(seed=5), "")
    assert "drawn from seed 5, never trained" in random.what
    assert random.megabytes is None
    assert describe(tiny, "", tiny, Recipe(), "").what == "an encoder of one's own, ChainEncoder"


def test_every_encoder_has_a_label_of_its_own(tiny):
    assert labels(["random", "builtin", "runs/cifar.safetensors"]) == ["random", "builtin", "cifar"]
    assert labels(["a/net.safetensors", "b/net.safetensors"]) == ["a/net.safetensors", "b/net.safetensors"]
    assert labels([tiny, tiny, "x.pth"]) == ["tiny", "tiny (2)", "x"]
