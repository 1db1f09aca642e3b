"""``impasto study sweep`` and its kin on the command line: results in a folder, refusals in one line, Ctrl-C and going on."""

import csv
import shlex
import subprocess
import sys

import pytest

from impasto.cli import run
from impasto.study.ready import STUDIES


@pytest.fixture
def sweep(desk):
    """``impasto study sweep`` of the desk's pictures in one small step."""

    def words(*more, study="sweep", out="out"):
        small = ("--encoder", desk.encoder, "--judge", desk.encoder, "--size", 64, "--steps", 1)
        return ("study", study, desk.photo, desk.style, "-o", desk.folder / out, *small, *more)

    return words


def test_it_fills_a_folder_and_the_best_commands_line_paints_the_same(desk, sweep):
    code, out, err = desk.run(*sweep("--vary", "strength=20,80", "--vary", "init=content,noise"))
    assert (code, out) == (0, ""), err
    assert "4 cells, 0 of them done; judged by tiny at 64 px" in err
    assert f"wrote {desk.folder / 'out' / 'report.html'}" in err
    folder = desk.folder / "out"
    assert {path.name for path in folder.iterdir()} == {
        "cells", "losses.csv", "pictures", "report.html", "runs.csv", "study.json",
    }  # fmt: skip
    with open(folder / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["strength"], row["init"]) for row in rows] == [
        ("20.0", "content"), ("20.0", "noise"), ("80.0", "content"), ("80.0", "noise"),
    ]  # fmt: skip
    best = shlex.split(err.splitlines()[-1])
    assert best[:2] == ["impasto", "image"]
    name = err.splitlines()[-2].removeprefix("best as judged: ")
    assert run([*best[1:], "-o", "alone.png", "-q"]) == 0
    picture = folder / "pictures" / (name.replace(", ", "_").replace(" ", "-") + ".png")
    assert (desk.folder / "alone.png").read_bytes() == picture.read_bytes()


