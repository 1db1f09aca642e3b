"""A film painted again: what it records is what the first one did, so that the bytes are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto.reel.film import Reel
from impasto.studio import recorded_easel

__all__ = ["as_recorded"]


def as_recorded(reel: Reel, about: Mapping[str, Any], film: Path | str) -> Reel:
    """``reel`` with the record ``about`` of the painted ``film``; ``InputError`` where its encoder is another one.

    The version and the machine are those of today: the easel's remarks tell where they differ from then.
    """
    easel = recorded_easel(film, {**reel.easel.about, **about}, reel.easel)
    recorded = {key: about[key] if key in about and key not in ("impasto", "machine") else value
                for key, value in reel.about.items()}  # fmt: skip
    return replace(reel, easel=easel, about=recorded)
