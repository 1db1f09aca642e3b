"""The words that nets are built of, and the nets that they build."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from impasto.errors import InputError
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.loss.terms import Match, Style
from impasto.see import tiling
from impasto.see.encoder import ChainEncoder
from impasto.see.guide import GuideEncoder
from impasto.see.residual import Residual
from impasto.see.stats import Gram
from impasto.see.unit import Unit, words
from impasto.see.untrained import random_encoder
from impasto.see.weights import load_encoder_file, save_encoder
from impasto.train.distil import macs

BLOCKS = ((4, 4), (6, "6r2"), ("8k1", "8r3k5"), (10, "10r2", 8), ("12k5",))


def mixed() -> ChainEncoder:
    torch.manual_seed(0)
    return ChainEncoder(BLOCKS, name="mixed").eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        (160, Unit(160)),
        ("160", Unit(160)),
        ("256k1", Unit(256, 0, 1)),
        ("192r2", Unit(192, 2)),
        ("96r3k5", Unit(96, 3, 5)),
    ],
)
def test_a_word_is_a_unit_and_back(word: int | str, unit: Unit) -> None:
    assert Unit.of(word) == unit
    assert Unit.of(unit.word) == unit


@pytest.mark.parametrize(
    "word", ["", "k3", "0", "8k2", "8r0", "8r", "r2", "8 r2", "8k3r2", "-4", 0, True, 2.0, None, [3]]
)
def test_what_is_no_unit_is_refused(word: object) -> None:
    with pytest.raises(InputError, match="no unit of a net"):
        Unit.of(word)  # type: ignore[arg-type]


def test_blocks_read_as_they_are_typed() -> None:
    assert words(BLOCKS) == "4,4/6,6r2/8k1,8r3k5/10,10r2,8/12k5"


def test_a_residual_adds_what_its_three_convolutions_find() -> None:
    torch.manual_seed(0)
    net, x = Residual(4, 3, 5), torch.randn(2, 4, 9, 11)
    each = torch.cat([F.conv2d(x[:, i : i + 1], net.depth.weight[i : i + 1], padding=2) for i in range(4)], 1)
    found = F.conv2d(F.relu(F.conv2d(each, net.wide.weight, net.wide.bias)), net.narrow.weight, net.narrow.bias)
    before = x.clone()
    torch.testing.assert_close(net(x), x + found)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ((("4k1",), (4,)), "begin with 4k1"),
        ((("3r2",),), "begin with 3r2"),
        (((4,), ("6r2",)), "6 channels, the map before it 4"),
    ],
)
def test_a_net_that_cannot_be_is_refused(blocks: tuple[tuple[int | str, ...], ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ChainEncoder(blocks)


@pytest.mark.parametrize("last", ["4r2", "4k5"])
def test_what_halves_by_convolution_is_a_plain_convolution(last: str) -> None:
    with pytest.raises(InputError, match="halve the map"):
        ChainEncoder(((4, last), (4,)), down="conv")


@pytest.mark.slow
def test_a_net_sees_as_far_as_its_radius_and_no_further() -> None:
    net = mixed().double()
    for conv in net.convs:  # whatever is seen at all is to show
        for value in conv.parameters():
            value.abs_()
    image = torch.full((1, 3, 416, 32), 0.6, dtype=torch.float64)
    deepest, stride = net.layers[-1].name, net.layers[-1].stride
    still = net(image, [deepest])[deepest]
    row = 13
    reach = []
    for y in range(416):
        nudged = image.clone()
        nudged[:, :, y] += 0.1
        if not torch.equal(net(nudged, [deepest])[deepest][:, :, row], still[:, :, row]):
            reach.append(y)
    furthest = max(row * stride - reach[0], reach[-1] - (row * stride + stride - 1))
    sides, strides, at = [k for _, _, _, k in net.plan], [], 1
    for _, halve, _, _ in net.plan:
        at *= 2 if halve else 1
        strides.append(at)
    assert furthest == sum(side // 2 * step for side, step in zip(sides, strides, strict=True))
    assert furthest <= net.radius  # which leaves room for the poolings
    assert reach[0] > 0
    assert reach[-1] < 415


def test_blocks_equal_whole() -> None:
    net, random = mixed().double(), torch.Generator().manual_seed(0)
    image = torch.rand((1, 3, 330, 201), generator=random, dtype=torch.float64).requires_grad_()
    style = torch.rand((1, 3, 96, 80), generator=random, dtype=torch.float64)
    seen = net(style, net.style_layers)
    terms = [Style(k, Gram(), Gram().describe(v), 0.2) for k, v in seen.items()]
    content = net(torch.full_like(image, 0.5), ["relu4_2"])["relu4_2"]
    objective = Objective(net, (*terms, Match("relu4_2", content, 0.3)))
    assert len(tiling.blocks(net, 330, 201, 64)) > 1
    found = [torch.autograd.grad(look(image).total, image)[0] for look in (objective, BlockObjective(objective, 64))]
    assert float((found[0] - found[1]).norm() / found[0].norm()) < 1e-14


def test_regions_go_through_the_windows_of_the_units() -> None:
    guide = GuideEncoder(mixed())
    regions = torch.zeros(1, 2, 64, 64)
    regions[:, 0, :, :30], regions[:, 1, :, 30:] = 1, 1
    for name, maps in guide(regions, [layer.name for layer in mixed().layers]).items():
        stride = mixed().stride(name)
        assert maps.shape == (1, 2, 64 // stride, 64 // stride)
        torch.testing.assert_close(maps.sum(1), torch.ones(1, 64 // stride, 64 // stride))
    narrow, wide = (guide(regions, [name])[name][0, 0, 0] for name in ("relu3_1", "relu3_2"))
    assert ((wide > 0) & (wide < 1)).sum() > ((narrow > 0) & (narrow < 1)).sum()  # 1×1, then 5×5


@pytest.mark.parametrize("eight_bit", [False, True])
def test_it_comes_back_from_its_file(tmp_path, eight_bit: bool) -> None:
    net, image = mixed(), torch.rand(1, 3, 48, 64)
    save_encoder(tmp_path / "e.safetensors", net, eight_bit=eight_bit)
    back = load_encoder_file(tmp_path / "e.safetensors")
    assert (back.blocks, back.layers, back.radius) == (net.blocks, net.layers, net.radius)
    for name, maps in net(image, [layer.name for layer in net.layers]).items():
        assert torch.equal(back(image, [name])[name], maps)


def test_arithmetic_counts_all_of_a_residual() -> None:
    net = ChainEncoder(((4, "4r2k5"),))
    assert macs(net) == round((3 * 4 * 9 + 4 * 25 + 2 * 4 * 8) / 1000, 2)


def test_it_can_be_had_untrained() -> None:
    one, two = (random_encoder(BLOCKS, seed=seed) for seed in (0, 0))
    image = torch.rand(1, 3, 48, 64)
    maps = one(image, ["relu5_1"])["relu5_1"]
    assert torch.equal(maps, two(image, ["relu5_1"])["relu5_1"])
    assert float(maps.std()) > 0.1
    assert one.blocks == mixed().blocks
