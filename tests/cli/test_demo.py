"""``impasto demo``: a first picture on a machine with nothing but Python."""

import sys
from importlib.util import find_spec

import pytest

from impasto.cli import run
from impasto.see.known import BUILTIN

QUICK = ("--size", "64", "--steps", "2", "--quiet")
needs_builtin = pytest.mark.skipif(not BUILTIN.is_file(), reason="the built-in encoder has not been trained yet")
needs_photographs = pytest.mark.skipif(find_spec("skimage") is None, reason="needs scikit-image: impasto[demo]")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(capsys, *arguments):
    assert run(["demo", *QUICK, *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


@needs_builtin
@needs_photographs
def test_it_paints_and_can_be_painted_again(here, capsys):
    assert run(["demo", *QUICK[:4]]) == 0
    said = capsys.readouterr().err
    assert "painted demo.png" in said
    assert "try next:" in said
    assert {file.name for file in here.iterdir()} == {"demo.png", "demo-photo.png", "demo-style.png"}
    assert run(["rerun", "demo.png", "-q"]) == 0
    assert (here / "demo-rerun.png").read_bytes() == (here / "demo.png").read_bytes()
    assert run(["demo", *QUICK, "--strength", "80"]) == 0  # its own pictures may be replaced


@needs_photographs
def test_what_is_not_the_demos_stays(here, capsys):
    (here / "demo.png").write_bytes(b"my thesis")
    assert "was not painted by impasto" in error_of(capsys)
    assert (here / "demo.png").read_bytes() == b"my thesis"
    (here / "other-photo.png").write_bytes(b"my cat")
    assert "other-photo.png exists and is not the demo's" in error_of(capsys, "-o", "other.png")
    assert (here / "other-photo.png").read_bytes() == b"my cat"


def test_without_scikit_image_it_says_what_to_install(capsys, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert "pip install 'impasto[demo]'" in error_of(capsys)
    assert list(here.iterdir()) == []


@needs_photographs
def test_unknown_names_have_a_nearest(capsys):
    assert "did you mean 'coffee'" in error_of(capsys, "--photo", "cofee")
    assert "did you mean 'ember'" in error_of(capsys, "--painting", "embers")
    assert "did you mean 'good'" in error_of(capsys, "--quality", "god")
