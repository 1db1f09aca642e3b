"""A painting finished by another encoder; the picture seen in a mirror."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from conftest import picture
from impasto.errors import InputError, WeightsError
from impasto.loss.objective import Mirrored
from impasto.loss.terms import Losses
from impasto.paint.optimise import OptimisePainter
from impasto.paint.polish import PolishPainter
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe
from impasto.see.untrained import random_encoder
from impasto.studio import open_easel


@pytest.fixture
def painter(tiny) -> PolishPainter:
    recipe = Recipe(size=64, start_size=32, steps=3, polish=2)
    other = random_encoder(((8,), (8,), (8,), (8,), (8,)), "max", seed=5)
    first, second = (StyleTargets(eye, [StyleImage(picture(2))], recipe) for eye in (tiny, other))
    return PolishPainter(first, recipe, second)


def test_a_polish_goes_on_from_the_first_encoders_painting(painter) -> None:
    photo = picture(1, 48, 64)
    steps = list(painter.paint(photo))
    alone = list(OptimisePainter(painter.targets, painter.recipe).paint(photo))
    assert len(steps) == len(alone) + 2 == steps[-1].steps
    assert [at.step for at in steps] == list(range(1, len(steps) + 1))
    assert torch.equal(steps[len(alone) - 1].snapshot(), alone[-1].snapshot())
    assert not torch.equal(steps[-1].snapshot(), alone[-1].snapshot())
    done = [at.done for at in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1.0)


def test_under_another_recipe_it_polishes_still(painter) -> None:
    other = painter.under(painter.recipe.but(size=96))
    assert isinstance(other, PolishPainter)
    assert [size for size, _ in other.polisher().rungs(48, 64)] == [96]


def test_a_polish_without_a_vgg_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="impasto models fetch"):
        open_easel(picture(1), picture(2), encoder="builtin", polish=3, size=64)
    easel = open_easel(picture(1), picture(2), quality="best", size=64)  # best is not to fail for want of one
    assert not isinstance(easel.painter, PolishPainter)
    assert "polish" not in easel.about


@pytest.mark.parametrize("options", [{"encoder": "vgg19"}, {"losses": "classic"}])
def test_a_polish_that_makes_no_sense_is_refused(options) -> None:
    with pytest.raises(InputError, match="--polish"):
        Recipe(polish=5, **options)


def test_a_mirror_shows_the_other_side_at_every_other_step() -> None:
    seen = []

    def look(name: str):
        def loss(image: torch.Tensor) -> Losses:
            seen.append((name, float(image[0, 0, 0, 0])))
            return Losses(image.sum(), {})

        return loss

    both, image = Mirrored(look("plain"), look("mirrored")), torch.arange(4.0).view(1, 1, 1, 4)
    for _ in range(3):
        both(image)
    assert seen == [("plain", 0.0), ("mirrored", 3.0), ("plain", 0.0)]


def test_a_picture_that_is_its_own_mirror_image_has_one_loss(tiny) -> None:
    """Content, painting and picture alike on both sides: nothing changes from step to step but the picture."""
    photo, painting = (torch.cat([x, x.flip(3)], 3) for x in (picture(1, 48, 32), picture(2, 48, 32)))
    targets = StyleTargets(tiny, [StyleImage(painting)], recipe := Recipe(size=64, mirror="on"))
    objective = OptimisePainter(targets, recipe)._objective(photo, 64, ())
    assert isinstance(objective, Mirrored)
    image = picture(3, 48, 32)
    image = torch.cat([image, image.flip(3)], 3)
    first, second = float(objective(image).total), float(objective(image).total)
    assert first == pytest.approx(second, rel=1e-4)


def test_where_it_is_not_wanted_there_is_no_mirror(tiny) -> None:
    targets = StyleTargets(tiny, [StyleImage(picture(2))], Recipe())
    for changes in (
        {"mirror": "off"},
        {"optimizer": "lbfgs"},
        {"losses": "classic"},
        {"strength": 0},
        {"strength": 100},
    ):
        assert not OptimisePainter(targets, Recipe().but(**changes)).mirrors(64, 64), changes
    assert OptimisePainter(targets, Recipe()).mirrors(64, 64)
    assert not OptimisePainter(targets, Recipe()).mirrors(4000, 4000)


@pytest.mark.slow
def test_best_is_the_built_in_encoder_and_a_polish_and_painted_again_the_same(shared, tmp_path, monkeypatch) -> None:
    from impasto.study.again import reopen

    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "none"))
    content, style = shared / "images/content/tubingen.jpg", shared / "images/style/starry_night.jpg"
    weights = shared / "weights/vgg19_caffe.safetensors"
    easel = open_easel(content, style, quality="best", size=96, weights=weights)
    *_, last = easel.paint()
    painting = easel.painting(last)
    painting.save(tmp_path / "one.png")
    assert painting.about["polish"]["name"] == "vgg19-caffe"
    assert painting.about["encoder"]["name"] == "builtin"
    again = reopen(tmp_path / "one.png")
    *_, last = again.paint()
    again.painting(last).save(tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert json.dumps(again.about["recipe"]) == json.dumps(painting.about["recipe"])
