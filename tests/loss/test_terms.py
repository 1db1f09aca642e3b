"""Terms and the objective that sums them."""

from __future__ import annotations

import pytest
import torch

from impasto.loss.objective import Objective
from impasto.loss.terms import Grain, Grey, Match, Smooth, Style
from impasto.see.encoder import ChainEncoder
from impasto.see.stats import Gram, chroma_grain


def test_match_is_relative() -> None:
    target = torch.rand(1, 3, 8, 8)
    assert float(Match("pixels", target)(target)) == 0
    assert float(Match("pixels", target)(torch.zeros_like(target))) == pytest.approx(1)
    assert float(Match("pixels", 5 * target)(torch.zeros_like(target))) == pytest.approx(1)


def test_match_sees_only_its_mask() -> None:
    target, mask = torch.rand(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    other = target.clone()
    other[..., 4:] = 0
    assert float(Match("pixels", target, mask=mask)(other)) == 0


def test_masked_match_on_pixels_is_the_temporal_loss() -> None:
    x, warped = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    mask = (torch.rand(1, 1, 8, 8) > 0.5).float()
    direct = (mask * (x - warped) ** 2).sum() / warped.square().sum()
    torch.testing.assert_close(Match("pixels", warped, mask=mask)(x), direct)


def test_smooth_is_zero_on_one_colour_and_one_on_the_noise_it_is_named_for() -> None:
    assert float(Smooth()(torch.full((1, 3, 8, 8), 0.3))) == 0
    noise = 0.25 * torch.randn((1, 3, 256, 256), generator=torch.Generator().manual_seed(0))
    assert float(Smooth()(noise)) == pytest.approx(1, rel=0.02)


def test_grey_pulls_white_and_black_alike() -> None:
    assert float(Grey()(torch.ones(1, 3, 4, 4))) == pytest.approx(1)
    assert float(Grey()(torch.zeros(1, 3, 4, 4))) == pytest.approx(1)
    assert float(Grey(0.5)(torch.full((1, 3, 4, 4), 0.5))) == 0


def test_grain_is_silent_up_to_the_paintings_own_and_grows_beyond() -> None:
    random = torch.Generator().manual_seed(0)
    calm = torch.full((1, 3, 32, 32), 0.5)
    noisy = calm + 0.1 * torch.randn(calm.shape, generator=random)
    term = Grain(chroma_grain(noisy))
    assert float(term(noisy)) == 0
    assert float(term(calm)) == 0
    assert float(term(calm + 2 * (noisy - calm))) == pytest.approx(1, rel=0.05)


def test_grain_does_not_see_grey() -> None:
    """Light and dark may change as they like: only colour noise counts."""
    grey = torch.rand((1, 1, 32, 32), generator=torch.Generator().manual_seed(0)).expand(1, 3, 32, 32)
    assert float(chroma_grain(grey).max()) < 0.003


def test_objective_sums_its_parts(tiny: ChainEncoder, content: torch.Tensor) -> None:
    maps = tiny(content, ["relu1_1", "relu4_2"])
    terms = (
        Match("relu4_2", maps["relu4_2"] * 0.5, 2.0),
        Style("relu1_1", Gram(), Gram().describe(maps["relu1_1"]) * 0.5, 3.0),
        Smooth(0.1),
    )
    losses = Objective(tiny, terms)(content)
    assert set(losses.parts) == {"content", "style", "tv"}
    torch.testing.assert_close(losses.total, sum(losses.parts.values()))
    by_hand = 2 * terms[0](maps["relu4_2"]) + 3 * terms[1](maps["relu1_1"]) + 0.1 * terms[2](content)
    torch.testing.assert_close(losses.total, by_hand)
