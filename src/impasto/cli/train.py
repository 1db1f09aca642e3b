"""``impasto train``: the encoders that impasto sees with, from pictures and a teacher or from labelled pictures.

torch is imported only when a training starts, so that help comes at once.
"""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from impasto.errors import InputError, TrainingError
from impasto.train.options import (
    AutoencodeOptions,
    ClassifyOptions,
    DistilOptions,
    EnlargeOptions,
    flag,
    option_fields,
    parse_blocks,
    parse_places,
    parse_taps,
    parse_widths,
)

if TYPE_CHECKING:
    from impasto.train.card import Report, Training

__all__ = ["train"]

_FIXED = ("blocks", "down")


@click.group()
def train() -> None:
    """Train encoders, by distillation, on labelled pictures or as autoencoders, and the net that enlarges.

    Every training keeps a checkpoint beside its file: Ctrl-C stops it, the same command with --resume goes on.
    """


# ── options that several trainings share ──


class _Blocks(click.ParamType):  # type: ignore[type-arg]
    name = "blocks"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return parse_blocks(value) if isinstance(value, str) else value


class _Places(click.ParamType):  # type: ignore[type-arg]
    name = "places"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return parse_places(value) if isinstance(value, str) else value


class _Taps(click.ParamType):  # type: ignore[type-arg]
    name = "taps"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return parse_taps(value) if isinstance(value, str) else value


