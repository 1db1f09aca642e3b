"""The self-test passes on a sound machine and fails where something is broken."""

import copy

import pytest
import torch

from impasto.examine import selftest
from impasto.examine.finding import found_by
from impasto.examine.rate import convolution_rate
from impasto.see.load import load_encoder


@pytest.fixture(autouse=True)
def small(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(selftest, "_STEPS", 5)


@pytest.fixture(scope="module")
def builtin():
    return load_encoder("builtin")


def marks(check):
    return {found.name: found.mark for found in found_by("check", check)}


def test_a_sound_encoder_paints_the_same_twice(builtin):
    found = marks(lambda: selftest.same_twice(builtin))
    assert found == {"painting": "ok", "painted again": "ok", "PNG": "ok"}


def test_blocks_and_precision_agree(builtin):
    assert marks(lambda: selftest.same_gradient(builtin)) == {"blocks": "ok"}
    assert marks(selftest.same_precision) == {"precision": "ok"}


def test_nan_weights_are_found(builtin):
    broken = copy.deepcopy(builtin)
    broken.convs[1].weight.data[0, 0] = float("nan")
    (found,) = found_by("painting", lambda: selftest.same_twice(broken))
    assert (found.mark, "NaN" in found.text) == ("wrong", True)
    assert marks(lambda: selftest.same_gradient(broken)) == {"blocks": "wrong"}


def test_blocks_that_forget_their_halo_are_found(builtin):
    near = copy.deepcopy(builtin)
    near.radius = 8  # it sees farther than it says
    assert marks(lambda: selftest.same_gradient(near)) == {"blocks": "wrong"}


def test_a_precision_that_is_off_is_found(monkeypatch):
    exact = selftest._gradient
    calls = []

    def off(objective, image):
        calls.append(objective)
        value, gradient = exact(objective, image)
        return value * len(calls), gradient

    monkeypatch.setattr(selftest, "_gradient", off)
    monkeypatch.setattr(selftest, "choose_precision", lambda name, device: torch.bfloat16)
    assert marks(selftest.same_precision) == {"precision": "wrong"}


def test_what_would_take_too_long_is_left_out(builtin, monkeypatch):
    monkeypatch.setattr(selftest, "_SECONDS", 0.0)
    assert marks(lambda: selftest.same_gradient(builtin)) == {"blocks": "note"}
    first, *_ = found_by("painting", lambda: selftest.same_twice(builtin))
    assert (first.mark, first.facts["steps"]) == ("ok", 1)


def test_rates_and_what_they_say():
    assert convolution_rate(torch.float32, side=16, seconds=0.01) > 0
    assert selftest.compared("cpu", torch.bfloat16, 100, 200).mark == "ok"
    assert "float32" in selftest.compared("cpu", torch.bfloat16, 100, 50).remedy
    assert "bfloat16" in selftest.compared("cpu", torch.float32, 100, 200).remedy
    assert selftest.compared("mps", torch.float32, 100, None).mark == "ok"


def test_threads_that_do_not_pay_are_noted(monkeypatch):
    monkeypatch.setattr(selftest, "convolution_rate", lambda dtype: 100.0)
    assert selftest.gain(2, 190.0).mark == "ok"
    slow = selftest.gain(2, 90.0)
    assert (slow.mark, "OMP_NUM_THREADS" in slow.remedy) == ("note", True)
    torch.set_num_threads(1)
