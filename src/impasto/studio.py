"""The door: names and paths in, a painter or a finished picture out. Every surface comes in here."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import torch
from torch import Tensor

from impasto import __version__
from impasto.errors import InputError, MediaError, UnknownNameError
from impasto.media.files import check_folder
from impasto.media.image import check_writable, file_sha256, load_picture, resize_to, save_image, sized
from impasto.media.metadata import read_recipe
from impasto.paint.complaints import Complaint, complaints
from impasto.paint.optimise import OptimisePainter, Start, ladder
from impasto.paint.painter import Painter, Progress
from impasto.paint.shelf import Shelf, kept
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe
from impasto.runtime import choose_device, choose_precision
from impasto.see.encoder import Encoder
from impasto.see.known import ENCODERS, KNOWN
from impasto.see.load import describe_auto, encoder_digest, load_encoder

__all__ = [
    "Easel",
    "Painting",
    "Sight",
    "Source",
    "check_log",
    "check_output",
    "check_page",
    "check_stages",
    "load_source",
    "open_easel",
    "open_picture",
    "open_sight",
    "read_about",
    "reopen",
    "rooted",
    "stylize",
    "stylize_steps",
]

_SMALLEST = 16  # pixels: below it the deepest layer of VGG-19 sees nothing
_STARTS = ("content", "noise", "style")
_VGG = tuple(item.name for item in KNOWN)


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


Picturable = Tensor | Path | str | Source


@dataclass(frozen=True)
class Painting:
    """A picture painted: ``image`` ``(1, 3, H, W)``, 0..1, sRGB; ``alpha`` if the content had one; how it was made."""

    image: Tensor
    alpha: Tensor | None
    about: Mapping[str, Any]
    losses: Mapping[str, float] = field(default_factory=dict)
    reached: Mapping[str, float] = field(default_factory=dict)  # by name, where it was measured of the finished picture

    def save(self, path: Path | str, *, bits: int = 8, quality: int = 95) -> None:
        """Write it, recipe inside, to a temporary name first; ``bits=16`` for PNG and TIFF."""
        about = {**self.about, "output": {"bits": bits, "quality": quality}}
        text = json.dumps(about, ensure_ascii=False)
        save_image(self.image, path, alpha=self.alpha, bits=bits, quality=quality, recipe=text)


@dataclass(frozen=True)
class Easel:
    """Everything ready to paint: pull ``paint()``, then ask for the ``painting`` of a progress.

    ``files`` are those it was made from, which no output may replace; ``remarks`` are lines for the person.
    """

    content: Source
    styles: tuple[Source, ...]
    recipe: Recipe
    encoder: Encoder
    painter: Painter
    about: Mapping[str, Any]
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def long_side(self) -> int:
        """Pixels on the longer side of the finished picture."""
        return self.recipe.size

    @property
    def parts(self) -> tuple[Easel, ...]:
        """The easels whose paintings make up the picture, one painted after the other: this one alone."""
        return (self,)

    def paint(self) -> Iterator[Progress]:
        """One progress per step; to stop is to stop pulling."""
        return self.painter.paint(self.content.image)

    def painting(self, progress: Progress) -> Painting:
        """The picture as it stands at ``progress``, at the recipe's size, with the content's alpha.

        Short of the last step it is marked as interrupted: `rerun` would not make it again.
        """
        height, width = self.content.image.shape[2:]
        shape = sized(height, width, self.recipe.size)
        image = resize_to(progress.snapshot(), *shape)
        alpha = None if self.content.alpha is None else resize_to(self.content.alpha, *shape)
        mark = {"interrupted": progress.step} if progress.step < progress.steps else {}
        return Painting(image, alpha, {**self.about, **mark}, progress.losses)

    def complaints(self, painting: Painting) -> tuple[Complaint, ...]:
        """What is wrong with a finished picture; nothing is said of one that was interrupted, or is no photograph painted."""
        if "interrupted" in painting.about or "task" in painting.about:
            return ()
        return complaints(painting.image, self.content.image, self.styles[0].image, self.encoder, self.recipe)


@dataclass(frozen=True)
class Sight:
    """An encoder ready to see: what a recipe records of it and its machine, its file if one was named, a line to say."""

    encoder: Encoder
    about: Mapping[str, Any]
    file: str
    remark: str


def open_easel(
    content: Picturable,
    styles: Picturable | Sequence[Picturable],
    recipe: Recipe | None = None,
    *,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    allow_huge: bool = False,
    shelf: Shelf | None = None,
    start: Start | None = None,
    **changes: Any,
) -> Easel:
    """Load and check all that a painting needs; nothing is painted yet.

    Pictures are paths or tensors ``(1, 3, H, W)`` or ``(3, H, W)``, 0..1. ``weights`` is a file for a VGG-19 encoder;
    ``encoder`` is a name, as in ``Recipe``, or an ``Encoder`` of one's own. ``changes`` are options of ``Recipe``.
    Paintings of the same ``Source`` pictures share through one ``shelf`` what they need alike; ``start`` is where the
    coarser sizes of another painting ended, to be gone on from.
    Raises ``ImpastoError`` with one line for anything that cannot be used.
    """
    chosen = None if isinstance(encoder, str) else encoder
    if isinstance(encoder, str):
        changes["encoder"] = encoder
    recipe = rooted((recipe or Recipe()).but(**changes))
    _check_one_encoder(recipe, weights, chosen)
    given = [styles] if isinstance(styles, (Tensor, str, os.PathLike, Source)) else list(styles)
    photo = _source(content, "content", allow_huge)
    paintings = tuple(_source(style, "style", allow_huge) for style in given)
    _check_different(photo, paintings)
    ladder(recipe, *photo.image.shape[2:])
    begun = None if recipe.init in _STARTS else _source(_init_path(recipe), "init", allow_huge)

    sight = kept(
        shelf,
        _encoder_key(recipe, weights),
        lambda: open_sight(recipe, weights=weights, encoder=chosen),
        of=() if chosen is None else (chosen,),
    )
    chosen = sight.encoder

    photo, *rest = (
        replace(one, image=kept(shelf, ("filled",), lambda one=one: _filled(one), of=(one.image, one.alpha)))  # type: ignore[misc]
        for one in (photo, *paintings)
    )
    paintings = tuple(rest)
    targets = StyleTargets(chosen, [StyleImage(style.image, style.alpha) for style in paintings], recipe, shelf=shelf)
    painter = OptimisePainter(targets, recipe, init=None if begun is None else _filled(begun), start=start)
    about = {
        "impasto": __version__,
        "recipe": recipe.as_dict(),
        "content": photo.about(),
        "styles": [style.about() for style in paintings],
        **({"init": begun.about()} if begun else {}),
        **sight.about,
    }
    pictures = (photo, *paintings, *([begun] if begun else []))
    files = tuple(filter(None, [*(picture.path for picture in pictures), sight.file]))
    return Easel(photo, paintings, recipe, chosen, painter, about, files, (sight.remark,))


def open_sight(recipe: Recipe, *, weights: Path | str | None = None, encoder: Encoder | None = None) -> Sight:
    """The encoder of ``recipe``, or the file ``weights`` for it, or the ``encoder`` given, on its device.

    Raises ``ImpastoError`` with one line where there is none such.
    """
    _check_one_encoder(recipe, weights, encoder)
    file, why = "", ""
    if encoder is None:
        encoder, file, why = _loaded(recipe, weights)
    weight = next(encoder.parameters())
    machine = _machine(weight.device.type, weight.dtype)
    about = {
        "encoder": {"name": encoder.name, "sha256": encoder_digest(encoder), "weights": file},
        "machine": machine,
    }
    remark = f"encoder {encoder.name}{why}, {machine['precision']} on {machine['device']}"
    return Sight(encoder, about, file, remark)


def open_picture(given: Picturable, kind: str, *, allow_huge: bool = False) -> Source:
    """A picture for the role ``kind``, the mean visible colour under what is transparent; ``kind`` "result" may be flat.

    Raises ``ImpastoError`` with one line for what cannot be used.
    """
    source = _source(given, kind, allow_huge)
    return replace(source, image=_filled(source))


def stylize_steps(
    content: Picturable, styles: Picturable | Sequence[Picturable], recipe: Recipe | None = None, **options: Any
) -> Iterator[Progress]:
    """Paint step by step: one ``Progress`` a step, ``progress.snapshot()`` the picture so far.

    ``options`` are those of ``open_easel``; what cannot be used is told at once, not at the first step.
    """
    return open_easel(content, styles, recipe, **options).paint()


def stylize(
    content: Picturable, styles: Picturable | Sequence[Picturable], recipe: Recipe | None = None, **options: Any
) -> Painting:
    """Paint ``content`` in the manner of ``styles`` and return the finished ``Painting``.

    >>> stylize("photo.jpg", "painting.jpg", size=512, strength=60).save("out.png")  # doctest: +SKIP
    """
    easel = open_easel(content, styles, recipe, **options)
    for last in easel.paint():  # noqa: B007 - the last one is what counts
        pass
    return easel.painting(last)


# ── painting again ──


def read_about(path: Path | str) -> dict[str, Any]:
    """All that a painted picture says of its making; ``MediaError`` or ``InputError`` where it says nothing."""
    try:
        about = json.loads(read_recipe(path))
        _check_about(about)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise MediaError(f"{path}: the recipe inside is damaged; expected the one that impasto writes") from None
    return about  # type: ignore[no-any-return]


def reopen(
    picture: Path | str,
    *,
    content: Path | str | None = None,
    styles: Sequence[Path | str] = (),
    init: Path | str | None = None,
    weights: Path | str | None = None,
    allow_huge: bool = False,
    opener: Callable[..., Easel] | None = None,
) -> Easel:
    """The easel on which ``picture`` was painted, ready to paint it again: the same bytes on the same machine, with as
    many threads of torch as ``read_about(picture)["machine"]`` tells.

    Its inputs are looked for where they were and beside the picture; ``content``, ``styles``, ``init`` and ``weights``
    name them anew. Raises ``InputError`` where a file is gone or has changed since. ``opener`` opens it, called as
    ``open_easel`` is, for pictures that were made otherwise; their content, or their styles, may be None or none.
    """
    about = read_about(picture)
    near, entries, seen = Path(picture).parent, about["styles"], about["encoder"]
    if styles and len(styles) != len(entries):
        raise InputError(f"{picture} was painted with {len(entries)} style(s), {len(styles)} given")
    photo = _found(about["content"], near, content, "content") if "content" in about else None
    paintings = [_found(entry, near, styles[i] if styles else None, "style") for i, entry in enumerate(entries)]
    changes = {"device": about["machine"]["device"], "precision": about["machine"]["precision"]}
    if "init" in about:
        changes["init"] = str(_found(about["init"], near, init, "init"))
    if weights is not None or seen["weights"] or seen["name"] not in ENCODERS:
        weights = _found({"path": seen["weights"], "sha256": ""}, near, weights, "weights")
    # A file brings its own name; load_encoder wants one only to know the two kinds of VGG-19 apart.
    changes["encoder"] = seen["name"] if weights is None or seen["name"] in _VGG else "auto"
    recipe = Recipe.from_dict(about["recipe"]).but(**changes)
    if opener is None and photo is None:
        raise InputError(f"{picture} was not painted from a photograph: impasto rerun makes it again")
    ready: Callable[..., Easel] = opener or open_easel
    easel = ready(photo, paintings, recipe, weights=weights, allow_huge=allow_huge)
    if easel.about["encoder"]["sha256"] != seen["sha256"]:
        raise InputError(
            f"{picture} was painted with other weights of {seen['name']} (sha256 {seen['sha256'][:12]}…): "
            "name that file with --weights"
        )
    # What the new picture records is what the old one did: the same bytes on the same machine.
    recorded = {**easel.about, **{key: about[key] for key in easel.about if key not in ("impasto", "machine")}}
    return replace(easel, about=recorded, remarks=(*easel.remarks, *_differences(about, easel.about)))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Lines on why a picture painted again will not be the same to the last bit."""
    names = {"impasto": (old["impasto"], new["impasto"])}
    names |= {key: (old["machine"].get(key), value) for key, value in new["machine"].items() if key != "python"}
    if changed := [f"{name} {was}, now {now}" for name, (was, now) in names.items() if was != now]:
        yield f"painted then with {'; '.join(changed)}: small differences are to be expected"
    if old.get("shared_start"):
        yield "it shared the coarser sizes with its neighbours in a sweep: painted alone it comes out a little different"
    if "interrupted" in old:
        yield f"it was interrupted at step {old['interrupted']} then; this one is painted to its end"


