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
from impasto.errors import InputError, MediaError, UnknownNameError, WeightsError
from impasto.media.color import greyed, match_light, recolor
from impasto.media.files import check_folder
from impasto.media.image import check_writable, file_sha256, load_picture, resize_to, save_image, sized
from impasto.media.matte import check_matte, cut_out, fitted, load_matte, parse_box
from impasto.media.metadata import read_recipe
from impasto.media.regions import Regions, load_regions
from impasto.mixture import Manner
from impasto.paint.complaints import Complaint, complaints
from impasto.paint.finishing import Finishing
from impasto.paint.optimise import Coarse, OptimisePainter, ladder
from impasto.paint.painter import Painter, Progress
from impasto.paint.polish import PolishPainter
from impasto.paint.recolour import RecolourPainter
from impasto.paint.shelf import Shelf, kept
from impasto.paint.targets import StyleImage, StyleTargets
from impasto.recipe import Recipe, region_colors, region_strengths
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
    "found_input",
    "load_source",
    "open_easel",
    "open_picture",
    "open_sight",
    "read_about",
    "recorded_easel",
    "recorded_recipe",
    "reopen",
    "rooted",
    "stylize",
    "stylize_steps",
]

_SMALLEST = 16  # pixels: below it the deepest layer of VGG-19 sees nothing
_STARTS = ("content", "noise", "style", "regions")
_VGG = tuple(item.name for item in KNOWN)
_POLISH = 40  # steps of VGG-19 that --quality best ends with


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
Stylable = Picturable | Manner


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

    ``files`` are those it was made from, which no output may replace; ``remarks`` are lines for the person. ``seen`` is
    what the painter gets for the content, where that is not the content itself; ``finishing`` is done to every picture.
    """

    content: Source
    styles: tuple[Source, ...]
    recipe: Recipe
    encoder: Encoder
    painter: Painter
    about: Mapping[str, Any]
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    regions: Tensor | None = None  # (1, R, H, W), 0..1: of the content, if it has a mask
    seen: Tensor | None = None
    finishing: Callable[[Tensor], Tensor] | None = None

    @property
    def long_side(self) -> int:
        """Pixels on the longer side of the finished picture."""
        return self.recipe.size

    @property
    def parts(self) -> tuple[Easel, ...]:
        """The easels whose paintings make up the picture, one painted after the other: this one alone."""
        return (self,)

    def paint(self) -> Iterator[Progress]:
        """One progress per step, its snapshots finished; to stop is to stop pulling."""
        seen = self.content.image if self.seen is None else self.seen
        for progress in self.painter.paint(seen, regions=self.regions):
            yield self._finished(progress)

    def _finished(self, progress: Progress) -> Progress:
        if self.finishing is None:
            return progress
        finishing = self.finishing
        return replace(progress, snapshot=lambda: finishing(progress.snapshot()))

    def painting(self, progress: Progress) -> Painting:
        """The picture as it stands at ``progress``, at the recipe's size, with the content's alpha.

        Short of the last step it is marked as interrupted: `rerun` would not make it again.
        """
        height, width = self.content.image.shape[2:]
        shape = sized(height, width, self.recipe.size)
        image = progress.snapshot()
        if tuple(image.shape[2:]) != shape:
            image = resize_to(image, *shape)
            image = image if self.finishing is None else self.finishing(image)
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
    styles: Stylable | Sequence[Stylable],
    recipe: Recipe | None = None,
    *,
    weights: Path | str | None = None,
    encoder: Encoder | str | None = None,
    protect: Picturable | None = None,
    allow_huge: bool = False,
    shelf: Shelf | None = None,
    coarse: Coarse | None = None,
    **changes: Any,
) -> Easel:
    """Load and check all that a painting needs; nothing is painted yet.

    Pictures are paths or tensors ``(1, 3, H, W)`` or ``(3, H, W)``, 0..1; a style may also be a ``Manner``, which says how
    much it counts among others, at which layers and in which region. ``protect`` is a mask of what stays as it is,
    a path as in ``Recipe`` or a tensor ``(1, 1, H, W)``. ``weights`` is a file for a VGG-19 encoder;
    ``encoder`` is a name, as in ``Recipe``, or an ``Encoder`` of one's own. ``changes`` are options of ``Recipe``.
    Paintings of the same ``Source`` pictures share through one ``shelf`` what they need alike; ``coarse`` is where the
    coarser sizes of another painting ended, to be gone on from.
    Raises ``ImpastoError`` with one line for anything that cannot be used.
    """
    chosen = None if isinstance(encoder, str) else encoder
    if isinstance(encoder, str):
        changes["encoder"] = encoder
    if isinstance(protect, (str, os.PathLike)):
        changes["protect"], protect = os.fspath(protect), None
    recipe = rooted((recipe or Recipe()).but(**changes))
    recipe = _polished(recipe, weights, chosen)
    finishing_weights, weights = (weights, None) if recipe.polish > 0 else (None, weights)
    _check_one_encoder(recipe, weights, chosen)
    given = [styles] if isinstance(styles, (Tensor, str, os.PathLike, Manner, Source)) else list(styles)
    manners = _manners(given, recipe)
    photo = _source(content, "content", allow_huge)
    paintings = tuple(_source(manner.picture, "style", allow_huge) for manner in manners)
    _check_different(photo, paintings)
    ladder(recipe, *photo.image.shape[2:])
    mask = _content_mask(recipe, photo, manners, allow_huge)
    strengths = _strengths(recipe, mask)
    style_images = [_style_image(*pair, mask, allow_huge) for pair in zip(manners, paintings, strict=True)]
    start = None if recipe.init in _STARTS else _source(_init_path(recipe), "init", allow_huge)
    matte, spared = _matte(photo, recipe, protect, allow_huge)

    sight = kept(
        shelf,
        _encoder_key(recipe, weights),
        lambda: open_sight(recipe, weights=weights, encoder=chosen),
        of=() if chosen is None else (chosen,),
    )
    chosen = sight.encoder
    second = None
    if recipe.polish > 0:
        key = ("encoder", "polish", str(finishing_weights), *_encoder_key(recipe, None)[1:])
        second = kept(shelf, key, lambda: _second_sight(recipe, finishing_weights))

    whole = photo.image
    photo, *rest = (
        replace(one, image=kept(shelf, ("filled",), lambda one=one: _filled(one), of=(one.image, one.alpha)))  # type: ignore[misc]
        for one in (photo, *paintings)
    )
    paintings = tuple(rest)
    begun = None if start is None else _filled(start)
    height, width = photo.image.shape[2:]
    regions = None if mask is None else mask.maps(*sized(height, width, recipe.size))
    seen, images, begun = _coloured(recipe, photo, list(zip(paintings, style_images, strict=True)), begun, mask)
    style_images = [replace(one, image=image) for one, image in zip(style_images, images, strict=True)]
    painter: Painter
    if recipe.color == "palette":
        painter = RecolourPainter(style_images, recipe, alpha=photo.alpha)
    else:
        targets = StyleTargets(chosen, style_images, recipe, shelf=shelf)
        options: dict[str, Any] = {"init": begun, "strengths": strengths, "matte": matte, "coarse": coarse}
        painter = OptimisePainter(targets, recipe, **options)
        if second is not None:
            painter = PolishPainter(targets, recipe, StyleTargets(second.encoder, style_images, recipe), **options)
    space, tinted = _tinted(recipe, mask, regions)
    finishing = Finishing(photo.image, space, matte, whole, tinted) if space or matte is not None else None
    about = {
        "impasto": __version__,
        "recipe": recipe.as_dict(),
        "content": photo.about(),
        "styles": [_about_style(*pair) for pair in zip(paintings, manners, strict=True)],
        **({"init": start.about()} if start else {}),
        **({"mask": _about_file(recipe.mask)} if recipe.mask else {}),
        **({"protect": spared.about()} if spared else {}),
        **sight.about,
        **({"polish": second.about["encoder"]} if second else {}),
    }
    pictures = (photo, *paintings, *filter(None, (start, spared)))
    masks = (recipe.mask, *(manner.mask for manner in manners))
    seen_by = [sight, *([second] if second else [])]
    files = tuple(filter(None, [*(picture.path for picture in pictures), *masks, *(one.file for one in seen_by)]))
    return Easel(photo, paintings, recipe, chosen, painter, about, files, _remarks(*seen_by), regions, seen, finishing)


def _polished(recipe: Recipe, weights: Path | str | None, encoder: Encoder | None) -> Recipe:
    """``recipe`` with the number of steps that VGG-19 is to take behind another encoder, 0 for none.

    Left to choose, ``--quality best`` is the built-in encoder's draft and VGG-19's polish, where that is at hand.
    """
    if recipe.polish < 0:
        free = recipe.quality == "best" and recipe.encoder == "auto" and encoder is None and recipe.losses == "relative"
        if free and recipe.strength and (weights is not None or describe_auto()[0] in _VGG):
            return recipe.but(encoder="builtin", quality="draft", polish=_POLISH)
    elif recipe.polish and recipe.encoder == "auto" and encoder is None:
        return recipe.but(encoder="builtin")
    return recipe


def _second_sight(recipe: Recipe, weights: Path | str | None) -> Sight:
    """The VGG-19 that polishes: the file named, or the one that is installed."""
    name = describe_auto()[0]
    if weights is None and name not in _VGG:
        raise WeightsError(
            f"--polish {recipe.polish} takes a VGG-19, and none is installed: run impasto models fetch vgg19-caffe, or name "
            "its file with --weights"
        )
    sight = open_sight(recipe.but(encoder="auto" if weights is not None else name, polish=0), weights=weights)
    if sight.encoder.name not in _VGG:
        raise InputError(f"--weights {weights} and --polish {recipe.polish}: expected the file of a VGG-19")
    return sight


def _remarks(sight: Sight, second: Sight | None = None) -> tuple[str, ...]:
    return (sight.remark, *([] if second is None else [f"finished by {second.encoder.name}"]))


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
    content: Picturable, styles: Stylable | Sequence[Stylable], recipe: Recipe | None = None, **options: Any
) -> Iterator[Progress]:
    """Paint step by step: one ``Progress`` a step, ``progress.snapshot()`` the picture so far.

    ``options`` are those of ``open_easel``; what cannot be used is told at once, not at the first step.
    """
    return open_easel(content, styles, recipe, **options).paint()


def stylize(
    content: Picturable, styles: Stylable | Sequence[Stylable], recipe: Recipe | None = None, **options: Any
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
    mask: Path | str | None = None,
    style_mask: Path | str | None = None,
    protect: Path | str | None = None,
    weights: Path | str | None = None,
    allow_huge: bool = False,
    opener: Callable[..., Easel] | None = None,
) -> Easel:
    """The easel on which ``picture`` was painted, ready to paint it again: the same bytes on the same machine, with as
    many threads of torch as ``read_about(picture)["machine"]`` tells.

    Its inputs are looked for where they were and beside the picture; ``content``, ``styles``, ``init``, ``mask``,
    ``style_mask``, ``protect`` and ``weights`` name them anew. Raises ``InputError`` where a file is gone or has changed
    since. ``opener`` opens it, called as ``open_easel`` is, for pictures that were made otherwise; their content, or
    their styles, may be None or none.
    """
    about = read_about(picture)
    near, entries = Path(picture).parent, about["styles"]
    if styles and len(styles) != len(entries):
        raise InputError(f"{picture} was painted with {len(entries)} style(s), {len(styles)} given")
    photo = found_input(about["content"], near, content, "content") if "content" in about else None
    manners = []
    for i, entry in enumerate(entries):
        settings = {key: entry[key] for key in ("weight", "scale", "layers", "region") if key in entry}
        if "mask" in entry:
            settings["mask"] = str(found_input(entry["mask"], near, style_mask, "style-mask"))
        manners.append(Manner(found_input(entry, near, styles[i] if styles else None, "style"), **settings))
    changes = {
        kind: str(found_input(about[kind], near, given, kind))
        for kind, given in (("init", init), ("mask", mask), ("protect", protect))
        if kind in about
    }
    if "mask" in about:
        changes["style_mask"] = ""  # it is in the styles' own entries
    recipe, weights = recorded_recipe(picture, about, weights)
    if opener is None and photo is None:
        raise InputError(f"{picture} was not painted from a photograph: impasto rerun makes it again")
    given = {"weights": weights, "allow_huge": allow_huge}
    if opener is not None:  # what is made otherwise takes paintings as they are
        easel = opener(photo, [manner.picture for manner in manners], recipe.but(**changes), **given)
    else:
        assert photo is not None
        easel = open_easel(photo, manners, recipe.but(**changes), weights=weights, allow_huge=allow_huge)
    return recorded_easel(picture, about, easel)


def recorded_recipe(
    picture: Path | str, about: Mapping[str, Any], weights: Path | str | None
) -> tuple[Recipe, Path | str | None]:
    """The recipe in ``about`` for the device, the precision and the encoder it was painted with, and the latter's file."""
    near, seen = Path(picture).parent, about["encoder"]
    changes = {"device": about["machine"]["device"], "precision": about["machine"]["precision"]}
    if "polish" in about:
        changes["encoder"] = seen["name"]
        if seen["weights"] or seen["name"] not in ENCODERS:
            changes["encoder"] = str(found_input({"path": seen["weights"], "sha256": ""}, near, None, "weights"))
        if weights is None and about["polish"]["weights"]:
            weights = found_input({"path": about["polish"]["weights"], "sha256": ""}, near, None, "weights")
        return Recipe.from_dict(about["recipe"]).but(**changes), weights
    if weights is not None or seen["weights"] or seen["name"] not in ENCODERS:
        weights = found_input({"path": seen["weights"], "sha256": ""}, near, weights, "weights")
    # A file brings its own name; load_encoder wants one only to know the two kinds of VGG-19 apart.
    changes["encoder"] = seen["name"] if weights is None or seen["name"] in _VGG else "auto"
    return Recipe.from_dict(about["recipe"]).but(**changes), weights


