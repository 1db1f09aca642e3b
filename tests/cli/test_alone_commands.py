"""``impasto reconstruct`` and ``texture``: files with their recipes, contradictions in one line, Ctrl-C keeps what there is."""

import json
import signal
from pathlib import Path

import pytest

from impasto.cli import session
from impasto.foresee import machine
from impasto.media.image import load_image

INPUTS = {"photo.png", "style.png", "tiny.safetensors"}


@pytest.fixture
def made(desk):
    """``impasto reconstruct`` or ``texture`` of the desk's pictures in two small steps."""

    def words(kind, *more):
        given = desk.photo if kind == "reconstruct" else desk.style
        return (kind, given, "--encoder", desk.encoder, "--size", 64, "--steps", 2, *more)

    return words


def test_a_reconstruction_is_shown_and_made_again(desk, made):
    code, out, err = desk.run(*made("reconstruct", "--layer", "conv2_1", "-o", "out.png", "--json"))
    assert code == 0, err
    assert "content at relu2_1: " in err
    line = json.loads(out)
    assert line["reached"]["content at relu2_1"] > 0
    assert load_image("out.png").shape == (1, 3, 48, 64)
    shown = desk.run("show", "out.png")[1]
    assert shown.startswith(f"impasto reconstruct --layer relu2_1 {desk.photo} --size 64 --steps 2")
    assert desk.run("rerun", "out.png", "-o", "again.png", "-q")[0] == 0
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_tile_is_shown_and_made_again(desk, made):
    assert desk.run(*made("texture", "--size", "80x48", "--seamless", "-o", "out.png"))[0] == 0
    assert load_image("out.png").shape == (1, 3, 48, 80)
    shown = desk.run("show", "out.png")[1]
    assert shown.startswith(f"impasto texture --size 80x48 --seamless {desk.style} --steps 2")
    assert desk.run("rerun", "out.png", "-q")[0] == 0
    assert Path("out-rerun.png").read_bytes() == Path("out.png").read_bytes()
    desk.run(*made("texture", "--statistic", "gram", "-o", "gram.png", "-q"))
    assert "--statistic gram" in desk.run("show", "gram.png")[1].splitlines()[0]
    assert "--statistic" not in shown.splitlines()[0]  # moments are a texture's default
    desk.style.rename("moved.png")
    assert "the style" in desk.refused("rerun", "out.png", "-o", "third.png")
    assert desk.run("rerun", "out.png", "-o", "third.png", "--style", "moved.png", "-q")[0] == 0


