"""A content alone and a style alone: how near each comes, and in how many seconds.

    python benchmarks/inside.py --shared ../shared [--size 256] [--qualities draft,good,best] [--encoders builtin,vgg19-caffe]

Reconstructions of tubingen at relu2_1 and relu4_2: what is left, by the encoder that made them. Textures of starry_night on
a canvas of its proportions, and seamless: the style that VGG-19 judges. Seconds are those of painting, in this process, after
a step that does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.judge.card import Judge
from impasto.judge.judges import load_judge
from impasto.judge.seams import edge_seam
from impasto.media.image import load_image, sized
from impasto.studio import Easel, Painting
from impasto.study.alone import open_reconstruction, open_texture


def painted(easel: Easel) -> tuple[Painting, float]:
    """The finished painting, and the seconds that its steps took."""
    next(easel.paint())
    began = time.perf_counter()
    for last in easel.paint():  # noqa: B007 - the last one is what counts
        pass
    return easel.painting(last), time.perf_counter() - began


def easels(photo: Tensor, style: Tensor, how: dict[str, Any], size: int, quality: str) -> Iterator[tuple[str, Easel]]:
    """``(what it is, its easel)``, one after the other; ``how`` names the encoder."""
    for layer in ("relu2_1", "relu4_2"):
        yield f"content {layer}", open_reconstruction(photo, layer, size=size, quality=quality, **how)
    height, width = sized(*style.shape[2:], size)
    for statistic in ("moments", "gram"):
        for seamless in (False, True):
            name = f"texture {statistic}{' seamless' * seamless}"
            changes = {"statistic": statistic, "quality": quality, **how}
            yield name, open_texture(style, (width, height), seamless=seamless, **changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--qualities", default="draft,good,best")
    parser.add_argument("--encoders", default="builtin,vgg19-caffe")
    given = parser.parse_args()
    weights = given.shared / "weights/vgg19_caffe.safetensors"
    photo = load_image(given.shared / "images/content/tubingen.jpg")
    style = load_image(given.shared / "images/style/starry_night.jpg")
    judge = Judge(style, style, load_judge(str(weights)), size=given.size)
    print(f"{'encoder':12} {'quality':8} {'what':26} {'seconds':>8} {'left':>8} {'judged':>8} {'edges':>6}")
    for name in given.encoders.split(","):
        how = {"weights": weights} if name.startswith("vgg19") else {"encoder": name}
        for quality in given.qualities.split(","):
            for what, easel in easels(photo, style, how, given.size, quality):
                painting, seconds = painted(easel)
                (left,) = painting.reached.values()
                texture = what.startswith("texture")
                judged = f"{judge.distances(painting.image)['style']:8.4f}" if texture else f"{'':8}"
                edges = f"{edge_seam(painting.image):6.2f}" if texture else ""
                print(f"{name:12} {quality:8} {what:26} {seconds:8.1f} {left:8.4f} {judged} {edges}", flush=True)


if __name__ == "__main__":
    main()
