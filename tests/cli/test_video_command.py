"""``impasto video``: a film goes in, a painted film comes out, and nothing that was painted is lost."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from fractions import Fraction

import pytest
import torch

from conftest import picture

pytest.importorskip("av", reason="needs PyAV: pip install 'impasto[film]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")

from films import make_film, scene, sound_packets
from impasto.media.film_recipe import read_film_recipe
from impasto.media.frames import probe, read_frames
from impasto.media.image import load_image, save_image

SMALL = ("--size", 64, "--start-size", 64, "--steps", 2, "--frame-steps", 2, "--anyway", "--threads", 1)
NTSC = Fraction(30000, 1001)


@pytest.fixture(autouse=True)
def _remembered_pace(monkeypatch):
    """No test measures the machine: what a film will take is foretold elsewhere."""
    from impasto.foresee.pace import Pace

    monkeypatch.setattr("impasto.reel.estimate.pace_of", lambda *_: Pace(0.01, 1e-7, 1e-8, 0.01, 0.1))


@pytest.fixture
def film(desk):
    shots = [*scene(4), *[1 - x.flip(2) for x in scene(3, seed=9)]]
    return make_film(desk.folder / "film.mp4", shots, NTSC, sound=0.2)


def words(desk, film, *more, out="out.mp4"):
    return ("video", film, desk.style, "-o", desk.folder / out, "--encoder", desk.encoder, *SMALL, *more)


def test_a_film_comes_out_whole(desk, film):
    code, out, err = desk.run(*words(desk, film, "--json"))
    assert code == 0, err
    line = json.loads(out)
    assert (line["frames"], line["cuts"], line["interrupted"]) == (7, [4], False)
    painted, source = desk.folder / "out.mp4", probe(film)
    info = probe(painted)
    assert (info.frames, info.rate, info.duration) == (source.frames, NTSC, source.duration)
    assert (info.width, info.height) == (64, 48)
    assert [data for _, data in sound_packets(painted)] == [data for _, data in sound_packets(film)]
    assert [f.time for f in read_frames(painted)] == [f.time for f in read_frames(film)]
    assert "cut at frame 4" in err
    assert "for a later one" in err
    assert not (desk.folder / "out.mp4.work").exists()
    about = json.loads(read_film_recipe(painted))
    assert about["film"]["init"] == "warped"
    assert about["recipe"]["size"] == 64
    assert about["source"]["path"] == str(film)
    shown = desk.run("show", painted)[1].splitlines()
    again = shlex.split(shown[0])[1:]
    assert again[:3] == ["video", str(film), str(desk.style)]
    code, _, err = desk.run(*again, "-o", desk.folder / "again.mp4", "-q", "--anyway")
    assert code == 0, err
    assert (desk.folder / "again.mp4").read_bytes() == painted.read_bytes()
    assert "holds no recipe" in desk.refused("show", film)


def test_frames_can_go_into_a_folder_and_every_second_one_alone(desk, film):
    assert desk.run(*words(desk, film, "--every", 2, "--end", 0.12, "-q", out="frames"))[0] == 0
    names = sorted(path.name for path in (desk.folder / "frames").iterdir())
    assert names == ["frame-000001.png", "frame-000002.png"]


def test_what_is_kept_is_what_the_film_is_made_of(desk, film):
    assert desk.run(*words(desk, film, "--keep-work", "-q", out="out.mkv"), "--codec", "ffv1")[0] == 0
    kept = sorted((desk.folder / "out.mkv.work").glob("*.png"))
    assert len(kept) == 7
    for path, frame in zip(kept, read_frames(desk.folder / "out.mkv"), strict=True):
        image = load_image(path)
        assert float((image - frame.image).abs().max()) <= 0.5 / 255 + 1e-5
        assert torch.equal(image, (image * 65535).round() / 65535)


def test_a_film_goes_on_at_the_same_bytes(desk, film):
    assert desk.run(*words(desk, film, "--keep-work", "-q", out="whole.mp4"))[0] == 0
    work, part = desk.folder / "whole.mp4.work", desk.folder / "part.mp4.work"
    part.mkdir()
    for path in sorted(work.iterdir())[:3]:  # as if it had ended after the second frame
        (part / path.name).write_bytes(path.read_bytes())
    refusal = desk.refused(*words(desk, film, "-q", out="part.mp4"))
    assert "holds 2 frames of an earlier run: go on with --resume" in refusal
    other = desk.refused(*words(desk, film, "-q", "--resume", "--strength", 60, out="part.mp4"))
    assert "strength 50.0 then, 60.0 now" in other
    assert desk.run(*words(desk, film, "-q", "--resume", out="part.mp4"))[0] == 0
    assert (desk.folder / "part.mp4").read_bytes() == (desk.folder / "whole.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_an_interrupted_film_is_kept_shown_and_finished_at_the_same_bytes(desk):
    random = torch.Generator().manual_seed(0)
    noise = [torch.rand(1, 3, 48, 64, generator=random) for _ in range(10)]  # each frame is new, and takes its time
    long = make_film(desk.folder / "long.mp4", noise, 25)
    more = ("--cuts", "none", "--steps", 60, "-q", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "impasto", *map(str, words(desk, long, *more))],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    work = desk.folder / "out.mp4.work"
    end = time.monotonic() + 60
    while not (work / "frame-000002.png").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    line = json.loads(out)
    assert line["interrupted"]
    assert 2 <= line["done"] < 10
    assert probe(desk.folder / "out-preview.mp4").frames == line["done"]
    assert not (desk.folder / "out.mp4").exists()
    assert desk.run(*words(desk, long, *more, "--resume"))[0] == 0
    assert desk.run(*words(desk, long, *more, out="whole.mp4"))[0] == 0
    assert (desk.folder / "out.mp4").read_bytes() == (desk.folder / "whole.mp4").read_bytes()


@pytest.mark.slow
def test_several_processes_give_the_same_bytes(desk, film):
    assert desk.run(*words(desk, film, "-q", out="one.mp4"))[0] == 0
    assert desk.run(*words(desk, film, "-q", "--jobs", 2, out="two.mp4"))[0] == 0
    assert (desk.folder / "one.mp4").read_bytes() == (desk.folder / "two.mp4").read_bytes()


def test_a_shot_can_be_gone_through_twice(desk, film):
    code, _, err = desk.run(*words(desk, film, "--passes", 2, "--keep-work"))
    assert code == 0, err
    assert len(list((desk.folder / "out.mp4.work" / "pass-1").glob("*.png"))) == 7


def test_flicker_is_taken_out_of_a_film_painted_elsewhere(desk, film):
    painted = make_film(desk.folder / "elsewhere.mp4", [picture(k) for k in range(7)], NTSC)
    out = desk.folder / "calm.mp4"
    code, _, err = desk.run("video", film, "--smooth-only", painted, "-o", out)
    assert code == 0, err
    assert probe(out).frames == 7
    assert [data for _, data in sound_packets(out)] == [data for _, data in sound_packets(film)]
    refusal = desk.refused("video", film, desk.style, "--smooth-only", painted, "-o", desk.folder / "no.mp4")
    assert "leave the style" in refusal
    refusal = desk.refused("video", film, "--smooth-only", painted, "--strength", 9, "-o", desk.folder / "no.mp4")
    assert "--strength with --smooth-only" in refusal
    short = make_film(desk.folder / "short.mp4", scene(2), NTSC)
    refusal = desk.refused("video", film, "--smooth-only", short, "-o", desk.folder / "no.mp4")
    assert "has 2 frames and" in refusal


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--resume", "--afresh"), "go on with what is kept, or throw it away"),
        (("--resume",), "there is no work of an earlier run"),
        (("--jobs", 0), "--jobs 0: expected 1 to 256"),
        (("--init", "wraped"), "did you mean 'warped'"),
        (("--memory", "0"), "as in 1 or 1,2,4"),
        (("--start", 9), "beyond the end"),
        (("--codec", "prores"), "cannot hold prores"),
        (("--size", 20), "expected a value from 32"),
        (("--color", "match"), "looks at the colours of one picture"),
        (("--color", "luma"), "looks at the colours of one picture"),
        (("--protect", "photo.png"), "--protect is of one picture"),
        (("--foreground", "auto"), "--foreground is of one picture"),
        (("--mask", "photo.png"), "--mask is of one picture"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(desk, film, more, told):
    assert told in desk.refused(*words(desk, film, *more))


def test_inputs_that_are_none_are_refused_in_one_line(desk, film):
    assert "expected a picture as style" in desk.refused(*words(desk, film)[:2], film, "-o", desk.folder / "out.mp4")
    assert "does not exist" in desk.refused(*words(desk, desk.folder / "gone.mp4"))
    assert "no style given" in desk.refused("video", film, "-o", desk.folder / "out.mp4")
    assert "is one of the inputs" in desk.refused(*words(desk, film, out="film.mp4"))
    (desk.folder / "empty.mp4").write_bytes(b"")
    assert "is empty" in desk.refused(*words(desk, desk.folder / "empty.mp4"))
    desk.refused(*words(desk, desk.encoder))
    (desk.folder / "out.mp4.work").mkdir()
    save_image(picture(1), desk.folder / "out.mp4.work" / "mine.png")
    assert "not of impasto" in desk.refused(*words(desk, film))


def test_a_film_keeps_its_colours_if_it_is_asked_to(desk, film):
    from impasto.media.spaces import SPACES

    assert desk.run(*words(desk, film, "--color", "content", "--codec", "ffv1", "-q", out="out.mkv"))[0] == 0
    assert desk.run(*words(desk, film, "--codec", "ffv1", "-q", out="plain.mkv"))[0] == 0

    def away(name):
        pairs = zip(read_frames(desk.folder / name), read_frames(film), strict=True)
        chroma = [[SPACES["oklab"].of_srgb(each.image)[:, 1:] for each in pair] for pair in pairs]
        return max(float((a - b).abs().mean()) for a, b in chroma)

    assert away("out.mkv") < 0.1 * away("plain.mkv")


def test_frames_do_not_go_into_the_folder_that_they_come_from(desk):
    folder = desk.folder / "frames"
    folder.mkdir()
    for number, frame in enumerate(scene(2)):
        save_image(frame, folder / f"{number}.png")
    assert "lies in the folder of the frames" in desk.refused(*words(desk, folder, out="frames/out.gif"))
    assert "lies in the folder of the frames" in desk.refused(*words(desk, folder, out="frames/more"))
    assert "is one of the inputs" in desk.refused(*words(desk, folder, out="frames"))


def test_a_film_that_does_not_fit_is_refused_with_a_size_that_might(desk, film, monkeypatch):
    from impasto.foresee import machine

    held = machine.resident()
    monkeypatch.setattr("impasto.foresee.machine.room", lambda: held + (2 << 30))
    big = ("--size", 2000, "--memory", "1,100", "--steps", 2, "--encoder", desk.encoder)
    refusal = desk.refused("video", film, desk.style, "-o", desk.folder / "out.mp4", *big)
    assert "of memory for a film" in refusal
    assert 64 < int(refusal.split("try --size ")[1].split()[0]) < 2000


def test_a_film_of_one_frame_a_flat_one_and_a_truncated_one_are_painted(desk):
    one = make_film(desk.folder / "one.mp4", [torch.zeros(1, 3, 48, 64)], 25)
    assert desk.run(*words(desk, one, "-q"))[0] == 0
    assert probe(desk.folder / "out.mp4").frames == 1
    long = make_film(desk.folder / "long.mkv", scene(30), 25)
    cut = desk.folder / "cut.mkv"
    cut.write_bytes(long.read_bytes()[: long.stat().st_size // 2])
    code, _, err = desk.run(*words(desk, cut, out="part.mp4"))
    assert code == 0, err
    assert 0 < (probe(desk.folder / "part.mp4").frames or 0) < 30
    assert "truncated" in err or "damaged" in err
