"""Paint the pictures of docs/gallery.md: run the commands that stand there, and lay out what they make.

    python docs/make_gallery.py --shared ../shared            runs what has not been run, writes docs/images/gallery-*.jpg
    python docs/make_gallery.py --shared ../shared weights    only that figure

Photograph and paintings come from images/content and images/style of the folder --shared. What the commands make is kept
in runs/docs-gallery; delete it to begin again.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from make_images import HERE, KEPT, asked_for, shown, write
from PIL import Image

from impasto import load_image
from impasto.media.sheet import sheet

FOLDER = KEPT.parent / "docs-gallery"
SHARED = ("content/tubingen", "style/starry_night", "style/picasso_selfport1907", "style/seated-nude")
LIMIT = 116_000  # bytes of a figure: eight of them are below a megabyte
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> dict[str, list[str]]:
    """Every command of the page by what it writes, as in ``{"starry.png": ["image", …]}``."""
    text = (HERE / "gallery.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [shlex.split(line) for block in FENCE.findall(text) for line in block.splitlines()]
    return {words[words.index("-o") + 1]: words[1:] for words in lines if words[:1] == ["impasto"] and "-o" in words}


def made(out: str, within: str = "") -> Path:
    """What the command with ``-o out`` makes, or the file ``within`` its folder; run now if it is not there."""
    file = FOLDER / out / within
    if not file.exists():
        words = commands()[out]
        print("impasto", shlex.join(words), flush=True)
        path = os.pathsep.join(filter(None, [str(HERE.parent / "src"), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path}
        subprocess.run([sys.executable, "-m", "impasto", *words], cwd=FOLDER, env=environment, check=True)
    return file


def laid_out(rows: Sequence[Sequence[tuple[torch.Tensor, str]]], width: int) -> Image.Image:
    """Rows of pictures in cells of 4:3, which are ``width`` pixels wide."""
    return shown(sheet(rows, width * 3 // 4, width))


def paintings() -> Image.Image:
    """The photograph in the manner of each of three paintings; what was given is not ours to show."""
    row = [(load_image(made(f"{name}.png")), f"{name}.png") for name in ("starry", "picasso", "nude")]
    return laid_out([row], 512)


def swept(out: str, option: str, values: Sequence[str]) -> list[tuple[torch.Tensor, str]]:
    """Cells of a sweep of one option, each with what was given for it."""
    return [(load_image(made(out, f"pictures/{option}-{value}.png")), f"--{option} {value}") for value in values]


def weights() -> Image.Image:
    """Four style weights, of which the first hardly counts."""
    cells = swept("weights", "style-weight", ("0.05", "0.3", "1", "6"))
    return laid_out([cells[:2], cells[2:]], 384)


def report() -> Image.Image:
    """The beginning of the report of that sweep, as Chromium shows it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("the picture of the report wants a Chromium on the path")
    with tempfile.TemporaryDirectory() as place:
        shot = Path(place) / "report.png"
        how = [
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--window-size=1200,2000",
            "--virtual-time-budget=8000",
        ]
        page = made("weights", "report.html").resolve().as_uri()
        subprocess.run([browser, *how, f"--screenshot={shot}", page], check=True, capture_output=True)
        picture = shown(load_image(shot)).crop((0, 840, 1200, 1860))  # the contact sheet, its first row
    return picture.resize((900, round(picture.height * 900 / picture.width)), Image.Resampling.LANCZOS)


def content() -> Image.Image:
    """The photograph's maps matched at two depths."""
    return laid_out([swept("content-layer", "content-layers", ("relu2_1", "relu4_2"))], 480)


def starts() -> Image.Image:
    """Three starts."""
    return laid_out([swept("starts", "init", ("content", "style", "noise"))], 384)


def layers() -> Image.Image:
    """The figure of ``impasto study layers``, smaller, and without its first column, the pictures given."""
    figure = shown(load_image(made("layers", "layers.png")))
    figure = figure.crop((figure.width // 7, 0, figure.width, figure.height))
    return figure.resize((1280, round(figure.height * 1280 / figure.width)), Image.Resampling.LANCZOS)


def reconstructions() -> Image.Image:
    """The strip of ``impasto reconstruct`` as it is."""
    return shown(load_image(made("reconstructions.png")))


def textures() -> Image.Image:
    """The strip of ``impasto texture`` as it is."""
    return shown(load_image(made("textures.png")))


FIGURES: dict[str, Callable[[], Image.Image]] = {
    "paintings": paintings,
    "weights": weights,
    "report": report,
    "content": content,
    "reconstructions": reconstructions,
    "textures": textures,
    "layers": layers,
    "starts": starts,
}


def main() -> None:
    """Run, lay out and write the figures that are named, or all."""
    parser, asked = asked_for("docs/gallery.md", FIGURES, {"--shared": Path("../shared")}, "figure")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        picture = asked.shared / "images" / f"{name}.jpg"
        if not picture.is_file():
            parser.error(f"--shared {asked.shared}: {picture} is missing")
        shutil.copy(picture, FOLDER)
    for name in asked.names:
        write(FIGURES[name](), HERE / "images" / f"gallery-{name}.jpg", LIMIT)


if __name__ == "__main__":
    main()
