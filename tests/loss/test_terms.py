"""Terms and the objective that sums them."""

from __future__ import annotations

import pytest
import torch

from impasto.loss.objective import Objective
from impasto.loss.terms import Grain, Grey, Match, Smooth, Style
from impasto.see import stats
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


@pytest.mark.parametrize("strip", [1 << 18, 100, 500])
@pytest.mark.parametrize("shape", [(1, 3, 40, 56), (2, 3, 33, 41), (1, 3, 35, 42)])
def test_grain_by_strips_is_that_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], strip: int
) -> None:
    monkeypatch.setattr(stats, "_STRIP", strip)

    def plain(image: torch.Tensor) -> torch.Tensor:
        red, green, blue = image.unbind(1)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        chroma, found = torch.stack([(blue - luma) * 0.564, (red - luma) * 0.713], 1), []
        for width in (1, 2):
            x = chroma if width == 1 else torch.nn.functional.avg_pool2d(chroma, 2)
            down, right = ((x.diff(dim=dim).square() + 1e-6).sqrt().mean((2, 3)) for dim in (2, 3))
            found.append(down + right)
        return torch.cat(found, 1)

    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    found = []
    for grain in (plain, chroma_grain):
        leaf = image.clone().requires_grad_()
        value = grain(leaf)
        (gradient,) = torch.autograd.grad((value * torch.tensor([1.0, -2.0, 0.3, 0.7])).sum(), leaf)
        found.append((value.detach(), gradient))
    assert torch.allclose(found[0][0], found[1][0], rtol=1e-5)
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-4, atol=1e-8)


def test_a_target_of_eight_bits_is_read_exactly() -> None:
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    codes = codes[codes.float().isfinite()].view(1, 1, 1, -1)
    seen = codes.float() / 3
    small, plain = Match("pixels", codes, unit=3.0), Match("pixels", codes.float(), unit=3.0)
    assert float(plain(seen)) < 1e-12
    for x in (seen, seen + 0.5):
        assert float(small(x)) == float(plain(x))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("unit", [1.0, 0.25])
def test_the_gradient_of_a_match_is_that_of_its_value(masked: bool, unit: float) -> None:
    random = torch.Generator().manual_seed(0)
    x, target = (torch.rand((1, 2, 3, 4), generator=random, dtype=torch.float64) for _ in range(2))
    mask = torch.rand((1, 1, 3, 4), generator=random, dtype=torch.float64) if masked else None
    assert torch.autograd.gradcheck(Match("pixels", target, mask=mask, unit=unit), x.requires_grad_())


def test_a_target_of_sixteen_bits_is_the_same_target() -> None:
    target = torch.rand(1, 8, 6, 6).to(torch.bfloat16)
    x = torch.rand(1, 8, 6, 6)
    half, whole = Match("relu1_1", target), Match("relu1_1", target.float())
    assert torch.equal(half(x), whole(x))
    part = slice(0, 3), slice(2, 6)
    assert half.within(*part).weight == whole.within(*part).weight


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
