"""Textures: any canvas, the painting in its own pixels, tiles without edges."""

import pytest
import torch

from conftest import picture
from impasto.judge.measures import gram_distance
from impasto.judge.seams import edge_seam
from impasto.loss.objective import Objective
from impasto.loss.terms import Smooth
from impasto.loss.wrapped import Wrapped
from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import finish
from impasto.paint.targets import StyleImage
from impasto.paint.texture import SwatchTargets, TexturePainter
from impasto.recipe import Recipe


def painter(encoder, style, width, height, *, seamless=False, **options):
    base = {"content_weight": 0, "init": "noise", "size": max(width, height), "start_size": 32, "steps": 6, **options}
    recipe = Recipe(**base)
    return TexturePainter(
        SwatchTargets(encoder, [StyleImage(style)], recipe), recipe, (width, height), seamless=seamless
    )


def painted(made):
    width, height = made.canvas
    return finish(made.paint(torch.zeros(1, 3, 1, 1).expand(1, 3, height, width)))


def test_a_texture_has_the_style_and_not_the_places(tiny, style):
    made = painter(tiny, style, 56, 40)
    image = painted(made)
    assert image.shape == (1, 3, 40, 56)
    noise = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    far, near = (gram_distance(*(tiny(x, ["relu2_1"])["relu2_1"] for x in (one, style))) for one in (noise, image))
    assert near < 0.2 * far
    assert torch.equal(image, painted(painter(tiny, style, 56, 40)))
    assert not torch.equal(image, painted(painter(tiny, style, 56, 40, seed=1)))


@pytest.mark.parametrize(
    ("width", "height", "scale", "seen"),
    [(40, 32, 1.0, 40), (56, 56, 1.0, 56), (400, 224, 1.0, 56), (400, 224, 2.0, 112), (64, 64, 0.5, 28)],
)
def test_a_painting_is_never_enlarged_unasked(tiny, style, width, height, scale, seen):
    targets = painter(tiny, style, width, height, style_scale=scale).targets
    assert max(targets.shape(targets.styles[0], max(width, height))) == seen
    half = max(targets.shape(targets.styles[0], max(width, height) // 2))
    assert half == max(16, round(seen / 2))


def test_a_painting_is_described_in_its_own_pixels_on_a_larger_canvas(tiny, style):
    """What is measured, not only what is foretold: at 56 pixels for a canvas of 56 and for one of 400."""
    small, large = (painter(tiny, style, side, side).targets.describe(side) for side in (56, 400))
    for layer in small:
        torch.testing.assert_close(small[layer], large[layer], rtol=1e-5, atol=1e-7)


def test_a_ribbon_is_seen_wide_enough(tiny):
    targets = painter(tiny, picture(1, 16, 200), 64, 64).targets
    assert min(targets.shape(targets.styles[0], 64)) >= 16
    assert min(targets.shape(targets.styles[0], 32)) >= 16


def test_the_ladder_begins_where_the_painting_can_be_seen(tiny, style):
    steps = dict(painter(tiny, style, 448, 224).rungs(224, 448))
    assert list(steps) == [224, 448]  # at 224 the painting of 56 pixels is 28: half of that nobody could make out
    assert list(dict(painter(tiny, style, 448, 224, start_size=448).rungs(224, 448))) == [448]


def test_shallow_layers_have_short_ladders_and_lose_no_steps(tiny):
    large = picture(4, 256, 256)
    whole = painter(tiny, large, 256, 256).rungs(256, 256)
    assert [size for size, _ in whole] == [32, 64, 128, 256]
    for layers, sizes in (("relu1_1", [256]), ("relu2_1", [128, 256]), ("relu3_1,relu1_1", [64, 128, 256])):
        rungs = painter(tiny, large, 256, 256, style_layers=layers).rungs(256, 256)
        assert [size for size, _ in rungs] == sizes
        assert sum(steps for _, steps in rungs) == sum(steps for _, steps in whole)


def test_wrapped_is_the_same_loss_wherever_the_edges_are(tiny, content):
    smooth = Objective(tiny, (Smooth(),))
    seen = Wrapped(smooth, torch.Generator().manual_seed(0))
    values = {round(float(seen(content.roll(3, 3)).total), 5) for _ in range(4)}
    assert len(values) > 1  # it rolls
    flat = torch.full((1, 3, 32, 32), 0.3)
    assert float(seen(flat).total) == 0


@pytest.mark.parametrize("block", [0, 32])
def test_a_tile_has_no_edges(tiny, style, block):
    smooth = {"steps": 20, "start_size": 64, "noise_std": 0.05, "tv_weight": 10, "block": block}
    plain, tile = (painted(painter(tiny, style, 64, 48, seamless=seamless, **smooth)) for seamless in (False, True))
    assert edge_seam(tile) < 1.3 < 2 < edge_seam(plain)


def test_a_tile_stays_one_from_size_to_size(tiny, style):
    made = painter(tiny, style, 64, 64, seamless=True, steps=10, tv_weight=10, noise_std=0.05)
    assert [size for size, _ in made.rungs(64, 64)] == [32, 64]
    assert edge_seam(painted(made)) < 1.45  # enlarged without its copies: 1.65
    angle = torch.linspace(0, 2 * torch.pi, 33)[:-1]
    wave = (0.5 + 0.2 * angle.sin()[:, None] + 0.2 * angle.cos())[None, None].expand(1, 3, -1, -1)
    for height, width in ((64, 64), (51, 77)):
        large = made._carried(wave, torch.zeros(1, 3, height, width))
        assert large.shape == (1, 3, height, width)
        plain = OptimisePainter._carried(made, wave, large)
        assert edge_seam(large) < 1.2 < edge_seam(plain)


def test_blocks_change_nothing(tiny, style):
    whole, pieces = (
        painter(tiny, style, 96, 64, precision="float32", block=block, start_size=96, steps=1, optimizer="lbfgs")
        for block in (0, 48)
    )
    assert torch.allclose(painted(whole), painted(pieces), atol=2e-3)


def test_a_size_is_called_by_width_and_height(tiny, style):
    made = painter(tiny, style, 400, 200)
    assert made.called(200) == "200x100"
    under = made.under(made.recipe.but(size=100, start_size=32))
    assert (under.canvas, under.recipe.size, type(under)) == ((400, 200), 100, TexturePainter)
