"""The library's door: one call, or a generator, or an easel."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import impasto
from conftest import picture
from impasto import (
    Easel,
    InputError,
    MediaError,
    Progress,
    Recipe,
    load_image,
    open_easel,
    save_image,
    stylize,
    stylize_steps,
)
from impasto.errors import UnknownNameError, WeightsError
from impasto.studio import read_about, reopen

SMALL = {"size": 64, "start_size": 64, "steps": 3}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_every_public_name_is_there():
    for name in impasto.__all__:
        assert getattr(impasto, name) is not None
    assert set(impasto.__all__) <= set(dir(impasto))
    with pytest.raises(AttributeError, match="no attribute 'stylise'"):
        impasto.stylise  # noqa: B018


def test_importing_is_instant():
    code = "import sys, impasto, impasto.cli; impasto.Recipe; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_one_call(tiny, content, style, tmp_path):
    painting = stylize(content, style, encoder=tiny, **SMALL)
    assert painting.image.shape == (1, 3, 48, 64)
    assert painting.alpha is None
    assert set(painting.losses) == {"content", "style", "grain", "total"}
    painting.save(tmp_path / "out.png")
    assert float((load_image(tmp_path / "out.png") - painting.image).abs().max()) <= 0.51 / 255


def test_the_generator_ends_where_the_call_does(tiny, content, style):
    steps = list(stylize_steps(content, style, Recipe(**SMALL), encoder=tiny))
    assert all(isinstance(step, Progress) for step in steps)
    assert torch.equal(steps[-1].snapshot(), stylize(content, style, Recipe(**SMALL), encoder=tiny).image)


def test_the_generator_tells_at_once_what_it_cannot_use(tiny, content):
    with pytest.raises(InputError):
        stylize_steps(content, content, encoder=tiny)


def test_files_and_tensors_paint_the_same(desk):
    options = {**SMALL, "encoder": str(desk.encoder)}
    one = stylize(desk.photo, str(desk.style), **options)
    two = stylize(load_image(desk.photo)[0], [load_image(desk.style)], **options)
    assert torch.equal(one.image, two.image)
    assert (one.about["content"]["path"], two.about["content"]["path"]) == (str(desk.photo), "")


def test_the_library_and_the_command_paint_the_same(desk):
    assert desk.image()[0] == 0
    stylize("photo.png", "style.png", size=64, steps=2, encoder="tiny.safetensors").save("library.png")
    assert (desk.folder / "library.png").read_bytes() == desk.out.read_bytes()


def test_an_option_changes_the_recipe_given(tiny, content, style):
    easel = open_easel(content, style, Recipe(strength=20, **SMALL), encoder=tiny, strength=70)
    assert isinstance(easel, Easel)
    assert (easel.recipe.strength, easel.recipe.size) == (70, 64)
    assert easel.about["recipe"] == easel.recipe.as_dict()


def test_a_painting_stopped_early_has_the_final_size(tiny, style):
    photo = picture(1, 61, 97)
    easel = open_easel(photo, style, encoder=tiny, size=259, steps=1)
    first = next(iter(easel.paint()))
    assert max(first.snapshot().shape) < 259
    painting = easel.painting(first)
    whole = stylize(photo, style, encoder=tiny, size=259, steps=1)
    assert painting.image.shape == whole.image.shape
    assert painting.about["interrupted"] == 1
    assert "interrupted" not in whole.about


def test_two_styles_are_not_one(tiny, content, style):
    other = picture(6, 50, 60)
    one, two, both = (
        stylize(content, s, encoder=tiny, strength=100, **SMALL).image for s in (style, other, [style, other])
    )
    assert not torch.equal(both, one)
    assert not torch.equal(both, two)


def test_auto_says_why_unless_weights_were_given(desk, content, style, tiny, monkeypatch):
    given = open_easel(content, style, weights=desk.encoder, **SMALL)
    assert given.remarks[0].startswith("encoder tiny, ")
    monkeypatch.setattr("impasto.studio.sight.load_encoder", lambda *_, **__: tiny)
    (line,) = open_easel(content, style, **SMALL).remarks
    assert line.startswith("encoder tiny (no VGG-19 is installed")


def test_an_encoder_of_ones_own_is_recorded_as_it_is(tiny, content, style):
    about = open_easel(content, style, encoder=tiny, **SMALL).about
    assert (about["encoder"]["name"], about["encoder"]["weights"]) == ("tiny", "")
    assert len(about["encoder"]["sha256"]) == 64
    assert about["machine"]["precision"] == "float32"
    assert json.loads(json.dumps(about)) == about


def test_painted_from_tensors_it_can_be_painted_again_from_files(desk, tiny):
    stylize(load_image(desk.photo), load_image(desk.style), encoder=tiny, precision="float32", **SMALL).save("out.png")
    for given, flag in (({}, "--content"), ({"content": desk.photo}, "--style")):
        with pytest.raises(InputError, match=f"name one with {flag} FILE"):
            reopen("out.png", **given)
    given = {"content": desk.photo, "styles": [desk.style]}
    with pytest.raises(InputError, match="name one with --weights FILE"):
        reopen("out.png", **given)
    easel = reopen("out.png", **given, weights=desk.encoder)
    *_, last = easel.paint()
    easel.painting(last).save("again.png")
    assert (desk.folder / "again.png").read_bytes() == desk.out.read_bytes()
    with pytest.raises(InputError, match=r"painted with 1 style\(s\), 2 given"):
        reopen("out.png", styles=[desk.style, desk.photo])


def test_the_recipe_inside_tells_all(desk):
    desk.image("--init", "noise")
    about = read_about(desk.out)
    assert about["impasto"] == impasto.__version__
    assert Recipe.from_dict(about["recipe"]).init == "noise"
    assert about["machine"]["torch"] == torch.__version__
    assert about["output"] == {"bits": 8, "quality": 95}
    assert about["encoder"]["weights"] == str(desk.encoder)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.rand(3, 48), "expected .1, 3, H, W."),
        (torch.rand(2, 3, 48, 48), "expected .1, 3, H, W."),
        (torch.rand(1, 4, 48, 48), "expected .1, 3, H, W."),
        (torch.rand(1, 3, 0, 48), "expected .1, 3, H, W."),
        (torch.rand(1, 3, 8, 48), "at least 16 on each side"),
        (torch.rand(1, 3, 48, 48) * 255, r"divide by 255\?"),
        (torch.rand(1, 3, 48, 48) - 1, "expected 0..1"),
        (torch.full((1, 3, 48, 48), float("nan")), "NaN"),
        (torch.zeros(1, 3, 48, 48), "black"),
        (torch.full((1, 3, 48, 48), 0.7), "one flat colour"),
        (np.zeros((48, 48, 3)), "is a ndarray: expected a path or a tensor"),
        (None, "is a NoneType"),
    ],
)
@pytest.mark.parametrize("role", ["content", "style"])
def test_what_is_no_picture(tiny, given, words, role):
    pictures = (given, picture(2)) if role == "content" else (picture(2), [given])
    with pytest.raises(InputError, match=words) as caught:
        open_easel(*pictures, encoder=tiny)
    assert role in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"encoder": "builtn"}, UnknownNameError),
        ({"encoder": "vgg19"}, WeightsError),
        ({"sizes": 3}, UnknownNameError),
        ({"size": 3}, InputError),
        ({"strength": 3, "content_weight": 1}, InputError),
        ({"encoder": "builtin", "weights": "tiny.safetensors"}, InputError),
        ({"encoder": "tiny.safetensors", "weights": "tiny.safetensors"}, InputError),
        ({"weights": "none.safetensors"}, WeightsError),
    ],
)
def test_what_cannot_be_is_an_error_of_impasto(desk, content, style, options, error):
    with pytest.raises(error) as caught:
        stylize(content, style, **options)
    assert "\n" not in str(caught.value)


def test_no_style_and_the_same_picture(tiny, content):
    with pytest.raises(InputError, match="no style given"):
        stylize(content, [], encoder=tiny)
    with pytest.raises(InputError, match="the same picture"):
        stylize(content, content.clone(), encoder=tiny)
    with pytest.raises(InputError, match="give one or the other"):
        stylize(content, picture(5), encoder=tiny, weights="x.safetensors")


def test_saving_where_nothing_can_be(tiny, content, style, tmp_path):
    painting = stylize(content, style, encoder=tiny, **SMALL)
    with pytest.raises(MediaError, match="does not exist"):
        painting.save(tmp_path / "nowhere" / "out.png")
    with pytest.raises(InputError, match="8 bits only"):
        painting.save(tmp_path / "out.jpg", bits=16)
    assert list(Path(tmp_path).iterdir()) == []


def test_a_mask_may_be_a_tensor(tiny, content, style, tmp_path):
    matte = torch.zeros(1, 1, 48, 64)
    matte[..., :20] = 1
    painting = stylize(content, style, encoder=tiny, protect=matte, **SMALL)
    assert torch.equal(painting.image[..., :20], content[..., :20])
    painting.save(tmp_path / "out.png")
    save_image(content, tmp_path / "content.png")
    with pytest.raises(InputError, match="name one with --protect FILE"):
        reopen(tmp_path / "out.png", content=tmp_path / "content.png", styles=[tmp_path / "content.png"])
    with pytest.raises(InputError, match=r"expected \(1, 1, H, W\)"):
        stylize(content, style, encoder=tiny, protect=matte[0], **SMALL)
