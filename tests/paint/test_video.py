"""Films: what is known is kept, what is new is painted, and nothing drifts."""

from __future__ import annotations

import weakref
from itertools import pairwise

import pytest
import torch

from conftest import picture
from impasto.errors import InputError
from impasto.film import FilmOptions, film_options
from impasto.loss.terms import Temporal
from impasto.paint.canvas import Brake, PixelCanvas
from impasto.paint.optimise import OptimisePainter
from impasto.paint.painter import Anchor, Start, finish
from impasto.paint.past import Past, recall, recoloured, same
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.paint.video import FrameProgress, Kept, paint_numbered, paint_video, rounded
from impasto.recipe import Recipe

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")

SIZE = 64


@pytest.fixture
def painter(tiny, style):
    torch.set_num_threads(1)
    recipe = Recipe(size=SIZE, start_size=32, steps=12, grain_weight=0)
    return OptimisePainter(StyleTargets(tiny, [StyleImage(style)], recipe), recipe)


def pan(count, step=2, seed=3):
    wide = picture(seed, 48, SIZE + step * count)
    return [wide[:, :, :, step * k : step * k + SIZE].contiguous() for k in range(count)]


def painted(frames, painter, **how) -> list[FrameProgress]:
    return [at for at in paint_video(frames, painter, **how) if at.done]


def pictures(frames, painter, **how):
    return [at.snapshot() for at in painted(frames, painter, **how)]


def pushed(frame, other):
    """The true flow of ``pan``: each frame shows the picture two pixels further to the left."""
    return torch.tensor([2.0, 0.0])[None, :, None, None].expand(1, 2, *frame.shape[2:]).clone()


def test_a_film_that_stands_still_costs_one_frame(painter, content):
    frames = painted([content] * 20, painter)
    assert [at.worked for at in frames] == [True] + [False] * 19
    first = frames[0].snapshot()
    assert all(torch.equal(at.snapshot(), first) for at in frames)


def test_a_still_scene_with_noise_neither_drifts_nor_flickers(painter, content):
    random = torch.Generator().manual_seed(5)
    noisy = [(content + 2 / 255 * torch.randn(content.shape, generator=random)).clamp(0, 1) for _ in range(25)]
    found = pictures(noisy, painter)
    assert float((found[-1].mean() - found[0].mean()).abs()) < 0.005 * float(found[0].mean())
    alone = [finish(painter.paint(frame)) for frame in noisy[:3]]
    flicker = max(float((b - a).abs().mean()) for a, b in pairwise(found[10:]))
    assert flicker <= 0.2 * float((alone[2] - alone[1]).abs().mean())

    def style_of(image):
        return float(painter._objective(content, SIZE, ())(image).parts["style"])

    # Of the way from the photograph to the painting, the last frame has gone as far as the first.
    assert style_of(content) - style_of(found[-1]) > 0.95 * (style_of(content) - style_of(found[0]))


def test_a_pan_is_painted_on_the_canvas_that_moves_with_it(painter):
    frames = pan(6)
    film = pictures(frames, painter, flow=lambda a, b: pushed(a, b) * moved(a, b, frames))
    alone = [finish(painter.paint(frame)) for frame in frames]

    def torn(found):  # each frame is the one before, two pixels on
        return sum(float((b[..., :-2] - a[..., 2:]).square().mean()) for a, b in pairwise(found))

    assert torn(film) <= 0.35 * torn(alone)


def moved(frame, other, frames):
    """How many frames ``other`` lies before ``frame``: the factor on the flow of one."""
    index = [next(i for i, each in enumerate(frames) if each.equal(x)) for x in (frame, other)]
    return float(index[0] - index[1])


def test_behind_a_cut_a_frame_is_as_if_painted_alone(painter):
    frames = [*pan(3), *pan(3, seed=9)]
    film = pictures(frames, painter, cuts={3})
    assert torch.equal(film[3], rounded(finish(painter.paint(frames[3]))))


def test_a_cut_that_nobody_announced_is_painted_whole(painter):
    frames = [*pan(2), *[1 - x.flip(2) for x in pan(2, seed=9)]]
    steps = painted(frames, painter)
    assert steps[2].whole
    assert torch.equal(steps[2].snapshot(), rounded(finish(painter.paint(frames[2]))))


