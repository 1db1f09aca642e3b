"""What commands about films share: stretches of a film, and where the new one goes."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import click

from impasto.cli.options import all_of
from impasto.errors import InputError

__all__ = ["Rate", "Seconds", "film_out_options", "stretch_options"]

_CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d+)?)")


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """A time in a film: seconds, m:ss or h:mm:ss, with decimals; as an exact fraction of seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        found = _CLOCK.fullmatch(str(value).strip())
        if not found or (found[2] and float(found[3]) >= 60):
            flag = param.opts[0] if param else "time"
            raise InputError(f"{flag} {value}: expected seconds, as 12.5, or h:mm:ss, as 1:02:03.5")
        hours, minutes, seconds = found.groups()
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


class Rate(click.ParamType):  # type: ignore[type-arg]
    """Frames a second: 25, 29.97 (which is 30000/1001) or a fraction."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        try:
            rate = Fraction(str(value).strip())
        except (ValueError, ZeroDivisionError):
            rate = Fraction(0)
        if not 0 < rate <= 1000:
            raise InputError(f"--rate {value}: expected frames a second, as 25, 29.97 or 30000/1001")
        exact = Fraction(math.ceil(rate) * 1000, 1001)  # 23.976, 29.97 and 59.94 are short for this
        return exact if rate.denominator > 1 and abs(rate - exact) < Fraction(6, 1000) else rate


# Which frames of a film are meant: ``start``, ``end``, ``every``, ``rate``.
stretch_options = all_of(
    click.option("--start", type=Seconds(), default=Fraction(0), metavar="TIME",
                 help="Begin there: seconds or h:mm:ss  [0]."),
    click.option("--end", type=Seconds(), metavar="TIME", help="End before that: seconds or h:mm:ss  [the end]."),
    click.option("--every", type=int, default=1, metavar="N", help="Take every N-th frame  [1]."),
    click.option("--rate", type=Rate(), metavar="FPS", help="Frames a second of a folder of frames  [25]."),
)  # fmt: skip

# How a film is written: ``codec``, ``film_quality``.
film_out_options = all_of(
    click.option("--codec", default="auto", metavar="NAME",
                 help="auto (by the suffix), h264, prores, ffv1 (lossless), gif, webp or frames (a folder)  [auto]."),
    click.option("--film-quality", type=int, metavar="N", help="Quality of H.264 and WebP, 1 to 100  [80]."),
)  # fmt: skip
