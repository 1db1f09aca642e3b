"""What a sweep varies: values as typed become checked ones, or are refused in one line."""

import pytest

from impasto.errors import InputError, UnknownNameError
from impasto.recipe import Recipe
from impasto.study.ready import STUDIES
from impasto.study.starts import DIALS, TOGETHER, leaders
from impasto.study.vary import cells_of, label, parse_vary


def test_values_take_the_kind_of_their_option():
    varied = parse_vary(["strength=25,50", "--seed=1,2", "init=content,noise", "noise_mean=0.2"])
    assert varied == {"strength": (25.0, 50.0), "seed": (1, 2), "init": ("content", "noise"), "noise_mean": (0.2,)}
    assert [type(value) for value in (*varied["strength"], *varied["seed"])] == [float, float, int, int]


def test_commas_belong_to_values_that_are_lists():
    assert parse_vary(["style-layers=relu1_1=2,relu2_1"]) == {"style_layers": ("relu1_1=2,relu2_1",)}
    assert parse_vary(["style-layers=relu1_1;relu1_1,relu2_1; "])["style_layers"] == ("relu1_1", "relu1_1,relu2_1", "")
    assert parse_vary(["style-layers=relu1_1", "style-layers=relu2_1"])["style_layers"] == ("relu1_1", "relu2_1")
    assert parse_vary(["init=a,b.png;noise"])["init"] == ("a,b.png", "noise")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strenght=1", "unknown option to vary 'strenght': did you mean 'strength'?"),
        ("strength", "expected NAME=V1,V2"),
        ("=1,2", "--vary '=1,2': expected NAME=V1,V2"),
        ("strength=1,x", "--strength 'x': expected a number"),
        ("strength=", "--strength '': expected a number"),
        ("strength=50,101", "--strength 101.0: expected a value from 0 to 100"),
        ("size=64.5", "--size '64.5': expected a whole number"),
        ("quality=good,great", "unknown value for --quality 'great'"),
        ("tv-weight=0,1,0.0", "--vary tv-weight: 0 is given twice"),
    ],
)
def test_what_cannot_be_varied_is_told(text, words):
    with pytest.raises(InputError) as caught:
        parse_vary([text])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_option_is_an_unknown_name():
    with pytest.raises(UnknownNameError):
        parse_vary(["zzz=1"])


def test_cells_are_all_combinations_the_last_running_fastest():
    cells = cells_of(Recipe(), {"strength": (25.0, 50.0), "init": ("content", "noise")})
    assert [label(cell) for cell in cells] == [
        "strength 25, init content",
        "strength 25, init noise",
        "strength 50, init content",
        "strength 50, init noise",
    ]


def test_many_cells_want_to_be_meant():
    varied = {"seed": range(10), "strength": [float(value) for value in range(21)]}
    with pytest.raises(InputError, match=r"210 cells are more than 200: vary less, or give --yes"):
        cells_of(Recipe(), varied)
    assert len(cells_of(Recipe(), varied, many=True)) == 210
    with pytest.raises(InputError, match="10,000 cells"):  # told by counting, not by making them
        cells_of(Recipe(), {name: range(10) for name in "abcd"})


def test_a_contradiction_names_its_cell():
    with pytest.raises(InputError, match=r"the cell strength 60, content-weight 2: --strength and --content-weight"):
        cells_of(Recipe(), {"strength": (50.0, 60.0), "content_weight": (2.0,)})
    with pytest.raises(InputError, match="nothing to vary"):
        cells_of(Recipe(), {})


def test_those_that_lead_are_the_middle_of_their_neighbours():
    recipes = [Recipe(strength=value, init=init) for init in ("content", "noise") for value in (90, 10, 50, 30, 70)]
    led = leaders(recipes, share=True)
    assert led == [2] * 5 + [7] * 5  # strength 50 of each start
    assert leaders(recipes, share=False) == list(range(10))


def test_no_more_than_a_few_share_a_start():
    recipes = [Recipe(strength=value) for value in range(1, 3 * TOGETHER)]
    led = leaders(recipes, share=True)
    assert max(led.count(place) for place in set(led)) <= TOGETHER
    assert all(led[place] == place for place in set(led))  # who leads goes on from no other
    assert {name for name in DIALS if "weight" in name} <= set(Recipe().as_dict())


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_ready_studies_hold_together(study):
    recipes = [Recipe(**{**study.given, **cell}) for cell in study.cells]
    assert len(set(recipes)) == len(recipes) >= 6
