"""What fits, what does not, and that what is foreseen is what is painted."""

import json
import subprocess
import sys

import pytest
import torch

from conftest import picture
from impasto import Recipe, open_easel
from impasto.errors import InputError
from impasto.foresee import machine
from impasto.foresee.check import check_fits, fit
from impasto.foresee.memory import need, repainted
from impasto.foresee.pace import Pace
from impasto.foresee.plan import foresee
from impasto.loss.blocks import BlockObjective
from impasto.media.drawn import draw_painting
from impasto.media.image import save_image


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def easel_of(tiny, **options):
    return open_easel(picture(1), picture(2, 56, 56), encoder=tiny, **{"size": 400, **options})


def needed(easel, **changes):
    return need(repainted(easel.painter, easel.recipe.but(**changes)), 48, 64, held=0).main


def test_what_is_larger_needs_more(tiny):
    easel = easel_of(tiny)
    sizes = [needed(easel, size=size) for size in (64, 200, 800, 3000, 12000)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1]
    assert needed(easel, optimizer="lbfgs", averaging=0.0) > needed(easel)
    assert needed(easel, size=3000, block=256) < needed(easel, size=3000, block=20000)


def test_number_formats_of_half_the_size_need_less(tiny):
    whole = needed(easel_of(tiny), size=3000)
    assert needed(easel_of(tiny.to(torch.bfloat16)), size=3000) < whole


@pytest.mark.parametrize("options", [{}, {"block": 256}, {"optimizer": "lbfgs", "averaging": 0.0}, {"style_scale": 2}])
def test_the_largest_size_that_is_named_fits_and_the_next_does_not(tiny, monkeypatch, options):
    easel = easel_of(tiny, size=9000, **options)
    held = machine.resident()
    monkeypatch.setattr(machine, "resident", lambda: held)
    monkeypatch.setattr(machine, "room", lambda: held + (400 << 20))
    found = fit(easel)
    assert not found.fits
    assert 64 < found.largest < 9000
    with pytest.raises(
        InputError, match=f"--size 9000 needs about .*: --size {found.largest} is the largest that fits"
    ):
        check_fits(easel)
    check_fits(easel_of(tiny, **options, size=found.largest))
    with pytest.raises(InputError, match=f"--size {found.largest} is the largest"):
        check_fits(easel_of(tiny, **options, size=found.largest + 1))


def test_where_nothing_fits_no_size_is_named(tiny, monkeypatch):
    monkeypatch.setattr(machine, "room", lambda: 1 << 20)
    with pytest.raises(InputError, match="no --size fits"):
        check_fits(easel_of(tiny))


def test_the_blocks_of_the_plan_are_those_that_are_painted(tiny, monkeypatch):
    monkeypatch.setattr("impasto.paint.targets.block_budget", lambda: 2.5e6)
    easel, seen = easel_of(tiny, size=320, start_size=80, steps=1), {}
    call = BlockObjective.__call__
    monkeypatch.setattr(
        BlockObjective,
        "__call__",
        lambda self, image: seen.update({max(image.shape): self.size}) or call(self, image),
    )
    painted = {at.size for at in easel.paint()}
    monkeypatch.setattr("impasto.foresee.plan.pace_of", lambda *_, **__: Pace(0.01, 1e-7, 1e-8, 0.0, 0.0))
    stages = foresee(easel).stages
    assert {stage.size: stage.block for stage in stages if stage.block} == {k: v for k, v in seen.items() if v}
    assert {stage.size for stage in stages} == painted
    assert stages[-1].blocks > 1
    assert not stages[0].block


def test_room_is_never_more_than_there_is():
    assert 0 < machine.resident() < machine.room()
    assert 0 < machine.age() < 1e5


@pytest.mark.slow
def test_what_is_foreseen_comes_true(tmp_path):
    """256 px with the built-in encoder, in a process of its own: memory within 30 %, time within a factor of 4."""
    photo, style = tmp_path / "photo.png", tmp_path / "style.png"
    save_image(draw_painting("ink", width=256, height=192), photo)
    save_image(draw_painting("ember", width=256, height=192), style)
    words = [str(photo), str(style), "--encoder", "builtin", "--size", "256", "--quality", "draft", "--json"]
    lines = []
    for command in (["plan", *words], ["image", *words, "-o", str(tmp_path / "out.png"), "--quiet"]):
        code = (
            "import resource, subprocess, sys, time\n"
            "began = time.perf_counter()\n"
            "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, check=True)\n"
            "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
            "print(done.stdout.strip(), time.perf_counter() - began, peak, sep='\\n')\n"
        )
        run = [sys.executable, "-c", code, sys.executable, "-m", "impasto", *command]
        done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=True)
        lines.append(done.stdout.splitlines())
    plan, (_, seconds, peak) = json.loads(lines[0][0]), lines[1]
    assert 0.7 < plan["memory"]["main"] / (float(peak) * 1024) < 1.3
    assert 0.25 < plan["seconds"] / float(seconds) < 4


def test_a_recipe_is_not_changed_by_looking_for_what_fits(tiny, monkeypatch):
    monkeypatch.setattr(machine, "room", lambda: machine.resident() + (300 << 20))
    easel = easel_of(tiny, size=9000, start_size=4000)
    assert fit(easel).largest < 4000
    assert easel.recipe == Recipe(size=9000, start_size=4000)