def _found(entry: Mapping[str, str], near: Path, given: Path | str | None, kind: str) -> Path:
    """The file that ``entry`` recorded, by name or beside the picture, its hash checked."""
    name = {"init": "picture to start from", "weights": "weight file"}.get(kind, kind)
    if given is None and not entry["path"]:
        raise InputError(f"the picture records no file of its {name}: name one with --{kind} FILE")
    # The picture may come from a machine with other slashes.
    places = [Path(entry["path"]), near / PureWindowsPath(entry["path"]).name] if given is None else [Path(given)]
    there = [place for place in places if place.is_file()]
    if not there:
        raise InputError(f"the {name} {places[0]} is gone: name it with --{kind} FILE")
    for place in there:
        if not entry["sha256"] or file_sha256(place) == entry["sha256"]:
            return place
    raise InputError(
        f"the {name} {there[0]} is not the file that was painted from (its sha256 differs): "
        f"name the right one with --{kind} FILE"
    )


def _check_about(about: Any) -> None:
    """Raise one of Python's own errors unless ``about`` has the form that ``open_easel`` gives."""
    inputs = [*about["styles"], *(about[key] for key in ("content", "init") if key in about)]
    texts = [about["impasto"], *(entry[key] for entry in inputs for key in ("path", "sha256"))]
    texts += [about["encoder"][key] for key in ("name", "sha256", "weights")]
    texts += [about["machine"][key] for key in ("device", "precision")]
    numbers = [about["output"][key] for key in ("bits", "quality")] + [about["machine"]["threads"]]
    right = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    right = right and all(isinstance(value, (int, float, str)) for value in about["recipe"].values())
    whole = _is_task(about["task"]) if "task" in about else "content" in about and about["styles"]
    if not right or not whole or not inputs:
        raise TypeError


