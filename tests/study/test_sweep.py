"""A sweep: what its cells share changes nothing, and what is done is not painted twice."""

import csv
import json

import pytest
import torch

from conftest import picture
from impasto import load_image, stylize
from impasto.errors import InputError, MediaError, WeightsError
from impasto.media.image import save_image
from impasto.paint.shelf import Shelf
from impasto.recipe import Recipe, options
from impasto.see.encoder import ChainEncoder
from impasto.see.weights import save_encoder
from impasto.study import sweep as module
from impasto.study.folder import Folder
from impasto.study.pareto import best_of, front_of
from impasto.study.sweep import open_sweep
from impasto.study.vary import cells_of


@pytest.fixture
def given(tmp_path, style, tiny):
    """A photograph with some of it transparent, a painting, and a recipe of two sizes by an encoder in a file."""
    torch.set_num_threads(1)
    files = tmp_path / "photo.png", tmp_path / "style.png"
    content = picture(1, 64, 64)
    alpha = torch.ones_like(content[:, :1])
    alpha[:, :, :10, :10] = 0.5
    save_image(content, files[0], alpha=alpha)
    save_image(style, files[1])
    save_encoder(tmp_path / "tiny.safetensors", tiny)
    return *files, Recipe(size=64, start_size=32, steps=2, encoder=str(tmp_path / "tiny.safetensors"))


def opened(given, varied, **options):
    photo, style, recipe = given
    return open_sweep(
        photo, style, cells_of(recipe, varied), recipe, **{"judge": recipe.encoder, "exact": True, **options}
    )


def outcomes(sweep, done=()):
    return [step.outcome for step in sweep.steps(done) if step.outcome]


def kept(folder, sweep, count=None):
    for outcome in outcomes(sweep, set(folder.outcomes()))[:count]:
        folder.keep(outcome)
        folder.write_tables(folder.outcomes().values())


CELLS = (
    {"strength": 10.0},
    {"init": "noise", "seed": 3},
    {"style_layers": "relu1_1,relu3_1"},
    {"pooling": "average", "content_layers": "relu3_1"},
    {"statistic": "moments", "strength": 60.0},
    {"style_scale": 2.0},
    {"normalise": "none"},
    {"size": 48, "optimizer": "lbfgs"},
)


def test_every_cell_is_the_painting_of_its_recipe_alone(given):
    photo, style, recipe = given
    sweep = open_sweep(photo, style, CELLS, recipe, judge=recipe.encoder)
    found = outcomes(sweep)
    assert sorted(one.cell.number for one in found) == list(range(1, len(CELLS) + 1))
    for one in found:
        alone = stylize(photo, style, one.cell.recipe)
        assert torch.equal(one.painting.image, alone.image), one.cell.label
        assert one.painting.about == alone.about
        assert dict(one.losses) == dict(alone.losses)
        assert one.curve[-1][2] == one.losses


def test_things_are_made_once(given):
    sweep = opened(given, {"strength": (10.0, 50.0, 90.0)})
    first, second = (sweep.easel(cell) for cell in sweep.cells[:2])
    assert first.encoder is second.encoder
    assert first.content.image is second.content.image
    one, two = (easel.painter.targets.describe(32) for easel in (first, second))
    assert all(one[layer] is two[layer] for layer in one)
    shelf, made = Shelf(), []
    a, b = object(), object()
    for thing in (a, b, a):
        shelf.keep(("thing",), lambda thing=thing: made.append(thing), of=(thing,))
    assert made == [a, b]
    shelf.clear("thing")
    shelf.keep(("thing",), lambda: made.append(a), of=(a,))
    assert made == [a, b, a]


def test_a_shared_start_is_that_of_the_one_who_leads(given):
    photo, style, _ = given
    sweep = opened(given, {"strength": (20.0, 50.0, 80.0)}, exact=False)
    assert [cell.leader for cell in sweep.cells] == [2, 2, 2]
    found = {one.cell.number: one for one in outcomes(sweep)}
    alone = {number: stylize(photo, style, one.cell.recipe) for number, one in found.items()}
    assert torch.equal(found[2].painting.image, alone[2].image)
    for number in (1, 3):
        assert not torch.equal(found[number].painting.image, alone[number].image)
        assert {size for _, size, _ in found[number].curve} == {64}  # the coarser size was not painted again
        assert found[number].painting.about["shared_start"]["strength"] == 50
    assert "shared_start" not in found[2].painting.about


def test_a_shared_start_goes_on_alike_when_the_leader_is_done(given):
    sweep = opened(given, {"strength": (20.0, 50.0)}, exact=False)
    leader, follower = sweep.cells[1], sweep.cells[0]
    whole = {one.cell.number: one for one in outcomes(sweep)}
    (again,) = outcomes(opened(given, {"strength": (20.0, 50.0)}, exact=False), {leader.key})
    assert again.cell == follower
    assert torch.equal(again.painting.image, whole[1].painting.image)


