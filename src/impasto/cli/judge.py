"""``impasto judge RESULT CONTENT STYLE``: the report card of a painting."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.errors import InputError

if TYPE_CHECKING:
    from impasto.judge.card import Card

__all__ = ["judge"]

# Field of Card: (what it is called, what it says, what is good). Definitions: docs/inside.md.
_ROWS = {
    "style": ("style", "Gram matrices", "0"),
    "held": ("held", "Gram, layers not descended on", "0"),
    "wasserstein": ("wasserstein", "means and covariances", "0"),
    "content": ("content", "maps at relu4_2", "0"),
    "cfsd": ("cfsd", "self-similarity at relu3_1", "0"),
    "ssim": ("ssim", "structure of luminance", "1"),
    "colour": ("colour", "histogram, against the style", "0"),
    "chroma_noise": ("chroma noise", "colour grain over the style's", "1"),
    "seam": ("seam", "jump across the worst line", "1"),
}
_REFERENCES = {"content unchanged": "content\nunchanged", "style pasted": "style\npasted"}


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.argument("content", type=click.Path(path_type=Path))
@click.argument("style", type=click.Path(path_type=Path))
@click.option("--encoder", metavar="NAME|FILE", help="Who judges  [the VGG-19 that is installed, else builtin].")
@click.option("--size", default=512, show_default=True, metavar="PIXELS",
              help="Longer side at which all three are looked at, 64 to 4096.")  # fmt: skip
@click.option(
    "--device", default="auto", show_default=True, metavar="DEVICE", help="Where to compute: auto, cpu, cuda or mps."
)
@click.option("--block", default=0, show_default=True, metavar="PIXELS",
              help="Side of the tiles that RESULT was made of, where seams are looked for; 0: anywhere.")  # fmt: skip
@click.option("--layers", is_flag=True, help="Also the distances of every layer.")
@click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels.")
@click.option("--json", "as_json", is_flag=True, help="The card as one JSON object.")
def judge(
    result: Path,
    content: Path,
    style: Path,
    encoder: str | None,
    size: int,
    device: str,
    block: int,
    layers: bool,
    allow_huge: bool,
    as_json: bool,
) -> None:
    """Say how near the picture RESULT comes to the photograph CONTENT and to the painting STYLE.

    Beside its figures stand those of the photograph as it is and of the painting pasted over it: neither is a painting,
    and each is perfect in something. What the figures mean, and where they come from, is told in docs/inside.md.
    """
    if not 64 <= size <= 4096:
        raise InputError(f"--size {size}: expected 64 to 4096 pixels")
    if block < 0 or 0 < block < 16:
        raise InputError(f"--block {block}: expected 16 pixels or more, 0 for none")
    from impasto.judge.card import report_card
    from impasto.judge.judges import default_judge, load_judge
    from impasto.runtime import choose_device
    from impasto.studio import open_picture

    sources = zip((result, content, style), ("result", "content", "style"), strict=True)
    painted, photo, painting = (open_picture(path, role, allow_huge=allow_huge).image for path, role in sources)
    eyes = load_judge(encoder or default_judge() or "builtin", flag="--encoder").to(choose_device(device))
    card = report_card(painted, photo, painting, eyes, size=size, block=block)
    if as_json:
        click.echo(json.dumps(card.as_dict()))
        return
    _show(card, os.fspath(result.name), layers)


def _show(card: Card, name: str, layers: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, highlight=False)
    console.print(f"judged by {card.encoder} at {card.size} pixels")
    table = _columns(Table(box=None, pad_edge=False), "", name, card)
    for field, (title, what, good) in _ROWS.items():
        cells = _across(card, lambda one, field=field: getattr(one, field))  # type: ignore[misc]
        table.add_row(title, *cells, good, what)
    console.print(table)
    if layers:
        for kind, title in (("gram", "Gram"), ("wasserstein", "Wasserstein-2")):
            table = _columns(Table(box=None, pad_edge=False), title, name, card)
            for layer in card.layers[kind]:
                table.add_row(layer, *_across(card, lambda one, at=layer: one.layers[kind][at]), "0", "")  # type: ignore[misc]  # noqa: B023
            console.print()
            console.print(table)
    for note in card.notes:
        console.print(note, style="dim", soft_wrap=True)


def _columns(table: Any, head: str, name: str, card: Card) -> Any:
    from rich.text import Text

    table.add_column(Text(head))
    for title in (name, *(_REFERENCES[key] for key in card.references)):
        table.add_column(Text(title), justify="right", max_width=24, overflow="fold")
    table.add_column("good", justify="right", style="dim")
    table.add_column("", style="dim")
    return table


def _across(card: Card, value: Callable[[Any], float | None]) -> list[str]:
    cards: list[Card] = [card, *_values(card.references)]
    found = [value(one) for one in cards]
    return ["–" if figure is None else f"{figure:.4f}" if figure < 1e4 else f"{figure:.1e}" for figure in found]


def _values(references: Mapping[str, Card]) -> list[Card]:
    return [references[key] for key in references]
