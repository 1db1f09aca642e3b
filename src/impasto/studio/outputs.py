"""Before any work: can it be written where it is to go, and is that none of the inputs?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from impasto.errors import InputError
from impasto.media.files import check_folder
from impasto.media.image import check_writable

__all__ = ["check_log", "check_output", "check_page", "check_stages"]


def check_output(path: Path | str, inputs: Iterable[Path | str] = (), *, bits: int = 8, size: int = 0) -> None:
    """Before any work: can a picture of ``size`` be written to ``path``, and is it none of the ``inputs``?"""
    check_writable(path, bits=bits, long_side=size)
    _check_spared(path, inputs, f"{path} is one of the inputs: choose another output with -o")


def check_log(path: Path | str, inputs: Iterable[Path | str], out: Path | str) -> None:
    """Before any work: can a table be written to ``path``, and is it neither an input nor the picture ``out``?"""
    if not Path(path).exists() or Path(path).is_file() or Path(path).is_dir():  # else a pipe or a device
        check_folder(path)
    _check_spared(path, inputs, f"--log {path} is one of the inputs: choose another name")
    if os.path.realpath(path) == os.path.realpath(out):
        raise InputError(f"--log {path} is the picture itself: choose another name, as in losses.csv")


def check_page(path: Path | str, inputs: Iterable[Path | str] = ()) -> None:
    """Before any work: can a page be written to ``path``, and is it none of the ``inputs``?"""
    if Path(path).suffix.lower() not in (".html", ".htm") and not Path(path).is_dir():
        raise InputError(f"-o {path}: expected a page's name, which ends in .html, as in encoders.html")
    check_folder(path)
    _check_spared(path, inputs, f"{path} is one of the inputs: choose another output with -o")


def check_stages(out: Path, inputs: Iterable[Path | str]) -> None:
    """Is none of the ``inputs`` named as a stage of ``out`` that ``--save-every`` will write?"""
    stage = re.compile(re.escape(out.stem) + r"-\d{4,}" + re.escape(out.suffix))
    for path in map(Path, inputs):
        if stage.fullmatch(path.name) and os.path.realpath(path.parent) == os.path.realpath(out.parent):
            raise InputError(f"--save-every would write over {path}, one of the inputs: choose another output with -o")


def _check_spared(path: Path | str, inputs: Iterable[Path | str], message: str) -> None:
    if Path(path).exists():
        for name in inputs:
            if Path(name).exists() and Path(path).samefile(name):
                raise InputError(message)
