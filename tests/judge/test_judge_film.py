"""A steady film is found steady, a flickering one is not, and a scene does not answer for the one before."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from conftest import Desk, picture

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")
pytest.importorskip("av", reason="needs PyAV: pip install 'impasto[film]'")

from films import make_film, scene
from impasto.cli.judge_film import judge_film
from impasto.errors import ImpastoError, InputError
from impasto.judge.film import FilmCard, FilmJudge, Steadiness, heat
from impasto.media.frames import FilmWriter, read_frames
from impasto.media.image import save_image


def smooth_scene(count: int, seed: int = 3) -> list[torch.Tensor]:
    """A pan without grain, so that what is warped is what was there."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 8, 16), generator=random)
    wide = torch.nn.functional.interpolate(coarse, (64, 96 + 2 * count), mode="bicubic").clamp(0, 1)
    return [wide[:, :, :, 2 * k : 2 * k + 96] for k in range(count)]


def painted(image: torch.Tensor, noise: float = 0.0, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (1 - image).mul(0.8).add(0.1 + noise * torch.randn(image.shape, generator=random)).clamp(0, 1)


def card(frames: list[torch.Tensor], noises: list[float], **how: object) -> FilmCard:
    judge = FilmJudge(**how)
    for number, (image, noise) in enumerate(zip(frames, noises, strict=True)):
        judge.look(painted(image, noise, number), image)
    return judge.card()


def test_noise_is_warp_error_of_twice_its_variance() -> None:
    frames = smooth_scene(12)
    still, noisy = card(frames, [0.0] * 12, long=4), card(frames, [0.05] * 12, long=4)
    assert still.painted.short is not None
    assert still.painted.short < 1e-5
    assert noisy.painted.short == pytest.approx(2 * 0.05**2, rel=0.25)  # bicubic look-ups average a little
    assert noisy.painted.long == pytest.approx(2 * 0.05**2, rel=0.25)
    assert noisy.film == still.film
    assert noisy.trusted == still.trusted
    assert 0.8 < (still.trusted or 0) <= 1


def test_flicker_counts_where_the_film_rests() -> None:
    image = smooth_scene(1)[0]
    noisy = card([image] * 5, [0.05] * 5)
    assert noisy.film.flicker == 0
    assert noisy.painted.flicker == pytest.approx(0.05 * 2 / torch.pi**0.5, rel=0.1)  # mean of |N - N'|
    assert card([image] * 5, [0.0] * 5).painted.flicker == 0
    moving = [torch.rand(1, 3, 64, 96) for _ in range(3)]
    assert card(moving, [0.0] * 3).painted.flicker is None


def test_drift_and_fading_of_a_still_scene() -> None:
    image, judge = picture(3, 64, 96), FilmJudge()
    for number in range(21):
        light = painted(image) * (1 - 0.01 * number)
        judge.look(light, image)
    found = judge.card().painted
    assert found.drift == pytest.approx(-0.2 * float(painted(image).mean()), rel=0.05)
    assert found.detail == pytest.approx(0.8, rel=0.02)
    judge = FilmJudge()
    for number in range(5):  # a film that grows dark itself has no drift
        judge.look(image * (1 - 0.1 * number), image * (1 - 0.1 * number))
    assert judge.card().painted.drift == 0
    assert judge.card().painted.detail == 1


def test_a_scene_begins_afresh_at_a_cut() -> None:
    frames = smooth_scene(6, 1) + smooth_scene(6, 2)
    judge = FilmJudge(long=4, still=lambda result, content: {"style": float(result.mean())}, stills=(0, 5))
    looks = [judge.look(painted(image), image) for image in frames]
    found = judge.card()
    assert found.cuts == (6,)
    assert [look.error is None for look in looks] == [number in (0, 6) for number in range(12)]
    assert sorted(found.stills) == [0, 5, 6, 11]
    assert (found.painted.short or 0) < 1e-4  # the jump between the scenes is in no figure
    assert found.style_kept == pytest.approx(found.stills[11]["style"] / found.stills[0]["style"])


def test_the_other_painting_gives_ratios() -> None:
    frames, judge = smooth_scene(8), FilmJudge(long=3)
    for number, image in enumerate(frames):
        judge.look(painted(image, 0.02, number), image, painted(image, 0.08, 100 + number))
    found = judge.card()
    assert found.ratios["short"] == pytest.approx(1 / 16, rel=0.3)
    assert set(found.ratios) <= {"short", "long", "flicker"}
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["against"]["short"] > plain["painted"]["short"]
    assert Steadiness().over(Steadiness(short=1.0)) == {}


def test_nothing_seen_is_nothing_said() -> None:
    assert FilmJudge().card() == FilmCard(0, (), None, Steadiness(), Steadiness())
    judge = FilmJudge()
    judge.look(picture(), picture())
    assert judge.card().painted == Steadiness()


def test_the_heat_map_glows_where_the_painting_jumps() -> None:
    image, judge = smooth_scene(1)[0], FilmJudge()
    first = heat(judge.look(painted(image), image))
    jumped = painted(image)
    jumped[:, :, 20:40, 30:60] = 1 - jumped[:, :, 20:40, 30:60]
    second = heat(judge.look(jumped, image))
    assert first.shape == second.shape == image.shape
    assert float(first.std(1).max()) == 0  # grey
    assert float(second[:, 0, 24:36, 34:56].mean()) > 10 * float(second[:, 0, :16].mean())
    assert 0 <= float(second.min()) <= float(second.max()) <= 1


def test_frames_of_other_proportions_are_refused() -> None:
    with pytest.raises(InputError, match="same proportions"):
        FilmJudge().look(picture(), picture(height=64))
    FilmJudge().look(picture(height=48), picture(height=47))  # a line that a codec asked for
    with pytest.raises(InputError, match="--long 1"):
        FilmJudge(long=1)


# ── the command ──


@pytest.fixture
def films(tmp_path: Path) -> dict[str, Path]:
    frames = smooth_scene(10)
    source = make_film(tmp_path / "film.mp4", frames, 10, sound=0.5)
    out = {"film": source}
    for name, noise in (("steady", 0.0), ("rough", 0.1)):
        out[name] = tmp_path / f"{name}.mp4"
        with FilmWriter(out[name], 96, 64, Fraction(10)) as film:
            for number, image in enumerate(frames):
                film.write(painted(image, noise, number))
    return out


def test_the_card_of_a_film(films: dict[str, Path], desk: Desk) -> None:
    heatmap = desk.folder / "heat.mp4"
    how = {"encoder": str(desk.encoder), "size": 64, "quiet": True}
    code = judge_film(
        films["steady"], films["film"], desk.style, against=films["rough"], heatmap=heatmap, as_json=True, **how
    )
    found = json.loads(desk.capfd.readouterr().out)
    assert code == 0
    assert found["frames"] == 10
    assert found["ratios"]["short"] < 0.5
    assert sorted(map(int, found["stills"])) == [0, 5, 9]
    assert set(found["stills"]["0"]) == {"style", "held", "content", "chroma_noise"}
    assert len(list(read_frames(heatmap))) == 10
    judge_film(films["steady"], films["film"], None, quiet=True)
    assert "warp error" in desk.capfd.readouterr().out


def test_a_stretch_is_compared_with_its_stretch(films: dict[str, Path], tmp_path: Path, desk: Desk) -> None:
    part = tmp_path / "part.mp4"
    with FilmWriter(part, 96, 64, Fraction(5)) as film:
        for frame in read_frames(films["film"], start=0.4, every=2):
            film.write(painted(frame.image))
    judge_film(part, films["film"], None, start=Fraction(2, 5), every=2, as_json=True, quiet=True)
    found = json.loads(desk.capfd.readouterr().out)
    assert (found["frames"], found["notes"]) == (3, [])
    with pytest.raises(InputError, match="--start and --every"):
        judge_film(part, films["film"], None, quiet=True)


def test_what_cannot_be_judged_is_refused(films: dict[str, Path], tmp_path: Path, desk: Desk) -> None:
    one = make_film(tmp_path / "one.mp4", scene(1))
    wide = make_film(tmp_path / "wide.mp4", scene(10, 32, 96), 10)
    for words, given in {
        "holds one frame": (one, films["film"], None),
        "same proportions": (wide, films["film"], None),
        "does not exist": (tmp_path / "no.mp4", films["film"], None),
        "a picture": (desk.photo, films["film"], None),
        "not a picture": (films["steady"], films["film"], films["rough"]),
    }.items():
        with pytest.raises(ImpastoError, match=words) as told:
            judge_film(*given, quiet=True)
        assert "\n" not in str(told.value)
    for how in ({"size": 8}, {"long": 1}, {"method": "dss"}, {"flow_size": 2}, {"heatmap": films["film"]}):
        with pytest.raises(ImpastoError):
            judge_film(films["steady"], films["film"], None, quiet=True, **how)
    save_image(picture(), tmp_path / "x.png")
