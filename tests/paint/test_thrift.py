"""Adam as torch has it; what is kept beside a large picture is kept small, and hardly differs."""

from __future__ import annotations

import pytest
import torch

import impasto.paint.thrift as thrift
from impasto.media.image import resize_to
from impasto.paint.adam import Adam
from impasto.paint.canvas import Average, enlarged
from impasto.paint.thrift import Kept


def path(optimizer, x: torch.Tensor, steps: int = 40) -> torch.Tensor:
    goal = torch.linspace(0, 1, x.numel()).view_as(x)
    for _ in range(steps):
        optimizer.zero_grad()
        ((x - goal).square() * (1 + 9 * goal)).mean().backward()
        optimizer.step()
    return x.detach()


def two() -> tuple[torch.Tensor, torch.Tensor]:
    start = torch.rand(1, 3, 20, 31, generator=torch.Generator().manual_seed(1))
    return start.clone().requires_grad_(), start.clone().requires_grad_()


def test_adam_goes_the_way_of_torchs():
    ours, theirs = two()
    found = path(Adam([ours], lr=0.03, betas=(0.9, 0.99)), ours)
    assert torch.allclose(found, path(torch.optim.Adam([theirs], lr=0.03, betas=(0.9, 0.99)), theirs), atol=1e-5)


def test_moments_of_a_large_picture_take_half_and_lead_the_same_way(monkeypatch):
    whole, half = two()
    wanted = path(Adam([whole], lr=0.03, betas=(0.9, 0.99)), whole)
    monkeypatch.setattr(thrift, "LARGE", 1)
    optimizer = Adam([half], lr=0.03, betas=(0.9, 0.99))
    found = path(optimizer, half)
    assert {optimizer.state[half][name].dtype for name in ("mean", "root")} == {torch.float16}
    assert float((found - wanted).abs().max()) < 2e-3


@pytest.mark.parametrize("large", [False, True])
def test_kept_is_kept(monkeypatch, large):
    if large:
        monkeypatch.setattr(thrift, "LARGE", 1)
    x, y = two()
    kept = Kept(x)
    assert float((kept.get() - x).abs().max()) <= 0.5 / 65535 + 1e-7
    kept.mix(y + 0.01, 0.25)
    mixed = 0.25 * x + 0.75 * (y + 0.01)
    assert float((kept.get(2.0) - 2 * (mixed.clamp(0, 1) if large else mixed)).abs().max()) < 1e-4
    kept.put(x)
    assert float((kept.get() - x).abs().max()) <= 0.5 / 65535 + 1e-7


def test_numbers_that_sixteen_bits_cannot_hold_are_kept_whole(monkeypatch):
    monkeypatch.setattr(thrift, "LARGE", 1)
    x = torch.tensor([-3.0, 0.1, 7.0])
    assert torch.equal(Kept(x).get(), x)


def test_the_average_of_a_large_picture_is_the_average(monkeypatch):
    pictures = [torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(n)) for n in range(6)]
    found = []
    for large in (1 << 40, 1):
        monkeypatch.setattr(thrift, "LARGE", large)
        average = Average(0.4)
        for x in pictures:
            average.add(x)
        found.append(average.image())
    assert float((found[0] - found[1]).abs().max()) < 1e-4


def test_enlarging_the_photograph_itself_gives_the_photograph():
    """What its coarse picture lost is what is given back."""
    photo = torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(2))
    assert float((enlarged(resize_to(photo, 30, 40), photo) - photo).abs().max()) < 1e-6
