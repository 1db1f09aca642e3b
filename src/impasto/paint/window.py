"""A painter that works in a window of the picture and leaves all around it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from impasto.media.image import resize, resize_to
from impasto.paint.painter import Anchor, Progress

__all__ = ["Window", "WindowPainter"]


@dataclass(frozen=True)
class Window:
    """Rows ``top:bottom`` and columns ``left:right`` of a picture."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, image: Tensor) -> Tensor:
        """The window out of an image ``(B, C, H, W)``."""
        return image[:, :, self.top : self.bottom, self.left : self.right]

    def scaled(self, height: int, width: int, to_height: int, to_width: int) -> Window:
        """The same window of the same picture at another size."""
        rows = [round(edge * to_height / height) for edge in (self.top, self.bottom)]
        columns = [round(edge * to_width / width) for edge in (self.left, self.right)]
        return Window(rows[0], max(rows[1], rows[0] + 1), columns[0], max(columns[1], columns[0] + 1))


@dataclass(frozen=True)
class WindowPainter:
    """``begin`` paints what ``window`` shows; snapshots are whole pictures of ``size`` with that set into them."""

    begin: Callable[[], Iterator[Progress]]
    window: Window
    size: int

    def paint(
        self, content: Tensor, *, regions: Tensor | None = None, anchors: Sequence[Anchor] = ()
    ) -> Iterator[Progress]:
        """Paint the window of ``content`` ``(1, 3, H, W)``, 0..1."""
        whole = resize(content, self.size)
        there = self.window.scaled(*content.shape[2:], *whole.shape[2:])
        height, width = there.bottom - there.top, there.right - there.left
        for progress in self.begin():

            def snapshot(progress: Progress = progress) -> Tensor:
                image = whole.clone()
                there.cut(image).copy_(resize_to(progress.snapshot(), height, width))
                return image

            yield replace(progress, snapshot=snapshot)