def test_strips_get_names_of_their_own(desk, made):
    assert desk.run(*made("reconstruct", "--layers", "all", "-q"))[0] == 0
    assert desk.run(*made("texture", "--layers", "relu1_1,relu2_1", "--each", "-q"))[0] == 0
    assert set(desk.files()) == INPUTS | {"photo-all.png", "style-texture.png"}
    assert desk.run("show", "style-texture.png")[1].startswith(
        "impasto texture --size 64x64 --layers relu1_1,relu2_1 --each "
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reconstruct", "--layer", "relu1_1", "--layers", "all"], "--layer and --layers together"),
        (["reconstruct", "--layer", "all"], "expected one layer; --layers all makes a strip"),
        (["reconstruct", "--layer", "relu4_3"], "unknown layer 'relu4_3': did you mean"),
        (["reconstruct", "--layers", "relu1_1,relu1_1"], "layers that differ"),
        (["reconstruct", "--layer", "pixels"], "the picture itself"),
        (["reconstruct", "--strength", "20"], "No such option"),
        (["reconstruct", "--style-scale", "2"], "No such option"),
        (["reconstruct", "--style-scales", "1,2"], "No such option"),
        (["reconstruct", "--protect", "mask.png"], "No such option"),
        (["texture", "--color", "content"], "No such option"),
        (["texture", "--mask", "mask.png"], "No such option"),
        (["reconstruct", "--mask", "photo.png"], "No such option"),
        (["reconstruct", "--color", "match"], "No such option"),
        (["reconstruct", "--size", "20"], "--size 20: expected a value from 32"),
        (["reconstruct", "-o", "photo.png"], "is one of the inputs"),
        (["reconstruct", "-o", "a.gif"], "unknown kind of picture to write"),
        (["texture", "--size", "wide"], "expected WIDTHxHEIGHT in pixels, as in 1024x768"),
        (["texture", "--size", "64x"], "expected WIDTHxHEIGHT"),
        (["texture", "--size", "64x20"], "--size 64x20: expected a width and a height from 32"),
        (["texture", "--size", "30000"], "--size 30000: expected a value from 32 to 20000"),
        (["texture", "--seamless", "--optimizer", "lbfgs"], "--seamless and --optimizer lbfgs together"),
        (["texture", "--layers", "all", "--style-layers", "relu1_1"], "--layers and --style-layers together"),
        (["texture", "--each"], "give --layers all with it"),
        (["texture", "--content-weight", "1"], "No such option"),
        (["texture", "--init", "content"], "No such option"),
        (["texture", "--protect", "photo.png"], "No such option"),
        (["texture", "--laplacian-weight", "1"], "No such option"),
        (["texture", "--quality", "drfat"], "did you mean 'draft'"),
        (["texture", "--weights", "photo.png"], "--weights photo.png and --encoder"),
        (["texture", "-o", "nowhere/a.png"], "does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused(desk, made, words, said):
    assert said in desk.refused(*made(*words))


def test_pictures_that_are_none(desk):
    assert "does not exist" in desk.refused("texture", "none.png")
    assert "does not exist" in desk.refused("reconstruct", "none.png")
    assert "holds text" in desk.refused("texture", _text(desk.folder / "a.jpg"))


def _text(path):
    path.write_text("a painting, honestly\n" * 9)
    return path


def test_what_does_not_fit_is_refused_with_a_size_that_does(desk, made, monkeypatch):
    monkeypatch.setattr(machine, "room", lambda: machine.resident() + (600 << 20))
    said = desk.refused(*made("texture", "--size", "9000x6000"))
    assert "--size 9000x6000 needs about" in said
    wide, high = said.split(" is the largest that fits")[0].rsplit("--size ", 1)[1].split("x")
    assert int(wide) / int(high) == pytest.approx(1.5, rel=0.01)
    assert "--size 9000 needs about" in desk.refused(*made("reconstruct", "--size", 9000, "--layers", "all"))


@pytest.mark.parametrize("kind", ["reconstruct", "texture"])
@pytest.mark.parametrize("strip", [False, True])
def test_an_interrupt_keeps_the_picture_so_far(desk, made, kind, strip, monkeypatch):
    show = session.Bar.show

    def shown(self, at, title="", done=None):
        show(self, at, title, done)
        if at.step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(session.Bar, "show", shown)
    code, _, err = desk.run(*made(kind, "--steps", 4, "-o", "out.png", *(["--layers", "all"] if strip else [])))
    assert code == 130
    assert "interrupted at step 2 of" in err
    assert load_image("out.png").shape[3] == (64 if not strip else (394 if kind == "reconstruct" else 328))
    assert "interrupted at step 2" in desk.run("show", "out.png")[1]


def test_a_damaged_or_newer_task_is_told(desk, made, monkeypatch):
    from impasto.study import alone

    plain = alone.made
    monkeypatch.setattr(alone, "made", lambda kind, task, recipe: plain("mosaic", task, recipe))
    desk.run(*made("texture", "-o", "out.png", "-q"))
    assert "made by a newer impasto, as a 'mosaic'" in desk.refused("rerun", "out.png")
    monkeypatch.setattr(alone, "made", lambda kind, task, recipe: plain(kind, {"width": "wide"}, recipe))
    desk.run(*made("texture", "-o", "out.png", "-q"))
    assert "the recipe inside is damaged" in desk.refused("rerun", "out.png")
