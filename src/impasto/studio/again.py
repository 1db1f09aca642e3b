"""Painting again what a picture records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

from impasto.errors import InputError, MediaError
from impasto.media.image import file_sha256
from impasto.media.metadata import read_recipe
from impasto.mixture import Manner
from impasto.recipe import Recipe
from impasto.see.known import ENCODERS
from impasto.studio.door import open_easel
from impasto.studio.easel import Easel
from impasto.studio.sight import VGG

__all__ = ["found_input", "read_about", "recorded_easel", "recorded_recipe", "reopen"]


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
    changes["encoder"] = seen["name"] if weights is None or seen["name"] in VGG else "auto"
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
