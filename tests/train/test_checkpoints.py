"""Checkpoints: whole or not at all, harmless to read, and never mixed up with other options."""

import errno
import os
import pickle

import pytest
import torch

from impasto.errors import InputError, TrainingError
from impasto.train.checkpoint import Course, fit, load_checkpoint, save_checkpoint, settle
from impasto.train.options import ClassifyOptions, DistilOptions, parse_blocks


def test_there_and_back(tmp_path):
    state = {"kind": "thing", "x": torch.arange(3), "options": {"blocks": ((1, 2), (3,))}, "none": None}
    save_checkpoint(tmp_path / "deep" / "a.checkpoint", state)
    found = load_checkpoint(tmp_path / "deep" / "a.checkpoint", "thing", ["x"])
    assert torch.equal(found.pop("x"), state.pop("x"))
    assert found == state


@pytest.mark.parametrize("when", ["write", "fsync", "replace"])
def test_on_a_full_disk_the_last_checkpoint_stays(tmp_path, monkeypatch, when):
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, {"step": 1})
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*args, **kwargs):
        raise full

    if when == "write":
        monkeypatch.setattr("impasto.media.files._write_bytes", fail)
    else:
        monkeypatch.setattr(os, when, fail)
    with pytest.raises(TrainingError, match="no space left") as caught:
        save_checkpoint(path, {"step": 2})
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert load_checkpoint(path, "thing", ["step"])["step"] == 1
    assert os.listdir(tmp_path) == ["a.checkpoint"]


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_damaged_checkpoints_are_one_line(tmp_path, damage):
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, {"step": 1, "x": torch.zeros(1000)})
    path.write_bytes({"cut": path.read_bytes()[:900], "text": b"hello there", "empty": b""}[damage])
    with pytest.raises(TrainingError, match="damaged or no checkpoint") as caught:
        load_checkpoint(path, "thing", ["step"])
    assert "\n" not in str(caught.value)


def test_reading_a_checkpoint_runs_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "a.checkpoint").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(TrainingError):
        load_checkpoint(tmp_path / "a.checkpoint", "thing", [])
    torch.save({"step": Evil()}, tmp_path / "b.checkpoint")
    with pytest.raises(TrainingError):
        load_checkpoint(tmp_path / "b.checkpoint", "thing", [])
    assert not (tmp_path / "ran").exists()


def test_checkpoints_of_another_kind(tmp_path):
    save_checkpoint(tmp_path / "a.checkpoint", {"kind": "classifier", "step": 1})
    with pytest.raises(TrainingError, match="of a classifier, not of a distillation"):
        load_checkpoint(tmp_path / "a.checkpoint", "distillation", ["step"])
    with pytest.raises(TrainingError, match="it lacks model"):
        load_checkpoint(tmp_path / "a.checkpoint", "classifier", ["step", "model"])
    with pytest.raises(TrainingError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "b.checkpoint", "classifier", [])


def test_options_that_contradict_a_checkpoint_are_named(tmp_path):
    path, saved = tmp_path / "a.checkpoint", {"batch": 4, "blocks": ((1, 2), (3,))}
    assert settle(path, saved, {"batch": 4, "blocks": [[1, 2], [3]]}, fixed=["blocks"])["batch"] == 4
    with pytest.raises(TrainingError, match=r"--batch 8: .* trained with 4: .* --change"):
        settle(path, saved, {"batch": 8}, fixed=["blocks"])
    assert settle(path, saved, {"batch": 8}, fixed=["blocks"], change=True)["batch"] == 8
    with pytest.raises(TrainingError, match=r"--blocks 1,2/4: .* trained with 1,2/3"):
        settle(path, saved, {"blocks": ((1, 2), (4,))}, fixed=["blocks"], change=True)
    places = {"places": (("relu4_1", "relu4_2"), ("relu5_1", "relu5_2"))}
    with pytest.raises(TrainingError, match=r"--places relu5_1=relu5_2: .* with relu4_1=relu4_2,relu5_1=relu5_2: "):
        settle(path, places, {"places": (("relu5_1", "relu5_2"),)}, fixed=[])


def test_a_net_of_another_shape(tmp_path):
    net = torch.nn.Linear(2, 3)
    fit(tmp_path, net, net.state_dict())
    for state, words in [
        ({}, "lacks weight"),
        (torch.nn.Linear(2, 4).state_dict(), "weight is 4×2, expected 3×2"),
        ({**net.state_dict(), "more": torch.zeros(1)}, "has more besides"),
        (None, "no tensors"),
    ]:
        with pytest.raises(TrainingError, match=words):
            fit(tmp_path, net, state)


def test_a_course_is_taken_up_where_it_stopped():
    course = {"minutes": None, "steps": 10, "cooldown": 0.5, "first": 3, "began": 1.5, "complete": False}
    state = {"step": 8, "seconds": 4.0, "course": course}
    assert Course.after(state, None, None, None) == Course(**course)
    longer = Course.after(state, 5.0, None, 0.2)
    assert (longer.minutes, longer.steps, longer.cooldown, longer.since) == (5.0, None, 0.2, (3, 1.5))
    state["course"] = {**course, "complete": True}
    assert Course.after(state, None, 20, None).since == (8, 4.0)
    with pytest.raises(InputError, match="--minutes or --steps"):
        Course.after(state, None, None, None)


@pytest.mark.parametrize("about", [{}, {"minutes": 1, "steps": 1}, {"minutes": -1}, {"steps": 1, "cooldown": 2}])
def test_courses_that_make_no_sense(about):
    with pytest.raises(InputError):
        Course(**about)


def test_options_are_checked_by_their_ranges():
    assert parse_blocks("32,48/64") == ((32, 48), (64,))
    assert parse_blocks("32/96, 96r2/256k1,256r3k5") == ((32,), (96, "96r2"), ("256k1", "256r3k5"))
    for text in ("", "a", "3,,4", "0/4", "-3", "99999"):
        with pytest.raises(InputError, match="--blocks"):
            parse_blocks(text)
    for options, change, words in [
        (DistilOptions, {"painted": 1.5}, "--painted 1.5: expected 0 to 1"),
        (DistilOptions, {"learning_rate": float("nan")}, "--learning-rate"),
        (DistilOptions, {"down": "sideways"}, "sideways"),
        (ClassifyOptions, {"batch": 0}, "--batch 0: expected 2"),
    ]:
        with pytest.raises(InputError, match=words):
            options(**change)
