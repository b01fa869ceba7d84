"""The words of results: a finding, or a number with its counts, a bound and the limit."""

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from gate.checks import reference
from gate.checks.base import Comparison, Outcome, ProofRequirement
from gate.checks.plugins import plugin_behind
from gate.checks.sentences import number as limit
from gate.decision import Result
from gate.metrics.calibration import CalibrationError
from gate.metrics.combined import Difference, absent_of
from gate.metrics.estimates import Count, Estimate, Indication, Undefined
from gate.metrics.gaps import LargestGap
from gate.metrics.paired import PairedDifference
from gate.metrics.row_sets import RowSet

if TYPE_CHECKING:
    from gate.metrics.planning import Direction

_TIMES_NO_ADVICE = 1000  # "a thousand times as many images" is no plan
_MORE_NO_ADVICE = 1_000_000
_MOST_WORDS = 25  # of a sentence
_TOO_NEAR = "too near to the requirement for any practical number of images to decide"


def message(result: Result) -> str:
    """Return what was found, in a sentence or two, without a final stop."""
    comparison = result.comparison
    if result.crash:
        return f"{comparison.what}: the rule crashed ({result.crash})"
    if result.outcome is Outcome.NOT_APPLICABLE:
        return f"Not applicable: {comparison.estimate.reason}"
    if comparison.estimate.value is None:
        return _add(_without_value(result), _other_rows(result))
    sentence = _add(comparison.finding or _number_against_limit(result), comparison.detail)
    sentence = _add(sentence, _other_rows(result))
    if result.outcome is Outcome.INCONCLUSIVE:
        sentence = _add(sentence, _what_would_decide(result))
    elif result.waiver is not None:
        waiver = result.waiver
        sentence += f"; accepted by {waiver.approved_by} until {waiver.expires} ({waiver.ticket})"
    elif (
        not result.proven and comparison.proof is ProofRequirement.BOTH and not comparison.advisory
    ):
        sentence += "; not proven"
    return sentence


def _add(sentences: str, clause: str) -> str:
    """Return sentences with one clause more, as a sentence of its own where they grow too long."""
    if not clause:
        return sentences
    joined = f"{sentences.rpartition('. ')[2]}; {clause.partition('. ')[0]}"
    if len(joined.split()) <= _MOST_WORDS:
        return f"{sentences}; {clause}"
    is_word = clause.split()[0].isalpha()  # and no name of a key, or of an image
    return f"{sentences}. {clause[0].upper() + clause[1:] if is_word else clause}"


def _without_value(result: Result) -> str:
    """Return why there is no value, and what would give one where a number of images is known."""
    comparison = result.comparison
    if comparison.finding:
        return comparison.finding
    reason = comparison.estimate.reason
    if result.outcome is Outcome.FAILED:
        return f"{comparison.what} has no value: {reason}; {_required(comparison)}"
    return f"{comparison.what} was not checked: {reason}{_least_images(result)}"


def _number_against_limit(result: Result) -> str:
    comparison = result.comparison
    value = number(comparison.estimate, comparison.required)
    brackets = "; ".join(filter(None, [_counts(comparison.estimate), _bound(result)]))
    counted = f" ({brackets})" if brackets else ""
    return f"{comparison.what} is {value}{counted}; {_required(comparison)}"


def _other_rows(result: Result) -> str:
    """Return which rows decided, and what the others show: those as given where they can be told.

    Nothing where leaked and repeated images change nothing that a sentence shows.
    """
    readings = [result, *result.others]
    shown = {(each.outcome, _number_of(each, result)) for each in readings}
    if len(shown) == 1:
        return ""
    other = min(result.others, key=lambda each: each.rows.replace(RowSet.GIVEN, ""))
    told = _number_of(other, result)
    # Where the numbers are the same, what differs is what the rows prove.
    apart = str(other.outcome) if told == _number_of(result, result) else told
    return f"judged {result.rows} ({other.rows}: {apart})"


def _number_of(reading: Result, decided: Result) -> str:
    """Return the value of a reading, and its requirement where it has one of its own."""
    required = reading.comparison.required
    shown = number(reading.comparison.estimate, required)
    own = required != decided.comparison.required
    return f"{shown}, {_required(reading.comparison)}" if own else shown


