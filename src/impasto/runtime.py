"""What this machine has: device and number format, chosen by what it really is."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impasto.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = [
    "LARGE",
    "VAST",
    "WIDE",
    "block_budget",
    "choose_device",
    "choose_precision",
    "give_back",
    "handle_freed",
    "has_huge_pages",
    "huge_pages",
    "native_bfloat16",
    "processor_name",
    "total_memory",
]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # what mallopt of glibc calls its options
LARGE = 1 << 23  # pixels of a picture from which on memory is saved at the cost of some time: 8 megapixels
VAST = 4 * LARGE  # and from which on all that can be
WIDE = 1 << 21  # pixels of a picture seen whole up to which its memory is kept from step to step in any case
# Pixels of the longer side up to which huge pages are no gain: such a picture would take up to a seventh more memory.
_SMALL_PAGES = 1536


def choose_device(name: str = "auto") -> str:
    """``"cuda"``, ``"mps"`` or ``"cpu"``: the fastest there is, or ``name`` if it is there; ``InputError`` if not."""
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, found in there.items() if found)
    if name not in there:
        raise InputError(f"--device {name!r}: expected auto, cpu, cuda or mps")
    if not there[name]:
        raise InputError(
            f"--device {name}: this machine, or this build of PyTorch {torch.__version__}, has none; try --device cpu"
        )
    return name


@functools.cache
def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself: AVX-512-BF16 or AMX (elsewhere it is emulated, and slower)."""
    if platform.system() != "Linux":
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def processor_name() -> str:
    """The processor as its maker calls it, or the kind of machine where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, names), "") or platform.processor() or platform.machine()


@functools.cache
def total_memory() -> int:
    """Bytes of main memory, or 8 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8 << 30


def block_budget() -> float:
    """Bytes that the maps of one look at a picture may take: 2 GiB, or a sixth of a smaller machine's memory."""
    return min(2 << 30, total_memory() / 6)


def choose_precision(name: str, device: str) -> torch.dtype:
    """The encoder's number format; losses and pixels are float32 whatever it is."""
    import torch

    if name == "float16" and device == "cpu":
        raise InputError("--precision float16 on a CPU is slow and overflows: try auto, bfloat16 or float32")
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]
    if device == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    if device == "cpu" and native_bfloat16():
        return torch.bfloat16
    return torch.float32


def give_back() -> None:
    """Hand memory that is free back to the system, where it can be told to: glibc keeps it, in pieces, for later.

    What one size of a painting leaves behind is of other shapes than what the next one wants.
    """
    with suppress(OSError, AttributeError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def handle_freed(how: Literal["usual", "keep", "return"]) -> None:
    """What becomes of main memory that is freed, where the C library can be told (glibc).

    By itself (``"usual"``) it hands every map of over 32 MB back to the system at once, and is given it anew, page by page,
    at the next step; what is smaller it keeps. ``"keep"`` keeps all for what comes next, which is quicker, and leaves gaps: a
    process takes more at its peak. ``"return"`` hands back from 8 MB on: aligned pieces leave gaps into which no piece of their
    size fits again (before glibc 2.38), 2 GB of the 370 blocks of a picture of 64 megapixels. ``give_back`` goes through
    whichever it is.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        if how == "keep":
            mallopt(_MMAP_MAX, 0)
            mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)
        else:  # usual is what it comes to by itself, once large pieces have been freed
            mallopt(_MMAP_MAX, 1 << 16)
            mallopt(_MMAP_THRESHOLD, (32 if how == "usual" else 8) << 20)
            mallopt(_TRIM_THRESHOLD, 64 << 20)


def has_huge_pages() -> bool:
    """Whether torch was told to ask for pages of 2 MiB."""
    return os.environ.get("THP_MEM_ALLOC_ENABLE") == "1"


def huge_pages(size: int) -> None:
    """Let torch ask for memory in pages of 2 MiB, for a large picture of ``size`` pixels on its longer side.

    Nothing happens once torch is loaded, or where the variable is set already.

    Handing memory back and being given it anew, in pages of 4 KiB, is a fifth of the processor time of a picture in blocks.
    """
    if (
        size > _SMALL_PAGES and "torch" not in sys.modules
    ):  # a program of the user's, and what it starts, is left as it is
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
