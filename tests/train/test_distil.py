"""Distillation: what is folded measures as the student did, what stops goes on, what is written paints."""

import copy
import csv
import itertools
import json
import math
from dataclasses import asdict

import pytest
import torch

from conftest import picture
from impasto.errors import InputError, TrainingError
from impasto.media.image import save_image
from impasto.see.encoder import VGG19_BLOCKS, ChainEncoder
from impasto.see.load import load_encoder
from impasto.see.stats import gram
from impasto.see.weights import save_encoder
from impasto.studio import open_easel, stylize
from impasto.train.checkpoint import Course, checkpoint_of, load_checkpoint
from impasto.train.distances import relative_change, relative_gram, relative_lack
from impasto.train.distil import Distillation, check_student, find_teacher, gather, macs
from impasto.train.encoder import TAPS, Distiller, DistilOptions
from impasto.train.feed import fed
from impasto.train.student import Student

OPTIONS = DistilOptions(
    blocks=((4, 4), (6, 6), (8, 8), (10, 10, 10), (12,)),
    down="conv",
    size=32,
    batch=4,
    painted_from=4,
    learning_rate=0.01,
    pool=24,
)
NEEDED = ("student", "optimizer", "step", "seconds", "options")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def new_teacher():
    torch.manual_seed(7)
    return ChainEncoder(((8,), (12,), (16,), (20, 20), (24,)), name="teacher").eval().requires_grad_(False)


@pytest.fixture
def images():
    return [(picture(seed, 40, 44)[0] * 255).byte() for seed in range(6)]


@pytest.fixture
def make(images):
    return lambda options=OPTIONS: Distiller(new_teacher(), images, images[:2], options, precision=torch.float32)


@pytest.fixture
def material(tmp_path):
    (tmp_path / "pictures").mkdir()
    for seed in range(1, 8):
        save_image(picture(seed, 40, 44), tmp_path / "pictures" / f"p{seed}.png")
    save_encoder(tmp_path / "teacher.safetensors", new_teacher())
    return gather([tmp_path / "pictures"])


@pytest.fixture
def begin(tmp_path, material):
    def call(course=None, state=None, options=OPTIONS, **about):
        about = {"teacher": str(tmp_path / "teacher.safetensors"), "device": "cpu", "every": 2} | about
        return Distillation(
            tmp_path / "out.safetensors", material, options, course or Course(steps=6), state=state, **about
        )

    return call


