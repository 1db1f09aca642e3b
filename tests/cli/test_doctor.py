"""``impasto doctor``: what it prints, and its exit code."""

import json
import time
from pathlib import Path

import pytest
import torch

from impasto.cli import run
from impasto.examine import encoders, report
from impasto.see.load import load_encoder
from impasto.see.vgg import _shapes
from impasto.see.weights import save_weights


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "weights"))
    return tmp_path / "weights"


def asked(capsys, *words):
    """Exit code and standard output."""
    code = run(["doctor", *words])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out


def by_name(out):
    return {found["name"]: found for section in json.loads(out)["sections"] for found in section["findings"]}


def test_nothing_is_wrong_here(capsys):
    code, out = asked(capsys, "--quick")
    assert code == 0, out
    assert "nothing is wrong" in out.splitlines()[-1]
    assert "Self-test" not in out


def test_json_says_the_same_and_names_no_home(capsys, tmp_path):
    code, out = asked(capsys, "--quick", "--json")
    plain = json.loads(out)
    assert (code, plain["wrong"]) == (0, 0)
    assert [section["title"] for section in plain["sections"]] == [
        *("Versions", "Machine", "Devices", "Encoders", "Pictures"),
    ]
    for section in plain["sections"]:
        for found in section["findings"]:
            assert set(found) == {"mark", "name", "text", "remedy", "facts"}
            assert found["mark"] in ("ok", "note", "wrong")
    assert str(tmp_path) not in out
    assert by_name(out)["folder"]["facts"]["path"] == str(Path("~") / "weights")


def test_a_damaged_file_is_named_with_what_to_do(capsys, home, monkeypatch):
    blocks = ((2, 2),)
    monkeypatch.setattr("impasto.see.vgg.VGG19_BLOCKS", blocks)
    state = {name: torch.rand(shape) for name, shape in _shapes(blocks).items()}
    path = home / "vgg19.safetensors"
    save_weights(path, "vgg19", state, {})
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(report, "_SECTIONS", {"Encoders": "encoders"})
    code, out = asked(capsys)
    assert code == 1
    words = " ".join(out.split())
    assert "wrong vgg19 ~/weights/vgg19.safetensors is damaged" in words
    assert "to do: impasto models remove vgg19, then impasto models fetch vgg19" in words
    assert out.splitlines()[-1].strip() == "1 thing is wrong"


def test_a_check_that_raises_is_no_traceback(capsys, monkeypatch):
    def broken():
        raise RuntimeError("[no] markup\nhere")
        yield

    monkeypatch.setattr(report, "_SECTIONS", {"Encoders": "encoders"})
    monkeypatch.setattr(encoders, "CHECKS", {"one": broken, "two": broken})
    code, out = asked(capsys)
    assert code == 1
    assert "the check failed: RuntimeError: [no] markup here" in out
    assert "2 things are wrong" in out
    assert "Traceback" not in out


@pytest.mark.slow
def test_the_self_test_passes_and_takes_some_seconds(capsys):
    load_encoder("builtin")
    began = time.perf_counter()
    code, out = asked(capsys, "--json")
    assert code == 0, out
    assert time.perf_counter() - began < 30
    found = by_name(out)
    assert found["painted again"]["mark"] == "ok"
    assert found["speed"]["facts"]["float32"] > 1
