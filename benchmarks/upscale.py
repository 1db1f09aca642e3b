"""How near an enlarged photograph comes to the true one: bicubic, back-projection and ``impasto upscale``.

    python benchmarks/upscale.py --shared ../shared [--times 2] [--photos kodak_01,kodak_07] [--out FOLDER]

Every photograph of the shared folder is made smaller (bicubic, antialiased, 8 bits) and enlarged again. ``relu2_2`` and
``relu4_2`` are ``|F - F*|² / |F*|²`` of the 8-bit result and the photograph as VGG-19 sees them, the judge's own weights;
none of these photographs was trained on. ``psnr`` is of the pixels, in dB. One table on standard output.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from impasto import load_image
from impasto.enlarge.enlarge import enlarge, held_to, shrunk
from impasto.enlarge.net import load_enlarger
from impasto.media.image import save_image

LAYERS = ("relu2_2", "relu4_2")


def eight_bit(image: Tensor) -> Tensor:
    return (image.clamp(0, 1) * 255).round() / 255


def bicubic(image: Tensor, times: int) -> Tensor:
    return interpolate(image, scale_factor=times, mode="bicubic", align_corners=False)


def ways(times: int) -> dict[str, Callable[[Tensor], Tensor]]:
    net = load_enlarger()
    return {
        "bicubic": lambda small: bicubic(small, times),
        "bicubic, back-projected": lambda small: held_to(bicubic(small, times).clamp(0, 1), small, 3),
        "impasto upscale": lambda small: enlarge(small, times, net),
    }


def judge_of(shared: Path) -> Any:
    spec = importlib.util.spec_from_file_location("judge", shared / "tools/judge.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def distances(judge: Any, net: list[Any], found: Tensor, wanted: dict[str, Tensor]) -> list[float]:
    maps = judge.features(found[0], net)
    return [float((maps[k] - wanted[k]).square().sum() / wanted[k].square().sum()) for k in LAYERS]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--times", type=int, default=2, choices=(2, 4))
    parser.add_argument("--photos", default="", help="names with commas between; empty: all of them")
    parser.add_argument("--crop", type=int, default=0, help="judge the middle so many pixels a side; 0: the whole")
    parser.add_argument("--out", type=Path, help="also save the enlarged pictures there")
    given = parser.parse_args()
    judge = judge_of(given.shared)
    net = [layer for layer in judge.layers() if layer[0] <= LAYERS[-1]]
    files = sorted((given.shared / "images/photos").glob("*.png"))
    if given.photos:
        files = [file for file in files if file.stem in given.photos.split(",")]
    rows: dict[str, list[list[float]]] = {}
    for file in files:
        true = load_image(file)
        if given.crop:
            top, left = ((side - given.crop) // 2 for side in true.shape[2:])
            true = true[:, :, top : top + given.crop, left : left + given.crop]
        height, width = (side // 4 * 4 for side in true.shape[2:])
        true = true[:, :, :height, :width]
        small = eight_bit(shrunk(true, given.times))
        with torch.no_grad():
            wanted = judge.features(true[0], net)
        for name, way in ways(given.times).items():
            began = time.perf_counter()
            found = eight_bit(way(small))
            seconds = time.perf_counter() - began
            psnr = float(-10 * torch.log10((found - true).square().mean()))
            rows.setdefault(name, []).append([*distances(judge, net, found, wanted), psnr, seconds])
            if given.out:
                given.out.mkdir(parents=True, exist_ok=True)
                save_image(found, given.out / f"{file.stem}-{name.replace(', ', '-').replace(' ', '-')}.png")
        print(f"{file.stem}: {' | '.join(f'{rows[name][-1][0]:.4f} {rows[name][-1][1]:.4f}' for name in rows)}",
              file=sys.stderr, flush=True)  # fmt: skip
    print(f"{len(files)} photographs, enlarged {given.times} times: means; nearer: photographs nearer than bicubic")
    print("| | relu2_2 | relu4_2 | PSNR, dB | seconds | nearer, relu2_2 | nearer, relu4_2 |")
    print("|---|---|---|---|---|---|---|")
    for name, values in rows.items():
        means = torch.tensor(values).mean(0).tolist()
        wins = [sum(a[i] < b[i] for a, b in zip(values, rows["bicubic"], strict=True)) for i in range(2)]
        print(f"| {name} | {means[0]:.4f} | {means[1]:.4f} | {means[2]:.2f} | {means[3]:.2f} | {wins[0]} | {wins[1]} |")


if __name__ == "__main__":
    main()
