"""Weight files: what is written comes back, and whatever is wrong with a file is said in one line."""

import io
import json
import os
import pickle
import struct
import tarfile
from collections import OrderedDict

import pytest
import safetensors.torch
import torch

from impasto.errors import WeightsError
from impasto.see.encoder import ChainEncoder
from impasto.see.tarred import read_tarred
from impasto.see.weights import (
    CHAIN,
    checked,
    encoder_digest,
    load_encoder_file,
    load_tensors,
    load_weights,
    read_header,
    save_encoder,
    save_weights,
    tensors_digest,
)

LAYERS = {"blocks": [[4, 6], [8]], "down": "max", "taps": None}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tiny(**options):
    encoder = ChainEncoder(((4, 6), (8,)), name="tiny", **options)
    encoder.mean.copy_(torch.rand(1, 3, 1, 1))
    return encoder.eval()


def refuses(function, *arguments):
    """The one line that ``function`` refuses with."""
    with pytest.raises(WeightsError) as caught:
        function(*arguments)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 500
    return line


@pytest.mark.parametrize(
    "options",
    [{}, {"down": "average"}, {"down": "conv", "taps": {"relu1_2": 3, "relu2_1": 5}}],
    ids=["max", "average", "taps"],
)
def test_an_encoder_comes_back_as_it_was(tmp_path, options):
    encoder, image = tiny(**options), torch.rand(1, 3, 18, 22)
    save_encoder(tmp_path / "e.safetensors", encoder, {"trained on": "noise"})
    back = load_encoder_file(tmp_path / "e.safetensors")
    assert (back.name, back.blocks, back.down, back.layers) == (
        encoder.name,
        encoder.blocks,
        encoder.down,
        encoder.layers,
    )
    names = [layer.name for layer in encoder.layers]
    for name, found in back(image, names).items():
        assert torch.equal(found, encoder(image, names)[name])
    assert not back.training
    assert not any(p.requires_grad for p in back.parameters())
    assert read_header(tmp_path / "e.safetensors").about == {"trained on": "noise"}


