"""The classic method, plain: Gatys et al. 2016 as neural-style made it known, to measure impasto against.

VGG-19 in float32, one size, L-BFGS from noise, 500 steps, content relu4_2 at 5, style relu1_1 … relu5_1 at 100 each with
Gram matrices over C H W, total variation 1e-3, pixels 0..255. Nothing of impasto is used here.

    python benchmarks/baseline.py CONTENT STYLE OUT --weights vgg19_caffe.safetensors [--steps 500] [--marks 100,200]

Prints seconds and seconds per step as JSON; with --marks also saves OUT-0100.png … on the way.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

BLOCKS = (2, 2, 4, 4, 4)
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
MEAN = torch.tensor([103.939, 116.779, 123.68])[:, None, None]


def read(path: str, longer: int) -> torch.Tensor:
    """A picture as (1, 3, H, W), BGR, 0..255, the mean subtracted."""
    image = Image.open(path).convert("RGB")
    scale = longer / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32)).permute(2, 0, 1)
    return (pixels.flip(0) - MEAN)[None].contiguous()


def write(pixels: torch.Tensor, path: pathlib.Path) -> None:
    image = (pixels.detach()[0] + MEAN).flip(0).clamp(0, 255).round().byte()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--marks", default="", help="steps at which to save as well: 100,200")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.perf_counter()
    state = load_file(args.weights)
    names = [f"relu{b}_{i}" for b, n in enumerate(BLOCKS, 1) for i in range(1, n + 1)]
    indices = sorted({int(key.split(".")[1]) for key in state})
    net = [
        (n, state[f"features.{i}.weight"], state[f"features.{i}.bias"]) for n, i in zip(names, indices, strict=False)
    ]

    def features(x: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = {}
        for name, weight, bias in net:
            if name.endswith("_1") and name != "relu1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
            maps[name] = x
            if name == "relu5_1":
                break
        return maps

    def gram(x: torch.Tensor) -> torch.Tensor:
        flat = x[0].flatten(1)
        return flat @ flat.T / x.numel()

    with torch.no_grad():
        content, style = read(args.content, args.size), read(args.style, args.size)
        target = features(content)["relu4_2"]
        maps = features(style)
        grams = {layer: gram(maps[layer]) for layer in STYLE}
        del maps
    torch.manual_seed(args.seed)
    pixels = (torch.randn_like(content) * 0.001).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [pixels], lr=1, max_iter=args.steps, history_size=100, tolerance_change=-1, tolerance_grad=-1
    )
    calls, marks = 0, {int(mark) for mark in args.marks.split(",") if mark}
    times: dict[int, float] = {}

    def closure() -> torch.Tensor:
        nonlocal calls
        optimizer.zero_grad()
        found = features(pixels)
        loss = 5 * F.mse_loss(found["relu4_2"], target)
        for layer in STYLE:
            loss = loss + 100 * F.mse_loss(gram(found[layer]), grams[layer])
        tv = (pixels[:, :, 1:] - pixels[:, :, :-1]).abs().sum() + (pixels[..., 1:] - pixels[..., :-1]).abs().sum()
        loss = loss + 1e-3 * tv
        loss.backward()
        calls += 1
        if calls in marks:
            times[calls] = round(time.perf_counter() - began, 1)
            write(pixels, args.out.with_name(f"{args.out.stem}-{calls:04d}.png"))
        return loss

    optimizer.step(closure)
    seconds = time.perf_counter() - began
    write(pixels, args.out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        json.dumps(
            {
                "steps": calls,
                "seconds": round(seconds, 1),
                "seconds_per_step": round(seconds / calls, 3),
                "peak_gb": round(peak, 2),
                "marks": times,
            }
        )
    )


if __name__ == "__main__":
    main()
