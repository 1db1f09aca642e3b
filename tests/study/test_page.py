"""Pages: everything inside, nothing but text where text was given, figures as they are."""

import base64

import pytest
import torch

from conftest import picture
from impasto.media.image import decode_picture
from impasto.study.page import Column, Html, facts, figure, grid, page, section, shown, table, tag

EVIL = """<script>alert("x")</script> & 'y'"""


def test_text_is_escaped_wherever_it_goes():
    card = figure(picture(1), EVIL, EVIL, tag("p", EVIL, title=EVIL), facts({EVIL: EVIL}), alt=EVIL)
    rows = table(EVIL, (Column(EVIL),), [(EVIL, (1.0,))], caption=EVIL)
    whole = page(EVIL, section(EVIL, grid([card]), rows), EVIL, made_by=EVIL)
    assert "<script" not in whole
    assert "'y'" not in whole
    assert whole.count("&lt;script&gt;") == 17
    assert isinstance(card, Html)


def test_html_goes_in_as_it_is():
    assert tag("p", "a < b ", tag("b", "c"), None, class_="soft") == '<p class="soft">a &lt; b <b>c</b></p>'
    assert tag("img", src="x") == '<img src="x">'


@pytest.mark.parametrize(("suffix", "kind", "worst"), [(".png", "png", 0.5 / 255), (".jpg", "jpeg", 0.3)])
def test_a_picture_is_in_the_page(suffix, kind, worst):
    image = picture(1, 40, 56)
    text = figure(image, "a picture", suffix=suffix)
    head, _, rest = text.partition(f'src="data:image/{kind};base64,')
    assert head
    found = decode_picture(base64.b64decode(rest.partition('"')[0]), "inside").image
    assert float((found - image).abs().max()) <= worst + 1e-6
    assert 'alt="a picture" width="56" height="40"' in text


def test_transparency_is_kept_where_the_format_has_it():
    alpha = torch.ones(1, 1, 48, 64)
    alpha[..., :32] = 0
    data = figure(picture(1), "half", alpha=alpha).partition("base64,")[2].partition('"')[0]
    assert torch.equal(decode_picture(base64.b64decode(data), "inside").alpha, alpha)


def test_the_best_is_in_bold():
    columns = (Column("a", 1, float), Column("b", 0), Column("c", 2, lambda value: abs(value - 1)))
    text = table("name", columns, [("x", (1.04, 5, 0.5)), ("y", (0.96, 6, 1.1)), ("z", (None, 7, float("nan")))])
    assert "<td><strong>1.0</strong></td><td>5</td><td>0.50</td>" in text  # 1.04 and 0.96 look alike
    assert "<td><strong>1.0</strong></td><td>6</td><td><strong>1.10</strong></td>" in text
    assert "<td>–</td><td>7</td><td>–</td>" in text
    assert "strong" not in table("name", columns, [("x", (1.0, 2.0, 3.0))])  # the best of one is no news


def test_figures_as_a_person_reads_them():
    assert [shown(1234567.0), shown(0.12345, 4), shown(None), shown(float("inf"))] == ["1,234,567", "0.1235", "–", "–"]


def test_the_same_content_is_the_same_page():
    made = [page("t", figure(picture(1), "a"), made_by="b") for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].startswith("<!doctype html>")