_TYPES: dict[str, tuple[click.ParamType[Any], str]] = {
    "blocks": (_Blocks(), "32,48/64,64/…"),
    "places": (_Places(), "TAP=LAYER,…"),
    "bare": (_Taps(), "TAP,…"),
}


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(",".join(map(str, block)) for block in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _settings(options: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Every field of ``options`` as an option; None where it was not typed, so that a checkpoint's word stands."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for item in reversed(list(option_fields(options))):
            default, about = item.default, item.metadata
            kind, metavar = _TYPES.get(item.name, (type(default), None))
            shown = f"{about['help']}" + ("" if default == () else f"  [default: {_words(default)}]")
            if "choices" in about:
                kind = click.Choice(about["choices"])
            command = click.option(flag(item.name), item.name, type=kind, default=None, help=shown, metavar=metavar)(
                command
            )
        return command

    return add


def _running(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is the same for every training: how long, where, and going on."""
    for option in reversed(
        (
            click.option("--minutes", type=float, help="Train this long; 0 only writes what the checkpoint holds."),
            click.option("--device", default="auto", metavar="auto|cpu|cuda", help="Where to compute  [auto]."),
            click.option("--resume", is_flag=True, help="Go on from the checkpoint beside OUT."),
            click.option("--change", is_flag=True, help="With --resume: options may differ from the checkpoint's."),
            click.option("--force", is_flag=True, help="Begin anew although there is a checkpoint beside OUT."),
            click.option(
                "--save-every",
                type=float,
                default=5.0,
                show_default=True,
                metavar="MINUTES",
                help="Between checkpoints.",
            ),
            click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        )
    ):
        command = option(command)
    return command


_out = click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The encoder, a .safetensors file."
)


# ── the commands ──


@train.command("encoder")
@_out
@click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, required=True, metavar="FOLDER|ARCHIVE",
    help="Pictures: a folder, a .zip or a .tar, .tar.gz, .tar.xz; several times for several.",
)  # fmt: skip
@click.option(
    "--paintings", type=click.Path(path_type=Path), multiple=True, metavar="FOLDER|ARCHIVE",
    help="Styles of half-painted pictures; give them to --data too  [default: the data].",
)  # fmt: skip
@click.option("--teacher", metavar="NAME|FILE", help="Who is imitated  [default: the VGG-19 that is installed].")
@click.option("--share", metavar="2,1,…", help="How often each --data is drawn from, in order  [default: equally].")
@click.option(
    "--hold-out", multiple=True, metavar="NAME",
    help="Pictures, by name or pattern, to score on and never train on  [default: every fiftieth].",
)  # fmt: skip
@click.option(
    "--short-side", type=click.IntRange(32, 4096), default=512, metavar="PIXELS", help="Pictures shrink to it  [512]."
)
@click.option("--steps", type=int, help="Train so many steps.")
@click.option("--cooldown", type=float, help="Share of the training over which the rate falls to zero  [default: 0.4].")
@_settings(DistilOptions)
@click.option("--every", type=click.IntRange(1), default=250, show_default=True, help="Steps between two scores.")
@click.option("--judge", type=(click.Path(path_type=Path),) * 2, multiple=True, metavar="CONTENT STYLE",
              help="At the end, paint this pair and let the teacher judge.")  # fmt: skip
@click.option("--judge-size", type=click.IntRange(64, 4096), default=512, show_default=True, help="Pixels of it.")
@click.option("--half/--full", default=True, show_default=True, help="Half or full precision in OUT.")
@click.option("--eight-bit", is_flag=True, help="Large convolutions of OUT in 8 bits.")
@click.option("--tap-channels", default="", metavar="TAP=CHANNELS,…",
              help="Taps that OUT gives in fewer channels: less arithmetic  [the student's own].")  # fmt: skip
@click.option("--balance", type=click.FloatRange(0.001, 1000), default=1.0, show_default=True,
              help="Factor on the content weight at which --strength 50 is balanced with OUT.")  # fmt: skip
@click.option("--content-layers", default="", metavar="LAYER=WEIGHT,…",
              help="Content layers that OUT has for its own  [relu4_2].")  # fmt: skip
@_running
def encoder_command(out: Path, data: Sequence[Path], **given: Any) -> int:
    """Distil a small encoder that sees as a large one does.

    OUT gets company: .checkpoint, .csv and .png (the curve), .json and .md (the card).
    """
    options = _typed(DistilOptions, given)
    widths = parse_widths(given["tap_channels"])
    shares = _shares(given["share"])
    for path in [file for pair in given["judge"] for file in pair]:
        if not path.is_file():
            raise InputError(f"--judge {path}: there is no such picture")
    state = _begin(out, given, "distillation", ("student", "optimizer", "step", "seconds", "options"))
    from impasto.train.checkpoint import Course, checkpoint_of, settle
    from impasto.train.distil import Distillation, check_student, find_teacher, gather

    minutes, steps, cooldown = given["minutes"], given["steps"], given["cooldown"]
    if state is None:
        course = Course(minutes, steps, Course.cooldown if cooldown is None else cooldown)
        settings = DistilOptions(**options)
    else:
        course = Course.after(state, minutes, steps, cooldown)
        settings = _settled(DistilOptions, settle(
            checkpoint_of(out), state["options"], options, fixed=("down",), change=given["change"]
        ))  # fmt: skip
    check_student(
        settings, find_teacher(given["teacher"]), given["content_layers"], widths
    )  # before minutes of reading
    say = _sayer(given["quiet"])
    with _waiting("reading pictures", given["quiet"]):
        material = gather(
            data, given["paintings"], shares=shares, hold_out=given["hold_out"], short_side=given["short_side"]
        )
    for source in material.sources:
        skipped = f", {len(source.skipped):,} skipped (first: {source.skipped[0]})" if source.skipped else ""
        say(f"{source.path}: {source.pictures:,} pictures, {source.held_out} held out{skipped}")
    training = Distillation(
        out,
        material,
        settings,
        course,
        teacher=given["teacher"],
        device=given["device"],
        state=state,
        command=_command(),
        every=given["every"],
    )
    if _drive(training, out, given):
        return 130
    with _waiting("writing and judging" if given["judge"] else "writing", given["quiet"]):
        card = training.finish(
            half=given["half"],
            eight_bit=given["eight_bit"],
            widths=widths,
            balance=given["balance"],
            content=given["content_layers"],
            pairs=given["judge"],
            size=given["judge_size"],
        )
    errors = "  ".join(f"{tap} {value:.3f}" for tap, value in card["unexplained"]["clean"].items())
    say(f"unexplained on held-out pictures: {errors}")
    if "judged" in card:
        say("judged: " + "  ".join(f"{name} {value:.3f}" for name, value in card["judged"]["mean"].items()))
    say(f"wrote {out} ({card['bytes'] / 1e6:.2f} MB); its card is {out.with_suffix('.md')}")
    return 0


_labelled = click.option(
    "--data", type=click.Path(path_type=Path), required=True, metavar="FOLDER|ARCHIVE",
    help="Class folders of pictures (also train/CLASS and test/CLASS), or cifar-10-python.tar.gz.",
)  # fmt: skip
_epochs = click.option("--epochs", type=click.IntRange(0), help="Train so many times on every picture.")
_half = click.option("--half/--full", default=True, show_default=True, help="Half or full precision in OUT.")
_needed = ("model", "optimizer", "step", "seconds", "options", "classes", "rows")


@train.command("classifier")
@_out
@_labelled
@_epochs
@_settings(ClassifyOptions)
@click.option("--from", "origin", metavar="NAME|FILE", help="Train a head on this encoder's features, it being frozen.")
@click.option("--finetune", is_flag=True, help="With --from: then train the encoder too  [--learning-rate 0.002].")
@click.option("--hidden", type=click.IntRange(0, 65536), default=0, help="With --from: width of a hidden layer  [0].")
@_half
@_running
def classifier_command(out: Path, data: Path, **given: Any) -> int:
    """Train a classifier on labelled pictures; its eyes load as an encoder.

    OUT gets company: .checkpoint, .csv and .png (the curve), -confusion.png, .head.safetensors (the last layer), .json
    and .md (the card).
    """
    options = _typed(ClassifyOptions, given)
    origin, tune, hidden = given["origin"], given["finetune"], given["hidden"]
    frozen = origin is not None and not tune
    if origin is None and (tune or hidden):
        raise InputError("--finetune and --hidden go with --from")
    if origin is not None and "blocks" in options:
        raise InputError("--blocks and --from: the encoder that is given has its blocks already")
    if frozen and (given["minutes"] is not None or given["epochs"] is not None or given["resume"]):
        raise InputError("--from trains a head in one go: leave out --minutes, --epochs, --resume, or add --finetune")
    if frozen:
        given["epochs"] = 0
    if tune and not given["resume"]:
        options.setdefault("learning_rate", 0.002)
    state = _begin(out, given, "classifier", _needed)
    from impasto.train.classify import ClassifierTraining, chosen_blocks
    from impasto.train.sets import read_labelled, split

    settings = _options_of(ClassifyOptions, out, state, options, given)
    say = _sayer(given["quiet"])
    with _waiting("reading pictures", given["quiet"]):
        found = read_labelled(data, side=settings.side)
        parts = split(found, per_class=settings.per_class, validation=settings.validation, seed=settings.seed)
    _describe(found, parts, say)
    about: dict[str, Any] = {}
    if origin is None:
        settings, tuned = chosen_blocks(settings, found.side), None
    else:
        from impasto.train.transfer import fit_head, open_tuned

        tuned, about = open_tuned(origin, found, hidden=hidden, seed=settings.seed)
        if state is None:
            with _waiting("training the head", given["quiet"]):
                score = fit_head(tuned, found, parts, seed=settings.seed, device=given["device"])
            say(f"head on the frozen {about['name']}: validation accuracy {score:.4f}")
        about["how"] += ", then trained whole" if tune else "; the encoder itself is frozen"
    training = ClassifierTraining(
        out, found, parts, settings, tuned=tuned, origin=about, device=given["device"], command=_command()
    )
    training.begin(_course(training, state, given), state)
    if _drive(training, out, given):
        return 130
    with _waiting("testing", given["quiet"]):
        card = training.finish(half=given["half"])
    for name, value in card["test"].items():
        say(f"test {name.replace('_', ' ')}: {value:.2%}")
    say(f"wrote {out} ({card['bytes'] / 1e6:.2f} MB); its card is {out.with_suffix('.md')}")
    return 0


@train.command("autoencoder")
@_out
@_labelled
@_epochs
@_settings(AutoencodeOptions)
@_half
@_running
def autoencoder_command(out: Path, data: Path, **given: Any) -> int:
    """Train an autoencoder on pictures; its eyes load as an encoder.

    OUT gets company: .checkpoint, .csv and .png (the curve), -strip.png (reconstructions), .json and .md (the card).
    """
    options = _typed(AutoencodeOptions, given)
    state = _begin(out, given, "autoencoder", _needed)
    from impasto.train.autoencode import AutoencoderTraining
    from impasto.train.sets import read_labelled, split

    settings = _options_of(AutoencodeOptions, out, state, options, given)
    say = _sayer(given["quiet"])
    with _waiting("reading pictures", given["quiet"]):
        found = read_labelled(data, side=settings.side)
        parts = split(found, per_class=settings.per_class, validation=settings.validation, seed=settings.seed)
    _describe(found, parts, say)
    training = AutoencoderTraining(out, found, parts, settings, device=given["device"], command=_command())
    training.begin(_course(training, state, given), state)
    if _drive(training, out, given):
        return 130
    with _waiting("testing", given["quiet"]):
        card = training.finish(half=given["half"])
    say(f"test: mean squared error {card['test']['mean_squared_error']:.5f}, {card['test']['psnr']} dB")
    say(f"wrote {out} ({card['bytes'] / 1e6:.2f} MB); its card is {out.with_suffix('.md')}")
    return 0


@train.command("enlarger")
@_out
@click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, required=True, metavar="FOLDER|ARCHIVE",
    help="Pictures: a folder, a .zip or a .tar, .tar.gz, .tar.xz; several times for several.",
)  # fmt: skip
@click.option("--one-in", type=click.IntRange(1), default=1, show_default=True,
              help="Of pictures in folders within, take one in so many, by name: all has to fit into memory.")  # fmt: skip
@click.option("--encoder", default="builtin", metavar="NAME|FILE", help="Who sees what is missing  [builtin].")
@click.option("--minutes", type=float, required=True, help="Train this long.")
@_settings(EnlargeOptions)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def enlarger_command(
    out: Path, data: Sequence[Path], one_in: int, encoder: str, minutes: float, quiet: bool, **given: Any
) -> int:
    """Train the small net that `impasto upscale` enlarges with.

    Ctrl-C ends it early and writes what it has learnt. OUT gets company: .json and .md (the card).
    """
    options = EnlargeOptions(**_typed(EnlargeOptions, given))
    if not minutes > 0:
        raise InputError(f"--minutes {minutes:g}: expected more than 0")
    import zlib

    from impasto.train.card import check_output
    from impasto.train.data import read_pictures
    from impasto.train.enlarge import EnlargeTraining, find_eyes

    check_output(out)
    eyes = find_eyes(encoder)
    with _waiting("reading pictures …", quiet):
        found = read_pictures(
            data, short_side=400, keep=lambda name: "/" not in name or zlib.crc32(name.encode()) % one_in == 0
        )
    _sayer(quiet)(f"{len(found.images):,} pictures, {len(found.skipped):,} skipped")
    training = EnlargeTraining(out, found, eyes, options, minutes, _command())
    with _Bar(quiet) as bar, _Interrupt() as interrupt:
        for report in training.steps():
            bar.show(report)
            if interrupt.asked:
                break
    training.finish()
    _sayer(quiet)(f"wrote {out} after {training.count:,} steps")
    return 130 if interrupt.asked else 0


def _options_of(
    options: type, out: Path, state: Mapping[str, Any] | None, typed: Mapping[str, Any], given: Mapping[str, Any]
) -> Any:
    """The options to train with: those typed, and a checkpoint's."""
    if state is None:
        return options(**typed)
    from impasto.train.checkpoint import checkpoint_of, settle

    fixed = (*_FIXED, "per_class", "validation", "side", "seed")  # else what was trained on would be tested on
    return _settled(options, settle(checkpoint_of(out), state["options"], typed, fixed=fixed, change=given["change"]))


def _course(training: Any, state: Mapping[str, Any] | None, given: Mapping[str, Any]) -> Any:
    from impasto.train.checkpoint import Course

    steps = None if given["epochs"] is None else given["epochs"] * training.per_epoch
    if state is None:
        return Course(given["minutes"], steps)
    return Course.after(state, given["minutes"], steps, None)


def _describe(found: Any, parts: Any, say: Callable[[str], None]) -> None:
    skipped = f"; {len(found.skipped):,} skipped (first: {found.skipped[0]})" if found.skipped else ""
    say(f"{found.path}: {len(found.images):,} pictures of {len(found.classes)} classes, {found.side} px{skipped}")
    say(parts.words)


# ── from the command line to a training ──


def _typed(options: type, given: dict[str, Any]) -> dict[str, Any]:
    """The options that were typed, taken out of ``given`` and checked, before torch is imported."""
    found = {item.name: given.pop(item.name) for item in option_fields(options)}
    typed = {name: value for name, value in found.items() if value is not None}
    options(**typed)
    return typed


def _settled(options: type, values: Mapping[str, Any]) -> Any:
    """The options of a checkpoint, whatever a later version may have added to or dropped from them."""
    known = {item.name for item in option_fields(options)}
    kept = {name: value for name, value in values.items() if name in known}
    for name in _TYPES.keys() & kept.keys():
        kept[name] = tuple(part if isinstance(part, str) else tuple(part) for part in kept[name])
    return options(**kept)


def _shares(text: str | None) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError:
        raise InputError(f"--share {text!r}: expected a number for each --data, as in 2,1,1") from None


def _begin(out: Path, given: Mapping[str, Any], kind: str, needed: Sequence[str]) -> dict[str, Any] | None:
    """Check what will be written; the checkpoint to go on from, or None to begin."""
    if given["change"] and not given["resume"]:
        raise InputError("--change goes with --resume")
    if given["resume"] and given["force"]:
        raise InputError("--resume goes on and --force begins anew: give one of them")
    if given["save_every"] <= 0:
        raise InputError(f"--save-every {given['save_every']:g}: expected minutes above 0")
    lengths = [name for name in ("minutes", "steps", "epochs") if given.get(name) is not None]
    if len(lengths) > 1 or (not lengths and not given["resume"]):
        names = " or ".join(flag(name) for name in ("minutes", "steps", "epochs") if name in given)
        raise InputError(f"how long? give {names}, one of them")
    from impasto.runtime import choose_device
    from impasto.train.card import check_output
    from impasto.train.checkpoint import checkpoint_of, load_checkpoint
    from impasto.train.curve import HINT, can_plot

    choose_device(given["device"])
    check_output(out)
    path = checkpoint_of(out)
    if not can_plot():
        _sayer(given["quiet"])(HINT)
    if given["resume"]:
        return load_checkpoint(path, kind, needed)
    if path.exists() and not given["force"]:
        raise TrainingError(f"{path} holds an earlier training: go on with --resume, or begin anew with --force")
    return None


def _command() -> str:
    """The command line as it was typed, for the card."""
    return shlex.join(["impasto", *sys.argv[1:]])


def _sayer(quiet: bool) -> Callable[[str], None]:
    return (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))


# ── running ──


def _drive(training: Training, out: Path, given: Mapping[str, Any]) -> bool:
    """Pull a training to its end, with a bar and checkpoints; True if it was interrupted, its state saved."""
    from impasto.train.checkpoint import checkpoint_of

    path, saved = checkpoint_of(out), time.monotonic()
    with _Bar(given["quiet"]) as bar, _Interrupt() as interrupt:
        for report in training.steps():
            bar.show(report)
            if time.monotonic() - saved > 60 * given["save_every"] and not interrupt.asked:
                try:
                    training.save()
                except TrainingError as error:  # the disk may have room again in five minutes
                    bar.say(f"not saved: {error}")
                saved = time.monotonic()
            if interrupt.asked:
                break
        if interrupt.asked:
            training.save()
    if interrupt.asked:
        _sayer(given["quiet"])(f"stopped; the same command with --resume goes on from {path}")
    return interrupt.asked


class _Interrupt(AbstractContextManager["_Interrupt"]):
    """The first Ctrl-C or termination asks for a stop between two steps; a second one is not patient."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        click.echo("stopping after this step …", err=True)

    def __enter__(self) -> _Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _Bar(AbstractContextManager["_Bar"]):
    """A bar with the time left; new scores are lines of their own, so that a log of them stays."""

    def __init__(self, quiet: bool) -> None:
        self.progress: Any = None
        if quiet:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("step {task.fields[step]:,}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self.progress = Progress(
            *columns, TextColumn("{task.fields[text]}"), console=Console(stderr=True, soft_wrap=True), transient=True
        )
        self.task = self.progress.add_task("training", total=1.0, step=0, text="")

    def __enter__(self) -> _Bar:
        if self.progress:
            self.progress.start()
        return self

    def show(self, report: Report) -> None:
        if self.progress:
            self.progress.update(self.task, completed=report.done, step=report.step)
            if report.text:
                self.progress.update(self.task, text=report.text)
                self.say(f"step {report.step:,}  {report.seconds / 60:.1f} min  {report.text}")

    def say(self, text: str) -> None:
        if self.progress:
            self.progress.console.print(text, markup=False, highlight=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.progress:
            self.progress.stop()


def _waiting(what: str, quiet: bool) -> AbstractContextManager[Any]:
    """A spinner while something takes half a minute."""
    from contextlib import nullcontext

    if quiet:
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