def same(a, b):
    """Whether two checkpoints hold the same, whatever the nesting."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


# ── the student ──


def trained_student(down):
    """A student whose every number is away from its start, wide enough that nothing is dropped in folding."""
    torch.manual_seed(1)
    blocks = ((9, 9), (9, 9), (9, 9), (9, 9, 9), (9,))
    student = Student(
        blocks, down, {"relu1_1": 6, "relu2_1": 7, "relu3_1": 8, "relu4_1": 9, "relu4_2": 9, "relu5_1": 9}
    )
    with torch.no_grad():
        for norm in student.norms:
            norm.weight.uniform_(0.5, 2)
            norm.bias.uniform_(-0.5, 0.5)
        student.train()
        for seed in range(40):
            student(picture(seed, 32, 32), TAPS)
    return student.eval()


@pytest.mark.parametrize("down", ["conv", "max"])
def test_folded_taps_measure_the_distances_of_the_teachers_channels(down):
    student = trained_student(down)
    folded = student.folded()
    a, b = picture(1, 32, 32), picture(2, 32, 32)
    with torch.no_grad():
        wide = [student(x, TAPS) for x in (a, b)]
        slim = [folded(x, TAPS) for x in (a, b)]
    for tap in TAPS:
        wanted = (wide[0][tap] - wide[1][tap]).square().sum()
        found = (slim[0][tap] - slim[1][tap]).square().sum()
        assert torch.allclose(found, wanted, rtol=1e-3)
        wanted = (gram(wide[0][tap]) - gram(wide[1][tap])).square().sum()
        found = (gram(slim[0][tap]) - gram(slim[1][tap])).square().sum()
        assert torch.allclose(found, wanted, rtol=1e-3)


def test_residuals_fold_their_normalisations_too():
    torch.manual_seed(1)
    blocks = ((9, 9), (9, "9r2"), (9, "9r1k5"), ("12k1", "12r2", "12r2"), (9, "11k1"))
    student = Student(blocks, "max", dict.fromkeys(TAPS, 6) | {"relu5_1": 11}, {"relu5_1": "relu5_2"}, ["relu5_1"])
    with torch.no_grad():
        for name, value in student.named_parameters():
            if name.startswith("norms"):
                value.uniform_(0.5, 2) if name.endswith("weight") else value.uniform_(-0.5, 0.5)
        student.train()
        for seed in range(40):
            student(picture(seed, 32, 32), TAPS)
        student.eval()
        folded, image = student.folded(), picture(1, 32, 32)
        wide, slim = student(image, TAPS), folded(image, TAPS)
    torch.testing.assert_close(slim["relu5_1"], wide["relu5_1"], rtol=1e-4, atol=1e-4)
    for tap in TAPS[:-1]:
        torch.testing.assert_close(gram(slim[tap]).square().sum(), gram(wide[tap]).square().sum(), rtol=2e-2, atol=0)
    assert folded.blocks == blocks


def test_a_tap_wider_than_the_student_loses_the_last_singular_value_only():
    torch.manual_seed(0)
    student = Student(((4,), (4,), (4,), (4, 4), (4,)), "max", dict.fromkeys(TAPS, 20)).eval()
    a, b = picture(1, 32, 32), picture(2, 32, 32)
    with torch.no_grad():
        wide = [student(x, ["relu1_1"])["relu1_1"] for x in (a, b)]
        slim = [student.folded()(x, ["relu1_1"])["relu1_1"] for x in (a, b)]
        head = student.taps["relu1_1"]
        least = torch.linalg.svdvals(torch.cat([head.weight.flatten(1), head.bias[:, None]], 1))[-1]
        seen = (student.unit(0, a - 0.5) - student.unit(0, b - 0.5)).square().sum()
    assert slim[0].shape[1] == 4
    lost = (wide[0] - wide[1]).square().sum() - (slim[0] - slim[1]).square().sum()
    assert -1e-4 <= float(lost) <= float(least.square() * seen) + 1e-4


# ── the training ──


def test_the_loss_falls(make):
    distiller = make(DistilOptions(**{**asdict(OPTIONS), "painted": 0.0, "size": 16}))
    losses = [step.loss for step in distiller.run(steps=40)]
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])


def test_a_training_that_stops_goes_on_exactly(make):
    whole = make()
    for _ in whole.run(steps=7):
        pass
    first = make()
    for step in first.run(steps=7):
        if step.step == 5:  # half-painted pictures are in play already
            break
    assert first.pool
    second = make()
    second.load_state(copy.deepcopy(first.state()))
    last = list(second.run(steps=7, since=(0, 0.0)))[-1]
    assert (last.step, last.done) == (7, 1.0)
    for key in ("student", "optimizer", "step", "pairs", "made", "random"):
        assert same(second.state()[key], whole.state()[key]), key


def test_it_learns_in_bfloat16_too(images):
    options = DistilOptions(**{**asdict(OPTIONS), "lack_weight": 1.0, "size": 16, "muon": 0.01})
    distiller = Distiller(new_teacher(), images, images[:2], options, precision=torch.bfloat16)
    losses = [step.loss for step in distiller.run(steps=40)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_pairs_are_learnt_from_on_small_crops_too(make, monkeypatch):
    distiller = make(DistilOptions(**{**asdict(OPTIONS), "lack_weight": 1.0, "painted": 0.5, "size": 16}))
    seen = []
    learn = distiller._learn
    monkeypatch.setattr(distiller, "_learn", lambda *given: seen.append((len(given[0]), given[2])) or learn(*given))
    for _ in distiller.run(steps=8):
        pass
    assert seen == [(4, 0)] * 4 + [(4, 1)] * 4


def test_photographs_of_half_painted_pictures_are_learnt_from_too(make, monkeypatch):
    changed = {"lack_weight": 1.0, "change_weight": 1.0, "painted": 0.75, "size": 16}
    distiller = make(DistilOptions(**{**asdict(OPTIONS), **changed}))
    seen = []
    learn = distiller._learn
    monkeypatch.setattr(distiller, "_learn", lambda *given: seen.append((given[0], given[2])) or learn(*given))
    losses = [step.loss for step in distiller.run(steps=8)]
    assert [(len(batch), pairs) for batch, pairs in seen] == [(4, 0)] * 4 + [(4, 1)] * 4
    assert min(losses[4:]) > max(losses[:4])  # two errors more count
    batch = (seen[-1][0][1:] * 255).round().byte()
    triples = [
        pair[..., top:, left:][..., :16, :16] for pair in distiller.pool for top in range(17) for left in range(17)
    ]
    assert any(torch.equal(batch, found) or torch.equal(batch.flip(3), found) for found in triples)


def test_norms_settle_as_the_rate_falls(make):
    distiller = make(DistilOptions(**{**asdict(OPTIONS), "norms": "settle", "painted": 0.0, "size": 16}))
    steps = distiller.run(steps=20, cooldown=0.5)
    means = [distiller.student.norms[0].running_mean.clone() for _ in steps]
    moved = [not torch.equal(a, b) for a, b in itertools.pairwise(means)]
    assert moved == [True] * 15 + [False] * 4  # from 0.4 of the rate on


def test_crops_by_other_processes_are_the_same_again(images):
    take = [fed(images, 16, 3, workers=workers, seed=5, first=2) for workers in (1, 2)]
    one, two = ([next(source) for _ in range(4)] for source in take)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert one[0].dtype == torch.uint8
    assert one[0].shape == (3, 3, 16, 16)
    assert not torch.equal(one[0], one[1])
    later = next(fed(images, 16, 3, workers=1, seed=5, first=3))
    assert torch.equal(later, one[1])


def test_a_student_learns_from_crops_by_other_processes(images):
    options = DistilOptions(**{**asdict(OPTIONS), "painted": 0.0, "size": 16})
    distiller = Distiller(new_teacher(), images, images[:2], options, precision=torch.float32, workers=2)
    losses = [step.loss for step in distiller.run(steps=40)]
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card that CUDA drives")
def test_steps_out_of_a_graph_are_the_steps(images):
    losses = []
    for replayed in (True, False):
        options = DistilOptions(**{**asdict(OPTIONS), "painted": 0.0, "size": 16, "muon": 0.01})
        distiller = Distiller(new_teacher(), images, images[:2], options, device="cuda", precision=torch.float32)
        if not replayed:
            distiller._stepped = lambda batch, taps, pairs, learn=distiller._learn: learn(batch, taps, pairs)
        losses.append([step.loss for step in distiller.run(steps=60)][-10:])
    assert sum(losses[0]) == pytest.approx(sum(losses[1]), rel=0.2)  # a capture takes three steps more


def test_muon_fixed_norms_and_large_crops_go_on_exactly_too(make, images):
    options = DistilOptions(**{**asdict(OPTIONS), "muon": 0.01, "norms": "fixed", "large": 0.5, "size": 16})
    whole = make(options)
    statistics = whole.student.norms[0].running_mean.clone()
    losses = [step.loss for step in whole.run(steps=12)]
    assert torch.equal(whole.student.norms[0].running_mean, statistics)
    assert {image.shape[-1] for image in whole.pool} == {32}  # pieces of them are the small crops
    first = make(options)
    for step in first.run(steps=12):
        if step.step == 7:
            break
    second = make(options)
    second.load_state(copy.deepcopy(first.state()))
    assert [step.loss for step in second.run(steps=12, since=(0, 0.0))] == losses[7:]


def test_a_student_grows_from_a_checkpoint_of_another_shape(begin, tmp_path):
    options = DistilOptions(**{**asdict(OPTIONS), "down": "max"})
    small = begin(Course(steps=2), options=options)
    for _ in small.steps():
        pass
    before = small.finish()["unexplained"]["clean"]
    state = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    deeper = {"blocks": ((4, 4), (6, 6), (8, 8), (10, 10, 10, 10), (16,)), "places": (("relu4_2", "relu4_3"),)}
    grown = begin(
        Course.after(state, None, 1, None), state, options=DistilOptions(**{**asdict(options), **deeper, "muon": 0.01})
    )
    assert grown.distiller.evaluate(grown._held["clean"]) == pytest.approx(before, rel=1e-3)
    assert [report.step for report in grown.steps()] == [3]
    card = grown.finish()
    assert card["options"]["places"] == (("relu4_2", "relu4_3"),)
    encoder = load_encoder(str(tmp_path / "out.safetensors"))
    assert encoder.places == {"relu4_2": "relu4_3"}
    assert macs(encoder) == card["kmacs_per_pixel"]
    again = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    begin(Course.after(again, None, 1, None), again, options=grown.distiller.options)


def test_an_early_checkpoint_without_pool_and_generators_goes_on(make):
    first = make()
    for _ in first.run(steps=2):
        pass
    second = make()
    second.load_state({key: value for key, value in first.state().items() if key in NEEDED})
    assert [step.step for step in second.run(steps=2)] == [3, 4]


def test_the_rate_warms_up_and_cools_down(make):
    rates = [
        s.learning_rate for s in make(DistilOptions(**{**asdict(OPTIONS), "painted": 0.0, "size": 16})).run(steps=40)
    ]
    assert rates[0] < rates[10] < max(rates) <= OPTIONS.learning_rate
    assert rates[-1] < 0.1 * OPTIONS.learning_rate


def test_no_minutes_and_no_steps_train_nothing(make):
    assert list(make().run(steps=0)) == []
    assert list(make().run(minutes=0)) == []


# ── pictures ──


def test_every_fiftieth_picture_is_held_out_the_same_in_every_archive(tmp_path, material):
    assert [(s.pictures, s.held_out) for s in material.sources] == [(6, 1)]
    again = gather([tmp_path / "pictures"])
    assert again.held_names == material.held_names
    assert not any(torch.equal(held, image) for held in material.held_out for image in material.images)


def test_hold_out_names_and_shares(tmp_path, material):
    few = tmp_path / "few"
    few.mkdir()
    for seed in (20, 21):
        save_image(picture(seed, 40, 40), few / f"q{seed}.png")
    found = gather([tmp_path / "pictures", few], [few], hold_out=["p3.png", "q20*"])
    assert found.held_names == ("p3.png", "q20.png")
    assert sum(found.odds[:6]) == pytest.approx(0.5)  # one painting weighs as much as six photographs
    assert found.odds[6:] == [0.5]
    assert len(found.paintings) == 1
    shares = gather([tmp_path / "pictures", few], shares=[3, 1]).odds
    assert sum(shares[:6]) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"hold_out": ["p9.png"]}, "p9.png"),
        ({"hold_out": ["*.png"]}, "no picture is left"),
        ({"shares": [1, 2]}, "2 shares for 1"),
        ({"shares": [0]}, "not all 0"),
    ],
)
def test_what_cannot_be_gathered(tmp_path, material, about, words):
    with pytest.raises((InputError, TrainingError), match=words.replace("*", r"\*")):
        gather([tmp_path / "pictures"], **about)


def test_one_picture_cannot_be_held_out(tmp_path):
    save_image(picture(1), tmp_path / "only.png")
    with pytest.raises(TrainingError, match="held out"):
        gather([tmp_path])


# ── teacher and student ──


def test_vgg_19_costs_361_thousand_multiply_adds_a_pixel():
    with torch.device("meta"):
        assert macs(ChainEncoder(VGG19_BLOCKS), TAPS) == pytest.approx(361, abs=1)


def test_a_teacher_without_the_taps_is_refused(tmp_path):
    save_encoder(tmp_path / "blind.safetensors", ChainEncoder(((4,), (4,))))
    with pytest.raises(InputError, match="relu3_1, relu4_1"):
        find_teacher(str(tmp_path / "blind.safetensors"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"blocks": ((4, 4), (6, 6), (8, 8), (10, 10), (12,))}, "give block 4 one more"),
        ({"blocks": ((4,), (6, 6), (8, 8), (10, 10, 10), (12,))}, "give block 1 one more"),
        ({"blocks": ((4, 4), (6, 6))}, "expected five blocks"),
        ({"size": 40}, "multiple of 16"),
        ({"down": "max", "places": (("relu5_1", "relu5_2"),)}, "has no relu5_2, only relu1_1"),
        ({"down": "max", "places": (("relu4_1", "relu4_3"),)}, "deeper tap is read above a shallower"),
        ({"down": "max", "places": (("relu4_1", "relu5_1"),)}, "deeper tap is read above a shallower"),
        ({"down": "max", "places": (("relu5_1", "relu4_3"),)}, "every 8 pixels"),
    ],
)
def test_students_that_do_not_stand_beside_the_teacher(changes, words):
    with pytest.raises(InputError, match=words):
        check_student(DistilOptions(**{**asdict(OPTIONS), **changes}), new_teacher())


# ── bare and narrow taps, pairs, blocks that learn ──

BARE = {
    **asdict(OPTIONS),
    "blocks": ((4, 4), (6, 6), (8, 8), (10, 10, 10), (12, 24)),
    "down": "max",
    "bare": ("relu5_1",),
}
BARE |= {"places": (("relu5_1", "relu5_2"),)}


def test_a_bare_tap_is_folded_as_it_is(make):
    training = make(DistilOptions(**BARE))
    for _ in training.run(steps=2):
        pass
    student, image = training.student.eval(), picture(1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            student.folded()(image, ["relu5_1"]), student(image, ["relu5_1"]), rtol=1e-3, atol=1e-4
        )


def test_a_bare_tap_has_the_teachers_channels():
    with pytest.raises(InputError, match="12 channels at relu5_1, expected the teacher's 24"):
        check_student(DistilOptions(**{**BARE, "places": ()}), new_teacher())


@pytest.mark.parametrize(
    ("widths", "words"), [({"relu5_1": 3}, "it is --bare"), ({"relu1_1": 5}, "has 4 channels there")]
)
def test_taps_narrower_than_there_are_channels(widths, words):
    with pytest.raises(InputError, match=words):
        check_student(DistilOptions(**BARE), new_teacher(), "", widths)


def test_a_narrowed_tap_of_full_width_answers_the_same_and_a_narrower_one_nearly():
    student, image = trained_student("max"), picture(1, 32, 32)
    taps = [layer.name for layer in student.layers]
    with torch.no_grad():
        wanted = student(image, taps)
        same = student.narrowed({"relu1_1": 6}, image)(image, taps)
        few = student.narrowed({"relu1_1": 5}, image)
        fewer = student.narrowed({"relu1_1": 1}, image)
        errors = [float((net(image, taps)["relu1_1"] - wanted["relu1_1"]).norm()) for net in (few, fewer)]
    torch.testing.assert_close(same, wanted)
    assert 0 < errors[0] < errors[1]
    assert few.folded().taps["relu1_1"].out_channels == 5
    a, b = picture(2, 32, 32), picture(3, 32, 32)  # folded measures distances as the narrowed student does
    with torch.no_grad():
        wide = few(a, ["relu1_1"])["relu1_1"] - few(b, ["relu1_1"])["relu1_1"]
        slim = few.folded()(a, ["relu1_1"])["relu1_1"] - few.folded()(b, ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(slim.square().sum(1), wide.square().sum(1), rtol=1e-3, atol=1e-4)


def test_only_the_blocks_asked_for_learn(make):
    training = make(DistilOptions(**{**asdict(OPTIONS), "learn_from": 5}))
    before = copy.deepcopy(dict(training.student.named_parameters()))
    for _ in training.run(steps=3):
        pass
    moved = {name for name, value in training.student.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert {training.student.block(name) for name in moved} == {5}


def test_blocks_that_only_look_get_no_gradient_and_answer_the_same():
    student, image = trained_student("max"), picture(1, 32, 32)
    with torch.no_grad():
        wanted = student(image, ["relu4_1"])["relu4_1"]
    student.still = 2
    found = student(image, ["relu4_1"])["relu4_1"]
    found.sum().backward()
    torch.testing.assert_close(found, wanted)
    reached = {student.block(name) for name, value in student.named_parameters() if value.grad is not None}
    assert reached == {3, 4}


def test_what_changed_is_seen_whatever_was_wrong_before():
    torch.manual_seed(0)
    wanted, error = torch.rand(4, 6, 8, 8), torch.rand(2, 6, 8, 8)
    assert float(relative_change(wanted, wanted)) == 0
    found = wanted + torch.cat([error, error])  # wrong of the picture and of its photograph in the same way
    assert float(relative_change(found, wanted)) < 1e-6
    blind = torch.cat([wanted[2:], wanted[2:]])
    assert float(relative_change(blind, wanted)) == pytest.approx(1)


def test_what_a_picture_lacks_is_seen_whatever_both_have_in_common():
    torch.manual_seed(0)
    wanted = torch.rand(2, 6, 8, 8)
    wanted[1] *= 3  # the painting has more of everything
    assert float(relative_lack(wanted, wanted)) == 0
    # A channel whose Gram matrix is wrong, but in the same way for the picture and its painting: steering is right.
    empty, alone = torch.zeros(2, 1, 8, 8), torch.zeros(2, 7, 8, 8)
    right = torch.cat([wanted, empty], 1)
    one = alone.clone()
    one[:, 6] = 1
    assert float(relative_lack(one, right)) == pytest.approx(float(relative_lack(alone, right)))
    assert 0.5 < float(relative_lack(alone, right)) < 1  # blind to the difference: all of it is lacking
    assert float(relative_gram(one, right)) > float(relative_gram(alone, right))


def test_front_and_behind_are_the_whole():
    student, image = trained_student("max"), picture(1, 32, 32)
    taps = ["relu3_1", "relu4_1", "relu4_2", "relu5_1"]
    with torch.no_grad():
        wanted, found = student(image, taps), student.behind(student.front(image, 3), taps, 3)
    assert set(found) == set(taps)
    torch.testing.assert_close(found, dict(wanted))


def test_a_store_teaches_the_last_blocks_and_stays_as_small_as_asked(make):
    store = {"learn_from": 4, "store": 18, "lack_weight": 1.0, "painted_from": 0}
    training = make(DistilOptions(**{**asdict(OPTIONS), **store}))
    before = copy.deepcopy(dict(training.student.named_parameters()))
    errors = [step.errors for step in training.run(steps=10)]
    assert all(set(seen) == {"relu4_1", "relu4_2", "relu5_1"} for seen in errors)
    moved = {name for name, value in training.student.named_parameters() if not torch.equal(value, before[name])}
    assert {training.student.block(name) for name in moved} == {4, 5}
    kept = training._store
    assert len(kept[False]) + len(kept[True]) == 18
    assert {len(seen) for seen, _ in kept[True]} == {2}


def test_a_full_store_takes_in_as_many_crops_as_asked(make):
    store = {"learn_from": 4, "store": 18, "lack_weight": 1.0, "painted_from": 0, "fresh": 1.5}
    training = make(DistilOptions(**{**asdict(OPTIONS), **store}))
    alive, new = {}, []  # what was ever kept, so that no crop is given the place of another
    for _ in training.run(steps=8):
        before = len(alive)
        alive |= {id(seen): seen for part in training._store.values() for seen, _ in part}
        new.append(len(alive) - before)
    assert new[2:] == [1, 2, 1, 2, 1, 2] or new[2:] == [2, 1, 2, 1, 2, 1]


@pytest.mark.parametrize(("batch", "store"), [(4, 0), (5, 12), (8, 12), (40, 12)])
def test_half_painted_pictures_alone_make_up_a_batch(make, batch, store):
    deep = {"learn_from": 4, "store": store} if store else {}
    changed = {"painted": 1.0, "painted_from": 0, "change_weight": 1.0, "size": 16, "batch": batch, **deep}
    losses = [step.loss for step in make(DistilOptions(**{**asdict(OPTIONS), **changed})).run(steps=3)]
    assert len(losses) == 3
    assert all(map(math.isfinite, losses))


@pytest.mark.parametrize("name", ["lack_weight", "change_weight"])
def test_weights_of_half_painted_pictures_want_some(name):
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} weighs half-painted pictures"):
        DistilOptions(painted=0, **{name: 1.0})


def test_a_store_of_blocks_that_change_is_refused():
    with pytest.raises(InputError, match="--learn-from"):
        DistilOptions(store=10)


def test_pairs_go_on_after_a_stop(make):
    options = DistilOptions(**{**asdict(OPTIONS), "large": 0.7, "lack_weight": 1.0, "painted_from": 0, "size": 16})
    whole, first, second = make(options), make(options), make(options)
    for _ in whole.run(steps=6):
        pass
    for _ in first.run(steps=3):
        pass
    assert first.pool
    assert first.pool[0].shape == (3, 3, 32, 32)
    second.load_state(first.state())
    for _ in second.run(steps=3):
        pass
    assert [len(pool) for pool in (whole.pool, second.pool)] == [len(whole.pool)] * 2
    assert all(torch.equal(a, b) for a, b in zip(whole.pool[:1], second.pool[:1], strict=True))


# ── from files to files ──


def test_what_is_written_loads_paints_and_copies_nothing(begin, tmp_path, material):
    training = begin(Course(steps=6))
    reports = list(training.steps())
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert [bool(report.text) for report in reports] == [False, True] * 3
    pair = (tmp_path / "pictures" / "p1.png", tmp_path / "pictures" / "p2.png")
    card = training.finish(pairs=[pair], size=48)
    encoder = load_encoder(str(tmp_path / "out.safetensors"))
    assert tuple(layer.name for layer in encoder.layers) == TAPS
    assert encoder.content_layers == ("relu4_2",)
    painted = stylize(picture(1), picture(2), encoder=str(tmp_path / "out.safetensors"), size=48, steps=2)
    assert bool(painted.image.isfinite().all())
    theirs = list(new_teacher().state_dict().values())
    for name, tensor in encoder.state_dict().items():
        if name != "mean":
            assert not any(tensor.shape == t.shape and torch.allclose(tensor, t, atol=1e-3) for t in theirs)
    assert json.loads(json.dumps(card)) == json.loads((tmp_path / "out.json").read_text())
    assert card["bytes"] == (tmp_path / "out.safetensors").stat().st_size
    assert set(card["judged"]["mean"]) == {"style", "content", "chroma_noise"}
    assert (tmp_path / "out-p1-p2.png").is_file()
    text = (tmp_path / "out.md").read_text()
    assert card["teacher"]["sha256"] in text
    assert "p1-p2" in text
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert {f"held-out {tap}" for tap in TAPS} | {f"train {tap}" for tap in TAPS} <= rows[0].keys()


def test_the_file_says_by_which_layers_it_holds_on_to_the_photograph(begin, tmp_path):
    begin(Course(steps=0)).finish(balance=2.0, content="relu3_1=0.5,relu4_2=1.5")
    encoder = load_encoder(str(tmp_path / "out.safetensors"))
    assert (encoder.balance, encoder.content_layers) == (2.0, ("relu3_1", "relu4_2"))
    assert encoder.content_weights == {"relu3_1": 0.25, "relu4_2": 0.75}
    painter = open_easel(picture(1, 40, 44), picture(2, 40, 44), encoder=encoder, size=48).painter
    assert painter.content_layers == encoder.content_weights
    named = open_easel(picture(1, 40, 44), picture(2, 40, 44), encoder=encoder, size=48, content_layers="relu4_2")
    assert named.painter.content_layers == {"relu4_2": 1.0}


def test_content_layers_are_checked_before_the_training(begin):
    for words in ("relu4_3", "relu4_2=x", "relu4_2=0"):
        with pytest.raises(InputError):
            check_student(OPTIONS, new_teacher(), words)


def test_full_precision_is_twice_as_large(begin, tmp_path):
    half = begin(Course(steps=0)).finish()["bytes"]
    assert begin(Course(steps=0)).finish(half=False)["bytes"] > 1.5 * half


@pytest.mark.slow
def test_an_interrupted_distillation_goes_on_as_if_nothing_had_happened(begin, tmp_path):
    whole = begin(Course(steps=7))
    for _ in whole.steps():
        pass
    whole.save()
    wanted = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    training = begin(Course(steps=7))
    for report in training.steps():
        if report.step == 5:
            break
    training.save()
    state = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    assert not state["course"]["complete"]
    course = Course.after(state, None, None, None)
    rest = begin(course, state)
    assert [report.step for report in rest.steps()] == [6, 7]
    rest.save()
    found = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    for key in ("student", "optimizer", "pairs", "random", "step"):
        assert same(found[key], wanted[key]), key
    assert [row["step"] for row in found["rows"]] == [2, 4, 6]
    assert Course.after(found, None, 5, None).since[0] == 7  # it is complete: another course begins


def test_an_export_leaves_the_checkpoint_alone(begin, tmp_path):
    training = begin(Course(steps=9))
    next(training.steps())
    training.save()
    path = checkpoint_of(tmp_path / "out.safetensors")
    before = path.read_bytes()
    state = load_checkpoint(path, "distillation", NEEDED)
    export = begin(Course.after(state, 0.0, None, None), state)
    assert list(export.steps()) == []
    assert export.finish()["steps"] == 1
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_shape_is_one_line(begin, tmp_path):
    training = begin()
    training.save()
    state = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    state["student"]["convs.0.weight"] = torch.zeros(5, 3, 3, 3)
    with pytest.raises(TrainingError, match=r"another shape: convs.0.weight is 5×3×3×3, expected 4×3×3×3"):
        begin(state=state)
    del state["student"]["convs.0.weight"]
    with pytest.raises(TrainingError, match=r"lacks convs.0.weight"):
        begin(state=state)


def test_a_checkpoint_of_another_teacher_is_refused(begin, tmp_path):
    training = begin()
    training.save()
    state = load_checkpoint(checkpoint_of(tmp_path / "out.safetensors"), "distillation", NEEDED)
    state["teacher"]["sha256"] = "0" * 64
    with pytest.raises(TrainingError, match="was trained with the teacher"):
        begin(state=state)


def test_weights_that_are_not_finite_never_replace_a_checkpoint(begin, tmp_path):
    training = begin()
    training.save()
    before = checkpoint_of(tmp_path / "out.safetensors").read_bytes()
    with torch.no_grad():
        training.distiller.student.convs[0].weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite"):
        training.save()
    with pytest.raises(TrainingError, match="diverged at step 1"):
        list(training.steps())
    assert checkpoint_of(tmp_path / "out.safetensors").read_bytes() == before
