"""The door: names and paths in, a painter or a finished picture out. Every surface comes in here."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import __version__
from impasto.errors import InputError, MediaError
from impasto.media.image import check_writable, file_sha256, load_picture, resize_to, save_image
from impasto.media.metadata import read_recipe
from impasto.paint.optimise import OptimisePainter, ladder
from impasto.paint.painter import Painter, Progress
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import Encoder
from impasto.see.load import encoder_digest, load_encoder

__all__ = ["Easel", "Painting", "Source", "check_output", "open_easel", "read_about", "reopen", "stylize", "stylize_steps"]

_SMALLEST = 16  # pixels: below it the deepest layer of VGG-19 sees nothing

Picturable = Tensor | Path | str


@dataclass(frozen=True)
class Source:
    """A picture given: its pixels ``(1, 3, H, W)``, its alpha, and, where it came from a file, path and hash."""

    image: Tensor
    alpha: Tensor | None = None
    path: str = ""
    sha256: str = ""

    def about(self) -> dict[str, str]:
        """What the recipe in a picture records of it."""
        return {"path": self.path, "sha256": self.sha256}


@dataclass(frozen=True)
class Painting:
    """A picture painted: ``image`` ``(1, 3, H, W)``, 0..1, sRGB; ``alpha`` where the content had one; how it was made."""

    image: Tensor
    alpha: Tensor | None
    about: Mapping[str, Any]
    losses: Mapping[str, float] = field(default_factory=dict)

    def save(self, path: Path | str, *, bits: int = 8, quality: int = 95) -> None:
        """Write it, recipe inside, to a temporary name first; ``bits=16`` for PNG and TIFF."""
        about = {**self.about, "output": {"bits": bits, "quality": quality}}
        text = json.dumps(about, ensure_ascii=False)
        save_image(self.image, path, alpha=self.alpha, bits=bits, quality=quality, recipe=text)


@dataclass(frozen=True)
class Easel:
    """Everything ready to paint: pull ``paint()``, then ask for the ``painting`` of a progress."""

    content: Source
    styles: tuple[Source, ...]
    recipe: Recipe
    encoder: Encoder
    painter: Painter
    about: Mapping[str, Any]

    def paint(self) -> Iterator[Progress]:
        """One progress per step; to stop is to stop pulling."""
        return self.painter.paint(self.content.image)

    def painting(self, progress: Progress) -> Painting:
        """The picture as it stands at ``progress``, at the recipe's size, with the content's alpha."""
        shape = _final_shape(self.content.image, self.recipe)
        image = progress.snapshot()
        if tuple(image.shape[2:]) != shape:  # interrupted at a coarser size
            image = resize_to(image, *shape)
        alpha = None if self.content.alpha is None else resize_to(self.content.alpha, *shape)
        return Painting(image, alpha, self.about, progress.losses)


def open_easel(
    content: Picturable,
    styles: Picturable | Sequence[Picturable],
    recipe: Recipe | None = None,
    *,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    allow_huge: bool = False,
    **changes: Any,
) -> Easel:
    """Load and check all that a painting needs; nothing is painted yet.

    Pictures are paths or tensors ``(1, 3, H, W)`` or ``(3, H, W)``, 0..1. ``weights`` is a file for a VGG-19 encoder;
    ``encoder`` is a name, as in ``Recipe``, or an ``Encoder`` of one's own. ``changes`` are options of ``Recipe``.
    Raises ``ImpastoError`` with one line for anything that cannot be used.
    """
    if isinstance(encoder, str):
        encoder, changes["encoder"] = None, encoder
    recipe = (recipe or Recipe()).but(**changes)
    given = [styles] if isinstance(styles, (Tensor, Path, str)) else list(styles)
    photo = _source(content, "content", allow_huge)
    paintings = tuple(_source(style, "style", allow_huge) for style in given)
    for style in paintings:
        if style.image.shape == photo.image.shape and torch.equal(style.image, photo.image):
            raise InputError(
                f"content and style are the same picture{f' ({style.path})' if style.path else ''}: "
                "give a photograph and a painting"
            )
    ladder(recipe, *photo.image.shape[2:])
    start = None if recipe.init in ("content", "noise", "style") else _source(_init_path(recipe), "init", allow_huge)

    device = choose_device(recipe.device)
    dtype = choose_precision(recipe.precision, device)
    own = encoder is not None
    if encoder is None:
        encoder = load_encoder(recipe.encoder, weights=Path(weights) if weights else None, pooling=recipe.pooling)
        encoder = encoder.to(device=device, dtype=dtype, memory_format=torch.channels_last)
    images = [StyleImage(_filled(style), style.alpha) for style in paintings]
    photo = Source(_filled(photo), photo.alpha, photo.path, photo.sha256)
    targets = StyleTargets(encoder, images, recipe)
    painter = OptimisePainter(targets, recipe, init=None if start is None else _filled(start))
    about = {
        "impasto": __version__,
        "recipe": recipe.as_dict(),
        "content": photo.about(),
        "styles": [style.about() for style in paintings],
        **({"init": start.about()} if start else {}),
        "encoder": {
            "name": encoder.name,
            "sha256": "" if own else encoder_digest(encoder),
            "weights": str(weights) if weights else "",
        },
        "machine": {
            "device": device,
            "precision": str(dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }
    return Easel(photo, paintings, recipe, encoder, painter, about)


def stylize_steps(
    content: Picturable, styles: Picturable | Sequence[Picturable], recipe: Recipe | None = None, **options: Any
) -> Iterator[Progress]:
    """Paint as a generator: one ``Progress`` a step, ``progress.snapshot()`` the picture so far."""
    yield from open_easel(content, styles, recipe, **options).paint()


def stylize(
    content: Picturable, styles: Picturable | Sequence[Picturable], recipe: Recipe | None = None, **options: Any
) -> Painting:
    """Paint ``content`` in the manner of ``styles`` and return the finished ``Painting``.

    >>> stylize("photo.jpg", "painting.jpg", size=512, strength=60).save("out.png")  # doctest: +SKIP
    """
    easel = open_easel(content, styles, recipe, **options)
    last: Progress | None = None
    for last in easel.paint():
        pass
    if last is None:
        raise InputError("nothing was painted: the recipe has no steps")
    return easel.painting(last)


def read_about(path: Path | str) -> dict[str, Any]:
    """All that a painted picture says of its making; ``MediaError`` or ``InputError`` where it says nothing."""
    try:
        about = json.loads(read_recipe(path))
        if not isinstance(about["recipe"], dict) or not isinstance(about["styles"], list):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise MediaError(f"{path}: the recipe inside is damaged; expected the one that impasto writes") from None
    return about  # type: ignore[no-any-return]


def reopen(
    picture: Path | str,
    *,
    content: Path | str | None = None,
    styles: Sequence[Path | str] = (),
    weights: Path | str | None = None,
    allow_huge: bool = False,
) -> Easel:
    """The easel on which ``picture`` was painted, ready to paint it again.

    Its inputs are looked for where they were and beside the picture; ``content`` and ``styles`` name them anew. Raises
    ``InputError`` where a file is gone or has changed since.
    """
    about = read_about(picture)
    near = Path(picture).parent
    recipe = Recipe.from_dict(about["recipe"])
    entries = list(about["styles"])
    if styles and len(styles) != len(entries):
        raise InputError(f"{picture} was painted with {len(entries)} style(s), {len(styles)} given")
    photo = _found(about["content"], near, content, "content", "--content")
    paintings = [
        _found(entry, near, styles[i] if styles else None, "style", "--style") for i, entry in enumerate(entries)
    ]
    changes: dict[str, Any] = {"encoder": about["encoder"]["name"], "device": about["machine"]["device"]}
    changes["precision"] = about["machine"]["precision"]
    file = weights or about["encoder"]["weights"] or None
    if file is None and recipe.encoder.endswith((".safetensors", ".pth")):
        changes["encoder"] = recipe.encoder
    if "init" in about:
        changes["init"] = str(_found(about["init"], near, None, "init picture", "--init"))
    easel = open_easel(photo, paintings, recipe.but(**changes), weights=file, allow_huge=allow_huge)
    if easel.about["encoder"]["sha256"] != about["encoder"]["sha256"]:
        raise InputError(
            f"{picture} was painted with other weights of {about['encoder']['name']} "
            f"(sha256 {about['encoder']['sha256'][:12]}…): name that file with --weights"
        )
    # What the new picture records is what the old one did: the same bytes on the same machine.
    recorded = {**easel.about, "recipe": about["recipe"], "encoder": about["encoder"]}
    recorded["content"], recorded["styles"] = about["content"], about["styles"]
    if "init" in about:
        recorded["init"] = about["init"]
    return Easel(easel.content, easel.styles, easel.recipe, easel.encoder, easel.painter, recorded)


def _found(entry: Mapping[str, str], near: Path, given: Path | str | None, kind: str, flag: str) -> Path:
    """The file that ``entry`` recorded, by name or beside the picture, its hash checked."""
    if given is None and not entry["path"]:
        raise InputError(f"the {kind} was not a file when this picture was painted: name one with {flag}")
    places = [Path(given)] if given is not None else [Path(entry["path"]), near / Path(entry["path"]).name]
    there = [place for place in places if place.is_file()]
    if not there:
        raise InputError(f"the {kind} {places[0]} is gone: name it with {flag} FILE")
    for place in there:
        if not entry["sha256"] or file_sha256(place) == entry["sha256"]:
            return place
    raise InputError(
        f"the {kind} {there[0]} is not the file that was painted from (its sha256 differs): "
        f"name the right one with {flag} FILE"
    )


def _init_path(recipe: Recipe) -> Path:
    path = Path(recipe.init)
    if not path.exists() and "." not in path.name:
        from impasto.errors import UnknownNameError

        raise UnknownNameError("value for --init", recipe.init, ("content", "noise", "style", "a picture file"))
    return path


def _source(given: Picturable, kind: str, allow_huge: bool) -> Source:
    """``given`` as checked pixels; the message names the picture by its role."""
    if isinstance(given, Tensor):
        image = given.detach().float()
        image = image[None] if image.ndim == 3 else image
        if image.ndim != 4 or image.shape[:2] != (1, 3):
            raise InputError(f"the {kind} is a tensor of shape {tuple(given.shape)}: expected (1, 3, H, W), 0..1")
        if not bool(torch.isfinite(image).all()):
            raise InputError(f"the {kind} holds NaN or infinite values: expected numbers from 0 to 1")
        if float(image.min()) < -1e-3 or float(image.max()) > 1 + 1e-3:
            raise InputError(f"the {kind} runs from {image.min():.3g} to {image.max():.3g}: expected 0..1, divide by 255?")
        source = Source(image.cpu())
    else:
        picture = load_picture(given, allow_huge=allow_huge)
        source = Source(picture.image, picture.alpha, str(Path(given).absolute()), file_sha256(given))
    height, width = source.image.shape[2:]
    name = source.path or f"the {kind}"
    if min(height, width) < _SMALLEST:
        raise InputError(f"{name} is {width}×{height} pixels: expected at least {_SMALLEST} on each side as {kind}")
    seen = source.image if source.alpha is None else source.image[:, :, source.alpha[0, 0] > 0.5]
    if seen.numel() == 0:
        raise InputError(f"{name} is wholly transparent: expected a visible picture as {kind}")
    flat = seen.flatten(2) if seen.ndim == 4 else seen
    if kind != "init" and float((flat.amax(2) - flat.amin(2)).max()) < 2 / 255:
        shade = "black" if float(flat.max()) < 0.02 else "one flat colour"
        raise InputError(f"{name} is {shade} all over: there is nothing in it to paint {'with' if kind == 'style' else ''}"
                         .rstrip() + "; choose another picture")
    return source


def _filled(source: Source) -> Tensor:
    """The pixels, the mean colour of the visible ones under what is transparent: hidden colours must not leak."""
    if source.alpha is None:
        return source.image
    weight = source.alpha / source.alpha.sum().clamp_min(1e-8)
    mean = (source.image * weight).sum((2, 3), keepdim=True)
    return source.image * source.alpha + mean * (1 - source.alpha)


def _final_shape(content: Tensor, recipe: Recipe) -> tuple[int, int]:
    height, width = content.shape[2:]
    scale = recipe.size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def check_output(path: Path | str, inputs: Sequence[str], *, bits: int = 8) -> None:
    """Before any work: can ``path`` be written, and is it none of the ``inputs``?"""
    check_writable(path, bits=bits)
    for name in inputs:
        if name and Path(path).exists() and Path(name).exists() and Path(path).samefile(name):
            raise InputError(f"{path} is one of the inputs: choose another output with -o")
