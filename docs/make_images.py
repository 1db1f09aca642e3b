"""Paint the pictures of README and docs: photographs of scikit-image's in our own drawn paintings, as labelled strips.

    python docs/make_images.py              paints what is missing, writes docs/images/*.jpg
    python docs/make_images.py hero         only that one

Paintings are kept in runs/docs-images, so that a change of the layout paints nothing anew; delete them to begin again.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from impasto import Recipe, load_image, save_image, stylize
from impasto.enlarge.enlarge import enlarge, shrunk
from impasto.media.compose import composed, place
from impasto.media.drawn import draw_painting
from impasto.media.flow import colour_wheel, reliability, warp
from impasto.media.flow import flow as optical_flow
from impasto.media.image import resize
from impasto.media.matte import cut_out
from impasto.montage import open_montage, open_montage_easel
from impasto.studio import Easel
from impasto.study.alone import open_texture
from impasto.study.layers import open_layers

HERE = Path(__file__).parent
KEPT = HERE.parent / "runs" / "docs-images"
WIDTH, GAP, LABEL = 1600, 8, 34
BYTES, FEW = 390_000, 146_000  # of a file, at most
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
        for column, (picture, label) in enumerate(row):
            left, right = round(column * (wide + GAP)), round(column * (wide + GAP) + wide)
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


def sizes(base: Recipe) -> Image.Image:
    """One pair at three sizes, whole above, a piece of each at its own pixels below."""
    whole, pieces = [], []
    for size in (512, 2048, 6000):
        file = KEPT / "sizes" / f"{size}-{base.quality}.png"
        if not file.exists():
            print(f"painting {file.stem} at {size} pixels …", flush=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            # A painting as large as a good photograph of one: its bristles are there to be seen.
            painting = draw_painting("swirl", width=2560, height=2048)
            stylize(photograph("coffee"), painting, base.but(size=size)).save(file)
        picture = shown(load_image(file))
        whole.append((picture, f"--size {size}"))
        left, top = round(0.42 * picture.width), round(0.3 * picture.height)
        side = (min(528, picture.width - left), min(352, picture.height - top))
        pieces.append((picture.crop((left, top, left + side[0], top + side[1])), "a piece of it, pixel by pixel"))
    return strip([whole, pieces], [352, 352])


def colour(base: Recipe) -> Image.Image:
    """The photograph and the painting, and whose colours the result has."""
    photo, painting = "chelsea", "ember"

    def mode(**changes: Any) -> tuple[Image.Image, str]:
        label = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in changes.items())
        plain = Recipe(encoder=base.encoder, size=base.size) if changes["color"] == "palette" else base
        return painted(photo, painting, plain, **changes), label

    above = [
        (shown(photograph(photo)), "the photograph"),
        (shown(draw_painting(painting)), "the painting"),
        mode(color="style"),
        mode(color="content"),
    ]
    below = [
        mode(color="luma"),
        mode(color="match"),
        mode(color="match", color_match="histogram"),
        mode(color="palette"),
    ]
    return strip([above, below], [270, 270])


def protect(base: Recipe) -> Image.Image:
    """A photograph, what GrabCut finds in it, and a painting that leaves it alone."""
    photo = photograph("astronaut")
    box = (60, 5, 380, 506)
    found = cut_out(photo, box).expand(-1, 3, -1, -1)
    kept = painted("astronaut", "swirl", base, foreground=",".join(map(str, box)))
    labels = ("the photograph", "impasto mask", f"--foreground {','.join(map(str, box))}")
    pictures = (shown(photo), shown(found), kept)
    return strip([list(zip(pictures, labels, strict=True))], [480])


def compose(base: Recipe) -> Image.Image:
    """An astronaut in a painting: laid over it, cloned into it, painted with it."""
    woman, painting = photograph("astronaut")[..., :400], resize(draw_painting("swirl"), 640)
    height, width = painting.shape[2:]
    matte, at, scale = cut_out(woman, (50, 2, 345, 509)), (width // 2, height - 145), 0.6
    placed = place(woman, matte, height, width, at, scale)
    row = [(shown(composed(placed, painting, how)), f"--blend {how}") for how in ("paste", "normal")]
    file = KEPT / f"{base.size}-{base.quality}" / "compose-paste.png"
    if not file.exists():
        print("painting compose …", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        names = [KEPT / f"compose-{part}.png" for part in ("woman", "mask", "painting")]
        for name, image in zip(names, (woman, matte.expand(-1, 3, -1, -1), painting), strict=True):
            save_image(image, name)
        montage = open_montage(names[0], names[2], mask=names[1], at=at, scale=scale, blend="paste")
        easel = open_montage_easel(montage, (), base)
        for last in easel.paint():  # noqa: B007 - the last one is what counts
            pass
        easel.painting(last).save(file)
    row.append((shown(load_image(file)), "--blend paste --harmonise"))
    return strip([row], [400])


def upscale(base: Recipe) -> Image.Image:
    """A face of 90 pixels, four times as large: bicubic, the net, and the photograph it was made of."""
    true = photograph("astronaut")[:, :, 40:216, 140:316]
    small = (shrunk(true, 2).clamp(0, 1) * 255).round() / 255

    def grown(image: torch.Tensor, times: int) -> Image.Image:
        return shown(torch.nn.functional.interpolate(image, scale_factor=times, mode="nearest"))

    bicubic = torch.nn.functional.interpolate(small, scale_factor=2, mode="bicubic", align_corners=False).clamp(0, 1)
    row = [(grown(small, 6), "what was given"), (grown(bicubic, 3), "bicubic"),
           (grown(enlarge(small, 2), 3), "impasto upscale --times 2"), (grown(true, 3), "the photograph")]  # fmt: skip
    return strip([row], [390])


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


def flow(base: Recipe) -> Image.Image:
    """Two frames in which a cup moves to the right and the ground to the left: what flow makes of them."""
    ground, cup = resize(photograph("astronaut"), 460), resize(photograph("coffee"), 330)[:, :, 15:205, 70:260]
    y, x = torch.meshgrid(torch.linspace(-1, 1, 190), torch.linspace(-1, 1, 190), indexing="ij")
    disc = (x.square() + y.square() < 0.8).float()

    def frame(number: int) -> torch.Tensor:
        image = ground[:, :, 40:300, 20 + 4 * number : 420 + 4 * number].clone()
        place = image[:, :, 60:250, 120 + 7 * number : 310 + 7 * number]
        place[:] = cup * disc + place * (1 - disc)
        return image

    before, now = frame(0), frame(1)
    back, forth = optical_flow(now, before), optical_flow(before, now)
    trusted = reliability(forth, back).expand_as(now)
    shows = ((now, "a frame"), (colour_wheel(-back), "--show flow"), (trusted, "--show reliability"),
             (warp(before, back), "--show warp"))  # fmt: skip
    return strip([[(shown(image), label) for image, label in shows]], [260])


SHEETS: dict[str, Callable[[Recipe], Image.Image]] = {
    "hero": hero,
    "paintings": paintings,
    "strength": strength,
    "style-scale": style_scale,
    "sizes": sizes,
    "colour": colour,
    "protect": protect,
    "compose": compose,
    "upscale": upscale,
    "layers": layers,
    "textures": textures,
    "flow": flow,
}
# What these pages show is not a matter of fine detail.
SMALL = {"colour", "protect", "compose", "upscale", "layers", "textures"}


def write(sheet: Image.Image, file: Path, limit: int = BYTES) -> None:
    """As JPEG, at the best quality that keeps below the limit in bytes."""
    for quality in range(92, 30, -3):
        held = io.BytesIO()
        sheet.save(held, "JPEG", quality=quality, optimize=True, progressive=True)
        if held.tell() < limit:
            break
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(held.getvalue())
    print(f"{file.name}: {sheet.width}×{sheet.height}, {held.tell() / 1e3:.0f} kB at quality {quality}", flush=True)


def asked_for(
    of: str, there: Collection[str], options: Mapping[str, Any], kind: str = "sheet"
) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """What was typed: ``names`` of the ``there``, all without one, and ``options`` with their defaults."""
    parser = argparse.ArgumentParser(description=f"Paint the pictures of {of}.")
    text = f"of {', '.join(there)}; all without a name"
    parser.add_argument("names", nargs="*", metavar=kind.upper(), help=text)
    for flag, default in options.items():
        parser.add_argument(flag, type=type(default), default=default)
    found = parser.parse_args()
    if unknown := set(found.names) - set(there):
        parser.error(f"no such {kind}: {', '.join(unknown)}")
    found.names = found.names or list(there)
    return parser, found


def main() -> None:
    """Paint and write the sheets that are named, or all."""
    _, given = asked_for("README and docs", SHEETS, {"--size": 512, "--quality": "good"})
    base = Recipe(encoder="builtin", size=given.size, quality=given.quality)
    for name in given.names:
        write(SHEETS[name](base), HERE / "images" / f"{name}.jpg", FEW if name in SMALL else BYTES)


if __name__ == "__main__":
    main()
