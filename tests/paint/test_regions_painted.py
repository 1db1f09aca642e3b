"""Regions, mixing and scale: what must be equal is equal, and each region is painted in its own style."""

from __future__ import annotations

import pytest
import torch

from conftest import picture
from impasto import InputError, Recipe
from impasto.loss.terms import Laplacian, Style
from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import finish
from impasto.paint.regions import region_colours, weight_maps
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.see.encoder import ChainEncoder
from impasto.see.stats import STATISTICS

SMALL = {"size": 64, "start_size": 64, "steps": 3, "grain_weight": 0.0}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def halves(height: int = 48, width: int = 64) -> torch.Tensor:
    regions = torch.zeros(1, 2, height, width)
    regions[:, 0, :, : width // 2], regions[:, 1, :, width // 2 :] = 1, 1
    return regions


def paint(encoder, content, styles, regions=None, strengths=(), **changes) -> torch.Tensor:
    recipe = Recipe(**{**SMALL, **changes})
    images = [style if isinstance(style, StyleImage) else StyleImage(style) for style in styles]
    painter = OptimisePainter(StyleTargets(encoder, images, recipe), recipe, strengths=strengths)
    return finish(painter.paint(content, regions=regions))


def test_a_mask_of_ones_is_no_mask(tiny, content, style) -> None:
    ones = torch.ones(1, 1, 48, 64)
    assert torch.equal(paint(tiny, content, [style], ones), paint(tiny, content, [style]))


def test_regions_that_are_painted_alike_are_one(tiny, content, style) -> None:
    whole = paint(tiny, content, [style])
    assert torch.equal(paint(tiny, content, [style], halves()), whole)
    twice = [StyleImage(style, region=0), StyleImage(style.clone(), region=1)]
    assert torch.equal(paint(tiny, content, twice, halves()), whole)
    for one in (StyleImage(style, region=1, scale=2.0), StyleImage(style, region=1, layers=("relu1_1",))):
        targets = StyleTargets(tiny, [StyleImage(style, region=0), one], Recipe(**SMALL))
        assert targets.alike(2) == [[0], [1]]
    targets = StyleTargets(tiny, [StyleImage(style)], Recipe(**SMALL))
    assert targets.alike(3, [1.0, 0.5, 1.0]) == [[0, 2], [1]]
    own = StyleTargets(tiny, [StyleImage(style, regions=halves())], Recipe(**SMALL))
    assert own.alike(2) == [[0], [1]]


@pytest.mark.parametrize("name", STATISTICS)
def test_a_style_in_two_regions_weighs_what_it_does_in_one(name: str, tiny, content, style) -> None:
    recipe = Recipe(**SMALL, statistic=name)
    targets = StyleTargets(tiny, [StyleImage(style)], recipe)
    guided = targets.terms(64, 1.0, targets.guides(halves()))
    assert sum(term.weight for term in guided) == pytest.approx(sum(term.weight for term in targets.terms(64, 1.0)))
    assert all(isinstance(term, Style) and term.mask is not None for term in guided)


def test_regions_share_every_layer_out(tiny, content) -> None:
    targets = StyleTargets(tiny, [StyleImage(content)], Recipe(**SMALL))
    regions = torch.zeros(1, 3, 48, 64)
    regions[:, 0, :20], regions[:, 1, 20:, :30], regions[:, 2, 20:, 30:] = 1, 1, 1
    for layer, guide in targets.guides(regions).weights.items():
        torch.testing.assert_close(guide.mean((2, 3)), regions.mean((2, 3)))
        if tiny.stride(layer) <= 4:  # far from a border a place is one region's alone
            assert float(guide[0, 0, 0, 0]) > 0.5
            assert float(guide[0, 1:, 0, 0].max()) == 0


def test_a_narrow_region_shows_at_the_first_layers_alone(tiny, content) -> None:
    regions = torch.zeros(1, 2, 48, 64)
    regions[:, 0], regions[:, 0, :, 30:34], regions[:, 1, :, 30:34] = 1, 0, 1
    targets = StyleTargets(tiny, [StyleImage(content, regions=regions)], Recipe(**SMALL))
    clear = [targets.guides(regions).clear[layer] for layer in tiny.style_layers]
    assert all(0 <= share <= 1 for shares in clear for share in shares)
    assert clear[0][1] > 0.6
    assert clear[-1][1] < 0.3 < 0.8 < clear[-1][0]
    narrow = [term.weight for term in targets.terms(64, 1.0, targets.guides(halves())) if term.mask is not None][5:]
    assert narrow[0] > 5 * narrow[-1]


def test_each_region_goes_to_its_own_painting(tiny, content) -> None:
    dark, light = picture(5, 56, 56) * 0.3, 0.6 + picture(6, 56, 56) * 0.4
    styles = [StyleImage(dark, region=0), StyleImage(light, region=1)]
    found = paint(tiny, content, styles, halves(), steps=40, strength=95.0, style_layers="pixels,relu1_1")
    assert float(found[..., :28].mean()) < 0.3
    assert float(found[..., 36:].mean()) > 0.65


def test_a_painting_gives_each_region_what_it_has_there_itself(tiny, content) -> None:
    both = torch.cat([0.6 + picture(6, 56, 28) * 0.4, picture(5, 56, 28) * 0.3], 3)
    own = halves(56, 56).flip(1)  # region 0 is the dark right half
    found = paint(
        tiny, content, [StyleImage(both, regions=own)], halves(), steps=40, strength=95.0, style_layers="pixels,relu1_1"
    )
    assert float(found[..., :28].mean()) < 0.35
    assert float(found[..., 36:].mean()) > 0.6


def test_at_strength_0_a_region_stays_the_photograph(tiny, content, style) -> None:
    found = paint(tiny, content, [style], halves(), strengths=(None, 0.0), steps=30, strength=90.0)
    change = (found - content).abs().mean((0, 1, 2))
    assert float(change[:16].mean()) > 0.05
    assert float(change[40:].mean()) < 0.01


def test_an_empty_region_changes_nothing(tiny, content, style) -> None:
    regions = torch.cat([torch.ones(1, 1, 48, 64), torch.zeros(1, 1, 48, 64)], 1)
    styles = [StyleImage(style, region=0), StyleImage(1 - style, region=1)]
    difference = paint(tiny, content, styles, regions) - paint(tiny, content, [style])
    assert float(difference.abs().max()) < 1e-3


def test_regions_in_blocks_are_regions(tiny, content) -> None:
    content, style = picture(1, 150, 200), picture(2, 90, 120)
    styles = [StyleImage(style, region=0), StyleImage(1 - style, region=1)]
    changes = {"size": 200, "start_size": 200, "steps": 2, "style_scale": 0.5}
    tiny = tiny.double()
    regions = halves(150, 200)
    whole = paint(tiny, content, styles, regions, (90.0, 20.0), **changes)
    cut = paint(tiny, content, styles, regions, (90.0, 20.0), block=64, **changes)
    assert float((whole - cut).abs().mean()) < 1e-3


def test_the_first_with_all_the_weight_is_the_first_alone(tiny, content, style) -> None:
    both = [StyleImage(style, weight=1.0), StyleImage(1 - style, weight=0.0)]
    assert torch.equal(paint(tiny, content, both), paint(tiny, content, [style]))
    with pytest.raises(InputError, match="all styles are zero"):
        paint(tiny, content, [StyleImage(style, weight=0.0)])


@pytest.mark.parametrize("name", STATISTICS)
def test_a_blend_lies_between(name: str, tiny, style) -> None:
    recipe = Recipe(**SMALL, statistic=name)
    one, other = StyleImage(style), StyleImage(0.2 * picture(9, 56, 56))
    ends = [StyleTargets(tiny, [image], recipe) for image in (one, other)]
    middle = StyleTargets(tiny, [one, other], recipe)
    kind = middle.statistic
    for layer, found in middle.describe(64).items():
        between = [float(kind.distance(found, end.describe(64)[layer])) for end in ends]
        apart = float(kind.distance(ends[0].describe(64)[layer], ends[1].describe(64)[layer]))
        assert between[0] < apart


def test_layers_are_shared_out_among_paintings(tiny, style) -> None:
    fine, rest = StyleImage(style, layers=("conv1_1",), scale=0.5), StyleImage(1 - style)
    found = StyleTargets(tiny, [fine, rest], Recipe(**SMALL)).describe(64)
    alone = StyleTargets(tiny, [StyleImage(1 - style)], Recipe(**SMALL)).describe(64)
    half = StyleTargets(tiny, [StyleImage(style)], Recipe(**SMALL, style_scale=0.5)).describe(64)
    assert torch.equal(found["relu1_1"], half["relu1_1"])
    assert all(torch.equal(found[layer], alone[layer]) for layer in alone if layer != "relu1_1")
    only = StyleTargets(tiny, [fine], Recipe(**SMALL)).terms(64, 1.0)
    assert [(term.layer, term.weight) for term in only] == [("relu1_1", 1.0)]
    with pytest.raises(InputError, match="none of the style's layers"):
        StyleTargets(tiny, [StyleImage(style, layers=("relu4_2",))], Recipe(**SMALL))


def test_several_scales_are_blended(tiny, style) -> None:
    one, other = (StyleTargets(tiny, [StyleImage(style)], Recipe(**SMALL, style_scale=s)) for s in (0.5, 2.0))
    both = StyleTargets(tiny, [StyleImage(style)], Recipe(**SMALL, style_scales="0.5=3,2"))
    for layer, found in both.describe(64).items():
        wanted = 0.75 * one.describe(64)[layer] + 0.25 * other.describe(64)[layer]
        torch.testing.assert_close(found, wanted)


def test_statistics_add_up(tiny, content, style) -> None:
    both = StyleTargets(tiny, [StyleImage(style)], Recipe(**SMALL, statistic="gram=3,moments=1"))
    terms = both.terms(64, 1.0)
    assert len(terms) == 2 * len(both.layers)
    assert sum(term.weight for term in terms) == pytest.approx(1.0)
    assert torch.isfinite(paint(tiny, content, [style], statistic="gram,histogram=0.5,nearest=0")).all()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", [name for name in STATISTICS if name != "gram"])
def test_every_statistic_paints(name: str, optimizer: str, tiny: ChainEncoder, content, style) -> None:
    found = paint(tiny, content, [style], halves(), statistic=name, optimizer=optimizer, size=47, start_size=47)
    assert found.shape == (1, 3, 35, 47)
    assert torch.isfinite(found).all()


def test_the_laplacian_is_blind_to_flat_colour_and_sees_edges(content) -> None:
    term = Laplacian(content)
    assert float(term(content)) == 0
    assert float(term(content + 0.1)) < 1e-6
    assert float(term(content.mean((2, 3), keepdim=True).expand_as(content))) > 0.5
    assert torch.isfinite(Laplacian(torch.zeros(1, 3, 5, 4))(torch.rand(1, 3, 5, 4)))


def test_a_weight_on_edges_keeps_them(tiny, content, style) -> None:
    plain, kept = (paint(tiny, content, [style], steps=20, strength=90.0, laplacian_weight=w) for w in (0.0, 20.0))
    assert float(Laplacian(content)(kept)) < float(Laplacian(content)(plain))


def test_weights_of_regions_become_a_map() -> None:
    highest, maps = weight_maps({"a": halves(2, 4)}, [0.5, 2.0])
    assert highest == 2.0
    assert maps["a"][0, 0, 0].tolist() == [0.25, 0.25, 1.0, 1.0]


def test_a_start_of_regions_has_the_colours_of_their_paintings(tiny) -> None:
    red, blue = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    red[:, 0], blue[:, 2] = 0.8, 0.8
    styles = [StyleImage(red, region=0), StyleImage(blue, region=1)]
    start = region_colours(halves(), StyleTargets(tiny, styles, Recipe(**SMALL)), 0)
    assert float(start[:, 0, :, :32].mean()) > 0.7
    assert float(start[:, 2, :, 32:].mean()) > 0.7
    assert float(start[:, 2, :, :32].mean()) < 0.2
