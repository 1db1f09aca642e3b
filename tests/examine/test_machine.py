"""Machine, control groups and devices."""

import pytest
import torch

from impasto.examine import devices, machine
from impasto.examine.finding import found_by
from impasto.examine.limits import cpu_limit, memory_left, memory_limit, usable_cores


def findings(module):
    return {found.name: found for name, check in module.CHECKS.items() for found in found_by(name, check)}


def files(root, **texts):
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_tightest_limit_of_version_2_holds(tmp_path):
    root = files(
        tmp_path,
        proc__self__cgroup="0::/job/step\n",
        sys__fs__cgroup__job__memory_dot_max="2147483648\n",
        sys__fs__cgroup__job__step__memory_dot_max="max\n",
        sys__fs__cgroup__job__cpu_dot_max="150000 100000\n",
    )
    assert memory_limit(root) == 2 << 30
    assert cpu_limit(root) == 1.5


def test_version_1_and_a_path_that_a_container_does_not_see(tmp_path):
    root = files(tmp_path, proc__self__cgroup="3:cpu,cpuacct:/docker/a\n2:memory:/docker/a\n0::/\n")
    for name, text in (
        ("memory/memory.limit_in_bytes", "1073741824"),
        ("cpu,cpuacct/cpu.cfs_quota_us", "200000"),
        ("cpu,cpuacct/cpu.cfs_period_us", "100000"),
    ):
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert (memory_limit(root), cpu_limit(root)) == (1 << 30, 2)


def test_what_is_left_leaves_out_pages_that_can_be_dropped(tmp_path):
    root = files(
        tmp_path,
        proc__self__cgroup="0::/job\n",
        sys__fs__cgroup__job__memory_dot_max=str(4 << 30),
        sys__fs__cgroup__job__memory_dot_current=str(3 << 30),
        sys__fs__cgroup__job__memory_dot_stat=f"anon 5\ninactive_file {1 << 30}\n",
    )
    assert memory_left(root) == 2 << 30
    (root / "sys/fs/cgroup/job/memory.current").write_text(str(9 << 30))
    assert memory_left(root) == 0
    assert memory_left(tmp_path / "none") is None


def test_no_limit_is_none(tmp_path):
    root = files(tmp_path, proc__self__cgroup="2:memory:/\n1:cpu:/\n")
    path = root / "sys/fs/cgroup/memory/memory.limit_in_bytes"
    path.parent.mkdir(parents=True)
    path.write_text("9223372036854771712")
    assert (memory_limit(root), cpu_limit(root)) == (None, None)
    assert (memory_limit(tmp_path / "none"), cpu_limit(tmp_path / "none")) == (None, None)


def test_this_machine_is_described():
    found = findings(machine)
    assert set(found) == {
        *("system", "processor", "cores", "threads", "variables", "memory", "disk, here", "disk, weights"),
    }
    assert found["cores"].facts["usable"] == usable_cores() >= 1
    assert found["memory"].facts["total"] > 1 << 28


def test_threads_and_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    many = machine.threads(8, 2)
    assert (many.mark, many.remedy) == ("note", "set OMP_NUM_THREADS=2")
    assert machine.threads(2, 2).mark == machine.threads(1, 2).mark == "ok"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    few = machine.threads(1, 2)
    assert (few.mark, "unset OMP_NUM_THREADS" in few.remedy) == ("note", True)


def test_variables_that_change_things_are_listed(monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    monkeypatch.setenv("IMPASTO_HOEM", "typed wrong")
    found = findings(machine)["variables"]
    assert "MKL_NUM_THREADS=3" in found.text
    assert "IMPASTO_HOEM means nothing" in found.remedy


def test_a_full_disk_is_wrong(monkeypatch):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1 << 20}))
    found = findings(machine)
    assert found["disk, here"].mark == found["disk, weights"].mark == "wrong"
    assert "IMPASTO_HOME" in found["disk, weights"].remedy


def test_the_precision_comes_with_a_reason(monkeypatch):
    monkeypatch.setattr(devices, "native_bfloat16", lambda: False)
    monkeypatch.setattr(devices, "choose_precision", lambda name, device: torch.float32)
    found = findings(devices)
    assert found["CPU"].text.startswith("float32: ")
    assert found["auto"].facts["precision"] == "float32"


@pytest.mark.parametrize(
    ("cuda", "driver", "mark", "words"),
    [
        ("12.8", "470.1", "wrong", "cannot use the driver 470.1"),
        ("12.8", "", "ok", "no card"),
        (None, "470.1", "note", "built without CUDA"),
        (None, "", "ok", "none"),
    ],
)
def test_a_build_and_a_driver_that_do_not_fit(monkeypatch, cuda, driver, mark, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(devices, "_driver", lambda: driver)
    found = findings(devices)["CUDA"]
    assert found.mark == mark
    assert words in found.text
