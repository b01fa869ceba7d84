"""The outputs stand in another order than the classes."""

import math

from gate.checks.class_order import in_words
from gate.decision import Result
from gate.evidence.records import Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.class_order import BetterOrder, find_exchange
from gate.report.causes.cause import MODEL, Cause, Facts, Finding, is_about_answers


def find(facts: Facts) -> Finding | None:
    """Return the cause where another order of the outputs provably explains most wrong answers."""
    judged = {
        result.comparison.scope.split
        for result in facts.decision.results
        if is_about_answers(result)
    }
    better = {
        split: found
        for split in (Split.TEST, Split.VALIDATION, Split.TRAIN)
        if split in judged and (found := _exchange_on(split, facts)) is not None
    }
    if not better:
        return None
    first = next(iter(better.values()))
    share = math.floor(100 * first.mended)
    seems = in_words(first, facts.evidence.classes)
    return Finding(
        message=f"`classes` stands in another order than the outputs, which explains {share} % of "
        f"the wrong answers: {_first_moved(first, facts.evidence.classes)}",
        remedy=f"check the order of `classes`, which explains {share} % of the wrong answers: "
        f"{seems}",
        explains=lambda result: _explains(result, frozenset(better)),
    )


def _exchange_on(split: Split, facts: Facts) -> BetterOrder | None:
    rows = facts.rows_of(split)
    return None if rows is None else find_exchange(rows, facts.classes)


def _first_moved(better: BetterOrder, classes: tuple[str, ...]) -> str:
    label, *others = better.moved
    more = f", and {len(others)} more" if others else ""
    return f"{classes[better.order[label]]} seems to be {classes[label]}{more}"


def _explains(result: Result, splits: frozenset[Split]) -> bool:
    split = result.comparison.scope.split
    return split is not None and Split(split) in splits and is_about_answers(result)


CLASS_ORDER = Cause(
    kind="class-order",
    find=find,
    families=MODEL,
    evidence="One exchange of the classes raises balanced accuracy, proven for all orders at once "
    "with 95 % confidence (Hoeffding), and makes more than half of the wrong answers right.",
    example=SyntheticRun(test=((5, 95), (97, 3))),
    hides=frozenset({"ignored-class", "overfit", "chance"}),
)
