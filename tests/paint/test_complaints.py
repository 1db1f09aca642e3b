"""What the program says of its own pictures: spoilt ones are told by their kind, sound ones are left in peace."""

import pytest
import torch

from conftest import picture
from impasto.media.image import resize
from impasto.paint.complaints import complaints, symptoms
from impasto.recipe import Recipe
from impasto.see.load import load_encoder


@pytest.fixture(scope="module")
def eyes():
    torch.set_num_threads(1)
    return load_encoder("builtin")


def tell(eyes, image, recipe=None, photo=None, painting=None):
    photo = picture(1, 96, 128) if photo is None else photo
    painting = picture(2, 112, 112) if painting is None else painting
    return complaints(image.clamp(0, 1), photo, painting, eyes, recipe or Recipe())


def noise(seed=0):
    return torch.rand((1, 3, 96, 128), generator=torch.Generator().manual_seed(seed))


def blurred(image):
    return resize(resize(image, 6), max(image.shape[2:]))[:, :, : image.shape[2]]


SPOILT = {
    "white": lambda photo: torch.full_like(photo, 0.98),
    "black": lambda photo: photo * 0.02,
    "flat": lambda photo: photo.mean() + 0.1 * (photo - photo.mean()),
    "saturated": lambda photo: (photo > photo.median()).float(),
    "stuck": lambda photo: noise(),
    "noise": lambda photo: photo + 0.5 * (noise() - 0.5),
    "blurred": blurred,
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_picture_is_told(kind, eyes):
    photo = picture(1, 96, 128)
    (found,) = tell(eyes, SPOILT[kind](photo))
    assert found.kind == kind
    assert found.line().startswith(found.what + ": try --")
    Recipe().but(**found.remedy)


def test_the_photograph_itself_is_untouched_and_the_painting_swamps(eyes):
    photo, painting = picture(1, 96, 128), resize(picture(2, 112, 112), 128)[:, :, :96]
    (found,) = tell(eyes, photo)
    assert (found.kind, found.remedy) == ("untouched", {"strength": 85.0})
    (found,) = tell(eyes, painting)
    assert (found.kind, found.remedy) == ("swamped", {"strength": 25.0})


def test_what_was_asked_for_is_no_fault(eyes):
    assert tell(eyes, picture(1, 96, 128), Recipe(strength=0)) == ()
    assert tell(eyes, picture(1, 96, 128), Recipe(style_weight=0, content_weight=1)) == ()


def test_half_photograph_half_painting_is_sound(eyes):
    photo, painting = picture(1, 96, 128), resize(picture(2, 112, 112), 128)[:, :, :96]
    assert tell(eyes, (photo + painting) / 2) == ()


@pytest.mark.parametrize(
    ("kind", "recipe", "remedy"),
    [
        ("stuck", Recipe(init="noise", learning_rate=0.001), {"learning_rate": 0.0}),
        ("stuck", Recipe(init="noise", noise_std=0.5), {"init": "content", "noise_std": 0.25}),
        ("stuck", Recipe(quality="draft"), {"quality": "good"}),
        ("noise", Recipe(learning_rate=0.5, averaging=0), {"learning_rate": 0.0, "averaging": 0.4}),
        ("noise", Recipe(init="noise", quality="draft"), {"quality": "good"}),
        ("noise", Recipe(grey_weight=5), {"grey_weight": 0.0}),
        ("noise", Recipe(), {"grain_weight": 0.5}),
        ("blurred", Recipe(tv_weight=30), {"tv_weight": 0.0}),
        ("blurred", Recipe(), {"grain_weight": 0.0}),
        ("flat", Recipe(grey_weight=100), {"grey_weight": 0.0}),
        ("white", Recipe(normalise="none", init="noise"), {"normalise": "mean"}),
        ("white", Recipe(), {"grey_weight": 0.5}),
    ],
)
def test_the_remedy_puts_back_what_the_recipe_did(kind, recipe, remedy, eyes):
    (found,) = tell(eyes, SPOILT[kind](picture(1, 96, 128)), recipe)
    assert (found.kind, found.remedy) == (kind, remedy)
    recipe.but(**remedy)


@pytest.mark.parametrize("image", ["photo", "painting"])
def test_a_remedy_moves_the_dial_that_is_used(image, eyes):
    given = {"photo": picture(1, 96, 128), "painting": resize(picture(2, 112, 112), 128)[:, :, :96]}[image]
    for recipe in (
        Recipe(strength=100),
        Recipe(strength=5),
        Recipe(strength=90),
        Recipe(content_weight=0.2),
        Recipe(style_weight=3),
        Recipe(losses="classic"),
        Recipe(content_weight=0, style_weight=1),
    ):
        for found in tell(eyes, given, recipe):
            changed = recipe.but(**found.remedy)
            assert changed != recipe
            assert (changed.losses, changed.statistic) == (recipe.losses, recipe.statistic)


def test_odd_pictures_have_finite_symptoms(eyes):
    for shape in ((33, 200), (200, 33), (32, 32)):
        grey = picture(3, *shape).mean(1, keepdim=True).expand(-1, 3, -1, -1)
        flat = torch.full((1, 3, *shape), 0.5)
        seen = symptoms(flat, grey, picture(4, 48, 17), eyes, Recipe())
        values = (seen.roughness, seen.bright, seen.contrast, seen.clipped, seen.style, seen.content)
        assert all(torch.isfinite(torch.tensor(values)))


def test_a_large_picture_is_seen_by_its_middle(eyes):
    photo = picture(1, 96, 128)
    large = resize(photo, 2048)
    small, whole = (symptoms(x, photo, picture(2), eyes, Recipe()) for x in (photo, large))
    assert whole.roughness < small.roughness  # enlarged, it is smoother
    assert whole.content < 0.2
    assert whole.contrast == pytest.approx(small.contrast, abs=0.02)
