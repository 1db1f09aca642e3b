"""What is protected stays, and what is painted around it is painted as it would be without."""

import pytest
import torch

from conftest import picture
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.loss.terms import ClassicStyle, Match, Smooth, Style
from impasto.paint.protect import ProtectedCanvas, around
from impasto.see.stats import Gram, Moments


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
    assert smooth.weight == 1.0
    everything = torch.ones(1, 1, 48, 64)
    assert around([match], tiny, photo, everything, 0)[0].weight == pytest.approx(2000.0)
