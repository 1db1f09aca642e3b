"""The machine: system, processor, cores, threads, memory, free disk, and the variables that change any of it."""

from __future__ import annotations

import math
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from impasto.examine.finding import Check, Finding, gibibytes, note, ok, wrong
from impasto.examine.limits import cpu_limit, memory_limit, usable_cores
from impasto.runtime import processor_name, total_memory
from impasto.see.known import home

__all__ = ["CHECKS", "threads"]

# As /proc/cpuinfo spells them; the first four are of x86, the others of ARM.
_FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX512-BF16",
    "amx_bf16": "AMX",
    "asimd": "NEON",
    "sve": "SVE",
    "bf16": "BF16",
}
_X86 = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_VARIABLES = ("ATEN_CPU_CAPABILITY", "CUDA_VISIBLE_DEVICES", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA")
_FAMILIES = ("GOMP_", "IMPASTO_", "KMP_", "MKL_", "OMP_", "PYTORCH_")
_LITTLE_MEMORY = 1 << 30  # a painting of 512 pixels with the built-in encoder peaks at 0.6 GB
_LITTLE_DISK = 1 << 30  # a VGG-19 is fetched whole: 575 MB
_NO_DISK = 50 << 20  # less than one large picture


def _system() -> Iterator[Finding]:
    # Not platform.platform(): a version may be a build of the person's own, with its machine's name in it.
    yield ok("system", f"{platform.system()} {platform.release()}, {platform.machine()}")


def _processor() -> Iterator[Finding]:
    import torch

    name, flags = processor_name(), _flags()
    used = torch.backends.cpu.get_cpu_capability()
    has = [label for flag, label in _FEATURES.items() if flag in flags]
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    lacks = [_FEATURES[flag] for flag in _X86 if flags and x86 and flag not in flags]
    text = f"{name}: {', '.join(has) or 'features not told by this system'}"
    text += (f"; no {', no '.join(lacks)}" if lacks else "") + f"; torch computes with {used}"
    facts = {"model": name, "features": has, "torch": used}
    if "AVX2" in lacks:
        remedy = "nothing on this machine: use --quality draft and a small --size, or another machine"
        yield note("processor", f"{text}: slow", remedy, **facts)
    elif os.environ.get("ATEN_CPU_CAPABILITY"):
        remedy = "unset ATEN_CPU_CAPABILITY, unless you are comparing"
        yield note("processor", f"{text}, as ATEN_CPU_CAPABILITY says", remedy, **facts)
    else:
        yield ok("processor", text, **facts)


def _cores() -> Iterator[Finding]:
    there, usable, quota = os.cpu_count() or 1, usable_cores(), cpu_limit()
    text = f"{usable} of {there} may be used"
    if quota is not None:
        text += f", with a limit of {quota:g} cores of time"
    yield ok("cores", text, there=there, usable=usable, limit=quota)


def _threads() -> Iterator[Finding]:
    import torch

    quota = cpu_limit()
    allowed = min(usable_cores(), math.ceil(quota) if quota else 1 << 20)
    yield threads(torch.get_num_threads(), allowed)


def threads(count: int, allowed: int) -> Finding:
    """A finding on ``count`` threads of torch where ``allowed`` cores may be used."""
    text, facts = f"torch uses {count}, usable cores: {allowed}", {"threads": count, "cores": allowed}
    causes = [name for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if os.environ.get(name)]
    if count > allowed:
        return note("threads", f"{text}: they take turns", f"set OMP_NUM_THREADS={allowed}", **facts)
    if count < allowed and causes:
        remedy = f"unset {' and '.join(causes)}, unless other work is to have the rest"
        return note("threads", f"{text}, as {' and '.join(causes)} says", remedy, **facts)
    return ok("threads", text, **facts)


def _variables() -> Iterator[Finding]:
    there = {
        name: value for name, value in sorted(os.environ.items()) if name in _VARIABLES or name.startswith(_FAMILIES)
    }
    text = ", ".join(f"{name}={value}" for name, value in there.items())
    unknown = [name for name in there if name.startswith("IMPASTO_") and name != "IMPASTO_HOME"]
    if unknown:
        yield note("variables", text, f"{unknown[0]} means nothing to impasto: only IMPASTO_HOME does", **there)
    else:
        yield ok("variables", text or "none that changes how torch or impasto works", **there)


def _memory() -> Iterator[Finding]:
    total, limit = total_memory(), memory_limit()
    free = _available()
    text = gibibytes(total) + (f", {gibibytes(free)} free" if free is not None else "")
    if limit is not None and limit < total:
        text += f", of which this process may take {gibibytes(limit)}"
    facts = {"total": total, "free": free, "limit": limit}
    if min(value for value in (total, free, limit) if value is not None) < _LITTLE_MEMORY:
        yield note("memory", f"{text}: little", "close other programs, or paint with --size 384 or less", **facts)
    else:
        yield ok("memory", text, **facts)


def _disk() -> Iterator[Finding]:
    for name, folder in (("disk, here", Path.cwd()), ("disk, weights", home())):
        there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
        free = shutil.disk_usage(there).free
        text = f"{gibibytes(free)} free for {folder}"
        if free < _NO_DISK:
            yield wrong(name, f"{text}: too little to work with", _room(name), free=free)
        elif free < _LITTLE_DISK:
            yield note(name, f"{text}: too little to fetch a VGG-19", _room(name), free=free)
        else:
            yield ok(name, text, free=free)


def _room(name: str) -> str:
    return "free some space, or " + ("set IMPASTO_HOME to another folder" if "weights" in name else "work elsewhere")


def _flags() -> frozenset[str]:
    """The processor's features as Linux lists them; empty on other systems."""
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip().lower() in ("flags", "features"):
            return frozenset(value.split())
    return frozenset()


def _available() -> int | None:
    """Bytes of memory that programs can still have; None where the system does not tell."""
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


CHECKS: dict[str, Check] = {
    "system": _system,
    "processor": _processor,
    "cores": _cores,
    "threads": _threads,
    "variables": _variables,
    "memory": _memory,
    "disk": _disk,
}
