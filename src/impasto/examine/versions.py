"""Versions: impasto, Python, torch and how it was built, and every package that impasto's own metadata asks for."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from impasto import __version__
from impasto.examine.finding import Check, Finding, note, ok, wrong

__all__ = ["CHECKS", "Need", "needs"]

_NEED = re.compile(r"([\w.-]+)\s*([^;\[\s]*)\s*(?:;\s*(.*))?$")  # a name, a range, a marker
_EXTRA = re.compile(r"extra\s*==\s*[\"'](\w+)[\"']")


@dataclass(frozen=True)
class Need:
    """A package asked for, within ``range`` as in ``>=2.4,<3``; ``extra`` is empty for what painting needs."""

    name: str
    range: str
    extra: str = ""

    @property
    def install(self) -> str:
        """The command that brings it."""
        return f"pip install '{self.name}{self.range}'"


def needs() -> Iterator[Need]:
    """What the installed metadata asks for, less the tools of development."""
    for line in metadata.requires("impasto") or ():
        asked = _NEED.match(line)
        if asked is None:  # an extra that names other extras
            continue
        marker = asked[3] or ""
        extra = found[1] if (found := _EXTRA.search(marker)) else ""
        if extra != "dev" and _applies(marker, extra):
            yield Need(asked[1], asked[2], extra)


def _applies(marker: str, extra: str) -> bool:
    if not marker:
        return True
    try:
        from packaging.markers import Marker
    except ImportError:
        return True
    return Marker(marker).evaluate({"extra": extra})


def _within(version: str, wanted: str) -> bool | None:
    """Whether ``version`` lies in the range; None where packaging, which can tell, is not installed."""
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return None
    return SpecifierSet(wanted).contains(version, prereleases=True)


def _impasto() -> Iterator[Finding]:
    try:
        recorded = metadata.version("impasto")
    except metadata.PackageNotFoundError:
        text = f"{__version__}, run from its source without being installed"
        yield note("impasto", text, "pip install -e . in its folder, so that what it needs can be checked")
        return
    if recorded != __version__:
        text = f"{__version__}, but installed as {recorded}"
        yield note("impasto", text, "install it again: pip install -e . in its folder", version=__version__)
    else:
        yield ok("impasto", __version__, version=__version__)


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    text = f"{version} ({platform.python_implementation()})"
    try:
        wanted = (metadata.metadata("impasto").get_all("Requires-Python") or [""])[0]
    except metadata.PackageNotFoundError:
        wanted = ""
    if wanted and _within(version, wanted) is False:
        yield wrong("Python", f"{text}, expected {wanted}", "install impasto with a newer Python", version=version)
    else:
        yield ok("Python", text, version=version)


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that it needs is missing
        line = " ".join(str(error).split())
        yield wrong("torch build", f"torch cannot be loaded: {line}", "pip install --force-reinstall torch")
        return
    accelerator = f"CUDA {torch.version.cuda}" if torch.version.cuda else "ROCm" if torch.version.hip else "CPU"
    onednn = torch.backends.mkldnn.is_available()
    # The one place where torch tells how it shares work between threads.
    backend = re.search(r"parallel backend: (\w.*)", torch.__config__.parallel_info())
    threads = backend[1].strip() if backend else "unknown"
    build = f"{accelerator} build, {'with' if onednn else 'without'} oneDNN, threads by {threads}"
    facts = {"version": str(torch.__version__), "build": accelerator, "onednn": onednn, "threads": threads}
    if not onednn and platform.machine().lower() in ("x86_64", "amd64"):
        remedy = "install the build of pytorch.org or PyPI: pip install --force-reinstall torch"
        yield note("torch build", f"{build}: convolutions are slow without it", remedy, **facts)
    else:
        yield ok("torch build", build, **facts)


def _packages() -> Iterator[Finding]:
    try:
        asked = list(needs())
    except metadata.PackageNotFoundError:
        return  # told by the first check
    for need in asked:
        yield _package(need)
    if _within("1", ">=1") is None:
        yield note("packaging", "not installed: the ranges were not checked", "pip install packaging")


def _package(need: Need) -> Finding:
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        if need.extra:
            return note(need.name, "not installed, optional", f"pip install 'impasto[{need.extra}]'", version=None)
        return wrong(need.name, "not installed", need.install, version=None)
    if _within(version, need.range) is False:
        return wrong(need.name, f"{version}, expected {need.range}", need.install, version=version)
    return ok(need.name, f"{version}{f', of impasto[{need.extra}]' if need.extra else ''}", version=version)


CHECKS: dict[str, Check] = {"impasto": _impasto, "Python": _python, "packages": _packages, "torch": _torch}
