"""Mattes: of a file, fitted to a picture, or cut out of one by GrabCut."""

import pytest
import torch

from impasto.errors import InputError
from impasto.media.image import save_image
from impasto.media.matte import check_matte, cut_out, fitted, load_matte, parse_box


@pytest.fixture
def disc():
    """A red disc on green grass, ``(1, 3, 60, 80)``, and where the disc is."""
    rows, columns = torch.arange(60.0)[:, None], torch.arange(80.0)[None]
    inside = ((rows - 30) ** 2 + (columns - 44) ** 2 < 15**2).float()[None, None]
    grain = 0.08 * torch.randn((1, 3, 60, 80), generator=torch.Generator().manual_seed(0))
    red, green = (torch.tensor(c)[None, :, None, None] for c in ([0.8, 0.2, 0.2], [0.2, 0.5, 0.2]))
    return (red * inside + green * (1 - inside) + grain).clamp(0, 1), inside


@pytest.mark.parametrize("box", [None, (22, 8, 44, 44)])
def test_what_stands_out_is_cut_out(disc, box):
    image, inside = disc
    matte = cut_out(image, box)
    assert matte.shape == inside.shape
    assert float(((matte > 0.5).float() - inside).abs().mean()) < 0.01
    assert torch.equal(cut_out(image, box), matte)
    if box:
        assert matte[..., : box[0] - 3].max() == 0  # what is outside the box is background


def test_a_matte_of_a_large_picture_has_its_size(disc):
    large = torch.nn.functional.interpolate(disc[0], scale_factor=8)
    assert cut_out(large).shape == (1, 1, 480, 640)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((70, 10, 20, 20), "leaves the picture of 80×60"),
        ((0, 0, 80, 60), "is the whole picture"),
        ((2, 2, 6, 6), "nothing in the box stands out"),
    ],
)
def test_a_box_without_a_foreground(disc, box, words):
    with pytest.raises(InputError, match=words):
        cut_out(disc[0], box)


def test_a_plain_picture_is_refused_in_words():
    with pytest.raises(InputError):
        cut_out(torch.full((1, 3, 40, 40), 0.5), (5, 5, 20, 20))


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,3,-4", "1,2,0,4", "automatic", ""])
def test_no_box(text):
    with pytest.raises(InputError, match="expected"):
        parse_box(text)


def test_a_box():
    assert parse_box("1,2,3,4") == (1, 2, 3, 4)
    assert parse_box("auto") is None


def test_a_file_is_read_by_its_light_and_its_alpha(tmp_path):
    image = torch.zeros(1, 3, 8, 8)
    image[..., :4] = 1
    alpha = torch.ones(1, 1, 8, 8)
    alpha[:, :, :4] = 0
    save_image(image, tmp_path / "m.png", alpha=alpha)
    matte = load_matte(tmp_path / "m.png")
    assert matte.shape == (1, 1, 8, 8)
    torch.testing.assert_close(matte, image[:, :1] * alpha)


def test_a_matte_is_fitted_where_the_shape_is_the_same():
    matte = torch.rand(1, 1, 31, 50)
    assert fitted(matte, 62, 100).shape == (1, 1, 62, 100)
    assert fitted(matte, 61, 100).shape == (1, 1, 61, 100)  # to a pixel
    assert torch.equal(fitted(matte, 31, 50), matte)
    with pytest.raises(InputError, match="50×31 pixels and the content 100×80"):
        fitted(matte, 80, 100)


def test_all_or_nothing_is_refused():
    ones = torch.ones(1, 1, 4, 4)
    with pytest.raises(InputError, match="black all over"):
        check_matte(ones * 0)
    with pytest.raises(InputError, match="leaves nothing to paint"):
        check_matte(ones)
    assert check_matte(ones, whole=True) is ones
