"""Options and output of the commands that sign."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from gate.errors import UsageError

Command = Callable[..., int]


def key_option(*, required: bool) -> Callable[[Command], Command]:
    """Return the flag that names the key to sign with."""
    return click.option(
        "--key",
        required=required,
        metavar="FILE|-|env:NAME",
        help="The private key: a PEM file, - for standard input, or env:NAME. "
        "Never the key itself.",
    )


def check_not_read(output: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError where the output would take the place of what is read."""
    if output.resolve() in {path.resolve() for path in inputs}:
        raise UsageError(f"-o {output}", "is read by this command", "name another file")
