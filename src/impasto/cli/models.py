"""``impasto models``: which encoders there are, and getting them onto this machine.

torch is imported only where a weight file is opened, so that help and the list come at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from impasto.errors import InputError, WeightsError
from impasto.see.known import KNOWN, describe_auto, home, installed, known

__all__ = ["models"]

_BUILTIN_ABOUT = "small and fast, distilled from VGG-19"
_BUILTIN_LICENCE = "MIT, see NOTICE"


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the encoders; fetch, import or remove one."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        click.echo(json.dumps(_listing(), indent=2, ensure_ascii=False))
    else:
        _show(_listing())


@models.command("fetch")
@click.argument("name")
@click.option("--url", metavar="ADDRESS", help="Fetch from this mirror; the checksum must still be right.")
def fetch_command(name: str, url: str | None) -> None:
    """Download an encoder; what an earlier try has brought is kept."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from impasto.see.fetch import fetch

    if name == "builtin":
        click.echo("builtin comes with impasto: nothing to fetch")
        return
    item = known(name)
    if found := installed(name):
        click.echo(f"{name} is installed already: {found}")
        return
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(name, total=item.size)
            for at in fetch(item, home(), url=url):
                bar.update(task, completed=at.done, total=at.total or item.size)
    except KeyboardInterrupt:
        click.echo(f"stopped: impasto models fetch {name} goes on from there", err=True)
        raise
    # The published file is mostly a classifier, which painting has no use for.
    whole = home() / item.file
    target = _install(whole, name, force=True)  # its checksum vouches for it
    whole.unlink()
    click.echo(_kept(name, target))


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "name", required=True, metavar="NAME", help="What it is: vgg19 or vgg19-caffe.")
@click.option("--force", is_flag=True, help="Also where the weights look like another encoder's.")
def import_command(file: Path, name: str, force: bool) -> None:
    """Install an encoder from a .pth or .safetensors file."""
    click.echo(_kept(name, _install(file, known(name).name, force)))


@models.command("remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Delete an installed encoder or an unfinished download."""
    from impasto.see.fetch import part_file

    if name == "builtin":
        raise InputError("builtin is part of impasto and stays")
    item = known(name)
    files = [home() / f"{name}.safetensors", home() / item.file, part_file(item, home())]
    freed, gone = 0, []
    for file in filter(Path.is_file, files):
        freed += file.stat().st_size
        try:
            file.unlink()
        except OSError as error:
            raise WeightsError(f"cannot remove {file}: {(error.strerror or str(error)).lower()}") from None
        gone.append(str(file))
    if not gone:
        raise InputError(f"{name} is not installed in {home()}")
    click.echo(f"removed {', '.join(gone)} ({_size(freed)})")


@models.command("path")
@click.argument("name", required=False)
def path_command(name: str | None) -> None:
    """Print the folder of installed encoders, or the file of one."""
    if name is None:
        click.echo(home())
        return
    found = installed(name)
    if found is None:
        raise InputError(f"{name} is not installed")
    click.echo(found)


def _install(source: Path, name: str, force: bool) -> Path:
    from impasto.see.vgg import install

    return install(source, name, force=force)


def _kept(name: str, target: Path) -> str:
    return f"{name}: {_size(target.stat().st_size)} in {target}"


def _listing() -> dict[str, Any]:
    """Plain values for the table and for JSON; sizes in bytes."""
    from impasto.see.fetch import part_file

    rows: list[dict[str, Any]] = [
        {"name": "builtin", "about": _BUILTIN_ABOUT, "licence": _BUILTIN_LICENCE, "download": None, "url": None}
    ]
    rows += [
        {"name": item.name, "about": item.about, "licence": item.licence, "download": item.size, "url": item.url}
        for item in KNOWN
    ]
    for row in rows:
        found = installed(row["name"])
        part = None if row["name"] == "builtin" else part_file(known(row["name"]), home())
        row["installed"] = found is not None
        row["path"] = str(found) if found else None
        row["size"] = found.stat().st_size if found else None
        row["partly"] = part.stat().st_size if part and part.is_file() else 0
    name, reason = describe_auto()
    return {"home": str(home()), "auto": {"name": name, "reason": reason}, "models": rows}


def _show(listing: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "installed", "licence", "what it is"):
        table.add_column(title, no_wrap=title == "name")
    for row in listing["models"]:
        state = _size(row["size"]) if row["installed"] else "no"
        if not row["installed"] and row["partly"]:
            state += f", {_size(row['partly'])} fetched"
        elif not row["installed"] and row["download"]:
            state += f", {_size(row['download'])} to fetch"
        table.add_row(row["name"], state, row["licence"], row["about"])
    Console().print(table)
    click.echo()
    click.echo(f"auto: {listing['auto']['name']}, {listing['auto']['reason']}")
    click.echo(f"folder: {listing['home']}")


def _size(size: int) -> str:
    if size < 1e6:
        return f"{size / 1e3:.1f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1e7 else f"{size / 1e6:.0f} MB"
