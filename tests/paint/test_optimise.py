"""Painting by optimisation: what it reaches, whatever it starts from and whatever it is asked for."""

import itertools

import pytest
import torch
from skimage import data

from conftest import picture
from impasto import InputError, Recipe, stylize
from impasto.media.drawn import draw_painting
from impasto.media.image import resize
from impasto.paint.optimise import OptimisePainter, ladder, weights_of
from impasto.paint.painter import finish
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import PRESETS
from impasto.see.stats import Gram

SMALL = {"size": 64, "start_size": 64, "steps": 12}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def painter_of(encoder, style, start=None, **options):
    recipe = Recipe(**{**SMALL, **options})
    return OptimisePainter(StyleTargets(encoder, [StyleImage(style)], recipe), recipe, init=start)


def paint(encoder, content, style, **options):
    return list(painter_of(encoder, style, **options).paint(content))


def gram_distance(encoder, image, style):
    names = encoder.style_layers
    found, wanted = encoder(image, names), encoder(style, names)
    return sum(float(Gram().distance(Gram().describe(found[n]), Gram().describe(wanted[n]))) for n in names)


def content_distance(encoder, image, content):
    (name,) = encoder.content_layers
    found, wanted = encoder(image, [name])[name], encoder(content, [name])[name]
    return float((found - wanted).square().sum() / wanted.square().sum())


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("statistic", ["gram", "moments"])
@pytest.mark.parametrize("init", ["content", "noise", "style"])
def test_losses_fall(tiny, content, style, optimizer, statistic, init):
    steps = paint(
        tiny,
        content,
        style,
        optimizer=optimizer,
        statistic=statistic,
        init=init,
        averaging=0 if optimizer == "lbfgs" else 0.9,
    )
    first, last = steps[0].losses["total"], steps[-1].losses["total"]
    assert last < first
    image = steps[-1].snapshot()
    assert image.shape == (1, 3, 48, 64)
    assert image.isfinite().all()
    assert 0 <= float(image.min()) <= float(image.max()) <= 1


def test_classic_losses_fall(tiny, content, style):
    for optimizer in ("adam", "lbfgs"):
        steps = paint(tiny, content, style, losses="classic", optimizer=optimizer, init="noise", tv_weight=1e-6)
        assert steps[-1].losses["total"] < steps[0].losses["total"]
        assert set(steps[0].losses) == {"content", "style", "tv", "total"}


def test_progress_counts_every_step_of_every_size(tiny, content, style):
    steps = paint(tiny, content, style, size=128, start_size=32, steps=4)
    rungs = ladder(Recipe(size=128, start_size=32, steps=4), 48, 64)
    assert [size for size, _ in itertools.groupby(steps, lambda at: at.size)] == [size for size, _ in rungs]
    assert [at.step for at in steps] == list(range(1, 1 + sum(count for _, count in rungs)))
    assert {at.steps for at in steps} == {len(steps)}
    shares = [at.done for at in steps]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    parts = ("content", "style", "grain")
    assert all(at.losses["total"] == pytest.approx(sum(at.losses[part] for part in parts), rel=1e-4) for at in steps)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 48), (61, 97), (33, 264), (264, 33), (64, 64)])
@pytest.mark.parametrize("size", [264, 301])
def test_the_longer_side_is_the_size(tiny, style, height, width, size):
    at = next(painter_of(tiny, style, size=size, start_size=size, steps=1).paint(picture(3, height, width)))
    shape = tuple(at.snapshot().shape[2:])
    assert shape == tuple(round(side * size / max(height, width)) for side in (height, width))


def test_a_ladder_doubles_and_ends_at_the_size():
    for size in (48, 64, 100, 512, 700, 2000):
        rungs = ladder(Recipe(size=size), 300, 400)
        sizes = [rung for rung, _ in rungs]
        assert sizes[-1] == size
        assert all(abs(large - 2 * small) <= 1 for small, large in itertools.pairwise(sizes))
    assert ladder(Recipe(size=512, start_size=512), 300, 400) == ((512, PRESETS["good"][-1]),)
    assert tuple(count for _, count in ladder(Recipe(quality="draft"), 300, 400)) == PRESETS["draft"]
    assert ladder(Recipe(steps=70), 300, 400)[-1][1] == 70


