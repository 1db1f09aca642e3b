"""Whose colours a picture has: keep those of one picture under the light of another, or give it another's.

Images are ``(1, 3, H, W)``, sRGB, 0..1. Gatys et al. 2017, "Controlling perceptual factors in neural style transfer",
section 5; nothing here divides by what a grey picture lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from impasto.errors import UnknownNameError
from impasto.media.spaces import SPACES, Space

__all__ = ["MATCHES", "greyed", "keep_colors", "match_light", "pooled", "recolor"]

# Variance, of 0..1 pixels, that counts as none: about one step of an 8-bit file. A direction of colour in which a
# picture has less is not stretched to another's, for that would blow up the noise of a grey scan.
_FLOOR = (1 / 255) ** 2
_KNOTS = 256
_SAMPLE = 1 << 18  # pixels that colours are measured on
_STRIP = 1 << 17  # pixels that are worked on together
_NEAR = 1.9 / 255  # how far 8-bit rounding may move a chroma that was asked for


def keep_colors(painted: Tensor, content: Tensor, space: str = "oklab") -> Tensor:
    """``painted`` with the chroma of ``content``, both ``(1, 3, H, W)`` of one size; the light is the painted one.

    Where that light and that chroma together are no colour of sRGB, the light gives way, towards the content's own, as
    far as need be. In the dark a step of an 8-bit file is a large step of chroma: there the light is chosen so that
    the chroma holds after rounding, within 2/255.
    """
    if space not in SPACES:
        raise UnknownNameError("colour space", space, SPACES)
    # A strip at a time: it stays in the caches, and a large picture is not there ten times over.
    rows = max(1, _STRIP // painted.shape[3])
    strips = [
        _kept(mine, its, SPACES[space])
        for mine, its in zip(painted.split(rows, 2), content.split(rows, 2), strict=True)
    ]
    return torch.cat(strips, 2)


def _kept(painted: Tensor, content: Tensor, there: Space) -> Tensor:
    wanted, light = there.of_srgb(content), there.of_srgb(painted)[:, :1]
    mixed = torch.cat([light, wanted[:, 1:]], 1)
    image = there.to_srgb(mixed)
    # The few pixels that need care, as one row of a picture.
    out = ((image < 0) | (image > 1)).any(1)
    if bool(out.any()):
        mixed, wanted_out = _row(mixed, out), _row(wanted, out)
        image.permute(0, 2, 3, 1)[out] = _into_gamut(mixed, wanted_out, there)[0, :, 0].T
    image = image.clamp(0, 1)
    if bool((dark := image.amax(1) < there.dark).any()):
        image.permute(0, 2, 3, 1)[dark] = _settled(_row(image, dark), _row(wanted, dark), there)[0, :, 0].T
    return image


def _row(image: Tensor, where: Tensor) -> Tensor:
    """The pixels of ``image`` at ``where`` ``(1, H, W)`` as ``(1, 3, 1, N)``."""
    return image.permute(0, 2, 3, 1)[where].T[None, :, None]


def _into_gamut(mixed: Tensor, inside: Tensor, space: Space) -> Tensor:
    """Pixels of sRGB: ``mixed``, its light moved towards that of ``inside``, whose chroma is the same and which is a colour."""
    low, high = torch.zeros_like(mixed[:, :1]), torch.ones_like(mixed[:, :1])
    for _ in range(12):
        middle = (low + high) / 2
        image = space.to_srgb(_moved(mixed, inside, middle))
        fits = ((image >= 0) & (image <= 1)).all(1, keepdim=True)
        low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
    return space.to_srgb(_moved(mixed, inside, high))


def _moved(mixed: Tensor, inside: Tensor, share: Tensor) -> Tensor:
    return torch.cat([mixed[:, :1] + (inside[:, :1] - mixed[:, :1]) * share, mixed[:, 1:]], 1)


def _settled(image: Tensor, wanted: Tensor, space: Space) -> Tensor:
    """``image`` with another light where rounding to 8 bits would move its chroma too far from that of ``wanted``."""
    codes = (image * 255).round() / 255
    seen = space.of_srgb(codes)
    error = (seen[:, 1:] - wanted[:, 1:]).abs().amax(1, keepdim=True)
    off = error[:, 0] > _NEAR
    if not bool(off.any()):
        return image
    settled = image.clone()
    settled.permute(0, 2, 3, 1)[off] = _nearby(_row(image, off), _row(wanted, off), space)[0, :, 0].T
    return settled


def _nearby(image: Tensor, wanted: Tensor, space: Space) -> Tensor:
    """8-bit codes with the chroma of ``wanted``: of the lights around that of ``image``, the nearest that has one."""
    start = space.of_srgb(image)[:, :1]
    best, least = image, torch.full_like(start, float("inf"))
    for step in range(48):  # 0, up, down, further up, …
        light = start + (-1) ** step * ((step + 1) // 2) * 0.006
        codes = (space.to_srgb(torch.cat([light, wanted[:, 1:]], 1)).clamp(0, 1) * 255).round() / 255
        error = (space.of_srgb(codes)[:, 1:] - wanted[:, 1:]).abs().amax(1, keepdim=True)
        better = (error < least) & (least > _NEAR)
        best, least = torch.where(better, codes, best), torch.where(better, error, least)
    return best


def greyed(image: Tensor, space: str = "oklab") -> Tensor:
    """``image`` ``(1, 3, H, W)`` without its chroma: the grey picture of the same light, as ``space`` has it."""
    there = SPACES[space]
    values = there.of_srgb(image)
    values[:, 1:] = 0
    return there.to_srgb(values).clamp(0, 1)


def match_light(
    image: Tensor, reference: Tensor, *, alpha: Tensor | None = None, reference_alpha: Tensor | None = None
) -> Tensor:
    """A grey ``image`` with the mean and the contrast of a grey ``reference``: ``σ* / σ (x - μ) + μ*``, cut to 0..1.

    An alpha ``(1, 1, H, W)`` says which of the pixels count.
    """
    own, other = _pixels(image, alpha), _pixels(reference, reference_alpha)
    gain = float(((other.var(1).mean() + _FLOOR) / (own.var(1).mean() + _FLOOR)).sqrt())
    return ((image - float(own.mean())) * gain + float(other.mean())).clamp(0, 1)


def recolor(
    image: Tensor,
    reference: Tensor,
    how: str = "pca",
    *,
    alpha: Tensor | None = None,
    reference_alpha: Tensor | None = None,
) -> Tensor:
    """``image`` in the colours of ``reference``, cut to 0..1; ``how`` is one of ``MATCHES``.

    ``mean`` moves the mean colour; ``cholesky`` and ``pca`` give mean and covariance (Gatys et al. 2017, 5.1: the first
    hangs on the order of the channels, the second on none); ``histogram`` gives light and chroma of OkLab each the
    distribution of the reference's. An alpha ``(1, 1, H, W)`` says which of the pixels count. Equal pictures stay as
    they are.
    """
    if how not in MATCHES:
        raise UnknownNameError("way to match colours", how, MATCHES)
    return MATCHES[how](image, _pixels(image, alpha), _pixels(reference, reference_alpha)).clamp(0, 1)


def pooled(images: Sequence[Tensor], alphas: Sequence[Tensor | None], weights: Sequence[float]) -> Tensor:
    """One picture ``(1, 3, 1, N)`` of the visible pixels of several, each with as many as its weight's share."""
    total, parts = sum(weights), []
    for image, alpha, weight in zip(images, alphas, weights, strict=True):
        pixels, count = _pixels(image, alpha), max(1, round(_SAMPLE * weight / total))
        if weight > 0:
            parts.append(pixels[:, torch.linspace(0, pixels.shape[1] - 1, count).round().long()])
    return torch.cat(parts, 1).float()[None, :, None]


