"""``impasto image … --strip 5``: the way from one style to another, or from less to more strength, on one sheet."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import InputError
from impasto.mixture import Manner
from impasto.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.cli.session import Output

__all__ = ["paint_strip", "stages"]

_MOST = 12
_WEAKEST, _STRONGEST = 10.0, 90.0  # at 0 and 100 nothing of the one or the other is left


def stages(manners: Sequence[Manner], recipe: Recipe, count: int) -> list[tuple[str, list[Manner], Recipe]]:
    """Label, styles and recipe of each of ``count`` pictures: weights from one style to the other, or strengths.

    Raises ``InputError`` for what has no two ends.
    """
    if not 2 <= count <= _MOST:
        raise InputError(f"--strip {count}: expected 2 to {_MOST} pictures")
    ways = [number / (count - 1) for number in range(count)]
    if len(manners) == 2:
        if any(one.weight != 1 for one in manners):
            raise InputError("--strip goes through all weights from one style to the other: leave the weights out")
        if named := next((one for one in manners if one.region), None):
            raise InputError(
                f"--strip goes from one style to the other everywhere: leave region={named.region} out, or --strip"
            )
        found = []
        for way in ways:
            pair = [replace(manners[0], weight=1 - way), replace(manners[1], weight=way)]
            label = " + ".join(f"{Path(one.picture).stem} {one.weight:.0%}" for one in pair if one.weight)
            found.append((label, pair, recipe))
        return found
    if len(manners) > 2:
        raise InputError(f"--strip with {len(manners)} styles: expected two, or one, whose strength then grows")
    if recipe.but(strength=50.0) != recipe:
        raise InputError("--strip with one style goes through the strengths, so --strength has no say: leave it out")
    strengths = [_WEAKEST + (_STRONGEST - _WEAKEST) * way for way in ways]
    return [(f"strength {value:.0f}", list(manners), recipe.but(strength=value)) for value in strengths]


def paint_strip(
    content: Path,
    manners: Sequence[Manner],
    recipe: Recipe,
    count: int,
    output: Output,
    *,
    anyway: bool,
    **options: Any,
) -> int:
    """Paint and save the sheet; the exit code: 0 done, 130 interrupted (and the pictures so far saved).

    The sheet holds no recipe: it is no painting, and cannot be painted again as one.
    """
    plan = stages(manners, recipe, count)
    for flag, there in (("--save-every", output.save_every), ("--log", output.log)):
        if there:
            raise InputError(f"{flag} and --strip together: it is about one painting; leave one out")
    from impasto.cli.session import Held
    from impasto.media.sheet import sheet
    from impasto.studio import open_easel

    began = time.perf_counter()
    easels = [open_easel(content, styles, each, **options) for _, styles, each in plan[:1]]
    output.check(easels[0].files, recipe.size)
    if not anyway:
        from impasto.foresee.check import check_fits

        check_fits(easels[0])
    if not output.quiet:
        print(*easels[0].remarks, sep="\n", file=sys.stderr)
    pictures: list[tuple[Tensor, str]] = []
    with Held() as held:
        try:
            for label, image in _paint(content, plan, options, output.quiet, held):
                pictures.append((image, label))
            held.saving = True
        except KeyboardInterrupt:
            held.saving = True
            if not pictures:
                raise
        _save(sheet([pictures], *pictures[0][0].shape[2:]), output)
    interrupted = held.asked or len(pictures) < len(plan)
    seconds = time.perf_counter() - began
    if not output.quiet:
        state = f"interrupted after {len(pictures)} of {len(plan)} pictures; the sheet so far is" * interrupted
        print(f"{state or 'painted'} {output.out} in {seconds:.1f} s", file=sys.stderr)
    if output.as_json:
        about = {"out": str(output.out), "seconds": round(seconds, 3), "pictures": len(pictures)}
        print(json.dumps({**about, "interrupted": interrupted}))
    return 130 if interrupted else 0


def _paint(
    content: Path,
    plan: Sequence[tuple[str, list[Manner], Recipe]],
    options: dict[str, Any],
    quiet: bool,
    held: Any,
) -> Iterator[tuple[str, Tensor]]:
    """Each picture with its label as it is done; after an interrupt the one begun, as far as it is."""
    from impasto.cli.bar import Bar
    from impasto.studio import open_easel

    with Bar(quiet) as bar:
        for number, (label, styles, recipe) in enumerate(plan):
            easel, last = open_easel(content, styles, recipe, **options), None
            for last in easel.paint():
                held.painting = True
                bar.show(last, label, (number + last.done) / len(plan))
                if held.asked:
                    break
            if last is None:
                raise InputError("nothing was painted: the recipe has no steps")
            yield label + " (interrupted)" * (last.step < last.steps), _opaque(easel.painting(last))
            if held.asked:
                return


def _opaque(painting: Any) -> Tensor:
    """The picture, laid on white where it is transparent: a sheet is paper."""
    image: Tensor = painting.image
    return image if painting.alpha is None else image * painting.alpha + 1 - painting.alpha


def _save(sheet: Tensor, output: Output) -> None:
    from impasto.media.image import save_image

    save_image(sheet, output.out, bits=output.bits, quality=output.jpeg_quality)