def test_a_picture_too_thin_to_be_seen_is_refused_with_the_size_it_needs():
    with pytest.raises(InputError, match="choose --size 640 or more"):
        ladder(Recipe(size=320), 20, 400)
    assert ladder(Recipe(size=640), 20, 400)


def test_the_same_seed_gives_the_same_picture_another_seed_another(tiny, content, style):
    one, two, other = (finish(paint(tiny, content, style, init="noise", seed=seed, steps=3)) for seed in (5, 5, 6))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_strength_trades_content_for_style_all_the_way(tiny, content, style):
    pictures = [finish(paint(tiny, content, style, strength=s, steps=60)) for s in (5, 20, 50, 80, 100)]
    styles = [gram_distance(tiny, image, resize(style, 64)) for image in pictures]
    contents = [content_distance(tiny, image, content) for image in pictures]
    assert styles == sorted(styles, reverse=True)
    assert contents == sorted(contents)


@pytest.mark.parametrize("size", [64, 96, 128])
def test_strength_0_keeps_the_photograph(tiny, style, size):
    photo = picture(1, 96, 128)
    image = finish(painter_of(tiny, style, size=size, start_size=32, strength=0, steps=20).paint(photo))
    assert float((image - resize(photo, size)).abs().max()) <= 1 / 255


def test_the_dial():
    assert weights_of(Recipe()).content == pytest.approx(0.2)
    assert weights_of(Recipe(strength=0)).style == 0
    assert weights_of(Recipe(strength=100)).content == 0
    contents = [weights_of(Recipe(strength=s)).content for s in range(1, 101)]
    assert contents == sorted(contents, reverse=True)
    given = weights_of(Recipe(content_weight=3, style_weight=7))
    assert (given.content, given.style) == (3, 7)
    classic = weights_of(Recipe(losses="classic"))
    assert (classic.content, classic.style) == (5, 100)


def test_total_variation_smooths_and_grey_pulls_to_grey(tiny, content, style):
    plain, smooth, grey = (
        finish(paint(tiny, content, style, steps=40, **more)) for more in ({}, {"tv_weight": 30}, {"grey_weight": 30})
    )

    def rough(x):
        return float(x.diff(dim=3).square().mean())

    assert rough(smooth) < 0.7 * rough(plain)
    assert float((grey - content.mean()).square().mean()) < 0.7 * float((plain - content.mean()).square().mean())


def test_style_scale_is_the_size_the_painting_is_seen_at(tiny, content):
    style = picture(2, 128, 128)
    recipe = Recipe(**SMALL, style_scale=0.5)
    scaled = StyleTargets(tiny, [StyleImage(style)], recipe).describe(64)
    shrunk = StyleTargets(tiny, [StyleImage(resize(style, 32))], Recipe(**SMALL)).describe(32)
    for layer, description in scaled.items():
        torch.testing.assert_close(description, shrunk[layer])


def test_a_layer_by_any_of_its_names_gives_the_same_picture(tiny, content, style):
    spellings = [
        ("relu3_1", "relu1_1,relu2_1"),
        ("conv3_1", "conv1_1, r21"),
        ("block3_conv1", "BLOCK1_CONV1=1,relu2_1=1"),
    ]
    pictures = [finish(paint(tiny, content, style, content_layers=c, style_layers=s, steps=3)) for c, s in spellings]
    assert all(torch.equal(pictures[0], other) for other in pictures[1:])
    assert not torch.equal(pictures[0], finish(paint(tiny, content, style, steps=3)))


