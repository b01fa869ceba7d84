"""The champion's rows are paired with the model's, unless it is the same model."""

import numpy as np

from gate.evidence.records import Evidence, Rows, Split
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
from gate.metrics.selection import absent

_WAYS = (
    "give the evidence of the model in production. Where this one is in production, say "
    "`allow_same: true` in the rule"
)


def champion_pairs(
    evidence: Evidence, split: str, *, allow_same: bool = False
) -> Pairs | Undefined:
    """Return the same images as both models saw them, or why they do not compare.

    A model that is compared with itself gets worse in nothing, so that is no comparison: unless
    ``allow_same`` is true, or the policy pins the checkpoint as the champion in production.
    """
    name = Split(split)
    if name not in evidence.splits:
        return absent(evidence, split)
    champion = evidence.baseline
    if champion is None or name not in champion.rows:
        return Undefined(
            f"no champion was measured on {split} (add `baseline:`)",
            remedy=f"give what the champion's run on the same {split} images left as `baseline:`",
        )
    pairs = pair(champion.rows[name], evidence.splits[name].rows)
    if isinstance(pairs, Pairs) and not allow_same and (same := _same_model(evidence, pairs)):
        return same
    return pairs


def _same_model(evidence: Evidence, pairs: Pairs) -> Undefined | None:
    """Return how the champion is known to be the model itself, and what to do; None if not.

    Two checkpoints are told apart by their digests, whatever they answer: a copy that was written
    anew is another file. Where one of them is not known, only the answers can tell the two apart.
    Where neither is, as with saved predictions of both, nothing can: a model that was exported anew
    answers the same.
    """
    champion = evidence.baseline
    assert champion is not None, "pairs are of a champion"
    sha256 = evidence.subject.sha256 if evidence.subject else None
    if sha256 is not None and champion.sha256 is not None:
        if sha256 != champion.sha256 or champion.pinned:
            return None
        pin = f"{_WAYS}, or pin it in the policy as `champion: {sha256}`"
        return Undefined("the champion is this very checkpoint", remedy=pin)
    neither = sha256 is None and champion.sha256 is None
    if neither or not _same_answers(pairs.baseline, pairs.rows):
        return None
    whose = "the champion's checkpoint" if champion.sha256 is None else "this model's checkpoint"
    reason = f"the champion gives the very same answers, and {whose} is not known"
    return Undefined(reason, remedy=_WAYS)


def _same_answers(champion: Rows, rows: Rows) -> bool:
    """Return whether two models answer the same to all images, and as surely where both say."""
    if not np.array_equal(champion.predictions, rows.predictions):
        return False
    both = ~(np.isnan(champion.confidence) | np.isnan(rows.confidence))
    return np.array_equal(champion.confidence[both], rows.confidence[both])


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
