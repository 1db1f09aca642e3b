"""What a control group (a container, a batch system) lets this process use of the machine; Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["cpu_limit", "memory_left", "memory_limit", "usable_cores"]

_NO_LIMIT = 1 << 60  # version 1 writes the largest page-aligned number where there is none


def memory_limit(root: Path = Path("/")) -> int | None:
    """The bytes that this process may take; None without a limit. ``root`` is for tests."""
    found = []
    for folder in _groups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _read(folder / name)
            if text.isdigit() and int(text) < _NO_LIMIT:
                found.append(int(text))
    return min(found, default=None)


def memory_left(root: Path = Path("/")) -> int | None:
    """The bytes that this process may still take; None without a limit. File pages that can be dropped are not in use."""
    found = []
    for folder in _groups("memory", root):
        for most, now in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            limit, used = _read(folder / most), _read(folder / now)
            if limit.isdigit() and int(limit) < _NO_LIMIT and used.isdigit():
                lines = dict(line.split(" ", 1) for line in _read(folder / "memory.stat").splitlines() if " " in line)
                # Version 1 counts a group's own pages under the plain name, those of its groups as well under total_.
                idle = lines.get("total_inactive_file", lines.get("inactive_file", "0"))
                found.append(max(0, int(limit) - int(used) + int(idle)))
    return min(found, default=None)


def cpu_limit(root: Path = Path("/")) -> float | None:
    """The processor time that this process may take, in cores; None without a limit."""
    found = []
    for folder in _groups("cpu", root):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            found.append(int(quota) / int(period))
    return min(found, default=None)


def usable_cores() -> int:
    """The cores that this process is allowed to run on, whatever the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's group and of all above it: the tightest limit holds.

    A container may see the path of its group but not the folder; then the topmost one is its own.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            tops = ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        elif controller in controllers.split(","):
            tops = [f"sys/fs/cgroup/{controller}", f"sys/fs/cgroup/{controllers}"]
        else:
            continue
        inner = PurePosixPath(path.lstrip("/"))
        for top in dict.fromkeys(tops):
            for part in (inner, *inner.parents):
                yield root / top / part


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
