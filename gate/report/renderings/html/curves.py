"""Points of the curves that scores give; pure arithmetic, no drawing."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST_POINTS = 200


def precision_recall(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return recall and precision, (points,) each, at every distinct score, recall rising.

    ``scores`` and ``positive`` are (n,); at most 200 points are returned.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    if len(last) > _MOST_POINTS:
        last = last[np.linspace(0, len(last) - 1, _MOST_POINTS).astype(np.int64)]
    precision = hits[last] / (last + 1)
    recall = hits[last] / max(int(positive.sum()), 1)
    return recall, precision
