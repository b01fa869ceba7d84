"""Pictures of one straight edge, or of one slope of brightness, are alike without being copies.

A few numbers make such a picture: where the edge lies, how it leans, and two levels. Among two
hundred of them most have a twin. They are told by their gradients, which all point one way, so that
their sum is nearly as long as their lengths together.
"""

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Thumbnails

_ONE_WAY = 0.985  # of the gradients' lengths together; one in fifty pieces of photographs
_FAINT = 0.15  # of the longest gradient: shorter ones may be noise
_MANY = 0.1  # of the pictures; where fewer are so, two that agree are a surprise
_SAMPLE = 1024  # pictures, of which the share is estimated

Flags = NDArray[np.bool_]


def show_one_edge(small: NDArray[np.uint8]) -> Flags:
    """Return which thumbnails, (n, 64, 64), show one straight edge or slope, give or take noise."""
    count, side, _ = small.shape
    levels = small.reshape(count, side // 2, 2, side // 2, 2).sum(axis=(2, 4), dtype=np.float32)
    along = levels[:, 1:, 1:] - levels[:, :-1, :-1], levels[:, 1:, :-1] - levels[:, :-1, 1:]
    length = np.hypot(*along)
    length[length < _FAINT * length.max(axis=(1, 2), keepdims=True, initial=0)] = 0
    sums = [np.where(length > 0, each, 0).sum(axis=(1, 2)) for each in along]
    total = length.sum(axis=(1, 2))
    return np.asarray((total > 0) & (np.hypot(*sums) >= _ONE_WAY * total))


def are_common(small: Thumbnails, rows: NDArray[np.int64]) -> bool:
    """Return whether many of the ``rows`` show one edge, as estimated from some of them."""
    step = max(len(rows) // _SAMPLE, 1)
    return bool(show_one_edge(small[rows[::step]]).mean() >= _MANY) if len(rows) else False
