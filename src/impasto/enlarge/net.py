"""The net that makes pictures twice as large: a residual on top of bicubic, computed at the small size.

Shi et al. 2016 (sub-pixel convolution) with the residual blocks of Lim et al. 2017 (EDSR), a hundredth of their width:
what bicubic leaves out of a photograph is edges, and these need few channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import WeightsError
from impasto.see.weights import checked, load_weights, save_weights

__all__ = ["KIND", "Enlarger", "load_enlarger", "save_enlarger"]

KIND = "enlarger"


class Enlarger(nn.Module):
    """An image ``(B, 3, H, W)``, 0..1, becomes ``(B, 3, 2H, 2W)``; values may leave 0..1 by a little.

    ``radius`` is how many pixels of the small picture a pixel of the large one sees to each side.
    """

    def __init__(self, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2 * blocks))
        self.tail = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.tail.weight)  # type: ignore[arg-type]  # it begins as bicubic
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]
        self.radius = 2 * blocks + 4

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.head(F.pad(image - 0.5, (1, 1, 1, 1), mode="replicate"))[:, :, 1:-1, 1:-1])
        for place in range(0, len(self.body), 2):
            x = x + self.body[place + 1](F.relu(self.body[place](x)))
        smooth = F.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
        return smooth + F.pixel_shuffle(self.tail(x), 2)


def save_enlarger(path: Path | str, net: Enlarger, about: Mapping[str, Any]) -> None:
    """Write ``net`` as one file in half precision, whole or not at all."""
    state = {name: value.half() for name, value in net.state_dict().items()}
    save_weights(path, KIND, state, {**about, "width": net.width, "blocks": net.blocks}, name=Path(path).stem)


def load_enlarger(path: Path | str | None = None) -> Enlarger:
    """The net of ``path``, or the one that comes with the package; ``WeightsError`` where the file is not such a net."""
    file = Path(path) if path else Path(str(resources.files("impasto.enlarge"))) / "twice.safetensors"
    state, about = load_weights(file, KIND)
    width, blocks = about.get("width"), about.get("blocks")
    if not isinstance(width, int) or not isinstance(blocks, int) or not (1 <= width <= 1024 and 1 <= blocks <= 256):
        raise WeightsError(f"{file} does not say how wide and deep its net is: train it anew, or get another file")
    net = Enlarger(width, blocks)
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    net.load_state_dict({name: value.float() for name, value in checked(file, state, shapes).items()})
    return net.eval().requires_grad_(False)
