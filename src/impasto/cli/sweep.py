"""``impasto study sweep`` and the studies that are ready to run: many recipes, one folder of results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.command import command_line
from impasto.cli.options import all_of, recipe_options, recipe_options_but, typed
from impasto.errors import InputError
from impasto.study.ready import STUDIES, Study

if TYPE_CHECKING:
    from impasto.recipe import Recipe
    from impasto.study.cells import Outcome
    from impasto.study.folder import Folder
    from impasto.study.sweep import Sweep

__all__ = ["COMMANDS"]

_PICTURES: tuple[Callable[[Any], Any], ...] = (
    click.argument("content", type=click.Path(path_type=Path)),
    click.argument("style", type=click.Path(path_type=Path)),
)
_OUT: tuple[Callable[[Any], Any], ...] = (
    click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER",
                 help="Where the results go; the same command goes on where it ended."),
    click.option("--exact", is_flag=True,
                 help="Every cell as if painted alone, to the last bit; else neighbours share the coarser sizes: quicker."),
    click.option("--judge", metavar="NAME|FILE", help="Who judges  [the VGG-19 that is installed, else builtin]."),
    click.option("--notebook", is_flag=True, help="Also write report.ipynb, a Jupyter notebook of the results."),
)  # fmt: skip
_LAST: tuple[Callable[[Any], Any], ...] = (
    click.option("--weights", type=click.Path(path_type=Path), help="A VGG-19 weight file (.pth or .safetensors)."),
    click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels."),
    click.option("--anyway", is_flag=True, help="Paint even where the memory will hardly suffice."),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
)


@click.command("sweep")
@all_of(*_PICTURES)
@click.option("--vary", multiple=True, metavar="NAME=V1,V2…",
              help="An option and its values; once more for another: all combinations. "
                   "Values that hold commas: NAME='A,B;C'.")  # fmt: skip
@all_of(*_OUT)
@click.option("--yes", is_flag=True, help="Paint even more than 200 cells.")
@recipe_options
@all_of(*_LAST)
def sweep_command(content: Path, style: Path, vary: Sequence[str], yes: bool, **given: Any) -> int:
    """Paint CONTENT in the manner of STYLE once for every combination of options, and report on them all.

    FOLDER gets the pictures, the tables runs.csv and losses.csv, and report.html, a page that can be shared. Ctrl-C ends
    it with what is finished; the same command goes on.
    """
    from impasto.recipe import Recipe
    from impasto.study.vary import cells_of, parse_vary

    base = Recipe().but(**(chosen := typed(given)))
    varied = parse_vary(vary)
    _check_apart(varied, chosen)
    return _run(_Task("sweep", content, style, base, cells_of(base, varied, many=yes), **given))


def _ready(study: Study) -> click.Command:
    """The command of a study that is ready to run."""

    def run(content: Path, style: Path, **given: Any) -> int:
        from impasto.recipe import Recipe

        chosen = typed(given)
        given_too = {} if "init" in chosen else study.given  # another start takes another mean
        base = Recipe().but(**{**given_too, **chosen})
        if study.vgg and given["weights"] is None:
            base = _with_vgg(study, base)
        task = _Task(study.name, content, style, base, study.cells, shows=study.shows, **given)
        return _run(task)

    run.__doc__ = f"{study.shows}\n\nFOLDER gets pictures, tables and report.html, as of impasto study sweep."
    command = all_of(*_PICTURES, *_OUT, recipe_options_but(*study.varied), *_LAST)(run)
    return click.command(study.name, short_help=study.help)(command)


COMMANDS = (sweep_command, *map(_ready, STUDIES.values()))


@dataclass(frozen=True)
class _Task:
    """What was asked for."""

    name: str
    content: Path
    style: Path
    base: Recipe
    cells: Sequence[Mapping[str, Any]]
    out: Path
    judge: str | None
    exact: bool
    notebook: bool
    weights: Path | None
    allow_huge: bool
    anyway: bool
    quiet: bool
    shows: str = ""

    def command(self, outcome: Outcome, *, shared: bool = False) -> str:
        """The command that paints a cell alone; in a page that is ``shared`` with the names of files only."""
        content, style, weights = (
            (path.name if shared else str(path)) if path else "" for path in (self.content, self.style, self.weights)
        )
        recipe = outcome.cell.recipe.as_dict()
        if shared:
            recipe |= {name: Path(recipe[name]).name for name in ("encoder", "init")}
        return command_line(
            {
                "content": {"path": content},
                "styles": [{"path": style}],
                "recipe": recipe,
                "encoder": {"weights": weights},
                "output": {"bits": 8},
            }
        )


def _run(task: _Task) -> int:
    """Check everything, paint, write what there is; the exit code."""
    from impasto.cli.session import Held
    from impasto.study import sweep_report
    from impasto.study.folder import Folder
    from impasto.study.sweep import open_sweep

    sweep_report.check(notebook=task.notebook)
    sweep = open_sweep(
        task.content, task.style, task.cells, task.base, name=task.name, judge=task.judge,
        exact=task.exact, weights=task.weights, allow_huge=task.allow_huge,
    )  # fmt: skip
    folder = Folder(task.out, sweep)
    folder.check()
    if not task.anyway:
        _check_fits(sweep)
    folder.open()
    found = folder.outcomes()
    if not task.quiet:
        _say_first(task, sweep, len(found))
    failed: list[Outcome] = []
    with Held() as held:
        with suppress(KeyboardInterrupt):  # of an impatient second Ctrl-C; what is finished is kept all the same
            _paint(task, sweep, folder, held, found, failed)
        held.saving = True
        if not found and not failed:
            raise KeyboardInterrupt
        outcomes = sorted([*found.values(), *failed], key=lambda outcome: outcome.cell.number)
        folder.write_tables(found.values())
        best = sweep_report.write(
            folder, outcomes, partial(task.command, shared=True), shows=task.shows, notebook=task.notebook
        )
    missing = len(sweep.cells) - len(outcomes)
    if not task.quiet:
        _say_last(task, folder, missing, best)
    if failed:
        raise InputError(f"{len(failed)} of {len(sweep.cells)} cells could not be painted, as the report says; "
                         f"{failed[0].cell.label}: {failed[0].failure}")  # fmt: skip
    return 130 if missing else 0


def _paint(
    task: _Task, sweep: Sweep, folder: Folder, held: Any, found: dict[str, Outcome], failed: list[Outcome]
) -> None:
    """Pull the sweep to its end or to an interrupt; what is finished goes into the folder and into ``found``."""
    from impasto.cli.bar import Bar

    with Bar(task.quiet) as bar:
        for at in sweep.steps(done=set(found)):
            if at.progress:
                held.painting = True
                bar.show(at.progress, at.cell.label, at.done)
            if at.outcome and at.outcome.failure:
                failed.append(at.outcome)
            elif at.outcome:
                folder.keep(at.outcome)
                found[at.cell.key] = replace(
                    at.outcome, painting=None
                )  # it is safe: hundreds would not fit into memory
                folder.write_tables(found.values())
            if at.outcome and not task.quiet:
                print(_line(at.outcome), file=sys.stderr)
            if held.asked:
                break


def _line(outcome: Outcome) -> str:
    if outcome.failure:
        return f"{outcome.cell.label}: {outcome.failure}"
    judged = "".join(f"  {name.replace('_', ' ')} {value:.4g}" for name, value in outcome.judged.items())
    told = "".join(f"; {one.line()}" for one in outcome.complaints)
    return f"{outcome.cell.label}: {outcome.seconds:.1f} s{judged}{told}"


def _say_first(task: _Task, sweep: Sweep, done: int) -> None:
    from impasto.study import sweep_report

    judge = sweep.judge
    lines = [
        f"{len(sweep.cells)} cells, {done} of them done; judged by {judge.encoder.name} at {judge.size} px",
        *sweep_report.remarks(),
    ]
    print(*lines, sep="\n", file=sys.stderr)


def _say_last(task: _Task, folder: Folder, missing: int, best: Outcome | None) -> None:
    state = (
        f"interrupted, {missing} of {len(folder.sweep.cells)} cells are missing (the same command goes on); "
        * bool(missing)
    )
    print(f"{state}wrote {folder.path / 'report.html'}", file=sys.stderr)
    if best:
        print(f"best as judged: {best.cell.label}\n  {task.command(best)}", file=sys.stderr)


def _check_fits(sweep: Sweep) -> None:
    """Refuse what will not fit into memory: of every encoder the largest size is asked about."""
    from impasto.foresee.check import check_fits
    from impasto.study.starts import eyes_of
    from impasto.study.vary import blamed

    largest: dict[Any, Any] = {}
    for cell in sorted(sweep.cells, key=lambda cell: cell.recipe.size):
        largest[eyes_of(cell.recipe)] = cell
    for cell in largest.values():
        with blamed(cell.changes):
            check_fits(sweep.easel(cell))


def _check_apart(varied: Mapping[str, Any], chosen: Mapping[str, Any]) -> None:
    for name in varied:
        if name in chosen:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} and --vary {flag} together: give one or the other")


def _with_vgg(study: Study, base: Recipe) -> Recipe:
    """``base`` with the VGG-19 that is installed, for a study that is about what only a VGG-19 has."""
    from impasto.judge.judges import default_judge

    if base.encoder != "auto":
        return base
    name = default_judge()
    if name is None:
        raise InputError(
            f"study {study.name} needs a VGG-19, and none is installed: run impasto models fetch vgg19-caffe, "
            "or name a file with --weights"
        )
    return base.but(encoder=name)