def test_it_goes_on_where_it_ended_and_paints_nothing_twice(desk, sweep):
    assert desk.run(*sweep("--vary", "strength=20,80", "--exact"))[0] == 0
    before = {name: data for name, data in desk.files().items() if "pictures" in name}
    first = (desk.folder / "out" / "pictures" / "strength-20.png").stat().st_mtime_ns
    code, _, err = desk.run(*sweep("--vary", "strength=20,50,80", "--exact"))
    assert code == 0
    assert "3 cells, 2 of them done" in err
    assert "strength 50: " in err
    assert "strength 20: " not in err
    assert (desk.folder / "out" / "pictures" / "strength-20.png").stat().st_mtime_ns == first
    assert before.items() <= desk.files().items()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vary", "strenght=1,2"], "unknown option to vary 'strenght': did you mean 'strength'?"),
        (["--vary", "strength=1,200"], "--strength 200.0: expected a value from 0 to 100"),
        (["--vary", "strength=x"], "--strength 'x': expected a number"),
        (["--vary", "strength"], "expected NAME=V1,V2"),
        ([], "nothing to vary"),
        (["--vary", "seed=" + ",".join(map(str, range(201)))], "201 cells are more than 200"),
        (["--vary", "strength=10,20", "--strength", "30"], "--strength and --vary strength together"),
        (["--vary", "noise-std=0.1,0.2"], "the cell noise-std 0.1: --noise-std is of --init noise"),
        (["--vary", "style-layers=relu1_1;relu7_1"], "the cell style-layers relu7_1: unknown layer"),
        (["--vary", "strength=10,20", "--judge", "vgg19"], "--judge vgg19: vgg19 is not installed"),
        (["--vary", "strength=10,20", "--size", "24"], "--size 24: expected a value from 32"),
        (["--vary", "strength=10,20", "--weights", "none.pth"], "--weights none.pth and"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(desk, sweep, words, message):
    assert message in desk.refused(*sweep(*words))


def test_folders_that_are_not_ours_are_left_alone(desk, sweep):
    vary = ("--vary", "strength=10,20")
    assert "holds other files and no study" in desk.refused(*sweep(*vary, out="."))
    assert "is a file" in desk.refused(*sweep(*vary, out="photo.png"))
    assert "does not exist" in desk.refused(*sweep(*vary, out="no/where"))
    assert desk.run(*sweep(*vary))[0] == 0
    assert "holds another study (with other options)" in desk.refused(*sweep(*vary, "--seed", 4))
    assert "holds another study (it varies strength)" in desk.refused(*sweep("--vary", "init=content,noise"))
    (desk.folder / "broken.jpg").write_bytes(b"\xff\xd8")
    words = [word if word != desk.style else desk.folder / "broken.jpg" for word in sweep(*vary)]
    assert "broken.jpg" in desk.refused(*words)


def test_a_notebook_that_cannot_be_written_is_told_first(desk, sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbformat", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in ("nbformat", "plotly") else name)
    line = desk.refused(*sweep("--vary", "strength=10,20", "--notebook"))
    assert "--notebook needs nbformat: pip install 'impasto[report]'" in line
    code, _, err = desk.run(*sweep("--vary", "strength=10,20"))
    assert code == 0
    assert "no curves, for want of plotly: pip install 'impasto[report]'" in err
    page = (desk.folder / "out" / "report.html").read_text()
    assert "pip install &#x27;impasto[report]&#x27;" in page
    assert "Plotly.newPlot(node" in page  # asked for only where it is there


@pytest.mark.parametrize(
    "name",
    ["weights", *(pytest.param(name, marks=pytest.mark.slow) for name in ("init", "normalisation", "style-layers"))],
)
def test_ready_studies_run(desk, sweep, name):
    code, _, err = desk.run(*sweep(study=name, out=name))
    assert code == 0, err
    with open(desk.folder / name / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(STUDIES[name].cells)
    page = (desk.folder / name / "report.html").read_text()
    assert STUDIES[name].shows.split(":")[0].split("&")[0][:40] in page


def test_pooling_needs_a_vgg19_and_says_so(desk):
    line = desk.refused("study", "pooling", desk.photo, desk.style, "-o", desk.folder / "out")
    assert "study pooling needs a VGG-19, and none is installed: run impasto models fetch vgg19-caffe" in line


def test_an_option_of_the_study_itself_is_not_offered(desk, sweep):
    assert "--content-weight" in desk.refused(*sweep("--content-weight", 3, study="weights"))


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(desk, sweep):
    words = [*sweep("--vary", "strength=20,50,80"), "--steps", 40]
    code = """
import os, signal, sys
from impasto.cli import run
from impasto.study import folder
keep = folder.Folder.keep
def keep_and_interrupt(self, outcome):
    keep(self, outcome)
    os.kill(os.getpid(), signal.SIGINT)
folder.Folder.keep = keep_and_interrupt
sys.exit(run(sys.argv[1:]))
"""
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=desk.folder)
    assert done.returncode == 130, done.stderr
    assert "interrupted, 2 of 3 cells are missing (the same command goes on)" in done.stderr
    page = (desk.folder / "out" / "report.html").read_text()
    # The middle one is painted first: its neighbours go on from its coarser sizes.
    assert "Interrupted after 1 of 3 cells; not painted: 1: strength 20, 3: strength 80." in page
    code, _, err = desk.run(*words)
    assert code == 0
    assert "3 cells, 1 of them done" in err
    assert "Interrupted after" not in (desk.folder / "out" / "report.html").read_text()
    assert not [name for name in desk.files() if name.endswith(".part")]


def test_image_tells_what_is_wrong_and_auto_mends_it(desk):
    spoilt = ("--init", "noise", "--noise-mean", 1, "--noise-std", 0, "--learning-rate", 0.0001)
    code, _, err = desk.image(*spoilt)
    assert code == 0
    assert "the picture has gone white: try --learning-rate 0" in err
    first = desk.out.read_bytes()
    code, out, err = desk.image(*spoilt, "--auto", "--json")
    assert code == 0
    assert "painted again with --learning-rate 0" in err
    mended = "better" in err.split("painted again", 1)[1].splitlines()[0].split(": ")[1][:6]
    assert (desk.out.read_bytes() != first) == mended
    assert '"complaints": [' in out
    assert desk.run("rerun", desk.out, "-o", desk.folder / "again.png", "-q")[0] == 0
    assert (desk.folder / "again.png").read_bytes() == desk.out.read_bytes()


def test_a_sound_picture_is_not_complained_about_in_json(desk):
    code, out, _ = desk.image("--strength", 0, "--json", "--auto")
    assert code == 0
    assert '"complaints": []' in out
