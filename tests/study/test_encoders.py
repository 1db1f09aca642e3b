"""The study: what it paints is what ``stylize`` paints, what it says is what the judge says."""

import base64
from html.parser import HTMLParser

import pytest
import torch

from impasto import stylize
from impasto.errors import InputError, UnknownNameError, WeightsError
from impasto.media.drawn import draw_painting
from impasto.media.image import decode_picture, save_image
from impasto.recipe import Recipe
from impasto.see.encoder import ChainEncoder, Encoder, Layer
from impasto.see.weights import save_encoder
from impasto.study.encoders import open_study, study_encoders
from impasto.study.encoders_page import encoders_page
from impasto.study.page import shown
from impasto.train.judged import judge

SMALL = Recipe(size=64, steps=1)


class Broken(Encoder):
    """Loads well, and fails when it looks."""

    name = "broken"
    layers = (Layer("only", 3, 1),)
    style_layers = content_layers = ("only",)

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, image, wanted):
        raise RuntimeError("no light\nin here <b>")


class Page(HTMLParser):
    """What is on a page, read as a browser does."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.rows, self.text = [], [], [], []
        self._bold = self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "img":
            kind, data = values["src"].split(";base64,")
            self.images.append((values["alt"], kind, decode_picture(base64.b64decode(data), "inside").image))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True
        self._bold = self._bold or tag == "strong"

    def handle_endtag(self, tag):
        self._bold = self._bold and tag != "strong"
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text.append(data)
        if self._cell:
            self.rows[-1][-1] += f"*{data}*" if self._bold else data

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A photograph and a painting, as files."""
    folder = tmp_path_factory.mktemp("pictures")
    files = folder / "a & <b>.png", folder / "style.png"
    for file, name in zip(files, ("mosaic", "swirl"), strict=True):
        save_image(draw_painting(name, width=64, height=48), file)
    return files


def run(study):
    return [step.result for step in study.steps() if step.result]


