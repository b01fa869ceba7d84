"""The loss of a forecast that knows the class shares alone."""

import numpy as np

from gate.evidence.records import Evidence, Split


def prior_entropy(evidence: Evidence) -> float | None:
    """Return the entropy of the class shares of train in nats, -sum p ln p; None without train.

    It is the cross-entropy of a model that has learned the class shares and nothing else.
    """
    train = evidence.splits.get(Split.TRAIN)
    if train is None or len(train.rows) == 0:
        return None
    counts = np.bincount(train.rows.labels, minlength=len(evidence.classes))
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
