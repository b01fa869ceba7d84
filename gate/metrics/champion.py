"""The champion's rows beside the model's, without the images that leaked."""

import numpy as np

from gate.evidence.records import Evidence, Split
from gate.metrics.baseline import (
    Pairs,
    accuracy_change,
    balanced_accuracy_change,
    f1_change,
    macro_f1_change,
    pair,
    precision_change,
)
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.selection import leaked


def champion_pairs(evidence: Evidence, split: str) -> Pairs | Undefined:
    """Return the same clean images as both models saw them, or why they do not compare."""
    name = Split(split)
    if name not in evidence.splits:
        return Undefined(f"no {split} split was given")
    if evidence.baseline is None or name not in evidence.baseline.rows:
        return Undefined(f"no baseline was given that was measured on {split}")
    rows, before = evidence.splits[name].rows, evidence.baseline.rows[name]
    spoilt = leaked(evidence, name)
    if spoilt.any():
        names = set(rows.ids[spoilt])
        kept = np.fromiter((each not in names for each in before.ids), bool, count=len(before))
        rows, before = rows.where(~spoilt), before.where(kept)
    return pair(before, rows)


def metric_change(name: str, pairs: Pairs, of: int | None, classes: int) -> Estimate:
    """Return a metric of the model minus that of the champion; ``of`` is the class, where one is.

    Raises KeyError for a metric whose change is not defined here.
    """
    if of is None:
        overall = {
            "accuracy": lambda: accuracy_change(pairs),
            "balanced-accuracy": lambda: balanced_accuracy_change(pairs, classes),
            "macro-f1": lambda: macro_f1_change(pairs, classes),
        }
        return overall[name]()
    of_class = {
        "recall": lambda: accuracy_change(pairs.of_class(of)),
        "precision": lambda: precision_change(pairs, of, classes),
        "f1": lambda: f1_change(pairs, of, classes),
    }
    return of_class[name]()
