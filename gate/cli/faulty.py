"""A faulty call (exit status 2) puts the results of the last one in its output folder aside.

They stay, under names that nobody takes for results of this call; renderings that were asked for,
which can be made again, go. Where the call does not say which folder it meant, nothing is touched.
"""

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gate.cli.output import delete_stale_outputs
from gate.cli.streams import tell

_WRITERS = ("run", "merge", "judge")  # commands that leave a report in a folder
_LEFT = ("report.json", "evidence.sqlite")
_ASIDE = ("report.previous.json", "evidence.previous.sqlite")


def keep_last(arguments: Sequence[str], commands: Sequence[str]) -> None:
    """Put aside what the last run left where this call would have written, and say so.

    ``commands`` are the names of all commands: the first that the call names is the one it meant.
    """
    name = next((each for each in arguments if each in commands), None)
    if name not in _WRITERS:
        return
    meant = _read_arguments(name, arguments[list(arguments).index(name) + 1 :])
    if meant is None:
        return
    out = meant.get("out")
    if out is not None and not (name != "judge" and _holds_the_champion(meant, out)):
        _put_aside(out, evidence=name != "judge" or not _is_among(meant["given"], out))
    delete_stale_outputs(_renderings(meant.get("outputs") or ()))


def _read_arguments(name: str, arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return the parameters as far as they can be read, None where no folder is named.

    ``given`` are the arguments that stand alone; a misspelt option and its value are among them.
    """
    command = import_module(f"gate.cli.{name}").command
    assert isinstance(command, click.Command)
    if arguments[-1:] == ["--out"]:
        return None
    tolerant: dict[str, Any] = dict.fromkeys(
        ("resilient_parsing", "ignore_unknown_options", "allow_extra_args"), True
    )
    tolerant["help_option_names"] = ["-h", "--help"]  # a command remembers those of its first call
    try:
        context = command.make_context(name, list(arguments), **tolerant)
    except (click.ClickException, click.exceptions.Exit):
        return None
    default = next(each.default for each in command.params if each.name == "out")
    out = context.params.get("out") or default
    return {
        **context.params,
        "out": out if isinstance(out, Path) else None,
        "given": [
            *filter(None, map(context.params.get, ("gatefile", "evidence"))),
            *map(Path, context.args),
        ],
    }


def _put_aside(out: Path, *, evidence: bool) -> None:
    if not any(_is_there(out / name) for name in (*_LEFT, *_ASIDE)):
        return  # the first call: nothing is imported for it
    from gate.report.set_aside import set_aside

    aside = set_aside(out, evidence=evidence)
    if aside.kept:
        names = " and ".join(str(path) for path in aside.kept)
        tell(f"Kept from the last run: {names}; nothing was measured or judged by this call.")
    for path, reason in aside.left:
        tell(f"Warning: {path} is of the last run, and cannot be put aside ({reason})")


def _holds_the_champion(meant: dict[str, Any], out: Path) -> bool:
    """Return whether the folder is the baseline, which the next call needs under its own name."""
    from gate.cli.subject import gatefile_path, subject_of
    from gate.errors import GateError, UsageError
    from gate.output_folder import refuse_overwriting_baseline
    from gate.subject.overrides import Flags

    flags = Flags(baseline=meant.get("baseline"))
    files = [each for each in meant["given"] if _is_there(each)]
    for path in (gatefile_path(files[0] if files else None), None):
        with suppress(GateError):  # of a gate file that cannot be read no baseline is known
            subject = subject_of(path, flags)
            try:
                refuse_overwriting_baseline(subject, out)
            except UsageError:
                return True
    return False


def _is_among(given: Sequence[Path], out: Path) -> bool:
    """Return whether one of the arguments is the folder, or a file in it."""
    with suppress(OSError):
        places = [each.resolve() for each in given]
        return out.resolve() in {*places, *(each.parent for each in places if each.is_file())}
    return False


def _renderings(outputs: Sequence[str]) -> list[str]:
    """Return the outputs but the report of a folder, under either name: that is not withdrawn."""
    kept = {"report.json", "report.previous.json"}
    return [each for each in outputs if Path(each.partition("=")[2]).name not in kept]


def _is_there(path: Path) -> bool:
    with suppress(OSError):
        return path.exists()
    return False
