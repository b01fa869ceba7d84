"""Test images are in train, and the model knows them."""

import numpy as np

from gate.decision import Result
from gate.evidence.records import Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.rates import accuracy, gap
from gate.report.causes.cause import DATA, Cause, Facts, Finding, is_unmet
from gate.report.messages import digits

_FEWEST = 10  # copied images
_SHARE = 0.05  # of test
_CONFIDENCE = 0.95


def find(facts: Facts) -> Finding | None:
    """Return the cause where many test images are copies and are answered better than others.

    Only where the gate has read the images itself: names in a table of answers are what its owner
    says.
    """
    test = facts.evidence.splits.get(Split.TEST)
    if test is None or facts.evidence.probe is None:
        return None
    shared, rows = _shared_with_train(facts), test.rows
    if len(shared) < _FEWEST:
        return None
    copied = np.fromiter((name in shared for name in rows.ids), bool, len(rows))
    images = int(copied.sum())
    if images < max(_FEWEST, _SHARE * len(rows)):
        return None
    clean = facts.rows_of(Split.TEST)
    if clean is None:
        message = f"test is in train: all {images:,} test images that can be read are copies"
        return _finding(message)
    if not gap(accuracy(rows.where(copied)), accuracy(clean)).lower(_CONFIDENCE) > 0:
        return None
    given, without = (float((each.labels == each.predictions).mean()) for each in (rows, clean))
    return _finding(
        f"test is in train: accuracy is {digits(given, without)} with the copies and "
        f"{digits(without, given)} without"
    )


def _shared_with_train(facts: Facts) -> set[str]:
    """Return the ids of test images that have a copy in train."""
    return {
        pair.b
        for overlap in facts.evidence.overlaps
        if (overlap.split_a, overlap.split_b) == (Split.TRAIN, Split.TEST)
        for pair in overlap.pairs
    }


def _finding(message: str) -> Finding:
    return Finding(
        message=message,
        remedy="remove the listed images from train, or split by source, and train again",
        explains=_explains,
    )


def _explains(result: Result) -> bool:
    scope = result.comparison.scope
    return (
        result.rule.check == "train-test-overlap"
        and scope.split == Split.TEST
        and not (scope.part or "").startswith("validation-")
        and is_unmet(result)
    )


LEAKED_TEST = Cause(
    kind="leaked-test",
    find=find,
    families=DATA,
    evidence=f"At least {_FEWEST} test images, and at least {_SHARE * 100:g} % of test, are copies "
    "of train images by bytes or pixels that the gate has read, never by names; and they are "
    f"answered better than the others, with {_CONFIDENCE * 100:g} % confidence.",
    example=SyntheticRun(
        train=((140, 10), (10, 140)), test=((120, 30), (30, 120)), copies=100, probe="sound"
    ),
)
