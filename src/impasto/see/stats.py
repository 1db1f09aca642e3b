"""What a style is: statistics of feature maps, whatever their place in the picture.

A description is a tensor ``(B, …)``; ``blend`` makes one of several, so that styles can be mixed. ``distance`` is relative:
0 for equal descriptions, about 1 for one that has nothing of the target. Here are the statistics that are means over
places, Gram and moments; ``transport`` and ``nearest`` hold those that are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from impasto.see.nearest import Nearest, Patches
from impasto.see.transport import Histogram, SlicedWasserstein

__all__ = ["STATISTICS", "Gram", "Moments", "Statistic", "chroma_grain", "gram"]

# Rows of a product summed in one go: long sums in bfloat16 lose digits, so each block's sum is added up in float32.
_ROWS = 16384
# Pixels of a strip whose differences are worked on together.
_STRIP = 1 << 18
_FAINT = 1e-6  # a square below which a difference counts as none


class Statistic(Protocol):
    """``describe`` a map ``(B, C, H, W)`` under a mask ``(B, 1, H, W)``; compare two descriptions by ``distance``.

    ``sums``: a description is a mean over places, so that those of a picture's blocks add up to the whole picture's.
    ``pull`` is the factor on the distance at which a painting is about as balanced as one by Gram matrices.
    """

    sums: bool
    pull: float

    def describe(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The statistic of ``x``, each place weighted by ``mask``."""
        ...

    def blend(self, descriptions: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """One description of several, with positive ``weights`` that sum to 1."""
        ...

    def distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        """A scalar, relative to the size of ``wanted``."""
        ...

    def compare(self, x: Tensor, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
        """``distance(describe(x, mask), wanted)``, or what comes near to it at less cost."""
        ...


class _Gram(torch.autograd.Function):
    """``Fᵀ F / N`` of rows ``(B, N, C)`` in float32, by blocks; the gradient is one product instead of autograd's two."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return _products(rows).div_(rows.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        rows: Tensor = ctx.saved_tensors[0]
        return rows @ ((grad + grad.mT) / rows.shape[1]).to(rows.dtype)


class _GuidedGram(torch.autograd.Function):
    """``Fᵀ W F / Σ w`` of rows ``(1, N, C)`` for the places ``(K,)`` whose weights ``(K,)`` are given; the rest has none.

    Only those places are read: regions that share a picture out cost together about what the picture costs.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, places: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(rows, places, weights)
        picked = rows[0].index_select(0, places).mul_(weights.sqrt()[:, None].to(rows.dtype))
        return _products(picked[None]) / weights.sum()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        rows, places, weights = ctx.saved_tensors
        picked = rows[0].index_select(0, places).mul_((weights / weights.sum())[:, None].to(rows.dtype))
        found = torch.zeros_like(rows)
        found[0].index_copy_(0, places, picked @ (grad + grad.mT)[0].to(rows.dtype))
        return found, None, None


def _products(rows: Tensor) -> Tensor:
    """``Fᵀ F`` of rows ``(B, N, C)``, summed in float32 at least."""
    total = rows.new_zeros((rows.shape[0], rows.shape[2], rows.shape[2]), dtype=torch.float32)
    total = total.double() if rows.dtype == torch.float64 else total
    # On a processor a batched product of one matrix takes twice the time of a plain one.
    pairs = zip(total, rows, strict=True) if rows.device.type == "cpu" else [(total, rows)]
    for own, part in pairs:
        for block in part.split(_ROWS, dim=-2):
            own += block.mT @ block
    return total


class _Grain(torch.autograd.Function):
    """``chroma_grain`` by strips of rows, its gradient worked out by hand: autograd would keep some 80 bytes a pixel."""

    @staticmethod
    def forward(ctx: Any, image: Tensor) -> Tensor:
        ctx.save_for_backward(image)
        return torch.stack([_roughness(image, top, rows) for top, rows in _strips(image)]).sum(0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = ctx.saved_tensors[0]
        slope = torch.zeros_like(image)
        if image.device.type == "cpu" and not grad.any():  # as where the picture is no rougher than the painting
            return slope
        for top, rows in _strips(image):
            # Two rows further, where there are: a strip's last pair of rows is compared with the next.
            strip = image[:, :, top : top + rows + 2]
            slope[:, :, top : top + rows + 2] += _roughness_slope(strip, rows, image, grad)
        return slope


def _strips(image: Tensor) -> Iterator[tuple[int, int]]:
    """Top and number of rows of each strip: an even number, so that no pair of rows is parted, but for the last."""
    rows = max(2, _STRIP // image.shape[3] // 2 * 2)
    tops = [*range(0, max(image.shape[2] - 1, 1), rows), image.shape[2]]  # no strip of a single row
    yield from ((top, end - top) for top, end in pairwise(tops))


def _chroma(image: Tensor) -> Tensor:
    """The blue and the red difference of ``image`` ``(B, 3, H, W)`` (BT.601) as ``(B, 2, H, W)``."""
    red, green, blue = image.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([(blue - luma) * 0.564, (red - luma) * 0.713], 1)


def _roughness(image: Tensor, top: int, rows: int, mask: Tensor | None = None) -> Tensor:
    """What ``rows`` rows from ``top`` on give to the ``chroma_grain`` of ``image``, ``(B, 4)``, under a ``mask``."""
    height, width = image.shape[2:]
    chroma = _chroma(image[:, :, top : top + rows + 2])
    there = None if mask is None else mask[:, :, top : top + rows + 2]
    parts = []
    for x, seen, count, high, wide in (
        (chroma, there, rows, height, width),
        (
            avg_pool2d(chroma, 2),
            None if there is None else avg_pool2d(there, 2),
            rows // 2,
            height // 2,
            width // 2,
        ),
    ):
        down, right = _rough(x[:, :, : count + 1].diff(dim=2)), _rough(x[:, :, :count].diff(dim=3))
        if seen is not None:
            down = down * torch.minimum(seen[:, :, : count + 1][:, :, 1:], seen[:, :, : count + 1][:, :, :-1])
            right = right * torch.minimum(seen[:, :, :count, 1:], seen[:, :, :count, :-1])
        parts.append(down.sum((2, 3)) / ((high - 1) * wide) + right.sum((2, 3)) / (high * (wide - 1)))
    return torch.cat(parts, 1)


def _roughness_slope(strip: Tensor, rows: int, whole: Tensor, grad: Tensor) -> Tensor:
    """The gradient by ``strip`` of what its first ``rows`` rows give to the ``chroma_grain`` of ``whole``, times ``grad``."""
    height, width = whole.shape[2:]
    chroma = _chroma(strip)
    slope = _differences_slope(chroma, rows, height, width, grad[:, :2])
    coarse = _differences_slope(avg_pool2d(chroma, 2), rows // 2, height // 2, width // 2, grad[:, 2:])
    coarse = interpolate(coarse.div_(4), scale_factor=2, mode="nearest")
    slope[:, :, : coarse.shape[2], : coarse.shape[3]] += coarse
    blue, red = slope[:, 0] * 0.564, slope[:, 1] * 0.713
    luma = blue + red
    return torch.stack([red - 0.299 * luma, -0.587 * luma, blue - 0.114 * luma], 1)


def _differences_slope(x: Tensor, rows: int, height: int, width: int, grad: Tensor) -> Tensor:
    """The gradient by ``x`` ``(B, 2, …)`` of the mean roughness of its first ``rows`` rows, down and to the right."""
    slope = torch.zeros_like(x)
    for dim, seen, count in ((2, rows + 1, (height - 1) * width), (3, rows, height * (width - 1))):
        difference = x[:, :, :seen].diff(dim=dim)
        way = (difference.square() + _FAINT).rsqrt_().mul_(difference).mul_((grad / max(count, 1))[:, :, None, None])
        part, length = slope[:, :, :seen], way.shape[dim]
        part.narrow(dim, 1, length).add_(way)
        part.narrow(dim, 0, length).sub_(way)
    return slope


def _rough(difference: Tensor) -> Tensor:
    """``|d|``, rounded at zero, as it has no gradient there and every flat place would hang on its sign."""
    return (difference.square() + _FAINT).sqrt()


def gram(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The Gram matrix ``F Fᵀ / (H W)`` of maps ``(B, C, H, W)`` as ``(B, C, C)``, float32 (Gatys et al. 2016).

    A mask ``(B, 1, H, W)`` weights the places: its mean is divided out, so a mask of ones changes nothing. An empty mask
    has the matrix zero.
    """
    # In channels-last memory this is a view: places are rows, channels lie side by side.
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)
    if mask is None:
        return _Gram.apply(rows)  # type: ignore[no-any-return, no-untyped-call]
    found = [_guided(rows[i : i + 1], weight.flatten()) for i, weight in enumerate(mask.expand(len(x), -1, -1, -1))]
    return torch.cat(found)


def _guided(rows: Tensor, weight: Tensor) -> Tensor:
    places = weight.nonzero()[:, 0]
    if not len(places):
        nothing = rows[:, :0].to(torch.float64 if rows.dtype == torch.float64 else torch.float32)
        return nothing.mT @ nothing
    kept = weight[places].to(torch.float64 if rows.dtype == torch.float64 else torch.float32)
    return _GuidedGram.apply(rows, places, kept)  # type: ignore[no-any-return, no-untyped-call]


def chroma_grain(image: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean absolute difference of neighbouring pixels in the two chroma channels (BT.601), one and two pixels wide.

    Of an image ``(B, 3, H, W)`` as ``(B, 4)``: how much colour noise there is, or how much the brush has put there.
    With a ``mask`` ``(1, 1, H, W)`` what of it is there: a pair of pixels counts by the lesser of its two, and the mean is
    still over all pairs. That is a measure alone, without a gradient.
    """
    if mask is not None:
        with torch.no_grad():
            return torch.stack([_roughness(image, top, rows, mask=mask) for top, rows in _strips(image)]).sum(0)
    return _Grain.apply(image)  # type: ignore[no-any-return, no-untyped-call]


class _Mean:
    """What the statistics share that are means over places. ``seed`` is there for those that choose at random."""

    sums = True
    pull = 1.0

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def describe(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        raise NotImplementedError

    def blend(self, descriptions: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """Their weighted mean."""
        return torch.stack([part * weight for part, weight in zip(descriptions, weights, strict=True)]).sum(0)

    def compare(self, x: Tensor, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
        """``distance(describe(x, mask), wanted)``."""
        return self.distance(self.describe(x, mask), wanted)


class Gram(_Mean):
    """Gram matrices; the distance is ``|G - G*|² / |G*|²`` (Gatys et al. 2016, made relative)."""

    def describe(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(B, C, C)``."""
        return gram(x, mask)

    def distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        """Squared error over the target's own size."""
        return (found - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12)


class Moments(_Mean):
    """Mean and covariance; the distance is that of two Gaussians, Wasserstein-2, over the target's size.

    Described by the raw moments ``[E f; E f fᵀ]`` as ``(B, 1 + C, C)``, since these average linearly.
    """

    def describe(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(B, 1 + C, C)``: the mean in row 0, the second raw moments below."""
        weighted = x if mask is None else x * (mask / mask.mean((2, 3), keepdim=True).clamp_min(1e-8)).to(x.dtype)
        mean = weighted.mean((2, 3), dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
        return torch.cat([mean[:, None], gram(x, mask)], 1)

    def distance(self, found: Tensor, wanted: Tensor) -> Tensor:
        """``(|μ - μ*|² + tr Σ + tr Σ* - 2 tr (Σ*^½ Σ Σ*^½)^½) / (|μ*|² + tr Σ*)``."""
        mean, cov = _centred(found)
        mean_wanted, cov_wanted = _centred(wanted)
        # Eigenvalues of a sample covariance can be zero or a little below: lift them before roots are taken.
        trace_wanted = _trace(cov_wanted)
        lift = 1e-6 * trace_wanted / cov.shape[-1] + 1e-12
        eye = torch.eye(cov.shape[-1], dtype=cov.dtype, device=cov.device) * lift[:, None, None]
        with torch.no_grad():
            root = _root(cov_wanted + eye)
        middle = root @ (cov + eye) @ root
        cross = torch.linalg.eigvalsh((middle + middle.mT) / 2).clamp_min(1e-20).sqrt().sum(-1)
        bures = (_trace(cov) + trace_wanted + 2 * cov.shape[-1] * lift - 2 * cross).clamp_min(0)
        size = mean_wanted.square().sum(-1) + trace_wanted
        distance: Tensor = (((mean - mean_wanted).square().sum(-1) + bures) / size.clamp_min(1e-12)).sum()
        return distance


def _centred(raw: Tensor) -> tuple[Tensor, Tensor]:
    mean, second = raw[:, 0], raw[:, 1:]
    return mean, second - mean[:, :, None] * mean[:, None, :]


def _trace(x: Tensor) -> Tensor:
    trace: Tensor = x.diagonal(dim1=-2, dim2=-1).sum(-1)
    return trace


def _root(x: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(x)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()[:, None, :]) @ vectors.mT
    return root


# Their names are the choices of ``Recipe.statistic``; each takes a seed.
STATISTICS: dict[str, Callable[..., Statistic]] = {
    "gram": Gram,
    "moments": Moments,
    "histogram": Histogram,
    "sliced-wasserstein": SlicedWasserstein,
    "nearest": Nearest,
    "patches": Patches,
}
