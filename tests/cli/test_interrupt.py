"""Ctrl-C and SIGTERM: the best picture so far is kept, whole; before there is one, nothing is."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from impasto.cli import session
from impasto.media import files
from impasto.media.image import load_image

posix = pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")


def start(desk, *words, encoder=None):
    """A real ``python -m impasto image`` of more steps than anyone waits for."""
    small = ("--encoder", encoder or desk.encoder, "--size", 128, "--steps", 90_000, "-o", desk.out, *words)
    return subprocess.Popen(
        [sys.executable, "-m", "impasto", "image", desk.photo, desk.style, *map(str, small)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & takes it away
    )


def wait_for(truth, process, seconds=60):
    end = time.monotonic() + seconds
    while not truth():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_picture_so_far_is_saved(desk, number):
    log = desk.folder / "losses.csv"
    process = start(desk, "--log", log, "--json")
    wait_for(lambda: log.is_file() and log.read_text().count("\n") > 5, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted at step" in err
    assert str(desk.out) in err
    assert "Traceback" not in err
    line = json.loads(out)
    assert line["interrupted"]
    assert load_image(desk.out).shape == (1, 3, 96, 128)  # the final size, though it was far from it
    assert set(desk.files()) == {"photo.png", "style.png", "tiny.safetensors", "out.png", "losses.csv"}
    rows = log.read_text().splitlines()
    assert len(rows) == line["steps"] + 1
    assert f"interrupted at step {line['steps']}" in desk.run("show", desk.out)[1]


@posix
def test_before_the_first_step_nothing_is_left(desk):
    pipe = desk.folder / "slow.safetensors"  # a file that does not come
    os.mkfifo(pipe)
    desk.out.write_bytes(b"what was there")
    process = start(desk, "--log", "losses.csv", encoder=pipe)
    opened = []
    try:
        wait_for(lambda: is_read(pipe, opened), process)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        for handle in opened:
            os.close(handle)
    assert (process.returncode, err.strip()) == (130, "interrupted")
    assert set(desk.files()) == {"photo.png", "style.png", "tiny.safetensors", "out.png"}
    assert desk.out.read_bytes() == b"what was there"


def is_read(pipe, opened):
    """Whether somebody reads ``pipe``: before, it cannot be opened for writing."""
    try:
        opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.fixture
def signals(monkeypatch):
    """Have ``count`` signals arrive while step ``at`` is shown."""

    def arrange(at, count=1, number=signal.SIGINT):
        show = session.Bar.show

        def shown(self, progress):
            show(self, progress)
            if progress.step == at:
                for _ in range(count):
                    signal.raise_signal(number)

        monkeypatch.setattr(session.Bar, "show", shown)

    return arrange


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("count", [1, 2])
def test_impatience_loses_nothing(desk, signals, count, number):
    signals(at=3, count=count, number=number)
    code, _, err = desk.image("--steps", 50, "--log", "losses.csv")
    assert code == 130
    assert "interrupted at step 3 of" in err
    assert load_image(desk.out).shape == (1, 3, 48, 64)


def test_a_signal_does_not_stop_the_saving(desk, monkeypatch):
    write = files._write_bytes

    def written(path, data):
        if data:
            signal.raise_signal(signal.SIGINT)
        write(path, data)

    monkeypatch.setattr(files, "_write_bytes", written)
    assert desk.image()[0] == 0
    assert load_image(desk.out).shape == (1, 3, 48, 64)


def test_an_interrupted_picture_is_painted_to_its_end_by_rerun(desk, signals, monkeypatch):
    assert desk.image("--steps", 6)[0] == 0
    whole = desk.out.read_bytes()
    with monkeypatch.context():
        signals(at=3)
        assert desk.image("--steps", 6)[0] == 130
        monkeypatch.undo()
    monkeypatch.chdir(desk.folder)
    assert desk.run("rerun", desk.out, "-o", "again.png")[0] == 0
    assert (desk.folder / "again.png").read_bytes() == whole


def test_signals_are_as_before_afterwards(desk):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    desk.image()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
