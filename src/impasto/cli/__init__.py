"""The command line. ``main`` is where every error of a user becomes one line and exit code 2."""

from __future__ import annotations

import importlib
import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from impasto import __version__
from impasto.errors import ImpastoError, UnknownNameError

__all__ = ["cli", "main"]

# name: (module, attribute, one line of help). A command's module is imported only when it runs: --help stays instant.
_COMMANDS = {
    "image": ("impasto.cli.image", "image", "Paint a photograph in the manner of a painting."),
    "doodle": ("impasto.cli.doodle", "doodle", "Paint a map of colours in the manner of a painting."),
    "mask": ("impasto.cli.compose", "mask", "Find the foreground of a photograph and write it as a mask."),
    "compose": ("impasto.cli.compose", "compose", "Set a cut-out into another picture, and paint it to belong there."),
    "upscale": ("impasto.cli.upscale", "upscale", "Make a picture two or four times as large."),
    "judge": ("impasto.cli.judge", "judge", "Say how good a painting is: its report card."),
    "reconstruct": ("impasto.cli.alone", "reconstruct", "Show what a layer keeps of a photograph."),
    "texture": ("impasto.cli.alone", "texture", "Fill a canvas with a painting's texture, as a tile if wanted."),
    "video": ("impasto.cli.video", "video", "Paint a film: coherent from frame to frame, with its sound."),
    "plan": ("impasto.cli.plan", "plan", "Tell what a painting will take, in time and memory."),
    "rerun": ("impasto.cli.again", "rerun", "Paint a picture again from the recipe inside it."),
    "show": ("impasto.cli.again", "show", "Print the recipe inside a picture."),
    "models": ("impasto.cli.models", "models", "List, fetch and import the weights of encoders."),
    "train": ("impasto.cli.train", "train", "Train the networks that impasto sees with."),
    "flow": ("impasto.cli.flow", "flow", "Show what moves in a film, and what of it can be trusted."),
    "study": ("impasto.cli.study", "study", "Compare what impasto can paint with, on a page to share."),
    "doctor": ("impasto.cli.doctor", "doctor", "Look whether all is well, and say what to do where it is not."),
    "demo": ("impasto.cli.demo", "demo", "Paint a first picture from what is already here."),
}

_OUT_OF_MEMORY = re.compile(r"out of memory|n.t allocate memory|not enough memory", re.IGNORECASE)


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise UnknownNameError("command", args[0], _COMMANDS)
        return super().resolve_command(ctx, args)


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="impasto")
def cli() -> None:
    """Paint photographs in the manner of paintings."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 doctor found something wrong, 2 something the user can mend, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be Unicode
    # A terminated painting is an interrupted one: it saves the best picture so far.
    previous = signal.getsignal(signal.SIGTERM)
    if previous is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(words)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(words: list[str]) -> int:
    try:
        result: Any = cli.main(args=words, standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else 0
    except ImpastoError as error:
        return _say(str(error))
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        return _say(error.format_message() + where)
    except click.ClickException as error:
        return _say(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough; click answers alike
        _drop_stdout()
        return 1
    except OSError as error:  # a full disk, a name too long: the machine's, not ours
        _drop_stdout()
        return _say(f"{error.filename or 'writing'}: {(error.strerror or str(error)).lower()}")
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return _say("this does not fit into memory: try a smaller --size, or close other programs")
        raise


def _drop_stdout() -> None:
    """What cannot leave its buffer goes nowhere: Python would complain of it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return 2
