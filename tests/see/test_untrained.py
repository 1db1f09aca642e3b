"""Random weights: the built-in one's shape, the seed's numbers, maps that neither fade nor blow up."""

import pytest
import torch

from conftest import picture
from impasto import stylize
from impasto.errors import InputError
from impasto.see.encoder import ChainEncoder
from impasto.see.load import encoder_digest, load_encoder
from impasto.see.untrained import random_encoder

BLOCKS = ((8,), (8, 8), (12,), (16, 16), (16,))


def test_it_has_the_shape_of_the_built_in_one_and_every_layer():
    random, builtin = load_encoder("random"), load_encoder("builtin")
    assert isinstance(random, ChainEncoder)
    assert (random.blocks, random.down, random.name) == (builtin.blocks, builtin.down, "random")
    assert {layer.name for layer in builtin.layers} <= {layer.name for layer in random.layers}
    assert not any(value.requires_grad for value in random.parameters())


def test_a_seed_is_an_encoder():
    one, same, other = (random_encoder(BLOCKS, seed=seed) for seed in (1, 1, 2))
    assert encoder_digest(one) == encoder_digest(same) != encoder_digest(other)
    # The hash is in every recipe, so these numbers may not differ between machines.
    assert encoder_digest(one).startswith("5bce4546c40d")


@pytest.mark.parametrize("down", ["max", "conv"])
def test_maps_are_about_as_loud_at_any_depth(down):
    net = random_encoder(((32, 32),) * 5, down)
    maps = net(picture(1, 96, 96), [layer.name for layer in net.layers])
    loud = [float(x.square().mean().sqrt()) for x in maps.values()]
    assert all(0.2 < value < 5 for value in loud), loud


def test_it_is_chosen_by_name_and_recorded(content, style):
    first = stylize(content, style, encoder="random", size=64, steps=1, seed=3)
    assert first.about["encoder"] == {
        "name": "random",
        "sha256": encoder_digest(load_encoder("random", seed=3)),
        "weights": "",
    }
    other = stylize(content, style, encoder="random", size=64, steps=1, seed=4)
    assert not torch.equal(first.image, other.image)
    with pytest.raises(InputError, match="--encoder random together"):
        stylize(content, style, encoder="random", weights="some.pth")
