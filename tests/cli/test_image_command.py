"""``impasto image``: what it writes, where, and what it says."""

import csv
import json

import pytest
import torch

from conftest import picture
from impasto.media.image import load_image, load_picture, save_image
from impasto.runtime import native_bfloat16

COLUMNS = ["step", "size", "total", "content", "style", "grain", "tv", "grey", "temporal"]


def test_a_picture_is_painted_and_said(desk):
    code, out, err = desk.image()
    assert (code, out) == (0, "")
    first, last = err.strip().splitlines()
    assert first.startswith("encoder tiny, ")
    assert last.startswith(f"painted {desk.out} (64×48) in ")
    assert load_image(desk.out).shape == (1, 3, 48, 64)
    assert set(desk.files()) == {"photo.png", "style.png", "tiny.safetensors", "out.png"}


@pytest.mark.parametrize(
    "words",
    [
        ("--init", "noise"),
        ("--init", "noise", "--noise-mean", "0.4", "--noise-std", 0.1, "--seed", 7),
        ("--init", "style"),
        ("--init", "photo.png"),
        ("--optimizer", "lbfgs", "--learning-rate", 0.5),
        ("--statistic", "moments"),
        ("--losses", "classic", "--content-weight", 5, "--style-weight", 1e4, "--tv-weight", 1e-5),
        ("--tv-weight", 0.5, "--grey-weight", 0.1),
        ("--style-scale", 0.5),
        ("--style-scale", 2),
        ("--start-size", 64),
        ("--content-layers", "block3_conv1=0.5,conv4_2", "--style-layers", "r11=2, relu_2_1"),
        ("--content-layers", "pixels"),
        ("--pooling", "average"),
        ("--averaging", 0),
        ("--strength", 100),
        ("--strength", 1),
        ("--precision", "float32", "--device", "cpu"),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_every_option_paints_the_same_bytes_twice(desk, words):
    assert desk.image(*words)[0] == 0
    first = desk.out.read_bytes()
    assert desk.image(*words)[0] == 0
    assert desk.out.read_bytes() == first


@pytest.mark.skipif(not native_bfloat16(), reason="this processor emulates bfloat16")
def test_bfloat16_is_as_repeatable(desk):
    pictures = []
    for _ in range(2):
        assert desk.image("--precision", "bfloat16", "--size", 96, "--init", "noise", "--steps", 4)[0] == 0
        pictures.append(desk.out.read_bytes())
    assert pictures[0] == pictures[1]


def test_another_seed_paints_another_picture(desk):
    images = []
    for seed in (1, 2):
        desk.image("--init", "noise", "--seed", seed)
        images.append(load_image(desk.out))
    assert not torch.equal(*images)


def test_strength_0_returns_the_photograph(desk):
    assert desk.image("--strength", 0, "--size", 64)[0] == 0
    assert float((load_image(desk.out) - load_image(desk.photo)).abs().max()) <= 1.01 / 255


def test_quality_is_a_number_of_steps(desk):
    steps = {}
    for quality in ("draft", "good", "best"):
        _, out, _ = desk.run(
            "image", desk.photo, desk.style, "--encoder", desk.encoder, "--size", 64, "--quality", quality, "--json"
        )
        steps[quality] = json.loads(out)["steps"]
    assert steps["draft"] < steps["good"] < steps["best"]


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 48), (33, 264), (71, 53)])
def test_the_longer_side_is_the_size(desk, height, width):
    save_image(picture(4, height, width), desk.photo)
    size = 272 if max(height, width) > 200 else 67
    assert desk.image("--size", size, "--steps", 1)[0] == 0
    sides = load_image(desk.out).shape[2:]
    assert tuple(sides) == tuple(round(side * size / max(height, width)) for side in (height, width))


def test_json_is_the_last_line_and_the_only_one_on_standard_output(desk):
    code, out, err = desk.image("--json")
    assert code == 0
    assert out.count("\n") == 1
    line = json.loads(out)
    assert (line["out"], line["encoder"], line["width"], line["height"]) == (str(desk.out), "tiny", 64, 48)
    assert (line["steps"], line["interrupted"]) == (2, False)
    assert line["seconds"] > 0
    assert set(line["losses"]) == {"content", "style", "grain", "total"}
    assert "painted" in err


def test_quiet_says_nothing(desk):
    assert desk.image("--quiet") == (0, "", "")
    code, out, err = desk.image("-q", "--json")
    assert (code, err) == (0, "")
    json.loads(out)


