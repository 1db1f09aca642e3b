"""The door: names and paths in, a painter or a finished picture out. Every surface comes in here."""

from __future__ import annotations

from impasto.studio.again import found_input, read_about, recorded_easel, recorded_recipe, reopen
from impasto.studio.door import open_easel, stylize, stylize_steps
from impasto.studio.easel import Easel, Painting, Picturable, Sight, Source, Stylable
from impasto.studio.given import rooted
from impasto.studio.outputs import check_log, check_output, check_page, check_stages
from impasto.studio.sight import open_sight
from impasto.studio.sources import load_source, open_picture

__all__ = [
    "Easel",
    "Painting",
    "Picturable",
    "Sight",
    "Source",
    "Stylable",
    "check_log",
    "check_output",
    "check_page",
    "check_stages",
    "found_input",
    "load_source",
    "open_easel",
    "open_picture",
    "open_sight",
    "read_about",
    "recorded_easel",
    "recorded_recipe",
    "reopen",
    "rooted",
    "stylize",
    "stylize_steps",
]
