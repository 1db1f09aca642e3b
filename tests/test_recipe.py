"""Recipe: every option in its range, none against another."""

import math

import pytest

from impasto import InputError, Recipe
from impasto.errors import UnknownNameError
from impasto.recipe import options

NUMBERS = [option for option in options() if option.kind in (int, float)]


def test_a_recipe_goes_through_a_dictionary_and_comes_back():
    recipe = Recipe(size=300, init="noise", noise_std=0.1, style_layers="relu1_1=2", content_weight=3)
    assert Recipe.from_dict(recipe.as_dict()) == recipe
    assert recipe.but(size=400).but(size=300) == recipe
    assert set(recipe.as_dict()) == {option.name for option in options()}


def test_every_option_tells_what_it_is():
    for option in options():
        assert option.help.endswith(".")
        assert "\n" not in option.help
        assert option.kind is str or (option.low is not None and option.high is not None)


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "7", "much", None, True, [1], 10**400, 1e300, -(10**9)]
)
def test_what_is_no_number_in_range_is_refused(option, value):
    with pytest.raises(InputError) as caught:
        Recipe(**{option.name: value})
    assert str(caught.value).startswith("--" + option.name.replace("_", "-"))
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", [option for option in NUMBERS if option.kind is int], ids=lambda option: option.name)
def test_a_whole_number_is_whole(option):
    with pytest.raises(InputError, match="expected a whole number"):
        Recipe(**{option.name: 64.5})
    assert isinstance(getattr(Recipe(**{option.name: 64.0}), option.name), int)


@pytest.mark.parametrize(
    "option", [option for option in options() if option.kind is str], ids=lambda option: option.name
)
def test_a_text_is_a_text(option):
    with pytest.raises(InputError, match="expected a text"):
        Recipe(**{option.name: 5})


@pytest.mark.parametrize("option", [option for option in options() if option.choices], ids=lambda option: option.name)
def test_an_unknown_choice_has_a_nearest(option):
    wrong = option.choices[0][:-1]
    with pytest.raises(UnknownNameError, match=f"did you mean '{option.choices[0]}'"):
        Recipe(**{option.name: wrong})


def test_an_unknown_option_has_a_nearest():
    with pytest.raises(UnknownNameError, match="unknown option 'strenght': did you mean 'strength'"):
        Recipe().but(strenght=3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"start_size": 128, "size": 64}, "--start-size 128 is above --size 64"),
        ({"strength": 60, "content_weight": 1}, "--strength and --content-weight together"),
        ({"strength": 0, "style_weight": 1}, "--strength and --style-weight together"),
        ({"strength": 60, "losses": "classic"}, "--strength and --losses classic together"),
        ({"statistic": "moments", "losses": "classic"}, "--losses classic is about Gram matrices"),
        ({"content_weight": 0, "style_weight": 0}, "nothing is wanted of the picture"),
        ({"content_weight": -0.5}, "--content-weight -0.5: expected 0 or more"),
        ({"noise_std": 0.1}, "--noise-std is of --init noise"),
        ({"noise_mean": 0.1, "init": "style"}, "--noise-mean is of --init noise"),
        ({"optimizer": "lbfgs", "averaging": 0.5}, "--averaging is of --optimizer adam"),
    ],
)
def test_options_that_contradict_each_other_are_refused(values, words):
    with pytest.raises(InputError, match=words):
        Recipe(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"quality": "best", "steps": 10},
        {"size": 48},  # below the usual start
        {"size": 64, "start_size": 64},
        {"content_weight": 0},
        {"style_weight": 0},
        {"content_weight": 2, "style_weight": 3, "losses": "classic"},
        {"init": "noise", "noise_mean": 0, "noise_std": 0},
        {"optimizer": "lbfgs", "averaging": 0},
        {"seed": 2**63 - 1},
    ],
)
def test_options_that_go_together_are_taken(values):
    recipe = Recipe(**values)
    assert all(getattr(recipe, name) == value for name, value in values.items())
