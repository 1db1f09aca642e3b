"""Blocks = whole, to rounding, in value and gradient."""

from __future__ import annotations

import pytest
import torch

from impasto.errors import InputError
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.loss.terms import ClassicContent, ClassicStyle, Grey, Match, Smooth, Style, Term
from impasto.see import tiling
from impasto.see.encoder import ChainEncoder
from impasto.see.guide import GuideEncoder
from impasto.see.stats import STATISTICS


def chain(down: str) -> ChainEncoder:
    torch.manual_seed(1)
    blocks = ((4, 4), (4, 6), (6, 6), (8, 8), (8,))
    return ChainEncoder(blocks, down=down).double().eval().requires_grad_(False)


def terms(encoder: ChainEncoder, content: torch.Tensor, style: torch.Tensor, kind: str) -> tuple[Term, ...]:
    statistic = STATISTICS["gram" if kind == "classic" else kind]()
    seen, maps = encoder(style, encoder.style_layers), encoder(content, ["relu4_2"])
    if kind == "classic":
        styles = [ClassicStyle(k, statistic, statistic.describe(v), 1e3) for k, v in seen.items()]
        return (*styles, ClassicContent("relu4_2", maps["relu4_2"], 5.0))
    styles = [Style(k, statistic, statistic.describe(v), 0.2) for k, v in seen.items()]
    return (*styles, Match("relu4_2", maps["relu4_2"], 0.3), Smooth(0.1), Grey(0.5, 0.1))


@pytest.mark.parametrize("kind", ["gram", "moments", "histogram", "sliced-wasserstein", "nearest", "patches"])
def test_blocks_equal_whole_for_every_statistic_in_regions(kind: str) -> None:
    encoder, random = chain("max"), torch.Generator().manual_seed(0)
    image = torch.rand((1, 3, 150, 181), generator=random, dtype=torch.float64).requires_grad_()
    style = torch.rand((1, 3, 96, 80), generator=random, dtype=torch.float64)
    regions = torch.zeros(1, 2, 150, 181, dtype=torch.float64)
    regions[:, 0, :, :70], regions[:, 1, :, 70:] = 1, 1
    layers, statistic = ["relu1_1", "relu3_1", "relu5_1"], STATISTICS[kind]()
    guides, seen = GuideEncoder(encoder)(regions, layers), encoder(style, layers)
    content = Match("relu4_2", encoder(style.new_ones(1, 3, 150, 181) * 0.5, ["relu4_2"])["relu4_2"], 0.3)
    wanted: list[Term] = [content]
    for layer in layers:
        target = statistic.describe(seen[layer])
        wanted += [Style(layer, statistic, target, 0.3, guides[layer][:, i : i + 1]) for i in (0, 1)]
        wanted.append(Style(layer, statistic, target, 0.1))
    whole = Objective(encoder, tuple(wanted))(image)
    (gradient,) = torch.autograd.grad(whole.total, image)
    parts = BlockObjective(Objective(encoder, tuple(wanted)), 64)(image)
    (by_blocks,) = torch.autograd.grad(parts.total, image)
    # Maps that are kept whole are kept in float32: a value at the edge of its bin may fall on the other side.
    torch.testing.assert_close(parts.total.double(), whole.total.double(), rtol=1e-5, atol=0)
    assert float((by_blocks - gradient).norm() / gradient.norm()) < 1e-3


