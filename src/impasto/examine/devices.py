"""Where impasto can compute: CPU, CUDA and MPS, and the number format that it takes on each, with the reason."""

from __future__ import annotations

import platform
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

from impasto.examine.finding import Check, Finding, gibibytes, note, ok, wrong
from impasto.runtime import choose_device, choose_precision, native_bfloat16

__all__ = ["CHECKS"]

_NEWER_TORCH = "install the build of PyTorch for this card and driver, as pytorch.org/get-started says"


def _auto() -> Iterator[Finding]:
    device = choose_device()
    chosen = _precision(device)
    text = f"--device auto takes {device}, --precision auto takes {chosen} there"
    yield ok("auto", text, device=device, precision=chosen)


def _cpu() -> Iterator[Finding]:
    chosen = _precision("cpu")
    if native_bfloat16():
        why = "the processor multiplies bfloat16 itself"
    elif platform.system() == "Linux":
        why = "bfloat16 would be emulated, which is slower"
    else:
        why = "this system does not tell whether the processor has bfloat16"
    yield ok("CPU", f"{chosen}: {why}", precision=chosen)


def _cuda() -> Iterator[Finding]:
    import torch

    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    said = " ".join(str(complaint.message) for complaint in complaints)
    if available:
        for index in range(torch.cuda.device_count()):
            yield _card(index)
    elif not (torch.version.cuda or torch.version.hip):
        if _driver():
            text = f"there is an NVIDIA driver, but torch {torch.__version__} is built without CUDA"
            yield note("CUDA", text, _NEWER_TORCH, available=False)
        else:
            yield ok("CUDA", "none; this torch is built without it", available=False)
    elif said or _driver():
        text = f"torch is built for CUDA {torch.version.cuda}, but cannot use the driver {_driver()}: {said}"
        remedy = f"update the NVIDIA driver, or {_NEWER_TORCH}"
        yield wrong("CUDA", " ".join(text.split())[:400], remedy, available=False)
    else:
        yield ok("CUDA", "no card", available=False)


def _card(index: int) -> Finding:
    import torch

    about = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    name, capability, chosen = f"CUDA {index}", f"{about.major}.{about.minor}", _precision("cuda")
    text = f"{about.name}, compute capability {capability}, {gibibytes(free)} of {gibibytes(total)} free; {chosen}"
    facts = {"model": about.name, "capability": capability, "free": free, "total": total, "precision": chosen}
    try:
        # A card that is too old or too new for this build is listed all the same: only work tells.
        torch.ones(8, 8, device=f"cuda:{index}").mm(torch.ones(8, 8, device=f"cuda:{index}")).sum().item()
    except RuntimeError as error:
        line = (str(error).splitlines() or ["no reason given"])[0]
        return wrong(name, f"{text}: it does not compute ({line})", f"use --device cpu, or {_NEWER_TORCH}", **facts)
    if chosen == "bfloat16" and about.major < 8 and torch.version.cuda:
        return note(name, f"{text}, emulated on this card", "try --precision float16, or float32", **facts)
    return ok(name, f"{text}: the card {'has' if chosen == 'bfloat16' else 'has no'} bfloat16", **facts)


def _mps() -> Iterator[Finding]:
    if platform.system() != "Darwin":
        return
    import torch

    if torch.backends.mps.is_available():
        chosen = _precision("mps")
        yield ok("MPS", f"there; {chosen}, which is what impasto takes on every Mac", precision=chosen)
    elif platform.machine() == "arm64":
        remedy = "macOS 12.3 or newer, and a Python for arm64, not for x86_64"
        yield note("MPS", "this Mac has a graphics processor that this torch cannot use", remedy)
    else:
        yield ok("MPS", "none")


def _precision(device: str) -> str:
    return str(choose_precision("auto", device)).removeprefix("torch.")


def _driver() -> str:
    """The NVIDIA driver's version, or what else tells of one; empty without a driver."""
    try:
        told = re.search(r"Module.*?(\d+\.\d[\d.]*)", Path("/proc/driver/nvidia/version").read_text(errors="replace"))
    except OSError:
        told = None
    return told[1] if told else "of nvidia-smi" if shutil.which("nvidia-smi") else ""


CHECKS: dict[str, Check] = {"auto": _auto, "CPU": _cpu, "CUDA": _cuda, "MPS": _mps}
