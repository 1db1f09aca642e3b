"""The encoder in the package: small, its own, and seeing as VGG-19 sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from impasto.media.image import load_image, resize
from impasto.see.encoder import ChainEncoder
from impasto.see.known import BUILTIN
from impasto.see.load import encoder_digest, load_encoder
from impasto.see.stats import Gram
from impasto.train.distil import macs

TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")


@pytest.fixture(scope="module")
def builtin() -> ChainEncoder:
    encoder = load_encoder("builtin")
    assert isinstance(encoder, ChainEncoder)
    return encoder


def test_is_small(builtin: ChainEncoder) -> None:
    assert Path(BUILTIN).stat().st_size <= 4_000_000
    assert tuple(layer.name for layer in builtin.layers) == TAPS


def test_card_is_of_this_file() -> None:
    card = json.loads(Path(BUILTIN).with_suffix(".json").read_text())
    assert card["sha256"] == encoder_digest(Path(BUILTIN))
    assert set(card["unexplained"]["clean"]) == set(TAPS)


def test_costs_a_small_part_of_the_teacher(builtin: ChainEncoder) -> None:
    """Thousand multiply-adds a pixel: VGG-19 takes 361 to relu5_1, the built-in with its taps at most an eighth."""
    found = macs(builtin)
    assert found is not None
    assert found <= 361.15 / 8


@pytest.mark.slow
def test_no_layer_is_a_copy_of_the_teachers(builtin: ChainEncoder, caffe_weights: Path) -> None:
    """No filter of the first layer lies along one of the teacher's: a copy would, whatever its scale."""
    teacher = load_encoder("vgg19-caffe", weights=caffe_weights)
    ours, theirs = (e.convs[0].weight.flatten(1) for e in (builtin, teacher))
    cosine = torch.nn.functional.normalize(ours) @ torch.nn.functional.normalize(theirs).T
    assert float(cosine.abs().max()) < 0.9999


@pytest.mark.slow
def test_measures_styles_as_the_teacher_does(builtin: ChainEncoder, caffe_weights: Path, shared: Path) -> None:
    """Relative Gram distances of real pictures, in the student's channels and in the teacher's, agree."""
    teacher = load_encoder("vgg19-caffe", weights=caffe_weights)
    names = ("starry_night", "the_scream", "la_muse")
    pictures = [resize(load_image(shared / f"images/style/{name}.jpg"), 192) for name in names]
    layers = ("relu1_1", "relu2_1", "relu3_1")
    worst = 0.0
    for a, b in ((0, 1), (1, 2), (2, 0)):
        for layer in layers:
            found = []
            for encoder in (builtin, teacher):
                x, y = (Gram().describe(encoder(pictures[i], [layer])[layer]) for i in (a, b))
                found.append(float(Gram().distance(x, y)))
            worst = max(worst, abs(found[0] - found[1]) / found[1])
    assert worst < 0.4  # 0.29 when this encoder was trained
