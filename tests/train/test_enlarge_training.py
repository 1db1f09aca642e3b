"""Training of the net that enlarges: it learns, repeatably, and leaves a file that is read again."""

import pytest
import torch

from conftest import picture
from impasto.enlarge.net import load_enlarger
from impasto.errors import InputError
from impasto.media.image import save_image
from impasto.train.data import Pictures
from impasto.train.enlarge import EnlargeTraining, halved
from impasto.train.options import EnlargeOptions


def pictures():
    """Discs with sharp edges, which bicubic blurs."""
    rows, columns = torch.arange(96.0)[:, None], torch.arange(96.0)[None]
    rings = [((rows - 40 - seed) ** 2 + (columns - 50) ** 2).sqrt() % (17 + seed) < 9 for seed in range(3)]
    return Pictures([(ring.float()[None] * torch.tensor([200, 150, 90])[:, None, None]).byte() for ring in rings])


def trained(tiny, path, steps, seed=0):
    torch.manual_seed(7)
    options = EnlargeOptions(width=8, depth=1, size=32, batch=2, seed=seed, perceptual=0.0)
    training = EnlargeTraining(path, pictures(), tiny, options, minutes=1e9)
    for report in training.steps():
        if report.step == steps:
            break
    return training


def test_it_learns_and_is_repeatable(tiny, tmp_path):
    one, two = (trained(tiny, tmp_path / f"{n}.safetensors", 4) for n in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.net.parameters(), two.net.parameters(), strict=True))
    large = torch.stack(pictures().images)[:, :, :64, :64].float() / 255
    untrained = trained(tiny, tmp_path / "none.safetensors", 1)
    learnt = trained(tiny, tmp_path / "learnt.safetensors", 60)
    assert learnt.losses(large)["pixels"].detach() < 0.99 * untrained.losses(large)["pixels"].detach()


def test_bicubic_scores_one(tiny, tmp_path):
    training = EnlargeTraining(tmp_path / "a.safetensors", pictures(), tiny, EnlargeOptions(width=8, depth=1), 1.0)
    found = training.losses(picture(5, 64, 64))
    assert float(found["pixels"].detach()) == pytest.approx(1, abs=1e-5)
    assert float(found["seen"].detach()) == pytest.approx(1, abs=1e-5)


def test_its_file_and_card(tiny, tmp_path):
    training = trained(tiny, tmp_path / "net.safetensors", 2)
    card = training.finish()
    assert card["steps"] == 2
    assert (tmp_path / "net.md").read_text().startswith("# net\n")
    small = halved(picture(1, 32, 32))
    torch.testing.assert_close(
        load_enlarger(tmp_path / "net.safetensors")(small), training.net(small), atol=2e-3, rtol=0
    )


def test_a_crop_is_halved_in_steps_of_eight_bits():
    small = halved(picture(1, 32, 40)) * 255
    assert small.shape == (1, 3, 16, 20)
    torch.testing.assert_close(small, small.round(), atol=1e-4, rtol=0)
    with pytest.raises(InputError, match="even"):
        EnlargeOptions(size=33)


def test_the_command_trains_and_says_what_is_wrong(desk):
    (desk.folder / "data").mkdir()
    save_image(picture(1, 80, 80), desk.folder / "data" / "a.png")
    net = ("--size", 32, "--batch", 1, "--width", 4, "--depth", 1)
    small = ("--data", "data", "--encoder", desk.encoder, *net)
    assert desk.run("train", "enlarger", "-o", "net.safetensors", *small, "--minutes", 0.005, "-q")[0] == 0
    assert load_enlarger(desk.folder / "net.safetensors").width == 4
    assert "expected more than 0" in desk.refused("train", "enlarger", "-o", "x.safetensors", *small, "--minutes", 0)
    assert "no such data" in desk.refused(
        *("train", "enlarger", "-o", "x.safetensors", "--data", "none", "--minutes", 1, "--encoder", desk.encoder)
    )
    assert "ends in .safetensors" in desk.refused("train", "enlarger", "-o", "x.pt", *small, "--minutes", 1)