def _pixels(image: Tensor, alpha: Tensor | None) -> Tensor:
    """The visible pixels of ``image``, or as many of them as it takes to measure, as ``(3, N)`` in double precision."""
    rows = image[0].flatten(1)
    if alpha is not None:
        seen = alpha.flatten() > 0.5
        rows = rows[:, seen if bool(seen.any()) else alpha.flatten() > 0]
    every = -(-rows.shape[1] // _SAMPLE)
    return rows[:, ::every].double()


def _moments(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``(3, 1)`` and covariance ``(3, 3)``, lifted so that it can be inverted whatever the picture."""
    mean = pixels.mean(1, keepdim=True)
    centred = pixels - mean
    eye = torch.eye(3, dtype=pixels.dtype, device=pixels.device)
    return mean, centred @ centred.T / pixels.shape[1] + _FLOOR * eye


def _linear_map(image: Tensor, own: Tensor, other: Tensor, root: Callable[[Tensor], Tensor]) -> Tensor:
    (mean, cov), (mean_wanted, cov_wanted) = _moments(own), _moments(other)
    matrix = root(cov_wanted) @ torch.linalg.inv(root(cov))
    shift = mean_wanted - matrix @ mean
    mapped: Tensor = matrix.to(image) @ image[0].flatten(1) + shift.to(image)
    return mapped.reshape(image.shape)


def _symmetric_root(cov: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(cov)
    root: Tensor = (vectors * values.clamp_min(_FLOOR).sqrt()) @ vectors.T
    return root


def _by_mean(image: Tensor, own: Tensor, other: Tensor) -> Tensor:
    return image + (other.mean(1) - own.mean(1))[None, :, None, None].to(image)


def _by_cholesky(image: Tensor, own: Tensor, other: Tensor) -> Tensor:
    return _linear_map(image, own, other, torch.linalg.cholesky)


def _by_pca(image: Tensor, own: Tensor, other: Tensor) -> Tensor:
    return _linear_map(image, own, other, _symmetric_root)


def _by_histogram(image: Tensor, own: Tensor, other: Tensor) -> Tensor:
    there = SPACES["oklab"]
    values, seen = there.of_srgb(image), [there.of_srgb(x[None, :, None].float())[0, :, 0] for x in (own, other)]
    at = np.linspace(0, 1, _KNOTS)
    for channel in range(3):
        # Of a flat channel all quantiles are one: the ramp keeps them apart, and equal pictures equal.
        ramp = np.arange(_KNOTS) * 1e-9
        knots = [np.quantile(x[channel].numpy().astype(np.float64), at) + ramp for x in seen]
        plane = values[0, channel].numpy()
        beyond = plane - plane.clip(knots[0][0], knots[0][-1])  # of what was not among the pixels measured
        values[0, channel] = torch.from_numpy(np.interp(plane, knots[0], knots[1]) + beyond)
    return there.to_srgb(values)


MATCHES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mean": _by_mean,
    "cholesky": _by_cholesky,
    "pca": _by_pca,
    "histogram": _by_histogram,
}
