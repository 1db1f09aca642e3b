"""Checkpoints: written whole, read without running what may be pickled in them, compared with what is asked now."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from impasto.errors import InputError, MediaError, TrainingError
from impasto.media.files import write_file

__all__ = ["Course", "checkpoint_of", "fit", "load_checkpoint", "plain", "save_checkpoint", "settle"]


def checkpoint_of(out: Path) -> Path:
    """Where the training of ``out`` keeps its state."""
    return out.with_suffix(".checkpoint")


@dataclass(frozen=True)
class Course:
    """How long to train, counted from the step and the seconds at which it began."""

    minutes: float | None = None
    steps: int | None = None
    cooldown: float = 0.4
    first: int = 0
    began: float = 0.0
    complete: bool = False

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise InputError("how long? give --minutes or --steps, one of them")
        if (self.minutes or 0) < 0 or (self.steps or 0) < 0:
            raise InputError("--minutes and --steps are 0 or more")
        if not 0 <= self.cooldown <= 1:
            raise InputError(f"--cooldown {self.cooldown:g}: expected the share of the training, 0 to 1")

    @property
    def since(self) -> tuple[int, float]:
        """Step and seconds at which it began."""
        return self.first, self.began

    @classmethod
    def after(
        cls, state: Mapping[str, Any], minutes: float | None, steps: int | None, cooldown: float | None
    ) -> Course:
        """The course to take from a checkpoint: the rest of the one that was interrupted there, else another one.

        What is given lengthens or shortens the interrupted one; what is None stays as it was.
        """
        saved = state.get("course")
        if isinstance(saved, Mapping) and not saved["complete"]:
            course = cls(**saved)
            if minutes is not None or steps is not None:
                course = replace(course, minutes=minutes, steps=steps)
            return course if cooldown is None else replace(course, cooldown=cooldown)
        share = cls.cooldown if cooldown is None else cooldown
        return cls(minutes, steps, share, int(state["step"]), float(state["seconds"]))


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state``, tensors and plain values; on a full disk the last good checkpoint stays. ``TrainingError``."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())
    except MediaError as error:
        raise TrainingError(str(error)) from None
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None


def load_checkpoint(path: Path, kind: str, needed: Collection[str]) -> dict[str, Any]:
    """The state in ``path``; ``TrainingError`` unless it is a whole checkpoint of ``kind`` with what is ``needed``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on odd pickles; they would land in the person's terminal
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f"there is no checkpoint {path}: leave out --resume to begin") from None
    except Exception as error:  # torch.load raises nearly anything on a damaged file
        raise TrainingError(f"{path} is damaged or no checkpoint ({_line(error)}): --force begins anew") from None
    if not isinstance(state, dict) or (missing := set(needed) - set(state)):
        what = f"it lacks {min(missing)}" if isinstance(state, dict) else "it holds no state"
        raise TrainingError(f"{path} is no checkpoint of a {kind}: {what}")
    if state.get("kind", kind) != kind:
        raise TrainingError(f"{path} is the checkpoint of a {state['kind']}, not of a {kind}: choose another -o")
    return state


def settle(
    path: Path, saved: Mapping[str, Any], given: Mapping[str, Any], *, fixed: Collection[str], change: bool = False
) -> dict[str, Any]:
    """The options to go on with: those of the checkpoint, and those ``given`` now where they agree with it.

    ``TrainingError`` names the first that differs; ``change`` lets those differ that are not ``fixed``.
    """
    for name, value in given.items():
        if name in saved and plain(saved[name]) != plain(value) and (name in fixed or not change):
            remedy = "or begin anew with another -o or --force" if name in fixed else "or add --change"
            raise TrainingError(
                f"--{name.replace('_', '-')} {_words(value)}: {path} was trained with {_words(saved[name])}: "
                f"leave the option out, {remedy}"
            )
    return {**saved, **given}


def fit(path: Path, module: nn.Module, state: Any) -> None:
    """``TrainingError`` unless ``state`` has exactly the tensors of ``module``; loads nothing."""
    wanted = module.state_dict()
    if not isinstance(state, Mapping):
        raise TrainingError(f"{path} is no checkpoint of this net: it holds no tensors")
    for name, tensor in wanted.items():
        there = state.get(name)
        if not isinstance(there, Tensor):
            raise TrainingError(f"{path} is the checkpoint of another net: it lacks {name}")
        if there.shape != tensor.shape:
            raise TrainingError(
                f"{path} is the checkpoint of another shape: {name} is {_times(there)}, expected {_times(tensor)}"
            )
    if extra := sorted(set(state) - set(wanted)):
        raise TrainingError(f"{path} is the checkpoint of another net: it has {_line(extra[0])} besides")


def plain(value: Any) -> Any:
    """Tuples as lists: a checkpoint does not tell them apart."""
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _words(value: Any) -> str:
    """An option's value as it is typed."""
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], (list, tuple)):
            between, within = (",", "=") if isinstance(value[0][0], str) else ("/", ",")  # places, or blocks
            return between.join(within.join(map(_words, part)) for part in value)
        return ",".join(map(_words, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _times(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"


def _line(error: object) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:119] + "…"
