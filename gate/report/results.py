"""The part of a report on each result of a rule."""

from gate.checks.base import Scope
from gate.decision import Result, is_counted, margin_of
from gate.policy.reading import PolicyDocument
from gate.policy.record import PolicyRecord
from gate.report import model
from gate.report.messages import counts_of, message, needed, remedy
from gate.report.metrics import finite, interval

ReadPolicy = PolicyDocument | PolicyRecord  # from its files, or as it was written down


def result_part(result: Result, document: ReadPolicy, instead: str) -> model.ResultPart:
    """Return what the report says of a result; ``instead`` is the remedy of a cause, if any."""
    comparison = result.comparison
    location = document.location(result.rule.id)
    return model.ResultPart(
        key=result.key,
        rule=result.rule.id,
        check=result.rule.check,
        severity="block" if result.severity == "block" else "warn",
        outcome=result.outcome.value,
        proven=result.proven,
        scope=_scope(comparison.scope),
        measured=_measured(result),
        required=_required(result),
        margin=margin_of(comparison.estimate, comparison),
        message=message(result),
        finding=comparison.finding or None,
        needed=needed(result) or None,
        remedy=remedy(result, instead=instead),
        rows=result.rows or None,
        readings=[_reading(each) for each in (result, *result.others)] if result.others else [],
        waiver=result.waiver.ticket if result.waiver else None,
        location=model.LocationPart(file=location[0], line=location[1], column=location[2]),
    )


def _reading(result: Result) -> model.ReadingPart:
    return model.ReadingPart(
        rows=result.rows,
        outcome=result.outcome.value,
        proven=result.proven,
        measured=_measured(result),
        required=_required(result),
    )


def _required(result: Result) -> model.RequiredPart:
    comparison = result.comparison
    return model.RequiredPart(
        operator=comparison.operator, value=finite(comparison.required) or 0.0
    )


def _scope(scope: Scope) -> model.ScopePart:
    fields = {
        "split": scope.split,
        "class": scope.class_name,
        "slice": scope.slice_name,
        "part": scope.part,
    }
    return model.ScopePart.model_validate(fields)


def _measured(result: Result) -> model.MeasuredPart:
    """Return what was observed; both bounds at the rule's own confidence, whatever decided."""
    estimate, bounds = result.comparison.estimate, result.bounds
    numerator, denominator = counts_of(estimate)
    return model.MeasuredPart(
        value=finite(estimate.value),
        numerator=numerator,
        denominator=denominator,
        interval=None
        if is_counted(estimate)
        else interval(estimate, bounds.interval, bounds.confidence),
        reason=estimate.reason or None,
    )
