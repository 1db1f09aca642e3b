"""A step of training as one CUDA graph: launched as a whole, its thousand small kernels do not wait for Python."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import torch
from torch import Tensor

__all__ = ["Replay"]

_WARM = 3  # steps before a capture: what is made once, as an optimiser's moments, must be there

Step = Callable[[Tensor], tuple[Tensor, Mapping[str, Tensor]]]


class Replay:
    """Runs steps that are the same for batches of the same ``key``: the first time as they are, then out of a graph.

    A step takes a batch on the GPU and gives tensors there. It asks nothing back from the GPU, reads rates from tensors,
    and is random only through the GPU's own generator.
    """

    def __init__(self) -> None:
        self._graphs: dict[Hashable, tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, Mapping[str, Tensor]]]] = {}

    def __call__(self, key: Hashable, step: Step, batch: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The answer of ``step`` to ``batch``; it is overwritten by the next call with the same ``key``."""
        if key not in self._graphs:
            self._graphs[key] = self._captured(step, batch.clone())
        graph, held, answer = self._graphs[key]
        held.copy_(batch)
        graph.replay()
        return answer

    def clear(self) -> None:
        """Forget all graphs: what they were made of has changed."""
        self._graphs.clear()

    @staticmethod
    def _captured(step: Step, held: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, Mapping[str, Tensor]]]:
        beside, here = torch.cuda.Stream(), torch.cuda.current_stream()
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            for _ in range(_WARM):
                step(held)
        here.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads pin memory meanwhile
            answer = step(held)
        return graph, held, answer
