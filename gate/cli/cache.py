"""Command: cache."""

import json
from pathlib import Path

import click

from gate.cli.formats import text_or_json
from gate.cli.streams import say
from gate.errors import UsageError

_UNITS = ("bytes", "kB", "MB", "GB", "TB")

_folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="The cache; by default VALIDATE_MODEL_CACHE, else the user's folder for caches.",
)


@click.group(name="cache")
def command() -> None:
    """Look after what was measured before.

    `run` keeps what it measures, and takes what did not change from there. Removing it loses no
    verdict: it is measured again.
    """


@command.command(name="show")
@_folder_option
@text_or_json
def show(folder: Path | None, format_: str) -> int:
    """Say where the cache lies and how large it is."""
    from gate.measure.cache_location import cache_folder, trouble, usage

    root = folder or cache_folder()
    held, why = usage(root), trouble(root)
    if format_ == "json":
        values = {
            "folder": str(root),
            "plans": held.plans,
            "files": held.files,
            "size_bytes": held.size_bytes,
            **({} if why is None else {"trouble": why}),
        }
        say(json.dumps(values, indent=2))
    else:
        say(f"{root}: {_size(held.size_bytes)} of {held.plans:,} measurements")
        if why is not None:
            say(f"what lies there is not believed: {why}")
    return 0


@command.command(name="clean")
@_folder_option
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="DAYS",
    help="Only what was not of use for so many days; without it, everything.",
)
def clean(folder: Path | None, older_than: float) -> int:
    """Remove what is kept."""
    from gate.measure.cache_location import OPEN, cache_folder, trouble
    from gate.measure.cache_location import clean as remove

    root = folder or cache_folder()
    if (why := trouble(root)) not in (None, OPEN):
        raise UsageError(str(root), str(why), "name a folder of your own, or ask its owner")
    gone = remove(root, older_than=older_than)
    say(f"{root}: removed {_size(gone.size_bytes)} of {gone.plans:,} measurements")
    return 0


def _size(count: int) -> str:
    amount = float(count)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == _UNITS[0] else f"{amount:.1f} {unit}"
