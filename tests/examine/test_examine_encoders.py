"""Installed weights: whole or damaged, and the folder that they lie in."""

import pytest
import torch

from impasto.examine import encoders
from impasto.examine.finding import found_by
from impasto.see import vgg
from impasto.see.fetch import part_file
from impasto.see.known import known
from impasto.see.weights import save_weights


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(vgg, "VGG19_BLOCKS", ((4, 4), (6, 6)))
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def weights(tmp_path):
    """A small file in VGG-19's form."""
    torch.manual_seed(0)
    shapes = {0: (4, 3), 2: (4, 4), 5: (6, 4), 7: (6, 6)}
    state = {f"features.{i}.weight": torch.randn(*shape, 3, 3) * 0.2 for i, shape in shapes.items()}
    state |= {f"features.{i}.bias": torch.randn(shape[0]) for i, shape in shapes.items()}
    torch.save(state, tmp_path / "source.pth")
    return tmp_path / "source.pth"


def findings():
    return {found.name: found for name, check in encoders.CHECKS.items() for found in found_by(name, check)}


def test_nothing_installed_is_not_wrong_and_nothing_is_made(home):
    found = findings()
    assert {one.mark for one in found.values()} == {"ok"}
    assert "made when it is needed" in found["folder"].text
    assert found["vgg19"].facts == {"installed": False}
    assert len(found["builtin"].facts["sha256"]) == 64
    assert not home.exists()


def test_an_installed_file_is_verified_and_a_damaged_one_found(home, weights):
    path = vgg.install(weights, "vgg19")
    found = findings()["vgg19"]
    assert (found.mark, found.facts["path"], found.facts["size"]) == ("ok", str(path), path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    found = findings()["vgg19"]
    assert found.mark == "wrong"
    assert f"{path} is damaged: its checksum is" in found.text
    assert found.remedy == "impasto models remove vgg19, then impasto models fetch vgg19"


def test_a_file_as_published_goes_by_its_own_checksum(home, weights):
    home.mkdir()
    (home / known("vgg19-caffe").file).write_bytes(weights.read_bytes())
    found = findings()["vgg19-caffe"]
    assert found.mark == "wrong"
    assert "expected d01eb7cb" in found.text


def test_weights_that_are_no_numbers_are_wrong_whatever_their_checksum(home, weights):
    state = torch.load(weights)
    state["features.2.bias"][0] = float("nan")
    save_weights(home / "vgg19.safetensors", "vgg19", state, {})
    found = findings()["vgg19"]
    assert (found.mark, "not finite numbers" in found.text) == ("wrong", True)


def test_an_unfinished_download_is_noted(home):
    home.mkdir()
    part_file(known("vgg19"), home).write_bytes(b"half")
    found = findings()["vgg19"]
    assert (found.mark, "goes on with it" in found.remedy) == ("note", True)


def test_a_missing_builtin_encoder_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setattr("impasto.see.known.BUILTIN", tmp_path / "none.safetensors")
    found = findings()["builtin"]
    assert (found.mark, "install impasto again" in found.remedy) == ("wrong", True)


def test_a_home_that_cannot_be_written_is_wrong(home, monkeypatch):
    home.write_text("a file, not a folder")
    found = findings()["folder"]
    assert (found.mark, "is a file, not a folder" in found.text) == ("wrong", True)
    assert "set IMPASTO_HOME" in found.remedy
    monkeypatch.setenv("IMPASTO_HOME", str(home / "below"))
    assert findings()["folder"].mark == "wrong"
    home.unlink()
    home.mkdir()

    def barred(path, data):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("impasto.media.files._write_bytes", barred)  # a superuser may write anywhere
    found = findings()["folder"]
    assert (found.mark, "cannot be written in" in found.text) == ("wrong", True)
