"""The kinds of picture that are there, and what to install for one that is not."""

import sys

import pytest

from impasto.examine import pictures
from impasto.examine.finding import found_by
from impasto.media.image import WRITE_SUFFIXES


def findings():
    return {found.name: found for name, check in pictures.CHECKS.items() for found in found_by(name, check)}


def test_every_kind_is_written_and_read():
    pytest.importorskip("pillow_heif")
    found = findings()
    assert found["written"].facts["suffixes"] == list(WRITE_SUFFIXES)
    assert found["read besides"].facts["kinds"] == ["GIF", "AVIF", "HEIC"]


def test_a_missing_kind_is_noted_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    found = findings()
    assert "HEIC" not in found["read besides"].facts["kinds"]
    assert (found["HEIC"].mark, found["HEIC"].remedy) == ("note", "pip install 'impasto[heic]'")


def test_a_kind_that_cannot_be_written_is_wrong(monkeypatch):
    whole = pictures.encode

    def broken(pixels, suffix):
        if suffix == ".webp":
            raise KeyError("WEBP")
        return whole(255 - pixels, suffix) if suffix == ".bmp" else whole(pixels, suffix)

    monkeypatch.setattr(pictures, "encode", broken)
    found = findings()
    assert ".webp" not in found["written"].facts["suffixes"]
    assert found[".webp"].mark == "wrong"
    assert "another picture" in found[".bmp"].text
