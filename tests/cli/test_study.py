"""``impasto study encoders``: one page, whole or not at all; bad input in one line; Ctrl-C keeps what is finished."""

import signal
from pathlib import Path

import pytest

from impasto.cli import session
from impasto.judge import judges
from impasto.media import files
from impasto.media.image import load_image
from impasto.see.load import load_encoder
from impasto.see.weights import save_encoder
from impasto.study import encoders
from impasto.study.encoders import EncoderStudy

INPUTS = {"photo.png", "style.png", "tiny.safetensors"}


@pytest.fixture
def study(desk):
    """``impasto study encoders`` of the desk's pictures in one small step; tiny and random weights, or ``given``."""

    def words(*more, given=None):
        given = [desk.encoder, "random"] if given is None else given
        small = ("--size", 64, "--steps", 1, *(word for name in given for word in ("--encoder", name)))
        return ("study", "encoders", desk.photo, desk.style, *small, *more)

    return words


def test_the_default_is_a_page_of_random_weights_and_the_built_in_one(desk, study):
    code, out, err = desk.run(*study(given=()))
    assert (code, out) == (0, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["random", "builtin", "wrote encoders.html"]
    assert set(desk.files()) == INPUTS | {"encoders.html"}
    text = Path("encoders.html").read_text()
    assert text.count("<img") == 4
    assert (
        desk.run(
            *study(
                given=(),
            )
        )[0]
        == 0
    )  # a name that nobody typed overwrites nothing
    assert set(desk.files()) == INPUTS | {"encoders.html", "encoders-2.html"}


def test_paintings_are_kept_with_their_recipes(desk, study):
    code, _, err = desk.run(*study("-o", "page.html", "--keep", "kept", "-q"))
    assert (code, err) == (0, "")
    assert set(desk.files()) == INPUTS | {"page.html", "kept/1-tiny.png", "kept/2-random.png"}
    first = desk.files()
    assert "--encoder random" in desk.run("show", "kept/2-random.png")[1]
    assert desk.run("rerun", "kept/2-random.png", "-o", "again.png")[0] == 0
    assert Path("again.png").read_bytes() == first["kept/2-random.png"]
    desk.run(*study("-o", "page.html", "--keep", "kept", "-q"))
    assert [desk.files()[name] for name in ("kept/1-tiny.png", "kept/2-random.png")] == [
        first[name] for name in ("kept/1-tiny.png", "kept/2-random.png")
    ]


def test_a_judge_is_named_or_installed(desk, study, monkeypatch):
    assert desk.run(*study("-o", "page.html", "--judge", desk.encoder))[0] == 0
    assert "The judge is tiny, at 64 pixels" in Path("page.html").read_text()
    for room in (encoders, judges):
        monkeypatch.setattr(room, "installed", lambda name: Path(name) if name == "vgg19" else None)
    monkeypatch.setattr(judges, "load_encoder", lambda name: load_encoder("random", seed=9))
    assert encoders.default_encoders() == ("random", "builtin", "vgg19")
    code, _, err = desk.run(*study("-o", "page.html"))
    assert code == 0
    assert all(" held " in line for line in err.splitlines()[:2])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "page.txt"], "expected a page's name, which ends in .html"),
        (["-o", "nowhere/page.html"], "does not exist"),
        (["-o", "."], "is a folder"),
        (["--keep", "photo.png"], "--keep photo.png is a file"),
        (["--keep", "nowhere/kept"], "does not exist"),
        (["-o", "a.html", "--keep", "a.html"], "is the page itself"),
        (["--encoder", "random"], "--encoder random is the same encoder as random"),
        (["--encoder", "builtn"], "did you mean 'builtin'"),
        (["--encoder", "none.safetensors"], "none.safetensors: no such file"),
        (["--encoder", "vgg19"], "impasto models fetch vgg19"),
        (["--judge", "vgg91"], "--judge vgg91: unknown encoder 'vgg91': did you mean 'vgg19'"),
        (["--judge", "photo.png"], "is not a weight file"),
        (["--size", 31], "--size 31: expected a value from 32"),
        (["--quality", "drfat"], "did you mean 'draft'"),
        (["--pooling", "avrage"], "did you mean 'average'"),
        (["--style-layers", "relu9_1"], "relu9_1"),
        (["--weights", "tiny.safetensors"], "'--weights'"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_before_painting(desk, study, words, said, monkeypatch):
    monkeypatch.setattr(EncoderStudy, "steps", lambda self: pytest.fail("painted"))
    assert said in desk.refused(*study(*words))


def test_pictures_that_are_none(desk):
    assert "does not exist" in desk.refused("study", "encoders", "none.png", desk.style)
    assert "the same picture" in desk.refused("study", "encoders", desk.photo, desk.photo)
    assert "Missing argument 'STYLE'" in desk.refused("study", "encoders", desk.photo)
    desk.photo.rename("photo.html")
    assert "is one of the inputs" in desk.refused("study", "encoders", "photo.html", desk.style, "-o", "photo.html")


def test_kept_paintings_replace_no_input(desk, study):
    Path("kept").mkdir()
    desk.photo = desk.photo.rename("kept/1-tiny.png")
    assert "is one of the inputs" in desk.refused(*study("--keep", "kept"))


def test_a_full_disk_keeps_the_page_elsewhere(desk, study, monkeypatch, tmp_path):
    write = files._write_bytes

    def full(path, data):
        if data and desk.folder in path.parents:
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "_write_bytes", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = desk.refused(*study("-q"))
    (kept,) = tmp_path.glob("impasto-*/encoders.html")
    assert f"the page is kept as {kept}" in said


def test_an_encoder_that_fails_is_an_error_after_the_page(desk, study, tiny):
    for conv in tiny.convs:
        conv.weight.mul_(1e9)
    save_encoder("far.safetensors", tiny)
    code, _, err = desk.run(*study(given=["far.safetensors", "random"]))
    assert code == 2
    assert err.splitlines()[-1] == "error: far could not paint: encoders.html says why"
    assert "not a number at the very start" in Path("encoders.html").read_text()
    assert "no encoder could paint; far: " in desk.refused(*study("-o", "new.html", "-q", given=["far.safetensors"]))


@pytest.fixture
def interrupted(monkeypatch):
    """Have ``count`` signals arrive at the first step shown of the encoder ``label``."""

    def arrange(label, count):
        show = session.Bar.show

        def shown(self, at, title="", done=None):
            show(self, at, title, done)
            if title == label and at.step == 1:
                for _ in range(count):
                    signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(session.Bar, "show", shown)

    return arrange


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_finished_is_on_the_page(desk, study, interrupted, count):
    interrupted("random", count)
    code, _, err = desk.run(*study("--keep", "kept"))
    assert code == 130
    assert err.splitlines()[-1] == "interrupted after 1 of 2 encoders; the page so far is encoders.html"
    text = Path("encoders.html").read_text()
    assert "Interrupted after 1 of 2 encoders; not painted: random." in text
    assert text.count("<img") == 3
    assert load_image("kept/1-tiny.png").shape == (1, 3, 48, 64)
    assert not Path("kept/2-random.png").exists()


def test_before_the_first_painting_nothing_is_left(desk, study, interrupted):
    interrupted("tiny", 1)
    code, _, err = desk.run(*study("--keep", "kept"))
    assert (code, err.strip()) == (130, "interrupted")
    assert set(desk.files()) == INPUTS
