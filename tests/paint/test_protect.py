"""What is protected stays, and what is painted around it is painted as it would be without."""

import pytest
import torch

from conftest import picture
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.loss.terms import (
    ClassicContent,
    ClassicSmooth,
    ClassicStyle,
    Grain,
    Grey,
    Laplacian,
    Match,
    Smooth,
    Style,
    Temporal,
)
from impasto.paint.protect import ProtectedCanvas, around
from impasto.see.stats import STATISTICS, Gram, Moments, chroma_grain


def half(height=48, width=64):
    matte = torch.zeros(1, 1, height, width)
    matte[..., : width // 2] = 1
    return matte


def test_the_protected_part_is_seen_and_has_no_gradient():
    image, photo = picture(1), picture(2)
    canvas = ProtectedCanvas(image, photo, half())
    seen = canvas()
    torch.testing.assert_close(seen[..., :32], photo[..., :32])
    assert torch.equal(seen[..., 32:], image[..., 32:])
    seen.square().sum().backward()
    assert canvas.pixels.grad[..., :32].abs().max() == 0
    assert torch.equal(canvas.pixels.grad[..., 32:], 2 * image[..., 32:])


def test_a_grey_canvas_stays_grey():
    canvas = ProtectedCanvas(picture(1), picture(2).mean(1, keepdim=True).expand(-1, 3, -1, -1), half(), grey=True)
    seen = canvas()
    assert (seen.amax(1) - seen.amin(1)).max() < 1e-6


@pytest.mark.parametrize("statistic", [Gram(), Moments()])
@pytest.mark.parametrize("block", [0, 16])
def test_the_target_is_met_by_the_painting_beside_the_photograph(tiny, statistic, block):
    """Protected left half, painting in the right half: on the pixels, which see no neighbours, nothing is missing."""
    photo, style = picture(1), picture(2)
    wanted = Style("pixels", statistic, statistic.describe(style[..., 32:]), 1.0)
    (term,) = around([wanted], tiny, photo, half(), block)
    both = torch.where(half() > 0, photo, style)
    assert float(term(both)) < 1e-5
    assert float(term(photo)) > 1e-3


@pytest.mark.parametrize("block", [0, 16])
def test_the_classic_target_is_met_too(tiny, block):
    photo, style = picture(1), picture(2)
    wanted = ClassicStyle("pixels", Gram(), Gram().describe(style[..., 32:]), 1.0)
    (term,) = around([wanted], tiny, photo, half(), block)
    assert float(term(torch.where(half() > 0, photo, style))) < 1e-9
    assert float(term(photo)) > 1e-5


@pytest.mark.parametrize("statistic", [Gram(), Moments()])
def test_blocks_see_masks_as_the_whole_does(tiny, statistic):
    """Value and gradient of masked styles, in blocks and whole."""
    photo, style = picture(1, 96, 128).double(), picture(2, 96, 128).double()
    layers = ("relu1_1", "relu3_1")
    maps = tiny.double()(style, layers)
    wanted = [Style(layer, statistic, statistic.describe(maps[layer]), 1.0) for layer in layers]
    terms = around(wanted, tiny, photo, half(96, 128).double(), 0)
    found = []
    for objective in (Objective(tiny, terms), BlockObjective(Objective(tiny, terms), 32)):
        image = photo.clone().requires_grad_()
        losses = objective(image)
        losses.total.backward()
        found.append((losses.total.detach(), image.grad))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-6)


def test_weights_rise_as_the_painted_share_falls(tiny):
    photo = picture(1)
    match = Match("pixels", photo, 2.0)
    (found, smooth) = around([match, Smooth(1.0)], tiny, photo, half(), 0)
    assert found.weight == pytest.approx(4.0)
    assert smooth.weight == pytest.approx(2.0)
    everything = torch.ones(1, 1, 48, 64)
    assert around([match], tiny, photo, everything, 0)[0].weight == pytest.approx(2000.0)


def test_every_mean_over_places_counts_as_if_the_rest_were_not_there(tiny):
    photo = picture(1)
    for term in (
        Match("pixels", photo),
        ClassicContent("pixels", photo, 1.0),
        Smooth(),
        Grey(0.4),
        Temporal(photo, torch.ones_like(half())),
        Laplacian(photo),
    ):
        (found,) = around([term], tiny, photo, half(), 0)
        assert found.weight == pytest.approx(2 * term.weight), term.name
    # A sum over places, as the classic one is, says of the painted part what it said before.
    (found,) = around([ClassicSmooth(0.5)], tiny, photo, half(), 0)
    assert found.weight == 0.5


def test_grain_is_measured_where_it_can_change(tiny):
    """Under a quiet photograph the painted half may be as noisy as the painting, and no noisier."""
    random = torch.Generator().manual_seed(0)
    noisy, quiet = torch.rand((1, 3, 48, 64), generator=random), torch.full((1, 3, 48, 64), 0.5)
    both = torch.where(half() > 0, quiet, noisy)
    own = chroma_grain(noisy)
    (term,) = around([Grain(own)], tiny, quiet, half(), 0)
    assert float(term(both)) < 0.01
    (strict,) = around([Grain(own / 2)], tiny, quiet, half(), 0)
    assert float(strict(both)) == pytest.approx(float(Grain(own / 2)(noisy)), rel=0.15)
    # And a noisy photograph takes nothing away from it.
    (term,) = around([Grain(own)], tiny, noisy, half(), 0)
    assert float(term(noisy)) < 0.01


@pytest.mark.parametrize("name", STATISTICS)
def test_regions_share_out_what_is_painted(name, tiny):
    """A region under the mask says nothing, and leaves its share to the other."""
    photo, kind = picture(1), STATISTICS[name]()
    target = kind.describe(picture(2))
    left, right = half(), 1 - half()
    terms = [Style("pixels", kind, target, 0.5, left), Style("pixels", kind, target, 0.5, right)]
    (term,) = around(terms, tiny, photo, half(), 0)
    assert term.weight == pytest.approx(1.0)
    torch.testing.assert_close(term.mask, right)
    image = photo.clone().requires_grad_()
    (slope,) = torch.autograd.grad(term(image), image)
    assert float(slope[..., :32].abs().max()) == 0
    assert float(slope[..., 32:].abs().max()) > 0
