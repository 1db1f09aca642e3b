"""The page of a sweep: contact sheet, two pictures under a slider, the plane of style and content, curves, table."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from impasto import __version__
from impasto.judge.card import CONTENT, HELD, STYLE
from impasto.media.image import load_picture, resize
from impasto.recipe import options
from impasto.runtime import processor_name
from impasto.studio import Source
from impasto.study.cells import Outcome
from impasto.study.curves import judged_figure, loss_figure, plotly_script
from impasto.study.folder import JUDGED, Folder, loss_names
from impasto.study.page import Html, facts, figure, grid, page, section, shown, tag
from impasto.study.pareto import front_of
from impasto.study.sweep import Sweep
from impasto.study.vary import value_text

__all__ = ["sweep_page"]

_INSIDE = 1024  # pixels at most of a picture in the page: the whole ones lie in the folder

_DIGITS = {"style": 4, "held": 4, "content": 4, "chroma_noise": 2, "seconds": 1}


def sweep_page(
    folder: Folder,
    outcomes: Sequence[Outcome],
    best: Outcome | None,
    command: Callable[[Outcome], str],
    *,
    shows: str = "",
) -> str:
    """The page as one text of HTML; ``outcomes`` may be fewer than the cells, where the sweep was interrupted."""
    sweep = folder.sweep
    painted = [outcome for outcome in outcomes if not outcome.failure]
    front = front_of(painted)
    content, style = _name(sweep.content, "the photograph"), _name(sweep.style, "the painting")
    plotly = plotly_script()
    curves = plotly is not None and bool(painted)
    here = Path(__file__)
    data = {"losses": loss_figure(painted), "judged": judged_figure(painted, front, sweep.references)} if curves else {}
    plane = bool(front) and curves
    return page(
        f"{content} in the manner of {style}, by {len(sweep.cells)} recipes",
        tag("p", shows or f"Varied: {_words(sweep)}. All else is the same."),
        _notices(sweep, outcomes),
        tag(
            "noscript",
            tag("p", "Zoom, slider, sorting and curves need JavaScript, which is off; pictures and table do not."),
        ),
        _best(best, front, command),
        section(
            "The pictures given", tag("div", *(_given(sweep, role) for role in ("content", "style")), class_="grid")
        ),
        section("Contact sheet", _sheet(folder, painted, front, best)),
        _compare(painted, best),
        section("Style against content", _plane_words(), _plot("judged")) if plane else None,
        section("Loss curves", _plot("losses")) if curves else _no_curves(painted),
        section("The runs", _table(sweep, outcomes, front)),
        section("What the figures mean", *_meaning(sweep, painted)),
        section("The settings", facts(_settings(sweep), wide=True)),
        section("The machine", facts(_machine(sweep), wide=True)),
        tag("div", tag("img", alt=""), tag("p"), id="zoom", tabindex="-1", role="dialog"),
        made_by=f"impasto {__version__}",
        style=here.with_name("sweep.css").read_text(encoding="utf-8"),
        scripts=[*([plotly] if plotly and curves else []), here.with_name("sweep.js").read_text(encoding="utf-8")],
        data=data,
    )


def _words(sweep: Sweep) -> str:
    return "; ".join(
        f"{name.replace('_', '-')} {', '.join(dict.fromkeys(_value(name, cell.changes[name]) for cell in sweep.cells if name in cell.changes))}"  # noqa: E501
        for name in sweep.varied
    )


def _notices(sweep: Sweep, outcomes: Sequence[Outcome]) -> Html | None:
    there = {outcome.cell.number for outcome in outcomes}
    lines = [
        f"{one.cell.number}: {one.cell.label} could not be painted: {one.failure}" for one in outcomes if one.failure
    ]
    if missing := [cell for cell in sweep.cells if cell.number not in there]:
        words = ", ".join(f"{cell.number}: {cell.label}" for cell in missing[:20])
        more = f" and {len(missing) - 20} more" * (len(missing) > 20)
        lines.insert(0, f"Interrupted after {len(outcomes)} of {len(sweep.cells)} cells; not painted: {words}{more}.")
    if any(not cell.leads for cell in sweep.cells):
        lines.append(
            "Neighbours share the coarser sizes: those marked so went on from another cell's, and come out a little "
            "different when painted alone."
        )
    return Html("".join(tag("p", line, class_="notice") for line in lines)) if lines else None


def _best(best: Outcome | None, front: Sequence[Outcome], command: Callable[[Outcome], str]) -> Html | None:
    if best is None:
        return None
    others = [str(one.cell.number) for one in front if one is not best]
    beside = f" Nothing beats {', '.join(others)} in both style and content either." if others else ""
    return section(
        "The best, as judged",
        tag("p", tag("strong", f"{best.cell.number}: {best.cell.label}"),
            f": style and content together are nearest here.{beside} A judge is no eye: look at them."),
        tag("div", tag("pre", tag("code", command(best), id="command")),
            tag("button", "copy", type="button", data_copy="command"), class_="command"),
    )  # fmt: skip


def _given(sweep: Sweep, role: str) -> Html:
    source = sweep.content if role == "content" else sweep.style
    height, width = source.image.shape[2:]
    small = resize(source.image, min(max(height, width), _INSIDE, max(cell.recipe.size for cell in sweep.cells)))
    alpha = None if source.alpha is None else resize(source.alpha, max(small.shape[2:]))
    name = _name(source, role)
    card = figure(
        small, name, tag("p", f"{role}, {width}×{height} pixels"), alt=f"{role}: {name}", alpha=alpha, suffix=".jpg"
    )
    return Html(card.replace("<figure>", f'<figure data-run="{role}">', 1))


def _sheet(folder: Folder, painted: Sequence[Outcome], front: Sequence[Outcome], best: Outcome | None) -> Html:
    if not painted:
        return tag("p", "Nothing was painted.")
    ways = {
        "run": "their numbers",
        **{name: f"judged {_title(name)}" for name in _judged(painted)},
        "seconds": "seconds",
    }
    menu = tag("select", *(tag("option", words, value=name) for name, words in ways.items()), id="sheet-order")
    tools = tag("div", tag("label", "in the order of ", menu), class_="tools")
    on = {outcome.cell.number for outcome in front}
    cards = [_card(folder, one, one.cell.number in on, best is not None and one.cell == best.cell) for one in painted]
    return tag("div", tools, grid(cards), id="sheet")


def _card(folder: Folder, outcome: Outcome, on_front: bool, is_best: bool) -> Html:
    cell = outcome.cell
    picture = load_picture(folder.picture(cell))
    longest = max(picture.image.shape[2:])
    image = resize(picture.image, min(longest, _INSIDE))
    alpha = None if picture.alpha is None else resize(picture.alpha, max(image.shape[2:]))
    badges = [
        *(["best as judged"] if is_best else []),
        *(["on the front"] if on_front else []),
        *([] if cell.leads else [f"coarser sizes of {cell.leader}"]),
    ]
    number = str(cell.number)
    figures = {_title(name): shown(outcome.judged.get(name), _DIGITS[name]) for name in _judged([outcome])}
    words = [tag("p", *(tag("span", badge, class_="badge") for badge in badges)) if badges else None]
    words += [tag("p", one.line(), class_="notice") for one in outcome.complaints]
    words += [facts({**figures, "seconds": shown(outcome.seconds, 1)})]
    sides = [
        tag("button", side, type="button", data_side=side, data_run=number, title=f"take it as {side} of the slider")
        for side in ("A", "B")
    ]
    card = figure(
        image, f"{number}: {cell.label}", *words, tag("p", *sides), alt=f"{number}: {cell.label}", alpha=alpha,
        suffix=".jpg" if alpha is None else ".png",
    )  # fmt: skip
    figures_of = {**{name: outcome.judged.get(name) for name in JUDGED}, "seconds": outcome.seconds}
    known = "".join(f' data-{name}="{value:.6g}"' for name, value in figures_of.items() if value is not None)
    kind = ' class="best"' if is_best else ""
    card = Html(card.replace("<figure>", f'<figure data-run="{number}"{known}{kind}>', 1))
    return Html(card.replace("<img ", '<img tabindex="0" ', 1))


def _compare(painted: Sequence[Outcome], best: Outcome | None) -> Html | None:
    if not painted:
        return None
    names = {"content": "the photograph", "style": "the painting"}
    names |= {str(one.cell.number): f"{one.cell.number}: {one.cell.label}" for one in painted}
    right = str((best or painted[0]).cell.number)
    left = next((str(one.cell.number) for one in painted if str(one.cell.number) != right), "content")

    def choice(side: str, chosen: str) -> Html:
        entries = [
            tag("option", words, value=name, **({"selected": ""} if name == chosen else {}))
            for name, words in names.items()
        ]
        return tag("label", f"{side} ", tag("select", *entries, id=f"choice-{side.lower()}"))

    return section(
        "Side by side",
        tag("div", choice("A", left), choice("B", right), class_="tools"),
        tag("div", tag("img", alt=""), tag("img", alt=""), tag("i"), id="split"),
        tag(
            "input",
            type="range",
            id="split-at",
            min="0",
            max="100",
            step="0.1",
            value="50",
            aria_label="where A ends and B begins",
        ),
    )


def _plot(name: str) -> Html:
    return tag("div", class_="plot", data_figure=name)


def _plane_words() -> Html:
    return tag("p", "A point is a run, by its number. The dotted line is the front: what lies on it is beaten by none in "
               "both. A click on the legend hides, a double click shows one alone.")  # fmt: skip


def _no_curves(painted: Sequence[Outcome]) -> Html | None:
    if not painted:
        return None
    words = "No curves here, for want of plotly: install it and give the same command again, nothing is painted twice. "
    return section("Loss curves", tag("p", words, tag("code", "pip install 'impasto[report]'")))


def _table(sweep: Sweep, outcomes: Sequence[Outcome], front: Sequence[Outcome]) -> Html:
    painted = [outcome for outcome in outcomes if not outcome.failure]
    judged, losses = (
        _judged(painted),
        [name for name in loss_names(painted) if any(name in one.losses for one in painted)],
    )
    on = {outcome.cell.number for outcome in front}
    heads = ["run", *(name.replace("_", "-") for name in sweep.varied), "seconds", "steps"]
    heads += [*(f"judged {_title(name)}" for name in judged), *(f"loss: {name}" for name in losses), "front"]
    rows = []
    for outcome in outcomes:
        values = outcome.cell.recipe.as_dict()
        cells = [_number(outcome.cell.number, 0)]
        cells += [_cell(name, values[name]) for name in sweep.varied]
        if outcome.failure:
            cells += [tag("td", "–", data_value="") for _ in heads[len(cells) :]]
        else:
            cells += [_number(outcome.seconds, 1), _number(len(outcome.curve), 0)]
            cells += [_number(outcome.judged.get(name), _DIGITS[name]) for name in judged]
            cells += [_number(outcome.losses.get(name), 5) for name in losses]
            cells += [
                tag("td", "●" if outcome.cell.number in on else "", data_value=str(int(outcome.cell.number not in on)))
            ]
        rows.append(tag("tr", *cells, **({"class_": "front"} if outcome.cell.number in on else {})))
    top = tag("tr", *(tag("th", tag("button", head, type="button"), scope="col") for head in heads))
    caption = tag("caption", "A click on a head sorts by it, another one the other way round.")
    return tag("div", tag("table", caption, tag("thead", top), tag("tbody", *rows), id="runs"), class_="scroll")


def _number(value: float | None, digits: int) -> Html:
    return tag("td", shown(value, digits), data_value="" if value is None else f"{value:.10g}")


def _cell(name: str, value: Any) -> Html:
    number = isinstance(value, (int, float))
    return tag("td", _value(name, value), **({"data_value": f"{value:.10g}"} if number else {}))


def _value(name: str, value: Any) -> str:
    """A value as the page shows it; of a file its name only, for a page is shared."""
    return PurePath(str(value)).name if name in ("init", "encoder") else value_text(value)


def _judged(outcomes: Sequence[Outcome]) -> list[str]:
    return [name for name in JUDGED if any(name in outcome.judged for outcome in outcomes)]


def _title(name: str) -> str:
    return name.replace("_", " ")


def _meaning(sweep: Sweep, painted: Sequence[Outcome]) -> list[Html]:
    judge = sweep.judge
    style, held = (", ".join(name for name in names if name in judge.offered) for names in (STYLE, HELD))
    meanings = {
        "style": f"how far the Gram matrices are from the painting's at {style}; 0 is the painting itself.",
        "held": f"the same at {held}, layers that the usual style loss does not descend on.",
        "content": f"how far the maps at {CONTENT} are from the photograph's; lower keeps more of it.",
        "chroma_noise": "how much the colours of neighbouring pixels differ, relative to the painting; well above 1 is "
        "colour noise that a person sees.",
    }
    told = [tag("p", tag("strong", f"judged {_title(name)}"), f": {meanings[name]}") for name in _judged(painted)]
    by = "" if judge.encoder.name.startswith("vgg19") else (
        " It is no VGG-19: a picture that was painted through the same encoder has descended on what it is judged by. "
        "impasto models fetch vgg19-caffe gets the usual judge.")  # fmt: skip
    edges = [
        f"{name}: {', '.join(f'{_title(key)} {shown(value, _DIGITS[key])}' for key, value in found.items())}"
        for name, found in sweep.references.items()
    ]
    return [
        tag("p", f"The judge is {judge.encoder.name}, at {judge.size} pixels.{by}"),
        *told,
        tag("p", f"Two honest references, which any score should be seen beside: {'; '.join(edges)}."),
        tag("p", "The best is where style, as a share of the untouched photograph's, and content, as a share of the "
            "pasted painting's, add up to least."),
        tag("p", "Losses are those of the last step, each with its weight: between cells of other weights they do not "
            "compare. Seconds are of painting alone, on this machine, with whatever else ran at the time."),
    ]  # fmt: skip


def _settings(sweep: Sweep) -> dict[str, str]:
    names = [option.name for option in options() if option.name not in sweep.varied]
    return {name.replace("_", "-"): _value(name, getattr(sweep.base, name)) or "its own" for name in names}


def _machine(sweep: Sweep) -> Mapping[str, str]:
    machine = {name: str(value) for name, value in sweep.machine.items()}
    kind = machine.pop("processor")
    return {"processor": processor_name(), "architecture": kind, "cores": str(os.cpu_count()), **machine}


def _name(source: Source, otherwise: str) -> str:
    return PurePath(source.path).name if source.path else otherwise
