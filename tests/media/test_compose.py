"""A cut-out set into a picture: in its place, without a trace where both are one, and nowhere else."""

import pytest
import torch

from conftest import picture
from impasto.errors import InputError, UnknownNameError
from impasto.media.compose import BLENDS, Placed, composed, place


def square(top, bottom, left, right, height=48, width=64):
    matte = torch.zeros(1, 1, height, width)
    matte[..., top:bottom, left:right] = 1
    return matte


@pytest.mark.parametrize("how", BLENDS)
@pytest.mark.parametrize("matte", [square(10, 30, 20, 40), square(0, 20, 0, 20), square(30, 48, 44, 64),
                                   square(5, 6, 5, 6), square(0, 48, 0, 64)])  # fmt: skip
def test_a_picture_set_into_itself_is_itself(how, matte):
    image = picture(1)
    assert float((composed(Placed(image, matte), image, how) - image).abs().max()) < 2.5 / 255


@pytest.mark.parametrize("how", BLENDS)
def test_outside_the_matte_the_background_stays(how):
    matte, background = square(10, 30, 20, 40), picture(2)
    out = composed(Placed(picture(1), matte), background, how)
    outside = (matte == 0).expand_as(out)
    assert torch.equal(out[outside], background[outside])
    assert not torch.equal(out, background)


def test_a_clone_takes_on_the_colours_around_it():
    background = torch.full((1, 3, 60, 60), 0.3)
    front = torch.full((1, 3, 60, 60), 0.8)
    front[..., 25:35, 25:35] = 0.9
    placed = Placed(front, square(15, 45, 15, 45, 60, 60))
    out = composed(placed, background, "normal")
    assert abs(float(out[..., 18:22, 18:22].mean()) - 0.3) < 0.02
    assert float(out[..., 28:32, 28:32].mean() - out[..., 18:22, 18:22].mean()) > 0.05
    assert torch.equal(composed(placed, background, "paste")[..., 20, 20], front[..., 20, 20])


@pytest.mark.parametrize("scale", [1.0, 0.5, 1.5])
def test_the_cut_out_is_where_it_was_asked_for(scale):
    matte = square(10, 30, 8, 40)
    placed = place(picture(1), matte, 80, 100, (45, 50), scale)
    assert placed.image.shape == (1, 3, 80, 100)
    rows, columns = (torch.nonzero(placed.matte[0, 0].amax(dim) > 0.5)[:, 0].float() for dim in (1, 0))
    assert abs(float(rows.mean()) - 50) <= 1.5
    assert abs(float(columns.mean()) - 45) <= 1.5
    assert abs(len(rows) - 20 * scale) <= 2
    assert abs(len(columns) - 32 * scale) <= 2


def test_what_sticks_out_is_cut_off():
    placed = place(picture(1), square(10, 30, 20, 40), 48, 64, (0, 0))
    assert float(placed.matte[..., :9, :9].min()) == 1
    assert float(placed.matte[..., 12:, 12:].max()) == 0


@pytest.mark.parametrize(
    ("at", "scale", "words"),
    [((500, 10), 1.0, "outside the background of 64×48"), ((20, -60), 1.0, "outside"), ((20, 20), 90.0, "--scale 90")],
)
def test_a_place_that_is_none(at, scale, words):
    with pytest.raises(InputError, match=words):
        place(picture(1), square(10, 30, 20, 40), 48, 64, at, scale)


def test_an_empty_mask_and_an_unknown_blend():
    with pytest.raises(InputError, match="black all over"):
        place(picture(1), square(0, 0, 0, 0), 48, 64, (20, 20))
    with pytest.raises(UnknownNameError, match="did you mean 'mixed'"):
        composed(Placed(picture(1), square(1, 9, 1, 9)), picture(2), "mixd")
