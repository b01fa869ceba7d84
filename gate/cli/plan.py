"""Command: plan."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.formats import text_or_json
from gate.cli.numbers import Share
from gate.cli.streams import say
from gate.cli.subject import test_options
from gate.errors import UsageError
from gate.wording import list_names, say_duration

if TYPE_CHECKING:
    from gate.checks.base import Rule
    from gate.policy.asked_again import AskedAgain
    from gate.policy.plan import Line, PolicyPlan
    from gate.subject.census import Census


_NAMES = 36  # columns
_HEADS = (
    f"{'':{_NAMES}}{'':>7}{'at':>9}{'':>9}{'at':>9}{'chance':>10}",
    f"{'requirement':{_NAMES}}{'truly':>7}{'least':>9}{'needed':>9}{'hand':>9}{'to prove':>10}",
)


@click.command(name="plan")
@click.option(
    "--policy", default="baseline", show_default=True, metavar="NAME|FILE", help="What to prove."
)
@click.option(
    "--gatefile",
    type=click.Path(path_type=Path),
    help="Names the classes, the critical ones and the test split.",
)
@test_options
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="What a run left, in place of a gate file: its classes and the test images it judged.",
)
@click.option(
    "--true",
    "true_value",
    type=Share(0, 1, min_open=True, max_open=True),
    help="The recall (precision, accuracy) that the model truly has. By default half-way between "
    "required and perfect.",
)
@click.option(
    "--chance",
    "--power",
    "power",
    type=Share(0, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="The chance that such a model has to prove everything.",
)
@click.option(
    "--icc",
    type=Share(0, 1),
    default=1.0,
    show_default=True,
    help="Where the data has groups: how alike the images of one are. 1: a group counts once.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=100.0,
    show_default=True,
    help="Images a second that the model answers, as a run shows it: where rules ask it about "
    "changed images, the time follows.",
)
@text_or_json
def command(
    policy: str,
    gatefile: Path | None,
    evidence: Path | None,
    true_value: float | None,
    power: float,
    icc: float,
    rate: float,
    format_: str,
    **flags: Any,  # noqa: ANN401 -- those that name the test images and their classes
) -> None:
    """Say how many test images a policy takes to prove, and what those at hand can prove.

    No model is needed, and torch is not loaded. A policy that speaks of $critical and does not
    name the classes needs a gate file or flags that do, or the evidence of a run.
    """
    from gate.policy.asked_again import asked_again
    from gate.policy.fit import critical_of, extra_critical
    from gate.policy.plan import Question, plan_policy
    from gate.policy.reading import check_classes, read_policy

    if evidence is not None and (gatefile is not None or any(flags.values())):
        fact = "says what --gatefile and the flags of the data say"
        raise UsageError("--evidence", fact, "give it alone, or leave it out")
    document = read_policy(policy)
    counted, critical = _of_run(evidence) if evidence else _of_gatefile(gatefile, flags)
    if counted.classes:
        check_classes(document, counted.classes, critical)
    found = plan_policy(
        document.policy.rules,
        Question(true_value, power, icc),
        classes=counted.classes,
        critical=critical_of(document.policy, counted.classes, critical),
        added_critical=extra_critical(document.policy, critical),
        per_class=counted.per_class,
        grouping=counted.groups,
    )
    present = None if counted.per_class is None else sum(counted.per_class.values())
    asked = asked_again(document.policy.rules, present, rate)
    if format_ == "json":
        again = None if asked is None else asdict(asked)
        say(json.dumps({**asdict(found), "asked_again": again}, indent=2))
        return
    said = [] if asked is None else [_say_asked(asked)]
    said += _measured(document.policy.rules)
    lines = (_fill(each) for each in said)
    say("\n".join([_text(found, policy, power, icc), *lines]))


def _measured(rules: "Sequence[Rule]") -> Iterator[str]:
    """Yield what the policy has measured on all images beside the answers, a sentence each."""
    from gate.policy.needs import needs_of

    for need in (each for each in needs_of(rules) if each.images is None):
        of = f"{list_names(need.splits)}: {need.key} (for {list_names(need.rules)})"
        yield f"Also measured, on {of}."


def _say_asked(asked: "AskedAgain") -> str:
    """Return how often the model is asked again, about how many images, and how long it takes."""
    return (
        f"The model is asked again (for {list_names(asked.rules)}): {asked.passes:,} passes over "
        f"at most {asked.images:,} images, {asked.answers:,} answers in all. At {asked.rate:,g} "
        f"images a second (--rate) that takes {say_duration(asked.seconds)}."
    )


def _of_gatefile(
    gatefile: Path | None, flags: Mapping[str, Any]
) -> "tuple[Census, tuple[str, ...]]":
    """Return what the test split lists, and the critical classes."""
    from gate.subject.census import census
    from gate.subject.gatefile import GateFile, read_gatefile
    from gate.subject.overrides import Flags, override

    subject = override(read_gatefile(gatefile) if gatefile else GateFile(), Flags(**flags))
    return census(subject), subject.critical


def _of_run(evidence: Path) -> "tuple[Census, tuple[str, ...]]":
    """Return what a run judged, and the critical classes."""
    from gate.evidence.store import load
    from gate.subject.census import census_of

    found = load(evidence)
    return census_of(found), found.critical


def _text(found: "PolicyPlan", policy: str, power: float, icc: float) -> str:
    if not found.lines:
        return "\n".join([f"Nothing in {policy} can be planned.", *_unplanned(found)])
    lines = [
        f"How many test images does it take to prove {policy}?",
        "",
        _fill(_asked(found, power), ""),
        "",
        *_HEADS,
        *map(_row, found.lines),
        "",
        *(_fill(each) for each in _legend(found)),
    ]
    grouped = [line for line in found.lines if line.least_groups is not None]
    if grouped:
        lines += [
            "",
            "What counts is groups (patients, parts), not images. Groups as they are here:",
            *([] if icc == 1 else [f"(images of a group are alike by {icc:g})"]),
            f"{'':{_NAMES}}{'without a mistake':>18}{'or one wrong':>14}{'needed':>10}",
            *map(_groups, grouped),
        ]
    provable = [line for line in found.lines if line.provable is not None]
    if provable:
        whole = " (mistakes: groups that are wrong as a whole)" if grouped and icc == 1 else ""
        lines += [
            "",
            f"What the images at hand can prove{whole}:",
            f"{'':{_NAMES}}{'without a mistake':>19}{'mistakes allowed':>18}",
            *map(_proof, provable),
        ]
    unplanned = _unplanned(found)
    return "\n".join([*lines, *([""] if unplanned else []), *unplanned])


def _asked(found: "PolicyPlan", power: float) -> str:
    number = len(found.lines)
    several = f"all {number} requirements" if number > 1 else "the requirement"
    each = f" ({found.power_each:.1%} for each)" if number > 1 else ""
    return (
        "Suppose the model is truly as good as 'truly' says. With as many images as 'needed' says, "
        f"its chance to prove {several} is {power:.0%}{each}."
    )


def _legend(found: "PolicyPlan") -> Iterator[str]:
    """Yield what the columns say, where it does not go without saying."""
    yield "at least: with fewer images nothing is proven, even without a mistake."
    if any(line.chance is not None for line in found.lines):
        yield "chance to prove: that of such a model, with the images at hand."
    if any(line.needed is None for line in found.lines):
        yield "needed -: with that true value no number of images is enough."
    if any(line.counts.startswith("predictions") for line in found.lines):
        yield "For precision, count the predictions of the class."
    if any(line.operator == ">=" and line.required < 0 for line in found.lines):
        yield "regression: the change against the champion, if no image gets better."
    if all(line.least_groups is None for line in found.lines):
        yield (
            "Images are taken as independent. If several are of one patient or part, name the "
            "column of these groups: group: in the gate file, or --group."
        )
    if estimated := dict.fromkeys(line.rule for line in found.lines if line.estimate_decides):
        yield (
            f"With fewer images {', '.join(estimated)} may pass by the estimate alone, not proven "
            "(on_inconclusive: point)."
        )


def _row(line: "Line") -> str:
    requirement = _in_its_column(f"{_name(line)} {line.operator} {line.required:g}")
    truly = "" if line.true_value is None else f"{line.true_value:.3g}"
    chance = "" if line.chance is None else f"{line.chance:.0%}"
    return (
        f"{requirement}{truly:>7}{_count(line.least):>9}{_count(line.needed):>9}"
        f"{_count(line.present):>9}{chance:>10}"
    ).rstrip()


def _groups(line: "Line") -> str:
    name = _in_its_column(_name(line))
    least, one = _count(line.least_groups), _count(line.groups_with_a_miss)
    return f"{name}{least:>18}{one:>14}{_count(line.needed_groups):>10}"


def _proof(line: "Line") -> str:
    nothing = 1.0 if line.operator == "<=" else -1.0 if line.required < 0 else 0.0
    proven = "nothing" if line.provable == nothing else f"{line.operator} {line.provable:.4f}"
    allowed = line.mistakes_allowed
    misses = "" if allowed is None else "too few images" if allowed < 0 else str(allowed)
    return f"{_in_its_column(_name(line))}{proven:>19}{misses:>18}"


def _in_its_column(name: str) -> str:
    """Return a name as wide as its column; one that is too long stands on lines of its own."""
    *above, last = textwrap.wrap(name, _NAMES - 1) or [""]
    return "\n".join([*above, f"{last:{_NAMES}}"])


def _unplanned(found: "PolicyPlan") -> list[str]:
    """Return the rules that cannot be planned, those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for rule, why in found.unplanned.items():
        reasons.setdefault(why, []).append(rule)
    return [_fill(f"Not planned: {', '.join(rules)} ({why}).") for why, rules in reasons.items()]


def _fill(said: str, indent: str = "  ") -> str:
    """Return a sentence in lines of 80 columns; a name with hyphens stays in one piece."""
    return textwrap.fill(said, 80, subsequent_indent=indent, break_on_hyphens=False)


def _name(line: "Line") -> str:
    from gate.wording import printable

    of_class = "" if line.class_name is None else f" of {printable(line.class_name, 100)}"
    per_slice = f", each {printable(line.slices, 100)}" if line.slices else ""
    return f"{line.rule}{of_class}{per_slice}"


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