def _is_task(task: Any) -> bool:
    """Whether ``task`` says what was made: a reconstruction, a texture, a study of layers, or what a newer impasto makes."""
    right = isinstance(task["kind"], str) and all(isinstance(layer, str) for layer in task.get("layers", ()))
    if task["kind"] == "texture":
        right = right and all(type(task[side]) is int for side in ("width", "height"))
        right = right and all(isinstance(task[flag], bool) for flag in ("seamless", "each"))
    return right


# ── what is given ──


def rooted(recipe: Recipe) -> Recipe:
    """``recipe`` with whole paths: it must hold in any folder."""
    changes = {}
    for name, names in (("encoder", ENCODERS), ("init", _STARTS)):
        path = os.path.expanduser(getattr(recipe, name))
        if path not in names and os.path.isfile(path):
            changes[name] = os.path.abspath(path)
    return recipe.but(**changes)


def _init_path(recipe: Recipe) -> Path:
    path = Path(recipe.init)
    if not path.exists() and "." not in path.name:
        raise UnknownNameError("value for --init", recipe.init, (*_STARTS, "a picture file"))
    return path


def load_source(given: Picturable, kind: str, *, allow_huge: bool = False) -> Source:
    """A picture read and checked once, to be painted from many times; ``kind`` (content, style) names it in errors."""
    return _source(given, kind, allow_huge)