def test_strength_0_has_one_size_and_takes_no_start(given):
    photo, style, _ = given
    found = {one.cell.number: one for one in outcomes(opened(given, {"strength": (0.0, 50.0)}, exact=False))}
    assert found[1].cell.leads
    assert "shared_start" not in found[1].painting.about
    assert torch.equal(found[1].painting.image, stylize(photo, style, found[1].cell.recipe).image)


def test_progress_runs_to_its_end(given):
    steps = list(opened(given, {"init": ("content", "noise"), "strength": (20.0, 50.0)}, exact=False).steps())
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)
    assert all((step.progress is None) != (step.outcome is None) for step in steps)


def test_a_cell_that_fails_is_told_and_the_others_go_on(given, monkeypatch):
    sweep = opened(given, {"strength": (10.0, 50.0, 90.0)})
    whole = module.open_easel

    def failing(*words, **options):
        if words[2].strength == 50:
            raise RuntimeError("no light\nin here")
        return whole(*words, **options)

    monkeypatch.setattr(module, "open_easel", failing)
    found = {one.cell.number: one for one in outcomes(sweep)}
    assert found[2].failure == "RuntimeError: no light in here"
    assert not found[1].failure + found[3].failure


def test_the_folder_knows_what_is_done(given, tmp_path):
    varied = {"strength": (10.0, 90.0), "init": ("content", "noise")}
    folder = Folder(tmp_path / "out", opened(given, varied))
    folder.check()
    assert not folder.path.exists()
    folder.open()
    kept(folder, folder.sweep, 3)
    again = Folder(tmp_path / "out", opened(given, varied))
    again.check()
    done = again.outcomes()
    assert len(done) == 3
    fresh = {one.cell.key: one for one in outcomes(again.sweep)}
    for key, one in done.items():
        assert (dict(one.losses), dict(one.judged), one.complaints) == (
            dict(fresh[key].losses), dict(fresh[key].judged), fresh[key].complaints,
        )  # fmt: skip
        assert [(step, size, dict(losses)) for step, size, losses in one.curve] == [
            (step, size, dict(losses)) for step, size, losses in fresh[key].curve
        ]
    kept(again, again.sweep)
    assert len(again.outcomes()) == 4
    more = Folder(tmp_path / "out", opened(given, {**varied, "strength": (10.0, 50.0, 90.0)}))
    more.check()  # more values make it larger, not another study
    assert len(more.outcomes()) == 4


def test_what_was_changed_is_painted_again(given, tmp_path, style):
    folder = Folder(tmp_path / "out", opened(given, {"strength": (10.0, 40.0, 70.0, 90.0)}))
    folder.open()
    kept(folder, folder.sweep)
    one, two, three, _ = (folder.picture(cell) for cell in folder.sweep.cells)
    one.unlink()
    save_image(style, two)
    (folder.path / "cells" / f"{three.stem}.json").write_text("{")
    assert set(folder.outcomes()) == {folder.sweep.cells[3].key}
    torch.manual_seed(9)  # other weights under the same name
    save_encoder(given[2].encoder, ChainEncoder(((8,), (8, 8), (12,), (16, 16), (16,)), name="tiny"))
    assert Folder(tmp_path / "out", opened(given, {"strength": (10.0, 90.0)})).outcomes() == {}


