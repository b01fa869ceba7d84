"""What is allowed in a policy and still wrong: rules that can never fail, pass or matter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gate.checks.base import Rule
from gate.checks.classification import ClassificationRule
from gate.errors import Fault
from gate.policy.reading import PolicyDocument
from gate.policy.strictness import Direction, changes
from gate.policy.words import quoted, suggestion

if TYPE_CHECKING:
    from gate.metrics.planning_groups import GroupSizes

# Metrics that are no share: the value that no model falls below, or exceeds.
_LOWEST = {"mcc": -1.0}
_NO_SHARES = ("log-loss", "expected-cost")
_MOST_ALIKE = 20
_WIDEST_GAP = {"mcc": 2.0, "log-loss": float("inf")}


def useless_rules(document: PolicyDocument) -> Iterator[Fault]:
    """Yield a fault for each rule that can never fail, and each that another makes needless.

    Each is compared with the first twenty of its check: beyond that a program wrote the policy.
    """
    rules = document.policy.rules
    by_check: dict[str, list[Rule]] = {}
    for rule in rules:
        alike = by_check.setdefault(rule.check, [])
        if len(alike) < _MOST_ALIKE:
            alike.append(rule)
    for rule in rules:
        if key := _never_fails(rule):
            fact = f"the rule '{rule.id}' can never fail: no model is worse than this"
            yield document.origin(rule.id, key).fault(fact, "require more, or delete the rule")
        elif over := _shadow(rule, by_check[rule.check]):
            file, line, _ = document.location(over.id)
            fact = f"the rule '{rule.id}' is shadowed: '{over.id}' ({file}:{line}) asks for as much"
            yield document.origin(rule.id).fault(fact, "delete it, or let it ask for more")


def _never_fails(rule: Rule) -> str | None:
    """Return the key that makes it so, None where the rule can fail."""
    if isinstance(rule, ClassificationRule):
        return _vacuous(rule)
    limit = getattr(rule, "max", None)
    if rule.check == "negative-flips" and limit is not None and limit >= 1:
        return "max"
    if rule.check == "train-test-gap" and limit is not None:
        return "max" if limit >= _WIDEST_GAP.get(getattr(rule, "metric", ""), 1.0) else None
    return None


def _vacuous(rule: ClassificationRule) -> str | None:
    if type(rule).undefined_means is not ClassificationRule.undefined_means:
        return None  # it fails where there is nothing to compute it from
    bounds = [*rule.per_class.values(), *([] if rule.common is None else [rule.common])]
    if rule.operator == ">=":
        worst = _LOWEST.get(rule.check, 0.0)
        return "min" if all(bound <= worst for bound in bounds) else None
    is_share = rule.check not in _NO_SHARES
    return "max" if is_share and all(bound >= 1 for bound in bounds) else None


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
        if not isinstance(rule, ClassificationRule) or rule.split not in declared:
            continue
        columns = declared[rule.split]
        for column in (rule.by,) if isinstance(rule.by, str) else rule.by or ():
            if column in columns:
                continue
            yield document.origin(rule.id, "by").fault(
                f"the gate file's {rule.split} declares no slice column {quoted(column)}",
                suggestion(column, columns, what="its slices are")
                if columns
                else f"add slices: [{column}] to data: {rule.split}: in the gate file",
            )


def unprovable_bounds(
    document: PolicyDocument,
    classes: tuple[str, ...],
    critical: tuple[str, ...],
    per_class: Mapping[str, int],
    group_sizes: "Mapping[str | None, GroupSizes] | None" = None,
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
        group_sizes=group_sizes,
    )
    for line in found.lines:
        if line.present is None or line.least is None or line.least <= line.present:
            continue
        of_class = f" of {line.class_name}" if line.class_name else ""
        in_groups = f" in {line.least_groups} groups" if line.least_groups is not None else ""
        origin = document.origin(line.rule, "min" if line.operator == ">=" else "max")
        yield origin.fault(
            f"the test split has {line.present} {line.counts}{of_class}, and no fewer than "
            f"{line.least}{in_groups} can prove {line.operator} {line.required:g}",
            "add images, require less, or let the estimate decide (on_inconclusive: point)",
        )
