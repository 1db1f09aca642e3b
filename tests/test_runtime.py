"""What the process asks of the system."""

import platform
import subprocess
import sys

import pytest

_TAKE = """
import resource
import torch
from impasto.runtime import give_back, handle_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.full((50 << 18,), 1.0)  # 50 MB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

# The heap finds room in its own gaps after a few.
handle_freed("keep")
kept = [faults() for _ in range(40)]
handle_freed("usual")
give_back()
print(kept[-1], faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_kept_until_it_is_given_back():
    found = subprocess.run([sys.executable, "-c", _TAKE], capture_output=True, text=True, check=True)
    kept, given_back = map(int, found.stdout.split())
    assert kept < 100
    assert given_back > 1000  # pages of 4 KiB; of 2 MiB there would be 25 at least, and none kept
