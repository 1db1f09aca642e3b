"""Names and files become encoders; both published forms of VGG-19 see alike."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F

from impasto.errors import InputError, UnknownNameError, WeightsError
from impasto.see import vgg
from impasto.see.encoder import VGG19_BLOCKS, ChainEncoder
from impasto.see.known import BUILTIN
from impasto.see.load import describe_auto, encoder_digest, load_encoder
from impasto.see.vgg import guess_kind, install, load_vgg
from impasto.see.weights import read_header, save_encoder, save_weights

OXFORD = Path(__file__).resolve().parents[2].parent / "shared" / "weights" / "vgg19_caffe.safetensors"
needs_oxford = pytest.mark.skipif(not OXFORD.is_file(), reason="../shared/weights has no VGG-19")
needs_builtin = pytest.mark.skipif(not BUILTIN.is_file(), reason="the built-in encoder has not been trained yet")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def small(monkeypatch):
    """VGG-19's form with few channels: features.0, 2, 5 and 7."""
    monkeypatch.setattr(vgg, "VGG19_BLOCKS", ((4, 4), (6, 6)))


def small_state():
    shapes = {0: (4, 3), 2: (4, 4), 5: (6, 4), 7: (6, 6)}
    state = {f"features.{i}.weight": torch.randn(*shape, 3, 3) * 0.2 for i, shape in shapes.items()}
    return state | {f"features.{i}.bias": torch.randn(shape[0]) * 0.1 for i, shape in shapes.items()}


def standardised(state):
    """Oxford's weights (BGR, 0..255, less a mean) rewritten for torchvision's input (RGB, 0..1, standardised)."""
    weight, bias = state["features.0.weight"].double(), state["features.0.bias"].double()
    oxford = torch.tensor([123.68, 116.779, 103.939]).double()
    mean, std = torch.tensor([0.485, 0.456, 0.406]).double(), torch.tensor([0.229, 0.224, 0.225]).double()
    rgb = weight.flip(1)
    return {
        **state,
        "features.0.weight": (rgb * (255 * std).view(1, 3, 1, 1)).float(),
        "features.0.bias": (bias + (rgb.sum((2, 3)) * (255 * mean - oxford)).sum(1)).float(),
    }


@pytest.fixture(scope="module")
def oxford():
    return safetensors.torch.load_file(OXFORD)


@needs_oxford
def test_both_forms_of_vgg19_see_the_same(tmp_path, oxford):
    safetensors.torch.save_file(standardised(oxford), tmp_path / "rewritten.safetensors")
    caffe = load_encoder("vgg19-caffe", weights=OXFORD)
    torchvision = load_encoder("vgg19", weights=tmp_path / "rewritten.safetensors")
    assert (caffe.name, torchvision.name) == ("vgg19-caffe", "vgg19")
    image = torch.rand(1, 3, 40, 56)
    names = [layer.name for layer in caffe.layers]
    assert names[-1] == "relu5_4"
    one, two = caffe(image, names), torchvision(image, names)
    for name in names:
        assert (one[name] - two[name]).norm() < 1e-4 * one[name].norm()


@needs_oxford
def test_the_first_layer_is_what_oxford_wrote_down(oxford):
    encoder = load_encoder(str(OXFORD))
    assert encoder.name == "vgg19-caffe"  # told by its weights
    image = torch.rand(1, 3, 48, 32)
    caffe = 255 * image.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    wanted = F.conv2d(
        F.pad(caffe, (1,) * 4, mode="replicate"), oxford["features.0.weight"], oxford["features.0.bias"]
    ).relu()
    assert torch.allclose(encoder(image, ["relu1_1"])["relu1_1"], wanted, rtol=1e-4, atol=1e-3)


@needs_oxford
def test_average_pooling_changes_what_lies_behind_it(oxford):
    image = torch.rand(1, 3, 32, 32)
    most = load_encoder("vgg19-caffe", weights=OXFORD)(image, ["relu1_2", "relu2_1"])
    mean = load_encoder("vgg19-caffe", weights=OXFORD, pooling="average")(image, ["relu1_2", "relu2_1"])
    assert torch.equal(most["relu1_2"], mean["relu1_2"])
    assert (most["relu2_1"] - mean["relu2_1"]).norm() > 0.05 * most["relu2_1"].norm()


@needs_oxford
def test_the_other_form_is_recognised(tmp_path, oxford, home):
    assert guess_kind(oxford["features.0.weight"]) == "vgg19-caffe"
    assert guess_kind(oxford["features.0.weight"].half()) == "vgg19-caffe"
    assert guess_kind(standardised(oxford)["features.0.weight"]) == "vgg19"
    with pytest.raises(WeightsError, match="looks like vgg19-caffe, not vgg19"):
        install(OXFORD, "vgg19")
    assert not home.exists()


def test_torchvisions_own_weights_are_recognised():
    weight = torch.randn(64, 3, 3, 3) * 0.2
    assert guess_kind(weight) is None
    weight[0, 0] = torch.tensor([[-0.0535, -0.0493, -0.0679], [0.0153, 0.0451, 0.0021], [0.0362, 0.02, 0.0199]])
    assert guess_kind(weight) == "vgg19"


