"""What commands that end in a report share: where it goes, and in which format."""

import io
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from gate.cli.streams import say, tell
from gate.errors import MissingExtraError, UsageError, refuse_address

if TYPE_CHECKING:
    from gate.report.model import Report
    from gate.report.renderings import Beside, Format

FORMATS = (
    "text",
    "json",
    "markdown",
    "html",
    "junit",
    "sarif",
    "github",
    "openmetrics",
    "gitlab-codequality",
    "model-card",
    "intoto",
)  # fmt: skip -- those of gate.report.renderings, said here so that --help imports nothing
_WIDEST = 200  # columns; longer lines are hard to read
_LEAST = 60

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
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
    help=f"Also write the report to a file; may repeat. Formats: {', '.join(FORMATS)}.",
)
waivers_option = click.option(
    "--waivers",
    multiple=True,
    metavar="FILE",
    help="A document of accepted failures; may repeat.",
)
mode_option = click.option(
    "--mode",
    type=click.Choice(["enforce", "audit"]),
    default="enforce",
    show_default=True,
    help="audit: report everything, and exit 0 on fail and inconclusive.",
)
no_images_option = click.option(
    "--no-images", is_flag=True, help="Keep and show no pictures: the data is private."
)
color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour in text; auto: on a terminal, unless NO_COLOR is set.",
)


def parse_outputs(outputs: Sequence[str], *, inputs: Iterable[Path] = ()) -> dict[Path, "Format"]:
    """Return path -> format of ``-o FORMAT=PATH``, each in a folder that can be written to.

    Raises UsageError before anything is measured: also for one of the ``inputs``, which would be
    gone, and for a path that is named twice.
    """
    taken = {path.resolve(): "is read by this command" for path in inputs}
    targets: dict[Path, Format] = {}
    for output in outputs:
        path, known = _parse(output)
        if fact := taken.get(path.resolve()):
            raise UsageError(f"-o {output}", fact, "name another file")
        taken[path.resolve()] = "is named twice"
        targets[path] = known
    return targets


def delete_stale_outputs(outputs: Sequence[str], report: Path | None = None) -> None:
    """Take away what an earlier run said in these places: it must not pass for this run's verdict.

    ``outputs`` as in ``-o``, ``report`` a report.json. Only a file that this program wrote, in that
    format, goes: any other is somebody's, as is what a link points to.
    """
    places = [output.partition("=") for output in outputs]
    old = [(Path(place), known) for name, _, place in places if place and (known := _format(name))]
    if report is not None:
        old.append((report, "json"))
    there = [(path, known) for path, known in old if _is_file(path)]
    if not there:  # the first run: the process that measures starts before this is imported
        return
    from gate.report.renderings.marks import is_ours

    for path, known in there:
        if is_ours(path, known):
            with suppress(OSError):  # the run, or who reads the file, will say so
                path.unlink()


def _is_file(path: Path) -> bool:
    """Return whether a file lies there; where nobody may look, or with too long a name, none."""
    with suppress(OSError):
        return path.is_file()
    return False


def _parse(output: str) -> "tuple[Path, Format]":
    name, equals, place = output.partition("=")
    path = Path(place)
    if not equals or not place:
        raise UsageError(f"-o {output}", "is not FORMAT=PATH", "write for example -o json=out.json")
    known = _format(name)
    if known is None:
        raise UsageError(
            f"-o {output}", f"there is no format {name}", f"the formats are {', '.join(FORMATS)}"
        )
    require_extra(known)
    refuse_address(path, f"-o {name}")
    check_target(path, f"-o {output}")
    return path, known


def check_target(path: Path, flag: str) -> None:
    """Raise UsageError where no file can be written, before anything is done for it."""
    try:
        if path.is_dir():
            raise UsageError(flag, "is a folder", "name a file")
        if path.is_symlink() or (path.exists() and not path.is_file()):
            # The new file takes the place of what has its name: a link or a device would be gone.
            raise UsageError(flag, "is no regular file", "name a file, or use --format")
        probe = path.with_name(f".{path.name}.probe")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            flag,
            f"cannot be written ({error.strerror})",
            "make the folder, or name another",
        ) from error


def _format(name: str) -> "Format | None":
    from gate.report.renderings import Format

    return next((each for each in get_args(Format) if each == name), None)


def require_extra(name: str) -> None:
    """Raise MissingExtraError where a format needs what is not installed: before the measuring."""
    if name == "html" and not (find_spec("jinja2") and find_spec("matplotlib")):
        raise MissingExtraError("html", "the HTML report", "html")


def deliver(
    report: "Report",
    *,
    format_: str,
    outputs: "Mapping[Path, Format]",
    beside: "Beside",
    color: str,
) -> int:
    """Write the report where it was asked for, and return its exit status."""
    write(report, outputs, beside)
    outputs_of_step(report, [*outputs.values(), format_], beside.report)
    echo(report, format_, beside, color)
    return report.decision.exit_status


def write(report: "Report", outputs: "Mapping[Path, Format]", beside: "Beside") -> None:
    """Write each rendering to its file, whole or not at all."""
    from gate.evidence.files import remove_unfinished_files, write_text
    from gate.report.renderings import render

    for path, name in outputs.items():
        remove_unfinished_files(path.parent)
        write_text(path, render(report, name, beside))


def echo(report: "Report", format_: str, beside: "Beside", color: str) -> None:
    """Write one document to standard output, and nothing else."""
    from gate.report.renderings import render
    from gate.report.renderings.text import text

    if isinstance(sys.stdout, io.TextIOWrapper):  # a name must not break a terminal's encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    if format_ == "text":
        width = min(max(shutil.get_terminal_size().columns, _LEAST), _WIDEST)
        colour = _wants_colour(color)
        shown = text(
            report, width=width, colour=colour, path=beside.report, evidence=beside.evidence
        )
        say(shown, nl=False, colour=colour)
        return
    known = _format(format_)
    assert known is not None, "click has checked the choice"
    say(render(report, known, beside), nl=False)


def _wants_colour(color: str) -> bool:
    if color == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return color == "always"


def outputs_of_step(report: "Report", formats: Iterable[str], path: Path | None) -> None:
    """Append the outputs of a step of GitHub Actions, where its annotations are asked for."""
    file = os.environ.get("GITHUB_OUTPUT")
    if not file or "github" not in formats:
        return
    from gate.report.renderings.github import outputs

    try:
        with Path(file).open("a", encoding="utf-8", newline="\n") as step:
            step.write(outputs(report, path))
    except OSError as error:
        tell(f"Warning: GITHUB_OUTPUT cannot be written ({error.strerror})")
