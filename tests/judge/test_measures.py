"""Measures: nothing between equals, more for what is further away, and what others find for the same definition."""

import pytest
import torch
from skimage.metrics import structural_similarity as skimage_ssim

from conftest import picture
from impasto.judge.measures import (
    chroma_grain,
    colour_distance,
    gram_distance,
    luma,
    map_distance,
    similarity_distance,
    structural_similarity,
    wasserstein_distance,
)
from impasto.judge.seams import edge_seam, seam

DISTANCES = (gram_distance, wasserstein_distance, map_distance, similarity_distance, colour_distance)


def maps(seed, channels=3):
    return torch.rand(1, channels, 14, 18, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_distance_is_zero_to_itself_and_grows_with_what_is_added(distance):
    wanted, other = maps(0), maps(1) * 0.7
    found = [distance(wanted + share * (other - wanted), wanted) for share in (0.0, 0.3, 1.0)]
    assert found[0] == pytest.approx(0, abs=1e-7)
    assert 0 < found[1] < found[2]


@pytest.mark.parametrize("distance", [gram_distance, wasserstein_distance, map_distance, similarity_distance])
def test_the_scale_of_the_weights_does_not_matter(distance):
    a, b = maps(0, 5), maps(1, 5)
    assert distance(255 * a, 255 * b) == pytest.approx(distance(a, b), rel=1e-4)


@pytest.mark.parametrize("distance", [gram_distance, wasserstein_distance, colour_distance])
def test_style_and_colour_know_no_places(distance):
    assert distance(maps(0).flip(3), maps(0)) == pytest.approx(0, abs=1e-6)
    assert map_distance(maps(0).flip(3), maps(0)) > 0.1


def test_gaussians_that_differ_by_their_mean_alone():
    x = maps(0, 4)
    wanted = 0.25 * 4 / float(x.mean((2, 3)).square().sum() + x[0].flatten(1).cov(correction=0).trace())
    assert wasserstein_distance(x + 0.5, x) == pytest.approx(wanted, rel=1e-5)


def test_self_similarity_is_the_divergence_of_the_softmaxes():
    a, b = maps(3, 6), maps(4, 6)
    rows = [x[0].flatten(1).T / x[0].flatten(1).square().sum(0).mean().sqrt() for x in (a, b)]
    p, q = (torch.softmax(x @ x.T, 1) for x in rows)
    wanted = (p * (p / q).log()).sum(1).mean()
    assert similarity_distance(b, a) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("shape", [(48, 64), (11, 40)])
def test_ssim_is_the_one_of_scikit_image(shape):
    a, b = picture(1, *shape), picture(2, *shape)
    mixed = 0.7 * a + 0.3 * b
    wanted = skimage_ssim(
        luma(a)[0, 0].numpy(),
        luma(mixed)[0, 0].numpy(),
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert structural_similarity(mixed, a) == pytest.approx(wanted, abs=1e-6)
    assert structural_similarity(a, a) == pytest.approx(1)


def test_colours_apart_are_at_the_end_of_the_scale():
    red, blue = torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20)
    red[:, 0], blue[:, 2] = 0.9, 0.9
    assert 0.8 < colour_distance(red, blue) <= 1
    assert colour_distance(0.5 * red + 0.2, 0.5 * blue + 0.2) > 0.5
    black = torch.zeros(1, 3, 20, 20)
    assert 0 <= colour_distance(black, red) <= 1


def test_a_grey_picture_has_no_chroma_grain():
    assert chroma_grain(picture(1).mean(1, keepdim=True).expand(-1, 3, -1, -1)) == pytest.approx(0, abs=1e-3)


def test_a_seam_is_seen_where_tiles_meet_and_nowhere_else():
    whole = torch.nn.functional.interpolate(maps(5), (96, 128), mode="bicubic", align_corners=False)
    whole = (whole + 0.02 * torch.randn(whole.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    tiled = whole.clone()
    tiled[:, :, :, 64:] = (tiled[:, :, :, 64:] + 0.1).clamp(0, 1)
    assert 0.8 < seam(whole, 32) < 1.2
    assert seam(tiled, 64) > 1.5 * seam(whole, 64)
    assert seam(tiled) > 2 > 1.5 > seam(whole)
    assert seam(torch.full((1, 3, 40, 40), 0.5)) == 1.0
    assert seam(torch.rand(1, 3, 16, 16), 64) == 1.0  # one tile alone


def test_what_wraps_has_no_seam_at_its_edges():
    angle = torch.linspace(0, 2 * torch.pi, 65)[:-1]
    wave = (0.5 + 0.2 * angle.sin()[:, None] + 0.2 * (2 * angle).cos())[None, None].expand(1, 3, -1, -1)
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    grain = 0.01 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert edge_seam(wave + grain) < 1.5
    assert edge_seam(ramp + grain) > 5
