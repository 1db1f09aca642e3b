"""Paint the pictures of README and docs: photographs of scikit-image's in our own drawn paintings, as labelled strips.

    python docs/make_images.py              paints what is missing, writes docs/images/*.jpg
    python docs/make_images.py hero         only that one

Paintings are kept in runs/docs-images, so that a change of the layout paints nothing anew; delete them to begin again.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from impasto import Recipe, load_image, stylize
from impasto.media.drawn import draw_painting
from impasto.studio import Easel
from impasto.study.alone import open_texture
from impasto.study.layers import open_layers

HERE = Path(__file__).parent
KEPT = HERE.parent / "runs" / "docs-images"
WIDTH, GAP, LABEL = 1600, 8, 34
BYTES, SMALL = 390_000, {"layers": 148_000, "textures": 148_000}  # of a file, at most
PAPER, INK = (255, 255, 255), (60, 60, 60)


def photograph(name: str) -> torch.Tensor:
    """A photograph of scikit-image's, ``(1, 3, H, W)``, 0..1."""
    return torch.from_numpy(getattr(data, name)()).permute(2, 0, 1)[None].float() / 255


def painted(photo: str, painting: str, base: Recipe, **changes: Any) -> Image.Image:
    """``photo`` in the manner of ``painting``, from the folder of what is painted already if it is there."""
    words = "-".join([photo, painting, *(f"{key}={value}" for key, value in changes.items())])
    file = KEPT / f"{base.size}-{base.quality}" / f"{words}.png"
    if not file.exists():
        print(f"painting {file.stem} …", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        stylize(photograph(photo), draw_painting(painting), base.but(**changes)).save(file)
    return shown(load_image(file))


def shown(image: torch.Tensor) -> Image.Image:
    """A tensor as a picture of Pillow's."""
    return Image.fromarray((image[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy())


def cropped(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The middle, rather its upper part, of ``picture`` at ``width`` × ``height``."""
    scale = max(width / picture.width, height / picture.height)
    size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
    large = picture.resize(size, Image.Resampling.LANCZOS)
    left, top = (large.width - width) // 2, (large.height - height) // 4  # heads are above the middle
    return large.crop((left, top, left + width, top + height))


def strip(rows: Sequence[Sequence[tuple[Image.Image, str]]], heights: Sequence[int]) -> Image.Image:
    """Rows of pictures with a label under each; a row without labels takes no room for them."""
    rooms = [LABEL if any(label for _, label in row) else GAP for row in rows]
    sheet = Image.new("RGB", (WIDTH, sum(heights) + sum(rooms)), PAPER)
    pen, font, y = ImageDraw.Draw(sheet), ImageFont.load_default(size=19), 0
    for row, height, room in zip(rows, heights, rooms, strict=True):
        wide = (WIDTH - GAP * (len(row) - 1)) / len(row)
        for place, (picture, label) in enumerate(row):
            left, right = round(place * (wide + GAP)), round(place * (wide + GAP) + wide)
            sheet.paste(cropped(picture, right - left, height), (left, y))
            pen.text(((left + right) / 2, y + height + room / 2), label, INK, font, anchor="mm")
        y += height + room
    return sheet


def hero(base: Recipe) -> Image.Image:
    """Four photographs above, each in a painting of its own below."""
    pairs = (("chelsea", "swirl"), ("coffee", "ember"), ("astronaut", "mosaic"), ("rocket", "ink"))
    above = [(shown(photograph(photo)), "") for photo, _ in pairs]
    below = [(painted(photo, painting, base), f"{photo}, in the manner of {painting}") for photo, painting in pairs]
    return strip([above, below], [260, 340])


def paintings(base: Recipe) -> Image.Image:
    """One photograph in the four paintings: these above, the pictures below."""
    names = ("swirl", "ember", "mosaic", "ink")
    above = [(shown(draw_painting(name)), "") for name in names]
    return strip([above, [(painted("chelsea", name, base), name) for name in names]], [220, 300])


def strength(base: Recipe) -> Image.Image:
    """The dial from little to much."""
    values = (10, 30, 50, 70, 90)
    return strip([[(painted("coffee", "swirl", base, strength=v), f"--strength {v}") for v in values]], [260])


def style_scale(base: Recipe) -> Image.Image:
    """Strokes of three sizes."""
    values = (0.5, 1.0, 2.0)
    row = [(painted("astronaut", "ember", base, style_scale=v), f"--style-scale {v:g}") for v in values]
    return strip([row], [480])


def layers(base: Recipe) -> Image.Image:
    """What every layer sees of a drawn painting and of a photograph, small: two panels a layer."""
    study = open_layers(photograph("chelsea"), draw_painting("swirl"), "all", base.but(size=192))
    figure = kept(study.easel, f"layers-{base.quality}")
    return figure.resize((WIDTH, round(figure.height * WIDTH / figure.width)), Image.Resampling.LANCZOS)


def textures(base: Recipe) -> Image.Image:
    """A detail of a painting, more of it than there is, and a tile laid four times."""
    swatch = draw_painting("swirl")[:, :, :256, :256]
    more, tile = (
        kept(open_texture(swatch, size, base.but(size=512, statistic="moments"), seamless=seamless), name)
        for size, seamless, name in (((512, 512), False, "more"), ((256, 256), True, "tile"))
    )
    four = Image.new("RGB", (2 * tile.width, 2 * tile.height))
    for left in (0, tile.width):
        for top in (0, tile.height):
            four.paste(tile, (left, top))
    paper = Image.new("RGB", (512, 512), PAPER)
    paper.paste(shown(swatch), (128, 128))
    named = ((paper, "256 pixels of a painting"), (more, "--size 512"), (four, "--size 256 --seamless, four times"))
    return strip([named], [528])


def kept(easel: Easel, name: str) -> Image.Image:
    """What is painted on ``easel``, from the folder of what is painted already if it is there."""
    file = KEPT / "inside" / f"{name}.png"
    if not file.exists():
        print(f"painting {name} …", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        for last in easel.paint():  # noqa: B007 - the last one is what counts
            pass
        easel.painting(last).save(file)
    return shown(load_image(file))


SHEETS: dict[str, Callable[[Recipe], Image.Image]] = {
    "hero": hero,
    "paintings": paintings,
    "strength": strength,
    "style-scale": style_scale,
    "layers": layers,
    "textures": textures,
}


def write(sheet: Image.Image, file: Path) -> None:
    """As JPEG, at the best quality that keeps below the limit."""
    for quality in range(92, 40, -3):
        held = io.BytesIO()
        sheet.save(held, "JPEG", quality=quality, optimize=True, progressive=True)
        if held.tell() < SMALL.get(file.stem, BYTES):
            break
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(held.getvalue())
    print(f"{file.name}: {sheet.width}×{sheet.height}, {held.tell() / 1e3:.0f} kB at quality {quality}", flush=True)


def main() -> None:
    """Paint and write the sheets that are named, or all."""
    parser = argparse.ArgumentParser(description="Paint the pictures of README and docs.")
    parser.add_argument("sheets", nargs="*", metavar="SHEET", help=f"of {', '.join(SHEETS)}; all without a name")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--quality", default="good")
    given = parser.parse_args()
    if unknown := set(given.sheets) - set(SHEETS):
        parser.error(f"no such sheet: {', '.join(unknown)}")
    base = Recipe(encoder="builtin", size=given.size, quality=given.quality)
    for name in given.sheets or SHEETS:
        write(SHEETS[name](base), HERE / "images" / f"{name}.jpg")


if __name__ == "__main__":
    main()
