"""Labelled sets: folders, archives and the official CIFAR-10; what is damaged is named, what is pickled never runs."""

import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from conftest import picture
from impasto.errors import InputError, TrainingError
from impasto.media.image import save_image
from impasto.train.sets import read_labelled, split


def classes(folder, count=6, names=("ant", "bee", "cat"), side=16):
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            save_image(picture(100 * label + index, side, side + 2), folder / name / f"{index}.png")
    return folder


@pytest.fixture
def folder(tmp_path):
    return classes(tmp_path / "set")


def test_class_folders_in_a_folder_a_zip_and_a_tar(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, f"top/{file.relative_to(folder)}")
    with tarfile.open(tmp_path / "set.tar.xz", "w:xz") as archive:
        archive.add(folder, "top")
    for source in (folder, tmp_path / "set.zip", tmp_path / "set.tar.xz"):
        found = read_labelled(source, cache=False)
        assert found.classes == ("ant", "bee", "cat")
        assert found.images.shape == (18, 3, 16, 16)
        assert found.labels.bincount().tolist() == [6, 6, 6]
        assert not found.test.any()
        assert found.skipped == ()


def test_a_set_with_a_test_part_is_tested_on_that(tmp_path):
    classes(tmp_path / "set" / "train", 10)
    classes(tmp_path / "set" / "test", 3)
    found = read_labelled(tmp_path / "set", cache=False)
    assert int(found.test.sum()) == 9
    parts = split(found, validation=0.2)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [24, 6, 9]
    assert bool(found.test[parts.test].all())


def test_splits_are_disjoint_seeded_and_balanced(folder):
    found = read_labelled(folder, cache=False)
    parts = split(found, per_class=3, validation=0.2, seed=1)
    together = torch.cat([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(18))
    assert found.labels[parts.train].bincount().tolist() == [3, 3, 3]
    assert torch.equal(split(found, per_class=3, validation=0.2, seed=1).train, parts.train)
    assert not torch.equal(split(found, per_class=3, validation=0.2, seed=2).train, parts.train)
    assert "3 pictures a class" in parts.words
    with pytest.raises(InputError, match="class ant has only 5"):
        split(found, per_class=6)
    with pytest.raises(InputError, match="--validation"):
        split(found, validation=1.0)


def test_empty_classes_and_damaged_pictures_are_named(folder):
    (folder / "dog").mkdir()
    (folder / "eel").mkdir()
    (folder / "eel" / "x.jpg").write_bytes(b"\xff\xd8\xff broken")
    save_image(picture(1), folder / "stray.png")
    found = read_labelled(folder, cache=False)
    assert found.classes == ("ant", "bee", "cat")
    text = "; ".join(found.skipped)
    for words in ("class dog has no readable picture", "class eel has no", "eel/x.jpg", "stray.png lies in no class"):
        assert words in text


def test_sets_that_teach_nothing(tmp_path):
    (tmp_path / "void").mkdir()
    with pytest.raises(TrainingError, match="no class folder"):
        read_labelled(tmp_path / "void", cache=False)
    with pytest.raises(TrainingError, match="one class only, ant"):
        read_labelled(classes(tmp_path / "one", names=("ant",)), cache=False)
    with pytest.raises(TrainingError, match="no such data"):
        read_labelled(tmp_path / "nowhere", cache=False)
    classes(tmp_path / "odd" / "train", 2, ("ant", "bee"))
    classes(tmp_path / "odd" / "test", 2, ("ant", "yak"))
    with pytest.raises(TrainingError, match=r"class yak .* none to train on"):
        read_labelled(tmp_path / "odd", cache=False)
    found = read_labelled(classes(tmp_path / "few", 1), cache=False)
    with pytest.raises(TrainingError, match=r"class ant .* 1 picture\(s\): expected two"):
        split(found)


def test_the_side(tmp_path):
    large = classes(tmp_path / "large", 1, side=100)
    assert read_labelled(large, cache=False).side == 96
    assert read_labelled(large, side=48, cache=False).side == 48


def test_the_second_start_reads_the_cache(folder, monkeypatch):
    first = read_labelled(folder)
    monkeypatch.setattr("impasto.train.sets.members", lambda source: pytest.fail("decoded again"))
    again = read_labelled(folder)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert (first.classes, first.skipped) == (again.classes, again.skipped)
    monkeypatch.undo()
    os.utime(folder / "ant" / "0.png", (1, 1))
    save_image(torch.zeros(1, 3, 16, 16), folder / "ant" / "0.png")
    assert not torch.equal(read_labelled(folder).images, first.images)


def test_a_damaged_cache_is_read_anew(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    first = read_labelled(folder)
    (file,) = (tmp_path / "home" / "sets").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    assert torch.equal(read_labelled(folder).images, first.images)


# ── the official CIFAR-10 ──


def official(path, batches):
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in batches.items():
            data = batch if isinstance(batch, bytes) else pickle.dumps(batch, protocol=2)
            item = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return path


def batch(seed, count=4):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    return {b"data": pixels, b"labels": [i % 2 for i in range(count)], b"batch_label": b"x", b"filenames": [b"a"]}


NAMES = {b"label_names": [b"airplane", b"cat"], b"num_vis": 3072}


def test_the_official_archive(tmp_path):
    batches = {"batches.meta": NAMES, "data_batch_1": batch(1), "data_batch_2": batch(2), "test_batch": batch(3)}
    found = read_labelled(official(tmp_path / "cifar-10-python.tar.gz", batches), cache=False)
    assert found.classes == ("airplane", "cat")
    assert found.images.shape == (12, 3, 32, 32)
    assert found.test.tolist() == [False] * 8 + [True] * 4
    assert np.array_equal(found.images[:4].reshape(4, 3072).numpy(), batch(1)[b"data"])
    assert found.labels[:4].tolist() == [0, 1, 0, 1]


def test_pickles_in_it_run_nothing(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    batches = {"data_batch_1": batch(1), "data_batch_2": Evil(), "data_batch_3": b"nonsense", "test_batch": batch(3)}
    found = read_labelled(official(tmp_path / "c.tar.gz", batches), cache=False)
    assert len(found.images) == 8
    assert len(found.skipped) == 2
    assert "refused" in found.skipped[0]
    assert not (tmp_path / "ran").exists()
    with pytest.raises(TrainingError, match="no readable batch"):
        read_labelled(official(tmp_path / "d.tar.gz", {"data_batch_1": Evil()}), cache=False)
    wrong = {**batch(1), b"data": np.zeros((4, 7), np.uint8)}
    with pytest.raises(TrainingError, match=r"\(4, 7\)"):
        read_labelled(official(tmp_path / "e.tar.gz", {"data_batch_1": wrong}), cache=False)
