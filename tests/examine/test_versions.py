"""Versions against the ranges that impasto's own metadata names."""

import sys
from importlib import metadata

import pytest

from impasto.examine import versions
from impasto.examine.finding import found_by


def findings():
    return {found.name: found for name, check in versions.CHECKS.items() for found in found_by(name, check)}


@pytest.fixture
def asked(monkeypatch):
    """Have the metadata ask for these packages."""
    return lambda *lines: monkeypatch.setattr(metadata, "requires", lambda name: list(lines))


def test_what_the_metadata_asks_for_is_looked_at():
    found = findings()
    assert {"impasto", "Python", "torch", "numpy", "pillow", "rich", "torch build"} <= set(found)
    assert "pytest" not in found
    assert [one for one in found.values() if one.mark == "wrong"] == []
    assert "oneDNN" in found["torch build"].text


def test_a_version_out_of_range_is_wrong(asked):
    asked("torch<3,>=2.99", "no-such-package>=1", 'no-such-extra>=2; extra == "heic"', 'impasto[heic]; extra == "dev"')
    found = findings()
    assert found["torch"].mark == "wrong"
    assert found["torch"].remedy == "pip install 'torch<3,>=2.99'"
    assert found["no-such-package"].mark == "wrong"
    assert (found["no-such-extra"].mark, found["no-such-extra"].remedy) == ("note", "pip install 'impasto[heic]'")
    assert "impasto" in found  # the line of extras is no package


def test_a_marker_of_another_python_asks_nothing(asked):
    pytest.importorskip("packaging")
    asked('no-such-package>=1; python_version < "3"')
    assert "no-such-package" not in findings()


def test_without_packaging_versions_are_still_listed(asked, monkeypatch):
    asked("numpy>=999")
    for name in ("packaging", "packaging.specifiers", "packaging.markers"):
        monkeypatch.setitem(sys.modules, name, None)
    found = findings()
    assert found["numpy"].mark == "ok"
    assert found["packaging"].mark == "note"


def test_a_torch_that_does_not_load_is_wrong(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    found = findings()
    assert found["torch build"].mark == "wrong"
    assert "pip install --force-reinstall torch" in found["torch build"].remedy
