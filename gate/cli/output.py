"""What commands that end in a report share: where it goes, and in which format."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.errors import UsageError

if TYPE_CHECKING:
    from gate.report.model import Report


def _json(report: "Report") -> str:
    return report.to_json()


def _text(report: "Report") -> str:
    from gate.report.renderings.text import text

    return text(report, width=min(max(shutil.get_terminal_size().columns, 60), 120))


FORMATS: Mapping[str, "Callable[[Report], str]"] = {"text": _text, "json": _json}

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="What standard output carries.",
)
output_option = click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=PATH",
    help=f"Also write the report as {' or '.join(FORMATS)}; may repeat.",
)
mode_option = click.option(
    "--mode",
    type=click.Choice(["enforce", "audit"]),
    default="enforce",
    show_default=True,
    help="audit: report everything, and exit 0 on fail and inconclusive.",
)


def parsed(outputs: Sequence[str]) -> dict[Path, str]:
    """Return path -> format of ``-o FORMAT=PATH``, each in a folder that can be written to.

    Raises UsageError before anything is measured.
    """
    return dict(_parsed(output) for output in outputs)


def _parsed(output: str) -> tuple[Path, str]:
    name, equals, place = output.partition("=")
    path = Path(place)
    if not equals or not place:
        raise UsageError(f"-o {output}", "is not FORMAT=PATH", "write for example -o json=out.json")
    if name not in FORMATS:
        raise UsageError(
            f"-o {output}", f"there is no format {name}", f"the formats are {', '.join(FORMATS)}"
        )
    if path.is_dir():
        raise UsageError(f"-o {output}", "is a folder", "name a file")
    try:
        probe = path.with_name(f".{path.name}.probe")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"-o {output}",
            f"cannot be written ({error.strerror})",
            "make the folder, or name another",
        ) from error
    return path, name


def deliver(report: "Report", *, format_: str, outputs: Mapping[Path, str]) -> int:
    """Write the report where it was asked for, and return its exit status."""
    from gate.evidence.files import write_text

    for path, name in outputs.items():
        write_text(path, FORMATS[name](report))
    click.echo(FORMATS[format_](report), nl=False)
    return report.decision.exit_status
