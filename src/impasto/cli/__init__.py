"""The command line. ``main`` is where every error of a user becomes one line and exit code 2."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from impasto import __version__
from impasto.errors import ImpastoError

__all__ = ["cli", "main"]

# name: (module, attribute, one line of help). A command's module is imported only when it runs: --help stays instant.
_COMMANDS = {
    "image": ("impasto.cli.image", "image", "Paint a photograph in the manner of a painting."),
    "rerun": ("impasto.cli.again", "rerun", "Paint a picture again from the recipe inside it."),
    "show": ("impasto.cli.again", "show", "Print the recipe inside a picture."),
    "models": ("impasto.cli.models", "models", "List, fetch and import the weights of encoders."),
    "train": ("impasto.cli.train", "train", "Train the networks that impasto sees with."),
    "demo": ("impasto.cli.demo", "demo", "Paint a first picture from what is already here."),
}


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

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from impasto.errors import UnknownNameError

            raise UnknownNameError("command", args[0], _COMMANDS)
        return super().resolve_command(ctx, args)


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="impasto")
def cli() -> None:
    """Paint photographs in the manner of paintings."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 2 something the user can mend, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code."""
    # A terminated painting is an interrupted one: it saves the best picture so far.
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result: Any = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
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
    except BrokenPipeError:
        return 0
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error):
            return _say("this does not fit into memory: try a smaller --size, or close other programs")
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def _say(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return 2
