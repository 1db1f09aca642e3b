"""The report of a sweep: one file that holds everything and fetches nothing; and it works in a real browser."""

import base64
import hashlib
import importlib.util
import json
import re
import shutil
from html.parser import HTMLParser

import pytest
import torch

from conftest import picture
from impasto.media.image import decode_picture, save_image
from impasto.recipe import Recipe
from impasto.see.encoder import ChainEncoder
from impasto.see.weights import save_encoder
from impasto.study import sweep_report
from impasto.study.folder import Folder
from impasto.study.page import page, tag
from impasto.study.sweep import open_sweep
from impasto.study.vary import cells_of

NBFORMAT = importlib.util.find_spec("nbformat") is not None
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class Page(HTMLParser):
    """What is on a page: pictures, scripts, the policy, the rows of the table."""

    def __init__(self, text):
        super().__init__()
        self.images, self.scripts, self.data, self.rows, self.policy, self.links = [], [], {}, [], "", []
        self._script = self._cell = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "img" and "src" in values:
            self.images.append((values["alt"], values["src"]))
        if tag == "meta" and values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "script":
            self._script = values
        if tag in ("script", "img", "link", "iframe"):
            self.links += [values[name] for name in ("src", "href") if name in values]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag == "script":
            self._script = None
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._script is not None:
            if self._script.get("type") == "application/json":
                self.data[self._script["id"]] = json.loads(data)
            else:
                self.scripts.append(data)
        elif self._cell:
            self.rows[-1][-1] += data


def command(outcome):
    return f"impasto image 'a & <b>.png' style.png --strength {outcome.cell.recipe.strength:g}"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A folder with four cells and its report; the photograph's name would be HTML."""
    torch.set_num_threads(1)
    here = tmp_path_factory.mktemp("report")
    files = here / "a & <b>.png", here / "style.png"
    save_image(picture(1, 64, 64), files[0])
    save_image(picture(2, 56, 56), files[1])
    torch.manual_seed(0)
    eyes = str(here / "tiny.safetensors")
    save_encoder(eyes, ChainEncoder(((8,), (8, 8), (12,), (16, 16), (16,)), name="tiny"))
    recipe = Recipe(size=64, steps=2, encoder=eyes)
    varied = {"strength": (10.0, 90.0), "style_layers": ("", "relu1_1,relu2_1")}
    folder = Folder(here / "out", open_sweep(*files, cells_of(recipe, varied), recipe, judge=eyes))
    folder.open()
    outcomes = []
    for step in folder.sweep.steps():
        if step.outcome:
            folder.keep(step.outcome)
            outcomes.append(step.outcome)
    folder.write_tables(outcomes)
    best = sweep_report.write(folder, outcomes, command, shows="Look at <this>.", notebook=NBFORMAT)
    return folder, outcomes, best


@pytest.fixture(scope="module")
def text(report):
    return (report[0].path / "report.html").read_text(encoding="utf-8")


def test_everything_is_inside_and_nothing_is_fetched(report, text):
    folder, outcomes, _ = report
    found = Page(text)
    assert [link for link in found.links if not link.startswith("data:")] == []
    cards = {alt: src for alt, src in found.images if alt.split(":")[0].isdigit()}
    assert set(cards) == {f"{one.cell.number}: {one.cell.label}" for one in outcomes}
    for one in outcomes:
        inside = decode_picture(
            base64.b64decode(cards[f"{one.cell.number}: {one.cell.label}"].split(",")[1]), "inside"
        ).image
        assert inside.shape == one.painting.image.shape
        assert float((inside - one.painting.image).abs().mean()) < 0.03
    assert str(folder.path.parent) not in text  # a page is shared, a folder's name is not
    assert "<b>" not in text.split("<script")[0]
    assert "Look at &lt;this&gt;." in text


