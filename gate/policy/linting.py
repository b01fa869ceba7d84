"""Lint of policies: rules that are allowed, and cannot fail, pass or matter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gate.checks.base import Concern, DataFacts, Rule
from gate.checks.classification import ClassificationRule
from gate.checks.gaps import GapRule
from gate.checks.slicing import EVERY_COLUMN, By
from gate.checks.weak_slice import WeakSlice
from gate.errors import Fault
from gate.evidence.image_properties import PROPERTIES
from gate.policy.reading import PolicyDocument
from gate.policy.strictness import Direction, changes
from gate.wording import quote, suggestion

if TYPE_CHECKING:
    from gate.metrics.planning_groups import Grouping

_MOST_ALIKE = 20


def useless_rules(document: PolicyDocument, data: DataFacts | None = None) -> Iterator[Fault]:
    """Yield a fault for each limit that asks for nothing, and each rule that another covers.

    Each is compared with the first twenty of its check: beyond that a program wrote the policy.
    """
    rules = document.policy.rules
    by_check: dict[str, list[Rule]] = {}
    for rule in rules:
        alike = by_check.setdefault(rule.check, [])
        if len(alike) < _MOST_ALIKE:
            alike.append(rule)
    for rule in rules:
        if asks_nothing := list(vacuous_limits(document, rule, data or DataFacts())):
            yield from asks_nothing
        elif over := _shadow(rule, by_check[rule.check]):
            file, line, _ = document.location(over.id)
            fact = f"the rule '{rule.id}' is shadowed: '{over.id}' ({file}:{line}) asks for as much"
            yield document.origin(rule.id).fault(fact, "delete it, or let it ask for more")


def vacuous_limits(document: PolicyDocument, rule: Rule, data: DataFacts) -> Iterator[Fault]:
    """Yield a fault for each limit of a rule that no model and no data could fail."""
    for path, fact, remedy in rule.vacuous(data):
        asks = f"the rule '{rule.id}' asks for nothing by {'.'.join(map(str, path))}: {fact}"
        yield document.origin(rule.id, *path).fault(asks, remedy)


def advice(document: PolicyDocument, data: DataFacts) -> Iterator[str]:
    """Yield what is allowed, may be meant, and should be known: a line each.

    Limits that guessing meets, and what no blocking rule watches.
    """
    for rule in document.policy.rules:
        for path, fact, remedy in rule.lenient(data):
            file, line, _ = document.locate(rule.id, *path)
            yield f"{file}:{line}: the rule '{rule.id}' asks for little: {fact}; {remedy}"
    watched = {rule.concern for rule in document.policy.rules if rule.severity == "block"}
    if open_ := [concern.value for concern in Concern if concern not in watched]:
        yield f"no rule that blocks watches {', '.join(open_)}"


def _shadow(rule: Rule, alike: Sequence[Rule]) -> Rule | None:
    """Return a rule that asks for at least as much; of two that are equal the later is needless."""
    is_earlier = True
    for other in alike:
        if other is rule:
            is_earlier = False
        elif _covers(other, rule) and (is_earlier or not _covers(rule, other)):
            return other
    return None


def _covers(other: Rule, rule: Rule) -> bool:
    found = (each for each in changes(rule, other) if each.key != "lock")
    return all(each.direction is Direction.TIGHTENED for each in found)


def undeclared_slices(
    document: PolicyDocument, declared: Mapping[str, Sequence[str]]
) -> Iterator[Fault]:
    """Yield a fault for each column that a rule slices by and its split does not declare.

    ``declared`` has the slice columns of each split that is given, by the split's name.
    """
    for rule in document.policy.rules:
        key, by, split = _cut_by(rule)
        if split not in declared:
            continue
        columns = declared[split]
        for column in (by,) if isinstance(by, str) else by or ():
            if column in (*columns, *PROPERTIES) or (column == EVERY_COLUMN and columns):
                continue
            if column == EVERY_COLUMN:
                yield document.origin(rule.id, key).fault(
                    f"the gate file's {split} declares no slice column",
                    f"add slices: [COLUMN, ...] to data: {split}: in the gate file",
                )
                continue
            yield document.origin(rule.id, key).fault(
                f"the gate file's {split} declares no slice column {quote(column)}",
                suggestion(column, columns, what="its slices are")
                if columns
                else f"add slices: [{column}] to data: {split}: in the gate file",
            )


def _cut_by(rule: Rule) -> tuple[str, By | None, str]:
    """Return the key that names slice columns, the columns, and the split; none of other rules."""
    if isinstance(rule, ClassificationRule | GapRule):
        return "by", rule.by, rule.split
    if isinstance(rule, WeakSlice):
        return "search", rule.search, "test"
    return "by", None, ""


def unprovable_bounds(
    document: PolicyDocument,
    classes: tuple[str, ...],
    critical: tuple[str, ...],
    per_class: Mapping[str, int],
    grouping: "Grouping | None" = None,
) -> Iterator[Fault]:
    """Yield a fault for each requirement that no model can prove on a test set of this size.

    Only where the policy does not let the estimate decide what the bounds cannot.
    """
    from gate.policy.plan import Question, plan_policy  # numpy: only who gives data pays for it

    rules = [rule for rule in document.policy.rules if rule.on_inconclusive == "block"]
    found = plan_policy(
        rules,
        Question(),
        classes=classes,
        critical=critical,
        per_class=per_class,
        grouping=grouping,
    )
    for line in found.lines:
        if line.present is None or line.least is None or line.least <= line.present:
            continue
        counted = line.counts.replace("the class", line.class_name or "the class")
        if line.counts.endswith("other classes"):
            counted = f"images of classes other than {line.class_name}"
        in_groups = f" in {line.least_groups} groups" if line.least_groups is not None else ""
        origin = document.origin(line.rule, "min" if line.operator == ">=" else "max")
        yield origin.fault(
            f"the test split has {line.present} {counted}, and no fewer than "
            f"{line.least}{in_groups} can prove {line.operator} {line.required:g}",
            "add images, require less, or let the estimate decide (on_inconclusive: point)",
        )