def test_regions_seen_in_blocks_are_the_regions() -> None:
    guide = GuideEncoder(chain("max"))
    regions = (torch.rand(1, 1, 300, 350, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    regions = torch.cat([regions, 1 - regions], 1)
    whole = guide(regions, ["relu1_1", "relu5_1"])
    blocked = tiling.encode(guide, regions, ["relu1_1", "relu5_1"], 128)
    for layer, maps in whole.items():
        torch.testing.assert_close(blocked[layer], maps)
        torch.testing.assert_close(maps.sum(1), torch.ones_like(maps[:, 0]))


@pytest.mark.parametrize("down", ["max", "average", "conv"])
@pytest.mark.parametrize("kind", ["gram", "moments", "classic"])
@pytest.mark.parametrize("shape", [(200, 240), (213, 231)])
def test_blocks_equal_whole(down: str, kind: str, shape: tuple[int, int]) -> None:
    encoder, random = chain(down), torch.Generator().manual_seed(0)
    content = torch.rand((1, 3, *shape), generator=random, dtype=torch.float64)
    style = torch.rand((1, 3, 96, 80), generator=random, dtype=torch.float64)
    wanted = terms(encoder, content, style, kind)
    image = torch.rand(content.shape, generator=random, dtype=torch.float64).requires_grad_()
    whole = Objective(encoder, wanted)(image)
    (gradient,) = torch.autograd.grad(whole.total, image)
    # Blocks of 64 pixels: a dozen of them, every border within somebody's halo.
    parts = BlockObjective(Objective(encoder, wanted), 64)(image)
    (by_blocks,) = torch.autograd.grad(parts.total, image)
    torch.testing.assert_close(parts.total.double(), whole.total.double(), rtol=1e-5, atol=0)
    assert set(parts.parts) == set(whole.parts)
    assert float((by_blocks - gradient).norm() / gradient.norm()) < 1e-12


def test_maps_made_in_blocks_are_the_maps() -> None:
    encoder, image = chain("max"), torch.rand(1, 3, 300, 350, dtype=torch.float64)
    whole = encoder(image, ["relu1_1", "relu5_1"])
    blocked = tiling.encode(encoder, image, ["relu1_1", "relu5_1"], 128)
    for layer, maps in whole.items():
        torch.testing.assert_close(blocked[layer], maps.float(), rtol=1e-5, atol=1e-6)


def test_maps_of_sixteen_bits_stay_so() -> None:
    encoder, image = chain("max").to(torch.bfloat16), torch.rand(1, 3, 150, 200)
    whole, blocked = encoder(image, ["relu2_1"])["relu2_1"], tiling.encode(encoder, image, ["relu2_1"], 0)["relu2_1"]
    assert blocked.dtype == torch.bfloat16
    assert torch.equal(blocked, whole)


@pytest.mark.parametrize("loud", [1.0, 300.0])
def test_maps_in_eight_bits_are_nearly_the_maps(loud: float) -> None:
    encoder, random = chain("max").float(), torch.Generator().manual_seed(0)
    encoder.convs[0].weight.mul_(loud)
    encoder.convs[0].bias.mul_(loud)
    image = torch.rand((1, 3, 300, 350), generator=random)
    layers = ["relu2_1", "relu4_2"]
    whole, small = encoder(image, layers), tiling.encode_small(encoder, image, [*layers, "pixels"], 128)
    assert small["pixels"][0] is image
    for layer, maps in whole.items():
        kept, unit = small[layer]
        assert kept.element_size() == 1
        assert float((kept.float() / unit - maps).square().sum() / maps.square().sum()) < 1e-3
        where = (slice(3, 9), slice(2, 11))
        found = torch.rand(maps.shape, generator=random) * maps.mean()
        exact, coarse = Match(layer, maps, 2.0), Match(layer, kept, 2.0, unit=unit)
        torch.testing.assert_close(coarse(found), exact(found), rtol=0.02, atol=0)
        part, own = coarse.within(*where), exact.within(*where)
        piece = found[:, :, where[0], where[1]]
        torch.testing.assert_close(part(piece) * part.weight, own(piece) * own.weight, rtol=0.03, atol=0)


def test_a_block_takes_half_of_what_the_whole_may() -> None:
    encoder = chain("max").bfloat16()
    budget = 1000 * 1000 * encoder.footprint()
    assert tiling.block_size(encoder, 1000, 1000, budget) == 0
    side = tiling.block_size(encoder, 1000, 1016, budget)
    largest = max(block.area for block in tiling.blocks(encoder, 3000, 3000, side))
    assert 0.4 * budget < largest * encoder.footprint() <= 0.51 * budget


def test_blocks_cover_once() -> None:
    seen = torch.zeros(333, 391)
    for block in tiling.grid(333, 391, 100, 40, 16):
        seen[block.top : block.bottom, block.left : block.right] += 1
    assert bool((seen == 1).all())


def test_an_encoder_of_unknown_reach_is_not_cut_into_blocks() -> None:
    encoder = chain("max")
    encoder.radius = 0
    with pytest.raises(InputError, match="how far it sees"):
        tiling.blocks(encoder, 300, 300, 128)