def test_an_encoder_is_ready_to_see(tmp_path, small):
    torch.save({k: v.half() for k, v in small_state().items()}, tmp_path / "f.pth")
    encoder = load_encoder("vgg19", weights=tmp_path / "f.pth")
    assert isinstance(encoder, ChainEncoder)
    assert not encoder.training
    assert {(p.dtype, p.requires_grad) for p in encoder.parameters()} == {(torch.float32, False)}
    assert encoder.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_a_file_may_stop_early_in_its_last_block(tmp_path, small):
    state = small_state()
    del state["features.7.weight"], state["features.7.bias"]
    torch.save({**state, "classifier.0.weight": torch.ones(2)}, tmp_path / "f.pth")
    encoder = load_vgg(tmp_path / "f.pth", "vgg19")
    assert [layer.name for layer in encoder.layers] == ["relu1_1", "relu1_2", "relu2_1"]
    for number, said in ((5, "lacks features.5.weight"), (2, "lacks features.2.weight")):
        del state[f"features.{number}.weight"]
        torch.save(state, tmp_path / "f.pth")
        with pytest.raises(WeightsError, match=said):
            load_vgg(tmp_path / "f.pth", "vgg19")


def test_a_wrong_shape_is_named(tmp_path):
    torch.save({"features.0.weight": torch.ones(64, 3, 5, 5)}, tmp_path / "f.pth")
    with pytest.raises(WeightsError, match=r"features\.0\.weight is 64×3×5×5, expected 64×3×3×3"):
        load_encoder("vgg19", weights=tmp_path / "f.pth")


def test_the_convolutions_are_numbered_as_in_torchvision():
    assert vgg._numbers(VGG19_BLOCKS) == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]


def test_an_unknown_name_has_a_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'vgg19-caffe'"):
        load_encoder("vgg19-cafe")
    with pytest.raises(UnknownNameError, match="did you mean 'average'"):
        load_encoder("auto", pooling="averag")
    with pytest.raises(UnknownNameError):
        load_encoder("vgg", weights=Path("f.pth"))


def test_what_is_missing_says_how_to_get_it(tmp_path):
    with pytest.raises(WeightsError, match="impasto models fetch vgg19"):
        load_encoder("vgg19")
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such file"):
        load_encoder(str(tmp_path / "none.safetensors"))


def test_auto_takes_an_installed_vgg19_else_the_builtin(tmp_path, small, home):
    assert describe_auto()[0] == "builtin"
    torch.save(small_state(), tmp_path / "f.pth")
    install(tmp_path / "f.pth", "vgg19-caffe")
    assert describe_auto() == ("vgg19-caffe", f"installed as {home / 'vgg19-caffe.safetensors'}")
    assert load_encoder().name == "vgg19-caffe"
    torch.save(small_state(), home / "vgg19-dcbb9e9d.pth")
    assert load_encoder("auto").name == "vgg19"


def test_a_digest_is_the_same_whichever_file_the_weights_came_in(tmp_path, small):
    state = small_state()
    torch.save({**state, "classifier.0.weight": torch.ones(2)}, tmp_path / "f.pth")
    safetensors.torch.save_file(state, tmp_path / "f.safetensors")
    kept = install(tmp_path / "f.pth", "vgg19")
    digests = {encoder_digest(path) for path in (tmp_path / "f.pth", tmp_path / "f.safetensors", kept)}
    digests |= {encoder_digest(load_encoder("vgg19", weights=path)) for path in (tmp_path / "f.pth", kept)}
    digests.add(encoder_digest(load_encoder("vgg19").to(torch.bfloat16)))
    assert len(digests) == 1


def test_a_path_says_itself_what_it_holds(tmp_path, small):
    torch.save(small_state(), tmp_path / "f.pth")
    with pytest.raises(InputError, match="cannot tell which kind of VGG-19"):
        load_encoder(str(tmp_path / "f.pth"))
    kept = install(tmp_path / "f.pth", "vgg19-caffe")
    assert load_encoder(str(kept)).name == "vgg19-caffe"
    with pytest.raises(WeightsError, match="holds a 'vgg19-caffe', expected a 'vgg19'"):
        load_encoder("vgg19", weights=kept)
    save_weights(tmp_path / "net.safetensors", "style-net", {"a": torch.ones(1)}, {})
    with pytest.raises(WeightsError, match="holds a 'style-net', expected an encoder"):
        load_encoder(str(tmp_path / "net.safetensors"))


def test_a_damaged_installed_file_is_noticed(tmp_path, small):
    torch.save(small_state(), tmp_path / "f.pth")
    kept = install(tmp_path / "f.pth", "vgg19")
    data = bytearray(kept.read_bytes())
    data[-3] ^= 1
    kept.write_bytes(data)
    with pytest.raises(WeightsError, match="is damaged: its checksum"):
        load_encoder("vgg19")


def test_an_installed_file_says_where_it_came_from(tmp_path, small):
    torch.save(small_state(), tmp_path / "f.pth")
    about = read_header(install(tmp_path / "f.pth", "vgg19")).about
    assert (about["source"], about["licence"]) == ("f.pth", "BSD-3-Clause")
    assert len(about["source_sha256"]) == 64


def test_pooling_of_other_nets(tmp_path):
    path = tmp_path / "e.safetensors"
    save_encoder(path, ChainEncoder([[4], [4]], name="mine"))
    assert load_encoder(str(path)).name == "mine"
    assert load_encoder("auto", weights=path, pooling="average").down == "average"
    save_encoder(path, ChainEncoder([[4], [4]], down="average"))
    assert load_encoder(str(path)).down == "average"
    save_encoder(path, ChainEncoder([[4], [4]], down="conv", name="mine"))
    with pytest.raises(InputError, match="'mine' halves its maps with convolutions"):
        load_encoder(str(path), pooling="average")


@needs_builtin
def test_the_builtin_encoder_sees():
    encoder = load_encoder("builtin")
    assert encoder.name == "builtin"
    image = torch.rand(1, 3, 64, 64)
    for maps in encoder(image, encoder.style_layers + encoder.content_layers).values():
        assert maps.isfinite().all()
        assert maps.std() > 0
    assert len(encoder_digest(encoder)) == 64
