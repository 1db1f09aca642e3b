"""Films go in and come out as they are: every frame at its time, upright, in its colours, with its sound."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from conftest import picture

pytest.importorskip("av", reason="needs PyAV: pip install 'impasto[film]'")

from PIL import Image

from films import codes, make_film, scene, sound_packets
from impasto.errors import InputError, MediaError, UnknownNameError
from impasto.media.frames import FilmWriter, check_film, check_room, film_bytes, probe, read_frames
from impasto.media.image import save_image

NTSC = Fraction(30000, 1001)


def images(path: Path, **how: object) -> list[torch.Tensor]:
    return [frame.image for frame in read_frames(path, **how)]


def copied(source: Path, target: Path, **how: object) -> FilmWriter:
    """``source`` read and written again, as a command does it."""
    reader = read_frames(source, **{key: how.pop(key) for key in ("start", "end", "every") if key in how})
    info, (height, width) = reader.info, reader.size
    sound, end = source if info.has_sound else None, how.pop("until", None)
    writer = FilmWriter(target, width, height, info.rate, time_base=info.time_base, sound_from=sound, end=end, **how)
    with writer:
        for frame in reader:
            writer.write(frame.image, frame.time)
    return writer


# ── reading ──


def test_a_film_tells_what_it_is(tmp_path: Path) -> None:
    info = probe(make_film(tmp_path / "a.mp4", scene(9), NTSC, sound=0.3))
    assert (info.kind, info.width, info.height, info.rate, info.frames) == ("film", 64, 48, NTSC, 9)
    assert info.duration == 9 / NTSC
    assert (info.has_sound, info.variable_rate, info.codec) == (True, False, "h264")


@pytest.mark.parametrize("rate", [NTSC, Fraction(24000, 1001), Fraction(25), Fraction(12)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rates_are_exact(tmp_path: Path, rate: Fraction, suffix: str) -> None:
    path = make_film(tmp_path / f"a{suffix}", scene(8), rate)
    info = probe(path)
    assert (info.rate, info.variable_rate) == (rate, False)
    times = [frame.time for frame in read_frames(path)]
    assert len(times) == 8
    assert all(abs(time - number / rate) <= info.time_base / 2 for number, time in enumerate(times))


def test_variable_rates_keep_their_times(tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 210, 500]
    path = make_film(tmp_path / "a.mp4", scene(6), 25, times=times)
    assert probe(path).variable_rate
    assert [frame.time * 1000 for frame in read_frames(path)] == times
    copied(path, tmp_path / "b.mp4")
    assert [frame.time * 1000 for frame in read_frames(tmp_path / "b.mp4")] == times
    assert probe(tmp_path / "b.mp4").variable_rate


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6])
def test_colours_are_what_the_file_says(tmp_path: Path, full_range: bool, matrix: int) -> None:
    patches = torch.rand((1, 3, 3, 4), generator=torch.Generator().manual_seed(1))
    image = torch.nn.functional.interpolate(patches, (48, 64), mode="nearest")
    path = make_film(tmp_path / "a.mkv", [image] * 2, pix_fmt="yuv444p", full_range=full_range, matrix=matrix)
    assert float((images(path)[0] - image).abs().mean()) < 0.008
    # swscale rounds the chroma of full range down when the film is made: half a level. Reading is exact to the rounding.
    assert abs(float((images(path)[0] - image).mean())) < (0.003 if full_range else 0.001)


def test_ten_bits_reach_white_and_black(tmp_path: Path) -> None:
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, :, 16:] = 1
    for codec, name in (("prores", "a.mov"), ("h264", "a.mp4"), ("ffv1", "a.mkv")):
        with FilmWriter(tmp_path / name, 32, 32, Fraction(25), codec=codec) as film:
            film.write(image)
        found = images(tmp_path / name)[0]
        assert float(found[:, :, :, :12].max()) < 0.004
        assert float(found[:, :, :, 20:].min()) > 0.996


def test_a_film_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    frames = scene(2)
    for degrees in (90, 180, 270):
        path = make_film(tmp_path / f"{degrees}.mp4", frames, rotation=degrees, pix_fmt="yuv444p")
        info, found = probe(path), images(path)[0]
        upright = frames[0].rot90(degrees // 90, (2, 3))
        assert tuple(found.shape) == tuple(upright.shape) == (1, 3, info.height, info.width)
        assert float((found - upright).abs().mean()) < 0.02


def test_pixels_become_square(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", scene(2), aspect=Fraction(3, 2))
    assert (probe(path).width, probe(path).height) == (96, 48)
    assert images(path)[0].shape == (1, 3, 48, 96)
    assert images(path, size=48)[0].shape == (1, 3, 24, 48)


def test_a_stretch_of_a_film(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", scene(30), 10, options={"g": "8", "preset": "ultrafast"})
    whole = images(path)
    for start, end, every in ((0, None, 1), (0.5, None, 1), (0.7, 1.5, 1), (0, 2, 3), (2.3, 2.9, 2), (2.9, None, 1)):
        reader = read_frames(path, start=start, end=end, every=every)
        found = list(reader)
        wanted = list(range(round(start * 10), 30 if end is None else round(end * 10), every))
        assert [frame.time * 10 for frame in found] == wanted
        assert [frame.index for frame in found] == [number - wanted[0] for number in wanted]
        assert reader.count == len(wanted)
        assert all(torch.equal(frame.image, whole[n]) for frame, n in zip(found, wanted, strict=True))


def test_a_later_stretch_is_found_without_reading_all(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", scene(50), 10, options={"g": "8", "preset": "ultrafast"})
    whole, late = images(path), images(path, start=4.1)
    assert len(late) == 9
    assert all(torch.equal(a, b) for a, b in zip(late, whole[41:], strict=True))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"start": -1}, "expected 0 or later"),
        ({"start": 1, "end": 1}, "nothing would be left"),
        ({"start": 5}, "beyond the end"),
        ({"every": 0}, "--every 0"),
        ({"size": 0}, "--size 0"),
    ],
)
def test_stretches_that_hold_nothing_are_refused_at_once(tmp_path: Path, how: dict[str, float], words: str) -> None:
    path = make_film(tmp_path / "a.mp4", scene(4))
    with pytest.raises(InputError, match=words):
        read_frames(path, **how)


def test_a_truncated_film_gives_what_can_be_read(tmp_path: Path) -> None:
    noise = [torch.rand(1, 3, 48, 64) for _ in range(40)]
    how = {"crf": "20", "preset": "ultrafast", "g": "5"}
    whole = make_film(tmp_path / "a.mkv", noise, options=how).read_bytes()
    (tmp_path / "b.mkv").write_bytes(whole[: len(whole) // 2])
    reader = read_frames(tmp_path / "b.mkv")
    count = len(list(reader))
    assert 5 < count < 35
    assert len(reader.remarks) == 1
    assert "truncated" in reader.remarks[0]
    assert "\n" not in reader.remarks[0]
    # MP4 with its index at the end can no longer be read at all
    whole = make_film(tmp_path / "a.mp4", noise, options=how).read_bytes()
    (tmp_path / "c.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError, match="index is missing"):
        probe(tmp_path / "c.mp4")
    # with its index in front it can
    with FilmWriter(tmp_path / "d.mp4", 64, 48, Fraction(25)) as film:
        for image in noise:
            film.write(image)
    whole = (tmp_path / "d.mp4").read_bytes()
    (tmp_path / "d.mp4").write_bytes(whole[: len(whole) // 2])
    reader = read_frames(tmp_path / "d.mp4")
    assert 1 < len(list(reader)) < 40
    assert "of 40" in reader.remarks[0]


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a film at all, but a text of some length\n" * 50)
    (tmp_path / "text.txt").write_text("no film either\n" * 50)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(bytes(torch.randint(0, 256, (5000,), dtype=torch.uint8).numpy()))
    save_image(picture(), tmp_path / "still.png")
    save_image(picture(), tmp_path / "still.jpg")
    (tmp_path / "nothing").mkdir()
    for name in ("text.mp4", "text.txt", "empty.mp4", "noise.mp4", "missing.mp4", "still.png", "still.jpg", "nothing"):
        with pytest.raises((InputError, MediaError)) as told:
            probe(tmp_path / name)
        assert str(told.value).startswith(str(tmp_path / name)), name
        assert "\n" not in str(told.value)


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", scene(2), sound=0.2)
    import av

    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mp4"), "w") as target:
        voice = source.streams.audio[0]
        copy = target.add_stream_from_template(voice)
        for packet in source.demux(voice):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    with pytest.raises(MediaError, match="only sound"):
        probe(tmp_path / "b.mp4")


# ── folders and animations ──


def test_a_folder_is_read_as_a_person_counts(tmp_path: Path) -> None:
    frames = scene(12)
    for number, image in enumerate(frames):
        save_image(image, tmp_path / f"frame-{number}.png")
    (tmp_path / "notes.txt").write_text("no frame")
    info = probe(tmp_path, rate=Fraction(12))
    assert (info.kind, info.frames, info.rate, info.duration) == ("folder", 12, 12, 1)
    found = list(read_frames(tmp_path, info=info))
    assert all(torch.allclose(a.image, b, atol=1 / 500) for a, b in zip(found, frames, strict=True))
    assert [frame.time * 12 for frame in found] == list(range(12))
    save_image(picture(height=20), tmp_path / "frame-100.png")
    with pytest.raises(InputError, match="of one size"):
        probe(tmp_path)


def test_animations_keep_their_times(tmp_path: Path) -> None:
    frames = [Image.fromarray(codes(image)) for image in scene(4)]
    for suffix in (".gif", ".png", ".webp"):
        path = tmp_path / f"a{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=[40, 80, 200, 40], loop=0)
        info = probe(path)
        assert (info.kind, info.frames, info.variable_rate) == ("animation", 4, True)
        assert [frame.time * 1000 for frame in read_frames(path)] == [0, 40, 120, 320]
        assert info.duration == Fraction(36, 100)


def test_transparent_places_of_an_animation_are_white(tmp_path: Path) -> None:
    clear = [Image.new("RGBA", (20, 10), (200, 0, 0, 0)) for _ in range(2)]
    clear[1].putpixel((3, 3), (0, 255, 0, 255))
    clear[0].save(tmp_path / "a.webp", save_all=True, append_images=clear[1:], duration=50, lossless=True)
    assert "white" in probe(tmp_path / "a.webp").remarks[0]
    assert float(images(tmp_path / "a.webp")[0].min()) == 1


# ── writing ──


def test_sound_rate_and_length_are_those_of_the_source(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", scene(15), NTSC, sound=0.6)
    for suffix in (".mp4", ".mkv", ".mov"):
        copied(source, tmp_path / f"b{suffix}")
        before, after = probe(source), probe(tmp_path / f"b{suffix}")
        assert (after.rate, after.has_sound, after.variable_rate) == (NTSC, True, False)
        assert abs((after.duration or 0) - (before.duration or 0)) < Fraction(1, 500)
        assert [data for _, data in sound_packets(tmp_path / f"b{suffix}")] == [d for _, d in sound_packets(source)]
        assert len(images(tmp_path / f"b{suffix}")) == 15


def test_sound_stays_beside_the_picture(tmp_path: Path) -> None:
    """From a container whose picture begins after 0, as Matroska with AAC has it, to one whose picture begins at 0."""
    source = make_film(tmp_path / "a.mkv", scene(10), 25, sound=0.4)
    found = []
    for path in (source, copied(source, tmp_path / "b.mp4").path, copied(source, tmp_path / "c.mkv").path):
        info = read_container_start(path)
        found.append(float(sound_packets(path)[3][0] - info))
    assert found == pytest.approx([found[0]] * 3, abs=0.002)


def read_container_start(path: Path) -> Fraction:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return Fraction(stream.start_time * stream.time_base)


def test_sound_of_a_stretch_keeps_its_place(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", scene(60), 25, sound=2.4)
    copied(source, tmp_path / "b.mp4", start=1.2, end=2, until=2)
    times = {data: time for time, data in sound_packets(source)}
    found = sound_packets(tmp_path / "b.mp4")
    assert 0.7 < len(found) * 1024 / 44100 < 0.9
    moves = [times[data] - time for time, data in found if list(times).count(data) == 1]
    assert all(abs(move - Fraction(6, 5)) < Fraction(1, 1000) for move in moves[1:])


def test_a_film_ended_early_ends_its_sound(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", scene(75), 25, sound=3)
    writer = FilmWriter(tmp_path / "b.mp4", 64, 48, Fraction(25), sound_from=source)
    for image in scene(5):
        writer.write(image)
    writer.close(whole=False)
    assert float(sound_packets(tmp_path / "b.mp4")[-1][0]) < 0.8
    assert len(images(tmp_path / "b.mp4")) == 5


def test_lossless_is_lossless(tmp_path: Path) -> None:
    frames = scene(3, 33, 47)
    with FilmWriter(tmp_path / "a.mkv", 47, 33, NTSC, codec="ffv1") as film:
        for image in frames:
            film.write(image)
    found = images(tmp_path / "a.mkv")
    assert all((codes(a) == codes(b)).all() for a, b in zip(found, frames, strict=True))
    with FilmWriter(tmp_path / "b", 47, 33, NTSC) as film:
        for image in frames:
            film.write(image)
    assert sorted(file.name for file in (tmp_path / "b").iterdir())[0] == "frame-000001.png"
    assert all((codes(a) == codes(b)).all() for a, b in zip(images(tmp_path / "b"), frames, strict=True))


@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_odd_sides_lose_nothing(tmp_path: Path, codec: str) -> None:
    path, frames = tmp_path / "a.mov", scene(2, 33, 47)
    with FilmWriter(path, 47, 33, Fraction(25), codec=codec) as film:
        for image in frames:
            film.write(image)
    assert "48×" in film.remarks[0]
    found = images(path)[0][:, :, :33, :47]
    assert float((found - frames[0]).mean(1).abs().mean()) < 0.03


def test_a_film_is_as_bright_as_its_frames(tmp_path: Path) -> None:
    frames = scene(6)
    for codec, name in (("h264", "a.mp4"), ("prores", "a.mov"), ("gif", "a.gif")):
        with FilmWriter(tmp_path / name, 64, 48, Fraction(25), codec=codec) as film:
            for image in frames:
                film.write(image)
        drift = [float(a.mean() - b.mean()) for a, b in zip(images(tmp_path / name), frames, strict=True)]
        assert max(map(abs, drift)) < 0.004


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.gif"])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    source, found = make_film(tmp_path / "source.mp4", scene(6), sound=0.2), []
    for _ in range(2):
        copied(source, tmp_path / name)
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]


def test_gifs_keep_the_pace(tmp_path: Path) -> None:
    for rate in (NTSC, Fraction(60)):
        with FilmWriter(tmp_path / "a.gif", 64, 48, rate) as film:
            for image in scene(30):
                film.write(image)
        info = probe(tmp_path / "a.gif")
        assert abs(float(info.duration or 0) - 30 / float(rate)) < 0.06
        assert min(b.time - a.time for a, b in itertools.pairwise(read_frames(tmp_path / "a.gif"))) >= Fraction(2, 100)


def test_nothing_is_left_of_a_film_that_failed(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"what was there")
    with pytest.raises(RuntimeError), FilmWriter(tmp_path / "a.mp4", 64, 48, NTSC) as film:  # noqa: PT012
        film.write(picture())
        raise RuntimeError
    with pytest.raises(MediaError, match="no frame"), FilmWriter(tmp_path / "a.mp4", 64, 48, NTSC):
        pass
    with pytest.raises(InputError, match="for a film of"), FilmWriter(tmp_path / "b", 64, 48, NTSC) as film:
        film.write(picture(height=20))
    assert (tmp_path / "a.mp4").read_bytes() == b"what was there"
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("a.avi", {}, "no film is written as .avi"),
        ("a.mp4", {"codec": "prores"}, "cannot hold prores"),
        ("a.mkv", {"codec": "ffv1", "quality": 50}, "of H.264"),
        ("a.mp4", {"quality": 0}, "expected 1 to 100"),
        ("missing/a.mp4", {}, "does not exist"),
        ("full", {}, "is not empty"),
        ("full/file.txt", {"codec": "frames"}, "is a file"),
        ("in.mp4", {"inputs": ["in.mp4"]}, "one of the inputs"),
    ],
)
def test_outputs_that_cannot_be_are_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: dict[str, object], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file.txt").write_text("here")
    (tmp_path / "in.mp4").write_text("here")
    with pytest.raises((InputError, MediaError), match=words) as told:
        check_film(name, **how)
    assert "\n" not in str(told.value)
    with pytest.raises(UnknownNameError, match="did you mean 'h264'"):
        check_film("a.mp4", codec="h265")


def test_sound_that_a_container_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mkv", scene(3), sound=0.2, sound_codec="flac")
    copied(source, tmp_path / "b.mkv")
    assert len(sound_packets(tmp_path / "b.mkv")) == len(sound_packets(source))
    before = set(os.listdir(tmp_path))
    with pytest.raises(MediaError, match=r"\.mkv"):
        copied(source, tmp_path / "b.mov")
    assert set(os.listdir(tmp_path)) == before


def test_frames_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NaN"), FilmWriter(tmp_path / "a.mp4", 64, 48, NTSC) as film:
        film.write(picture() * float("nan"))
    assert os.listdir(tmp_path) == []


def test_room_on_the_disk_is_checked(tmp_path: Path) -> None:
    assert film_bytes(640, 360, 100, "ffv1") > film_bytes(640, 360, 100, "h264") > 0
    check_room(tmp_path / "not yet there", 1000)
    with pytest.raises(MediaError, match="GB free"):
        check_room(tmp_path, 10**18)


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """Read, write and copy of ten and of a hundred and twenty frames: the same peak of what Python holds."""
    peaks = []
    for count in (10, 120):
        wide = picture(1, 120, 400)
        frames = (wide[:, :, :, k : k + 160] for k in range(count))
        source = tmp_path / f"{count}.mp4"
        with FilmWriter(source, 160, 120, Fraction(25)) as film:
            for image in frames:
                film.write(image)
        tracemalloc.start()
        copied(source, tmp_path / f"{count}-copy.mp4")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 + 200_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bigbuckbunny", "carphone_pristine"])
def test_real_films_come_out_as_they_were(tmp_path: Path, shared: Path, name: str) -> None:
    source, target = shared / "videos" / f"{name}.mp4", tmp_path / "b.mp4"
    reader = read_frames(source, size=160)
    height, width = reader.size
    with FilmWriter(
        target, width, height, reader.info.rate, time_base=reader.info.time_base,
        sound_from=source if reader.info.has_sound else None,
    ) as film:  # fmt: skip
        times = []
        for frame in reader:
            film.write(frame.image, frame.time)
            times.append(frame.time)
    before, after = probe(source), probe(target)
    assert (after.rate, after.frames, after.duration) == (before.rate, before.frames, before.duration)
    assert (after.has_sound, after.variable_rate) == (before.has_sound, before.variable_rate)
    assert [frame.time for frame in read_frames(target)] == times
    assert sound_packets(target) == sound_packets(source)
    assert reader.remarks == []
