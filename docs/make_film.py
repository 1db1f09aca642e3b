"""Paint the film of docs/film.md: the same small film in four ways, side by side, as an animated WebP.

    python docs/make_film.py

A photograph of scikit-image's under a panning camera, with a cup that moves over it. Painted films are kept in
runs/docs-film, so that a change of the layout paints nothing anew; delete them to begin again.
"""

from __future__ import annotations

import io
from pathlib import Path

import torch
from make_images import photograph, shown
from PIL import Image, ImageDraw, ImageFont

from impasto.film import FilmOptions
from impasto.judge.film import FilmJudge
from impasto.media.drawn import draw_painting
from impasto.media.image import load_image, resize, save_image
from impasto.paint.optimise import OptimisePainter
from impasto.paint.video import paint_video
from impasto.recipe import Recipe
from impasto.studio import open_easel

HERE = Path(__file__).parent
KEPT = HERE.parent / "runs" / "docs-film"
OUT = HERE / "images" / "film.webp"
FRAMES, SIZE, LABEL, GAP = 24, 224, 24, 6
BYTES = 390_000
WAYS = {
    "no flow, no temporal loss": FilmOptions(init="previous", flow="none", temporal_weight=0),
    "temporal loss only": FilmOptions(init="previous", flow="none"),
    "flow and temporal loss": FilmOptions(),
    "content init: each frame for itself": FilmOptions(init="content", temporal_weight=0),
}


def source() -> list[torch.Tensor]:
    """A pan of two pixels a frame, and the cup that goes four the other way."""
    ground, cup = resize(photograph("astronaut"), 320), resize(photograph("coffee"), 110)[:, :, 4:68, 24:88]
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    disc = (x.square() + y.square() < 0.85).float()
    frames = []
    for k in range(FRAMES):
        frame = ground[:, :, 20:172, 10 + 2 * k : 10 + 2 * k + SIZE].clone()
        place = frame[:, :, 74:138, 20 + 4 * k : 84 + 4 * k]
        place[:] = cup * disc + place * (1 - disc)
        frames.append(frame)
    return frames


def painted(frames: list[torch.Tensor], name: str, options: FilmOptions) -> list[torch.Tensor]:
    """The film in one way, from the folder of what is painted already if it is there."""
    folder = KEPT / name.split(":")[0].replace(" ", "-").replace(",", "")
    files = [folder / f"{k:03d}.png" for k in range(len(frames))]
    if not all(file.exists() for file in files):
        print(f"painting {name} …", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        painter = open_easel(frames[0], draw_painting("swirl"), Recipe(size=SIZE, encoder="builtin")).painter
        assert isinstance(painter, OptimisePainter)
        for at in paint_video(frames, painter, options):
            if at.done:
                save_image(at.snapshot(), files[at.index], bits=16)
    return [load_image(file) for file in files]


def sheet(pictures: list[torch.Tensor]) -> Image.Image:
    """One frame of the four, two by two, with their names."""
    height, width = pictures[0].shape[2:]
    page = Image.new("RGB", (2 * width + GAP, 2 * (height + LABEL)), (255, 255, 255))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=13)
    for place, (picture, name) in enumerate(zip(pictures, WAYS, strict=True)):
        left, top = place % 2 * (width + GAP), place // 2 * (height + LABEL)
        page.paste(shown(picture), (left, top))
        pen.text((left + width / 2, top + height + LABEL / 2), name, (60, 60, 60), font, anchor="mm")
    return page


def main() -> None:
    """Paint, measure, write the film, and print the table of docs/film.md."""
    torch.set_num_threads(1)
    frames = source()
    films = {name: painted(frames, name, options) for name, options in WAYS.items()}
    print("| | warp error, one frame apart | ten frames apart |")
    print("|---|---|---|")
    for name, film in films.items():
        judge = FilmJudge()
        for picture, frame in zip(film, frames, strict=True):
            judge.look(picture, frame)
        found = judge.card().painted
        print(f"| {name} | {found.short or 0:.5f} | {found.long or 0:.5f} |")
    pages = [sheet([film[k] for film in films.values()]) for k in range(FRAMES)]
    for quality in range(80, 5, -5):
        held = io.BytesIO()
        pages[0].save(
            held, "WEBP", save_all=True, append_images=pages[1:], duration=100, loop=0, quality=quality, method=6
        )
        if held.tell() < BYTES:
            break
    OUT.write_bytes(held.getvalue())
    print(f"{OUT.name}: {held.tell() // 1000} kB at quality {quality}")


if __name__ == "__main__":
    main()
