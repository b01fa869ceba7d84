"""Options of the commands that end in a report: its folder and its formats."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.cli.streams import say, tell
from gate.errors import PluginError, UsageError, refuse_address
from gate.report.renderings.registry import (
    DEFAULT,
    FORMATS,
    plugin_formats,
    plugin_of,
    require_extra,
)

if TYPE_CHECKING:
    from gate.report.model import Report
    from gate.report.renderings import Beside

_WIDEST = 200  # columns; longer lines are hard to read
_LEAST = 60


class _Format(click.Choice[str]):
    """The name of a format, also of one that an installed package adds."""

    name = "format"

    def __init__(self) -> None:
        super().__init__(FORMATS)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; a usage error says which there are."""
        known = _known(value)
        return value if known else super().convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 -- click's
        """Return the names for ``--help``; nothing of another package is imported for it."""
        return f"[{'|'.join((*FORMATS, *plugin_formats()))}]"


def _known(name: str) -> bool:
    """Return whether there is a format of this name, shipped or of another package."""
    return name in FORMATS or plugin_of(name) is not None


format_option = click.option(
    "--format",
    "format_",
    type=_Format(),
    default=DEFAULT,
    show_default=True,
    help="What standard output carries.",
)
output_option = click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=PATH",
    help="Also write the report to a file; may repeat. Formats: as of --format.",
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
_verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="In text: every result and all notes."
)
_quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="In text: the verdict alone, one line."
)


def detail_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say how much of the text is shown, as its ``detail``.

    The command raises UsageError where both are given.
    """

    @wraps(command)
    def with_detail(*args: object, verbose: bool, quiet: bool, **others: object) -> int:
        if verbose and quiet:
            raise UsageError("-q", "does not go with -v", "give one of them")
        detail = "all" if verbose else "verdict" if quiet else None
        return command(*args, detail=detail, **others)

    return _verbose_option(_quiet_option(with_detail))


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour in text; auto: on a terminal, unless NO_COLOR is set.",
)


def parse_outputs(outputs: Sequence[str], *, inputs: Iterable[Path] = ()) -> dict[Path, str]:
    """Return path -> format of ``-o FORMAT=PATH``, each in a folder that can be written to.

    Raises UsageError before anything is measured: also for one of the ``inputs``, which would be
    gone, and for a path that is named twice.
    """
    taken = {path.resolve(): "is read by this command" for path in inputs}
    targets: dict[Path, str] = {}
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
    formats = set(FORMATS)
    if any(name not in formats for name, *_ in places):  # looking for others takes milliseconds
        formats.update(plugin_formats())
    old = [(Path(place), name) for name, _, place in places if place and name in formats]
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


def _parse(output: str) -> tuple[Path, str]:
    name, equals, place = output.partition("=")
    path = Path(place)
    if not equals or not place:
        raise UsageError(f"-o {output}", "is not FORMAT=PATH", "write for example -o json=out.json")
    if not _known(name):
        every = ", ".join((*FORMATS, *plugin_formats()))
        raise UsageError(f"-o {output}", f"there is no format {name}", f"the formats are {every}")
    require_extra(name)
    refuse_address(path, f"-o {name}")
    check_target(path, f"-o {output}")
    if name not in FORMATS:
        _check_owner(path, name, f"-o {output}")
    return path, name


def _check_owner(path: Path, name: str, flag: str) -> None:
    """Refuse a file that the mark of another package's format does not know: it may be anybody's.

    It could not be withdrawn either, and would pass for the verdict of a run that gave none.
    """
    from gate.report.renderings.marks import is_ours

    if _is_file(path) and not is_ours(path, name):
        fact = f"holds what the format {name} does not know as its own"
        raise UsageError(flag, fact, "name another file, or delete it")


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


def deliver(
    report: "Report",
    *,
    format_: str,
    outputs: Mapping[Path, str],
    beside: "Beside",
    color: str,
    detail: str | None,
) -> int:
    """Write the report where it was asked for, and return its exit status.

    Raises OutputError, and UsageError for a format that is not there.
    """
    write(report, outputs, beside)
    outputs_of_step(report, [*outputs.values(), format_], beside.report)
    echo(report, format_, beside, color, detail)
    return report.decision.exit_status


def write(report: "Report", outputs: Mapping[Path, str], beside: "Beside") -> None:
    """Write each rendering to its file, whole or not at all.

    Raises OutputError where the disk does not take one, UsageError for a format that is not there.
    The first PluginError of another package is raised once all others are written.
    """
    from gate.evidence.files import remove_unfinished_files, write_text
    from gate.report.renderings.registry import render

    failed: PluginError | None = None
    for path, name in outputs.items():
        remove_unfinished_files(path.parent)
        try:
            text = render(report, name, beside)
        except PluginError as error:
            failed = failed or error
            continue
        write_text(path, text)
    if failed is not None:
        raise failed


def echo(report: "Report", format_: str, beside: "Beside", color: str, detail: str | None) -> None:
    """Write one document to standard output, and nothing else; ``detail`` is what -v or -q ask for.

    Raises OutputError, and UsageError for a format that is not there.
    """
    from gate.report.renderings.registry import render

    if format_ == DEFAULT:
        colour = _wants_colour(color)
        say(_text(report, beside, colour, detail), nl=False, colour=colour)
        return
    say(render(report, format_, beside), nl=False)


def _text(report: "Report", beside: "Beside", colour: bool, detail: str | None) -> str:
    from gate.report.renderings.text import text, verdict_alone

    if detail == "verdict":
        return verdict_alone(report, colour=colour)
    return text(
        report,
        width=min(max(shutil.get_terminal_size().columns, _LEAST), _WIDEST),
        colour=colour,
        path=beside.report,
        evidence=beside.evidence,
        verbose=detail == "all",
    )


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