def test_only_the_proportion_of_layer_weights_counts(tiny, content, style):
    one, two, other = (
        paint(tiny, content, style, style_layers=text, steps=1)[0].losses["style"]
        for text in ("relu1_1=1,relu3_1=3", "relu1_1=2,relu3_1=6", "relu1_1=3,relu3_1=1")
    )
    assert one == pytest.approx(two)
    assert one != pytest.approx(other)


def test_a_start_from_a_picture(tiny, content, style):
    start = picture(9, 30, 40)
    got = finish(painter_of(tiny, style, start, steps=1, learning_rate=1e-6, averaging=0).paint(content))
    assert float((got - resize(start, 64)).abs().max()) < 1e-4


def test_classic_lbfgs_at_one_size_is_the_plain_method(tiny, content, style):
    """Gatys et al. as neural-style writes it down, in ten lines, beside ours."""
    count = 15
    ours = paint(
        tiny, content, style, losses="classic", optimizer="lbfgs", init="noise", seed=3, steps=count, tv_weight=1e-7
    )

    def gram(x):
        flat = x.flatten(2)[0]
        return flat @ flat.T / flat.numel()

    names = [*tiny.style_layers, *tiny.content_layers]
    wanted, photo = tiny(resize(style, 64), names), tiny(content, names)
    noise = torch.randn((1, 3, 48, 64), generator=torch.Generator().manual_seed(3))
    image = (0.5 + 0.25 * noise).clamp(0, 1).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [image],
        lr=1,
        max_iter=count,
        max_eval=25 * count,
        history_size=100,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def loss():
        maps = tiny(image, names)
        total = 5 * sum((maps[n] - photo[n]).square().mean() for n in tiny.content_layers)
        total = total + 100 * sum((gram(maps[n]) - gram(wanted[n])).square().mean() for n in tiny.style_layers)
        return total + 1e-7 * 255 * (image.diff(dim=2).abs().sum() + image.diff(dim=3).abs().sum())

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    assert ours[0].losses["total"] == pytest.approx(loss().item(), rel=1e-4)
    optimizer.step(closure)
    with torch.no_grad():
        image.data.clamp_(0, 1)
        plain = float(loss())
        image.data.copy_(ours[-1].snapshot())
        assert float(loss()) == pytest.approx(plain, rel=0.05)


def test_painted_in_blocks_is_painted_whole(tiny):
    """A few steps of a picture seen in blocks of 64 pixels: the same picture, to rounding."""
    photo, painting = picture(1, 150, 200), picture(2, 90, 100)
    options = {"encoder": tiny, "size": 200, "start_size": 200, "steps": 4, "averaging": 0.0}
    whole = stylize(photo, painting, **options).image
    blocked = stylize(photo, painting, block=64, **options).image
    assert float((whole - blocked).abs().mean()) < 2e-4


def asked_of(tiny, size, photo, **options):
    """``(size, photograph)`` of every set of terms that a painting of ``size`` is asked for."""
    seen = []

    class Watched(OptimisePainter):
        def terms(self, photo, size, *rest):
            seen.append((size, photo))
            return super().terms(photo, size, *rest)

    recipe = Recipe(size=size, start_size=round(size / 2), steps=1, strength=90, mirror="off").but(**options)
    finish(Watched(StyleTargets(tiny, [StyleImage(picture(2, 48, 64))], recipe), recipe).paint(photo))
    return seen


@pytest.mark.parametrize(("size", "kept"), [(767, False), (768, True), (1100, True)])
def test_a_large_size_keeps_what_was_painted_and_a_small_one_the_photograph(tiny, size, kept):
    photo = picture(1, 80, size)
    seen = asked_of(tiny, size, photo)
    assert [at for at, _ in seen[:2]] == [round(size / 2), size]
    assert torch.equal(seen[1][1], photo) != kept


@pytest.mark.parametrize(("size", "octaves"), [(767, []), (768, [384]), (1600, [800, 400])])
def test_a_large_size_is_asked_for_the_photograph_at_its_octaves(tiny, size, octaves):
    photo = picture(1, 160, size)
    last = asked_of(tiny, size, photo, start_size=size)[1:]
    assert [at for at, _ in last] == octaves
    for at, small in last:
        assert torch.equal(small, resize(photo, at))


