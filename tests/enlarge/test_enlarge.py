"""Enlarged pictures: of the right size, true to what was given, the same in pieces as whole."""

import pytest
import torch

from conftest import picture
from impasto.enlarge import enlarge as module
from impasto.enlarge.enlarge import enlarge, held_to, shrunk
from impasto.enlarge.net import Enlarger, load_enlarger, save_enlarger
from impasto.errors import InputError, WeightsError
from impasto.see.weights import save_weights


def test_an_untrained_net_is_bicubic():
    image = picture(1)
    wanted = torch.nn.functional.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(Enlarger(4, 1)(image), wanted)


@pytest.mark.parametrize("times", [2, 4])
def test_made_smaller_again_it_is_the_picture(times):
    image = picture(1, 37, 51)
    large = enlarge(image, times)
    assert large.shape == (1, 3, 37 * times, 51 * times)
    assert 0 <= large.min() <= large.max() <= 1
    assert float((shrunk(large, times) - image).abs().mean()) < 0.006


def test_pieces_are_the_whole(monkeypatch):
    image = picture(1, 70, 90)
    whole = enlarge(image, 2)
    monkeypatch.setattr(module, "_BLOCK", 32)
    torch.testing.assert_close(enlarge(image, 2), whole, atol=1e-5, rtol=0)


def test_it_is_nearer_to_the_truth_than_bicubic():
    true = torch.nn.functional.interpolate(picture(1, 100, 100), scale_factor=2, mode="bicubic").clamp(0, 1)
    rows, columns = torch.arange(200.0)[:, None], torch.arange(200.0)[None]
    edge = ((rows - 100) ** 2 + (columns - 90) ** 2 < 60**2).float()[None, None]
    true = true * 0.5 * (1 - edge) + 0.9 * edge
    small = shrunk(true, 2).clamp(0, 1)
    smooth = torch.nn.functional.interpolate(small, scale_factor=2, mode="bicubic").clamp(0, 1)
    error, before = (float((x - true).square().mean()) for x in (enlarge(small, 2), smooth))
    assert error < 0.75 * before


def test_grey_stays_grey_and_flat_stays_flat():
    grey = enlarge(picture(1).mean(1, keepdim=True).expand(-1, 3, -1, -1), 2)
    assert float((grey.amax(1) - grey.amin(1)).max()) < 0.06
    for value in (0.0, 0.5, 1.0):
        assert float((enlarge(torch.full((1, 3, 9, 1), value), 2) - value).abs().max()) < 0.02


def test_back_projection_comes_nearer_each_round():
    small, large = picture(1), torch.rand((1, 3, 96, 128), generator=torch.Generator().manual_seed(0))
    errors = [float((shrunk(held_to(large, small, n), 2) - small).abs().mean()) for n in (0, 1, 3, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02


def test_only_twice_and_four_times():
    with pytest.raises(InputError, match="expected 2 or 4"):
        enlarge(picture(1), 3)


def test_a_net_goes_into_a_file_and_comes_back(tmp_path):
    net = Enlarger(6, 2)
    torch.nn.init.normal_(net.tail.weight, std=0.01)
    save_enlarger(tmp_path / "net.safetensors", net, {})
    back = load_enlarger(tmp_path / "net.safetensors")
    image = picture(1)
    torch.testing.assert_close(back(image), net(image), atol=2e-3, rtol=0)


def test_what_is_no_such_net_is_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    save_weights(file, "chain-encoder", {"a": torch.zeros(1)}, {})
    with pytest.raises(WeightsError, match="expected a 'enlarger'"):
        load_enlarger(file)
    save_weights(file, "enlarger", {"a": torch.zeros(1)}, {"width": 4, "blocks": 1})
    with pytest.raises(WeightsError, match="lacks"):
        load_enlarger(file)
    save_weights(file, "enlarger", {"a": torch.zeros(1)}, {"width": "wide"})
    with pytest.raises(WeightsError, match="how wide and deep"):
        load_enlarger(file)
