"""Flags that name the subject and set how it is measured."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.cli.numbers import numbers, size
from gate.cli.output import waivers_option
from gate.errors import UsageError
from gate.measure.choices import Backend, Device
from gate.measure.settings import MeasureSettings

if TYPE_CHECKING:
    from gate.subject.gatefile import GateFile
    from gate.subject.overrides import Flags

DEFAULT_GATEFILE = Path("gate.yaml")

Command = Callable[..., int]


no_cache_option = click.option(
    "--no-cache", is_flag=True, help="Measure everything again, and keep nothing."
)
_SUBJECT = (
    click.option("--checkpoint", metavar="FILE", help="The checkpoint to judge."),
    click.option(
        "--model", metavar="PKG.MODULE:FUNCTION", help="Returns the nn.Module; your code."
    ),
    click.option("--train", metavar="PATH", help="The images that the model learned from."),
    click.option("--test", metavar="PATH", help="The images that it has never seen."),
    click.option("--val", "validation", metavar="PATH", help="The images that it was chosen on."),
    click.option("--policy", metavar="NAME|FILE", help="A shipped policy, or your own."),
    click.option("--history", metavar="FILE", help="The losses of training."),
    click.option("--baseline", metavar="PATH", help="What the champion left on the same images."),
    waivers_option,
    click.option("--size", type=size, metavar="HxW", help="Height and width of the model's input."),
    click.option("--channels", type=click.Choice(["L", "RGB"]), help="Grey or colour."),
    click.option(
        "--mean", type=numbers, metavar="N[,N,N]", help="Subtracted after scaling to 0..1."
    ),
    click.option("--std", type=numbers, metavar="N[,N,N]", help="Divided by after that."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        show_default=True,
        help="Where the model runs.",
    ),
    click.option(
        "--backend",
        type=click.Choice(["torch", "onnxruntime"]),
        default="torch",
        show_default=True,
        help="Who runs it: onnxruntime is faster, and used where it agrees with torch.",
    ),
)
_MEANS = (
    click.option(
        "--engine",
        metavar="local|ray|NAME",
        default="local",
        show_default=True,
        help="Who measures: this machine; Ray: the cluster of RAY_ADDRESS, else one of its own; or "
        "an engine of a package that is installed.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Processes that measure at once.",
    ),
    click.option(
        "--batch",
        "max_images_in_memory",
        type=click.IntRange(min=1),
        metavar="N",
        help="Images in memory at once; no number of the report depends on it.",
    ),
    no_cache_option,
)


def subject_options(command: Command) -> Command:
    """Give a command the flags that say what is judged."""
    return _with(_SUBJECT, command)


def means_options(command: Command) -> Command:
    """Give a command the flags that say who measures."""
    return _with(_MEANS, command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def settings_from_flags(
    *,
    device: Device,
    backend: Backend,
    engine: str,
    workers: int,
    max_images_in_memory: int | None,
    no_cache: bool,
) -> MeasureSettings:
    """Return the means that the flags name; raises UsageError for an engine that nobody adds."""
    from gate.measure.cache_location import cache_folder
    from gate.measure.engines import choose_engine

    return MeasureSettings(
        device=device,
        backend=backend,
        engine=choose_engine(engine, workers=workers),
        workers=workers,
        max_images_in_memory=max_images_in_memory,
        cache=None if no_cache else cache_folder(),
    )


def subject_of(path: Path | None, said: "Flags") -> "GateFile":
    """Return the gate file with the flags applied; raises UsageError where either is wrong.

    Without a path it is gate.yaml, where there is one.
    """
    from gate.subject.gatefile import GateFile, read_gatefile
    from gate.subject.overrides import override

    if path is None and not said.given():
        raise UsageError(
            "gate.yaml",
            "there is no such file, and no flags say what to judge",
            "write one, or see `validate-model run --help` and `validate-model demo`",
        )
    return override(read_gatefile(path) if path else GateFile(), said)


def gatefile_path(named: Path | None) -> Path | None:
    """Return the gate file that is meant; None where neither is there."""
    return named or (DEFAULT_GATEFILE if DEFAULT_GATEFILE.is_file() else None)


def inputs_of(path: Path | None, subject: "GateFile") -> list[Path]:
    """Return the files that are read, which no output may replace."""
    named = [subject.policy, subject.baseline, *subject.waivers]
    named.append(subject.model.checkpoint if subject.model else None)
    files = [subject.base / name for name in named if name is not None]
    return [*files, *([] if path is None else [path])]
