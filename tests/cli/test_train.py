"""``impasto train``: from a command line to files, and what stops it."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

from conftest import picture
from impasto.errors import TrainingError
from impasto.media.image import save_image
from impasto.see.encoder import ChainEncoder
from impasto.see.load import load_encoder
from impasto.see.weights import save_encoder

SMALL = ("--blocks", "4,4/6,6/8,8/8,8,8/8", "--size", 16, "--batch", 2, "--painted", 0, "--every", 2, "--device", "cpu")
TINY = ("--blocks", "4,4/6", "--batch", 4, "--device", "cpu")


@pytest.fixture
def shop(desk):
    """The desk with a teacher, pictures in a folder and in a zip archive, and a labelled set."""
    torch.manual_seed(0)
    teacher = ChainEncoder(((6,), (6,), (8,), (8, 8), (8,)), name="teacher")
    save_encoder(desk.folder / "teacher.safetensors", teacher)
    for seed in range(6):
        (desk.folder / "pictures").mkdir(exist_ok=True)
        save_image(picture(seed, 32, 40), desk.folder / "pictures" / f"p{seed}.png")
        for label in ("ant", "bee"):
            (desk.folder / "set" / label).mkdir(parents=True, exist_ok=True)
            save_image(picture(seed + len(label), 16, 16), desk.folder / "set" / label / f"{seed}.png")
    with zipfile.ZipFile(desk.folder / "more.zip", "w") as archive:
        archive.write(desk.photo, "photo.png")
        archive.writestr("broken.jpg", b"\xff\xd8\xff nothing")
    return desk


def distil(shop, *words, out="runs/e.safetensors", small=SMALL):
    data = ("--data", "pictures", "--data", "more.zip", "--teacher", "teacher.safetensors")
    return ("train", "encoder", "-o", out, *data, *small, *words)


def test_help_needs_no_torch():
    code = "import sys, impasto.cli.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=_environment(), check=False).returncode == 0


def test_an_encoder_from_one_command(shop):
    code, _, err = shop.run(*distil(shop, "--steps", 4))
    assert code == 0, err
    runs = shop.folder / "runs"
    assert {"e.safetensors", "e.checkpoint", "e.csv", "e.json", "e.md"} <= {path.name for path in runs.iterdir()}
    card = json.loads((runs / "e.json").read_text())
    assert [(s["path"], s["pictures"], s["share"]) for s in card["data"]] == [
        ("pictures", 5, 0.5),
        ("more.zip", 1, 0.5),
    ]
    assert "broken.jpg" in card["data"][1]["skipped"][0]
    assert "broken.jpg" in err
    assert "unexplained on held-out pictures: relu1_1" in err
    code, _, err = shop.image("--encoder", runs / "e.safetensors")
    assert code == 0, err


def test_the_curve_and_the_confusion_are_plotted(shop):
    pytest.importorskip("matplotlib")
    assert shop.run(*distil(shop, "--steps", 2, "-q")) == (0, "", "")
    assert (shop.folder / "runs" / "e.png").read_bytes().startswith(b"\x89PNG")
    assert shop.run("train", "classifier", "-o", "c.safetensors", "--data", "set", "--epochs", 1, *TINY, "-q")[0] == 0
    assert (shop.folder / "c-confusion.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_there_is_a_hint(shop, monkeypatch):
    import impasto.train.curve as curve

    monkeypatch.setattr(curve.importlib.util, "find_spec", lambda name: None)
    code, _, err = shop.run(*distil(shop, "--steps", 2))
    assert code == 0
    assert "pip install 'impasto[train]'" in err
    assert not (shop.folder / "runs" / "e.png").exists()


def test_resume_goes_on_and_refuses_what_differs(shop):
    assert shop.run(*distil(shop, "--steps", 2))[0] == 0
    assert "--resume" in shop.refused(*distil(shop, "--steps", 2))
    assert "--gram-weight 0.5" in shop.refused(*distil(shop, "--steps", 2, "--resume", "--gram-weight", 0.5))
    other = ("--blocks", "4,4/6,6/8,8/8,8,8/9", *SMALL[2:])
    assert "--blocks 4,4/6,6/8,8/8,8,8/9" in shop.refused(*distil(shop, "--steps", 2, "--resume", small=other))
    few = ("--resume", "--change", "--gram-weight", 0.5, "--steps", 3)
    code, _, err = shop.run(*distil(shop, *few, small=("--device", "cpu", "--every", 2)))
    assert code == 0, err
    card = json.loads((shop.folder / "runs" / "e.json").read_text())
    assert (card["steps"], card["options"]["gram_weight"], card["options"]["batch"]) == (5, 0.5, 2)
    assert shop.run(*distil(shop, "--steps", 1, "--force"))[0] == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "--minutes or --steps"),
        (("--minutes", 1, "--steps", 2), "one of them"),
        (("--steps", 2, "--resume"), "there is no checkpoint"),
        (("--steps", 2, "--change"), "--change goes with --resume"),
        (("--steps", 2, "--share", "1"), "--share names 1"),
        (("--steps", 2, "--share", "a,b"), "--share"),
        (("--steps", 2, "--hold-out", "p7.png"), "did you mean 'p.*png'"),
        (("--steps", 2, "--painted", 2), "--painted 2"),
        (("--steps", 2, "--cooldown", 2), "--cooldown 2"),
        (("--steps", 2, "--teacher", "vgg19"), "not installed"),
        (("--steps", 2, "--data", "nowhere"), "no such data"),
        (("--steps", 2, "--judge", "photo.png", "nothing.png"), "nothing.png"),
        (("--steps", 2, "-o", "e.pth"), ".safetensors"),
        (("--steps", 2, "--device", "abacus"), "abacus"),
    ],
)
def test_what_cannot_be_done_is_one_line(shop, words, expected):
    import re

    (shop.folder / "runs").mkdir()
    assert re.search(expected, shop.refused(*distil(shop, *words)))


def test_a_full_disk_at_the_end_is_one_line_and_keeps_the_checkpoint(shop, monkeypatch):
    assert shop.run(*distil(shop, "--steps", 2))[0] == 0
    path = shop.folder / "runs" / "e.checkpoint"
    before = path.read_bytes()

    def full(path, data):
        if data:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("impasto.media.files._write_bytes", full)
    code, _, err = shop.run(*distil(shop, "--resume", "--steps", 2))
    assert code == 2
    assert "no space left" in err.splitlines()[-1]
    assert path.read_bytes() == before


def test_a_checkpoint_that_cannot_be_written_in_between_does_not_stop_the_training(shop, monkeypatch):
    from impasto.train.distil import Distillation

    calls = []
    save = Distillation.save

    def sometimes(self):
        calls.append(self.distiller.step)
        if len(calls) == 1:
            raise TrainingError("no space left")
        save(self)

    monkeypatch.setattr(Distillation, "save", sometimes)
    code, _, err = shop.run(*distil(shop, "--steps", 3, "--save-every", 1e-9))
    assert code == 0
    assert "not saved: no space left" in err
    assert calls == [1, 2, 3, 3]


def test_an_interrupted_training_leaves_a_checkpoint_that_resumes(shop):
    words = [str(word) for word in distil(shop, "--steps", 100000)]
    process = subprocess.Popen(
        [sys.executable, "-m", "impasto", *words],
        cwd=shop.folder,
        env=_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    curve = shop.folder / "runs"
    assert process.stderr is not None
    for line in process.stderr:  # the first scores: it trains
        if line.startswith("step"):
            break
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130, err
    assert "--resume goes on" in err
    assert not (curve / "e.safetensors").exists()
    steps = torch.load(curve / "e.checkpoint", weights_only=True)["step"]
    assert steps >= 2
    assert shop.run(*distil(shop, "--resume", "--steps", steps + 1))[0] == 0
    assert json.loads((curve / "e.json").read_text())["steps"] == steps + 1


def test_a_training_that_is_killed_keeps_its_last_checkpoint(shop):
    words = [str(word) for word in distil(shop, "--steps", 100000, "--save-every", 1e-9, "-q")]
    process = subprocess.Popen([sys.executable, "-m", "impasto", *words], cwd=shop.folder, env=_environment())
    path = shop.folder / "runs" / "e.checkpoint"
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert torch.load(path, weights_only=True)["step"] >= 1
    assert shop.run(*distil(shop, "--resume", "--minutes", 0, "-q")) == (0, "", "")
    assert load_encoder(str(shop.folder / "runs" / "e.safetensors")).name == "e"


def test_classifier_autoencoder_and_a_head_on_its_features(shop):
    code, _, err = shop.run("train", "classifier", "-o", "c.safetensors", "--data", "set", "--epochs", 2, *TINY)
    assert code == 0, err
    assert "test accuracy" in err
    assert "drawn with seed 0" in err
    code, _, err = shop.run("train", "autoencoder", "-o", "a.safetensors", "--data", "set", "--epochs", 2, *TINY)
    assert code == 0, err
    assert (shop.folder / "a-strip.png").is_file()
    head = ("train", "classifier", "--data", "set", "--from", "a.safetensors", "--device", "cpu")
    code, _, err = shop.run(*head, "-o", "h.safetensors")
    assert code == 0, err
    assert "validation accuracy" in err
    code, _, err = shop.run(*head, "-o", "t.safetensors", "--finetune", "--epochs", 1, "--batch", 4)
    assert code == 0, err
    for name in "caht":
        assert shop.image("--encoder", f"{name}.safetensors")[0] == 0
    assert json.loads((shop.folder / "t.json").read_text())["options"]["learning_rate"] == 0.002


def test_a_classifier_resumes_and_its_split_cannot_change(shop):
    command = ("train", "classifier", "-o", "c.safetensors", "--data", "set")
    assert shop.run(*command, "--epochs", 1, *TINY)[0] == 0
    line = shop.refused(*command, "--epochs", 1, "--resume", "--change", "--seed", 1)
    assert "--seed 1" in line
    code, _, err = shop.run(*command, "--epochs", 1, "--resume", "--device", "cpu")
    assert code == 0, err
    assert json.loads((shop.folder / "c.json").read_text())["epochs"] == 2
    assert "of a classifier" in shop.refused("train", "autoencoder", "-o", "c.safetensors", "--data", "set", "--resume")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--epochs", 1, "--per-class", 6), "has only 5"),
        (("--epochs", 1, "--hidden", 5), "go with --from"),
        (("--from", "tiny.safetensors", "--epochs", 1), "--finetune"),
        (("--epochs", 1, "--from", "tiny.safetensors", "--finetune", "--blocks", "4/4"), "--blocks and --from"),
        ((), "--minutes or --epochs"),
        (("--epochs", 1, "--data", "pictures"), "no class folder"),
    ],
)
def test_classifiers_that_cannot_be_trained(shop, words, expected):
    command = ("train", "classifier", "-o", "c.safetensors", "--data", "set", *words)
    assert expected in shop.refused(*command)


def _environment():
    source = str(Path(__file__).resolve().parents[2] / "src")
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
