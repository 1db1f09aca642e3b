"""The encoders that have a name, where their files come from and where they lie on this machine; needs no torch.

Installed files lie in one folder: ``$IMPASTO_HOME``, or the user's cache folder (``~/.cache/impasto`` on Linux).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from impasto.errors import UnknownNameError

__all__ = ["BUILTIN", "ENCODERS", "KNOWN", "KnownWeights", "describe_auto", "home", "installed", "known"]

BUILTIN = Path(__file__).with_name("builtin.safetensors")


@dataclass(frozen=True)
class KnownWeights:
    """A published weight file: ``sha256`` may be a published prefix of the whole, ``size`` (bytes) may be unknown."""

    name: str
    file: str
    url: str
    sha256: str
    size: int | None
    licence: str
    about: str


# The Oxford file is known by the eight digits in its name only: enough against a broken transfer, not against malice.
# Either file is read without running what is pickled in it, so a wrong one can do no harm but paint badly.
KNOWN: tuple[KnownWeights, ...] = (
    KnownWeights(
        "vgg19",
        "vgg19-dcbb9e9d.pth",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        574_673_361,
        "BSD-3-Clause",
        "VGG-19, trained by torchvision",
    ),
    KnownWeights(
        "vgg19-caffe",
        "vgg19-d01eb7cb.pth",
        "https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
        "d01eb7cb",
        None,
        "CC BY 4.0",
        "the original VGG-19, as in Gatys et al.",
    ),
)

ENCODERS = ("auto", "builtin", "random", *(item.name for item in KNOWN))


def known(name: str) -> KnownWeights:
    """The published file called ``name``; ``UnknownNameError`` names the nearest."""
    for item in KNOWN:
        if item.name == name:
            return item
    raise UnknownNameError("model", name, [item.name for item in KNOWN])


def home() -> Path:
    """The folder of installed weights; it need not exist yet."""
    given = os.environ.get("IMPASTO_HOME", "").strip()
    return Path(given).expanduser() if given else platformdirs.user_cache_path("impasto")


def installed(name: str) -> Path | None:
    """The file of ``name`` on this machine: converted, else under its published name; None where there is none."""
    if name == "builtin":
        return BUILTIN if BUILTIN.is_file() else None
    folder = home()
    files = (folder / f"{name}.safetensors", folder / known(name).file)
    return next((file for file in files if file.is_file()), None)


def describe_auto() -> tuple[str, str]:
    """What ``auto`` stands for on this machine, and why, as ``(name, reason)``; nothing is opened or fetched."""
    for item in KNOWN:
        if found := installed(item.name):
            return item.name, f"installed as {found}"
    return "builtin", "no VGG-19 is installed (impasto models fetch vgg19-caffe gets one)"
