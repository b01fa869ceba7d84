"""The order of the outputs: the permutation of classes that explains most answers."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows
from gate.metrics import tables
from gate.metrics.estimates import Undefined
from gate.metrics.proportions import Counts
from gate.metrics.rates import NO_IMAGES

_SURE = 0.95  # the confidence of what a remedy claims
_TIE = 1e-9  # of equally good orders, the one that moves fewest classes


@dataclass(frozen=True, eq=False)
class BetterOrder:
    """The balanced accuracy that another order of the classes would add, in [0, 1].

    ``order`` holds, for each class, the output that would be its own; ``moved`` of them are
    another's. The order was chosen by the same images, so the lower bound holds for all orders that
    move as many classes at once: Hoeffding's inequality (1963), its error divided among them.
    ``spread`` is the root of the sum of the squared weights of the images, by group where images
    come in groups.
    """

    value: float
    order: tuple[int, ...]
    moved: tuple[int, ...]
    spread: float
    mended: float  # the share of the wrong answers that would be right, at most 1
    numerator: None = None
    denominator: None = None
    reason: str = ""
    method: str = "Hoeffding, for all orders at once"

    def lower(self, confidence: float) -> float:
        """Return the lower bound; minus infinity where no class is moved."""
        if not self.moved:
            return -math.inf
        return self.value - self.spread * math.sqrt(2 * (self._tried - math.log(1 - confidence)))

    def upper(self, confidence: float) -> float:  # noqa: ARG002 - nothing rests on it
        """Return infinity: that no order is better is never proven."""
        return math.inf

    @cached_property
    def _tried(self) -> float:
        """The logarithm of the number of orders that share the error.

        An equal part goes to each number of moved classes, so that a plain swap is soon proven.
        """
        classes, moved = len(self.order), len(self.moved)
        return math.log(classes) + math.lgamma(classes + 1) - math.lgamma(classes - moved + 1)


def better_order(rows: Rows, classes: int) -> BetterOrder | Undefined:
    """Return what the best order of the outputs adds to the balanced accuracy of the present one.

    The best order is an assignment of outputs to classes (Kuhn 1955, as solved by scipy) on the
    confusion matrix with rows of sum 1. A class without images stays where it is. With balanced
    accuracy, a model that always gives one answer gains nothing in any order. Undefined without
    images.
    """
    if not len(rows):
        return Undefined(NO_IMAGES, 0, 0)
    from scipy.optimize import linear_sum_assignment

    counts = tables.confusion(rows, classes)[:classes, :classes]
    sizes = np.bincount(rows.labels, minlength=classes)
    shares = counts / np.maximum(sizes, 1)[:, None]
    _, order = linear_sum_assignment(shares + _TIE * np.eye(classes), maximize=True)
    gains = shares[np.arange(classes), order] - shares.diagonal()
    present = int(np.count_nonzero(sizes))
    gain = math.fsum(gains.tolist()) / present
    if gain <= _TIE * classes:
        order, gain = np.arange(classes), 0.0
    moved = np.flatnonzero(order != np.arange(classes))
    return BetterOrder(
        value=gain,
        order=tuple(order.tolist()),
        moved=tuple(moved.tolist()),
        spread=_spread(rows, sizes, moved),
        mended=_count_mended(counts, order),
    )


def find_exchange(rows: Rows, classes: int) -> BetterOrder | None:
    """Return the order of the outputs that provably adds something and mends most wrong answers.

    None where there is none: then the model is wrong, and not the order of its classes, of
    which there are ``classes``.
    """
    counts = tables.confusion(rows, classes)[:classes, :classes]
    if (counts.argmax(axis=1) == np.arange(classes)).all():  # no other order adds anything
        return None
    better = better_order(rows, classes)
    is_proven = better.lower(_SURE) > 0
    return better if isinstance(better, BetterOrder) and is_proven and better.mended > 0.5 else None


def _count_mended(counts: Counts, order: NDArray[np.intp]) -> float:
    wrong = int(counts.sum() - counts.trace())
    right = int(counts[np.arange(len(order)), order].sum() - counts.trace())
    return right / wrong if wrong else 0.0


def _spread(rows: Rows, sizes: Counts, moved: Counts) -> float:
    """Return the root of the summed squares of what each group of images may change, times 1.

    An image of a moved class of n images changes the gain by up to 1 / n either way, over the
    number of classes that have images.
    """
    weights = np.zeros(len(sizes))
    weights[moved] = 1 / np.maximum(sizes[moved], 1)
    of_rows = weights[rows.labels] / np.count_nonzero(sizes)
    codes = tables.group_codes(rows)
    if codes is not None:
        of_rows = tables.sums_by(of_rows, codes, int(codes.max()) + 1)
    return math.sqrt(math.fsum((of_rows**2).tolist()))
