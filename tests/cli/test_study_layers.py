"""``impasto study layers``: a figure, a page, every panel with its recipe; another's folder is left alone."""

import signal
from pathlib import Path

import pytest

from impasto.cli import session
from impasto.media.image import load_image
from impasto.study.strip import StripPainter

INPUTS = {"photo.png", "style.png", "tiny.safetensors"}
PANELS = {f"{kind}-{layer}.png" for kind in ("style", "content") for layer in ("relu1_1", "relu4_2")}


@pytest.fixture
def study(desk):
    def words(*more):
        small = ("--encoder", desk.encoder, "--size", 64, "--steps", 2, "--layers", "relu1_1,relu4_2")
        return ("study", "layers", desk.photo, desk.style, *small, *more)

    return words


def test_a_folder_holds_the_figure_the_page_and_every_panel(desk, study):
    code, out, err = desk.run(*study("-o", "seen"))
    assert (code, out) == (0, ""), err
    assert err.splitlines()[-1] == "wrote seen/layers.html"
    names = PANELS | {"layers.png", "layers.html"}
    assert set(desk.files()) == INPUTS | {f"seen/{name}" for name in names}
    figure = load_image("seen/layers.png")
    assert figure.shape[3] == 3 * 64 + 2 * 2
    assert bool((figure[:, :, :48, 66:130] == load_image("seen/style-relu1_1.png")).all())
    text = Path("seen/layers.html").read_text()
    assert text.count("<img") == 3
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<tr>") == 3
    before = desk.files()
    for name in ("layers.png", "style-relu4_2.png", "content-relu1_1.png"):
        assert desk.run("rerun", f"seen/{name}", "-o", "again.png", "-q")[0] == 0
        assert Path("again.png").read_bytes() == before[f"seen/{name}"], name
    shown = desk.run("show", "seen/layers.png")[1]
    assert shown.startswith(f"impasto study layers --layers relu1_1,relu4_2 {desk.photo} {desk.style} --size 64")
    assert desk.run(*study("-o", "seen", "-q"))[0] == 0  # the same study may go there again
    assert {name: data for name, data in desk.files().items() if name != "again.png"} == before


def test_a_folder_that_nobody_named_is_a_new_one(desk, study):
    Path("layers").mkdir()
    assert desk.run(*study("-q"))[0] == 0
    assert Path("layers-2/layers.html").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "photo.png"], "is a file: give the name of a folder"),
        (["-o", "nowhere/seen"], "does not exist"),
        (["-o", "other"], "-o other holds other things (notes.txt)"),
        (["--layers", "relu9_1"], "unknown layer"),
        (["--layers", "pixels"], "the picture itself"),
        (["--size", 31], "--size 31: expected a value from 32"),
        (["--size", 40], "too thin to see every layer"),
        (["--strength", 20], "No such option"),
        (["--style-layers", "relu1_1"], "No such option"),
        (["--optimizer", "lbgfs"], "did you mean 'lbfgs'"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_before_painting(desk, study, words, said, monkeypatch):
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine")
    monkeypatch.setattr(StripPainter, "paint", lambda *given, **named: pytest.fail("painted"))
    assert said in desk.refused(*study(*words))


def test_panels_replace_no_input(desk, study):
    Path("seen").mkdir()
    Path("seen/layers.html").write_text("an earlier one")
    desk.photo = desk.photo.rename("seen/style-relu1_1.png")
    said = desk.refused("study", "layers", desk.photo, desk.style, "--encoder", desk.encoder, "-o", "seen")
    assert "is one of the inputs" in said


@pytest.mark.parametrize("count", [1, 2])
def test_an_interrupt_writes_what_there_is(desk, study, count, monkeypatch):
    show = session.Bar.show

    def shown(self, at, title="", done=None):
        show(self, at, title, done)
        if at.step == 2:
            for _ in range(count):
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(session.Bar, "show", shown)
    code, _, err = desk.run(*study("-o", "seen"))
    assert code == 130
    assert err.splitlines()[-1] == "interrupted after 1 of 4 panels; so far: seen/layers.html"
    assert "Interrupted after 1 of 4 panels." in Path("seen/layers.html").read_text()
    assert load_image("seen/layers.png").shape[3] == 196
    assert load_image("seen/style-relu1_1.png").shape == (1, 3, 48, 64)
