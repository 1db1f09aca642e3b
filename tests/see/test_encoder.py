"""Encoders: names, taps, where computing stops."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from impasto.errors import InputError, UnknownNameError
from impasto.see.encoder import VGG19_BLOCKS, ChainEncoder, canonical_layer
from impasto.see.layers import layer_weights


@pytest.mark.parametrize("spelling", ["relu3_1", "conv3_1", "block3_conv1", "ReLU3_1", " relu3_1 ", "r31"])
def test_the_fields_spellings_are_one_layer(spelling: str) -> None:
    assert canonical_layer(spelling, ["relu3_1", "relu4_2"]) == "relu3_1"


def test_unknown_layer_names_the_nearest(tiny: ChainEncoder) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'relu4_2'"):
        tiny.resolve(["relu4_9"])


def test_maps_have_the_channels_and_strides_that_layers_say(tiny: ChainEncoder) -> None:
    image = torch.rand(2, 3, 64, 96)
    maps = tiny(image, [layer.name for layer in tiny.layers])
    for layer in tiny.layers:
        assert maps[layer.name].shape == (2, layer.channels, 64 // layer.stride, 96 // layer.stride)


@pytest.mark.parametrize(("height", "width"), [(61, 96), (64, 83), (49, 50), (5, 40)])
def test_the_last_rows_and_columns_are_seen_by_the_deepest_layer(tiny: ChainEncoder, height: int, width: int) -> None:
    image = torch.rand(1, 3, height, width).requires_grad_()
    maps = tiny(image, [layer.name for layer in tiny.layers])
    for layer in tiny.layers:
        assert maps[layer.name].shape[2:] == tiny.extent(layer.name, image)
    deepest = maps[tiny.layers[-1].name]
    assert deepest.shape[2:] == (-(-height // tiny.coarsest), -(-width // tiny.coarsest))
    (slope,) = torch.autograd.grad((deepest - torch.rand_like(deepest)).square().sum(), image)
    seen = slope.abs().amax(1)[0] > 0
    assert seen[-1].any()
    assert seen[:, -1].any()


def test_a_judge_drops_them_as_published_nets_do(tiny: ChainEncoder) -> None:
    tiny.edge = "mean"
    image = torch.rand(1, 3, 61, 83)
    maps = tiny(image, [layer.name for layer in tiny.layers])
    for layer in tiny.layers:
        assert maps[layer.name].shape[2:] == (61 // layer.stride, 83 // layer.stride)


def test_an_average_has_a_place_for_every_place_of_the_map(tiny: ChainEncoder) -> None:
    image, share = torch.rand(1, 3, 61, 83), torch.zeros(1, 1, 61, 83)
    share[:, :, -8:] = 1
    for layer in tiny.layers:
        found = tiny.averaged(share, layer.name)
        assert found.shape[2:] == tiny(image, [layer.name])[layer.name].shape[2:]
        assert found[:, :, -1].min() > 0
    assert torch.equal(tiny.averaged(share, "pixels"), share)


def test_pixels_are_a_layer(tiny: ChainEncoder, content: torch.Tensor) -> None:
    assert tiny(content, ["pixels"])["pixels"] is content


def test_stops_at_the_deepest_wanted(tiny: ChainEncoder, content: torch.Tensor) -> None:
    seen = []
    for index, conv in enumerate(tiny.convs):
        conv.register_forward_hook(lambda *_, i=index: seen.append(i))
    tiny(content, ["relu2_1"])
    assert max(seen) == 1


@pytest.mark.parametrize("down", ["max", "average", "conv"])
def test_every_way_down_halves(down: str) -> None:
    encoder = ChainEncoder(((4, 4), (4, 4), (4,)), down=down)
    maps = encoder(torch.rand(1, 3, 32, 48), ["relu1_1", "relu2_1", "relu3_1"])
    assert [tuple(m.shape[2:]) for m in maps.values()] == [(32, 48), (16, 24), (8, 12)]


def test_a_tap_is_read_where_its_place_says(content: torch.Tensor) -> None:
    blocks, taps = ((4, 4), (6, 6, 6)), {"relu1_1": 4, "relu2_1": 5}
    torch.manual_seed(0)
    net = ChainEncoder(blocks, taps=taps, places={"relu2_1": "relu2_3"})
    plain = ChainEncoder(blocks)
    plain.load_state_dict({key: value for key, value in net.state_dict().items() if not key.startswith("taps")})
    maps, chain = net(content, ("relu1_1", "relu2_1")), plain(content, ("relu1_1", "relu2_3"))
    assert torch.equal(maps["relu2_1"], net.taps["relu2_1"](chain["relu2_3"]))
    assert torch.equal(maps["relu1_1"], net.taps["relu1_1"](chain["relu1_1"]))
    assert [(layer.name, layer.channels, layer.stride) for layer in net.layers] == [
        ("relu1_1", 4, 1),
        ("relu2_1", 5, 2),
    ]
    for wrong in ({"relu2_1": "relu3_1"}, {"relu4_1": "relu2_1"}):
        with pytest.raises(InputError):
            ChainEncoder(blocks, taps=taps, places=wrong)


def test_a_bare_tap_is_the_chains_own_map(content: torch.Tensor) -> None:
    blocks, taps = ((4,), (5, 7)), {"relu1_1": 3, "relu2_1": 7}
    net = ChainEncoder(blocks, taps=taps, places={"relu2_1": "relu2_2"}, bare=["relu2_1"])
    plain = ChainEncoder(blocks)
    plain.load_state_dict(net.state_dict(), strict=False)
    assert torch.equal(net(content, ["relu2_1"])["relu2_1"], plain(content, ["relu2_2"])["relu2_2"])
    assert [layer.channels for layer in net.layers] == [3, 7]
    assert set(net.taps) == {"relu1_1"}
    for wrong in ({"bare": ["relu1_1"]}, {"bare": ["relu2_2"]}):  # of other channels; no tap
        with pytest.raises(InputError):
            ChainEncoder(blocks, taps=taps, **wrong)


def test_replicate_padding_leaves_no_frame() -> None:
    """A picture of one colour looks the same at its border as in its middle."""
    encoder = ChainEncoder(((6,),))
    maps = encoder(torch.full((1, 3, 16, 16), 0.8), ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(maps, maps[:, :, 8:9, 8:9].expand_as(maps))


def test_the_gradient_at_the_border_is_that_of_repeated_pixels() -> None:
    encoder = ChainEncoder(((6,),)).double()
    image = torch.rand((2, 3, 5, 7), generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    conv = encoder.convs[0]
    edged = F.pad(image - encoder.mean, (1, 1, 1, 1), mode="replicate")
    (wanted,) = torch.autograd.grad(F.relu(F.conv2d(edged, conv.weight, conv.bias)).square().sum(), image)
    (found,) = torch.autograd.grad(encoder(image, ["relu1_1"])["relu1_1"].square().sum(), image)
    torch.testing.assert_close(found, wanted)


def test_vgg19_is_as_deep_as_the_paper_says() -> None:
    assert sum(len(block) for block in VGG19_BLOCKS) == 16


def test_layer_weights_sum_to_one(tiny: ChainEncoder) -> None:
    weights = layer_weights("conv1_1=3, block4_conv2", tiny, (), "--style-layers")
    assert weights == {"relu1_1": 0.75, "relu4_2": 0.25}
    assert set(layer_weights("", tiny, tiny.style_layers, "--style-layers")) == set(tiny.style_layers)


@pytest.mark.parametrize("text", ["relu1_1=-1", "relu1_1=x", "relu1_1=0", "relu1_1=nan"])
def test_bad_layer_weights_are_refused(tiny: ChainEncoder, text: str) -> None:
    with pytest.raises(InputError, match="--style-layers"):
        layer_weights(text, tiny, (), "--style-layers")


def test_bfloat16_sees_what_float32_sees(tiny: ChainEncoder, content: torch.Tensor) -> None:
    exact = tiny(content, ["relu4_2"])["relu4_2"]
    rough = tiny.to(torch.bfloat16)(content, ["relu4_2"])["relu4_2"].float()
    assert float((rough - exact).norm() / exact.norm()) < 0.03
