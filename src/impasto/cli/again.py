"""``impasto show`` and ``impasto rerun``: the recipe inside a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from impasto.errors import InputError

__all__ = ["rerun", "show"]


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(picture: Path, as_json: bool) -> None:
    """Print how PICTURE was painted, a picture or a film: every option, the hashes of its inputs, the versions."""
    import json

    from impasto.cli.show_film import is_film, show_film

    if is_film(picture):
        show_film(picture, as_json)
        return

    from impasto.cli.command import command_line
    from impasto.studio import read_about

    about = read_about(picture)
    if as_json:
        print(json.dumps(about))
        return
    print(command_line(about))
    masks = [about["protect"]] if "protect" in about else []
    photos = [about["content"]] if "content" in about else []
    for role, entries in (("content", photos), ("style", about["styles"]), ("protect", masks)):
        for entry in entries:
            print(f"{role:9}{entry['path'] or '(not a file)'}  sha256 {entry['sha256'][:16] or '-'}")
    encoder, machine = about["encoder"], about["machine"]
    print(f"encoder  {encoder['name']}  sha256 {encoder['sha256'][:16] or '-'}")
    print(f"machine  {', '.join(f'{key} {value}' for key, value in machine.items())}")
    print(f"impasto  {about['impasto']}")
    if "interrupted" in about:
        print(f"interrupted at step {about['interrupted']}")
    for key, value in about["recipe"].items():
        print(f"  {key.replace('_', '-'):16}{value}")


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Where the new one goes  [PICTURE-rerun.png or .mp4]."
)
@click.option(
    "--content", type=click.Path(path_type=Path), help="The photograph or film, where it is no longer in its place."
)
@click.option("--style", "styles", multiple=True, type=click.Path(path_type=Path), help="The painting, likewise.")
@click.option("--init", type=click.Path(path_type=Path), help="The picture it started from, likewise.")
@click.option("--mask", type=click.Path(path_type=Path), help="The content's mask, likewise.")
@click.option("--style-mask", type=click.Path(path_type=Path), help="The painting's mask, likewise.")
@click.option("--protect", type=click.Path(path_type=Path), help="The mask of what is kept, likewise.")
@click.option("--weights", type=click.Path(path_type=Path), help="The encoder's file, likewise.")
@click.option("--allow-huge", is_flag=True, help="Read pictures above 100 megapixels.")
@click.option("--anyway", is_flag=True, help="Paint even where the memory will hardly suffice.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="A last line on standard output for machines.")
def rerun(picture: Path, out: Path | None, anyway: bool, quiet: bool, as_json: bool, **given: Any) -> int:
    """Paint PICTURE, a picture or a film, again from the recipe inside it: the same bytes on the same machine."""
    from impasto.cli.show_film import is_film

    if is_film(picture):
        from impasto.cli.again_film import rerun_film

        return rerun_film(picture, out, anyway=anyway, quiet=quiet, as_json=as_json, **given)
    from impasto.cli.session import Output, free_name, paint_to_file
    from impasto.studio import read_about
    from impasto.study.again import reopen

    about = read_about(picture)
    output = Output(
        out=out or free_name(f"{picture.stem}-rerun", picture.suffix, picture.parent),
        bits=about["output"]["bits"],
        jpeg_quality=about["output"]["quality"],
        quiet=quiet,
        as_json=as_json,
    )
    output.check([picture])

    def easel() -> Any:
        import torch

        # In how many parts a sum is taken shows in its last bits.
        torch.set_num_threads(min(about["machine"]["threads"], os.cpu_count() or 1))
        if kind := next((kind for kind in ("compose", "upscale") if kind in about), None):
            asked = ("content", "styles", "init", "mask", "style_mask", "protect")
            if names := [name for name in asked if given.pop(name)]:
                flag = "--" + names[0].removesuffix("s").replace("_", "-")
                raise InputError(f"{picture} is of impasto {kind}: {flag} is not for it; put its inputs beside it")
            from impasto.enlarge.textured import reopen_upscaled
            from impasto.montage import reopen_montage

            return (reopen_montage if kind == "compose" else reopen_upscaled)(picture, **given)
        return reopen(picture, **given)

    return paint_to_file(easel, output, anyway=anyway)
