"""Every option of a film beside those of a painting: declared once, as ``recipe.py`` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from impasto.errors import InputError
from impasto.option import Option, OptionSet, option
from impasto.recipe import Recipe

__all__ = ["SWITCH", "FilmOptions", "check_recipe_of_film", "film_options"]

SWITCH = ("off", "on")  # the choices of an option that is typed without a value


@dataclass(frozen=True)
class FilmOptions(OptionSet):
    """How a film is painted, frame after frame. Frozen: change a copy with ``options.but(passes=2)``.

    Raises ``InputError`` on values out of range and on options that contradict each other.
    """

    called: ClassVar[str] = "film option"

    init: str = option(
        "warped",
        "What a frame after the first of its shot starts from: the painted frame before it, moved by the flow or as it "
        "was, its own content, or a fixed noise.",
        "coherence",
        choices=("warped", "previous", "content", "noise"),
    )
    temporal_weight: float = option(
        10.0,
        "Weight that holds a frame to those painted before it, where the flow can be trusted; 0 for none.",
        "coherence",
        low=0,
        high=1e6,
    )
    memory: str = option(
        "1,4",
        "How many frames back a frame is held to, nearest first; far ones know what was hidden meanwhile.",
        "coherence",
        metavar="FRAMES",
    )
    flow: str = option(
        "dis",
        "How motion is found: dense inverse search, Farnebäck, or none (every pixel is taken to stay).",
        "coherence",
        choices=("dis", "farneback", "none"),
    )
    flow_size: int = option(
        0,
        "Longer side at which motion is looked for, in pixels; 0: that of the film, 960 at most.",
        "coherence",
        low=0,
        high=20000,
        metavar="PIXELS",
    )
    frame_steps: int = option(
        0,
        "Steps of a frame after the first of its shot, at the final size, where it moves; 0: as --quality says.",
        "coherence",
        low=0,
        high=100000,
    )
    passes: int = option(
        1,
        "How often a shot is gone through, forwards and backwards in turn; more than 1 for much and fast motion.",
        "coherence",
        low=1,
        high=50,
    )
    cuts: str = option(
        "auto",
        "Where a new shot begins and nothing is carried over: found, or nowhere.",
        "film",
        choices=("auto", "none"),
    )
    loop: str = option(
        "off",
        "Bring the last frames back to the first one, so that the film can be shown over and over without a jump.",
        "film",
        choices=SWITCH,
    )

    def check_together(self) -> None:
        _check_together(self)

    def back(self) -> tuple[int, ...]:
        """``memory`` as numbers of frames, nearest first."""
        try:
            found = tuple(sorted({int(word) for word in self.memory.split(",")}))
        except ValueError:
            found = (0,)
        if found[0] < 1 or found[-1] > 100 or len(found) > 10:
            raise InputError(
                f"--memory {self.memory!r}: expected up to ten numbers of frames from 1 to 100, as in 1 or 1,2,4"
            )
        return found


def film_options() -> tuple[Option, ...]:
    """All options of a film, in the order that help shows them."""
    return FilmOptions.declared()


def _check_together(options: FilmOptions) -> None:
    """Refuse options of which one takes all effect from the other; given is what is not at its default."""
    given = options.given()
    back = options.back()
    if 1 not in back and options.init in ("warped", "previous"):
        raise InputError(
            f"--memory {options.memory} leaves out the frame before, which --init {options.init} starts from: "
            "give 1 with it"
        )
    if options.flow == "none" and "flow_size" in given:
        raise InputError("--flow-size is of a flow, but --flow is none: give one or the other")
    if options.flow == "none" and options.init == "warped" and "init" in given:
        raise InputError("--init warped moves a frame by the flow, but --flow is none: try --init previous")
    if options.init in ("content", "noise") and "frame_steps" in given:
        raise InputError(
            f"--frame-steps is of frames that go on from the one before; with --init {options.init} each is painted whole"
        )
    if options.init in ("content", "noise") and not options.temporal_weight and "memory" in given:
        raise InputError("--memory says what the temporal loss looks back at, but --temporal-weight is 0: leave it out")
    if options.loop == "on" and options.init in ("content", "noise") and not options.temporal_weight:
        raise InputError(
            f"--loop holds the last frames to the first, but with --init {options.init} and --temporal-weight 0 nothing holds"
        )
    if options.passes > 1 and options.init in ("content", "noise"):
        raise InputError(f"--passes goes on from neighbouring frames: it does not go with --init {options.init}")


def check_recipe_of_film(recipe: Recipe) -> None:
    """Refuse what is said of one picture, and not of every frame of a film."""
    for name in ("protect", "foreground", "mask", "style_mask", "region_strength"):
        if getattr(recipe, name):
            raise InputError(f"--{name.replace('_', '-')} is of one picture: a film has other places in every frame")
    if recipe.color not in ("style", "content"):
        raise InputError(
            f"--color {recipe.color} looks at the colours of one picture: for a film give style or content, "
            "or recolour the painting first"
        )