def recorded_easel(picture: Path | str, about: Mapping[str, Any], easel: Easel) -> Easel:
    """``easel`` with the record of ``picture``; ``InputError`` where its encoder is another than that one's."""
    for seen, now in ((about[role], easel.about[role]) for role in _eyes(about)):
        if now["sha256"] == seen["sha256"]:
            continue
        raise InputError(
            f"{picture} was painted with other weights of {seen['name']} (sha256 {seen['sha256'][:12]}…): "
            "name that file with --weights"
        )
    # What the new picture records is what the old one did: the same bytes on the same machine.
    recorded = {**easel.about, **{key: about[key] for key in easel.about if key not in ("impasto", "machine")}}
    return replace(easel, about=recorded, remarks=(*easel.remarks, *_differences(about, easel.about)))


def _eyes(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Under which names a record tells of the encoders that a picture was painted through."""
    return ("encoder", "polish") if "polish" in about else ("encoder",)


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


def found_input(entry: Mapping[str, str], near: Path, given: Path | str | None, kind: str) -> Path:
    """The file that ``entry`` recorded, by name or beside the picture, its hash checked."""
    name = {"init": "picture to start from", "protect": "mask of what is kept", "weights": "weight file"}.get(
        kind, kind
    )
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
    inputs = [*about["styles"]]
    inputs += [about[kind] for kind in ("content", "init", "mask", "protect") if kind in about]
    inputs += [style["mask"] for style in about["styles"] if "mask" in style]
    texts = [about["impasto"], *(entry[key] for entry in inputs for key in ("path", "sha256"))]
    texts += [style.get(key, "") for style in about["styles"] for key in ("layers", "region")]
    texts += [about[role][key] for role in _eyes(about) for key in ("name", "sha256", "weights")]
    texts += [about["machine"][key] for key in ("device", "precision")]
    numbers = [about["output"][key] for key in ("bits", "quality")] + [about["machine"]["threads"]]
    right = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    right = right and all(isinstance(value, (int, float, str)) for value in about["recipe"].values())
    whole = _is_task(about["task"]) if "task" in about else "content" in about and about["styles"]
    if not right or not whole or not inputs:
        raise TypeError
    for style in about["styles"]:
        Manner("", float(style.get("weight", 1)), float(style.get("scale", 1)))


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
    names_of = {"encoder": ENCODERS, "init": _STARTS, "mask": ("",), "style_mask": ("",), "protect": ("",)}
    for name, names in names_of.items():
        path = os.path.expanduser(getattr(recipe, name))
        if path not in names and os.path.isfile(path):
            changes[name] = os.path.abspath(path)
    return recipe.but(**changes)


def _init_path(recipe: Recipe) -> Path:
    path = Path(recipe.init)
    if not path.exists() and "." not in path.name:
        raise UnknownNameError("value for --init", recipe.init, (*_STARTS, "a picture file"))
    return path


def _manners(given: Sequence[Stylable], recipe: Recipe) -> list[Manner]:
    """Every style with its settings; a mask of the recipe's own is that of the only one."""
    manners = [style if isinstance(style, Manner) else Manner(style) for style in given]
    manners = [replace(one, mask=os.path.abspath(os.path.expanduser(one.mask))) if one.mask else one for one in manners]
    if recipe.style_mask:
        if len(manners) != 1 or manners[0].mask:
            raise InputError(
                f"--style-mask {recipe.style_mask} is for one style alone: "
                "give each its own, as in a.jpg:mask=a-mask.png"
            )
        manners[0] = replace(manners[0], mask=recipe.style_mask)
    if manners and not any(one.weight for one in manners):
        raise InputError("the weights of all styles are zero: give one at least a weight above 0, as in a.jpg:0.7")
    for one in manners:
        if not recipe.mask and (one.region or one.mask):
            setting = f"region={one.region}" if one.region else f"mask={one.mask}"
            raise InputError(f"style {one.picture} with {setting}, and there is no --mask that shows regions: give one")
    return manners


def _content_mask(recipe: Recipe, photo: Source, manners: Sequence[Manner], allow_huge: bool) -> Regions | None:
    """The content's regions; every one must be painted by some style."""
    if not recipe.mask:
        return None
    mask = load_regions(recipe.mask, allow_huge=allow_huge)
    height, width = photo.image.shape[2:]
    mask.check_shape(height, width, photo.path or "the content")
    used = [one for one in manners if one.weight]
    painted = {mask.number(one.region, f"style {one.picture}") for one in used if one.region}
    bare = [colour for number, colour in enumerate(mask.colours) if number not in painted]
    if bare and all(one.region for one in used):
        raise InputError(
            f"no style paints the region {', '.join(bare)} of {mask.name}: name one, as in "
            f"b.jpg:region={bare[0]}, or keep it as it is with --region-strength {bare[0]}=0 and a style for all"
        )
    return mask


def _strengths(recipe: Recipe, mask: Regions | None) -> tuple[float | None, ...]:
    """The strength of each region that has one of its own."""
    if mask is None:
        return ()
    found: list[float | None] = [None] * len(mask)
    for colour, strength in region_strengths(recipe.region_strength).items():
        found[mask.number(colour, "--region-strength")] = strength
    return tuple(found)


def _tinted(recipe: Recipe, mask: Regions | None, regions: Tensor | None) -> tuple[str, Tensor | None]:
    """Where the photograph's chroma is kept at the end: the colour space, empty for nowhere, and ``(1, 1, H, W)``, 1
    where it is, None for everywhere."""
    everywhere = recipe.color in ("content", "luma")
    if mask is None or regions is None:
        return recipe.color_space if everywhere else "", None
    kept = [everywhere] * len(mask)
    for colour, whose in region_colors(recipe.region_color).items():
        kept[mask.number(colour, "--region-color")] = whose == "content"
    if all(kept) or not any(kept):
        return recipe.color_space if kept[0] else "", None
    return recipe.color_space, regions[:, kept].sum(1, keepdim=True)


def _style_image(manner: Manner, source: Source, mask: Regions | None, allow_huge: bool) -> StyleImage:
    """A painting as it is measured: its weight, its layers, its regions in the order of the content's."""
    layers = tuple(filter(None, (layer.strip() for layer in manner.layers.split(","))))
    region = mask.number(manner.region, f"style {manner.picture}") if mask and manner.region else None
    own = None
    if mask and manner.mask:
        found = load_regions(manner.mask, allow_huge=allow_huge)
        height, width = source.image.shape[2:]
        found.check_shape(height, width, source.path or "the style")
        own = found.in_order_of(mask, "b.jpg:region=COLOUR").maps(*found.labels.shape)
    return StyleImage(source.image, source.alpha, manner.weight, manner.scale, layers, region, own)


def _about_style(source: Source, manner: Manner) -> dict[str, Any]:
    """What the recipe in a picture records of a painting: the file, and the settings that are not the usual ones."""
    mask = {"mask": _about_file(manner.mask)} if manner.mask else {}
    return {**source.about(), **manner.settings(), **mask}


def _about_file(path: str) -> dict[str, str]:
    return {"path": path, "sha256": file_sha256(path)}


def _matte(
    photo: Source, recipe: Recipe, given: Picturable | None, allow_huge: bool
) -> tuple[Tensor | None, Source | None]:
    """What stays as it is, at the content's size, and the file that says so; None where all is painted."""
    height, width = photo.image.shape[2:]
    if isinstance(given, Tensor):
        if given.ndim != 4 or given.shape[:2] != (1, 1) or given.numel() == 0 or not bool(torch.isfinite(given).all()):
            raise InputError(f"the mask is a tensor of shape {tuple(given.shape)}: expected (1, 1, H, W), finite, 0..1")
        matte = check_matte(fitted(given.detach().float().clamp(0, 1).cpu(), height, width))
        return matte, Source(matte)  # a recipe that knows of a mask asks for its file
    if recipe.foreground:
        return check_matte(cut_out(_filled(photo), parse_box(recipe.foreground)), "the foreground"), None
    if not recipe.protect:
        return None, None
    name = f"--protect {recipe.protect}"
    matte = fitted(load_matte(recipe.protect, allow_huge=allow_huge), height, width, name)
    path = str(Path(recipe.protect).absolute())
    return check_matte(matte, name), Source(matte, None, path, file_sha256(path))


def _coloured(
    recipe: Recipe,
    photo: Source,
    paintings: Sequence[tuple[Source, StyleImage]],
    start: Tensor | None,
    mask: Regions | None,
) -> tuple[Tensor | None, list[Tensor], Tensor | None]:
    """What the painter gets, by the recipe's colour: the content if it is another, the paintings, what to start from.

    A painting of one region is matched to that region alone.
    """
    images = [style.image for style, _ in paintings]
    seen_by = [_visible(photo, mask, one.region) for _, one in paintings]
    if recipe.color == "match":
        images = [
            recolor(style.image, photo.image, recipe.color_match, alpha=style.alpha, reference_alpha=visible)
            for (style, _), visible in zip(paintings, seen_by, strict=True)
        ]
    if recipe.color != "luma":
        return None, images, start
    light = greyed(photo.image, recipe.color_space)
    images = [
        match_light(greyed(style.image, recipe.color_space), light, alpha=style.alpha, reference_alpha=visible)
        for (style, _), visible in zip(paintings, seen_by, strict=True)
    ]
    return light, images, None if start is None else greyed(start, recipe.color_space)


def _visible(photo: Source, mask: Regions | None, region: int | None) -> Tensor | None:
    """What of ``photo`` is to be seen in ``region``, or in all of it, ``(1, 1, H, W)``; None where that is everything."""
    if mask is None or region is None:
        return photo.alpha
    there = mask.maps(*photo.image.shape[2:])[:, region : region + 1]
    both = there if photo.alpha is None else there * photo.alpha
    return both if bool((both > 0).any()) else photo.alpha  # of a region that is wholly transparent nothing is known


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