def remedy(result: Result, *, instead: str = "") -> str:
    """Return what to do about a result that did not pass, by its outcome.

    For a failure what to change, for what is inconclusive what evidence to give, for an error what
    to repair. It is the documentation of the check that says so, where the result does not know
    better; ``instead``, where the cause of several results is known, goes before all of it.
    """
    if result.outcome in (Outcome.PASSED, Outcome.WAIVED, Outcome.NOT_APPLICABLE):
        return ""
    if result.crash:
        plugin = plugin_behind(type(result.rule))
        whose = "validate-model" if plugin is None else plugin.package
        return f"report this as a bug of {whose}, with the report"
    check = type(result.rule)
    if instead:
        found = instead
    elif result.outcome is Outcome.INCONCLUSIVE:
        found = _evidence_to_give(result)
    else:
        found = result.comparison.remedy or reference.remedy(check)
    found = found.rstrip(".")
    owner = result.rule.owner
    return f"{found}; the rule is owned by {owner}" if owner else found


def needed(result: Result) -> str:
    """Return the evidence that would decide an inconclusive result; nothing where none is known."""
    comparison = result.comparison
    if result.outcome is not Outcome.INCONCLUSIVE or comparison.estimate.value is None:
        return ""
    return "; ".join(filter(None, [comparison.detail, _what_would_decide(result)]))


def _evidence_to_give(result: Result) -> str:
    """Return what evidence would decide an open question."""
    comparison, check = result.comparison, type(result.rule)
    estimate = comparison.estimate
    if isinstance(estimate, Undefined):
        known = estimate.remedy
    elif comparison.to_decide:
        known = ""
    elif absent_of(estimate)[0]:
        known = f"add images of each class to {comparison.scope.split}, or name classes in `over`"
    elif _what_would_decide(result) == _TOO_NEAR:
        known = "improve the model until it is clear of the requirement, or agree on another one"
    elif result.rows == RowSet.JOINED:
        known = "remove the repeated images from the data"
    else:
        known = ""
    written = reference.to_decide(check) or comparison.remedy or reference.remedy(check)
    return known or comparison.to_decide or written


def number(estimate: Estimate, required: float | None = None) -> str:
    """Return a value with as many digits as tell it from the requirement, three at least."""
    value = estimate.value
    if value is None:
        return "not checked"
    if isinstance(estimate, Count):
        return f"{int(value):,}"
    return digits(value, required)


def digits(value: float, apart_from: float | None = None) -> str:
    """Return a float with three decimals, or more where it would look equal to another number."""
    for places in range(3, 10):
        text = f"{value:.{places}f}"
        if (
            apart_from is None
            or value == apart_from
            or float(text) != float(f"{apart_from:.{places}f}")
        ):
            return text
    return repr(value)


def bound_digits(bound: float, apart_from: float | None = None, *, down: bool) -> str:
    """Return a bound rounded to its safe side: "at least 0.925" is not proven by 0.9246."""
    exact = Decimal(repr(bound))
    for places in range(3, 10):
        to = ROUND_FLOOR if down else ROUND_CEILING
        text = f"{exact.quantize(Decimal(1).scaleb(-places), to) + 0:f}"  # + 0: no -0.000
        if (
            apart_from is None
            or bound == apart_from
            or float(text) != float(f"{apart_from:.{places}f}")
        ):
            return text
    return repr(bound)


def requirement(required: float) -> str:
    """Return a requirement as a policy writes it: 0.90, 0.005, 12."""
    return limit(required)


def _required(comparison: Comparison) -> str:
    bound = requirement(comparison.required)
    if comparison.advisory:
        return f"warns {'below' if comparison.operator == '>=' else 'above'} {bound}"
    match comparison.operator:
        case ">=":
            return f"required {bound}"
        case "<=":
            return f"allowed {bound}"
        case ">":
            return f"required more than {bound}"
        case "<":
            return f"required less than {bound}"


def _counts(estimate: Estimate) -> str:
    hits, images = counts_of(estimate)
    return "" if hits is None or images is None else f"{hits:,}/{images:,}"


def counts_of(estimate: Estimate) -> tuple[int | None, int | None]:
    """Return what was counted of how many; a difference has a quotient, but no such counts."""
    if isinstance(estimate, Difference | LargestGap | PairedDifference):
        return None, None
    return estimate.numerator, estimate.denominator


