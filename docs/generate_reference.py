"""Write docs/reference.md from the options themselves, so that it cannot say anything else; --check only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from impasto.cli import cli
from impasto.option import Option
from impasto.recipe import PRESETS, options

PAGE = Path(__file__).with_name("reference.md")
GROUPS = {
    "picture": "The picture",
    "colour": "Whose colours",
    "kept": "What stays as it is",
    "start": "What it starts from",
    "regions": "Regions",
    "encoder": "Who looks",
    "losses": "What is wanted",
    "descent": "How it gets there",
    "machine": "The machine",
}
HEAD = """\
# Reference

<!-- Written by docs/generate_reference.py from the program itself: change an option's help, then run it again. -->

Every option and every command. The [tutorial](tutorial.md) shows them at work.

## Options of a painting

These are the options of `impasto image`, `demo`, `texture` and `study`, and the fields of `Recipe`: `--style-scale 2`
on the command line is `Recipe(style_scale=2)`, or `stylize(photo, painting, style_scale=2)`, in Python. A picture's metadata
records all of them.
"""


def page() -> str:
    """The whole text of the page."""
    lines = [HEAD]
    found = {option.group for option in options()}
    assert found <= set(GROUPS), f"a group without a title: {found - set(GROUPS)}"
    for group, title in GROUPS.items():
        rows = [option for option in options() if option.group == group]
        lines += [f"### {title}", "", "| option | default | values | what it does |", "|---|---|---|---|"]
        lines += [_row(option) for option in rows] + [""]
    lines += ["`--quality` is the number of steps at each size, from coarse to fine:", ""]
    lines += ["| quality | steps |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(map(str, steps))} |" for name, steps in PRESETS.items()]
    lines += ["", "## Commands", ""]
    for words, command in _commands(cli, ("impasto",)):
        lines += _command(words, command)
    return "\n".join(lines).rstrip() + "\n"


def _row(option: Option) -> str:
    if option.choices:
        values = ", ".join(f"`{choice}`" for choice in option.choices)
    elif option.low is not None and option.high is not None:
        kind = "whole number, " if option.kind is int else ""
        values = f"{kind}{_number(option.low)} to {_number(option.high)}"
    else:
        values = f"`{option.metavar or 'TEXT'}`"
    default = (
        f"`{option.default:g}`" if option.kind in (int, float) else f"`{option.default}`" if option.default else ""
    )
    return f"| `--{option.name.replace('_', '-')}` | {default} | {values} | {_cell(option.help)} |"


def _number(value: float) -> str:
    return "2⁶³-1" if value == 2**63 - 1 else f"{value:g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _commands(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))


def _command(words: tuple[str, ...], command: click.Command) -> list[str]:
    names = {parameter.name for parameter in command.params}
    all_of_recipe = "style_scale" in names
    recipe = {option.name: option.help for option in options()} if all_of_recipe else {}
    missing = [f"`--{option.name.replace('_', '-')}`" for option in options() if option.name not in names]
    given = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    arguments = [
        name if argument.required else f"[{name}]"
        for argument in given
        for name in [argument.metavar or str(argument.name).upper()]
    ]
    # A command may mean something else by a painting's option, as the start of a film's frames: then it says so here.
    shown = [p for p in command.params if isinstance(p, click.Option)]
    rest = [p for p in shown if not (p.name in recipe and (p.help or "").startswith(recipe[p.name]))]
    usage = [*words, *arguments]
    usage += ["[COMMAND]"] if isinstance(command, click.Group) else []
    usage += ["[OPTIONS]"] if rest or all_of_recipe else []
    title = " ".join(words)
    lines = [f"{'#' * (1 + len(words))} `{title}`", "", "```text", " ".join(usage), "```", ""]
    paragraphs = (command.help or "").replace("\b\n", "").split("\n\n")
    for paragraph in paragraphs:
        lines += [" ".join(paragraph.split()), ""]
    if all_of_recipe:
        but = f" but {' and '.join(filter(None, [', '.join(missing[:-1]), missing[-1]]))}" if missing else ""
        lines += [f"All [options of a painting](#options-of-a-painting){but}, and:", ""]
    if rest:
        lines += ["| option | what it does |", "|---|---|"]
        lines += [_option_row(option) for option in rest] + [""]
    return lines


def _option_row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = option.default
    if option.is_flag:
        default = option.opts[0] if default else "".join(option.secondary_opts[:1])
    else:
        names += " " + _cell(option.metavar or _kind(option.type))
    help = _cell(option.help or "")
    if option.show_default and default is not None:
        help += f" Default: `{default}`."
    if option.required:
        help += " Required."
    if option.multiple:
        help += " May be given more than once."
    return f"| {names} | {help} |"


def _kind(kind: click.ParamType[Any]) -> str:
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    return (kind.name or "text").removesuffix(" range").upper()


def main() -> None:
    """Write the page, or with --check exit with 1 if it is not up to date."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        print(f"{PAGE.name}: {len(text.splitlines())} lines")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("error: docs/reference.md is not up to date: run `make reference` and commit it")


if __name__ == "__main__":
    main()
