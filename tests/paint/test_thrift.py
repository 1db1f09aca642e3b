"""Adam as torch has it; what is kept beside a large picture is kept small, and hardly differs."""

from __future__ import annotations

import pytest
import torch

import impasto.paint.thrift as thrift
from impasto.media.image import resize_to
from impasto.paint.adam import Adam
from impasto.paint.canvas import Average, PixelCanvas, carry_moments, enlarged
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


def by_levels(levels: int, lr: float, goal: torch.Tensor, shape: tuple[int, ...] = (1, 3, 33, 50)) -> torch.Tensor:
    """Where a picture is after 30 steps towards ``goal`` on slopes in which each pixel's own noise is ten times as loud."""
    random = torch.Generator().manual_seed(2)
    x = torch.zeros(shape).requires_grad_()
    optimizer = Adam([x], lr=lr, betas=(0.9, 0.99), levels=levels)
    for _ in range(30):
        x.grad = ((x.detach() - goal) + 10 * torch.randn(shape, generator=random)) / x.numel()
        optimizer.step()
    return x.detach()


def test_what_moves_alike_over_an_area_moves_sooner_by_levels():
    goal = torch.linspace(-1, 1, 50).expand(1, 3, 33, 50)
    plain, levels = (float((by_levels(*way, goal) - goal).square().mean()) for way in ((1, 0.05), (5, 0.01)))
    assert levels < plain / 2


def test_levels_of_a_picture_too_small_for_them_are_fewer():
    x = torch.rand(1, 3, 3, 5).requires_grad_()
    optimizer = Adam([x], lr=0.01, levels=9)
    path(optimizer, x, 3)
    assert [tuple(level["mean"].shape[2:]) for level in optimizer.state[x]["coarser"]] == [(2, 3), (1, 2)]


def test_at_the_next_size_each_level_goes_on_as_the_one_that_is_as_large():
    small, large = PixelCanvas(torch.rand(1, 3, 24, 32)), PixelCanvas(torch.rand(1, 3, 48, 64))
    old, new = (Adam(canvas.parameters(), lr=0.01, levels=3) for canvas in (small, large))
    path(old, small.pixels, 4)
    carry_moments(old, new, large)
    before, after = old.state[small.pixels], new.state[large.pixels]
    assert after["mean"].shape == large.pixels.shape
    for name in ("mean", "root"):
        assert torch.allclose(after["coarser"][0][name], before[name])
        assert torch.allclose(after["coarser"][1][name], before["coarser"][0][name])
    path(new, large.pixels, 2)
    assert [level["step"] for level in (after, *after["coarser"])] == [6, 6, 6]


@pytest.mark.parametrize(("before", "after"), [((32, 64), (65, 128)), ((33, 64), (64, 128)), ((32, 40), (80, 100))])
def test_sizes_that_do_not_double_exactly_go_on_too(before, after):
    canvases = [PixelCanvas(torch.rand(1, 3, *shape)) for shape in (before, after)]
    old, new = (Adam(canvas.parameters(), lr=0.01, levels=8) for canvas in canvases)
    path(old, canvases[0].pixels, 2)
    carry_moments(old, new, canvases[1])
    path(new, canvases[1].pixels, 2)
    assert all(
        level["step"] == 4 for level in (new.state[canvases[1].pixels], *new.state[canvases[1].pixels]["coarser"])
    )