def _encoder_key(recipe: Recipe, weights: Path | str | None) -> tuple[str | int, ...]:
    """What an encoder is loaded by; the seed is drawn from by random weights alone."""
    named = (recipe.encoder, str(weights), recipe.pooling, recipe.normalise, recipe.device, recipe.precision)
    return ("encoder", *named, recipe.seed if recipe.encoder == "random" else 0)


def _source(given: Picturable, kind: str, allow_huge: bool) -> Source:
    """``given`` as checked pixels; the message names the picture by its role."""
    if isinstance(given, Source):
        source = given
    elif isinstance(given, Tensor):
        source = Source(_checked_tensor(given, kind))
    elif isinstance(given, (str, os.PathLike)):
        picture = load_picture(given, allow_huge=allow_huge)
        source = Source(picture.image, picture.alpha, str(Path(given).absolute()), file_sha256(given))
    else:
        raise InputError(f"the {kind} is a {type(given).__name__}: expected a path or a tensor (1, 3, H, W), 0..1")
    height, width = source.image.shape[2:]
    name = source.path or f"the {kind}"
    if min(height, width) < _SMALLEST:
        raise InputError(f"{name} is {width}×{height} pixels: expected at least {_SMALLEST} on each side as {kind}")
    seen = source.image.flatten(2)
    if source.alpha is not None:
        seen = seen[:, :, source.alpha.flatten() > 0]
    if seen.numel() == 0:
        raise InputError(f"{name} is wholly transparent: expected a visible picture as {kind}")
    if kind not in ("init", "result") and float((seen.amax(2) - seen.amin(2)).max()) < 2 / 255:
        shade = "black" if float(seen.max()) < 0.02 else "one flat colour"
        raise InputError(f"{name} is {shade} all over, with nothing in it to see: choose another picture as {kind}")
    return source


def _checked_tensor(given: Tensor, kind: str) -> Tensor:
    """``given`` as ``(1, 3, H, W)`` float32, 0..1, on the CPU."""
    image = given.detach().float()
    image = image[None] if image.ndim == 3 else image
    if image.ndim != 4 or image.shape[:2] != (1, 3) or image.numel() == 0:
        raise InputError(f"the {kind} is a tensor of shape {tuple(given.shape)}: expected (1, 3, H, W), 0..1")
    if not bool(torch.isfinite(image).all()):
        raise InputError(f"the {kind} holds NaN or infinite values: expected numbers from 0 to 1")
    if float(image.min()) < -1e-3 or float(image.max()) > 1 + 1e-3:
        raise InputError(f"the {kind} runs from {image.min():.3g} to {image.max():.3g}: expected 0..1, divide by 255?")
    return image.clamp(0, 1).cpu()


