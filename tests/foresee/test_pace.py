"""The pace is measured once, kept, and measured again when asked for or when what is kept is of no use."""

import json
from dataclasses import asdict

import pytest
import torch

from conftest import picture
from impasto import open_easel
from impasto.foresee import pace as paces
from impasto.foresee.pace import Pace, measure, measure_large, pace_of
from impasto.see.known import home

FIXED = Pace(0.01, 2e-7, 5e-8, 0.02, 0.1)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))


@pytest.fixture
def painter(tiny):
    return open_easel(picture(1), picture(2, 56, 56), encoder=tiny, size=64).painter


@pytest.fixture
def measured(monkeypatch):
    """How often something was measured."""
    calls = []
    monkeypatch.setattr(paces, "measure", lambda painter: calls.append(painter) or FIXED)
    return calls


def test_it_is_measured_once_and_anew_when_asked_for(painter, measured):
    assert pace_of(painter, "a") == pace_of(painter, "a") == FIXED
    assert len(measured) == 1
    pace_of(painter, "a", fresh=True)
    assert len(measured) == 2


def test_what_a_large_picture_takes_is_measured_when_one_is_planned(painter, measured, monkeypatch):
    asked = []
    monkeypatch.setattr(paces, "measure_large", lambda painter: asked.append(painter) or 1.5)
    assert pace_of(painter, "a").large == 0
    assert pace_of(painter, "a", large=True).large == pace_of(painter, "a", large=True).large == 1.5
    assert pace_of(painter, "a") == pace_of(painter, "a", large=True)  # a small one remembers it too
    assert len(measured) == len(asked) == 1


def test_a_large_picture_is_measured_where_it_can_be_cut(painter):
    assert measure_large(painter) >= 1
    painter.encoder.radius = 0
    assert measure_large(painter) == 1


def test_other_weights_threads_or_terms_have_another_pace(painter, measured, tiny, monkeypatch):
    pace_of(painter, "a")
    pace_of(painter, "b")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    pace_of(painter, "a")
    pace_of(open_easel(picture(1), picture(2, 56, 56), encoder=tiny, size=64, grain_weight=0.0).painter, "a")
    assert len(measured) == 4
    pace_of(open_easel(picture(1), picture(2, 56, 56), encoder=tiny, size=400, strength=60).painter, "a")
    assert len(measured) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 0, "paces": {}}',
        '{"format": 1, "paces": 3}',
        "KEY{}",
        'KEY{"step": "fast"}',
        "KEYnull",
        'KEY{"step": NaN, "per_pixel": 1, "look": 1, "start": 1, "warm": 1}',
        'KEY{"step": -1, "per_pixel": 1, "look": 1, "start": 1, "warm": 1}',
        "\udcff",
    ],
)
def test_what_is_damaged_is_measured_again(painter, measured, text):
    pace_of(painter, "a")
    file = home() / "pace.json"
    (key,) = json.loads(file.read_text())["paces"]
    if text.startswith("KEY"):
        text = f'{{"format": 1, "paces": {{"{key}": {text[3:]}}}}}'
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert pace_of(painter, "a") == FIXED
    assert len(measured) == 2
    assert json.loads(file.read_text())["paces"][key] == asdict(FIXED)


def test_a_home_that_cannot_be_written_to_is_no_error(painter, measured, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "file" / "home"))
    assert pace_of(painter, "a") == pace_of(painter, "a") == FIXED
    assert len(measured) == 2


def test_a_real_pace_says_that_more_pixels_take_longer(painter, monkeypatch):
    monkeypatch.setattr(paces, "_SIZES", (64, 160))
    pace = measure(painter)
    assert all(value >= 0 for value in asdict(pace).values())
    assert pace.per_pixel > 0
    assert pace.steps(10**6) > pace.steps(10**4)


@pytest.mark.parametrize("options", [{"optimizer": "lbfgs", "averaging": 0.0}, {"losses": "classic"}, {"strength": 0}])
def test_every_method_can_be_measured(tiny, monkeypatch, options):
    monkeypatch.setattr(paces, "_SIZES", (64, 96))
    monkeypatch.setattr(paces, "_STEPS", 2)
    easel = open_easel(picture(1), picture(2, 56, 56), encoder=tiny, size=64, init="noise", noise_mean=0.4, **options)
    assert measure(easel.painter).per_pixel > 0
