"""``impasto plan CONTENT STYLE``: what a painting will take, told before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.image import painting_options
from impasto.cli.options import typed
from impasto.runtime import huge_pages

if TYPE_CHECKING:
    from impasto.foresee.plan import Plan

__all__ = ["plan"]


@click.command()
@painting_options
@click.option("--probe", is_flag=True, help="Measure this machine anew, whatever is remembered of it.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def plan(content: Path, styles: Sequence[str], probe: bool, as_json: bool, **given: Any) -> int:
    """Tell how long `impasto image` will take on this machine, and how much memory; nothing is painted.

    A few steps are measured the first time, which takes some seconds, and remembered beside the weights. The exit code
    is 2 where the memory does not suffice.
    """
    from impasto.mixture import read_manner
    from impasto.recipe import Recipe

    recipe = Recipe().but(**typed(given))
    huge_pages(recipe.size)  # as the painting will
    manners = [read_manner(style) for style in styles]
    from impasto.errors import InputError
    from impasto.foresee.machine import age
    from impasto.foresee.plan import foresee
    from impasto.studio import open_easel

    easel = open_easel(content, manners, recipe, **given)
    found = foresee(easel, opening=age(), fresh=probe)
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict()))
    else:
        click.echo("\n".join([*easel.remarks, *_table(found)]))
    if not found.fit.fits:
        raise InputError(found.fit.refusal())
    return 0


def _table(plan: Plan) -> list[str]:
    from impasto.examine.finding import gibibytes

    rows = [("size", "steps", "seen", "s a step", "seconds")]
    for stage in plan.stages:
        seen = f"{stage.blocks} blocks of {stage.block}" if stage.block else "whole"
        times = (f"{stage.step_seconds:.3f}", f"{stage.seconds:.1f}")
        rows.append((f"{stage.width}×{stage.height}", str(stage.steps), seen, *times))
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)) for row in rows]
    painting = plan.seconds - plan.opening - plan.writing
    need, room = plan.fit.need, plan.fit.room
    lines += [
        f"computed on {plan.device} in {plan.precision}, with {plan.threads} thread{'s' * (plan.threads != 1)}",
        f"time    about {span(plan.seconds)}: to start {span(plan.opening)}, to paint {span(painting)}, "
        f"to write {span(plan.writing)}",
        f"memory  about {gibibytes(need.main)} at the peak, {gibibytes(room.main)} can be had",
    ]
    if need.card:
        lines.append(f"        about {gibibytes(need.card)} of the graphics card, {gibibytes(room.card)} can be had")
    return lines


def span(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
