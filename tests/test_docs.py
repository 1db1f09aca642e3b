"""README and docs say what is true: links lead somewhere, commands parse, code runs, the reference is up to date."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
import torch

import impasto
from impasto.cli import cli
from impasto.cli.options import typed
from impasto.errors import UnknownNameError
from impasto.recipe import Recipe, options

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(DOCS.glob("*.md"))
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"sh", "bash", "console", "shell"}


def prose(text):
    return FENCE.sub("", text)


def blocks(text, *languages):
    return [body for language, body in FENCE.findall(text) if language in languages]


def anchors(text):
    """The names that GitHub gives to headings."""
    titles = re.findall(r"^#+ +(.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(text):
    plain = prose(text)
    return re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", plain) + re.findall(r'(?:src|href)="([^"]+)"', plain)


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page):
    images = DOCS / "images"
    for link in links(TEXTS[page]):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if images in target.resolve().parents and not images.exists():
            continue  # what docs/make_images.py paints
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"


@pytest.mark.skipif(not (DOCS / "images").is_dir(), reason="the pictures have not been painted: docs/make_images.py")
def test_pictures_are_small_and_all_used():
    pictures = set((DOCS / "images").iterdir())
    assert all(picture.stat().st_size < 400_000 for picture in pictures)
    shown = {((ROOT / page).parent / link).resolve() for page, text in TEXTS.items() for link in links(text)}
    assert pictures <= shown


def commands():
    """Every ``impasto …`` line of a shell block, and those between backticks in the text, by page."""
    for page, text in TEXTS.items():
        if page == "docs/reference.md":  # made from the commands themselves
            continue
        lines = "\n".join(blocks(text, *SHELL)).replace("\\\n", " ").splitlines()
        lines += re.findall(r"`((?:impasto|make) [^`]*)`", prose(text).replace("\n", " "))
        for line in lines:
            if words := shlex.split(line.removeprefix("$ "), comments=True):
                yield page, words


def parse(words):
    """Parse as the program would, without running: unknown commands, options and values raise."""
    command, name = cli, "impasto"
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        group, command = command, command.get_command(click.Context(command), name)
        assert command is not None, f"{group.name} has no command {name}"
    if words and words not in (["--help"], ["--version"], ["…"]):
        context = command.make_context(name, list(words))
        if "style_scale" in context.params:
            Recipe().but(**typed(dict(context.params)))


SHOWN = [(page, words) for page, words in commands() if words[0].endswith("impasto")]


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=lambda value: "".join(value)[:60])
def test_commands_parse(page, words):
    parse(words[1:])


def test_a_wrong_command_would_be_noticed():
    assert len(SHOWN) > 20
    with pytest.raises(click.UsageError):
        parse(["image", "a.jpg", "b.jpg", "--strenght", "50"])
    with pytest.raises(UnknownNameError):
        parse(["image", "a.jpg", "b.jpg", "--quality", "great"])


def test_make_targets_and_extras_exist():
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = {words[1] for _, words in commands() if words[0] == "make" and len(words) > 1}
    assert made <= targets
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    named = {name for text in TEXTS.values() for name in re.findall(r"impasto\[(\w+)\]", text)}
    assert named <= extras


@pytest.mark.parametrize("page", TEXTS)
def test_python_compiles_and_names_exist(page):
    for block in blocks(TEXTS[page], "python"):
        compile(block, page, "exec")
        for line in re.findall(r"^from impasto import (.+)$", block, re.MULTILINE):
            assert {name.strip() for name in line.split(",")} <= set(impasto.__all__)


def test_an_encoder_of_ones_own_paints(content, style):
    torch.manual_seed(0)
    made = {}
    (block,) = (block for block in blocks(TEXTS["docs/encoders.md"], "python") if "(Encoder)" in block)
    assert sum(bool(line.strip()) for line in block.splitlines()) <= 20  # as the index promises
    exec(compile(block, "docs/encoders.md", "exec"), made)
    painting = impasto.stylize(content, style, encoder=made["encoder"], size=64, steps=3)
    assert painting.image.isfinite().all()
    assert painting.about["encoder"]["name"] == made["encoder"].name


def test_the_reference_is_up_to_date_and_whole(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    monkeypatch.setattr(sys, "argv", ["generate_reference.py", "--check"])
    generate.main()
    for option in options():
        assert f"`--{option.name.replace('_', '-')}`" in TEXTS["docs/reference.md"]


def test_versions_agree():
    assert re.findall(r"^## (\d\S*)", TEXTS["CHANGELOG.md"], re.MULTILINE)[0] == impasto.__version__
    assert f'version = "{impasto.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("page", TEXTS)
def test_no_figure_is_missing(page):
    assert "TODO" not in TEXTS[page]
    assert not re.search(r"@[A-Z]+@", TEXTS[page])
