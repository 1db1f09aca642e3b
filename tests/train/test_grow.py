import pytest
import torch

from impasto.errors import TrainingError
from impasto.train.grow import grow
from impasto.train.options import TAPS
from impasto.train.student import Student

CHANNELS = {"relu1_1": 12, "relu2_1": 16, "relu3_1": 20, "relu4_1": 24, "relu4_2": 24, "relu5_1": 24}
BLOCKS = ((8, 8), (10, 10), (12, 12), (14, 14, 12), (14,))


def student(blocks=BLOCKS, places=None):
    return Student(blocks, "max", CHANNELS, places)


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def trained(images):
    torch.manual_seed(0)
    made = student()
    with torch.no_grad():
        made.scales.uniform_(0.5, 2.0)
        for _ in range(3):  # the normalisations get statistics of their own
            made(images, TAPS)
        for norm in made.norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.2, 0.2)
    return made.eval()


def answers(net, images):
    with torch.no_grad():
        return net.eval()(images, TAPS)


def apart(net, trained, images):
    found, wanted = answers(net, images), answers(trained, images)
    return {tap: float((found[tap] - wanted[tap]).norm() / wanted[tap].norm()) for tap in TAPS}


@pytest.mark.parametrize(
    ("blocks", "places"),
    [
        (((8, 8), (10, 10), (12, 12), (14, 14, 12), (14,)), None),
        (((8, 8), (10, 10), (12, 12, 12), (14, 14, 12), (14,)), None),
        (
            ((8, 8), (10, 10), (12, 12), (14, 14, 14, 12), (14, 14)),
            {"relu4_1": "relu4_2", "relu4_2": "relu4_3", "relu5_1": "relu5_2"},
        ),
        (((16, 8), (10, 20), (12, 18), (14, 20, 16), (28,)), None),
        (((8, 8), (10, 10), (12, 12), (14, 20, 20, 16), (20, 24)), {"relu4_2": "relu4_3", "relu5_1": "relu5_2"}),
    ],
    ids=["same", "deeper", "deeper taps", "wider", "both"],
)
def test_a_net_that_grows_answers_as_before(trained, images, blocks, places):
    new = student(blocks, places)
    grow(trained, new, images)
    assert max(apart(new, trained, images).values()) < 1e-4
    folded = new.folded()
    assert folded.places == (places or {})
    assert [layer.name for layer in folded.layers] == list(TAPS)


def test_channels_that_go_are_stood_in_for(trained, images):
    blocks = ((8, 6), (10, 10), (12, 12), (14, 14, 12), (14,))
    new = student(blocks)
    grow(trained, new, images)
    found = apart(new, trained, images)
    assert found["relu1_1"] < 1e-5  # lies before what was lost
    torch.manual_seed(5)
    fresh = apart(student(blocks), trained, images)
    assert all(found[tap] < 0.5 * fresh[tap] for tap in TAPS)


def test_added_channels_learn(trained, images):
    new = student(((8, 8), (10, 10), (12, 12), (14, 14, 12), (20,)))
    grow(trained, new, images)
    new.train()
    sum(value.square().mean() for value in new(images, TAPS).values()).backward()
    assert new.taps["relu5_1"].weight.grad[:, 14:].abs().sum() > 0


def test_a_net_does_not_grow_shallower(trained, images):
    with pytest.raises(TrainingError, match="keeps the convolutions"):
        grow(trained, student(((8, 8), (10, 10), (12,), (14, 14, 12), (14,))), images)


def test_an_added_convolution_is_no_bottleneck(trained, images):
    with pytest.raises(TrainingError, match="4 channels fewer"):
        grow(trained, student(((8, 8), (10, 10), (12, 12, 8), (14, 14, 12), (14,))), images)


def test_a_tap_that_becomes_bare_begins_anew_and_leaves_the_others(trained, images):
    new = Student((*BLOCKS[:4], (14, 24)), "max", CHANNELS, {"relu5_1": "relu5_2"}, ["relu5_1"])
    grow(trained, new, images)
    found = apart(new, trained, images)
    assert max(found[tap] for tap in TAPS if tap != "relu5_1") < 1e-4
    assert found["relu5_1"] > 0.1
    assert bool((answers(new, images)["relu5_1"] >= 0).all())


def test_a_bare_tap_is_kept_as_the_net_grows_on(images):
    def bare(blocks):
        torch.manual_seed(3)
        return Student(blocks, "max", CHANNELS, {}, ["relu5_1"])

    old = bare((*BLOCKS[:4], (24,)))
    wider = bare((*BLOCKS[:3], (14, 20, 16), (24,)))
    grow(old, wider, images)
    assert max(apart(wider, old, images).values()) < 1e-4


RESIDUALS = ((8, 8), (10, 10), (12, "12r2"), ("14k1", "14r2", "14r2"), ("14k1", "14r2", "24k1"))
READ = {"relu3_1": "relu3_2", "relu4_1": "relu4_2", "relu4_2": "relu4_3", "relu5_1": "relu5_3"}


def residuals(blocks=RESIDUALS, places=None):
    torch.manual_seed(3)
    return Student(blocks, "max", CHANNELS, {**READ, **(places or {})}, ["relu5_1"])


def test_a_net_of_residuals_gets_more_of_them_and_answers_as_before(images):
    old = residuals()
    for _ in range(3):
        old(images, TAPS)
    blocks = (*RESIDUALS[:3], ("14k1", "14r2", "14r2", "14r2"), ("14k1", "14r2", "14r2", "24k1"))
    new = residuals(blocks, {"relu4_1": "relu4_3", "relu4_2": "relu4_4", "relu5_1": "relu5_4"})
    grow(old, new, images)
    assert max(apart(new, old, images).values()) < 1e-5
    new.eval()
    sum(answer.square().mean() for answer in new(images, TAPS).values()).backward()
    added = [index for index, (layer, _) in enumerate(new._plan) if layer in ("relu4_2", "relu5_2")]
    for index in added:  # what was added learns: first how loud it is, then the rest
        assert new.norms[index][1].weight.grad.abs().sum() > 0
        assert new.norms[index][1].running_var.min() > 0


@pytest.mark.parametrize(
    "blocks",
    [
        ((8, 8), (10, 10), (12, "12r2"), ("14k1", "14r2", "14r2"), ("14k1", "24k1")),
        ((8, 8), (10, 10), (12, "12r2"), ("14k1", "14r2", "14r2"), ("14k1", "14k1", "14r2", "24k1")),
        ((8, 8), (10, 10), (12, "12r2"), ("14k1", "14r2", "14r3"), ("14k1", "14r2", "24k1")),
        ((8, 8), (10, 10), (16, "16r2"), ("14k1", "14r2", "14r2"), ("14k1", "14r2", "24k1")),
    ],
    ids=["fewer", "another unit", "other residuals", "wider"],
)
def test_a_net_of_residuals_does_not_change_otherwise(images, blocks):
    places = {"relu5_1": f"relu5_{len(blocks[4])}"}
    with pytest.raises(TrainingError, match="or gets more residuals"):
        grow(residuals(), residuals(blocks, places), images)
