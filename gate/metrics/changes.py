"""Changes against the champion, on the images that both models answered."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Baseline, Evidence, Rows, Split
from gate.metrics.baseline import Pairs, pair
from gate.metrics.champion import metric_change
from gate.metrics.estimates import Estimate
from gate.metrics.named import metric
from gate.metrics.row_sets import clean_rows

OVERALL = ("accuracy", "balanced-accuracy", "macro-f1")


@dataclass(frozen=True, slots=True)
class Change:
    """A metric of the champion, of the model, and the paired difference of the two."""

    name: str
    split: Split
    class_name: str | None
    before: Estimate
    after: Estimate
    difference: Estimate


def champion_changes(evidence: Evidence) -> Iterator[Change]:
    """Yield the changes on each split that both were measured on, without leaked images.

    The last of a split is the recall of the class that the model now recalls least. A split whose
    images are not the same for both is left out.
    """
    champion = evidence.baseline
    if champion is None:
        return
    for split in champion.rows:
        rows = clean_rows(evidence, split)
        if rows is None or not len(rows):
            continue
        pairs = pair(_same_images(champion, split, rows), rows)
        if isinstance(pairs, Pairs):
            yield from _of_split(pairs, split, evidence.classes)


def _same_images(champion: Baseline, split: Split, rows: Rows) -> Rows:
    """Return the champion's answers to the images that were not left out."""
    before = champion.rows[split]
    return before.where(np.isin(before.ids.astype(str), rows.ids.astype(str)))


def _of_split(pairs: Pairs, split: Split, classes: tuple[str, ...]) -> Iterator[Change]:
    count = len(classes)
    worst = _least_recalled(pairs.rows, count)
    for name, of in (*((name, None) for name in OVERALL), ("recall", worst)):
        before, after = (metric(name, rows, of, count) for rows in (pairs.baseline, pairs.rows))
        difference = metric_change(name, pairs, of, count)
        class_name = None if of is None else classes[of]
        yield Change(name, split, class_name, before, after, difference)


def _least_recalled(rows: Rows, classes: int) -> int:
    """Return the class with the lowest recall, of those that have images; the first of equals."""
    images = np.bincount(rows.labels, minlength=classes)
    right = np.bincount(rows.labels[rows.labels == rows.predictions], minlength=classes)
    recalls = np.divide(right, images, out=np.full(classes, np.inf), where=images > 0)
    return int(np.argmin(recalls))