def test_frames_that_are_kept_are_not_painted_again_and_change_nothing(painter):
    frames = [*pan(4), *[pan(4)[-1]] * 2, *pan(2, seed=9)]
    whole = painted(frames, painter, cuts={6})
    kept = {at.index: Kept(at.snapshot, at.worked) for at in whole[:5]}
    again = painted(frames, painter, cuts={6}, kept=kept)
    assert [at.index for at in again] == [5, 6, 7]
    assert all(torch.equal(a.snapshot(), b.snapshot()) for a, b in zip(whole[5:], again, strict=True))


def test_content_and_noise_paint_every_frame_whole(painter):
    frames = pan(2)
    options = FilmOptions(init="content", temporal_weight=0)
    film = painted(frames, painter, options=options)
    assert all(at.whole for at in film)
    assert torch.equal(film[1].snapshot(), rounded(finish(painter.paint(frames[1]))))


def test_memory_is_of_a_few_frames(painter):
    alive: list[weakref.ref[torch.Tensor]] = []

    def frames():
        for frame in pan(12):
            frame = frame.clone()
            alive.append(weakref.ref(frame))
            yield frame

    most = 0
    for at in paint_video(frames(), painter, FilmOptions(memory="1,2", frame_steps=1)):
        if at.done:
            most = max(most, sum(ref() is not None for ref in alive))
    assert most <= 4  # two to look back at, the one under way, the last one that was worked on


def test_a_second_pass_starts_from_the_first_and_agrees_with_its_neighbour(painter):
    frames = pan(4)
    first = pictures(frames, painter)
    order = [(index, frames[index]) for index in (3, 2, 1, 0)]
    second = {at.index: at for at in paint_numbered(order, painter, draft=first.__getitem__) if at.done}
    assert torch.equal(second[3].snapshot(), first[3])
    assert not any(second[k].whole for k in (2, 1, 0))
    assert float((second[0].snapshot() - first[0]).abs().mean()) < 0.1


# ── what earlier frames tell ──


def test_a_far_frame_counts_where_no_near_one_is_reliable(content):
    hole = torch.ones(1, 1, 48, 64)
    hole[..., 10:20] = 0

    def flow(frame, other):  # the nearest frame hides ten columns: there and back disagree
        out = torch.zeros(1, 2, *frame.shape[2:])
        if other is near.frame and frame is content:
            out[:, :, :, 10:20] = 5.0
        return out

    near = Past(content.clone(), torch.full_like(content, 0.25))
    far = Past(content.clone(), torch.full_like(content, 0.75))
    known = recall(content, [near, far], flow)
    (_, first), (_, second) = known.parts
    assert torch.equal(second, (1 - first).clamp_min(0))
    assert float(known.mask.min()) == 1
    assert torch.allclose(known.image, 0.25 * first + 0.75 * second)
    assert float(second[..., 13:17].min()) == 1
    assert float(second[..., 30:].max()) == 0


def test_what_comes_to_light_is_fresh_and_starts_from_its_own_colours():
    backdrop = picture(1)
    before, after = backdrop.clone(), backdrop.clone()
    before[:, :, 12:36, 20:40] = 0.9
    after[:, :, 12:36, 32:52] = 0.9
    known = recall(after, [Past(before, before)], lambda a, b: torch.zeros(1, 2, 48, 64) + 40)
    assert float(known.fresh[..., 12:36, 22:30].mean()) > 0.9
    # Painted as the negative, the backdrop that comes to light begins as a negative too.
    begun = recoloured(after, Past(backdrop, 1 - backdrop))
    assert float((begun - (1 - after)).abs().mean()) < 0.02


def test_the_same_is_told_from_what_changed(content):
    random = torch.Generator().manual_seed(1)
    assert same(content, (content + 0.3 / 255 * torch.randn(content.shape, generator=random)).clamp(0, 1))
    spot = content.clone()
    spot[:, :, 8:16, 8:16] = 1 - spot[:, :, 8:16, 8:16]
    assert not same(content, spot)
    assert not same(content, (content + 2 / 255).clamp(0, 1))
    assert not same(content, content.roll(1, 3))