def _check_different(photo: Source, paintings: Iterable[Source]) -> None:
    for style in paintings:
        if style.image.shape == photo.image.shape and torch.equal(style.image, photo.image):
            raise InputError(
                f"content and style are the same picture{f' ({style.path})' if style.path else ''}: "
                "give a photograph and a painting"
            )


def _check_one_encoder(recipe: Recipe, weights: Path | str | None, encoder: Encoder | None) -> None:
    if weights is not None and (encoder is not None or recipe.encoder not in ("auto", *_VGG)):
        name = "an encoder of one's own" if encoder is not None else f"--encoder {recipe.encoder}"
        raise InputError(f"--weights {weights} and {name} together: give one or the other")
    if encoder is not None and recipe.normalise != "mean":
        raise InputError("--normalise none and an encoder of one's own: it takes its mean away by itself, or does not")


def _filled(source: Source) -> Tensor:
    """The pixels, the mean colour of the visible ones under what is transparent: hidden colours must not leak."""
    if source.alpha is None:
        return source.image
    weight = source.alpha / source.alpha.sum().clamp_min(1e-8)
    mean = (source.image * weight).sum((2, 3), keepdim=True)
    return source.image * source.alpha + mean * (1 - source.alpha)


def _loaded(recipe: Recipe, weights: Path | str | None) -> tuple[Encoder, str, str]:
    """The encoder of ``recipe``, the file that was named for it, and, where nobody chose it, why it was taken."""
    device = choose_device(recipe.device)
    dtype = choose_precision(recipe.precision, device)
    file = "" if recipe.encoder in ENCODERS else recipe.encoder
    if weights is not None:
        file = os.path.abspath(os.path.expanduser(weights))
    encoder = load_encoder(
        recipe.encoder,
        weights=None if weights is None else file,
        pooling=recipe.pooling,
        centred=recipe.normalise == "mean",
        seed=recipe.seed,
    )
    why = f" ({describe_auto()[1]})" if recipe.encoder == "auto" and weights is None else ""
    return encoder.to(device=device, dtype=dtype, memory_format=torch.channels_last), file, why  # type: ignore[call-overload]


def _machine(device: str, dtype: torch.dtype) -> dict[str, Any]:
    """What the bits of a result depend on beside the recipe."""
    return {
        "device": device,
        "precision": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


# ── where it goes ──


def check_output(path: Path | str, inputs: Iterable[Path | str] = (), *, bits: int = 8, size: int = 0) -> None:
    """Before any work: can a picture of ``size`` be written to ``path``, and is it none of the ``inputs``?"""
    check_writable(path, bits=bits, long_side=size)
    _check_spared(path, inputs, f"{path} is one of the inputs: choose another output with -o")


def check_log(path: Path | str, inputs: Iterable[Path | str], out: Path | str) -> None:
    """Before any work: can a table be written to ``path``, and is it neither an input nor the picture ``out``?"""
    if not Path(path).exists() or Path(path).is_file() or Path(path).is_dir():  # else a pipe or a device
        check_folder(path)
    _check_spared(path, inputs, f"--log {path} is one of the inputs: choose another name")
    if os.path.realpath(path) == os.path.realpath(out):
        raise InputError(f"--log {path} is the picture itself: choose another name, as in losses.csv")


def check_page(path: Path | str, inputs: Iterable[Path | str] = ()) -> None:
    """Before any work: can a page be written to ``path``, and is it none of the ``inputs``?"""
    if Path(path).suffix.lower() not in (".html", ".htm") and not Path(path).is_dir():
        raise InputError(f"-o {path}: expected a page's name, which ends in .html, as in encoders.html")
    check_folder(path)
    _check_spared(path, inputs, f"{path} is one of the inputs: choose another output with -o")


def check_stages(out: Path, inputs: Iterable[Path | str]) -> None:
    """Is none of the ``inputs`` named as a stage of ``out`` that ``--save-every`` will write?"""
    stage = re.compile(re.escape(out.stem) + r"-\d{4,}" + re.escape(out.suffix))
    for path in map(Path, inputs):
        if stage.fullmatch(path.name) and os.path.realpath(path.parent) == os.path.realpath(out.parent):
            raise InputError(f"--save-every would write over {path}, one of the inputs: choose another output with -o")


def _check_spared(path: Path | str, inputs: Iterable[Path | str], message: str) -> None:
    if Path(path).exists():
        for name in inputs:
            if Path(name).exists() and Path(path).samefile(name):
                raise InputError(message)
