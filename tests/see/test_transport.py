"""Transport on a line: quantiles and displacements against what can be worked out."""

from __future__ import annotations

import torch

from impasto.see.nearest import Patches
from impasto.see.transport import Histogram, SlicedWasserstein, quantiles, spread


def test_places_are_different_ones_and_all_where_there_is_room() -> None:
    assert spread(5, 9).tolist() == [0, 1, 2, 3, 4]
    for count in (1000, 1024, 997):
        chosen = spread(count, 300)
        assert len(chosen.unique()) == 300
        assert int(chosen.max()) < count


def test_quantiles_of_as_many_values_as_levels_are_the_values() -> None:
    x = torch.randn(256, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(quantiles(x), x.sort(dim=0).values.mT)


def test_a_weight_of_two_is_a_value_twice() -> None:
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight = torch.randint(0, 3, (40,), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(quantiles(x, weight.double()), quantiles(x.repeat_interleave(weight, 0)))


def test_maps_of_any_size_are_matched_as_if_sorted() -> None:
    """With as many values on either side the cheapest way joins the sorted ones; so do value and gradient."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn((1, 3, 16, 16), generator=random, dtype=torch.float64).requires_grad_()
    y = 2 * torch.randn((1, 3, 16, 16), generator=random, dtype=torch.float64) + 1
    statistic = Histogram()
    found = statistic.compare(x, statistic.describe(y))
    (gradient,) = torch.autograd.grad(found, x)
    size = y.square().sum()
    wanted = (x.flatten(2).sort().values - y.flatten(2).sort().values).square().sum() / size
    (true,) = torch.autograd.grad(wanted, x)
    torch.testing.assert_close(found, wanted, rtol=0.01, atol=0)
    assert float((gradient - true).norm() / true.norm()) < 0.03


def test_slices_tell_what_single_channels_do_not() -> None:
    """Two channels that rise together and two that do not have the same histograms."""
    x = torch.randn((1, 2, 40, 40), generator=torch.Generator().manual_seed(0))
    together = x[:, :1].expand(-1, 2, -1, -1)
    apart = torch.cat([x[:, :1], x[:, :1].flatten().roll(777).view(1, 1, 40, 40)], 1)
    alone, sliced = Histogram(), SlicedWasserstein()
    assert float(alone.compare(apart, alone.describe(together))) < 1e-3
    assert float(sliced.compare(apart, sliced.describe(together))) > 0.05


def test_directions_are_those_of_the_seed() -> None:
    like = torch.zeros(1)
    one, again, other = (SlicedWasserstein(seed).directions(8, like) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    torch.testing.assert_close(one[:, :8].mT @ one[:, :8], torch.eye(8), rtol=0, atol=1e-5)


def test_patches_are_those_that_lie_side_by_side() -> None:
    x = torch.randn((1, 2, 7, 9), generator=torch.Generator().manual_seed(0))
    found = Patches().describe(x)[0]
    assert found.shape == (35, 18)
    wanted = torch.stack([x[0, :, r : r + 3, c : c + 3].flatten(1).mT.flatten() for r in range(5) for c in range(7)])
    assert torch.equal(found, wanted)
