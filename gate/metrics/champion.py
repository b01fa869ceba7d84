"""The champion's rows beside the model's, without the images that leaked."""

import numpy as np

from gate.evidence.records import Evidence, Split
from gate.metrics.baseline import Pairs, pair
from gate.metrics.estimates import Undefined
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
