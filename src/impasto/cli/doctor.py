"""``impasto doctor``: what this installation and this machine can do, and what to do about what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from impasto.examine.finding import Section

__all__ = ["doctor"]

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "bold red"}


@click.command()
@click.option("--quick", is_flag=True, help="Leave out the self-test, which takes about 5 seconds.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for a bug report.")
def doctor(quick: bool, as_json: bool) -> int:
    """Look at versions, machine, devices, encoders and pictures; paint a test.

    Each line is marked ok, note (it works, but could be faster or do more) or wrong, and says what to do. Nothing is
    changed, fetched or sent. The home folder is shown as ~, and no user is named, so that the output can go into a bug
    report.

    The exit code is 0 if nothing is wrong, notes or not, and 1 if something is.
    """
    from impasto.examine.report import as_dict, count, sections

    found = []
    console = None if as_json else _console()
    for section in sections(quick):
        found.append(section)
        if console:
            _show(console, section)
    failures = count(found, "wrong")
    if console:
        console.print(_sum(failures, count(found, "note")))
    else:
        click.echo(json.dumps(as_dict(found), indent=2, ensure_ascii=False))
    return 1 if failures else 0


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _show(console: Console, section: Section) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, title=section.title, title_justify="left")
    table.title_style = "bold"
    for width in (5, 15):
        table.add_column(min_width=width, no_wrap=True)
    table.add_column(overflow="fold")
    for finding in section.findings:
        table.add_row(Text(finding.mark, style=_COLOURS[finding.mark]), Text(finding.name), Text(finding.text))
        if finding.remedy:
            table.add_row("", "", Text(f"to do: {finding.remedy}"))
    console.print(table)
    console.print()


def _sum(failures: int, notes: int) -> str:
    """The last line."""
    said = "nothing is wrong" if not failures else f"{failures} {'thing is' if failures == 1 else 'things are'} wrong"
    return said + (f", {notes} to note" if notes else "")
