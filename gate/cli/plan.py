"""Command: plan."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.cli.streams import say
from gate.errors import UsageError
from gate.wording import list_names

if TYPE_CHECKING:
    from gate.checks.base import Rule
    from gate.policy.needs import Need
    from gate.policy.plan import Line, PolicyPlan
    from gate.subject.census import Census


_NAMES = 36  # columns


@click.command(name="plan")
@click.option(
    "--policy", default="baseline", show_default=True, metavar="NAME|FILE", help="What to prove."
)
@click.option(
    "--gatefile",
    type=click.Path(path_type=Path),
    help="Names the classes, the critical ones and the test split.",
)
@click.option("--test", metavar="PATH", help="The test images at hand, in place of a gate file.")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="What a run left, in place of a gate file: its classes and the test images it judged.",
)
@click.option(
    "--true",
    "true_value",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The recall (precision, accuracy) that the model truly has. By default half-way between "
    "required and perfect.",
)
@click.option(
    "--power",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="The chance that such a model passes everything.",
)
@click.option(
    "--icc",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Where the data has groups: how alike the images of one are. 1: a group counts once.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What standard output carries.",
)
def command(
    policy: str,
    gatefile: Path | None,
    test: str | None,
    evidence: Path | None,
    true_value: float | None,
    power: float,
    icc: float,
    format_: str,
) -> None:
    """Say how many test images a policy takes to prove, and what those at hand can prove.

    No model is needed, and torch is not loaded. A policy that speaks of $critical and does not
    name the classes needs a gate file that does, or the evidence of a run.
    """
    from gate.policy.fit import critical_of, extra_critical
    from gate.policy.plan import Question, plan_policy
    from gate.policy.reading import check_classes, read_policy

    if evidence is not None and (gatefile is not None or test is not None):
        fact = "says what --gatefile and --test say"
        raise UsageError("--evidence", fact, "give it alone, or leave it out")
    document = read_policy(policy)
    counted, critical = _of_run(evidence) if evidence else _of_gatefile(gatefile, test)
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
    if format_ == "json":
        say(json.dumps(asdict(found), indent=2))
        return
    say("\n".join([_text(found, policy, power, icc), *_measured(document.policy.rules)]))


def _measured(rules: "Sequence[Rule]") -> Iterator[str]:
    """Yield what the policy has measured beside the model's answers, a sentence each."""
    from gate.policy.needs import needs_of

    needs = needs_of(rules)
    views = [need for need in needs if need.images is not None]
    if views:
        yield textwrap.fill(_asked_again(views), 80, subsequent_indent="  ")
    for need in (each for each in needs if each not in views):
        of = f"{list_names(need.splits)}: {need.key} (for {list_names(need.rules)})"
        said = f"Also measured, on {of}."
        yield textwrap.fill(said, 80, subsequent_indent="  ")


def _asked_again(needs: "Sequence[Need]") -> str:
    """Return how often the model is asked again, about how many images, and by which rules."""
    answers = sum(need.passes * (need.images or 0) * len(need.splits) for need in needs)
    passes = sum(need.passes * len(need.splits) for need in needs)
    most = max(need.images or 0 for need in needs)
    rules = list_names(list(dict.fromkeys(rule for need in needs for rule in need.rules)))
    return (
        f"The model is asked again (for {rules}): {passes:,} passes over at most {most:,} images, "
        f"{answers:,} answers in all."
    )


def _of_gatefile(gatefile: Path | None, test: str | None) -> "tuple[Census, tuple[str, ...]]":
    """Return what the test split lists, and the critical classes."""
    from gate.subject.census import census
    from gate.subject.gatefile import GateFile, read_gatefile
    from gate.subject.overrides import Flags, override

    subject = override(read_gatefile(gatefile) if gatefile else GateFile(), Flags(test=test))
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
    heads = ("if truly", "least", "needed", "at hand", "chance")
    lines = [
        textwrap.fill(_asked(found, policy, power), 80),
        "",
        f"{'requirement':{_NAMES}}{heads[0]:>9}{heads[1]:>7}{heads[2]:>9}{heads[3]:>9}{heads[4]:>8}",
        *map(_row, found.lines),
        "",
        *(textwrap.fill(each, 80, subsequent_indent="  ") for each in _legend(found)),
    ]
    grouped = [line for line in found.lines if line.least_groups is not None]
    if grouped:
        lines += [
            "",
            "What counts is groups (patients, parts), not images. Of groups as they are here:",
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


def _asked(found: "PolicyPlan", policy: str, power: float) -> str:
    number = len(found.lines)
    several = f"all {number} requirements" if number > 1 else "the requirement"
    each = f", each of them with {found.power_each:.1%}" if number > 1 else ""
    return (
        f"How many test images it takes to prove {policy}. A model whose true values are those "
        f"under 'if truly' then meets {several} with a chance of {power:.0%}{each}."
    )


def _legend(found: "PolicyPlan") -> Iterator[str]:
    """Yield what the columns say, where it does not go without saying."""
    yield "least: with fewer images, not even a model without a mistake is proven good enough."
    yield "needed: with so many, a model that is as good as 'if truly' passes with that chance."
    if any(line.chance is not None for line in found.lines):
        yield "chance: that such a model passes with the images at hand."
    if any(line.needed is None for line in found.lines):
        yield "needed -: with that true value no number of images is enough."
    if any(line.counts.startswith("predictions") for line in found.lines):
        yield "precision is counted in predictions of the class."
    if any(line.operator == ">=" and line.required < 0 for line in found.lines):
        yield "regression: a change against the champion, if no image is mended."
    if all(line.least_groups is None for line in found.lines):
        yield (
            "Images are taken as independent. Where several are of one patient or part, what "
            "counts is groups: name their column as group: in the gate file."
        )
    if estimated := dict.fromkeys(line.rule for line in found.lines if line.estimate_decides):
        yield (
            f"{', '.join(estimated)}: what the bounds leave open the estimate decides here "
            "(on_inconclusive: point), so with fewer images they may pass, not proven."
        )


def _row(line: "Line") -> str:
    requirement = _in_its_column(f"{_name(line)} {line.operator} {line.required:g}")
    truly = "" if line.true_value is None else f"{line.true_value:.3g}"
    chance = "" if line.chance is None else f"{line.chance:.0%}"
    return (
        f"{requirement}{truly:>9}{_count(line.least):>7}{_count(line.needed):>9}"
        f"{_count(line.present):>9}{chance:>8}"
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
    return [
        textwrap.fill(
            f"Not planned: {', '.join(rules)} ({why}).",
            80,
            subsequent_indent="  ",
            break_on_hyphens=False,
        )
        for why, rules in reasons.items()
    ]


def _name(line: "Line") -> str:
    from gate.wording import printable

    of_class = "" if line.class_name is None else f" of {printable(line.class_name, 100)}"
    per_slice = f", each {printable(line.slices, 100)}" if line.slices else ""
    return f"{line.rule}{of_class}{per_slice}"


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
