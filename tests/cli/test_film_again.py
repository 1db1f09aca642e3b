"""``impasto rerun`` of a film, films that loop, and films judged from the command line."""

from __future__ import annotations

import json
import math

import pytest
import torch
from PIL import Image

from conftest import picture

pytest.importorskip("av", reason="needs PyAV: pip install 'impasto[film]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")

from films import make_film, scene
from impasto.media.film_recipe import read_film_recipe
from impasto.media.frames import FilmWriter, probe

SMALL = ("--size", 64, "--start-size", 64, "--steps", 2, "--frame-steps", 2, "--anyway", "--threads", 1, "-q")


@pytest.fixture(autouse=True)
def _remembered_pace(monkeypatch):
    """No test measures the machine."""
    from impasto.foresee.pace import Pace

    monkeypatch.setattr("impasto.reel.estimate.pace_of", lambda *_: Pace(0.01, 1e-7, 1e-8, 0.01, 0.1))


def swing(count=6):
    """A camera that goes to and fro: behind the last frame comes the first."""
    wide = picture(3, 48, 64 + 8)
    return [wide[..., round(4 - 4 * math.cos(2 * math.pi * k / count)) :][..., :64] for k in range(count)]


@pytest.fixture
def film(desk):
    return make_film(desk.folder / "film.mp4", swing(), 25, sound=0.2)


def painted(desk, film, *more, out="out.mp4"):
    words = ("video", film, desk.style, "-o", desk.folder / out, "--encoder", desk.encoder, *SMALL, *more)
    code, _, err = desk.run(*words)
    assert code == 0, err
    return desk.folder / out


def test_a_film_is_painted_again_at_the_same_bytes_also_after_an_interruption(desk, film):
    out = painted(desk, film, "--loop", "--end", 0.2, "--film-quality", 60, "--init", "previous", "--keep-work")
    again = desk.folder / "again.mp4"
    assert desk.run("rerun", out, "-o", again, "-q", "--anyway")[0] == 0
    assert again.read_bytes() == out.read_bytes()
    assert not (desk.folder / "again.mp4.work").exists()
    # As if it had been interrupted after three frames.
    work, part = desk.folder / "out.mp4.work", desk.folder / "out-rerun.mp4.work"
    part.mkdir()
    for path in sorted(work.iterdir())[:4]:
        (part / path.name).write_bytes(path.read_bytes())
    code, told, err = desk.run("rerun", out, "-q", "--anyway", "--json")
    assert code == 0, err
    assert json.loads(told)["out"].endswith("out-rerun.mp4")
    assert (desk.folder / "out-rerun.mp4").read_bytes() == out.read_bytes()
    assert " --loop " in desk.run("show", out)[1]


def test_a_film_whose_inputs_have_gone_is_not_painted_again(desk, film):
    out = painted(desk, film)
    moved = film.rename(desk.folder / "moved.mp4")
    rerun = ("rerun", out, "-o", desk.folder / "again.mp4", "-q", "--anyway")
    assert f"the film {film} is gone: name it with --content FILM" in desk.refused(*rerun)
    other = make_film(desk.folder / "other.mp4", scene(2), 25)
    assert "is not the one that was painted from (its sha256 differs)" in desk.refused(*rerun, "--content", other)
    assert "--mask is not for it" in desk.refused(*rerun, "--mask", desk.style)
    assert "is one of the inputs" in desk.refused("rerun", out, "-o", out, "--content", moved)
    assert "1 style(s), 2 given" in desk.refused(*rerun, "--style", desk.style, "--style", desk.style)
    style = desk.style.rename(desk.folder / "moved.png")
    assert "is gone: name it with --style FILE" in desk.refused(*rerun, "--content", moved)
    assert desk.run(*rerun, "--content", moved, "--style", style)[0] == 0
    assert (desk.folder / "again.mp4").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("comment", ["holiday", "[]", "{}", '{"recipe": {}, "styles": 3}'])
def test_a_comment_that_is_no_recipe_is_refused_in_one_line(desk, comment):
    with FilmWriter(desk.folder / "other.mp4", 64, 48, 25, comment=comment) as film:
        film.write(torch.rand(1, 3, 48, 64))
    assert "recipe" in desk.refused("rerun", desk.folder / "other.mp4")
    assert "recipe" in desk.refused("show", desk.folder / "other.mp4")


def test_a_recipe_with_a_part_amiss_is_refused_in_one_line(desk, film):
    out = painted(desk, film)
    whole = json.loads(read_film_recipe(out))
    broken = [
        {**whole, "styles": [{}]},
        {**whole, "source": {"path": 3}},
        {**whole, "film": {"loop": "perhaps"}},
        {**whole, "machine": {**whole["machine"], "threads": "many"}},
        {**whole, "encoder": {}},
    ]
    for about in broken:
        with FilmWriter(desk.folder / "broken.mp4", 64, 48, 25, comment=json.dumps(about)) as film:
            film.write(torch.rand(1, 3, 48, 64))
        desk.refused("rerun", desk.folder / "broken.mp4")


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_go_round_for_ever(desk, suffix):
    film = make_film(desk.folder / "still.mp4", swing(), 25)
    out = painted(desk, film, "--loop", out=f"out{suffix}")
    with Image.open(out) as image:
        assert (image.info["loop"], image.n_frames) == (0, 6)
    assert (probe(out).rate, probe(out).width) == (25, 64)


def test_a_loop_of_a_film_that_does_not_come_back_is_told(desk):
    film = make_film(desk.folder / "away.mp4", scene(14), 25)
    words = [word for word in SMALL if word != "-q"]
    code, _, err = desk.run("video", film, desk.style, "-o", "out.mp4", "--encoder", desk.encoder, *words, "--loop")
    assert code == 0, err
    assert "--loop: the film does not end as it begins" in err
    plain = ("--init", "content", "--temporal-weight", 0)
    assert "--loop holds" in desk.refused("video", film, desk.style, "-o", "no.mp4", "--loop", *plain)


def test_a_painted_film_is_judged(desk, film):
    out = painted(desk, film)
    code, told, err = desk.run("judge", "--video", out, film, desk.style, "--size", 64, "--encoder", desk.encoder)
    assert code == 0, err
    assert told.startswith("6 frames")
    assert "warp error" in told
    assert "style of the last over the first" in told
    heat = desk.folder / "heat.mp4"
    words = ("judge", "--video", out, film, desk.style, "--size", 64, "--encoder", desk.encoder, "--json")
    code, told, err = desk.run(*words, "--heatmap", heat, "--against", film, "--long", 2)
    assert code == 0, err
    card = json.loads(told)
    assert (card["frames"], probe(heat).frames) == (6, 6)
    assert card["painted"]["short"] > 0
    assert card["ratios"]["short"] == pytest.approx(card["painted"]["short"] / card["against"]["short"], rel=1e-3)
    assert card["stills"]["0"]["style"] > 0
    # A painting of itself is as steady as it is.
    code, told, err = desk.run(
        "judge", "--video", film, film, desk.style, "--size", 64, "--encoder", desk.encoder, "--json"
    )
    card = json.loads(told)
    assert card["painted"]["short"] == card["film"]["short"]
    assert "give --video with it" in desk.refused("judge", desk.photo, desk.photo, desk.style, "--long", 3)
