"""Seconds that each colour mode takes when it is applied to a picture: what a preview or a finished painting waits for.

    python benchmarks/colour.py [--width 1155] [--height 866] [--rounds 5]

One table on standard output: the least of ``--rounds`` on random smooth pictures, one thread, and for the kept modes how
far the chroma of the 8-bit result is from the content's, at most, in steps of 1/255.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from impasto.media.color import MATCHES, keep_colors, recolor
from impasto.media.spaces import SPACES


def picture(seed: int, height: int, width: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    coarse = interpolate(torch.rand((1, 3, 9, 12), generator=random), (height, width), mode="bicubic")
    return ((coarse + 0.05 * torch.randn(coarse.shape, generator=random)).clamp(0, 1) * 255).round() / 255


def timed(work: Callable[[], Tensor], rounds: int) -> tuple[float, Tensor]:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - began)
    return min(seconds), found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width", type=int, default=1155)
    parser.add_argument("--height", type=int, default=866)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    painted, content = (picture(seed, given.height, given.width) for seed in (1, 2))
    print(f"{given.width}×{given.height}, {given.width * given.height / 1e6:.2f} megapixels, one thread")
    print("| mode | seconds | chroma off, of 1/255 |")
    print("|---|---|---|")
    for name, space in SPACES.items():
        seconds, found = timed(lambda name=name: keep_colors(painted, content, name), given.rounds)  # type: ignore[misc]
        chroma = [space.of_srgb(image)[:, 1:] for image in ((found * 255).round() / 255, content)]
        print(
            f"| --color content --color-space {name} | {seconds:.3f} | {255 * float((chroma[0] - chroma[1]).abs().max()):.2f} |"
        )
    for how in MATCHES:
        seconds, _ = timed(lambda how=how: recolor(content, painted, how), given.rounds)  # type: ignore[misc]
        print(f"| --color palette --color-match {how} | {seconds:.3f} | |")


if __name__ == "__main__":
    main()
