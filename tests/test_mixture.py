"""What is typed to mix: read, written again, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import InputError
from impasto.mixture import Manner, named_numbers, read_manner, sizes


@pytest.mark.parametrize(
    ("text", "manner"),
    [
        ("a.jpg", Manner("a.jpg")),
        ("a.jpg:0.7", Manner("a.jpg", 0.7)),
        ("a.jpg:0.7:scale=2", Manner("a.jpg", 0.7, 2.0)),
        ("a.jpg:layers=relu1_1,relu2_1:3", Manner("a.jpg", 3.0, layers="relu1_1,relu2_1")),
        ("a.jpg:region=#ff0000:mask=m.png", Manner("a.jpg", region="#ff0000", mask="m.png")),
        (r"C:\a.jpg", Manner(r"C:\a.jpg")),
        (r"C:\a.jpg:0.5", Manner(r"C:\a.jpg", 0.5)),
    ],
)
def test_a_style_is_read_and_written_again(text: str, manner: Manner) -> None:
    assert read_manner(text) == manner
    assert read_manner(manner.text()) == manner


def test_a_weight_keeps_its_digits() -> None:
    manner = Manner("a.jpg", 1 / 3)
    assert read_manner(manner.text()) == manner


def test_a_file_with_a_colon_in_its_name_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a:0.5").touch()
    assert read_manner("a:0.5") == Manner("a:0.5")
    assert read_manner("a:0.5:0.7") == Manner("a:0.5", 0.7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.jpg:-1", "expected 0 or more"),
        ("a.jpg:nan", "expected 0 or more"),
        ("a.jpg:scale=99", "from 0.1 to 10"),
        ("a.jpg:scale=big", "expected a number"),
        ("a.jpg:scal=2", "did you mean 'scale'"),
        ("a.jpg:1:2", "given twice"),
        ("a.jpg:region=", "says nothing"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_manner(text)


def test_numbers_by_name() -> None:
    assert named_numbers("a, b=0.5,", "--x", "a=1") == {"a": 1.0, "b": 0.5}
    for text, said in (("a=-1", "from 0 up"), ("a,a", "named twice"), ("a=much", "expected a number")):
        with pytest.raises(InputError, match=said):
            named_numbers(text, "--x", "a=1")
    with pytest.raises(InputError, match="expected NAME=NUMBER"):
        named_numbers("a", "--x", "a=1", default=None)


def test_scales_share_out() -> None:
    assert sizes("", "--x") == {}
    assert sizes("0.5,1=3", "--x") == {0.5: 0.25, 1.0: 0.75}
    assert sizes("1,2=0", "--x") == {1.0: 1.0}
    for text in ("0.01", "1=0", "1,1.0", "wide"):
        with pytest.raises(InputError):
            sizes(text, "--x")
