"""Colours kept, matched and poured over: bounds that hold for any picture, grey and flat ones too."""

import pytest
import torch

from conftest import picture
from impasto.errors import UnknownNameError
from impasto.media.color import MATCHES, greyed, keep_colors, match_light, pooled, recolor
from impasto.media.spaces import SPACES

FLAT = [torch.full((1, 3, 24, 32), value) for value in (0.0, 0.4, 1.0)]
GREY = picture(3).mean(1, keepdim=True).expand(-1, 3, -1, -1)


def eight_bit(image):
    return (image * 255).round() / 255


def noise(seed, dark=1.0):
    random = torch.Generator().manual_seed(seed)
    return eight_bit(torch.rand((1, 3, 90, 100), generator=random) * dark)


@pytest.mark.parametrize("space", SPACES)
def test_a_space_leads_back(space):
    image = noise(1)
    values = SPACES[space].of_srgb(image)
    torch.testing.assert_close(SPACES[space].to_srgb(values), image, atol=1e-4, rtol=0)
    black_grey_white = torch.tensor([0.0, 0.5, 1.0]).expand(1, 3, 1, 3)
    light, *chroma = SPACES[space].of_srgb(black_grey_white).unbind(1)
    assert torch.stack(chroma).abs().max() < 2e-4
    torch.testing.assert_close(light[0, 0, [0, 2]], torch.tensor([0.0, 1.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dark", [1.0, 0.2, 0.03])
def test_kept_chroma_is_the_contents_after_eight_bits(space, dark):
    painted, content = noise(1), noise(2, dark)
    kept = keep_colors(painted, content, space)
    assert 0 <= kept.min() <= kept.max() <= 1
    chroma = [SPACES[space].of_srgb(image)[:, 1:] for image in (eight_bit(kept), content)]
    assert (chroma[0] - chroma[1]).abs().max() <= 2 / 255


@pytest.mark.parametrize("space", SPACES)
def test_kept_light_is_the_painted_one_where_there_is_such_a_colour(space):
    painted, content = picture(1) * 0.4 + 0.3, picture(2) * 0.1 + 0.45
    there = SPACES[space]
    light = [there.of_srgb(image)[:, :1] for image in (keep_colors(painted, content, space), painted)]
    torch.testing.assert_close(*light, atol=1e-4, rtol=0)


@pytest.mark.parametrize("space", SPACES)
def test_keeping_is_idempotent_and_leaves_equal_pictures(space):
    painted, content = noise(1), noise(2)
    once = keep_colors(painted, content, space)
    torch.testing.assert_close(keep_colors(once, content, space), once, atol=1e-3, rtol=0)
    torch.testing.assert_close(keep_colors(content, content, space), content, atol=1e-4, rtol=0)
    torch.testing.assert_close(keep_colors(greyed(content, space), content, space), content, atol=1e-3, rtol=0)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("plain", [*FLAT, GREY[:, :, :24, :32]], ids=["black", "flat", "white", "grey"])
def test_colours_of_a_plain_picture(space, plain):
    image = picture(1, 24, 32)
    for kept in (keep_colors(image, plain, space), greyed(plain, space), greyed(image, space)):
        assert (kept.amax(1) - kept.amin(1)).max() < 1e-3  # grey stays grey
    assert keep_colors(plain, image, space).isfinite().all()


@pytest.mark.parametrize("how", MATCHES)
def test_equal_pictures_keep_their_colours(how):
    image = picture(4)
    torch.testing.assert_close(recolor(image, image, how), image, atol=1e-4, rtol=0)


@pytest.mark.parametrize("how", MATCHES)
def test_plain_pictures_are_recoloured_without_a_nan(how):
    for plain in (*FLAT, GREY):
        assert recolor(plain, picture(1), how).isfinite().all()
        assert recolor(picture(1), plain, how).isfinite().all()
    grey = recolor(picture(1), GREY, how)
    assert how == "mean" or (grey.amax(1) - grey.amin(1)).mean() < 0.02


@pytest.mark.parametrize("how", ["cholesky", "pca"])
def test_mean_and_covariance_are_the_references(how):
    image, reference = (picture(seed, 60, 60) * 0.3 + 0.35 for seed in (5, 6))  # nothing is cut
    found, wanted = (x[0].flatten(1).double() for x in (recolor(image, reference, how), reference))
    torch.testing.assert_close(found.mean(1), wanted.mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.cov(), wanted.cov(), atol=1e-4, rtol=0)


def test_the_histogram_is_the_references():
    image, reference = (picture(seed, 60, 60) * 0.3 + 0.35 for seed in (5, 6))
    of = SPACES["oklab"].of_srgb
    found, wanted = (of(x)[0].flatten(1) for x in (recolor(image, reference, "histogram"), reference))
    at = torch.linspace(0.02, 0.98, 25)
    torch.testing.assert_close(found.quantile(at, 1), wanted.quantile(at, 1), atol=2e-3, rtol=0)


def test_what_is_transparent_has_no_say():
    image, reference = picture(5), picture(6)
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., 32:] = 0
    spoilt = torch.where(alpha > 0, reference, 1.0)
    half = recolor(image, reference[..., :32], "pca")
    torch.testing.assert_close(recolor(image, spoilt, "pca", reference_alpha=alpha), half)
    torch.testing.assert_close(pooled([spoilt], [alpha], [1.0]).mean((0, 2, 3)), reference[..., :32].mean((0, 2, 3)),
                               atol=1e-3, rtol=0)  # fmt: skip


def test_several_paintings_are_pooled_by_weight():
    black, white = FLAT[0], FLAT[2]
    mean = float(pooled([black, white], [None, None], [3.0, 1.0]).mean())
    assert abs(mean - 0.25) < 1e-3
    assert float(pooled([black, white], [None, None], [0.0, 1.0]).mean()) == 1


def test_light_is_matched_in_mean_and_contrast():
    image, reference = (greyed(picture(seed) * 0.3 + 0.35) for seed in (5, 6))
    found = match_light(image, reference)
    assert abs(float(found.mean() - reference.mean())) < 1e-5
    assert abs(float(found.std() / reference.std()) - 1) < 0.01
    torch.testing.assert_close(match_light(image, image), image)
    assert match_light(greyed(FLAT[0]), reference).isfinite().all()


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="did you mean 'oklab'"):
        keep_colors(FLAT[0], FLAT[0], "okla")
    with pytest.raises(UnknownNameError, match="did you mean 'pca'"):
        recolor(FLAT[0], FLAT[0], "pac")
