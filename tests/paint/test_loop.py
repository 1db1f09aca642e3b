"""A film that loops: the way from its last frame to its first is no longer than any other."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from conftest import picture
from impasto.paint.loop import Home, closing_share, homewards
from impasto.paint.optimise import OptimisePainter
from impasto.paint.past import Past, recall
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.paint.video import Kept, paint_video
from impasto.recipe import Recipe

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")

from impasto.media.flow import flow, reliability, warp

COUNT = 16


@pytest.fixture
def painter(tiny, style):
    torch.set_num_threads(1)
    recipe = Recipe(size=64, start_size=32, steps=12, grain_weight=0)
    return OptimisePainter(StyleTargets(tiny, [StyleImage(style)], recipe), recipe)


def round_trip(count=COUNT):
    """A camera that goes once round over a picture: behind the last frame comes the first."""
    wide = picture(3, 48 + 8, 64 + 20)
    turns = [2 * math.pi * k / count for k in range(count)]
    places = [(round(4 - 4 * math.cos(turn)), round(8 + 8 * math.sin(turn))) for turn in turns]
    return [wide[:, :, y : y + 48, x : x + 64].contiguous() for y, x in places]


def gaps(frames, film):
    """From every frame to the next, and from the last to the first: mean change of paint along the motion, if reliable."""
    found = []
    for (a, b), (old, new) in zip(pairwise([*frames, frames[0]]), pairwise([*film, film[0]]), strict=True):
        back = flow(b, a)
        trusted = reliability(flow(a, b), back)
        found.append(float((trusted * (new - warp(old, back)).abs()).mean() / trusted.mean()))
    return found


def pictures(frames, painter, **how):
    return [at.snapshot() for at in paint_video(frames, painter, **how) if at.done]


def test_the_end_meets_the_beginning_as_one_frame_meets_the_next(painter):
    frames = round_trip()
    *between, last = gaps(frames, pictures(frames, painter, loop=COUNT))
    assert last <= 1.5 * max(between)
    *before, jump = gaps(frames, pictures(frames, painter))
    assert jump > 4 * max(before)  # what there was to mend
    assert max(between) <= 2 * max(before)  # and no other frame pays for it
    assert last <= 0.25 * jump


def test_frames_that_are_kept_change_nothing_in_a_loop(painter):
    frames = round_trip(6)
    whole = [at for at in paint_video(frames, painter, loop=6) if at.done]
    kept = {at.index: Kept(at.snapshot, at.worked) for at in whole[:4]}
    again = pictures(frames, painter, kept=kept, loop=6)
    assert all(torch.equal(a.snapshot(), b) for a, b in zip(whole[4:], again, strict=True))


def test_a_film_at_rest_is_a_loop_already(painter, content):
    film = [at for at in paint_video([content] * 4, painter, loop=4) if at.done]
    assert [at.worked for at in film] == [True, False, False, False]


def test_behind_a_cut_nothing_is_brought_back(painter):
    frames = [*round_trip(4), *[1 - x.flip(2) for x in round_trip(4)]]
    plain, looped = pictures(frames, painter, cuts={4}), pictures(frames, painter, cuts={4}, loop=8)
    assert all(torch.equal(a, b) for a, b in zip(plain, looped, strict=True))


def test_the_last_frames_take_a_growing_share():
    shares = [closing_share(position, 30) for position in range(30)]
    assert shares[:10] == [0] * 10
    assert all(a < b for a, b in pairwise(shares[10:]))
    assert shares[-1] == pytest.approx(2 / 3)
    assert closing_share(0, 1) == 0


def test_what_looks_different_is_not_taken_from_the_first_frame(content):
    known = recall(content, [Past(content, torch.full_like(content, 0.25))], None)
    still = torch.zeros(1, 2, 48, 64)
    first = Past(content.clone(), torch.full_like(content, 0.75))
    first.frame[..., :20] = 1 - first.frame[..., :20]
    found = homewards(content, known, Home(first, 0.5), lambda a, b: still)
    assert torch.allclose(found.image[..., 40:], torch.tensor(0.5))
    assert torch.equal(found.image[..., :12], known.image[..., :12])
    assert float(found.calm[..., 40:].max()) == 0  # it is worked on
    assert float(found.mask.min()) == 1
