"""Pictures to train on: folder, zip and tar give the same; what is damaged is skipped and named."""

import io
import tarfile
import zipfile

import pytest
import torch

from conftest import picture
from impasto.errors import TrainingError
from impasto.media.image import save_image
from impasto.train.data import crops, distort, members, read_pictures


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "pictures"
    (path / "deep").mkdir(parents=True)
    for index, name in enumerate(("a.png", "b.jpg", "deep/c.png", "deep-d.webp")):
        save_image(picture(index, 40 + index, 52), path / name)
    (path / "notes.txt").write_text("not a picture")
    (path / "._a.png").write_bytes(b"what macOS leaves")
    return path


def zipped(folder, path, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def tarred(folder, path, mode):
    with tarfile.open(path, mode) as archive:
        for file in sorted(folder.rglob("*")):
            archive.add(file, file.relative_to(folder).as_posix(), recursive=False)
    return path


def by_name(found):
    return dict(zip(found.names, found.images, strict=True))


def test_folder_zip_and_tar_give_the_same_pictures(folder, tmp_path):
    wanted = by_name(read_pictures([folder]))
    assert list(wanted) == ["a.png", "b.jpg", "deep-d.webp", "deep/c.png"]
    sources = [zipped(folder, tmp_path / "p.zip")]
    sources += [tarred(folder, tmp_path / f"p.tar{s}", f"w:{s.strip('.')}") for s in ("", ".gz", ".xz", ".bz2")]
    for source in sources:
        found = read_pictures([source])
        assert found.skipped == []
        same = by_name(found)
        assert same.keys() == wanted.keys()
        assert all(torch.equal(same[name], wanted[name]) for name in wanted)


def test_pixels_are_those_of_the_file_and_large_pictures_shrink(folder):
    image = by_name(read_pictures([folder]))["a.png"]
    assert image.dtype == torch.uint8
    assert float((image / 255 - picture(0, 40, 52)[0]).abs().max()) <= 0.5 / 255 + 1e-6
    assert {min(image.shape[1:]) for image in read_pictures([folder], short_side=20).images} == {20}


def test_transparent_pixels_are_white(tmp_path):
    alpha = torch.zeros(1, 1, 20, 20)
    save_image(torch.zeros(1, 3, 20, 20), tmp_path / "clear.png", alpha=alpha)
    assert int(read_pictures([tmp_path]).images[0].min()) == 255


def test_keep_chooses_by_name(folder):
    assert read_pictures([folder], keep=lambda name: name.startswith("deep/")).names == ["deep/c.png"]


def test_damaged_pictures_are_skipped_and_named(folder):
    (folder / "b.jpg").write_bytes((folder / "b.jpg").read_bytes()[:300])
    (folder / "empty.png").write_bytes(b"")
    save_image(picture(0, 4, 4), folder / "small.png")
    found = read_pictures([folder])
    assert found.names == ["a.png", "deep-d.webp", "deep/c.png"]
    assert [line.split()[0] for line in found.skipped] == ["b.jpg", "empty.png", "small.png"]
    assert all("\n" not in line for line in found.skipped)


def test_huge_pictures_are_skipped(folder, monkeypatch):
    monkeypatch.setattr("impasto.media.decode.MAX_PIXELS", 42 * 52)
    found = read_pictures([folder])
    assert len(found.images) == 3
    assert "megapixels" in found.skipped[0]
    monkeypatch.setattr("impasto.train.data._LARGEST", 500)
    with pytest.raises(TrainingError, match="MB large"):
        read_pictures([folder])


def test_a_member_with_a_wrong_checksum_is_skipped_and_named(folder, tmp_path):
    path = zipped(folder, tmp_path / "p.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        data[archive.getinfo("a.png").header_offset + 200] ^= 0xFF
    path.write_bytes(data)
    found = read_pictures([path])
    assert "a.png" not in found.names
    assert len(found.names) == 3
    assert "CRC" in found.skipped[0].upper()


@pytest.mark.parametrize("form", ["tar", "tar.gz", "tar.xz"])
def test_a_tar_that_is_cut_short_gives_what_comes_before(folder, tmp_path, form):
    for index in range(10, 16):
        save_image(picture(index, 60, 60), folder / f"p{index}.png")
    path = tarred(folder, tmp_path / f"p.{form}", f"w:{form[4:]}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    found = read_pictures([path])
    assert 0 < len(found.images) < 10
    assert f"p.{form} is damaged or cut short" in found.skipped[-1]


def test_a_tar_that_ends_between_two_members_is_named(folder, tmp_path):
    path = tarred(folder, tmp_path / "p.tar", "w")
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    path.write_bytes(path.read_bytes()[: last.offset])
    assert "cut short" in read_pictures([path]).skipped[-1]


def test_a_broken_archive_beside_a_good_one_is_skipped(folder, tmp_path):
    whole = zipped(folder, tmp_path / "good.zip")
    broken = tmp_path / "bad.zip"
    broken.write_bytes(whole.read_bytes()[:-40])
    found = read_pictures([broken, whole])
    assert len(found.images) == 4
    assert "bad.zip" in found.skipped[0]
    with pytest.raises(TrainingError, match=r"no readable picture in .*damaged or cut short"):
        read_pictures([broken])


def test_data_that_is_not_there_is_always_an_error(folder, tmp_path):
    with pytest.raises(TrainingError, match="no such data"):
        read_pictures([folder, tmp_path / "nowhere"])
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(TrainingError, match="neither a folder nor"):
        list(members(tmp_path / "text.zip"))
    (tmp_path / "void").mkdir()
    with pytest.raises(TrainingError, match="no readable picture"):
        read_pictures([tmp_path / "void"])


def test_pickles_and_links_in_a_tar_are_left_alone(tmp_path):
    with tarfile.open(tmp_path / "p.tar", "w") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        data = io.BytesIO()
        torch.save({}, data)
        item = tarfile.TarInfo("x.pkl")
        item.size = len(data.getvalue())
        archive.addfile(item, io.BytesIO(data.getvalue()))
    assert list(members(tmp_path / "p.tar")) == []


def test_crops_are_repeatable_and_follow_their_odds():
    black, white = torch.zeros(3, 40, 50, dtype=torch.uint8), torch.full((3, 30, 90), 255, dtype=torch.uint8)
    first, again = (next(crops([black, white], 16, 6, seed=3)) for _ in range(2))
    assert first.shape == (6, 3, 16, 16)
    assert torch.equal(first, again)
    assert float(next(crops([black, white], 16, 6, weights=[0.0, 1.0])).min()) > 0.999


def test_crops_are_enlarged_as_far_as_asked():
    image = torch.randint(0, 256, (3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)

    def whole(zoom):  # crops as large as the picture: each is the picture, unless it is enlarged
        found = next(crops([image], 64, 40, seed=1, as_bytes=True, zoom=zoom))
        return sum(torch.equal(crop, image) or torch.equal(crop, image.flip(2)) for crop in found)

    assert whole(0) == 40
    assert whole(2) < 5


def test_crops_go_on_from_the_state_of_their_generator():
    images = [(picture(seed)[0] * 255).byte() for seed in range(3)]
    random = torch.Generator().manual_seed(1)
    source = crops(images, 16, 2, random=random)
    next(source)
    state = random.get_state()
    second = next(source)
    assert torch.equal(next(crops(images, 16, 2, random=torch.Generator().set_state(state))), second)


def test_distorted_pictures_stay_pictures():
    seen = distort(torch.cat([picture(1), picture(2)]), torch.Generator().manual_seed(0))
    assert seen.shape == (2, 3, 48, 64)
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
