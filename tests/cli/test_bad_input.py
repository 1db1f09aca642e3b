"""Whatever is wrong: exit code 2, one line that says what and what to try, nothing written, nothing lost."""

import errno
import os
import shutil
import struct
import subprocess
import sys
import zlib

import pytest
import safetensors.torch
import torch

from conftest import picture
from impasto.media import files
from impasto.media.image import save_image
from impasto.see.encoder import ChainEncoder
from impasto.see.weights import save_encoder, save_weights

WITHOUT = object()


@pytest.fixture
def refused(desk):
    """``impasto image`` with one thing wrong; what was at OUT is still there."""
    desk.out.write_bytes(b"what was there")

    def call(*words, content=None, style=None, out=desk.out, encoder=desk.encoder):
        small = ["-o", out, "--size", 64, "--steps", 2]
        small += [] if encoder is WITHOUT else ["--encoder", encoder]
        return desk.refused("image", content or desk.photo, style or desk.style, *small, *words)

    return call


# ── pictures ──


def huge(path):
    """A PNG whose header says 20,000 × 20,000."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )
    path.write_bytes(data)


def truncated(path):
    save_image(picture(1, 100, 100), path)
    path.write_bytes(path.read_bytes()[:700])


def clear(path):
    save_image(picture(1), path, alpha=torch.zeros(1, 1, 48, 64))


BAD = {
    "missing": ("a.png", lambda path: None, "does not exist"),
    "misspelt": ("phto.png", lambda path: None, "did you mean"),
    "a folder": ("a.png", lambda path: path.mkdir(), "is a folder"),
    "empty": ("a.png", lambda path: path.write_bytes(b""), "is empty"),
    "truncated": ("a.png", truncated, "is cut off"),
    "truncated jpeg": ("a.jpg", truncated, "is cut off"),
    "text": ("a.jpg", lambda path: path.write_text("a photograph, honestly\n" * 9), "holds text"),
    "noise": ("a.jpg", lambda path: path.write_bytes(bytes(range(256)) * 8), "is not a picture"),
    "1×1": ("a.png", lambda path: save_image(torch.rand(1, 3, 1, 1), path), "1×1 pixels: expected at least 16"),
    "15 high": ("a.png", lambda path: save_image(torch.rand(1, 3, 15, 99), path), "99×15 pixels: expected at least 16"),
    "20,000×20,000": ("a.png", huge, "--allow-huge"),
    "black": ("a.png", lambda path: save_image(torch.zeros(1, 3, 40, 40), path), "is black all over"),
    "white": ("a.png", lambda path: save_image(torch.ones(1, 3, 40, 40), path), "is one flat colour all over"),
    "nearly black": ("a.png", lambda path: save_image(torch.rand(1, 3, 40, 40) / 300, path), "is black all over"),
    "transparent": ("a.png", clear, "is wholly transparent"),
}


# A flat picture is a good one to start from.
ROLES = ("content", "style", "init")
CASES = [(kind, role) for kind in BAD for role in ROLES if role != "init" or "all over" not in BAD[kind][2]]


@pytest.mark.parametrize(("kind", "role"), CASES)
def test_pictures_that_are_none(desk, refused, kind, role):
    name, make, words = BAD[kind]
    make(desk.folder / name)
    said = refused("--init", desk.folder / name) if role == "init" else refused(**{role: desk.folder / name})
    assert words in said
    assert name in said


def test_a_picture_that_may_not_be_read(desk, refused, monkeypatch):
    real = open

    def barred(path, *mode):
        if str(path) == str(desk.photo) and mode == ("rb",):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *mode)

    monkeypatch.setattr(files, "open", barred, raising=False)
    assert "permission denied" in refused()


def test_content_and_style_alike(desk, refused):
    shutil.copy(desk.photo, desk.folder / "copy.png")
    save_image(picture(1), desk.folder / "again.tif")
    for other in ("photo.png", "copy.png", "again.tif"):
        assert "content and style are the same picture" in refused(style=other)


def test_a_content_too_thin(desk, refused):
    save_image(picture(3, 16, 400), desk.photo)
    assert "choose --size 800 or more" in refused("--size", 512)


def test_a_black_picture_is_fine_to_start_from(desk):
    save_image(torch.zeros(1, 3, 40, 40), desk.folder / "black.png")
    assert desk.image("--init", "black.png")[0] == 0


# ── options ──


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--siez", 64], "'--size'"),
        (["--style-layers", "relu3_l"], "unknown layer 'relu3_l': did you mean 'relu3_1'"),
        (["--content-layers", "relu9_9"], "unknown layer 'relu9_9'"),
        (["--style-layers", "relu1_1=much"], "expected LAYER or LAYER=WEIGHT"),
        (["--style-layers", "relu1_1=nan"], "a weight is a number from 0 up"),
        (["--style-layers", "relu1_1=0"], "all weights are zero"),
        (["--optimizer", "adm"], "did you mean 'adam'"),
        (["--statistic", "grma"], "did you mean 'gram'"),
        (["--quality", "bets"], "did you mean 'best'"),
        (["--pooling", "avrage"], "did you mean 'average'"),
        (["--device", "gpu"], "unknown value for --device 'gpu'"),
        (["--precision", "float"], "did you mean 'float32'"),
        (["--losses", "clasic"], "did you mean 'classic'"),
        (["--init", "nois"], "did you mean 'noise'"),
        (["--init", ""], "is a folder"),
        (["--size", "big"], "--size 'big': expected a whole number"),
        (["--size", "64.5"], "--size '64.5': expected a whole number"),
        (["--size", 31], "--size 31: expected a value from 32 to 20000"),
        (["--size", 10**30], "expected a value from 32 to 20000"),
        (["--steps", -1], "--steps -1: expected a value from 0"),
        (["--strength", 101], "expected a value from 0 to 100"),
        (["--strength", "nan"], "--strength nan: expected a number"),
        (["--strength", "inf"], "--strength inf: expected a number"),
        (["--strength", ""], "--strength '': expected a number"),
        (["--seed", 2**63], "--seed"),
        (["--averaging", 1], "expected a value from 0 to 0.999"),
        (["--bits", 12], "--bits 12: expected 8 or 16"),
        (["--bits", "x"], "'--bits'"),
        (["--jpeg-quality", 0], "expected 1 to 100"),
        (["--save-every", -1], "expected a number of steps"),
        (["--device", "mps"], "try --device cpu"),
        (["--precision", "float16", "--device", "cpu"], "float16 on a CPU"),
        (["--start-size", 128], "--start-size 128 is above --size 64"),
        (["--losses", "classic", "--strength", 60], "--strength and --losses classic together"),
        (["--losses", "classic", "--statistic", "moments"], "Gram"),
        (["--content-weight", 1, "--strength", 60], "--strength and --content-weight together"),
        (["--content-weight", 0, "--style-weight", 0], "nothing is wanted of the picture"),
        (["--noise-std", 0.1], "--noise-std is of --init noise"),
        (["--optimizer", "lbfgs", "--averaging", 0.5], "--averaging is of --optimizer adam"),
        (["--weights", "tiny.safetensors"], "together: give one or the other"),
        (["--weights", "tiny.safetensors", "--encoder", "builtin"], "--encoder builtin together"),
        (["--encoder", "builtn"], "did you mean 'builtin'"),
        (["--encoder", "vgg91"], "did you mean 'vgg19'"),
        (["--encoder", "vgg19"], "impasto models fetch vgg19"),
        (["--encoder", "none.safetensors"], "none.safetensors: no such file"),
        (["--encoder", "photo.png"], "is not a weight file"),
        (["extra"], "extra does not exist"),
        (["--size"], "requires an argument"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_options_that_cannot_be(refused, words, said):
    assert said in refused(*words)


def test_commands_that_are_none(desk):
    assert "unknown command 'imgae': did you mean 'image'" in desk.refused("imgae")
    assert "No such option '--bogus'" in desk.refused("--bogus")
    assert "Missing argument 'CONTENT'" in desk.refused("image")
    assert "Missing argument 'PICTURE'" in desk.refused("rerun")


# ── where it goes ──


def test_places_that_cannot_be_written(desk, refused):
    (desk.folder / "folder").mkdir()
    assert "does not exist" in refused(out="nowhere/out.png")
    assert "is a folder" in refused(out="folder")
    assert "is a folder" in refused(out=desk.folder)
    assert "did you mean '.png'" in refused(out="out.pgn")
    assert "unknown kind of picture to write '.gif'" in refused(out="out.gif")
    assert "has no suffix" in refused(out="out")
    assert "holds 8 bits only" in refused("--bits", 16, out="out.jpg")
    assert "at most, not 17000" in refused("--size", 17_000, out="out.webp")
    for name in ("photo.png", "style.png", "folder/../photo.png"):
        assert "is one of the inputs" in refused(out=name)
    assert "is one of the inputs" in refused("--log", "x.csv", out=desk.photo)


def test_a_name_that_is_too_long(desk, refused):
    assert "long" in refused(out="x" * 300 + ".png")


def test_an_output_equal_to_the_start(desk, refused):
    save_image(picture(5), desk.folder / "start.png")
    assert "is one of the inputs" in refused("--init", "start.png", out="start.png")


def test_stages_do_not_overwrite_inputs(desk, refused):
    save_image(picture(5), desk.folder / "out-0002.png")
    assert "--save-every would write over" in refused("--init", "out-0002.png", "--save-every", 2)


def test_logs_that_cannot_be(desk, refused):
    assert "does not exist" in refused("--log", "nowhere/losses.csv")
    assert "is a folder" in refused("--log", desk.folder)
    assert "is the picture itself" in refused("--log", "out.png")
    assert "is the picture itself" in refused("--log", "new.png", out="./new.png")
    for name in ("photo.png", "style.png", "tiny.safetensors"):
        assert "is one of the inputs" in refused("--log", name)


def test_a_folder_that_is_barred(desk, refused, monkeypatch):
    def barred(path, data):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "_write_bytes", barred)
    assert "cannot be written: permission denied" in refused()


# ── a full disk ──


def full(path, data):
    if data:  # a file can still be made, but nothing put into it
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_what_was_there(refused, monkeypatch):
    monkeypatch.setattr(files, "_write_bytes", full)
    assert "no space left on device; the file that was there is untouched" in refused("-q")


def test_a_picture_that_finds_no_place_is_kept_elsewhere(desk, monkeypatch, tmp_path):
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    write = files._write_bytes
    monkeypatch.setattr(files, "_write_bytes", lambda p, d: full(p, d) if desk.folder in p.parents else write(p, d))
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    said = desk.refused("image", desk.photo, desk.style, "-o", desk.out, "-q", "--encoder", desk.encoder, "--size", 64)
    (kept,) = elsewhere.rglob("out.png")
    assert f"the picture is kept as {kept}" in said


def test_a_stage_that_cannot_be_saved_does_not_end_the_painting(desk, monkeypatch):
    write = files._write_bytes
    monkeypatch.setattr(files, "_write_bytes", lambda p, d: full(p, d) if "out-" in p.name else write(p, d))
    code, _, err = desk.image("--steps", 5, "--save-every", 2)
    assert code == 2
    assert err.splitlines()[-1].startswith("error: ")
    assert "out-0002.png could not be written: no space left" in err
    assert desk.out.is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_log_on_a_full_disk(refused):
    assert "--log /dev/full could not be written: no space left on device" in refused("-q", "--log", "/dev/full")
    assert not os.path.isfile("/dev/full")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_standard_output_on_a_full_disk_or_cut_off(desk):
    desk.image()
    command = [sys.executable, "-m", "impasto", "show", str(desk.out)]
    with open("/dev/full", "w") as sink:
        done = subprocess.run(command, stdout=sink, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "error: writing: no space left on device\n"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


# ── weights ──


def test_weights_that_are_wrong(desk, refused, tiny):
    file = desk.folder / "bad.safetensors"
    data = bytearray(desk.encoder.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    assert "its checksum is" in refused(encoder=file)
    file.write_bytes(desk.encoder.read_bytes()[:-100])
    assert "is damaged or cut short" in refused(encoder=file)
    file.write_bytes(b"")
    assert "is empty" in refused(encoder=file)
    save_weights(file, "style-net", {"a": torch.ones(3)}, {})
    assert "expected an encoder" in refused(encoder=file)
    state = tiny.state_dict()
    layers = {"blocks": [[8], [8, 8], [12], [16, 16], [24]], "down": "max", "taps": None}
    save_weights(file, "chain-encoder", state, {}, name="tiny", layers=layers)
    assert "expected 24×16×3×3" in refused(encoder=file)
    safetensors.torch.save_file({"features.0.weight": torch.ones(64, 3, 5, 5)}, file)
    for name in ("vgg19", "vgg19-caffe"):
        assert "expected 64×3×3×3" in refused("--weights", file, encoder=name)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(desk, refused, tiny, value):
    with torch.no_grad():
        tiny.convs[2].weight[0, 0, 0, 0] = value
    save_encoder(desk.folder / "nan.safetensors", tiny)
    assert "convs.2.weight holds values that are not finite numbers" in refused(encoder=desk.folder / "nan.safetensors")


def test_weights_that_overflow(desk, refused, tiny):
    with torch.no_grad():
        for conv in tiny.convs:
            conv.weight.mul_(1e9)
    save_encoder(desk.folder / "far.safetensors", tiny)
    said = refused("-q", encoder=desk.folder / "far.safetensors")
    assert "not a number at the very start" in said
    assert "weight" in said


def test_other_encoders_without_a_layer_say_so(desk, refused):
    save_encoder(desk.folder / "flat.safetensors", ChainEncoder([[4], [4]], name="flat"))
    assert "unknown layer 'relu4_1'" in refused("--style-layers", "relu4_1", encoder=desk.folder / "flat.safetensors")