# ── the pieces ──


def test_the_temporal_loss_is_over_all_values():
    x, target = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6)
    mask = (torch.rand(1, 1, 4, 6) > 0.5).float()
    wanted = ((x - target).square() * mask).sum() / (4 * 6 * 3) / 0.0625
    assert torch.allclose(Temporal(target, mask)(x), wanted)


def test_a_place_without_pace_stays(painter, content):
    pace = torch.ones(1, 1, 48, 64)
    pace[..., :20] = 0
    start = Start(content, ((32, 3), (64, 3)), torch.zeros_like(pace), pace)
    found = finish(painter.paint(content, start=start))
    assert torch.allclose(found[..., :20], content[..., :20], atol=1e-6)  # an average rounds
    assert not torch.allclose(found[..., 20:], content[..., 20:])


@pytest.mark.parametrize(
    "changes", [{"optimizer": "lbfgs"}, {"losses": "classic", "steps": 4}, {"strength": 0}, {"block": 32}]
)
def test_every_way_of_painting_paints_films(tiny, style, changes):
    recipe = Recipe(**{"size": SIZE, "start_size": 32, "steps": 6, **changes})
    painter = OptimisePainter(StyleTargets(tiny, [StyleImage(style)], recipe), recipe)
    frames = pan(3)
    film = pictures(frames, painter)
    alone = [finish(painter.paint(frame)) for frame in frames]
    assert all(bool(torch.isfinite(frame).all()) for frame in film)
    # None runs away from what it would be, painted for itself.
    assert float((film[2] - alone[2]).abs().mean()) < 0.2


def test_the_classic_temporal_loss_is_on_255(tiny, style, content):
    recipe = Recipe(size=SIZE, losses="classic")
    painter = OptimisePainter(StyleTargets(tiny, [StyleImage(style)], recipe), recipe)
    anchor = Anchor(torch.zeros_like(content), torch.ones(1, 1, 48, 64), 3.0)
    (term,) = (term for term in painter.terms(content, SIZE, [anchor]) if term.name == "temporal")
    assert float(term(content) * term.weight) == pytest.approx(3 * float((255 * content).square().mean()), rel=1e-4)


def test_a_brake_takes_its_share_of_a_step():
    canvas = PixelCanvas(torch.zeros(1, 3, 2, 2))
    brake = Brake(canvas, torch.tensor([[[[0.0, 0.5], [1.0, 0.25]]]]))
    for _ in range(2):
        canvas.pixels.data += 0.4
        brake.hold()
    assert torch.allclose(canvas()[0, 0], torch.tensor([[0.0, 0.4], [0.8, 0.2]]))


def test_an_anchor_holds_the_picture(painter, content):
    still = Anchor(torch.full_like(content, 0.5), torch.ones(1, 1, 48, 64), 1e4)
    assert float((finish(painter.paint(content, anchors=[still])) - 0.5).abs().mean()) < 0.05


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"memory": "2"}, "give 1 with it"),
        ({"memory": "1,x"}, "as in 1 or 1,2,4"),
        ({"memory": ""}, "as in 1 or 1,2,4"),
        ({"memory": "1,101"}, "from 1 to 100"),
        ({"flow": "none", "flow_size": 64}, "--flow-size"),
        ({"init": "noise", "frame_steps": 4}, "--frame-steps"),
        ({"init": "content", "passes": 2}, "--passes"),
        ({"passes": 0}, "from 1 to 50"),
        ({"flow": "diss"}, "did you mean 'dis'"),
        ({"temporal_weight": -1}, "from 0 to"),
    ],
)
def test_options_that_contradict_each_other_are_refused(given, told):
    with pytest.raises(InputError) as refused:
        FilmOptions(**given)
    assert told in str(refused.value)


def test_options_of_a_film_come_back_as_they_were():
    options = FilmOptions(init="previous", memory="1,2,4", temporal_weight=3)
    assert FilmOptions.from_dict(options.as_dict()) == options
    assert options.back() == (1, 2, 4)
    assert all(option.help for option in film_options())
    with pytest.raises(InputError, match="memory"):
        FilmOptions().but(memry="1")