def _bound(result: Result) -> str:
    """Return the bound that matters: the one that proved the outcome, or was asked to."""
    comparison, bounds = result.comparison, result.bounds
    if isinstance(comparison.estimate, Count | Indication | CalibrationError):
        return ""
    upwards = comparison.operator in (">=", ">")
    failed = result.outcome in (Outcome.FAILED, Outcome.ERROR)
    if comparison.proof is ProofRequirement.TO_PASS:
        failed = False  # what is missing is the proof of passing
    low_side = upwards is not failed
    bound = bounds.low if low_side else bounds.high
    if not math.isfinite(bound):
        return comparison.estimate.reason
    confidence = bounds.failing_confidence if failed else bounds.confidence
    words = "at least" if low_side else "at most"
    shown = bound_digits(bound, comparison.required, down=low_side)
    return f"{words} {shown} with {percent(confidence)} confidence"


def percent(share: float) -> str:
    """Return a share as a percentage of up to two decimals: 95 %, 99.5 %."""
    for places in range(2, 12):  # 99.9999 % is not 100 %
        rounded = round(100 * share, places)
        if rounded < 100:
            break
    return f"{rounded:.12g} %"


def _what_would_decide(result: Result) -> str:
    """Return how many more images would decide an open question, as a sentence.

    Nothing where no number of them is known to: no bound was computed, or none can pass.
    """
    from gate.metrics.more_images import groups_of, images_needed, times_needed
    from gate.metrics.proportions import as_share
    from gate.metrics.weak_slices import OneOfSearched

    comparison, bounds = result.comparison, result.bounds
    estimate, required = comparison.estimate, comparison.required
    if isinstance(estimate, OneOfSearched):  # what would prove it good is of the slice alone
        estimate = estimate.share
    if comparison.proof is ProofRequirement.ONLY_FAIL or bounds.low == bounds.high:
        return ""  # counted, not sampled: no number of images would decide it
    if not math.isfinite(bounds.low) and not math.isfinite(bounds.high):
        return ""
    if absent_of(estimate)[0]:
        return "images of the absent classes would tell more"
    if result.rows == RowSet.JOINED:
        return "removing the repeated images may decide it"
    truth = _plausible_truth(comparison)
    more = images_needed(estimate, required, bounds.confidence, truth)
    if comparison.unit and more is not None and more <= _MORE_NO_ADVICE:
        metric = re.split(r",? (?:of|on) ", comparison.what)[0]
        groups = groups_of(more, estimate)
        unit = comparison.unit if more > 1 else comparison.unit.replace("ions of", "ion of")
        unit = unit if more > 1 else unit.removesuffix("s")
        in_groups = "" if groups is None else f" in {_round(groups):,} more groups"
        return (
            f"about {_round(more):,} more {unit}{in_groups} would decide it if "
            f"the true {metric} is {truth:.3g}"
        )
    is_counted_in = comparison.unit and as_share(estimate) is not None
    times = None if is_counted_in else times_needed(estimate, required, bounds.confidence)
    if times is not None and times < _TIMES_NO_ADVICE:
        return f"about {max(times, 2)} times as many images would decide it at this rate"
    return _TOO_NEAR


def _plausible_truth(comparison: Comparison) -> float:
    """Return the value itself where it passes, else one half-way to perfect: a model that should.

    To ask for the images that prove a failure helps nobody who wants to ship.
    """
    value, required = comparison.estimate.value, comparison.required
    assert value is not None, "an open question has a value"
    if comparison.operator in (">=", ">"):
        return value if value > required else (required + 1) / 2
    return value if value < required else required / 2


def _least_images(result: Result) -> str:
    """Return how many images of an absent class would make a pass possible."""
    from gate.metrics.planning import minimum_images

    comparison = result.comparison
    if comparison.estimate.denominator != 0 or not comparison.unit:
        return ""
    direction: Direction = ">=" if comparison.operator in (">=", ">") else "<="
    fewest = minimum_images(comparison.required, result.bounds.confidence, direction)
    if fewest is None:
        return ""
    return f" ({fewest:,} {comparison.unit} could prove {requirement(comparison.required)})"


def _round(count: int) -> int:
    """Return a count rounded up to two digits: a plan is no promise."""
    if count < 10:
        return count
    step: int = 10 ** (len(str(count)) - 2)
    return -(-count // step) * step
