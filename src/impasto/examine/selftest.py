"""A painting of a few seconds that tells whether this machine computes what it should, and how fast.

Two drawn pictures of 96 pixels, the built-in encoder. The limits below stand several times above what was measured
on a sound machine: rounding stays within them, wrong results do not.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from impasto.examine.finding import Check, Finding, note, ok, wrong
from impasto.examine.rate import convolution_rate
from impasto.loss.blocks import BlockObjective
from impasto.loss.objective import Objective
from impasto.media.drawn import draw_painting
from impasto.media.image import load_image, resize
from impasto.paint.optimise import OptimisePainter
from impasto.recipe import Recipe
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import Encoder
from impasto.studio import Easel, open_easel

__all__ = ["CHECKS", "compared", "gain", "same_gradient", "same_precision", "same_twice", "speed"]

_SIZE, _STEPS = 96, 12
_SECONDS = 2.0  # no more steps than fit in this, on a machine that is very slow
_BLOCKS = 1e-4  # relative error of the gradient; measured: 5e-7
_LOSS, _GRADIENT = 0.01, 0.3  # relative errors of bfloat16 against float32; measured: 7e-4 and 0.08
_FASTER = 1.3  # a ratio of rates that is more than the noise of a busy machine

Looks = Encoder | str


@functools.cache
def _pictures() -> tuple[Tensor, Tensor]:
    """A content and a style, ``(1, 3, 72, 96)``."""
    content, style = (draw_painting(name, width=_SIZE, height=_SIZE * 3 // 4) for name in ("ink", "ember"))
    return content, style


def same_twice(encoder: Looks = "builtin") -> Iterator[Finding]:
    """Painted twice: the loss falls, every pixel is a number, the two files have the same bytes and read back."""
    began = time.perf_counter()
    easel = _easel(encoder, _SIZE)
    losses = []
    for last in easel.paint():
        losses.append(last.losses["total"])
        if time.perf_counter() - began > _SECONDS:
            break
    seconds = time.perf_counter() - began
    first = easel.painting(last)
    facts = {"steps": len(losses), "first": losses[0], "last": losses[-1], "seconds": round(seconds, 3)}
    text = f"{len(losses)} steps of {_SIZE} pixels in {seconds:.1f} s, loss {losses[0]:.3f} to {losses[-1]:.3f}"
    if not bool(first.image.isfinite().all()):
        yield wrong("painting", f"{text}: pixels that are not numbers (NaN)", _elsewhere(easel), **facts)
        return
    if len(losses) > 1 and not losses[-1] < losses[0]:
        yield wrong("painting", f"{text}: it does not fall", _elsewhere(easel), **facts)
        return
    yield ok("painting", text, **facts)

    *_, last = islice(_easel(encoder, _SIZE).paint(), len(losses))
    with tempfile.TemporaryDirectory() as folder:
        one, two = (Path(folder) / name for name in ("one.png", "two.png"))
        first.save(one)
        easel.painting(last).save(two)
        same, back = one.read_bytes() == two.read_bytes(), load_image(one)
    if same:
        yield ok("painted again", "the same bytes")
    else:
        remedy = "pictures are good, but impasto rerun will differ in small things; try --device cpu where that matters"
        yield note("painted again", "other bytes, with nothing changed in between", remedy)
    error = float((back - first.image).abs().max()) * 255
    if error <= 0.51:
        yield ok("PNG", f"written and read back within {error:.2f} of 255", error=error)
    else:
        remedy = "pip install --force-reinstall pillow numpy"
        yield wrong("PNG", f"written and read back, it differs by {error:.0f} of 255", remedy, error=error)


def same_gradient(encoder: Looks = "builtin") -> Iterator[Finding]:
    """The gradient block by block is that of the whole picture, in float32 on the CPU."""
    size = 160  # larger than a block of 64 and the encoder's reach together, so that halos are really cut
    objective, image = _objective(_easel(encoder, size, device="cpu", precision="float32"))
    began = time.perf_counter()
    whole, gradient = _gradient(objective, image)
    if (seconds := time.perf_counter() - began) > _SECONDS:  # in blocks it takes five times as long
        yield note("blocks", f"left out: one look at {size} pixels takes {seconds:.1f} s here")
        return
    parts, by_blocks = _gradient(BlockObjective(objective, 64), image)
    error = _apart(by_blocks, gradient) + abs(parts - whole) / abs(whole)
    text = f"the gradient of the whole within {error:.1e}, {_BLOCKS:.0e} allowed"
    if error <= _BLOCKS:
        yield ok("blocks", text, error=error)
    else:
        remedy = "paint with --block 20000, which is never cut into blocks, and report this"
        yield wrong("blocks", f"not {text}", remedy, error=error)


def same_precision(encoder: Looks = "builtin") -> Iterator[Finding]:
    """Loss and gradient in the precision and on the device that auto chooses, against float32 on the CPU."""
    device = choose_device()
    chosen = str(choose_precision("auto", device)).removeprefix("torch.")
    if (device, chosen) == ("cpu", "float32"):
        yield ok("precision", "float32 on the CPU is what others are compared with")
        return
    exact, gradient = _gradient(*_objective(_easel(encoder, _SIZE, device="cpu", precision="float32")))
    found, other = _gradient(*_objective(_easel(encoder, _SIZE, device=device, precision=chosen)))
    loss, slope = abs(found - exact) / abs(exact), _apart(other.cpu(), gradient)
    text = f"{chosen} on {device} is within {loss:.1e} of float32 in the loss, {slope:.2f} in the gradient"
    text += f" ({_LOSS:g} and {_GRADIENT:g} allowed)"
    facts = {"device": device, "precision": chosen, "loss": loss, "gradient": slope}
    if loss <= _LOSS and slope <= _GRADIENT:
        yield ok("precision", text, **facts)
    else:
        yield wrong("precision", f"too far apart: {text}", "paint with --precision float32", **facts)


def speed() -> Iterator[Finding]:
    """GFLOP/s of a convolution in float32 and bfloat16, and whether threads and the chosen precision pay."""
    device = choose_device()
    chosen = choose_precision("auto", device)
    side = 128 if device == "cpu" else 512  # a small map would measure how fast a card is called
    full = convolution_rate(torch.float32, device, side)
    # Not every graphics processor has bfloat16 at all: there only what is chosen is measured.
    half = convolution_rate(torch.bfloat16, device, side) if device == "cpu" or chosen == torch.bfloat16 else None
    yield compared(device, chosen, full, half)
    threads = torch.get_num_threads()
    if threads > 1:
        yield gain(threads, full if device == "cpu" else convolution_rate(torch.float32))


def compared(device: str, chosen: torch.dtype, full: float, half: float | None) -> Finding:
    """A finding on the rates of float32 (``full``) and bfloat16 (``half``), of which auto takes ``chosen``."""
    text = f"{full:.0f} GFLOP/s in float32" + ("" if half is None else f", {half:.0f} in bfloat16") + f", on {device}"
    facts = {"device": device, "float32": round(full, 1), "bfloat16": None if half is None else round(half, 1)}
    slower = f"{text}: what auto chooses is the slower one"
    if half is not None and chosen == torch.bfloat16 and half < full:
        return note("speed", slower, "paint with --precision float32", **facts)
    if half is not None and chosen == torch.float32 and half > _FASTER * full:
        return note("speed", slower, "try --precision bfloat16", **facts)
    return ok("speed", text, **facts)


def gain(threads: int, rate: float) -> Finding:
    """What the threads of torch bring over a single one, on the CPU."""
    try:
        torch.set_num_threads(1)
        alone = convolution_rate(torch.float32)
    finally:
        torch.set_num_threads(threads)
    text = f"{threads} threads do {rate / alone:.1f} times the work of one"
    facts = {"threads": threads, "gain": round(rate / alone, 2)}
    if rate < _FASTER * alone:
        remedy = f"close what else is running, or set OMP_NUM_THREADS to less than {threads}"
        return note(
            "gain of threads", f"{text}: they are in each other's way, or others use the cores", remedy, **facts
        )
    return ok("gain of threads", text, **facts)


def _easel(encoder: Looks, size: int, device: str = "auto", precision: str = "auto") -> Easel:
    content, style = (resize(picture, size) for picture in _pictures())
    recipe = Recipe(size=size, start_size=size, steps=_STEPS, device=device, precision=precision)
    return open_easel(content, style, recipe, encoder=encoder)


def _objective(easel: Easel) -> tuple[Objective, Tensor]:
    """What ``easel`` wants of its picture, and the content to begin from."""
    painter, size = cast(OptimisePainter, easel.painter), easel.recipe.size
    image = easel.content.image.to(next(easel.encoder.parameters()).device)
    return Objective(easel.encoder, painter.terms(image, size)), image


def _gradient(objective: Objective | BlockObjective, image: Tensor) -> tuple[float, Tensor]:
    image = image.clone().requires_grad_()
    total = objective(image).total
    (gradient,) = torch.autograd.grad(total, image)
    return float(total.detach()), gradient


def _apart(one: Tensor, other: Tensor) -> float:
    """The distance of ``one`` from ``other``, relative to ``other``."""
    return float((one - other).norm() / other.norm())


def _elsewhere(easel: Easel) -> str:
    device = easel.about["machine"]["device"]
    return "paint with --precision float32" + (" or --device cpu" if device != "cpu" else "") + ", and report this"


CHECKS: dict[str, Check] = {
    "painting": same_twice,
    "blocks": same_gradient,
    "precision": same_precision,
    "speed": speed,
}
