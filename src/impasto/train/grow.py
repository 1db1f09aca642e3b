"""A student takes another shape and keeps what it has learnt: deeper, wider and narrower (after Chen et al. 2016, Net2Net).

A convolution that is added is an identity: behind a ReLU it changes nothing. Channels that are added are not listened to
yet. Channels that are dropped are those that the others can best stand in for, and do, by least squares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.errors import TrainingError
from impasto.see.residual import Residual
from impasto.train.options import TAPS

if TYPE_CHECKING:
    from impasto.train.student import Student

__all__ = ["grow"]


@torch.no_grad()
def grow(old: Student, new: Student, images: Tensor) -> None:
    """Give ``new`` what ``old`` knows; ``images`` ``(N, 3, H, W)``, 0..1, show which channels matter.

    Blocks may get more convolutions and any channels; a net of residuals, more residuals. Raises ``TrainingError`` where a
    block would lose convolutions, or a net of residuals change otherwise.
    """
    if any(isinstance(conv, Residual) for student in (old, new) for conv in student.convs):
        _insert(old, new, images)
        return
    old.eval()
    origin = _origins(old, new)
    seen = _outputs(old, images)
    random = torch.Generator().manual_seed(0)
    # How the new maps stand for the old ones: old ≈ mix @ new[:, kept]; at the picture itself exactly.
    mix, shift = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    new.scales.copy_(old.scales)
    new.mean.copy_(old.mean)
    for index, there in enumerate(origin):
        conv: Any = new.convs[index]
        norm: Any = new.norms[index]
        if there is None:
            if (lost := mix.shape[1] - conv.out_channels) > 0:
                raise TrainingError(f"--blocks: an added convolution has {lost} channels fewer than the one before it")
            _identity(conv, norm)
            mix = torch.nn.functional.pad(mix, (0, -lost))
            if index in _places(new):
                _read(old, new, index, mix, shift)
            continue
        if index in _read_bare(new, set(new.bare) - set(old.bare)):
            # Its channels are to be the teacher's own: nothing learnt of others helps there.
            conv.weight.normal_(0, (2 / conv.weight[0].numel()) ** 0.5, generator=random)
            _plain(norm, torch.zeros(conv.out_channels))
            mix, shift = torch.zeros(conv.out_channels, conv.out_channels), torch.zeros(conv.out_channels)
            continue
        before: Any = old.convs[there]
        after: Any = old.norms[there]
        gain = (after.weight / (after.running_var + after.eps).sqrt()).double()
        weight = before.weight.double() * gain[:, None, None, None]
        bias = after.bias.double() - after.running_mean.double() * gain + weight.sum((2, 3)) @ shift
        weight = torch.einsum("oihw,ij->ojhw", weight, mix)
        wide, narrow = before.out_channels, conv.out_channels
        kept = torch.arange(wide)
        if narrow < wide:
            kept = _strongest(seen[there], narrow)
        fresh = torch.randn(conv.weight.shape, generator=random, dtype=torch.float64) * conv.weight[0].numel() ** -0.5
        count = len(kept)
        fresh[:count] = 0
        fresh[:count, : weight.shape[1]] = weight[kept]
        conv.weight.copy_(fresh)
        _plain(norm, torch.cat([bias[kept], torch.zeros(narrow - count, dtype=torch.float64)]))
        mix, shift = _stand_in(seen[there], kept, narrow)
        _read(old, new, index, mix, shift)


def _insert(old: Student, new: Student, images: Tensor) -> None:
    """A net of residuals gets more of them: what is added gives nothing at first, so that all answer as before."""
    random = torch.Generator().manual_seed(0)
    added = set()
    for index, there in enumerate(_kept(old, new)):
        conv: Any = new.convs[index]
        if there is not None:
            conv.load_state_dict(old.convs[there].state_dict())
            new.norms[index].load_state_dict(old.norms[there].state_dict())
            continue
        added.add(index)
        for value in conv.parameters():
            if value.ndim > 1:
                value.normal_(0, value[0].numel() ** -0.5, generator=random)
    new.taps.load_state_dict(old.taps.state_dict())
    new.scales.copy_(old.scales)
    new.mean.copy_(old.mean)
    if added:
        _measure(new, added, images)


def _kept(old: Student, new: Student) -> list[int | None]:
    """Which old unit each new one is, of units that stay as they are and in order; None for a residual that is added."""
    refused = TrainingError(
        "--blocks and --places: a net of residuals keeps its units between taps and poolings, or gets more residuals"
    )
    words = [[unit for block in student.blocks for unit in block] for student in (old, new)]
    groups = [_groups(old), _groups(new)]
    if [key for key, _ in groups[0]] != [key for key, _ in groups[1]]:
        raise refused
    found: list[int | None] = []
    for (_, before), (_, after) in zip(*groups, strict=True):
        left, run = list(before), list[int | None]()
        for index in reversed(after):  # what is added comes first among its equals
            same = bool(left) and words[0][left[-1]] == words[1][index]
            run.append(left.pop() if same else None)
            if not same and not isinstance(new.convs[index], Residual):
                raise refused
        if left:
            raise refused
        found += reversed(run)
    return found


def _measure(student: Student, added: set[int], images: Tensor) -> None:
    """Set the normalisations of the ``added`` residuals by what they are shown, and the last of each to nothing."""
    unit: Callable[[int, Tensor], Tensor] = student.unit

    def spy(index: int, x: Tensor) -> Tensor:
        if index not in added:
            return unit(index, x)
        conv: Any = student.convs[index]
        norms: Any = student.norms[index]
        inside, behind = norms
        hidden = F.conv2d(conv.depth(x), conv.wide.weight)
        _statistics(inside, hidden)
        _statistics(behind, F.conv2d(F.relu(inside(hidden)), conv.narrow.weight))
        behind.weight.zero_()
        return x

    with student.seen_by(spy):
        student(images, TAPS)


def _statistics(norm: Any, maps: Tensor) -> None:
    norm.running_mean.copy_(maps.mean((0, 2, 3)))
    norm.running_var.copy_(maps.var((0, 2, 3)))
    norm.weight.fill_(1.0)
    norm.bias.zero_()


def _origins(old: Student, new: Student) -> list[int | None]:
    """Which old convolution each new one goes on from; None for one that is added, before the next tap or pooling."""
    groups = [_groups(old), _groups(new)]
    same = [key for key, _ in groups[0]] == [key for key, _ in groups[1]]
    if not same or any(len(after) < len(before) for (_, before), (_, after) in zip(*groups, strict=True)):
        raise TrainingError(
            "--blocks and --places: between taps and poolings a net keeps the convolutions of its checkpoint or gets more"
        )
    out: list[int | None] = []
    for (_, before), (_, after) in zip(*groups, strict=True):
        out += [*before, *[None] * (len(after) - len(before))]
    return out


def _groups(student: Student) -> list[tuple[str, list[int]]]:
    """Convolutions up to each tap or end of a block."""
    groups: list[tuple[str, list[int]]] = []
    run: list[int] = []
    plan = student._plan
    for index, (layer, _) in enumerate(plan):
        run.append(index)
        taps = student._read.get(layer, ())
        if taps or index + 1 == len(plan) or plan[index + 1][0][4] != layer[4]:
            groups.append((f"block {layer[4]} to {', '.join(taps) or 'its end'}", run))
            run = []
    return groups


def _read_bare(student: Student, taps: set[str]) -> set[int]:
    """Convolutions whose own map is the answer at one of ``taps``."""
    places = {student.places.get(tap, tap) for tap in taps}
    return {index for index, (layer, _) in enumerate(student._plan) if layer in places}


def _places(student: Student) -> set[int]:
    return {index for index, (layer, _) in enumerate(student._plan) if layer in student._read}


def _outputs(student: Student, images: Tensor) -> list[Tensor]:
    """Every convolution's output on ``images`` as ``(C, places)``, float64."""
    found: list[Tensor] = []
    unit: Callable[[int, Tensor], Tensor] = student.unit

    def spy(index: int, x: Tensor) -> Tensor:
        out = unit(index, x)
        flat = out.transpose(0, 1).flatten(1)
        found.append(flat[:, :: max(1, flat.shape[1] // 20_000)].double())
        return out

    with student.seen_by(spy):
        student(images, TAPS)
    return found


def _strongest(maps: Tensor, count: int) -> Tensor:
    """The channels from which the others follow best: a pivoted Cholesky factorisation of the covariance."""
    centred = maps - maps.mean(1, keepdim=True)
    left = centred @ centred.mT
    kept: list[int] = []
    for _ in range(count):
        pick = int(left.diagonal().argmax())
        kept.append(pick)
        left = left - left[:, pick, None] @ left[None, pick] / left[pick, pick].clamp_min(1e-12)
        left[pick], left[:, pick] = 0, 0
    return torch.tensor(sorted(kept))


def _stand_in(maps: Tensor, kept: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """``mix`` ``(old, width)`` and ``shift`` ``(old,)`` with ``old ≈ mix @ new + shift``; new channels count for nothing."""
    mix, shift = maps.new_zeros(len(maps), width), maps.new_zeros(len(maps))
    mix[kept, torch.arange(len(kept))] = 1
    lost = [channel for channel in range(len(maps)) if channel not in set(kept.tolist())]
    if lost:
        ones = torch.cat([maps[kept], maps.new_ones(1, maps.shape[1])])
        ridge = 1e-6 * ones.square().mean() * ones.shape[1] * torch.eye(len(ones), dtype=maps.dtype)
        found = torch.linalg.solve(ones @ ones.mT + ridge, ones @ maps[lost].mT).mT
        mix[torch.tensor(lost)[:, None], torch.arange(len(kept))] = found[:, :-1]
        shift[lost] = found[:, -1]
    return mix, shift


def _read(old: Student, new: Student, index: int, mix: Tensor, shift: Tensor) -> None:
    """The heads that read at convolution ``index`` of ``new`` answer as the old ones."""
    for tap in set(new._read.get(new._plan[index][0], ())) - set(new.bare):
        head: Any = new.taps[tap]
        was: Any = old.taps[tap]
        matrix = was.weight.flatten(1).double()
        head.weight.copy_((matrix @ mix)[:, :, None, None])
        head.bias.copy_(was.bias.double() + matrix @ shift)


def _identity(conv: nn.Conv2d, norm: Any) -> None:
    nn.init.dirac_(conv.weight)
    _plain(norm, torch.zeros(conv.out_channels))


def _plain(norm: Any, bias: Tensor) -> None:
    """A normalisation that only adds ``bias``, in evaluation and where norms are fixed."""
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1.0)
    norm.bias.copy_(bias)
