"""The errors that impasto raises; each message is one line made for the person at the keyboard.

    ImpastoError              everything below; the command line shows it and exits with 2
    ├── InputError            an option or a picture that cannot be used as given
    │   └── UnknownNameError  a layer, an encoder or a choice that does not exist; names the nearest one
    ├── MediaError            a file that cannot be read or written as a picture
    ├── WeightsError          a weight file that is missing, damaged or of the wrong shape
    └── TrainingError         a data set, checkpoint or training run that cannot go on

A message says what was given, what was expected and what to try.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ImpastoError",
    "InputError",
    "MediaError",
    "TrainingError",
    "UnknownNameError",
    "WeightsError",
]


class ImpastoError(Exception):
    """Any error that a user can mend. ``str(error)`` is one line."""


class InputError(ImpastoError):
    """An option or a picture that cannot be used as given."""


class UnknownNameError(InputError):
    """A name that is not among the known ones; the message offers the nearest.

    >>> print(UnknownNameError("layer", "relu3_l", ["relu3_1", "relu4_1"]))
    unknown layer 'relu3_l': did you mean 'relu3_1'? (known: relu3_1, relu4_1)
    """

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = list(known)
        near = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(f"unknown {kind} {given!r}: {hint}(known: {', '.join(names)})")
        self.nearest = near[0] if near else None


class MediaError(ImpastoError):
    """A file that cannot be read or written as a picture."""


class WeightsError(ImpastoError):
    """A weight file that is missing, damaged or of the wrong shape."""


class TrainingError(ImpastoError):
    """A data set, a checkpoint or a training run that cannot go on."""
