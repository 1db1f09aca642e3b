"""What this process holds and what it could still have; all of it free to ask."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from impasto.examine.limits import memory_left
from impasto.runtime import total_memory

__all__ = ["age", "resident", "room"]


def resident() -> int:
    """Bytes of main memory that this process holds; where the system tells only its most so far, that."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    with suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 400 << 20  # Windows: Python with torch loaded, about


def age() -> float:
    """Seconds since this process was started, imports and all; where the system does not tell, those it computed."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        # The name in brackets may hold spaces; the start is the 20th field behind it, in ticks since the machine's own.
        start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, float(Path("/proc/uptime").read_text().split()[0]) - start)
    return time.process_time()


def room() -> int:
    """Bytes of main memory that this process can have in all, what it holds included.

    The least of what the machine has free and what the control groups leave; where neither tells, the whole memory.
    """
    left = [size for size in (_free(), memory_left()) if size is not None]
    return min(total_memory(), resident() + min(left)) if left else total_memory()


def _free() -> int | None:
    """Bytes that programs can still have, by the kernel's own estimate; None where the system does not tell."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return None
