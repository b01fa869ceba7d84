"""Command: init."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from gate.cli.streams import say, tell, visible
from gate.cli.subject import draft_options
from gate.errors import UsageError
from gate.utf8 import as_utf8

if TYPE_CHECKING:
    from gate.drafting.choosing import Critical
    from gate.drafting.looking import Seen
    from gate.drafting.writing import Costly, Wishes
    from gate.subject.sources.looking import Look

_GATEFILE, _POLICY = "gate.yaml", "policy.yaml"
_ALL = "all"
_COSTLY = ("misses", "false-alarms", "both")


@click.command(name="init")
@click.argument("data", type=click.Path(path_type=Path), default=Path("data"))
@click.option("--costly", type=click.Choice(_COSTLY), help="Which mistakes cost most.")
@draft_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to write to; by default the current one.",
)
def command(
    data: Path,
    costly: str | None,
    out: Path,
    **flags: Any,  # noqa: ANN401 -- those that say what is judged, by name
) -> None:
    """Look at DATA and a checkpoint, and write a gate file and a policy that fit.

    DATA is a folder with train and test in it. What flags say is written as they say it. At a
    terminal, what is not said is asked; elsewhere the safest answer is taken and said. Nothing is
    ever overwritten.
    """
    from gate.drafting.looking import look
    from gate.drafting.writing import Wishes, gatefile_text, policy_text
    from gate.subject.gatefile import GateFile
    from gate.subject.overrides import Flags, override

    _refuse_overwriting(out)
    said = override(GateFile(), Flags(**flags))
    seen = look(data)
    if said.classes:
        _require_those_of_data(said.classes, seen)
    checkpoint = Path(flags["checkpoint"]) if flags["checkpoint"] else None
    artefact = None if checkpoint is None else _look_at(checkpoint, seen)
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    costs = _costly(costly, at_terminal)
    critical = _critical(said.critical, seen, at_terminal)
    wishes = Wishes(
        costly=costs,
        critical=critical.names,
        checkpoint=checkpoint,
        factory=flags["model"],
        artefact=artefact,
        why_critical=critical.why,
        said=said,
    )
    _say_guessed_size(seen, wishes)
    _write(out / _GATEFILE, gatefile_text(seen, wishes, out, _POLICY))
    _write(out / _POLICY, policy_text(seen, wishes))
    if wishes.factory is not None:
        _look_for(wishes.factory, out)
    _say_written(out, seen, wishes)


def _say_guessed_size(seen: "Seen", wishes: "Wishes") -> None:
    from gate.drafting.choosing import common_size, sizes_in_words
    from gate.drafting.writing import guesses_input

    if guesses_input(seen, wishes):
        tell(
            f"assumed: images of {sizes_in_words(seen)} are resized and cropped to "
            f"{common_size(seen)}x{common_size(seen)} (--size, --resize, --crop): check it against "
            "training"
        )


def _say_written(out: Path, seen: "Seen", wishes: "Wishes") -> None:
    """Say what was written, what is still to be filled in there, and the next command."""
    from gate.drafting.writing import states_input
    from gate.wording import list_names

    for name in (_GATEFILE, _POLICY):
        say(visible(f"wrote {out / name}"))
    needed = (
        ("checkpoint (--checkpoint)", not wishes.checkpoint),
        ("factory (--model)", not wishes.factory and wishes.needs_factory),
        ("input (--size, --channels, --mean, --std)", not states_input(seen, wishes)),
    )
    missing = [key for key, is_missing in needed if is_missing]
    if missing:
        say(f"fill in {list_names(missing)} there, or give the flags to the command below")
    say(visible(f"next: validate-model run {out / _GATEFILE}"))


def _refuse_overwriting(out: Path) -> None:
    for name in (_GATEFILE, _POLICY):
        if (out / name).exists() or (out / name).is_symlink():
            fact, remedy = "is there already, and nothing is overwritten", "delete it, or use --out"
            raise UsageError(str(out / name), fact, remedy)


def _look_at(checkpoint: Path, seen: "Seen") -> "Look":
    """Return what the checkpoint tells, and say what of it does not fit the data."""
    from gate.subject.sources.looking import look_at

    artefact = look_at(checkpoint)  # raises for an address, which is no missing file
    if not checkpoint.exists():
        raise UsageError(str(checkpoint), "there is no such file", "check the path of --checkpoint")
    _compare(artefact, seen)
    return artefact


def _compare(artefact: "Look", seen: "Seen") -> None:
    """Say what of the checkpoint does not fit the data; the run will refuse it."""
    found, checkpoint = artefact.inspection, artefact.inspection.path
    if artefact.refusal is not None:
        tell(f"Warning: {artefact.refusal}")
    elif found.classes is not None and found.classes != len(seen.classes):
        fact = f"it seems to have {found.classes} outputs, and the data has {len(seen.classes)}"
        tell(f"Warning: {checkpoint}: {fact} classes")


def _look_for(factory: str, out: Path) -> None:
    """Say where the module of a factory must stand, when a run would not find it."""
    from gate.subject.usercode import is_found
    from gate.wording import quote

    if is_found(factory, base=out):
        return
    package = factory.partition(":")[0].partition(".")[0]
    here = next((each for each in (Path(f"{package}.py"), Path(package)) if each.exists()), None)
    there = out / (f"{package}.py" if here is None else here)
    remedy = f"put it at {there}" if here is None else f"copy it: cp -r {here} {there}"
    tell(
        f"Warning: {out / _GATEFILE}: the module {quote(package)} is neither beside the gate file "
        f"nor installed, and a run looks nowhere else; {remedy}"
    )


def _costly(said: str | None, at_terminal: bool) -> "Costly":
    if said is None and at_terminal:
        said = click.prompt("Which mistakes cost most", type=click.Choice(_COSTLY), default="both")
    if said is None:
        tell("assumed: misses and false alarms cost alike (--costly)")
    return cast("Costly", said or "both")


def _require_those_of_data(classes: tuple[str, ...], seen: "Seen") -> None:
    from gate.wording import list_names, quote

    if set(classes) != set(seen.classes):
        fact = f"the data has the classes {list_names(list(map(quote, seen.classes)))}"
        raise UsageError("--classes", fact, "name these, in the order of the model's outputs")


def _critical(said: tuple[str, ...], seen: "Seen", at_terminal: bool) -> "Critical":
    from gate.drafting.choosing import Critical, choose_critical
    from gate.wording import list_names, quote, suggestion

    for name in said:
        if name not in seen.classes:
            remedy = suggestion(name, seen.classes, what="the classes are")
            raise UsageError("--critical", f"the data has no class {quote(name)}", remedy)
    if said:
        return Critical(tuple(dict.fromkeys(said)), "")
    chosen = choose_critical(seen)
    if at_terminal:
        asked = "The class whose mistakes cost most"
        one = chosen.names[0] if len(chosen.names) == 1 else _ALL
        choices = click.Choice(list(dict.fromkeys((*seen.classes, _ALL))))
        answer: str = click.prompt(asked, type=choices, default=one)
        return Critical((answer,) if answer in seen.classes else seen.classes, "")
    names = list_names([quote(name) for name in chosen.names])
    verb = "is" if len(chosen.names) == 1 else "are"
    tell(f"assumed: {names} {verb} critical: {chosen.why} (--critical)")
    return chosen


def _write(path: Path, text: str) -> None:
    if as_utf8(text) != text:
        fact = "would name a path that is no UTF-8, which a gate file must be"
        raise UsageError(str(path), fact, "rename the data, or give its path by a flag of run")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        fact = f"cannot be written ({error.strerror})"
        raise UsageError(str(path), fact, "name another folder with --out") from error
