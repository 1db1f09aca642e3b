"""Flow finds known motions, warp is its inverse, and what was hidden is not trusted."""

from __future__ import annotations

import pytest
import torch

from conftest import picture
from impasto.errors import InputError, UnknownNameError
from impasto.media.cuts import CutFinder, cuts
from impasto.media.flow import FLOWS, colour_wheel, flow, reliability, resize_flow, warp

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'impasto[film]'")


def texture(seed: int = 0, height: int = 120, width: int = 160) -> torch.Tensor:
    """Blobs at several sizes, ``(1, 3, H, W)``: something to follow everywhere."""
    random = torch.Generator().manual_seed(seed)
    layers = [torch.rand((1, 3, height // step, width // step), generator=random) for step in (4, 8, 20)]
    grown = [torch.nn.functional.interpolate(layer, (height, width), mode="bicubic") for layer in layers]
    return (sum(grown) / 3).clamp(0, 1)


def moved(image: torch.Tensor, dx: int, dy: int, margin: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Two frames of ``image``, of which the second shows everything ``(dx, dy)`` pixels further."""
    height, width = image.shape[2:]
    rows, columns = slice(margin, height - margin), slice(margin, width - margin)
    other = image[:, :, margin - dy : height - margin - dy, margin - dx : width - margin - dx]
    return image[:, :, rows, columns], other


def constant(dx: float, dy: float, height: int = 40, width: int = 60) -> torch.Tensor:
    return torch.tensor([float(dx), float(dy)]).view(1, 2, 1, 1).expand(1, 2, height, width).clone()


@pytest.mark.parametrize("method", FLOWS)
@pytest.mark.parametrize("shift", [(3, 0), (-2, 4), (0, 0)])
def test_a_known_shift_is_found(method: str, shift: tuple[int, int]) -> None:
    frame, other = moved(texture(), *shift)
    found = flow(frame, other, method=method)
    error = (found - torch.tensor(shift).view(1, 2, 1, 1))[:, :, 12:-12, 12:-12].abs()
    assert float(error.mean()) < 0.1
    assert float(error.quantile(0.99)) < 0.2 if method == "dis" else True
    inside = (warp(other, found) - frame)[:, :, 12:-12, 12:-12].abs()
    assert float(inside.mean()) < 0.01


def test_flow_at_a_smaller_size_is_in_the_pixels_of_the_frame() -> None:
    frame, other = moved(texture(height=200, width=280), 8, -4)
    found = flow(frame, other, size=124)
    assert found.shape == (1, 2, *frame.shape[2:])
    error = (found - torch.tensor([8.0, -4.0]).view(1, 2, 1, 1))[:, :, 24:-24, 24:-24].abs()
    assert float(error.mean()) < 0.3


def test_the_same_flow_however_many_threads_there_are() -> None:
    frame, other = moved(texture(), 3, 1)
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            found.append(flow(frame, other))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(*found)


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (13, 7)])
def test_any_size_has_a_flow(size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size)
    for method in FLOWS:
        found = flow(image, image, method=method)
        assert found.shape == (2, 2, *size)
        assert found.isfinite().all()


def test_estimators_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FLOWS, "still", lambda frame, other: torch.zeros_like(frame[:, :2]))
    assert not flow(picture(), picture(1), method="still").any()
    with pytest.raises(UnknownNameError, match="did you mean 'dis'"):
        flow(picture(), picture(), method="diss")
    with pytest.raises(InputError, match="one size"):
        flow(picture(), picture(height=20))


@pytest.mark.parametrize("mode", ["bicubic", "bilinear", "nearest"])
def test_no_flow_changes_nothing(mode: str) -> None:
    image = picture(height=33, width=47)
    assert torch.allclose(warp(image, torch.zeros(1, 2, 33, 47), mode), image, atol=2e-5)


def test_warp_looks_up_where_the_flow_points() -> None:
    image = picture(height=40, width=60)
    found = warp(image, constant(5, -3))
    assert torch.allclose(found[:, :, 3:, :-5], image[:, :, :-3, 5:], atol=2e-5)
    # beyond the edge the edge goes on, and nothing leaves the range of the image
    far = warp(image, constant(500, 0))
    assert torch.allclose(far, image[:, :, :, -1:].expand_as(far), atol=1e-5)
    half = warp((image > 0.5).float(), constant(0.5, 0.25))
    assert (float(half.min()), float(half.max())) == (0, 1)


def test_resized_flow_points_to_the_same_places() -> None:
    assert torch.allclose(resize_flow(constant(6, -4, 40, 60), 20, 30), constant(3, -2, 20, 30))
    same = constant(1, 2)
    assert resize_flow(same, 40, 60) is same


def square_flows(step: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A square that moves ``step`` to the right over a still ground: flows forwards and backwards, and what it uncovers.

    The current frame is the second one, in which the square lies at columns 30 to 50.
    """
    forward, backward, uncovered = torch.zeros(1, 2, 60, 80), torch.zeros(1, 2, 60, 80), torch.zeros(60, 80)
    forward[:, 0, 20:40, 30 - step : 50 - step] = step
    backward[:, 0, 20:40, 30:50] = -step
    uncovered[20:40, 30 - step : 30] = 1
    return forward, backward, uncovered.bool()


def test_what_was_hidden_and_edges_of_motion_are_not_trusted() -> None:
    forward, backward, uncovered = square_flows()
    trusted = reliability(forward, backward)[0, 0].bool()
    assert not trusted[uncovered].any()
    near = torch.zeros(60, 80)  # the hidden places, the outline of the square, and a pixel or two about them
    near[18:42, 22:52] = 1
    near[22:38, 32:48] = 0
    assert trusted[near == 0].all()
    assert reliability(torch.zeros(1, 2, 9, 9), torch.zeros(1, 2, 9, 9)).all()


def test_the_square_is_found_by_dis_as_well() -> None:
    ground, square = texture(1, 60, 80), texture(2, 20, 20)
    frames = [ground.clone(), ground.clone()]
    frames[0][:, :, 20:40, 24:44], frames[1][:, :, 20:40, 30:50] = square, square
    trusted = reliability(flow(frames[0], frames[1]), flow(frames[1], frames[0]))[0, 0]
    assert float(trusted[20:40, 25:29].mean()) < 0.25
    assert float(trusted[24:36, 34:46].mean()) > 0.95
    assert float(trusted[:14].mean()) > 0.95


def test_inequalities_of_the_paper() -> None:
    """|w̃ + ŵ|² > 0.01 (|w̃|² + |ŵ|²) + 0.5, to both sides of the bound."""
    for gap, trusted in ((0.69, 1), (0.73, 0)):
        assert float(reliability(constant(gap, 0), constant(0, 0))[0, 0, 20, 20]) == trusted
    long = 10.0
    bound = (0.01 * (2 * long**2) + 0.5) ** 0.5
    for gap, trusted in ((bound - 0.2, 1), (bound + 0.2, 0)):
        assert float(reliability(constant(-long - gap, 0), constant(long, 0))[0, 0, 20, 20]) == trusted
    slope = torch.zeros(1, 2, 40, 60)
    for steep, trusted in ((0.04, 1), (0.05, 0)):  # 0.002 ** 0.5 is 0.0447
        slope[0, 0] = (torch.arange(60) - 30) * steep
        assert float(reliability(-slope, slope)[0, 0, 20, 30]) == trusted


def test_what_came_in_over_the_edge_is_not_trusted() -> None:
    trusted = reliability(constant(-4, 0), constant(4, 0))[0, 0]
    assert trusted[:, :-4].all()
    assert not trusted[:, -3:].any()


def test_colours_of_middlebury() -> None:
    right, down, left = (colour_wheel(constant(*v, 1, 1), 1.0)[0, :, 0, 0] for v in ((1, 0), (0, 1), (-1, 0)))
    assert torch.allclose(right, torch.tensor([1.0, 0, 0]))
    assert right.argmax() == 0
    assert down[:2].min() > 0.85
    assert down[2] == 0
    assert left[0] == 0
    assert torch.equal(colour_wheel(constant(0, 0, 4, 5)), torch.ones(1, 3, 4, 5))
    many = torch.randn(2, 2, 30, 30) * 20
    assert 0 <= colour_wheel(many).min() <= colour_wheel(many).max() <= 1


def test_cuts_between_pictures_and_none_in_a_pan() -> None:
    scenes = [texture(seed, 120, 300) for seed in (1, 2, 3)]
    frames = [scene[:, :, :, 4 * step : 160 + 4 * step] for scene in scenes for step in range(6)]
    assert list(cuts(frames)) == [6, 12]
    assert list(cuts(0.15 * frame for frame in frames)) == [6, 12]  # at night too
    assert list(cuts([torch.rand(1, 3, 50, 50) * 0.004 for _ in range(5)])) == []  # noise in black
    assert list(cuts([frames[0]])) == []


def test_a_finder_is_asked_frame_by_frame() -> None:
    finder = CutFinder()
    answers = [finder(texture(seed)) for seed in (1, 1, 2, 2)]
    assert answers == [False, False, True, False]
    assert finder.score == 0


@pytest.mark.slow
@pytest.mark.parametrize(("film", "expected"), [("cutBunny", [235]), ("bigbuckbunny", []), ("carphone_pristine", [])])
def test_cuts_of_real_films(shared, film: str, expected: list[int]) -> None:
    pytest.importorskip("av")
    from impasto.media.frames import read_frames

    frames = read_frames(shared / "videos" / f"{film}.mp4", size=160)
    assert list(cuts(frame.image for frame in frames)) == expected
