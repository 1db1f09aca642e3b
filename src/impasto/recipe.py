"""Every option of a painting, its default, its range and its help: declared once.

The command line, the metadata in a picture and the docs' reference are made from the fields of ``Recipe``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from impasto.errors import InputError, UnknownNameError
from impasto.mixture import named_numbers, sizes
from impasto.option import Option, OptionSet, flag, option

__all__ = [
    "PRESETS",
    "STATISTIC_NAMES",
    "Recipe",
    "options",
    "region_colors",
    "region_strengths",
    "statistic_shares",
]


# Steps of each size from coarse to fine; the last entry is the final size.
PRESETS: dict[str, tuple[int, ...]] = {
    "draft": (24, 16, 6),
    "good": (40, 32, 36, 30),
    "best": (200, 150, 120, 80),
}

STATISTIC_NAMES = ("gram", "moments", "histogram", "sliced-wasserstein", "nearest", "patches")


@dataclass(frozen=True)
class Recipe(OptionSet):
    """How to paint. Frozen: change a copy with ``recipe.but(size=768)``.

    Raises ``InputError`` on values out of range and on options that contradict each other.

    Weights are relative (each loss is divided by its target's own size), so a number means the same at any size, with
    any encoder and any style.
    """

    size: int = option(512, "Longer side of the picture, in pixels.", "picture", low=32, high=20000, metavar="PIXELS")
    strength: float = option(
        50.0,
        "How much painting, how much photograph: 0 keeps the photograph, 50 is balanced, 100 is nearly all painting.",
        "picture",
        low=0,
        high=100,
    )
    quality: str = option(
        "good", "How long to paint: steps at each size, coarse to fine.", "picture", choices=tuple(PRESETS)
    )
    steps: int = option(
        0,
        "Steps at the final size, the coarser sizes in proportion; 0: as --quality says.",
        "picture",
        low=0,
        high=100000,
    )
    polish: int = option(
        -1,
        "Steps of VGG-19 at the final size, behind a small encoder's painting; -1: for --quality best where it is installed.",
        "picture",
        low=-1,
        high=100000,
    )
    style_scale: float = option(
        1.0, "Size of the strokes: 2 paints twice as large, 0.5 half as large.", "picture", low=0.1, high=10
    )
    style_scales: str = option(
        "",
        "Several sizes of strokes at once, times --style-scale, as in 0.5,1,2 or 0.5=2,2=1; empty: one.",
        "picture",
        metavar="SCALES",
    )
    seed: int = option(0, "Seed of everything random.", "picture", low=0, high=2**63 - 1)

    color: str = option(
        "style",
        "Whose colours: style, the painting's; content, kept under the painted light; luma, light alone is painted; "
        "match, the painting is recoloured first; palette, the painting's colours and no strokes.",
        "colour",
        choices=("style", "content", "luma", "match", "palette"),
    )
    color_space: str = option(
        "oklab",
        "Where light and colour part, for --color content and luma.",
        "colour",
        choices=("oklab", "lab", "ycbcr"),
    )
    color_match: str = option(
        "pca",
        "How colours are matched, for --color match and palette: mean, mean and covariance (two ways), or histogram.",
        "colour",
        choices=("mean", "cholesky", "pca", "histogram"),
    )
    protect: str = option("", "A mask: what is white in it stays as it is in the content.", "kept", metavar="FILE")
    foreground: str = option(
        "",
        "Keep the foreground as it is: GrabCut finds it in this box of the content, or away from its border.",
        "kept",
        metavar="auto|X,Y,W,H",
    )

    init: str = option(
        "content",
        "What the painting starts from: content, noise, style, regions (their colours in the painting), or a picture file.",
        "start",
        metavar="WHAT",
    )
    noise_mean: float = option(0.5, "Mean of --init noise, 0..1.", "start", low=0, high=1)
    noise_std: float = option(0.25, "Standard deviation of --init noise.", "start", low=0, high=1)
    start_size: int = option(
        0,
        "Longer side at which the painting starts; equal to --size for one size only; 0: 64 pixels, 128 for a draft.",
        "start",
        low=0,
        high=20000,
        metavar="PIXELS",
    )

    mask: str = option(
        "", "A picture of the content's regions, each in one colour: they are painted apart.", "regions", metavar="FILE"
    )
    style_mask: str = option(
        "",
        "The painting's own regions in the same colours: each of the content's takes its style from there.",
        "regions",
        metavar="FILE",
    )
    region_strength: str = option(
        "", "A --strength of their own for some regions, as in red=80,#0000ff=20.", "regions", metavar="COLOURS"
    )
    region_color: str = option(
        "",
        "Whose colours some regions have, content or style, as in red=content,#0000ff=style.",
        "regions",
        metavar="COLOURS",
    )

    encoder: str = option(
        "auto",
        "Who looks: auto, builtin, random, vgg19, vgg19-caffe, or a .safetensors file.",
        "encoder",
        metavar="NAME",
    )
    pooling: str = option("max", "How a VGG-19 halves its maps.", "encoder", choices=("max", "average"))
    normalise: str = option(
        "mean",
        "What is taken from a picture before an encoder sees it: the mean colour it was trained with, or none.",
        "encoder",
        choices=("mean", "none"),
    )
    content_layers: str = option(
        "",
        "Layers of the content loss, as in relu4_2 or relu3_1=0.5,relu4_2=1; empty: the encoder's own.",
        "encoder",
        metavar="LAYERS",
    )
    style_layers: str = option(
        "",
        "Layers of the style loss with weights, as in relu1_1=2,relu2_1; empty: the encoder's own.",
        "encoder",
        metavar="LAYERS",
    )

    statistic: str = option(
        "gram",
        "What a style is: gram, moments (mean and covariance), histogram, sliced-wasserstein, nearest (features) or "
        "patches; several with weights as in gram,histogram=0.5.",
        "losses",
        metavar="NAMES",
    )
    losses: str = option(
        "relative",
        "relative: each loss over its target's size; classic: the absolute weights of Gatys.",
        "losses",
        choices=("relative", "classic"),
    )
    content_weight: float = option(
        -1.0, "Weight of the content loss; -1: as --strength says (classic: 5).", "losses", low=-1, high=1e12
    )
    style_weight: float = option(
        -1.0, "Weight of the style loss; -1: as --strength says (classic: 100).", "losses", low=-1, high=1e12
    )
    tv_weight: float = option(0.0, "Weight of total variation: smoother when higher.", "losses", low=0, high=1e12)
    laplacian_weight: float = option(
        0.0, "Weight that keeps the photograph's edges, by its Laplacian; about 1 shows.", "losses", low=0, high=1e12
    )
    grain_weight: float = option(
        0.15,
        "Weight against colour noise finer than the painting's own; 0 for none.",
        "losses",
        low=0,
        high=1e12,
    )
    grey_weight: float = option(
        0.0,
        "Weight that pulls the picture towards mean grey: the remedy when it goes white.",
        "losses",
        low=0,
        high=1e12,
    )

    optimizer: str = option("adam", "How the picture is improved.", "descent", choices=("adam", "lbfgs"))
    learning_rate: float = option(
        0.0,
        "Step size on 0..1 pixels; 0: the optimiser's own (adam 0.012 at every level of the picture, 0.03 where it moves as "
        "one; lbfgs 1).",
        "descent",
        low=0,
        high=100,
    )
    mirror: str = option(
        "auto",
        "Look at the picture in a mirror at every other step, in which an encoder's errors even out; auto: unless it is a "
        "VGG-19, or a draft.",
        "descent",
        choices=("auto", "on", "off"),
    )
    averaging: float = option(
        0.4,
        "Averaging of the last pictures: 0 none, towards 1 longer; takes away the optimiser's grain.",
        "descent",
        low=0,
        high=0.999,
    )
    device: str = option("auto", "Where to compute.", "machine", choices=("auto", "cpu", "cuda", "mps"))
    block: int = option(
        0,
        "Side of the blocks in which a large picture is seen, in pixels; 0: as memory asks for.",
        "machine",
        low=0,
        high=20000,
    )
    precision: str = option(
        "auto",
        "Number format of the encoder; auto takes the fastest that this machine has.",
        "machine",
        choices=("auto", "float32", "bfloat16", "float16"),
    )

    @property
    def first_size(self) -> int:
        """The longer side at which the painting starts."""
        return self.start_size or min(self.size, 128 if self.quality == "draft" else 64)

    def check_together(self) -> None:
        _check_together(self)


def options() -> tuple[Option, ...]:
    """All options, in the order that help shows them."""
    return Recipe.declared()


def statistic_shares(text: str) -> dict[str, float]:
    """``{statistic: share}`` of ``gram,histogram=0.5``; shares sum to 1."""

    def known(name: str) -> str:
        if name not in STATISTIC_NAMES:
            raise UnknownNameError("value for --statistic", name, STATISTIC_NAMES)
        return name

    found = named_numbers(text, "--statistic", "gram,histogram=0.5", name=known)
    total = sum(found.values())
    if total <= 0:
        raise InputError(f"--statistic {text!r}: expected one at least with a weight above 0, as in gram,histogram=0.5")
    return {name: share / total for name, share in found.items() if share > 0}


def region_strengths(text: str) -> dict[str, float]:
    """``{colour: strength}`` of ``red=80,#0000ff=20``, strengths 0..100."""
    found = named_numbers(text, "--region-strength", "red=80,#0000ff=20", default=None)
    for colour, strength in found.items():
        if strength > 100:
            raise InputError(f"--region-strength {colour}={strength:g}: expected a strength from 0 to 100")
    return found


def region_colors(text: str) -> dict[str, str]:
    """``{colour: "content" or "style"}`` of ``red=content,#0000ff=style``."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        colour, _, whose = (word.strip() for word in part.partition("="))
        if whose not in ("content", "style"):
            raise InputError(f"--region-color {part!r}: expected COLOUR=content or COLOUR=style, as in red=content")
        if colour in found:
            raise InputError(f"--region-color {text!r}: {colour} is named twice; name it once")
        found[colour] = whose
    return found


def _check_together(recipe: Recipe) -> None:
    """Refuse options that contradict each other, or of which one takes all effect from the other.

    An option counts as given where it is not at its default: a recipe does not know who typed what.
    """
    given = recipe.given()
    for name in ("content_weight", "style_weight"):
        if -1 < getattr(recipe, name) < 0:
            raise InputError(f"{flag(name)} {getattr(recipe, name)}: expected 0 or more, or -1 for the usual one")
    if recipe.content_weight == 0 and recipe.style_weight == 0:
        raise InputError("--content-weight 0 and --style-weight 0: nothing is wanted of the picture; give one a weight")
    if 0 < recipe.start_size < 32:
        raise InputError(f"--start-size {recipe.start_size}: expected 32 or more, or 0 for the usual one")
    if recipe.start_size > recipe.size:
        raise InputError(
            f"--start-size {recipe.start_size} is above --size {recipe.size}: "
            "expected at most as much (equal for one size only)"
        )
    for name in ("content_weight", "style_weight"):
        if name in given and "strength" in given:
            raise InputError(
                f"--strength and {flag(name)} together: strength is what sets the weights; give one or the other"
            )
    if recipe.losses == "classic" and "strength" in given:
        raise InputError(
            "--strength and --losses classic together: the dial is of the relative losses; "
            "give --content-weight and --style-weight"
        )
    shares = statistic_shares(recipe.statistic)
    sizes(recipe.style_scales, "--style-scales")
    _check_regions(recipe)
    if recipe.losses == "classic" and list(shares) != ["gram"]:
        raise InputError(f"--losses classic is about Gram matrices: it does not go with --statistic {recipe.statistic}")
    for name in ("noise_mean", "noise_std"):
        if name in given and recipe.init != "noise":
            raise InputError(
                f"{flag(name)} is of --init noise, but --init is {recipe.init!r}: give --init noise with it"
            )
    _check_colors(recipe, given)
    if recipe.polish > 0 and recipe.encoder.startswith("vgg19"):
        raise InputError(
            f"--polish {recipe.polish} and --encoder {recipe.encoder}: a VGG-19 finishes what another encoder has painted; "
            "leave one of them out"
        )
    if recipe.polish > 0 and recipe.losses == "classic":
        raise InputError(
            "--polish and --losses classic together: what one encoder weighs another cannot; leave one out"
        )
    if recipe.mirror == "on" and recipe.optimizer == "lbfgs":
        raise InputError("--mirror on and --optimizer lbfgs together: L-BFGS wants the same loss at every step")
    if recipe.optimizer == "lbfgs" and "averaging" in given and recipe.averaging:
        raise InputError("--averaging is of --optimizer adam: L-BFGS paints without; leave it out")


def _check_regions(recipe: Recipe) -> None:
    """Options of regions need a mask, and the relative losses."""
    strengths = region_strengths(recipe.region_strength)
    colors = region_colors(recipe.region_color)
    for name in ("style_mask", "region_strength", "region_color"):
        if getattr(recipe, name) and not recipe.mask:
            raise InputError(f"{flag(name)} is about regions, and there is no --mask that shows them: give one")
    if recipe.init == "regions" and not recipe.mask:
        raise InputError("--init regions is about regions, and there is no --mask that shows them: give one")
    if recipe.mask and recipe.losses == "classic":
        raise InputError("--mask and --losses classic together: regions are of the relative losses; leave one out")
    if colors and recipe.color == "luma":
        raise InputError(
            "--region-color and --color luma together: luma paints no colours in any region; "
            "give --color content or style"
        )
    if strengths and (recipe.content_weight != -1 or recipe.style_weight != -1):
        raise InputError(
            "--region-strength and --content-weight or --style-weight together: strength is what sets the weights; "
            "give one or the other"
        )


def _check_colors(recipe: Recipe, given: set[str]) -> None:
    """Refuse what ``--color`` has no use for, and two ways to say what stays as it is."""
    for name, modes in (("color_space", ("content", "luma")), ("color_match", ("match", "palette"))):
        kept = name == "color_space" and "content" in region_colors(recipe.region_color).values()
        if name in given and recipe.color not in modes and not kept:
            raise InputError(
                f"{flag(name)} is of --color {' and '.join(modes)}, but --color is {recipe.color}: give one of them"
            )
    if recipe.color == "palette":
        for name in ("strength", "quality", "steps", "style_scale", "init", "region_strength"):
            if name in given:
                raise InputError(f"--color palette paints no strokes: {flag(name)} has no effect with it; leave it out")
    if recipe.protect and recipe.foreground:
        raise InputError("--protect and --foreground together: both say what stays as it is; give one of them")
    if recipe.foreground not in ("", "auto") and not re.fullmatch(r"\d+(,\d+){3}", recipe.foreground):
        raise InputError(
            f"--foreground {recipe.foreground!r}: expected auto or x,y,w,h in pixels of the content, as in 40,20,200,300"
        )