def test_only_its_own_scripts_may_run(text):
    found = Page(text)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in found.scripts}
    allowed = dict(part.split(" ", 1) for part in found.policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert set(allowed["script-src"].split()) == hashes
    assert not re.search(r"\son\w+=\"", text.split("<script")[0])  # no handlers in the elements: they could not run


def test_the_table_and_the_curves_are_the_runs(report, text):
    pytest.importorskip("plotly")
    _, outcomes, _ = report
    found = Page(text)
    head, *rows = found.rows
    assert head[:4] == ["run", "strength", "style-layers", "seconds"]
    by_number = {one.cell.number: one for one in outcomes}
    for row in rows:
        one = by_number[int(row[0])]
        assert row[head.index("strength")] == f"{one.cell.recipe.strength:g}"
        assert row[head.index("judged style")] == f"{one.judged['style']:,.4f}"
        assert row[head.index("loss: total")] == f"{one.losses['total']:,.5f}"
    traces = {(trace["name"], trace["visible"]): trace for trace in found.data["losses"]["data"]}
    for one in outcomes:
        trace = traces[(f"{one.cell.number}: {one.cell.label}", True)]
        assert trace["x"] == [step for step, _, _ in one.curve]
        assert trace["y"] == pytest.approx([losses["total"] for _, _, losses in one.curve])


def test_the_best_is_marked_and_its_command_is_there(report, text):
    _, outcomes, best = report
    assert best in outcomes
    assert f'data-run="{best.cell.number}"' in re.search(r'<figure [^>]*class="best"', text)[0]
    assert "impasto image &#x27;a &amp; &lt;b&gt;.png&#x27; style.png --strength" in text


def test_data_cannot_end_their_element():
    made = page("t", made_by="x", data={"d": {"name": "</script><b>", "gone": float("nan")}}, scripts=["1"])
    assert Page(made).data["d"] == {"name": "</script><b>", "gone": None}
    with pytest.raises(ValueError, match="end its own element"):
        page("t", made_by="x", scripts=["'</script>'"])
    assert tag("i", data_run="1") == '<i data-run="1"></i>'


def test_the_notebook_is_valid_and_runs(report, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install 'impasto[report]'")
    folder, *_ = report
    book = nbformat.read(folder.path / "report.ipynb", 4)
    nbformat.validate(book)
    code = [cell.source for cell in book.cells if cell.cell_type == "code"]
    assert len(code) == 7
    # Without a kernel too it runs: cell by cell, in the folder where it lies, as far as what it asks for is here.
    monkeypatch.chdir(folder.path)
    names = {}
    for source in code:
        if "IPython" in source:
            source = source.replace("from IPython.display import HTML", "HTML = str")
        if "plotly" in source:
            pytest.importorskip("plotly")
        exec(compile(source, "report.ipynb", "exec"), names)
    assert [run["run"] for run in names["runs"]] == [1, 2, 3, 4]
    assert len(names["front"]) >= 1


@pytest.mark.slow
def test_the_notebook_runs_in_a_kernel(report):
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install 'impasto[report]'")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel")
    folder, *_ = report
    book = nbformat.read(folder.path / "report.ipynb", 4)
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(folder.path)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("<figure" in output.get("data", {}).get("text/html", "") for output in outputs)


@pytest.fixture(scope="module")
def browser():
    """A real browser: playwright with a Chromium of the system's, or its own."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'impasto[browser]'")
    there = next(filter(None, map(shutil.which, BROWSERS)), None)
    with api.sync_playwright() as play:
        try:
            opened = play.chromium.launch(executable_path=there, args=["--no-sandbox"])
        except api.Error as error:
            pytest.skip(f"needs a Chromium: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.mark.slow
def test_it_works_in_a_real_browser_without_a_network(report, browser):
    folder, outcomes, best = report
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
    view = context.new_page()
    asked, said = [], []
    view.on("request", lambda request: asked.append(request.url))
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.goto((folder.path / "report.html").as_uri())
    view.wait_for_selector("html[data-ready]")
    assert [url for url in asked if not url.startswith(("data:", "blob:", "file:"))] == []
    assert view.evaluate("[...document.images].every(i => !i.src || i.naturalWidth > 0)")

    # Zoom: a click opens, the wheel scales, an arrow goes on, Escape closes.
    view.click("#sheet figure img")
    assert view.is_visible("#zoom")
    first, before = view.get_attribute("#zoom img", "alt"), view.get_attribute("#zoom img", "style")
    view.mouse.move(600, 400)
    view.mouse.wheel(0, -400)
    view.wait_for_function("was => document.querySelector('#zoom img').getAttribute('style') !== was", arg=before)
    view.keyboard.press("ArrowRight")
    assert view.get_attribute("#zoom img", "alt") != first
    view.keyboard.press("Escape")
    assert not view.is_visible("#zoom")

    # Side by side: the buttons of a card and the slider.
    view.click('#sheet figure[data-run="2"] button[data-side="A"]')
    view.click('#sheet figure[data-run="3"] button[data-side="B"]')
    card = "document.querySelector(`#sheet figure[data-run='${n}'] img`)"
    same = f"([n, i]) => document.querySelectorAll('#split img')[i].src === {card}.src"
    assert view.evaluate(same, [2, 0])
    assert view.evaluate(same, [3, 1])
    view.fill("#split-at", "25")
    assert view.evaluate("document.querySelector('#split').style.getPropertyValue('--at')") == "25%"

    # Sorting: up, then down, by number and not by text.
    column = view.evaluate(
        "[...document.querySelectorAll('#runs th')].findIndex(th => th.textContent === 'judged style')"
    )
    cells = f"[...document.querySelectorAll('#runs tbody tr')].map(tr => Number(tr.cells[{column}].dataset.value))"
    view.click(f"#runs th:nth-child({column + 1}) button")
    assert view.evaluate(cells) == sorted(one.judged["style"] for one in outcomes)
    view.click(f"#runs th:nth-child({column + 1}) button")
    assert view.evaluate(cells) == sorted((one.judged["style"] for one in outcomes), reverse=True)
    view.select_option("#sheet-order", "content")
    runs = view.evaluate("[...document.querySelectorAll('#sheet figure')].map(f => Number(f.dataset.run))")
    assert runs == [
        one.cell.number for one in sorted(outcomes, key=lambda one: (one.judged["content"], one.cell.number))
    ]

    # Curves: drawn, and another loss on request.
    pytest.importorskip("plotly")
    lines = "document.querySelectorAll('.plot[data-figure=losses] .scatterlayer .trace').length"
    view.wait_for_function(f"{lines} === {len(outcomes)}")
    view.evaluate("Plotly.restyle(document.querySelector('.plot[data-figure=losses]'), 'visible', true)")
    view.wait_for_function(f"{lines} > {len(outcomes)}")
    assert view.evaluate("document.querySelectorAll('.plot[data-figure=judged] .point').length") == len(outcomes) + 2
    assert view.text_content("#command") == command(best)
    assert said == []
    context.close()