def test_octaves_of_the_largest_pictures_are_seen_in_blocks_half_as_large(tiny, style, monkeypatch):
    monkeypatch.setattr("impasto.paint.targets.block_budget", lambda: 4e8)
    painter = OptimisePainter(StyleTargets(tiny, [StyleImage(style)], Recipe()), Recipe())
    for side, share in ((5600, 1.0), (6000, 0.5)):  # 31 and 36 megapixels
        whole, octave = painter.targets.block(side, side), painter.octave_block((side, side), (side // 2, side // 2))
        took, takes = ((block + 2 * tiny.radius) ** 2 for block in (whole, octave))
        assert whole
        assert 0.95 * share < takes / took <= share


def test_classic_losses_and_a_photograph_alone_have_no_octaves(tiny, style):
    for options in ({"losses": "classic"}, {"strength": 0}):
        recipe = Recipe(**options)
        assert OptimisePainter(StyleTargets(tiny, [StyleImage(style)], recipe), recipe).octaves(1536, 2048) == ()
    recipe = Recipe()
    painter = OptimisePainter(StyleTargets(tiny, [StyleImage(style)], recipe), recipe)
    assert painter.octaves(1536, 2048) == ((768, 1024), (384, 512))
    assert painter.octaves(40, 2048) == ()  # too thin to be seen smaller


def test_a_painting_is_enlarged_half_as_far_as_the_picture_is_larger(tiny):
    """In octaves, and only where the picture is looked at smaller too."""
    targets = StyleTargets(tiny, [StyleImage(picture(2, 60, 80))], Recipe())
    for size, seen in ((64, 64), (512, 512), (768, 768), (3072, 1536)):
        assert max(targets.shape(targets.styles[0], size)) == seen
    twice = StyleTargets(tiny, targets.styles, Recipe(style_scale=2))
    assert max(twice.shape(twice.styles[0], 3072)) == 3072
    large = StyleTargets(tiny, [StyleImage(picture(2, 60, 1200))], Recipe())
    assert max(large.shape(large.styles[0], 1200)) == 1200  # it has the pixels
    assert max(large.shape(large.styles[0], 4800)) == 2400


def test_paintings_are_measured_before_the_picture_is_there(tiny, content, style, monkeypatch):
    """At 64 megapixels a painting of that size beside the picture would be the peak of memory."""
    order: list[str] = []

    class Noted(StyleTargets):
        def _grain(self, size: int) -> torch.Tensor:
            order.append(f"grain {size}")
            return super()._grain(size)

        @torch.no_grad()
        def _measure(self, number, size, scale):
            order.append(f"measure {size}")
            return super()._measure(number, size, scale)

    class Watched(OptimisePainter):
        def terms(self, photo, size, anchors=(), regions=None):
            order.append(f"terms {size}")
            return super().terms(photo, size, anchors, regions)

    recipe = Recipe(**{**SMALL, "mirror": "off"})
    painter = Watched(Noted(tiny, [StyleImage(style)], recipe), recipe)
    finish(painter.paint(content))
    for size, _ in painter.rungs(*content.shape[2:]):
        asked = order.index(f"terms {size}")
        assert f"grain {size}" in order[:asked]
        assert f"measure {size}" in order[:asked]
        assert not {f"grain {size}", f"measure {size}"} & set(order[asked:])


def test_the_last_columns_are_painted_as_the_rest():
    # 202 pixels are no multiple of 16. Unseen, the last columns had 4 times as much pure colour and black as the whole.
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None, :, :500, :500].float() / 255
    painting = draw_painting("swirl", width=400, height=320)
    painted = stylize(photo, painting, encoder="builtin", size=202, quality="draft").image
    pure = ((painted <= 2 / 255) | (painted >= 253 / 255)).float().mean(1)[0]
    assert pure[:, -4:].mean() < 2.5 * pure.mean()
