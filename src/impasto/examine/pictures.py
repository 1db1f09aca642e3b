"""The kinds of picture that can be read and written here, told by reading and writing one of each."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator

import numpy as np

from impasto.errors import ImpastoError
from impasto.examine.finding import Check, Finding, note, ok, wrong
from impasto.media.encode import DEEP, encode
from impasto.media.image import WRITE_SUFFIXES, decode_picture

__all__ = ["CHECKS"]

# Two by two pixels of one orange each, deflated: what impasto reads but does not write.
_SAMPLES = {
    "GIF": "eNpz93SzME9kYmBiaGRgOBGgwQADOiACJM7AwcbAyMEiIMBgDQCE3AQS",
    "AVIF": (
        "eNpjYGBQSCupLEgsy0xjAAIQnZuZZpibmZjm62joBBR6nZtaksgAAYoZKTlFUDZDQWZyCQMa4CvILMkFsxiBWC4zJz8ZxHEB8RkhoozC"
        "QFoNiDUyM/PS4GqlgJxUJigvsczA0Dk/Jx9sV1ZmQVEBkPbOLEjOB9IimcUFqVD7mKBYoCCzIhMkwMzBwQGkeBLLDJ0bGXhAQsLJ+TlF"
        "eck5FUCTeRnYGoBC4pkFuTA/AR3GwsjUzAJk6uWmJJYIMXBxSDCYdXBkmCgYSUi6t7cpts+rfAbUNsHhpEx8Gue7K4GLkgFyNzgs"
    ),
    "HEIC": (
        "eNpjYGCQSSupLMhIzUxmAILczDRDEDs3MzGNgYGxJje1JJEBAhQzUnKKoGyGgszkEgY0oJSZkw82xMWBgREIgYBxAYQGAiMgVs7MzEsD"
        "80CiokBOKhOUl1GWbAhi8hVkluTClfzJLCgqANJ3MguS84F0KVCZMyMzSGgCWJHcB4Y/f3/8YGDgZ04A6pBwYORh/P8fpIAZpIIZhOR2"
        "MTkkAiU1nRgZ0WQWKDSyTnu1btazB4oLDjQwMPA0gIRbkoCq2VwYDxYf7ATaIZycn1OUl5xTARTlZWADKmEQySwuSIV6zAGKNZJzEkEO"
        "Y4K6HUz/////EIgNo4FYoCCzIhOkkZmDgwNISWQW5MLCGBhsrI1MzKwtQLZVbkoiKIz1NBjXCysmJTt8VVf6/08/8/+RtPmf+VNb5556"
        "cTD6068D31JmH/i8auK8hvbM5QaiFQDW7mdG"
    ),
}


def _written() -> Iterator[Finding]:
    reasons = {suffix: _why_not(suffix) for suffix in WRITE_SUFFIXES}
    good = [suffix for suffix, reason in reasons.items() if not reason]
    yield ok("written", ", ".join(good) or "none", suffixes=good)
    for suffix, reason in reasons.items():
        if reason:
            yield wrong(suffix, f"cannot be written: {reason}", "pip install --force-reinstall pillow")


def _why_not(suffix: str) -> str:
    """Why no picture can be written as ``suffix``; empty where it can."""
    try:
        for bits in (8, 16) if suffix in DEEP else (8,):
            _there_and_back(suffix, bits)
    except Exception as error:  # a Pillow without the format says so in its own ways
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _there_and_back(suffix: str, bits: int) -> None:
    """Encode a picture, decode it and compare: exact where the format is, within ten codes of 255 elsewhere."""
    pixels = np.full((8, 8, 3), (200, 80, 40), np.uint8 if bits == 8 else np.uint16)
    image = decode_picture(encode(pixels, suffix), f"a new {suffix} file").image
    found = image[0].permute(1, 2, 0).numpy() * (2**bits - 1)
    if abs(found - pixels).max() > (10 if suffix in (".jpg", ".jpeg", ".webp") else 0.5):
        raise ValueError("what is read back is another picture")


def _read() -> Iterator[Finding]:
    refusals = {kind: _refusal(kind) for kind in _SAMPLES}
    good = [kind for kind, refusal in refusals.items() if not refusal]
    yield ok("read besides", ", ".join(good) or "none", kinds=good)
    for kind, refusal in refusals.items():
        if refusal:
            yield note(kind, "cannot be read here", refusal)


def _refusal(kind: str) -> str:
    """What to do, in the words of the refusal, to have the sample of ``kind`` read; empty where it is read."""
    try:
        decode_picture(zlib.decompress(base64.b64decode(_SAMPLES[kind])), kind)
    except ImpastoError as error:
        return str(error).rpartition("to read it, ")[2]
    return ""


CHECKS: dict[str, Check] = {"written": _written, "read": _read}
