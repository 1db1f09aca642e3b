"""The drawn paintings: repeatable, in range, and full of brushwork but not of noise."""

import pytest
import torch

from impasto.errors import InputError, UnknownNameError
from impasto.media.drawn import PAINTINGS, draw_painting

SMALL = {"width": 140, "height": 112}


@pytest.fixture(scope="module")
def small():
    return {name: draw_painting(name, **SMALL) for name in PAINTINGS}


def coarse(picture, cells):
    return torch.nn.functional.adaptive_avg_pool2d(picture, cells)


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_painting_is_a_picture(small, name):
    picture = small[name]
    assert picture.shape == (1, 3, 112, 140)
    assert picture.dtype == torch.float32
    assert torch.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_seed_gives_the_same_bytes_and_another_seed_does_not(small, name):
    assert draw_painting(name, **SMALL).numpy().tobytes() == small[name].numpy().tobytes()
    assert (draw_painting(name, **SMALL, seed=1) - small[name]).abs().mean() > 0.01


@pytest.mark.parametrize("name", PAINTINGS)
def test_brushwork_at_several_scales_and_no_pixel_noise(small, name):
    grey = small[name].mean(1, keepdim=True)
    step = (grey[..., 1:] - grey[..., :-1]).abs().mean()
    assert 0.01 < step < 0.12  # a computer's gradient has about 0.006, white noise 0.33
    for cells in ((56, 70), (28, 35), (14, 18), (7, 9)):  # blocks of 2, 4, 8 and 16 pixels
        assert coarse(grey, cells).std() > 0.05
    smooth = torch.nn.functional.avg_pool2d(grey, 3, 1)
    assert (grey[..., 1:-1, 1:-1] - smooth).std() < 0.13  # white noise: 0.27


def test_paintings_differ_in_colour(small):
    means = torch.stack([coarse(small[name], 1).flatten() for name in PAINTINGS])
    assert torch.pdist(means).min() > 0.08


def test_the_swirl_is_blue_and_the_ember_red(small):
    assert small["swirl"][:, 2].mean() > small["swirl"][:, 0].mean() + 0.1
    assert small["ember"][:, 0].mean() > small["ember"][:, 2].mean() + 0.1


def test_the_composition_does_not_depend_on_the_size(small):
    large, small_one = (coarse(p, (7, 9)) for p in (draw_painting("swirl", width=240, height=192), small["swirl"]))
    assert (large - small_one).abs().mean() < 0.75 * (large.flip(-1) - small_one).abs().mean()


@pytest.mark.parametrize(("width", "height"), [(32, 32), (33, 97), (150, 40)])
@pytest.mark.parametrize("name", PAINTINGS)
def test_any_shape(name, width, height):
    assert draw_painting(name, width=width, height=height).shape == (1, 3, height, width)


def test_an_unknown_painting_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'swirl'"):
        draw_painting("swirls")


@pytest.mark.parametrize("options", [{"width": 31}, {"height": 0}, {"seed": -1}])
def test_what_cannot_be_painted_is_said(options):
    with pytest.raises(InputError):
        draw_painting("ink", **options)
