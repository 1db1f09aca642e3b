"""``impasto rerun`` paints the same bytes again, or says in one line why it cannot."""

import json
import shlex
import shutil

import pytest
import torch

from conftest import picture
from impasto.media.image import save_image
from impasto.see.encoder import ChainEncoder
from impasto.see.weights import save_encoder


@pytest.fixture
def painted(desk):
    """``desk`` with a picture that started from noise."""
    assert desk.image("--init", "noise", "--seed", 3, "--tv-weight", 0.1)[0] == 0
    return desk


def again(desk, *words, out="again.png"):
    code, _, err = desk.run("rerun", desk.out, "-o", out, *words)
    assert code == 0, err
    return (desk.folder / out).read_bytes()


def test_the_same_bytes(painted):
    assert again(painted) == painted.out.read_bytes()


def test_the_same_bytes_from_another_folder_and_of_names_as_they_were_typed(painted, monkeypatch):
    code, _, _ = painted.run(
        *("image", "photo.png", "style.png", "-o", "short.png", "--encoder", "tiny.safetensors"),
        *("--init", "out.png", "--size", 64, "--steps", 2),
    )
    assert code == 0
    elsewhere = painted.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert painted.run("rerun", "../short.png", "-o", "new.png")[0] == 0
    assert (elsewhere / "new.png").read_bytes() == (painted.folder / "short.png").read_bytes()


def test_a_rerun_can_be_rerun(painted):
    first = again(painted)
    assert painted.run("rerun", "again.png", "-o", "third.png")[0] == 0
    assert (painted.folder / "third.png").read_bytes() == first


@pytest.mark.parametrize("name", ["out.jpg", "out.tif", "out.webp", "deep.png"])
def test_of_every_kind(desk, name):
    words = ("--bits", 16) if name == "deep.png" else ("--jpeg-quality", 80)
    out = desk.folder / name
    assert desk.image(*words, out=out)[0] == 0
    assert desk.run("rerun", out)[0] == 0
    assert out.with_stem(f"{out.stem}-rerun").read_bytes() == out.read_bytes()


def test_its_own_name_overwrites_nothing(painted):
    for name in ("out-rerun.png", "out-rerun-2.png"):
        assert painted.run("rerun", painted.out)[0] == 0
        assert name in painted.files()


def test_inputs_are_found_beside_the_picture(painted, tmp_path, monkeypatch):
    before = painted.out.read_bytes()
    moved = tmp_path / "moved"
    painted.folder.rename(moved)
    monkeypatch.chdir(tmp_path)
    assert painted.run("rerun", moved / "out.png", "-o", moved / "again.png")[0] == 0
    assert (moved / "again.png").read_bytes() == before


def test_inputs_can_be_named_anew(desk, tmp_path):
    save_image(picture(7), desk.folder / "start.png")
    assert desk.image("--init", "start.png")[0] == 0
    before, names = desk.out.read_bytes(), {}
    for role, file in (
        ("content", "photo.png"),
        ("style", "style.png"),
        ("init", "start.png"),
        ("weights", "tiny.safetensors"),
    ):
        names[role] = tmp_path / f"new-{file}"
        shutil.move(desk.folder / file, names[role])
    given = []
    for role, name in names.items():
        said = desk.refused("rerun", desk.out, *given)
        assert "is gone" in said
        assert f"--{role} FILE" in said
        given += [f"--{role}", name]
    assert again(desk, *given) == before


@pytest.mark.parametrize("role", ["content", "style", "init"])
def test_a_changed_input_is_refused(desk, role):
    save_image(picture(7), desk.folder / "start.png")
    desk.image("--init", "start.png")
    file = {"content": desk.photo, "style": desk.style, "init": desk.folder / "start.png"}[role]
    save_image(picture(11), file)
    said = desk.refused("rerun", desk.out)
    assert "is not the file that was painted from" in said
    assert f"--{role} FILE" in said


def test_other_weights_are_refused(painted):
    torch.manual_seed(9)
    save_encoder(painted.encoder, ChainEncoder(((8,), (8, 8), (12,), (16, 16), (16,)), name="tiny"))
    assert "painted with other weights of tiny" in painted.refused("rerun", painted.out)


def test_neither_the_picture_nor_its_inputs_are_overwritten(painted):
    for name in ("out.png", "photo.png", "style.png"):
        assert "is one of the inputs" in painted.refused("rerun", painted.out, "-o", name)


def test_pictures_without_a_recipe(desk):
    for command in ("rerun", "show"):
        assert "holds no recipe" in desk.refused(command, desk.photo)
        assert "does not exist" in desk.refused(command, "none.png")


@pytest.mark.parametrize(
    "recipe",
    ["{", "[]", "3", "{}", "[" * 100_000, '{"recipe": {}, "styles": []}', '{"recipe": {"size": [3]}, "styles": [1]}'],
)
def test_a_damaged_recipe(desk, recipe):
    save_image(picture(1), desk.folder / "odd.png", recipe=recipe)
    for command in ("rerun", "show"):
        assert "the recipe inside is damaged" in desk.refused(command, "odd.png")


def test_a_recipe_with_one_thing_gone_is_damaged(painted):
    about = json.loads(painted.run("show", "--json", painted.out)[1])
    for key in ("impasto", "recipe", "content", "styles", "encoder", "machine", "output"):
        less = {name: value for name, value in about.items() if name != key}
        save_image(picture(1), painted.folder / "odd.png", recipe=json.dumps(less))
        assert "the recipe inside is damaged" in painted.refused("rerun", "odd.png")
    save_image(picture(1), painted.folder / "odd.png", recipe=json.dumps({**about, "recipe": {"brush": 3}}))
    assert "unknown option 'brush'" in painted.refused("rerun", "odd.png")


def test_what_will_differ_is_said(painted):
    about = json.loads(painted.run("show", "--json", painted.out)[1])
    about["machine"]["torch"] = "1.0"
    save_image(picture(1), painted.folder / "old.png", recipe=json.dumps({**about, "interrupted": 5}))
    code, _, err = painted.run("rerun", "old.png")
    assert code == 0
    assert f"torch 1.0, now {torch.__version__}" in err
    assert "interrupted at step 5" in err


def test_the_command_shown_paints_the_same_picture(painted):
    command = painted.run("show", painted.out)[1].splitlines()[0]
    words = shlex.split(command)
    assert words.pop(0) == "impasto"
    assert painted.run(*words, "-o", "again.png")[0] == 0
    assert (painted.folder / "again.png").read_bytes() == painted.out.read_bytes()