def test_half_precision_is_stored_as_such_and_read_as_float32(tmp_path):
    for dtype in (torch.float16, torch.bfloat16):
        path = tmp_path / "half.safetensors"
        save_encoder(path, tiny().to(dtype))
        assert load_weights(path, CHAIN)[0]["convs.0.weight"].dtype == dtype
        assert {p.dtype for p in load_encoder_file(path).parameters()} == {torch.float32}


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    state = {"b": torch.rand(3, 4).t(), "a": torch.rand(2)}
    save_weights(tmp_path / "one", "net", state, {"x": 1, "y": 2})
    save_weights(tmp_path / "two", "net", dict(reversed(state.items())), {"y": 2, "x": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    back, about = load_weights(tmp_path / "one", "net")
    assert about == {"x": 1, "y": 2}
    assert all(torch.equal(back[key], state[key]) for key in state)


def test_tensors_that_share_memory_are_written_apart(tmp_path):
    one = torch.rand(4)
    save_weights(tmp_path / "f", "net", {"a": one, "b": one, "part": one[1:3], "number": torch.tensor(2.0)}, {})
    assert torch.equal(load_weights(tmp_path / "f", "net")[0]["part"], one[1:3])


def test_a_digest_tells_tensors_apart_and_nothing_else(tmp_path):
    encoder = tiny()
    save_encoder(tmp_path / "a.safetensors", encoder, {"note": "one"})
    save_encoder(tmp_path / "b.safetensors", encoder, {"note": "two"})
    loaded = load_encoder_file(tmp_path / "a.safetensors")
    digest = encoder_digest(encoder)
    assert digest == encoder_digest(tmp_path / "a.safetensors") == encoder_digest(tmp_path / "b.safetensors")
    assert digest == encoder_digest(loaded) == encoder_digest(loaded.to(torch.bfloat16))
    with torch.no_grad():
        encoder.convs[0].bias[0] += 1
    save_encoder(tmp_path / "b.safetensors", encoder)
    assert encoder_digest(tmp_path / "b.safetensors") == encoder_digest(encoder) != digest
    assert tensors_digest({"a": torch.zeros(2, 3)}) != tensors_digest({"a": torch.zeros(3, 2)})


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "e.safetensors"
    save_encoder(path, tiny())
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    line = refuses(load_encoder_file, path)
    assert "is damaged" in line
    assert "checksum" in line


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f.safetensors"
    save_weights(path, "net", {"a": torch.ones(2)}, {})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "no space left" in refuses(save_weights, path, "net", {"a": torch.zeros(2)}, {})
    assert os.listdir(tmp_path) == ["f.safetensors"]
    assert load_weights(path, "net")[0]["a"].sum() == 2
    monkeypatch.undo()
    assert "cannot write" in refuses(save_weights, path / "below", "net", {}, {})


def test_a_file_of_another_kind_is_named(tmp_path):
    save_weights(tmp_path / "f", "style-net", {"a": torch.ones(1)}, {})
    assert "holds a 'style-net', expected a 'chain-encoder'" in refuses(load_encoder_file, tmp_path / "f")
    safetensors.torch.save_file({"a": torch.ones(1)}, tmp_path / "plain")
    assert "not a file that impasto wrote" in refuses(load_encoder_file, tmp_path / "plain")
    assert read_header(tmp_path / "plain") is None


@pytest.mark.parametrize(
    "change",
    [
        {"blocks": None},
        {"blocks": []},
        {"blocks": [[]]},
        {"blocks": [[4, -6], [8]]},
        {"blocks": [[4, 10**12], [8]]},
        {"blocks": [[4, True], [8]]},
        {"blocks": [[4, 6.0], [8]]},
        {"blocks": [[1] * 1000]},
        {"blocks": "many\nlines" * 100},
        {"down": "sideways\n"},
        {"down": ["max"]},
        {"taps": {"relu9_9": 3}},
        {"taps": {"relu1_1": 0}},
        {"taps": [1]},
        {"places": {"relu1_1": "relu1_2"}},
        {"taps": {"relu1_1": 3}, "places": {"relu1_1": "relu9_9"}},
        {"places": [1]},
        {"places": {"relu1_1": 7}},
    ],
    ids=str,
)
def test_a_hostile_header_is_one_line(tmp_path, change):
    path = tmp_path / "e.safetensors"
    save_weights(path, CHAIN, tiny().state_dict(), {}, name="tiny", layers={**LAYERS, **change})
    assert "is damaged" in refuses(load_encoder_file, path)


def test_wrong_shapes_are_named_before_anything_is_allocated(tmp_path):
    path = tmp_path / "e.safetensors"
    state = tiny().state_dict()
    save_weights(path, CHAIN, state, {}, name="tiny", layers={**LAYERS, "blocks": [[65536, 65536], [8]]})
    assert "convs.0.weight is 4×3×3×3, expected 65536×3×3×3" in refuses(load_encoder_file, path)
    save_weights(path, CHAIN, {**state, "convs.9.bias": torch.ones(1)}, {}, name="tiny", layers=LAYERS)
    assert "'convs.9.bias' does not belong" in refuses(load_encoder_file, path)
    del state["mean"]
    save_weights(path, CHAIN, state, {}, name="tiny", layers=LAYERS)
    assert "lacks mean" in refuses(load_encoder_file, path)


def test_wrong_values_and_names_are_refused(tmp_path):
    path = tmp_path / "e.safetensors"
    state = tiny().state_dict()
    save_weights(path, CHAIN, {**state, "mean": state["mean"] / 0}, {}, name="tiny", layers=LAYERS)
    assert "mean holds values that are not finite" in refuses(load_encoder_file, path)
    save_weights(path, CHAIN, {**state, "mean": state["mean"].long()}, {}, name="tiny", layers=LAYERS)
    assert "expected floating-point numbers" in refuses(load_encoder_file, path)
    for name in ("", "two\nlines", "x" * 1000):
        save_weights(path, CHAIN, state, {}, name=name, layers=LAYERS)
        assert "its name is" in refuses(load_encoder_file, path)


def test_hostile_content_layers_are_one_line(tmp_path):
    path = tmp_path / "e.safetensors"
    for content in ({"relu9_9": 1.0}, {"relu1_1": -1}, {"relu1_1": True}, ["relu1_1"], "relu1_1", {"relu1_1": "1"}):
        save_weights(path, CHAIN, tiny().state_dict(), {"content": content}, name="tiny", layers=LAYERS)
        assert "is damaged" in refuses(load_encoder_file, path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"kind": 3}', "[" * 100_000, json.dumps({"kind": "chain-encoder"})])
def test_a_broken_header_is_one_line(tmp_path, text):
    (tmp_path / "f").write_bytes(safetensors.torch.save({"a": torch.ones(1)}, {"impasto": text}))
    assert "is damaged" in refuses(load_encoder_file, tmp_path / "f")


class Trap:
    """Runs a command where a pickle is trusted."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def anything(_):
    return True


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    for modern in (True, False):
        torch.save(
            {"a": torch.ones(1), "b": Trap(tmp_path / "ran")},
            tmp_path / "f.pth",
            _use_new_zipfile_serialization=modern,
        )
        assert "pickled objects" in refuses(load_tensors, tmp_path / "f.pth", anything)
    write_tarred(tmp_path / "f.pth", {"a": torch.ones(1)}, pickled=pickle.dumps(Trap(tmp_path / "ran"), 2))
    assert "pickled objects" in refuses(load_tensors, tmp_path / "f.pth", anything)
    assert not (tmp_path / "ran").exists()


def test_every_age_of_pth_gives_the_same_tensors(tmp_path):
    state = OrderedDict(a=torch.rand(2, 3), b=torch.rand(4).half(), c=torch.rand(5, 2)[:, 1])
    torch.save(state, tmp_path / "zip")
    torch.save(state, tmp_path / "pickle", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "nested")
    write_tarred(tmp_path / "tar", state)
    # torch itself is the judge of the oldest form, which it only writes no more
    assert all(torch.equal(v, state[k]) for k, v in torch.load(tmp_path / "tar", weights_only=False).items())
    for name in ("zip", "pickle", "nested", "tar"):
        found = load_tensors(tmp_path / name, lambda key: key != "b")
        assert set(found) == {"a", "c"}
        assert all(torch.equal(found[key], state[key]) for key in found)


def write_tarred(path, state, pickled=None):
    """The format that ``torch.save`` wrote until February 2017."""

    def dumped(*values):
        return b"".join(pickle.dumps(value, 2) for value in values)

    kinds = {torch.float32: ("FloatStorage", "FloatTensor"), torch.float16: ("HalfStorage", "HalfTensor")}
    storages, tensors = dumped(len(state)), dumped(len(state))
    for key, tensor in enumerate(state.values()):
        storage, kind = (getattr(torch, word) for word in kinds[tensor.dtype])
        flat = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
        storages += dumped((key, "cpu", storage)) + struct.pack("<q", flat.numel()) + flat.numpy().tobytes()
        tensors += dumped((100 + key, key, kind)) + struct.pack("<i4x", tensor.ndim)
        tensors += struct.pack(f"<{2 * tensor.ndim + 1}q", *tensor.shape, *tensor.stride(), tensor.storage_offset())

    class Referring(pickle.Pickler):
        def persistent_id(self, value):
            return next((str(100 + k) for k, t in enumerate(state.values()) if t is value), None)

    whole = io.BytesIO()
    Referring(whole, 2).dump(OrderedDict(state))
    parts = {"storages": storages + dumped([]), "tensors": tensors, "pickle": pickled or whole.getvalue()}
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_a_cut_file_of_any_kind_is_one_line(tmp_path):
    state = {"a": torch.rand(400)}
    torch.save(state, tmp_path / "zip")
    torch.save(state, tmp_path / "pickle", _use_new_zipfile_serialization=False)
    write_tarred(tmp_path / "tar", state)
    save_weights(tmp_path / "safetensors", "net", state, {})
    for path in list(tmp_path.iterdir()):
        data = path.read_bytes()
        for keep in (len(data) // 3, 100, 12, 3, 1):  # a tar ends in padding that nobody misses
            path.write_bytes(data[:keep])
            assert "cut short" in (line := refuses(load_tensors, path, anything)) or "not a weight file" in line


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><title>404</title>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\xff\xd8\xff\xe0 a photograph", "is not a weight file"),
        (struct.pack("<Q", 1 << 62) + b'{"a":', "is not a weight file"),
        (struct.pack("<Q", 40) + b'{"a": 1, "b": 2, "c": 3, "d": "eeeeeee"}', "is damaged"),
    ],
    ids=["empty", "page", "pointer", "photograph", "huge header", "odd header"],
)
def test_what_is_no_weight_file_is_said(tmp_path, data, said):
    (tmp_path / "f.pth").write_bytes(data)
    assert said in refuses(load_tensors, tmp_path / "f.pth", anything)
    assert said in refuses(read_header, tmp_path / "f.pth") or "not a weight" in said


def test_what_cannot_be_opened_is_said(tmp_path):
    assert "no such file" in refuses(load_tensors, tmp_path / "none.pth", anything)
    assert "is a directory" in refuses(load_tensors, tmp_path, anything)
    assert "no such file" in refuses(encoder_digest, tmp_path / "none.pth")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    assert "holds a list" in refuses(load_tensors, tmp_path / "list.pth", anything)


def test_a_small_file_cannot_claim_terabytes(tmp_path):
    torch.save({"a": torch.ones(1).expand(1 << 40)}, tmp_path / "f.pth")
    found = load_tensors(tmp_path / "f.pth", anything)
    assert f"a is {1 << 40}, expected 3" in refuses(checked, "f.pth", found, {"a": (3,)})


def test_a_tarred_view_stays_within_its_storage(tmp_path):
    write_tarred(tmp_path / "f", {"a": torch.rand(4)})
    data = (tmp_path / "f").read_bytes().replace(struct.pack("<3q", 4, 1, 0), struct.pack("<3q", 4, 1, 9))
    with pytest.raises(RuntimeError, match="storage"):
        read_tarred(io.BytesIO(data), anything)


# ── 8 bits ──


def test_eight_bits_come_back_to_one_part_in_127_of_each_channels_largest(tmp_path):
    encoder = ChainEncoder(((4,), (128, 96)), name="wide").eval()
    with torch.no_grad():
        encoder.convs[2].weight[3] *= 100  # a channel's own scale
        encoder.convs[2].weight[5] = 0
    path = tmp_path / "wide.safetensors"
    save_encoder(path, encoder, eight_bit=True)
    found = load_encoder_file(path)
    for name, value in encoder.state_dict().items():
        there = found.state_dict()[name]
        if name == "convs.2.weight":
            step = value.abs().amax((1, 2, 3), keepdim=True) / 127
            assert bool(((there - value).abs() <= step / 2 + 1e-7).all())
            assert not torch.equal(there, value)
        else:
            assert torch.equal(there, value)
    assert path.stat().st_size < 0.4 * sum(4 * value.numel() for value in encoder.state_dict().values())
    assert encoder_digest(found) == encoder_digest(path)


@pytest.mark.parametrize(
    "scale", [None, torch.ones(3), torch.ones(96, dtype=torch.float64), torch.full((96,), torch.nan)]
)
def test_eight_bits_without_their_scale_are_refused(tmp_path, scale):
    encoder = ChainEncoder(((4,), (128, 96)), name="wide")
    state = {name: value for name, value in encoder.state_dict().items() if name != "convs.2.weight"}
    state["convs.2.weight"] = torch.ones(96, 128, 3, 3, dtype=torch.int8)
    if scale is not None:
        state["convs.2.weight.scale"] = scale
    save_weights(
        tmp_path / "x.safetensors",
        CHAIN,
        state,
        {},
        name="wide",
        layers={"blocks": [[4], [128, 96]], "down": "max", "taps": None},
    )
    assert "convs.2.weight" in refuses(load_encoder_file, tmp_path / "x.safetensors")


def test_bare_taps_come_back(tmp_path):
    encoder = ChainEncoder(
        ((4,), (5, 7)), taps={"relu1_1": 4, "relu2_1": 7}, places={"relu2_1": "relu2_2"}, bare=["relu1_1", "relu2_1"]
    )
    save_encoder(tmp_path / "bare.safetensors", encoder.eval())
    found = load_encoder_file(tmp_path / "bare.safetensors")
    assert found.bare == ("relu1_1", "relu2_1")
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(found(image, ["relu2_1"])["relu2_1"], encoder(image, ["relu2_1"])["relu2_1"])


def test_bare_taps_that_are_no_words_are_damage(tmp_path):
    encoder = tiny()
    save_weights(
        tmp_path / "x.safetensors", CHAIN, encoder.state_dict(), {}, name="tiny", layers={**LAYERS, "bare": [1]}
    )
    assert "bare" in refuses(load_encoder_file, tmp_path / "x.safetensors")
