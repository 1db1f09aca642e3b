"""Does a film end as it begins?"""

from __future__ import annotations

from fractions import Fraction

import torch

from impasto.reel.loop import Homecoming


def told(levels):
    home = Homecoming()
    for level in levels:
        home(torch.full((1, 3, 4, 6), level))
    return home


def times(count):
    return [Fraction(k, 25) for k in range(count)]


def test_a_film_that_comes_back_needs_no_remark():
    assert told([0.1, 0.3, 0.5, 0.3]).remarks(0, times(4)) == []
    assert told([0.1] * 5).remarks(0, times(5)) == []


def test_a_film_that_does_not_is_told_where_it_would():
    home = told([0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert not home.closes()
    assert home.better_end() == 6
    assert "--end 0.220" in home.remarks(0, times(10))[0]
    away = told([0.1 * k for k in range(9)])
    assert away.better_end() is None
    assert "--start and --end" in away.remarks(0, times(9))[0]


def test_cuts_and_single_frames_are_told():
    assert "with a cut" in told([0.1, 0.9]).remarks(1, times(2))[0]
    assert "nothing to close" in told([0.1]).remarks(0, times(1))[0]
