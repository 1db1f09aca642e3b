"""Pages that can be shared: one file of HTML with its pictures and, if any, its scripts inside, nothing fetched.

Text is escaped wherever it goes in: only what these functions return counts as HTML.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from impasto.media.image import encode_picture

__all__ = ["Column", "Html", "facts", "figure", "grid", "page", "section", "shown", "table", "tag"]

_VOID = ("img", "input", "link", "meta")

# Tells a browser to hold to what the page promises: pictures and style from inside, nothing else.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1c1a; --paper: #faf8f4; --card: #fff; --soft: #6b665e; --line: #ddd7cc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ebe6dd; --paper: #191816; --card: #22201d; --soft: #a8a196; --line: #3b3832; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 80rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.2; font-weight: 600; }
h2 { margin: 3rem 0 1rem; }
h3 { margin: 0; font-size: 1.1rem; }
p { max-width: 46rem; }
.soft, figcaption p, dt { color: var(--soft); }
.notice { padding: .6rem 1rem; border-left: .25rem solid #c8862b; background: var(--card); }
.grid { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; overflow: hidden; }
figure img { display: block; width: 100%; height: auto; }
figcaption { padding: .8rem 1rem 1rem; }
figcaption p { margin: .3rem 0 .6rem; font-size: .9rem; }
dl { margin: 0; display: grid; grid-template-columns: 1fr auto; gap: .15rem .9rem; font-size: .9rem; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
dl.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 0 2rem; }
dl.wide div { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--line); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { vertical-align: bottom; white-space: normal; }
@media print {
  :root { --ink: #000; --paper: #fff; --card: #fff; --soft: #444; --line: #bbb; color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .grid { grid-template-columns: repeat(3, 1fr); gap: .6rem; }
  figure, tr, dl { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; width: 100%; }
  th, td { white-space: normal; padding: .2rem .3rem; }
}
"""


class Html(str):
    """Text that is HTML already; any other text is escaped where it goes in."""

    __slots__ = ()


Content = Html | str | None


def tag(kind: str, /, *children: Content, **attributes: str) -> Html:
    """An element: ``tag("p", "a < b", class_="soft")``. Children and attributes are escaped; None is left out."""
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}  # class_, data_run
    words = "".join(f' {names[key]}="{html.escape(value)}"' for key, value in attributes.items())
    inside = "".join(_escaped(child) for child in children if child is not None)
    return Html(f"<{kind}{words}>" if kind in _VOID else f"<{kind}{words}>{inside}</{kind}>")


def section(title: str, *children: Content) -> Html:
    """A part of a page under its heading."""
    return tag("section", tag("h2", title), *children)


def figure(
    image: Tensor | None,
    title: str,
    *children: Content,
    alt: str = "",
    alpha: Tensor | None = None,
    suffix: str = ".png",
) -> Html:
    """A picture ``(1, 3, H, W)``, 0..1, inside the page, and what there is to say of it; None for no picture.

    ``.png`` holds every pixel; ``.jpg`` is smaller, for pictures that are not the matter of the page.
    """
    picture = None
    if image is not None:
        kind = {".jpg": "jpeg"}.get(suffix, suffix[1:])
        data = base64.b64encode(encode_picture(image, suffix, alpha=alpha, quality=90)).decode()
        height, width = image.shape[2:]
        # With its size told, the page does not jump while it loads.
        size = {"width": str(width), "height": str(height)}
        picture = tag("img", src=f"data:image/{kind};base64,{data}", alt=alt or title, **size)
    return tag("figure", picture, tag("figcaption", tag("h3", title), *children))


def grid(cards: Sequence[Html]) -> Html:
    """Cards side by side, as many as there is room for."""
    return tag("div", *cards, class_="grid")


def facts(values: Mapping[str, str], *, wide: bool = False) -> Html:
    """Names and values, one pair a line; ``wide``: in columns, over the whole page."""
    pairs = [(tag("dt", name), tag("dd", value)) for name, value in values.items()]
    if wide:
        return tag("dl", *(tag("div", *pair) for pair in pairs), class_="wide")
    return tag("dl", *(part for pair in pairs for part in pair))


@dataclass(frozen=True)
class Column:
    """A column of figures: how many ``digits`` behind the point, and which of them is the best.

    ``badness`` of the best value is the smallest: ``float`` where less is better; None where none is best.
    """

    title: str
    digits: int = 0
    badness: Callable[[float], float] | None = None


def shown(value: float | None, digits: int = 0) -> str:
    """A figure as a page shows it; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def table(
    head: str, columns: Sequence[Column], rows: Sequence[tuple[str, Sequence[float | None]]], *, caption: str = ""
) -> Html:
    """A row per ``(name, figures)`` under ``head`` and ``columns``, the best figure of a column in bold."""
    cells = [[shown(value, c.digits) for value, c in zip(row, columns, strict=True)] for _, row in rows]
    best = [_best(column, [row[i] for _, row in rows]) for i, column in enumerate(columns)]
    lines = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            *(tag("td", tag("strong", text) if text == best[i] else text) for i, text in enumerate(texts)),
        )
        for (name, _), texts in zip(rows, cells, strict=True)
    ]
    top = tag("tr", *(tag("th", title, scope="col") for title in (head, *(column.title for column in columns))))
    body = tag("table", tag("caption", caption) if caption else None, tag("thead", top), tag("tbody", *lines))
    return tag("div", body, class_="scroll")


def _best(column: Column, values: Sequence[float | None]) -> str | None:
    """The best figure as it is shown, so that two that look alike are both in bold; None among fewer than two."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if column.badness is None or len(known) < 2:
        return None
    return shown(min(known, key=column.badness), column.digits)


def page(
    title: str,
    *body: Content,
    made_by: str,
    style: str = "",
    scripts: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
) -> str:
    """The whole file. ``scripts`` run in order behind the body and find ``data``, plain values by name, beside them."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy", "content": _policy(scripts)}),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content=made_by),
        tag("title", title),
        tag("style", Html(_STYLE + style)),
    )
    inside = [tag("script", _json(value), type="application/json", id=name) for name, value in (data or {}).items()]
    inside += [tag("script", _script(text)) for text in scripts]
    footer = tag("footer", tag("p", f"Made by {made_by}.", class_="soft"))
    text = tag("body", tag("h1", title), *body, footer, *inside)
    return f"<!doctype html>\n{tag('html', head, text, lang='en')}\n"


def _policy(scripts: Sequence[str]) -> str:
    """What a browser may do with the page: of scripts only these very ones, told by their hashes, may run."""
    if not scripts:
        return _POLICY
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return f"{_POLICY}; script-src {allowed}"


def _script(text: str) -> Html:
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("a script that would end its own element")
    return Html(text)


def _json(value: Any) -> Html:
    # A name with </script> in it would end the element; NaN is no JSON.
    return Html(json.dumps(_finite(value), ensure_ascii=False).replace("<", "\\u003c"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, (list, tuple)) else value


def _escaped(text: Html | str) -> str:
    return text if isinstance(text, Html) else html.escape(text)