def test_the_tables_are_the_runs(given, tmp_path):
    folder = Folder(tmp_path / "out", opened(given, {"strength": (10.0, 90.0), "tv_weight": (0.0, 0.5)}))
    folder.open()
    kept(folder, folder.sweep)
    done = sorted(folder.outcomes().values(), key=lambda one: one.cell.number)
    with open(folder.path / "runs.csv", newline="") as file:
        runs = list(csv.DictReader(file))
    for row, one in zip(runs, done, strict=True):
        for option in options():
            assert row[option.name] == str(getattr(one.cell.recipe, option.name))
        assert float(row["loss_total"]) == pytest.approx(one.losses["total"])
        assert float(row["judged_style"]) == one.judged["style"]
        assert row["loss_tv"] == ("" if one.cell.recipe.tv_weight == 0 else f"{one.losses['tv']:.8g}")
        assert (folder.path / row["picture"]).is_file()
        assert float((load_image(folder.path / row["picture"]) - load_image(folder.picture(one.cell))).abs().max()) == 0
    with open(folder.path / "losses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["run", "step", "size", "total", "style"]
    assert len(rows) == sum(len(one.curve) for one in done)
    total = next(row for row in rows if row["run"] == "3" and row["step"] == "2")["total"]
    assert float(total) == pytest.approx(done[2].curve[1][2]["total"])
    for row in rows:
        parts = sum(float(row[name] or 0) for name in ("style", "content", "tv", "grain", "grey"))
        assert parts == pytest.approx(float(row["total"]), rel=1e-4)


def test_another_study_is_refused_before_anything_is_written(given, tmp_path, content):
    photo, style, recipe = given
    varied = {"strength": (10.0, 90.0)}
    out = tmp_path / "out"
    folder = Folder(out, opened(given, varied))
    folder.open()
    before = (out / "study.json").read_bytes()
    other = tmp_path / "other.png"
    save_image(content.flip(2), other)
    for sweep, words in (
        (opened(given, varied, name="weights"), "of sweep"),
        (opened((other, style, recipe), varied), "of another photograph"),
        (opened((photo, other, recipe), varied), "of another painting"),
        (opened((photo, style, recipe.but(steps=3)), varied), "with other options"),
        (opened(given, {"init": ("content", "noise")}), "it varies strength"),
        (opened(given, varied, exact=False), "with --exact"),
    ):
        with pytest.raises(InputError, match=words):
            Folder(out, sweep).check()
    assert (out / "study.json").read_bytes() == before
    mine = opened(given, varied)
    with pytest.raises(InputError, match="holds other files and no study"):
        Folder(tmp_path, mine).check()
    with pytest.raises(MediaError, match="is a file: give the name of a folder"):
        Folder(photo, mine).check()
    with pytest.raises(MediaError, match="does not exist"):
        Folder(tmp_path / "no" / "out", mine).check()
    (out / "study.json").write_text("[]")
    with pytest.raises(InputError, match=r"study.json in it is damaged"):
        Folder(out, mine).check()


def test_an_input_inside_the_folder_is_safe(given, tmp_path):
    folder = Folder(tmp_path / "out", opened(given, {"strength": (10.0, 90.0)}))
    folder.open()
    photo = folder.path / "pictures" / "strength-10.png"
    photo.write_bytes(given[0].read_bytes())
    mine = Folder(tmp_path / "out", opened((photo, *given[1:]), {"strength": (10.0, 90.0)}))
    with pytest.raises(InputError, match="one of the inputs, lies in"):
        mine.check()


def test_wrong_cells_are_told_before_any_work(given, tmp_path):
    photo, style, recipe = given
    with pytest.raises(InputError, match="the cell style-layers relu9_9: unknown layer"):
        opened(given, {"style_layers": ("", "relu9_9")})
    with pytest.raises(InputError, match="the cell encoder vgg19: vgg19 is not installed"):
        open_sweep(photo, style, [{"encoder": "builtin"}, {"encoder": "vgg19"}], size=64, judge="builtin")
    with pytest.raises(InputError, match="are the same painting"):
        open_sweep(photo, style, [{"strength": 50.0}, {"seed": 0}], recipe, judge=recipe.encoder)
    with pytest.raises(InputError, match="--judge vgg19: vgg19 is not installed"):
        opened(given, {"strength": (1.0, 2.0)}, judge="vgg19")
    with pytest.raises(MediaError, match="does not exist"):
        opened((tmp_path / "none.png", style, recipe), {"strength": (1.0, 2.0)})
    (tmp_path / "empty.safetensors").write_bytes(b"")
    with pytest.raises((InputError, WeightsError), match="is empty"):
        opened((photo, style, recipe.but(encoder=str(tmp_path / "empty.safetensors"))), {"seed": (1,)}, judge="builtin")


def test_the_front_is_beaten_by_none_and_the_best_is_on_it(given):
    found = outcomes(opened(given, {"strength": (5.0, 30.0, 60.0, 95.0)}))
    points = [(3.0, 0.1), (1.0, 1.0), (1.0, 2.0), (0.2, 3.0)]
    judged = [
        type(one)(one.cell, judged={"style": style, "content": content}, failure="")
        for one, (style, content) in zip(sorted(found, key=lambda one: one.cell.number), points, strict=True)
    ]
    assert [one.cell.number for one in front_of(judged)] == [4, 2, 1]
    references = {"content unchanged": {"style": 4.0, "content": 0.0}, "style pasted": {"style": 0.0, "content": 4.0}}
    assert best_of(judged, references).cell.number == 2
    assert best_of([], references) is None


def test_what_is_recorded_is_json(given, tmp_path):
    folder = Folder(tmp_path / "out", opened(given, {"strength": (10.0,)}))
    folder.open()
    kept(folder, folder.sweep)
    (record,) = (folder.path / "cells").iterdir()
    assert json.loads(record.read_text())["changes"] == {"strength": 10.0}
