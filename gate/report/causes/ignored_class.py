"""One class is never predicted by a model that knows the others."""

import numpy as np

from gate.evidence.records import Rows, Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.rates import accuracy, recall
from gate.report.causes.cause import ANSWERS, Cause, Facts, Finding

_CONFIDENCE = 0.999  # of each bound
_MISSED = 0.5  # the class is missed more often than found
_KNOWN = 0.8  # of the images of the other classes: else the model is weak, and ignores no one class
_HARDLY = 0.05  # of the train images of an ignored class
_ONE_IN = 10  # classes at most: a model that ignores more has learned little
_RARE = 5  # a class with so many times fewer train images than others is rare


def find(facts: Facts) -> Finding | None:
    """Return the cause where a class is never predicted on test, and hardly found on train."""
    test, train = facts.rows_of(Split.TEST), facts.rows_of(Split.TRAIN)
    if test is None:
        return None
    ignored = [label for label in range(facts.classes) if _is_ignored(label, test, facts.classes)]
    if not ignored or len(ignored) > max(1, facts.classes // _ONE_IN):
        return None
    known = accuracy(test.where(~np.isin(test.labels, ignored)))
    if known.value is None or not known.lower(_CONFIDENCE) > _KNOWN:
        return None
    if train is not None and any(_is_found(label, train, facts.classes) for label in ignored):
        return None
    return _finding(ignored, test, train, facts)


def _is_ignored(label: int, rows: Rows, classes: int) -> bool:
    """Return whether a class is never predicted, and so often missed that it is no chance."""
    if (rows.predictions == label).any():
        return False
    found = recall(rows, label, classes)
    return found.value is not None and found.upper(_CONFIDENCE) < _MISSED


def _is_found(label: int, train: Rows, classes: int) -> bool:
    found = recall(train, label, classes).value
    return found is not None and found > _HARDLY


def _finding(ignored: list[int], test: Rows, train: Rows | None, facts: Facts) -> Finding:
    largest = max(ignored, key=lambda label: int((test.labels == label).sum()))
    name = facts.evidence.classes[largest]
    images = int((test.labels == largest).sum())
    classes = "one class is" if len(ignored) == 1 else f"{len(ignored)} classes are"
    remedy = f"look for {name} in the labels of train, the sampler and the weights of the loss"
    if train is not None:
        here = int((train.labels == largest).sum())
        mean = (len(train) - here) / (facts.classes - 1)
        if _RARE * here <= mean:
            remedy = (
                f"give train more images of {name}, or weight it in the loss: train has {here:,}, "
                f"and {mean:,.0f} of another class on average"
            )
    return Finding(
        message=f"{classes} ignored: {name} is never predicted, though test has {images:,} images "
        "of it",
        remedy=remedy,
    )


IGNORED_CLASS = Cause(
    kind="ignored-class",
    find=find,
    families=ANSWERS,
    evidence="A class has test images and no prediction, and where train is given at most "
    f"{_HARDLY * 100:g} % of its images are found there; it is missed more often than found with "
    f"{_CONFIDENCE * 100:g} % confidence (ten images), and more than {_KNOWN * 100:g} % of the "
    "images of the other classes are right with the same confidence. At most one class, or one in "
    f"{_ONE_IN}.",
    example=SyntheticRun(
        classes=("bag", "boot", "coat"),
        test=((97, 0, 3), (28, 0, 22), (4, 0, 96)),
        train=((190, 0, 10), (12, 0, 8), (15, 0, 185)),
    ),
    hides=frozenset({"chance"}),
)
