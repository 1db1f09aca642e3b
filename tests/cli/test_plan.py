"""``impasto plan``, and the look at the memory before every run."""

import json

import pytest

from impasto.foresee import machine
from impasto.foresee import pace as paces
from impasto.foresee.pace import Pace
from impasto.paint.optimise import ladder
from impasto.recipe import Recipe


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    calls = []
    monkeypatch.setattr(paces, "measure", lambda painter: calls.append(painter) or Pace(0.01, 1e-6, 1e-7, 0.0, 0.5))
    return calls


def plan(desk, *words):
    return desk.run("plan", desk.photo, desk.style, "--encoder", desk.encoder, *words)


def little(monkeypatch, more=300 << 20):
    monkeypatch.setattr(machine, "room", lambda: machine.resident() + more)


def test_the_table(desk):
    code, out, err = plan(desk, "--size", 256)
    assert (code, err) == (0, "")
    first, head, *rows, where, time, memory = out.splitlines()
    assert first.startswith("encoder tiny, ")
    assert head.split() == ["size", "steps", "seen", "s", "a", "step", "seconds"]
    rungs = ladder(Recipe(size=256), 48, 64)
    assert [row.split()[:3] for row in rows] == [[f"{s}×{s * 3 // 4}", str(n), "whole"] for s, n in rungs]
    assert where.startswith("computed on cpu in ")
    assert where.endswith("with 1 thread")
    assert time.startswith("time    about ")
    assert memory.startswith("memory  about ")
    assert set(desk.files()) == {"photo.png", "style.png", "tiny.safetensors"}


def test_json_adds_up(desk):
    code, out, err = plan(desk, "--size", 256, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert set(found) == {
        *("encoder", "precision", "device", "threads", "sizes", "seconds", "seconds_opening", "seconds_writing"),
        *("memory", "memory_there", "fits", "largest_size"),
    }
    assert set(found["sizes"][0]) == {
        *("size", "width", "height", "steps", "block", "blocks", "step_seconds", "seconds"),
    }
    assert (found["encoder"], found["device"], found["fits"], found["largest_size"]) == ("tiny", "cpu", True, 256)
    seconds = sum(size["seconds"] for size in found["sizes"])
    assert found["seconds"] == pytest.approx(found["seconds_opening"] + seconds + found["seconds_writing"])
    last = found["sizes"][-1]
    assert (
        last["seconds"] >= last["steps"] * last["step_seconds"] == pytest.approx(last["steps"] * (0.01 + 256 * 192e-6))
    )
    assert 0 < found["memory"]["main"] < found["memory_there"]["main"]
    assert found["memory"]["card"] == 0


def test_blocks_are_said_and_cost_more(desk):
    whole, cut = (json.loads(plan(desk, "--size", 256, "--json", *words)[1]) for words in ((), ("--block", 64)))
    assert cut["sizes"][-1]["block"] == 64
    assert cut["sizes"][-1]["blocks"] == 2
    assert cut["seconds"] > whole["seconds"]
    assert "2 blocks of 64" in plan(desk, "--size", 256, "--block", 64)[1]


def test_the_machine_is_measured_once_and_with_probe_anew(desk, quick):
    for words in ((), (), ("--probe",)):
        assert plan(desk, "--size", 128, *words)[0] == 0
    assert len(quick) == 2


def test_what_does_not_fit_is_shown_and_refused(desk, monkeypatch):
    little(monkeypatch)
    code, out, err = plan(desk, "--size", 9000)
    assert code == 2
    assert "memory  about " in out
    assert err.startswith("error: --size 9000 needs about ")
    code, out, err = plan(desk, "--size", 9000, "--json")
    assert code == 2
    assert json.loads(out)["fits"] is False
    assert f"--size {json.loads(out)['largest_size']} is the largest that fits" in err


def test_every_run_looks_first(desk, monkeypatch):
    assert desk.image()[0] == 0
    little(monkeypatch)
    line = desk.refused("image", desk.photo, desk.style, "--encoder", desk.encoder, "--size", 9000)
    assert "--size 9000 needs about" in line
    assert "the largest that fits" in line
    assert "--anyway" in line
    monkeypatch.setattr(machine, "room", lambda: 1 << 20)
    assert "no --size fits" in desk.refused("image", desk.photo, desk.style, "--encoder", desk.encoder, "--size", 64)
    assert "no --size fits" in desk.refused("rerun", desk.out, "-o", "again.png")
    assert desk.image("--anyway")[0] == 0
    assert desk.run("rerun", desk.out, "-o", "again.png", "--anyway")[0] == 0


def test_looking_measures_nothing(desk, quick):
    desk.image()
    assert quick == []


@pytest.mark.parametrize(
    "words",
    [
        ("--size", 5),
        ("--quality", "great"),
        ("--strength", 50.5, "--style-weight", 3),
        ("--encoder", "vgg91"),
        ("--weights", "nowhere.pth"),
        ("--init", "nothing.png"),
        ("--block", -1),
    ],
)
def test_what_image_refuses_plan_refuses_alike(desk, words):
    lines = {desk.refused(command, desk.photo, desk.style, *words) for command in ("plan", "image")}
    assert len(lines) == 1


def test_pictures_that_are_not_there_are_no_plan(desk):
    assert "does not exist" in desk.refused("plan", "nowhere.png", desk.style)
    assert "same picture" in desk.refused("plan", desk.photo, desk.photo)
