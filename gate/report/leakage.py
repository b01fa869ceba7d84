"""The part of a report on copies between splits, and on metrics with and without them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from gate.checks.base import Rule
from gate.checks.classification import ClassificationRule, ClassMetric
from gate.decision import Decision
from gate.errors import PluginError
from gate.evidence.records import Evidence, Overlap, Split
from gate.metrics.inflation import Inflation, Leak, inflation, inflations
from gate.metrics.row_sets import excluded_rows
from gate.report import model
from gate.report.metrics import finite, plain_interval
from gate.report.pairs import pair_part
from gate.report.unjudged import unjudged_copies

MOST_PAIRS = 1000  # listed in the report; the evidence has them all


def leakage_part(
    decision: Decision, evidence: Evidence, rules: Sequence[Rule]
) -> model.LeakagePart:
    """Return what was found between the splits, and what it does to the metrics."""
    # Copies inside one split are no leak: they have a check of their own, and stand in pairs.csv.
    overlaps = [each for each in evidence.overlaps if each.split_a is not each.split_b]
    pairs = [pair for overlap in overlaps for pair in overlap.pairs]
    counted = Counter(pair.kind.value for pair in pairs)
    return model.LeakagePart(
        compared=[_compare(each) for each in overlaps if each.compared],
        pairs=[pair_part(pair) for pair in pairs[:MOST_PAIRS]],
        counts={kind: counted[kind] for kind in _kinds(overlaps)},
        featureless=sum(overlap.featureless for overlap in overlaps),
        inflation=list(_inflation(decision, evidence)),
        unjudged=unjudged_copies(rules, evidence),
    )


def _compare(overlap: Overlap) -> model.ComparedPart:
    counted = Counter(pair.kind.value for pair in overlap.pairs)
    return model.ComparedPart(
        split_a=overlap.split_a.value,
        split_b=overlap.split_b.value,
        counts={kind: counted[kind] for kind in _kinds([overlap])},
        featureless=overlap.featureless,
        look_alikes=overlap.look_alikes,
        images=overlap.images_a + overlap.images_b,
        turned=overlap.turned,
    )


def _kinds(overlaps: Sequence[Overlap]) -> list[str]:
    """Return the kinds that were looked for, the surest first."""
    return list(dict.fromkeys(kind.value for overlap in overlaps for kind in overlap.compared))


def _inflation(decision: Decision, evidence: Evidence) -> Iterator[model.InflationPart]:
    """Yield every metric of the report, whole and without leaks: the usual ones, those of rules."""
    for split, measured in evidence.splits.items():
        spoilt = excluded_rows(evidence, split)
        if not spoilt.any() or not split.is_labelled:
            continue
        leak = Leak.of(measured.rows, spoilt, evidence.classes)
        known = set()
        for each in inflations(leak):
            known.add((each.name, each.class_name))
            yield _inflation_part(each, split, rule=None)
        for rule, class_name in _asked(decision, split):
            if (rule.check, class_name) not in known:
                with suppress(
                    PluginError
                ):  # it says nothing of a set of rows that no rule asked of
                    found = _of_rule(rule, class_name, leak, evidence)
                    yield _inflation_part(found, split, rule.id)


def _asked(decision: Decision, split: Split) -> Iterator[tuple[ClassificationRule, str | None]]:
    """Yield the rules on metrics of a whole split, and the class, if any, each once."""
    asked = {
        (result.rule.id, result.comparison.scope.class_name): result.rule
        for result in decision.results
        if isinstance(result.rule, ClassificationRule)
        and result.rule.split == split
        and result.rule.by is None
        and not result.crash
    }
    for (_, class_name), rule in asked.items():
        if class_name is not None or not isinstance(rule, ClassMetric):
            yield rule, class_name


def _of_rule(
    rule: ClassificationRule, class_name: str | None, leak: Leak, evidence: Evidence
) -> Inflation:
    label = None if class_name is None else evidence.classes.index(class_name)
    return inflation(rule.check, label, leak, lambda rows: rule.estimate(rows, label, evidence))


def _inflation_part(each: Inflation, split: Split, rule: str | None) -> model.InflationPart:
    fields = {
        "name": each.name,
        "split": split.value,
        "class": each.class_name,
        "as_given": finite(each.as_given.value),
        "clean": finite(each.clean.value),
        "difference": finite(each.difference.value),
        "interval": plain_interval(each.difference),
        "reason": each.difference.reason or None,
        "rule": rule,
    }
    return model.InflationPart.model_validate(fields)
