"""Classifiers and autoencoders: they learn, go on exactly, and what they leave loads and paints."""

import copy
import json

import pytest
import torch

from conftest import picture
from impasto.errors import InputError, TrainingError
from impasto.see.encoder import ChainEncoder
from impasto.see.load import load_encoder
from impasto.see.weights import load_weights, save_encoder
from impasto.studio import stylize
from impasto.train.autoencode import AutoencoderTraining
from impasto.train.checkpoint import Course, checkpoint_of, load_checkpoint
from impasto.train.classify import ClassifierTraining, confusion
from impasto.train.epochs import cut
from impasto.train.options import AutoencodeOptions, ClassifyOptions
from impasto.train.sets import LabelledSet, split
from impasto.train.transfer import fit_head, open_tuned

NEEDED = ("model", "optimizer", "step", "seconds", "options", "classes", "rows")
SMALL = {"blocks": ((4, 6), (8,)), "batch": 6}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def found():
    """Three classes that differ in colour: 12 pictures each."""
    images, labels = [], torch.arange(36) % 3
    for index, label in enumerate(labels.tolist()):
        image = picture(index, 16, 16)[0] * 0.4
        image[label] += 0.5
        images.append((image * 255).byte())
    return LabelledSet("set", torch.stack(images), labels, torch.zeros(36, dtype=torch.bool), ("a", "b", "c"))


@pytest.fixture
def classifier(found, tmp_path):
    def call(course, state=None, **options):
        options = ClassifyOptions(**{**SMALL, **options})
        training = ClassifierTraining(tmp_path / "c.safetensors", found, split(found), options, device="cpu")
        training.begin(course, state)
        return training

    return call


@pytest.fixture
def autoencoder(found, tmp_path):
    def call(course, state=None):
        training = AutoencoderTraining(
            tmp_path / "a.safetensors", found, split(found), AutoencodeOptions(**SMALL), device="cpu"
        )
        training.begin(course, state)
        return training

    return call


def run(training, stop=None):
    for report in training.steps():
        if report.step == stop:
            break
    return training


def test_a_classifier_learns_and_its_eyes_paint(classifier, tmp_path, found):
    training = run(classifier(Course(steps=60)))
    card = training.finish(half=False)
    assert card["test"]["accuracy"] > 0.8
    assert [row["epoch"] for row in training.rows] == list(range(1, len(training.rows) + 1))
    encoder = load_encoder(str(tmp_path / "c.safetensors"))
    images = found.images.float() / 255
    with torch.no_grad():
        last = encoder.layers[-1].name
        assert torch.allclose(
            training.model.head(encoder(images, [last])[last].mean((2, 3))), training.model.eval()(images), atol=1e-3
        )
    head, about = load_weights(tmp_path / "c.head.safetensors", "classifier-head")
    assert torch.equal(head["head.weight"], training.model.head.weight.detach())
    assert about["classes"] == ["a", "b", "c"]
    painted = stylize(picture(1), picture(2), encoder=str(tmp_path / "c.safetensors"), size=48, steps=2)
    assert bool(painted.image.isfinite().all())
    assert json.loads((tmp_path / "c.json").read_text())["test"] == card["test"]
    assert sum(map(sum, card["confusion"])) == len(training.parts.test)
    assert "By class" in (tmp_path / "c.md").read_text()


def test_an_autoencoder_learns_and_its_eyes_paint(autoencoder, tmp_path):
    training = run(autoencoder(Course(steps=60)))
    card = training.finish()
    errors = [row["validation error"] for row in training.rows]
    assert errors[-1] < 0.7 * errors[0]
    assert card["bottleneck"] == {"numbers": 8 * 8 * 8, "of": 768}
    assert (tmp_path / "a-strip.png").is_file()
    painted = stylize(picture(1), picture(2), encoder=str(tmp_path / "a.safetensors"), size=48, steps=2)
    assert bool(painted.image.isfinite().all())


