"""Where a picture is so large that it is looked at smaller too."""

from __future__ import annotations

__all__ = ["OCTAVE", "TWO", "has_octaves"]

# Pixels of the longer side at which the encoders know a picture best: their deepest layer reaches over a third of it.
OCTAVE = 512
TWO = 768  # the longer side from which on half of it is nearer to 512 pixels than to 256


def has_octaves(size: int) -> bool:
    """Whether a picture of ``size`` is looked at smaller too."""
    return size >= TWO
