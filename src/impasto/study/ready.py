"""Studies that are ready to run: what each varies, and what it is to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["STUDIES", "Study"]

_STYLE = tuple(f"relu{block}_1" for block in range(1, 6))


@dataclass(frozen=True)
class Study:
    """``cells`` are the changes of each painting; ``shows`` is a sentence for the page, ``help`` a line for the terminal.

    ``given`` are options that the study is about anyway, where the person has not chosen them.
    """

    name: str
    help: str
    shows: str
    cells: tuple[Mapping[str, Any], ...]
    given: Mapping[str, Any]
    vgg: bool = False

    @property
    def varied(self) -> tuple[str, ...]:
        """The options that it sets by itself."""
        return tuple(dict.fromkeys(name for cell in self.cells for name in cell))


def _study(name: str, help: str, shows: str, *cells: Mapping[str, Any], vgg: bool = False, **given: Any) -> Study:
    return Study(name, help, shows, cells, given, vgg)


STUDIES = {
    study.name: study
    for study in (
        _study(
            "weights",
            "Content against style: the weight of the content from small to large.",
            "A small content weight lets the painting take over, a large one keeps the photograph. Only the ratio of the "
            "weights counts: style stays at 1.",
            *({"content_weight": weight} for weight in (0.02, 0.06, 0.2, 0.6, 2.0, 6.0)),
        ),
        _study(
            "init",
            "Starts: content, style, and noise of several means and standard deviations.",
            "What a painting starts from decides how long it takes, more than where it ends: compare seconds and last "
            "losses. Noise without contrast (standard deviation 0) is a flat colour.",
            {"init": "content"},
            {"init": "style"},
            *(
                {"init": "noise", "noise_mean": mean, "noise_std": std}
                for mean, std in ((0.5, 0.0), (0.5, 0.1), (0.5, 0.25), (0.5, 0.5), (0.2, 0.25), (0.8, 0.25))
            ),
        ),
        _study(
            "optimizers",
            "Adam at several step sizes, with and without averaging, and L-BFGS.",
            "A step of L-BFGS looks at the picture more than once (strong Wolfe line search): compare seconds, not steps. "
            "Averaging takes away the grain that Adam leaves.",
            {"optimizer": "lbfgs"},
            *({"optimizer": "adam", "learning_rate": rate} for rate in (0.003, 0.01, 0.03, 0.1, 0.3)),
            {"optimizer": "adam", "learning_rate": 0.03, "averaging": 0.0},
            {"optimizer": "adam", "learning_rate": 0.1, "averaging": 0.0},
        ),
        _study(
            "normalisation",
            "With and without the mean taken away, with and without the grey and total-variation terms.",
            "An encoder hardly sees how bright a picture is as a whole. From pale noise, as here, and with a pale painting "
            "it stays nearly white, the more so without the mean colour taken away that the encoder was trained with. The "
            "grey term pulls it back; total variation only smooths.",
            *(
                {"normalise": mean, "grey_weight": grey, "tv_weight": tv}
                for mean in ("mean", "none")
                for grey in (0.0, 0.3)
                for tv in (0.0, 0.5)
            ),
            init="noise",
            noise_mean=0.9,
            noise_std=0.1,
        ),
        _study(
            "pooling",
            "Max against average pooling, at three strengths; needs a VGG-19.",
            "Gatys et al. 2016 found average pooling a little smoother; the net was trained with max pooling.",
            *(
                {"pooling": pooling, "strength": strength}
                for pooling in ("max", "average")
                for strength in (30.0, 50.0, 70.0)
            ),
            vgg=True,
        ),
        _study(
            "style-layers",
            "Style layers: each alone, and from the first to the fifth together.",
            "Shallow layers are colour and grain, deep ones strokes and forms; Gatys et al. 2015 add them up from the first.",
            *({"style_layers": ",".join(_STYLE[:count])} for count in range(1, 6)),
            {"style_layers": ",".join(_STYLE[1:4])},
            *({"style_layers": name} for name in _STYLE[1:]),
        ),
    )
}
