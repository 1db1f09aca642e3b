"""sRGB and three spaces that part light from colour: OkLab, CIE Lab and YCbCr.

Each is a tensor ``(B, 3, H, W)``: channel 0 is the light, black 0 and white 1, channels 1 and 2 are the chroma, 0 for
grey. The chroma of Lab is a* and b* over 255, as an 8-bit file of Lab holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SPACES", "Space", "luma"]

# Ottosson 2020, "A perceptual color space for image processing".
_OK_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OK_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
# IEC 61966-2-1, and each row divided by its sum: the white of sRGB is (1, 1, 1).
_XYZ = (
    (0.4124564 / 0.9504700, 0.3575761 / 0.9504700, 0.1804375 / 0.9504700),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.0888300, 0.1191920 / 1.0888300, 0.9503041 / 1.0888300),
)
_LAB = ((0.0, 1.16, 0.0), (500 / 255, -500 / 255, 0.0), (0.0, 200 / 255, -200 / 255))
_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))  # BT.601, as in JPEG


@dataclass(frozen=True)
class Space:
    """A space: there from sRGB, and back again without being cut to 0..1.

    Only where no channel of sRGB is above ``dark`` can the rounding to 8 bits move a chroma by more than 1.9/255.
    """

    of_srgb: Callable[[Tensor], Tensor]
    to_srgb: Callable[[Tensor], Tensor]
    dark: float


def luma(image: Tensor) -> Tensor:
    """The BT.601 luma ``(B, 1, H, W)`` of an image ``(B, 3, H, W)``."""
    red, green, blue = image.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]


def _mixed(x: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Every pixel times ``matrix``."""
    mixed: Tensor = torch.tensor(matrix, dtype=x.dtype, device=x.device) @ x.flatten(2)
    return mixed.reshape(x.shape)


def _inverse(matrix: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    inverse = torch.linalg.inv(torch.tensor(matrix, dtype=torch.float64))
    return tuple(tuple(float(value) for value in row) for row in inverse)


def _linear(image: Tensor) -> Tensor:
    """Light in proportion to photons, of sRGB; below 0 as its mirror image."""
    size = image.abs()
    light = torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055).pow(2.4))
    return light.copysign(image)


def _gamma(light: Tensor) -> Tensor:
    size = light.abs()
    image = torch.where(size <= 0.0031308, size * 12.92, 1.055 * size.clamp_min(1e-9).pow(1 / 2.4) - 0.055)
    return image.copysign(light)


def _root(x: Tensor) -> Tensor:
    return x.abs().pow(1 / 3).copysign(x)


def _lab_root(x: Tensor) -> Tensor:
    return torch.where(x > 216 / 24389, x.abs().pow(1 / 3), (x * (24389 / 27) + 16) / 116)


def _lab_cube(x: Tensor) -> Tensor:
    return torch.where(x > 6 / 29, x**3, (116 * x - 16) * (27 / 24389))


def _to_oklab(image: Tensor) -> Tensor:
    return _mixed(_root(_mixed(_linear(image), _OK_CONES)), _OK_LAB)


def _of_oklab(lab: Tensor) -> Tensor:
    return _gamma(_mixed(_mixed(lab, _OK_LAB_BACK) ** 3, _OK_CONES_BACK))


def _to_lab(image: Tensor) -> Tensor:
    lab = _mixed(_lab_root(_mixed(_linear(image), _XYZ)), _LAB)
    lab[:, 0] -= 0.16
    return lab


def _of_lab(lab: Tensor) -> Tensor:
    light = (lab[:, :1] + 0.16) / 1.16
    roots = torch.cat([light + lab[:, 1:2] * (255 / 500), light, light - lab[:, 2:] * (255 / 200)], 1)
    return _gamma(_mixed(_lab_cube(roots), _XYZ_BACK))


_OK_CONES_BACK, _OK_LAB_BACK, _XYZ_BACK, _YCBCR_BACK = map(_inverse, (_OK_CONES, _OK_LAB, _XYZ, _YCBCR))

SPACES: dict[str, Space] = {
    "oklab": Space(_to_oklab, _of_oklab, 0.15),
    "lab": Space(_to_lab, _of_lab, 0.15),
    "ycbcr": Space(lambda image: _mixed(image, _YCBCR), lambda values: _mixed(values, _YCBCR_BACK), 0.0),
}
