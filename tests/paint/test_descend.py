"""The loop: it goes down, it yields, it mends a divergence, it never restarts."""

from __future__ import annotations

import pytest
import torch

from impasto.errors import InputError
from impasto.loss.terms import Losses
from impasto.paint.canvas import Average
from impasto.paint.descend import descend


def bowl(x: torch.Tensor) -> Losses:
    total = (x - 3).square().sum()
    return Losses(total, {"content": total.detach()})


@pytest.mark.parametrize("kind", ["adam", "lbfgs"])
def test_goes_down_and_yields_every_step(kind: str) -> None:
    x = torch.zeros(4, requires_grad=True)
    optimizer = (
        torch.optim.Adam([x], lr=0.2)
        if kind == "adam"
        else torch.optim.LBFGS([x], max_iter=1, max_eval=25, line_search_fn="strong_wolfe")
    )
    seen = list(descend(lambda: bowl(x), optimizer, 60))
    assert [step.index for step in seen] == list(range(1, 61))
    assert float(bowl(x).total) < 1e-2 * float(seen[0].losses.total)


def test_closing_stops_it() -> None:
    x = torch.zeros(1, requires_grad=True)
    run = descend(lambda: bowl(x), torch.optim.SGD([x], lr=0.1), 100)
    next(run)
    run.close()
    assert float(x) == pytest.approx(0.6)


def test_divergence_is_rolled_back_and_said_once() -> None:
    x = torch.zeros(1, requires_grad=True)
    steps = list(descend(lambda: bowl(x), torch.optim.SGD([x], lr=1.3), 60))
    notes = [step.note for step in steps if step.note]
    assert len(notes) == 1
    assert "half the step" in notes[0]
    assert float(bowl(x).total) < 1e-3


def test_nan_on_the_way_is_rolled_back_to_a_good_state() -> None:
    x = torch.zeros(1, requires_grad=True)
    calls = []

    def loss() -> Losses:
        calls.append(1)
        total = bowl(x).total * (float("nan") if len(calls) == 8 else 1)
        return Losses(total, {})

    steps = list(descend(loss, torch.optim.SGD([x], lr=0.1), 40))
    assert torch.isfinite(x).all()
    assert sum(bool(step.note) for step in steps) == 1
    assert float(bowl(x).total) < 0.1


def test_a_step_that_breaks_one_value_is_rolled_back() -> None:
    x = torch.zeros(4, requires_grad=True)
    values = iter([0, 0, float("nan"), float("inf"), -float("inf")])

    def breaks() -> None:
        x.data[2] += next(values, 0)

    steps = list(descend(lambda: bowl(x), torch.optim.SGD([x], lr=0.4), 40, after=breaks))
    assert sum(bool(step.note) for step in steps) == 1
    assert x.isfinite().all()
    assert float(bowl(x).total) < 0.1


def test_nan_from_the_start_is_an_answer() -> None:
    x = torch.zeros(1, requires_grad=True)
    with pytest.raises(InputError, match="not a number"):
        list(descend(lambda: Losses(x.sum() * float("nan"), {}), torch.optim.SGD([x], lr=0.1), 3))


def test_average_of_equal_pictures_is_that_picture() -> None:
    average, image = Average(0.9), torch.rand(1, 3, 4, 4)
    for _ in range(3):
        average.add(image)
    torch.testing.assert_close(average.image(), image)


def test_average_forgets_by_its_decay() -> None:
    average = Average(0.5)
    for value in (0.0, 1.0, 1.0):
        average.add(torch.full((1,), value))
    assert float(average.image()) == pytest.approx((0.5 + 0.25) / 0.875)


def test_no_averaging_is_the_last_picture() -> None:
    average = Average(0.0)
    for value in (0.2, 0.7):
        average.add(torch.full((1,), value))
    assert float(average.image()) == pytest.approx(0.7)


def test_a_start_at_which_all_is_well_is_no_reason_to_call_the_first_steps_lost() -> None:
    """Where the photograph is nearly all that is wanted the loss begins near zero, and Adam's first steps are long."""
    x = torch.full((8,), 3.001, requires_grad=True)
    steps = list(descend(lambda: bowl(x), torch.optim.Adam([x], lr=0.03), 40))
    assert not any(step.note for step in steps)


def test_what_is_gone_back_to_was_seen_to_be_good() -> None:
    """The very first step leads astray: the start is what is good."""
    x = torch.zeros(1, requires_grad=True)
    steps = list(descend(lambda: bowl(x), torch.optim.SGD([x], lr=50.0), 60))
    assert sum(bool(step.note) for step in steps) == 1
    assert float(bowl(x).total) < 1e-3
