"""Statistics of maps: their values, their gradients, their equalities."""

from __future__ import annotations

import pytest
import torch

from impasto.recipe import STATISTIC_NAMES
from impasto.see import stats
from impasto.see.stats import STATISTICS, gram


def maps(seed: int = 0, shape: tuple[int, ...] = (1, 6, 9, 11)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).relu()


def test_gram_is_the_product_over_places() -> None:
    x = maps()
    flat = x.flatten(2)
    torch.testing.assert_close(gram(x), flat @ flat.mT / flat.shape[2])


def test_gram_in_blocks_equals_gram_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gram(maps())
    monkeypatch.setattr(stats, "_ROWS", 7)
    torch.testing.assert_close(gram(maps()), whole)


def test_gradient_of_gram_is_the_true_one() -> None:
    x = maps(shape=(2, 3, 4, 5)).requires_grad_()
    assert torch.autograd.gradcheck(gram, (x,))


@pytest.mark.parametrize("name", STATISTICS)
def test_mask_of_ones_changes_nothing(name: str) -> None:
    statistic, x = STATISTICS[name](), maps()
    ones = torch.ones(1, 1, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(statistic.describe(x, ones), statistic.describe(x))


@pytest.mark.parametrize("name", STATISTICS)
def test_binary_mask_is_a_crop(name: str) -> None:
    statistic, x = STATISTICS[name](), maps()
    mask = torch.zeros(1, 1, 9, 11, dtype=torch.float64)
    mask[:, :, :, :4] = 1
    torch.testing.assert_close(statistic.describe(x, mask), statistic.describe(x[..., :4]))


@pytest.mark.parametrize("name", STATISTICS)
def test_distance_is_zero_to_itself_and_blind_to_place(name: str) -> None:
    statistic, x = STATISTICS[name](), maps()
    a = statistic.describe(x)
    # What patches see beside each other stays so: there only their order may change.
    b = statistic.describe(x if name == "patches" else x.flip(3).roll(3, 2))
    assert float(statistic.distance(a, b)) < 1e-4
    assert float(statistic.distance(a, statistic.describe(3 * x))) > 0.1


@pytest.mark.parametrize("name", STATISTICS)
def test_distance_does_not_depend_on_scale(name: str) -> None:
    statistic = STATISTICS[name]()
    a, b = statistic.describe(maps(1)), statistic.describe(maps(2))
    c, d = statistic.describe(7 * maps(1)), statistic.describe(7 * maps(2))
    torch.testing.assert_close(statistic.distance(a, b), statistic.distance(c, d), rtol=1e-4, atol=1e-8)


def test_moments_of_two_gaussians_is_wasserstein() -> None:
    """One channel: W2² = (μ - ν)² + (σ - τ)², over ν² + τ²."""
    x, y = maps(1, (1, 1, 20, 20)) + 1, 2 * maps(2, (1, 1, 20, 20)) - 3
    statistic = STATISTICS["moments"]()
    found = statistic.distance(statistic.describe(x), statistic.describe(y))
    s, t = x.std(unbiased=False), y.std(unbiased=False)
    wanted = ((x.mean() - y.mean()) ** 2 + (s - t) ** 2) / (y.mean() ** 2 + t**2)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", STATISTICS)
def test_maps_of_one_value_give_no_nan(name: str) -> None:
    statistic = STATISTICS[name]()
    flat = torch.zeros(1, 4, 8, 8, requires_grad=True)
    value = statistic.distance(statistic.describe(flat), statistic.describe(torch.zeros(1, 4, 8, 8)))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(flat.grad).all()


def test_the_recipe_knows_every_statistic() -> None:
    assert tuple(STATISTICS) == STATISTIC_NAMES


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("masked", [False, True])
def test_a_map_is_compared_as_its_description_is(name: str, masked: bool) -> None:
    # Without ties, which a bin moves together and sorting tears apart.
    statistic, x = STATISTICS[name](seed=3), maps(1, (1, 6, 30, 32)) - maps(3, (1, 6, 30, 32))
    mask = torch.zeros(1, 1, 30, 32, dtype=torch.float64) if masked else None
    if mask is not None:
        mask[:, :, :, 10:26] = 1
    wanted = statistic.describe(2 * maps(2, (1, 6, 25, 25)) - maps(4, (1, 6, 25, 25)))
    direct = statistic.compare(x, wanted, mask)
    torch.testing.assert_close(direct, statistic.distance(statistic.describe(x, mask), wanted), rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("name", STATISTICS)
def test_an_empty_mask_says_nothing(name: str) -> None:
    statistic, x = STATISTICS[name](), maps().requires_grad_()
    wanted = statistic.describe(maps(2))
    statistic.compare(x, wanted, torch.zeros(1, 1, 9, 11, dtype=torch.float64)).backward()
    assert float(x.grad.abs().max()) == 0


@pytest.mark.parametrize("name", STATISTICS)
def test_a_style_blended_with_itself_is_itself(name: str) -> None:
    statistic, x = STATISTICS[name](), maps(1, (1, 6, 20, 20))
    one = statistic.describe(x)
    both = statistic.blend([one, one], [0.3, 0.7])
    # A collection may lose some of its own on the way.
    assert float(statistic.distance(both, one)) < (0.2 if name in ("nearest", "patches") else 1e-4)


@pytest.mark.parametrize("name", STATISTICS)
def test_going_down_makes_a_map_like_the_other(name: str) -> None:
    statistic, x = STATISTICS[name](), maps(1, (1, 4, 16, 16)).clone().requires_grad_()
    wanted = statistic.describe(2 * maps(2, (1, 4, 12, 20)) + 0.5)
    before = float(statistic.compare(x, wanted).detach())
    descent = torch.optim.Adam([x], lr=0.05)
    for _ in range(60):
        descent.zero_grad()
        statistic.compare(x, wanted).backward()
        descent.step()
    assert float(statistic.compare(x, wanted).detach()) < 0.35 * before


@pytest.mark.parametrize("name", STATISTICS)
def test_half_precision_is_seen_too(name: str) -> None:
    statistic, x = STATISTICS[name](), maps(1, (1, 8, 20, 20)).float()
    wanted = statistic.describe(maps(2, (1, 8, 20, 20)).float())
    full = statistic.compare(x, wanted)
    half = statistic.compare(x.bfloat16().requires_grad_(), wanted)
    half.backward()
    assert half.dtype == torch.float32
    torch.testing.assert_close(half.detach(), full, rtol=0.05, atol=1e-3)
