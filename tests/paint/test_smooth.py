"""Flicker taken out of a film: what shakes slowly over the frame goes, strokes and cuts stay."""

from __future__ import annotations

import itertools

import pytest
import torch

from conftest import picture
from impasto.film import FilmOptions
from impasto.paint.smooth import _pulled, smooth_film, smoothed

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")


def test_the_correction_solves_its_equation():
    wanted, weight = torch.rand(1, 3, 7, 9, dtype=torch.double), torch.rand(1, 1, 7, 9, dtype=torch.double)
    weight[..., :4] = 0
    columns = [_pulled(unit.view(1, 1, 7, 9), weight).flatten() for unit in torch.eye(63, dtype=torch.double)]
    dense = torch.linalg.solve(torch.stack(columns, 1), (weight * wanted)[0].flatten(1).T).T.view(1, 3, 7, 9)
    assert torch.allclose(smoothed(wanted, weight), dense, atol=2e-3)


def test_without_weight_nothing_is_corrected():
    assert not smoothed(torch.rand(1, 3, 5, 6), torch.zeros(1, 1, 5, 6)).any()


def test_brightness_that_flickers_stands_still_and_strokes_stay():
    source = [picture(1)] * 6
    paint = 0.25 + picture(2, 48, 64) / 2
    flickering = [paint + (0.1 if k % 2 else 0.0) for k in range(6)]
    found = list(smooth_film(flickering, source))
    assert len(found) == 6
    shaken = [abs(float((b - a).mean())) for a, b in itertools.pairwise(found)]
    assert max(shaken) < 0.01
    rough = [float(x.diff(dim=3).abs().mean()) for x in (paint, found[-1])]
    assert rough[1] == pytest.approx(rough[0], rel=0.02)


def test_behind_a_cut_a_frame_is_as_it_was_painted():
    source = [picture(1), picture(1), 1 - picture(7).flip(2)]
    painted = [picture(2), picture(3), picture(4)]
    found = list(smooth_film(painted, source))
    assert torch.equal(found[0], painted[0])
    assert not torch.equal(found[1], painted[1])
    assert torch.equal(found[2], painted[2])


def test_no_weight_changes_nothing():
    painted = [picture(k) for k in (2, 3)]
    found = list(smooth_film(painted, [picture(1)] * 2, FilmOptions(temporal_weight=0)))
    assert all(torch.equal(a, b) for a, b in zip(found, painted, strict=True))
