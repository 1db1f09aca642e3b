"""Sheets: every picture in its cell, words below, white where there is nothing."""

import torch

from conftest import picture
from impasto.media.sheet import sheet, sheet_size


def test_pictures_stand_in_their_cells_untouched():
    a, b = picture(1), picture(2)
    rows = [[(a, "first"), (None, "none")], [(b, "")]]
    whole = sheet(rows, 48, 64)
    assert tuple(whole.shape[2:]) == sheet_size(rows, 48, 64)
    assert torch.equal(whole[:, :, :48, :64], a)
    assert (whole[:, :, :48, 66:] == 1).all()
    words = whole[:, :, 48 : 48 + 14, :64]
    assert words.min() < 0.5
    below = whole.shape[2] - 48 - 14
    assert torch.equal(whole[:, :, below : below + 48, :64], b)
    assert (whole[:, :, -14:] == 1).all()  # no words, nothing written


def test_other_proportions_are_fitted_and_long_words_cut():
    whole = sheet([[(picture(1, 20, 80), "a name that is much too long for a cell of this width")]], 48, 64)
    assert (whole[:, :, :14] == 1).all()
    assert (whole[:, :, 16:32] != 1).any()
    assert whole.shape[3] == 64
    assert whole.isfinite().all()
