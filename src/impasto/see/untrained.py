"""An encoder that never learned: weights drawn from a seed. Beside it shows what a painting owes to training.

Random filters see colours and some texture (Ustyuzhaninov et al. 2016, He, Wang and Hopcroft 2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from impasto.see.encoder import ChainEncoder, Down
from impasto.see.weights import build_chain, tensors_digest

__all__ = ["random_encoder"]

_CONTRAST = 0.25  # the deviation of a photograph's values about mean grey


def random_encoder(blocks: Sequence[Sequence[int | str]], down: Down = "max", *, seed: int = 0) -> ChainEncoder:
    """A ``ChainEncoder`` of ``blocks`` with weights after He et al. 2015, the same for a ``seed`` on every machine.

    With these, maps are about as loud as the picture is at any depth, and it is brought to deviation 1 first. To bring
    every map to mean 0 and deviation 1 besides was tried: paintings came out further from the style (judged by VGG-19,
    held 0.41 rather than 0.36) and with a quarter more colour noise.
    """
    random = torch.Generator().manual_seed(seed)
    net = ChainEncoder(blocks, down=down)
    state = {"mean": net.mean}
    for name, value in net.named_parameters():
        if value.ndim == 1:
            state[name] = torch.zeros(value.shape)
            continue
        bound = math.sqrt(6 / math.prod(value.shape[1:])) / (_CONTRAST if name == "convs.0.weight" else 1.0)
        # Uniform, not normal: these numbers are the same on every machine, and a recipe records their hash.
        state[name] = (2 * torch.rand(value.shape, generator=random) - 1) * bound
    return build_chain(Path("random"), state, net.blocks, down, None, name="random", digest=tensors_digest(state))
