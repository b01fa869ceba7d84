"""The champion's rows beside the model's."""

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


def champion_pairs(evidence: Evidence, split: str) -> Pairs | Undefined:
    """Return the same images as both models saw them, or why they do not compare."""
    name = Split(split)
    if name not in evidence.splits:
        return Undefined(f"no {split} split was given")
    if evidence.baseline is None or name not in evidence.baseline.rows:
        return Undefined(f"no baseline was given that was measured on {split}")
    return pair(evidence.baseline.rows[name], evidence.splits[name].rows)


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
