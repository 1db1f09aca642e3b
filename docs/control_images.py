"""Paint the pictures of docs/control.md, as docs/make_images.py does those of the other pages.

python docs/control_images.py           paints what is missing, writes docs/images/control-*.jpg
python docs/control_images.py doodle    only that one
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from doodle_maps import doodle, swirl_map
from make_images import HERE, KEPT, asked_for, photograph, shown, strip, write
from PIL import Image, ImageDraw

from impasto import Manner, Recipe, load_image, save_image, stylize
from impasto.media.drawn import draw_painting
from impasto.recipe import STATISTIC_NAMES

LIMIT = 150_000
FOLDER = KEPT / "control"


def astronaut_mask() -> Image.Image:
    """The person red, the rest blue: traced by hand on scikit-image's photograph of 512 × 512 pixels."""
    mask = Image.new("RGB", (512, 512), "#0000ff")
    person = [(150, 60), (180, 20), (225, 5), (270, 20), (300, 70), (300, 130), (290, 165), (340, 190), (400, 225)]
    person += [(440, 270), (470, 400), (480, 512), (0, 512), (20, 420), (60, 330), (90, 260), (140, 215), (165, 190)]
    ImageDraw.Draw(mask).polygon([*person, (150, 130)], "#ff0000")
    return mask


def given(name: str) -> Path:
    """A picture to paint from, as a file: what is not there yet is made."""
    file = FOLDER / f"{name}.png"
    if not file.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        if name == "astronaut-mask":
            astronaut_mask().save(file)
        elif name == "swirl-map":
            height, width = draw_painting("swirl").shape[2:]
            swirl_map(width, height).save(file)
        elif name == "doodle":
            doodle(640, 480).save(file)
        else:
            drawn = name in ("swirl", "ember", "mosaic", "ink")
            save_image(draw_painting(name) if drawn else photograph(name), file)
    return file


def painted(name: str, photo: str, styles: list[Manner], recipe: Recipe) -> Image.Image:
    """The painting kept as ``name``, made now if it is not there."""
    file = FOLDER / f"{name}-{recipe.size}-{recipe.quality}.png"
    if not file.exists():
        print(f"painting {file.stem} …", flush=True)
        stylize(given(photo), styles, recipe).save(file)
    return shown(load_image(file))


def style(name: str, **settings: object) -> Manner:
    """One of the drawn paintings."""
    return Manner(given(name), **settings)  # type: ignore[arg-type]


def picture(name: str) -> Image.Image:
    """A picture that is painted from, to be shown."""
    return shown(load_image(given(name)))


def regions(base: Recipe) -> Image.Image:
    """A photograph, its mask, two styles, the person left nearly alone, and the person in her own colours."""
    masked = base.but(mask=str(given("astronaut-mask")))
    two = [style("mosaic", region="red"), style("swirl", region="blue")]
    row = [(picture("astronaut"), "photograph"), (picture("astronaut-mask"), "--mask")]
    row.append((painted("regions", "astronaut", two, masked), "mosaic in red, swirl in blue"))
    kept = masked.but(region_strength="red=10,blue=70")
    row.append((painted("strengths", "astronaut", [style("swirl")], kept), "--region-strength red=10,blue=70"))
    own = masked.but(region_color="red=content")
    row.append((painted("region-color", "astronaut", [style("swirl")], own), "--region-color red=content"))
    return strip([row], [312])


def mixing(base: Recipe) -> Image.Image:
    """From one painting to another."""
    row = []
    for weight in (1.0, 0.75, 0.5, 0.25, 0.0):
        pair = [style("ember", weight=weight), style("swirl", weight=1 - weight)]
        row.append((painted(f"mix-{weight}", "chelsea", pair, base), f"ember:{weight:g} swirl:{1 - weight:g}"))
    return strip([row], [210])


def shared(base: Recipe) -> Image.Image:
    """Layers and scales shared out."""
    row = [(painted("ink", "coffee", [style("ink")], base), "ink")]
    row.append((painted("ember", "coffee", [style("ember")], base), "ember"))
    fine = [style("ink", layers="relu1_1,relu2_1"), style("ember")]
    row.append((painted("ink-ember", "coffee", fine, base), "ink:layers=relu1_1,relu2_1 ember"))
    several = painted("scales", "coffee", [style("ember")], base.but(style_scales="0.5,2"))
    row.append((several, "ember, --style-scales 0.5,2"))
    return strip([row], [266])


def doodles(base: Recipe) -> Image.Image:
    """A painting and its map, the doodle, what comes of it."""
    own = base.but(mask=str(given("doodle")), style_mask=str(given("swirl-map")), init="regions", strength=100)
    row = [(picture("swirl"), "painting"), (picture("swirl-map"), "--style-map"), (picture("doodle"), "doodle")]
    row.append((painted("doodle", "doodle", [style("swirl")], own), "painted"))
    return strip([row], [296])


def statistics(base: Recipe) -> Image.Image:
    """One pair through every statistic."""
    row = []
    for name in STATISTIC_NAMES:
        layers = "relu3_1,relu4_1" if name == "patches" else ""
        made = base.but(statistic=name, style_layers=layers)
        row.append((painted(f"statistic-{name}", "chelsea", [style("swirl")], made), name))
    return strip([row], [240])


SHEETS: dict[str, Callable[[Recipe], Image.Image]] = {
    "regions": regions,
    "mixing": mixing,
    "layers": shared,
    "doodle": doodles,
    "statistics": statistics,
}


def main() -> None:
    """Paint and write the sheets that are named, or all."""
    _, chosen = asked_for("docs/control.md", SHEETS, {"--size": 320, "--quality": "draft"})
    base = Recipe(encoder="builtin", size=chosen.size, quality=chosen.quality)
    for name in chosen.names:
        write(SHEETS[name](base), HERE / "images" / f"control-{name}.jpg", LIMIT)


if __name__ == "__main__":
    main()
