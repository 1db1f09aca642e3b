"""A picture asked at several octaves: one sum, one gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.loss.octaves import Octave, Octaves
from impasto.loss.terms import Smooth, Style
from impasto.see.encoder import ChainEncoder
from impasto.see.stats import STATISTICS


@pytest.fixture
def asked() -> tuple[torch.Tensor, list[Objective]]:
    torch.manual_seed(1)
    encoder = ChainEncoder(((4, 4), (4, 6), (6, 6), (8, 8), (8,)), down="max").double().eval().requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    image = torch.rand((1, 3, 150, 181), generator=random, dtype=torch.float64).requires_grad_()
    gram, found = STATISTICS["gram"](), []
    for side in (96, 48, 40):
        seen = encoder(torch.rand((1, 3, side, side), generator=random, dtype=torch.float64), encoder.style_layers)
        found.append(Objective(encoder, tuple(Style(k, gram, gram.describe(v), 0.2) for k, v in seen.items())))
    return image, found


def test_the_sum_and_gradient_are_those_of_all_octaves_together(asked) -> None:
    image, (fine, half, quarter) = asked
    fine = Objective(fine.encoder, (*fine.terms, Smooth(0.1)))
    small = F.interpolate(image, (75, 91), mode="area")
    smaller = F.interpolate(small, (38, 46), mode="area")
    whole = fine(image).total + half(small).total + quarter(smaller).total
    (wanted,) = torch.autograd.grad(whole, image)
    for largest in (fine, BlockObjective(fine, 64)):
        losses = Octaves(largest, (Octave(75, 91, half), Octave(38, 46, quarter)))(image)
        (found,) = torch.autograd.grad(losses.total, image)
        torch.testing.assert_close(losses.total.double(), whole.detach().double(), rtol=1e-6, atol=0, check_dtype=False)
        assert float((found - wanted).norm() / wanted.norm()) < 1e-5
        assert float(sum(losses.parts.values())) == pytest.approx(float(whole.detach()), rel=1e-5)


def test_without_a_gradient_the_value_is_the_same(asked) -> None:
    image, (fine, half, _) = asked
    octaves = Octaves(fine, (Octave(75, 91, half),))
    with torch.no_grad():
        assert float(octaves(image.detach()).total) == pytest.approx(float(octaves(image).total), rel=1e-6)


def test_an_octave_of_which_nothing_is_wanted_pulls_nowhere(asked) -> None:
    image, (fine, *_) = asked
    (wanted,) = torch.autograd.grad(fine(image).total, image)
    (found,) = torch.autograd.grad(Octaves(fine, (Octave(75, 91, Objective(fine.encoder, ())),))(image).total, image)
    assert torch.equal(found, wanted)
