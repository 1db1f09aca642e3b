"""``impasto flow``: a film of as many frames as the film has, and one line for whatever cannot be shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import click
import pytest
import torch

from conftest import Desk, picture

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")
pytest.importorskip("av", reason="needs PyAV: pip install 'impasto[film]'")

from films import make_film, scene
from impasto.cli.film import Rate, Seconds
from impasto.errors import InputError
from impasto.media.frames import probe, read_frames
from impasto.media.image import save_image


@pytest.fixture
def film(desk: Desk) -> Path:
    return make_film(desk.folder / "film.mp4", scene(12, step=3), Fraction(30000, 1001), sound=0.3)


def images(path: Path) -> list[torch.Tensor]:
    return [frame.image for frame in read_frames(path)]


def test_each_kind_is_a_film_of_as_many_frames(desk: Desk, film: Path) -> None:
    for show in ("flow", "warp", "reliability"):
        out = desk.folder / f"{show}.mkv"
        code, _, err = desk.run("flow", film, "--show", show, "-o", out, "--codec", "ffv1")
        assert code == 0, err
        info = probe(out)
        assert (info.width, info.height, info.rate, info.has_sound) == (64, 48, Fraction(30000, 1001), False)
        assert len(images(out)) == 12
    motion, warped, trusted = (images(desk.folder / f"{show}.mkv") for show in ("flow", "warp", "reliability"))
    assert torch.equal(motion[0], torch.ones_like(motion[0]))
    left = motion[5][:, :, 12:36, 16:48].mean((0, 2, 3))  # the picture moves to the left: cyan
    assert left[0] < 0.5 < left[1:].min()
    own = images(film)
    assert float((warped[5] - own[5])[:, :, 12:36, 16:48].abs().mean()) < 0.03
    assert torch.equal(warped[0], own[0])
    assert not trusted[0].any()
    assert set(trusted[5].unique().tolist()) == {0.0, 1.0}
    assert float(trusted[5][:, :, :, -2:].mean()) < 0.5  # what came in over the edge


def test_a_cut_is_told_and_nothing_is_compared_across_it(desk: Desk) -> None:
    path = make_film(desk.folder / "two.mp4", scene(4, seed=5) + scene(4, seed=9), 10)
    code, _, err = desk.run("flow", path, "--show", "reliability", "-o", "out.mkv", "--codec", "ffv1")
    assert code == 0
    assert "new scenes begin with frame 4 (0:00.400)" in err
    assert not images(Path("out.mkv"))[4].any()


def test_a_stretch_into_a_folder_and_a_gif(desk: Desk, film: Path) -> None:
    assert desk.run("flow", film, "--start", "0.1", "--end", "0:00.3", "--every", 2, "-o", "frames", "-q") == (
        0,
        "",
        "",
    )
    assert len(os.listdir("frames")) == 3
    assert desk.run("flow", "frames", "--rate", "29.97", "-o", "out.gif", "-q", "--show", "warp")[0] == 0
    assert probe("out.gif").frames == 3


def test_a_name_that_nobody_typed_overwrites_nothing(desk: Desk, film: Path) -> None:
    for name in ("film-flow.mp4", "film-flow-2.mp4"):
        assert desk.run("flow", film, "-q")[0] == 0
        assert Path(name).exists()


def test_what_cannot_be_shown_is_one_line(desk: Desk, film: Path) -> None:
    one = make_film(desk.folder / "one.mp4", scene(1))
    os.mkdir("nothing")
    os.mkdir("mixed")
    save_image(picture(), "mixed/1.png")
    save_image(picture(height=20), "mixed/2.png")
    Path("cut.mp4").write_bytes(film.read_bytes()[:900])
    Path("text.mp4").write_text("no film\n" * 99)
    Path("empty.mp4").write_bytes(b"")
    for words, given in {
        "does not exist": ("filn.mp4",),
        "is empty": ("empty.mp4",),
        "not a film": ("text.mp4",),
        "index is missing": ("cut.mp4",),
        "is a picture": (desk.photo,),
        "holds no pictures": ("nothing",),
        "of one size": ("mixed",),
        "only one": (one,),
        "one of the inputs": (film, "-o", film),
        "no film is written as .avi": (film, "-o", "out.avi"),
        "cannot hold prores": (film, "--codec", "prores", "-o", "out.mp4"),
        "did you mean 'h264'": (film, "--codec", "h265"),
        "did you mean 'warp'": (film, "--show", "wrap"),
        "did you mean 'dis'": (film, "--method", "dsi"),
        "folder .* does not exist": (film, "-o", "no/out.mp4"),
        "expected 16 to": (film, "--size", 3),
        "expected seconds": (film, "--start", "soon"),
        "beyond the end": (film, "--start", "1:00"),
        "not after": (film, "--start", "0.2", "--end", "0.1"),
        "--every 0": (film, "--every", 0),
        "rate of its own": (film, "--rate", 25),
        "frames a second": ("mixed", "--rate", "fast"),
        "--largest is of --show flow": (film, "--show", "warp", "--largest", 3),
        "more than 0 pixels": (film, "--largest", 0),
        "expected 1 to 100": (film, "--film-quality", 101),
    }.items():
        message = desk.refused("flow", *given)
        assert re.search(words, message), message


def test_films_without_their_library_say_what_to_install(
    desk: Desk, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, out in (("av", "a.mp4"), ("cv2", "b.mp4")):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, name, None)
            assert "pip install 'impasto[film]'" in desk.refused("flow", film, "-o", out)


def test_times_and_rates_as_people_type_them() -> None:
    option = click.Option(["--start"])
    for text, seconds in {"12.5": 12.5, "1:02": 62, "1:02:03.5": 3723.5, "0": 0, "90": 90, "1:00:00": 3600}.items():
        assert Seconds().convert(text, option, None) == Fraction(seconds)
    for text in ("-1", "1:75", "1:2:3:4", "", "a", "1:99:00", "1e3"):
        with pytest.raises(InputError, match="--start"):
            Seconds().convert(text, option, None)
    rates = {"25": 25, "29.97": Fraction(30000, 1001), "23.976": Fraction(24000, 1001), "30000/1001": Fraction(30000, 1001),
             "59.94": Fraction(60000, 1001), "12.5": Fraction(25, 2), "24": 24}  # fmt: skip
    for text, rate in rates.items():
        assert Rate().convert(text, None, None) == rate
    for text in ("0", "-5", "1/0", "x", "1001"):
        with pytest.raises(InputError, match="--rate"):
            Rate().convert(text, None, None)


@pytest.mark.slow
def test_an_interrupt_keeps_the_film_so_far(desk: Desk) -> None:
    wide = picture(1, 240, 900)
    frames = [wide[:, :, :, k : k + 320] for k in range(300)]
    path = make_film(desk.folder / "long.mp4", frames, 25)
    words = [sys.executable, "-m", "impasto", "flow", str(path), "-o", "out.mp4"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=desk.folder)
    for _ in range(600):
        if any(name.endswith(".part") for name in os.listdir(desk.folder)):
            break
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the film so far is out.mp4" in err
    assert 1 <= len(images(desk.folder / "out.mp4")) < 300