@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_a_training_that_stops_goes_on_exactly(kind, request, tmp_path):
    make = request.getfixturevalue(kind)
    whole = run(make(Course(steps=9)))
    first = run(make(Course(steps=9)), stop=6)
    first.save()
    state = load_checkpoint(checkpoint_of(first.out), kind, NEEDED)
    rest = run(make(Course.after(state, None, None, None), state))
    assert rest.step == whole.step == 9
    for name, value in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], value), name
    assert [row["step"] for row in rest.rows] == [row["step"] for row in whole.rows]


def test_checkpoints_of_other_shapes_and_other_classes(classifier, found):
    training = run(classifier(Course(steps=2)))
    training.save()
    state = load_checkpoint(checkpoint_of(training.out), "classifier", NEEDED)
    with pytest.raises(TrainingError, match=r"another shape: encoder.convs.0.weight is 4×3×3×3, expected 5×3×3×3"):
        classifier(Course(steps=2), state, blocks=((5, 6), (8,)))
    state["classes"] = ["x", "y"]
    with pytest.raises(TrainingError, match="was trained on 2 classes"):
        classifier(Course(steps=2), state)


def test_a_training_that_diverges_keeps_its_checkpoint(classifier):
    training = run(classifier(Course(steps=2)))
    training.save()
    before = checkpoint_of(training.out).read_bytes()
    with torch.no_grad():
        training.model.head.weight.fill_(float("inf"))
    training.begin(Course(steps=60))
    with pytest.raises(TrainingError, match="diverged"):
        run(training)
    with pytest.raises(TrainingError, match="not finite"):
        training.save()
    assert checkpoint_of(training.out).read_bytes() == before


def test_pictures_too_small_for_the_net(found, tmp_path):
    options = ClassifyOptions(blocks=((4,),) * 6)
    with pytest.raises(InputError, match="divisible by 32"):
        ClassifierTraining(tmp_path / "c.safetensors", found, split(found), options, device="cpu")


def test_a_first_block_of_one_strided_convolution_is_refused(found, tmp_path):
    options = AutoencodeOptions(blocks=((4,), (6,)))
    with pytest.raises(InputError, match="two convolutions in the first block"):
        AutoencoderTraining(tmp_path / "a.safetensors", found, split(found), options, device="cpu")


def test_a_head_on_frozen_features(found, tmp_path):
    torch.manual_seed(0)
    save_encoder(tmp_path / "eyes.safetensors", ChainEncoder(((6,), (8,), (8,)), name="eyes"))
    tuned, about = open_tuned(str(tmp_path / "eyes.safetensors"), found, hidden=0)
    before = copy.deepcopy(tuned.encoder.state_dict())
    fit_head(tuned, found, split(found), device="cpu")
    training = ClassifierTraining(
        tmp_path / "c.safetensors", found, split(found), ClassifyOptions(), tuned=tuned, origin=about, device="cpu"
    )
    card = training.finish(half=False)
    assert card["test"]["accuracy"] > 0.8
    assert card["from"]["name"] == "eyes"
    after = load_encoder(str(tmp_path / "c.safetensors")).state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    training.begin(Course(steps=3))
    run(training)  # and then the encoder learns too
    assert not torch.equal(tuned.encoder.convs[0].weight, before["convs.0.weight"])


def test_cut_without_changes_is_the_picture_or_its_mirror_image(found):
    images = found.images[:8]
    seen = cut(images, torch.Generator().manual_seed(0), shift=0, zoom=0, colour=0)
    true = images.float() / 255
    for one, image in zip(seen, true, strict=True):
        assert torch.allclose(one, image) or torch.allclose(one, image.flip(2))
    assert not torch.allclose(seen, true)


def test_cut_moves_no_further_than_it_should():
    ramp = torch.arange(0, 160, 10, dtype=torch.uint8).expand(4, 3, 16, 16)
    seen = cut(ramp, torch.Generator().manual_seed(1), shift=0.125, zoom=0.3, colour=0.1)
    assert seen.shape == ramp.shape
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
    moved = cut(ramp, torch.Generator().manual_seed(1), shift=0.125, zoom=0, colour=0) * 255
    middle = moved[:, 0, 0, 7:9].mean(1)
    assert float((middle - 75).abs().max()) <= 20 + 1e-3


def test_confusion_counts_true_by_said():
    counts = confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2)
    assert counts.tolist() == [[1, 1], [0, 1]]
