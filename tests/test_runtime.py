"""What the process asks of the system."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

_TAKE = """
import resource
import torch
from impasto.runtime import give_back, handle_freed

def faults(megabytes=50):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.full((megabytes << 18,), 1.0)  # freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

handle_freed("return")
small = [faults(20) for _ in range(3)]
handle_freed("usual")
small_kept = [faults(20) for _ in range(10)]
# The heap finds room in its own gaps after a few.
handle_freed("keep")
kept = [faults() for _ in range(40)]
handle_freed("usual")
give_back()
print(kept[-1], faults(), small_kept[-1], small[-1])
"""

_PAGES = """
from pathlib import Path
from impasto.cli.session import Output

Output(Path("out.png")).check([], {})  # loads torch
import torch

x = torch.ones(100 << 18)
rows = open("/proc/self/smaps_rollup").read().splitlines()
print(next(row.split()[1] for row in rows if row.startswith("AnonHugePages")))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_kept_until_it_is_given_back(monkeypatch):
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)  # pages of 4 KiB are counted
    found = subprocess.run([sys.executable, "-c", _TAKE], capture_output=True, text=True, check=True)
    kept, given_back, small_kept, small_given_back = map(int, found.stdout.split())
    assert kept < 100
    assert given_back > 1000  # pages of 4 KiB; of 2 MiB there would be 25 at least, and none kept
    assert small_kept < 100
    assert small_given_back > 1000


_HUGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.slow
@pytest.mark.skipif(not _HUGE.exists() or "[madvise]" not in _HUGE.read_text(), reason="no huge pages where asked for")
def test_only_a_large_picture_gets_huge_pages(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def kilobytes(size):
        words = [sys.executable, "-c", _PAGES.format(size)]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    assert kilobytes(4000) > 90 << 10
    assert kilobytes(1024) < 10 << 10
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")
    assert kilobytes(4000) < 10 << 10
