"""Flags that name the subject and set how it is measured."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli import numbers
from gate.errors import UsageError
from gate.measure.choices import Backend, Device
from gate.measure.settings import MeasureSettings
from gate.subject.flags import EVERY, FLAGS, Flag

if TYPE_CHECKING:
    from gate.subject.gatefile import GateFile
    from gate.subject.overrides import Flags

# Of a manifest, as far as a comparison of images takes note of them.
COLUMNS = tuple(
    each
    for each in FLAGS
    if each.key[:2] == ("data", EVERY) and each.name not in ("data-format", "slices")
)
DEFAULT_GATEFILE = Path("gate.yaml")

Command = Callable[..., Any]
Option = Callable[[Command], Command]


no_cache_option = click.option(
    "--no-cache", is_flag=True, help="Measure everything again, and keep nothing."
)
_READERS: Mapping[str, Callable[[str], Any]] = {
    "size": numbers.size,
    "numbers": numbers.numbers,
    "number": numbers.number,
    "names": numbers.names,
    "columns": numbers.names,
    "resize": numbers.resize,
    "pad": numbers.pad,
    "json": numbers.mapping,
}


def option_of(flag: Flag, help_: str = "") -> Option:
    """Return a flag of the table as an option, with another help text where one is given."""
    return click.option(
        flag.option,
        flag.parameter,
        type=click.Choice(flag.choices) if flag.choices else _READERS.get(flag.reads, str),
        metavar=flag.metavar or None,
        multiple=flag.repeats,
        callback=_join if flag.reads in ("names", "columns") else None,
        help=help_ or flag.help,
    )


def _join(ctx: click.Context, param: click.Parameter, said: Any) -> Any:  # noqa: ANN401, ARG001 -- click's
    """Return the names of an option that was given several times as one list."""
    return tuple(name for each in said for name in each)


_SUBJECT = (
    *map(option_of, FLAGS),
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


def columns_options(command: Command) -> Command:
    """Give a command the flags that say which columns of a manifest are which."""
    return _with(tuple(map(option_of, COLUMNS)), command)


def draft_options(command: Command) -> Command:
    """Give a command the flags that say what its data does not: all but the data and the policy."""
    kept = [each for each in FLAGS if each.key[0] not in ("data", "policy", "waivers")]
    return _with(tuple(map(option_of, kept)), command)


def test_options(command: Command) -> Command:
    """Give a command the flags that name the test images, their columns and their classes."""
    kept = [
        each
        for each in FLAGS
        if each.key[:2] in {("data", "test"), ("data", EVERY), ("classes",), ("critical",)}
    ]
    return _with(tuple(map(option_of, kept)), command)


def subject_options(command: Command) -> Command:
    """Give a command the flags that say what is judged."""
    return _with(_SUBJECT, command)


def means_options(command: Command) -> Command:
    """Give a command the flags that say who measures."""
    return _with(_MEANS, command)


def _with(options: tuple[Option, ...], command: Command) -> Command:
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
    from gate.subject.absent import complaints_of
    from gate.subject.gatefile import GateFile, read_gatefile
    from gate.subject.overrides import override

    if path is None and not said.given():
        raise UsageError(
            "gate.yaml",
            "there is no such file, and no flags say what to judge",
            "have one written: `validate-model init DATA --checkpoint FILE`; or see "
            "`validate-model run --help` and `validate-model demo`",
        )
    return override(read_gatefile(path, also=complaints_of) if path else GateFile(), said)


def gatefile_path(named: Path | None) -> Path | None:
    """Return the gate file that is meant; None where neither is there."""
    return named or (DEFAULT_GATEFILE if DEFAULT_GATEFILE.is_file() else None)


def inputs_of(path: Path | None, subject: "GateFile") -> list[Path]:
    """Return the files that are read, which no output may replace."""
    named = [subject.policy, subject.baseline, *subject.waivers]
    named.append(subject.model.checkpoint if subject.model else None)
    files = [subject.base / name for name in named if name is not None]
    return [*files, *([] if path is None else [path])]