def test_the_log_has_a_row_for_every_step(desk):
    desk.image("--size", 128, "--steps", 3, "--log", "losses.csv", "--tv-weight", 0.1)
    with open("losses.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == COLUMNS
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert sorted({int(row[1]) for row in rows}) == [64, 128]
    for row in rows:
        total, content, style, grain, tv = map(float, row[2:7])
        assert total == pytest.approx(content + style + grain + tv, rel=1e-4, abs=1e-9)
        assert row[7:] == ["", ""]


def test_stages_are_saved_at_the_final_size(desk):
    desk.image("--size", 128, "--steps", 4, "--save-every", 5)
    stages = sorted(path.name for path in desk.folder.glob("out-*.png"))
    assert stages[0] == "out-0005.png"
    for name in stages:
        assert load_image(name).shape == (1, 3, 96, 128)
        assert "interrupted at step" in desk.run("show", name)[1]
    assert "interrupted" not in desk.run("show", desk.out)[1]


def test_a_name_that_nobody_typed_overwrites_nothing(desk):
    words = ("image", desk.photo, desk.style, "--encoder", desk.encoder, "--size", 64, "--steps", 1, "-q")
    for name in ("photo-style.png", "photo-style-2.png", "photo-style-3.png"):
        assert desk.run(*words)[0] == 0
        assert name in desk.files()
    long = desk.folder / ("ö" * 120 + ".png")
    desk.photo.rename(long)
    assert desk.run("image", long, *words[2:])[0] == 0


def test_alpha_in_alpha_out(desk):
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., :20] = 0
    alpha[..., 20:30] = 0.5
    save_image(picture(1), desk.photo, alpha=alpha)
    desk.image()
    kept = load_picture(desk.out).alpha
    assert float((kept - alpha).abs().max()) < 1 / 255
    desk.image("--size", 128, "--steps", 1)
    assert load_picture(desk.out).alpha.shape == (1, 1, 96, 128)


@pytest.mark.parametrize("which", ["photo", "style"])
def test_hidden_colours_do_not_show(desk, which):
    file, given = (desk.photo, picture(1)) if which == "photo" else (desk.style, picture(2, 56, 56))
    alpha = torch.ones_like(given[:, :1])
    alpha[:, :, 10:, :25] = 0
    images = []
    for hidden in (0.0, 1.0, picture(8, *given.shape[2:])):
        save_image(torch.where(alpha == 0, torch.as_tensor(hidden), given), file, alpha=alpha)
        desk.image("--steps", 4, "--init", "style")
        images.append(load_image(desk.out))
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0], images[2])
    save_image(given, file)
    desk.image("--steps", 4, "--init", "style")
    assert not torch.equal(images[0], load_image(desk.out))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits(desk, suffix):
    out = desk.folder / f"deep{suffix}"
    assert desk.image("--bits", 16, out=out)[0] == 0
    assert load_picture(out).bits == 16
    values = (load_image(out) * 65535).round().long()
    assert bool((values % 257 != 0).any())  # more than eight bits stretched


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp"])
def test_every_kind_holds_its_recipe(desk, suffix):
    out = desk.folder / f"deep{suffix}"
    assert desk.image("--strength", 60, out=out)[0] == 0
    code, text, _ = desk.run("show", out)
    assert code == 0
    assert text.startswith(f"impasto image {desk.photo} {desk.style} --size 64 --strength 60 ")
    code, text, _ = desk.run("show", "--json", out)
    about = json.loads(text)
    assert (about["recipe"]["strength"], about["recipe"]["size"]) == (60, 64)
    assert about["content"]["path"] == str(desk.photo)
    assert len(about["styles"][0]["sha256"]) == 64


def test_a_name_that_is_no_unicode_is_shown(desk):
    import os

    odd = os.fsdecode(os.fsencode(desk.folder) + b"/p\xe9ch\xe9.png")
    os.rename(desk.photo, odd)
    assert (
        desk.run("image", odd, desk.style, "-o", desk.out, "--encoder", desk.encoder, "--size", 64, "--steps", 1)[0]
        == 0
    )
    assert desk.run("show", desk.out)[0] == 0
    assert json.loads(desk.run("show", "--json", desk.out)[1])["content"]["path"] == odd
    assert desk.run("rerun", desk.out)[0] == 0


def test_weights_given_are_said_and_not_why_auto_chose(desk):
    words = ("image", desk.photo, desk.style, "-o", desk.out, "--size", 64, "--steps", 1)
    _, _, err = desk.run(*words, "--weights", desk.encoder)
    assert err.splitlines()[0].startswith("encoder tiny, ")
