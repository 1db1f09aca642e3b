"""What several paintings of the same pictures need alike, made once and kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["Shelf", "kept"]

T = TypeVar("T")


class Shelf:
    """Things by what they were made from: ``keep`` makes one where it is not there yet.

    A key's first word says of what kind a thing is; ``clear`` drops all of that kind.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[Hashable, ...], tuple[tuple[object, ...], Any]] = {}

    def keep(self, key: tuple[Hashable, ...], make: Callable[[], T], *, of: tuple[object, ...] = ()) -> T:
        """The thing of ``key`` that was made from the very objects ``of``."""
        # By identity: two tensors that are equal would have to be compared pixel by pixel. What is held cannot be
        # collected, so that no other object ever gets its id.
        whole = (*key, *map(id, of))
        if whole not in self._held:
            self._held[whole] = of, make()
        return self._held[whole][1]  # type: ignore[no-any-return]

    def clear(self, kind: str) -> None:
        """Forget all things of ``kind``."""
        self._held = {key: value for key, value in self._held.items() if key[0] != kind}


def kept(shelf: Shelf | None, key: tuple[Hashable, ...], make: Callable[[], T], *, of: tuple[object, ...] = ()) -> T:
    """The thing on ``shelf``, or, where there is none, made anew: one painting alone keeps nothing for others."""
    return make() if shelf is None else shelf.keep(key, make, of=of)