@pytest.fixture(scope="module")
def painted(pictures, tmp_path_factory):
    """Two encoders, judged by a third: the study, its results and its page."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    file = str(tmp_path_factory.mktemp("nets") / "mine.safetensors")
    blocks = ((8, 8), (8, 8), (12, 12, 12), (16, 16, 16), (16,))
    save_encoder(file, ChainEncoder(blocks, name="mine"), {"trained_by": "<script>alert(1)</script>"})
    study = open_study(*pictures, ["random", file], SMALL, judge=ChainEncoder(blocks, name="<i>judge").eval())
    results = run(study)
    return study, results, Page(encoders_page(study, results))


def test_the_paintings_are_those_of_stylize_and_so_are_the_figures(painted, pictures):
    study, results, page = painted
    for given, result in zip(study.encoders, results, strict=True):
        alone = stylize(*pictures, SMALL, encoder=given)
        assert torch.equal(result.painting.image, alone.image)
        assert result.judged == judge(alone.image, study.content.image, study.style.image, study.judge, size=64)
        (inside,) = [image for alt, _, image in page.images if alt.endswith(f"through {result.eyes.label}")]
        assert float((inside - alone.image).abs().max()) <= 0.51 / 255


def test_the_page_shows_all_pictures_with_words(painted):
    study, _, page = painted
    alts = [alt for alt, _, _ in page.images]
    assert alts[:2] == ["content: a & <b>.png", "style: style.png"]
    assert alts[2:] == [f"a & <b>.png, style.png, painted through {name}" for name in ("random", "mine")]
    assert float((page.images[0][2] - study.content.image).abs().mean()) < 0.02  # a JPEG of it
    assert page.images[2][1] == "data:image/png"


def test_the_table_is_the_run(painted):
    _, results, page = painted
    head, *rows = page.rows
    assert head[0] == "encoder"
    assert head[4:] == ["seconds to paint", "style", "held", "content", "chroma noise"]
    for row, result in zip(rows, results, strict=True):
        plain = [cell.strip("*") for cell in row]
        assert plain[0] == result.eyes.label
        assert plain[1] == f"{result.eyes.parameters:,}"
        assert plain[2:4] == [shown(result.eyes.megabytes, 2), shown(result.eyes.kmacs, 1)]
        assert plain[4] == f"{result.seconds:.1f}"
        assert plain[5:8] == [f"{result.judged[name]:.4f}" for name in ("style", "held", "content")]
        assert plain[8] == f"{result.judged['chroma_noise']:.2f}"
    held = [result.judged["held"] for result in results]
    assert [row[6].startswith("*") for row in rows] == [value == min(held) for value in held]
    grain = [abs(result.judged["chroma_noise"] - 1) for result in results]
    assert [row[8].startswith("*") for row in rows] == [value == min(grain) for value in grain]
    assert not rows[0][2].startswith("*")  # random weights have no file: nothing to be the smaller of


def test_names_are_text_and_nothing_is_fetched(painted):
    study, results, page = painted
    assert not {"script", "link", "iframe", "i", "b"} & set(page.tags)
    assert "trained by <script>alert(1)</script>" in page.words
    assert "The judge is <i>judge" in page.words
    text = encoders_page(study, results)
    assert "http" not in text.replace("http-equiv", "")
    assert str(study.given[0].parent) not in text  # a page is shared, a folder's name is not


def test_settings_and_machine_are_told(painted):
    study, _, page = painted
    for words in ("size 64", "steps 1", "strength 50", "quality good", f"torch {torch.__version__}", "precision"):
        assert words in page.words
    assert study.machine["processor"] in page.words
    assert "Interrupted" not in page.words
    assert "No judged distances" not in page.words


def test_without_a_judge_the_page_says_how_to_get_one(pictures, tiny):
    study = open_study(*pictures, [tiny], SMALL)
    page = Page(encoders_page(study, run(study)))
    assert "impasto models fetch vgg19-caffe gets one, --judge FILE names one." in page.words
    assert len(page.rows[0]) == 5


def test_progress_runs_to_its_end_and_results_come_one_by_one(pictures, tiny):
    steps = list(study_encoders(*pictures, ["random", tiny], SMALL))
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)
    assert [step.eyes.label for step in steps if step.result] == ["random", "tiny"]
    assert all((step.progress is None) != (step.result is None) for step in steps)
    costs = [step.eyes.kmacs for step in steps if step.result]
    assert next(step.done for step in steps if step.result) == pytest.approx(costs[0] / sum(costs))


def test_one_that_fails_is_named_and_the_others_go_on(pictures, tiny):
    study = open_study(*pictures, [Broken(), tiny], SMALL)
    broken, whole = run(study)
    assert broken.failure == "RuntimeError: no light in here <b>"
    assert whole.painting is not None
    page = Page(encoders_page(study, [broken, whole]))
    assert "could not paint: RuntimeError: no light in here <b>" in page.words
    assert len(page.images) == 3
    assert page.rows[1] == ["broken", "–", "–", "–", "–"]


def test_an_interrupted_study_says_what_is_missing(pictures, tiny):
    study = open_study(*pictures, [tiny, "random", "builtin"], SMALL)
    first = next(step.result for step in study.steps() if step.result)
    page = Page(encoders_page(study, [first]))
    assert "Interrupted after 1 of 3 encoders; not painted: random, builtin." in page.words


def test_all_is_checked_before_anything_is_painted(pictures, tiny, tmp_path):
    content, style = pictures
    (tmp_path / "tiny.safetensors").write_bytes(b"")
    copy = str(tmp_path / "copy.safetensors")
    save_encoder(copy, tiny)
    with pytest.raises(InputError, match=r"--encoder .*copy.safetensors is the same encoder as tiny .*give it once"):
        study_encoders(content, style, [tiny, "random", copy], SMALL)
    with pytest.raises(InputError, match="--encoder builtin is the same encoder as auto"):
        study_encoders(content, style, ["auto", "builtin"], SMALL)
    with pytest.raises(UnknownNameError, match="did you mean 'builtin'"):
        study_encoders(content, style, ["builtn"], SMALL)
    with pytest.raises(InputError, match=r"--encoder .*: .*tiny.safetensors is empty"):
        study_encoders(content, style, ["random", str(tmp_path / "tiny.safetensors")], SMALL)
    with pytest.raises(WeightsError, match="is empty"):
        study_encoders(content, style, [str(tmp_path / "tiny.safetensors")], SMALL)
    with pytest.raises(InputError, match="--judge vgg19: vgg19 is not installed"):
        study_encoders(content, style, [tiny], SMALL, judge="vgg19")
    with pytest.raises(InputError, match="--encoder broken: unknown layer 'relu4_2'"):
        study_encoders(content, style, [tiny, Broken()], SMALL, content_layers="relu4_2")
