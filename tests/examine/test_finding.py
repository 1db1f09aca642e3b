"""A check that raises is a finding, and nobody is named."""

import json
from pathlib import Path

import pytest

from impasto.errors import WeightsError
from impasto.examine import finding, report
from impasto.examine.finding import Section, found_by, note, ok, private, wrong


def test_what_a_check_found_before_it_raised_is_kept():
    def check():
        yield ok("first", "fine")
        raise ValueError("two\nlines")

    first, second = found_by("check", check)
    assert first.mark == "ok"
    assert (second.mark, second.name) == ("wrong", "check")
    assert second.text == "the check failed: ValueError: two lines"
    assert "doctor --json" in second.remedy


def test_an_error_of_ours_stands_as_it_is():
    def check():
        raise WeightsError("a.pth is cut short: fetch it again")
        yield

    (found,) = found_by("check", check)
    assert found.text == "a.pth is cut short: fetch it again"


def test_a_section_that_cannot_even_be_imported_is_a_finding(monkeypatch):
    monkeypatch.setattr(report, "_SECTIONS", {"Machine": "no_such_module"})
    (section,) = report.sections()
    assert [found.mark for found in section.findings] == ["wrong"]
    assert "ModuleNotFoundError" in section.findings[0].text


def test_home_and_user_are_not_named(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(finding.getpass, "getuser", lambda: "gentileschi")
    inside = f"{tmp_path}/a.pth, {tmp_path}2 and /media/gentileschi/disk"
    section = private(Section("S", (wrong("n", inside, inside, path=inside, more=[{"deep": inside}]),)))
    found = section.findings[0]
    clean = f"~/a.pth, {tmp_path}2 and /media/USER/disk"
    assert (found.text, found.remedy, found.facts["path"], found.facts["more"]) == (
        clean,
        clean,
        clean,
        [{"deep": clean}],
    )


def test_a_home_of_root_alone_stands_for_no_one(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    section = Section("S", (ok("n", "/a/b"),))
    assert private(section) == section


def test_the_dictionary_is_json_and_counts():
    section = private(Section("S", (ok("a", "x", loss=float("nan")), note("b", "y"), wrong("c", "z", "mend it"))))
    plain = report.as_dict([section])
    assert (plain["wrong"], plain["notes"]) == (1, 1)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["sections"][0]["findings"][2] == {
        "mark": "wrong",
        "name": "c",
        "text": "z",
        "remedy": "mend it",
        "facts": {},
    }


@pytest.mark.parametrize(("size", "text"), [(3 << 20, "3 MiB"), (1 << 30, "1.0 GiB")])
def test_sizes_read_as_a_person_says_them(size, text):
    assert finding.gibibytes(size) == text
