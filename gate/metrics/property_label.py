"""A small tree tells labels from properties of the images, each time of images it has not seen.

The images are dealt into five folds, and a tree of the other four answers for each. Which fold an
image is in follows from its pixels, the classes dealt one by one: no name, and no class kept from
the training of a tree, can hide what a property tells. Images of one group, and copies of one
image, lie in one fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence import image_properties, stored_files
from gate.evidence.records import Evidence, Rows, Split
from gate.evidence.stored_files import HEIGHT, ORDER, WIDTH
from gate.metrics import tables
from gate.metrics.estimates import Estimate, Undefined
from gate.metrics.label_tree import LabelTree
from gate.metrics.rates import balanced_accuracy
from gate.metrics.selection import absent

OF_FILES = ("width", "height", "aspect", "format")
OF_PICTURES = ("brightness", "contrast", "sharpness", "bytes")

_FOLDS = 5
_LEAVES = 4  # a class
_LEAST = 10  # images of a leaf
_FEWEST = 20  # images of a class that is told: fewer make no leaf, and would blur the others
_MOST = 20_000  # images that trees are grown on
_MOST_WITHOUT = 0.1  # of the images may lack a property

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Told:
    """How well the labels are told, and by what first."""

    balanced_accuracy: Estimate
    classes: int  # that have images
    images: int
    first: str | None  # the property that most trees ask for first


def told_by(evidence: Evidence, split: str, properties: Sequence[str]) -> Told | Undefined:
    """Return how well a tree tells the classes of unseen images of a split from properties.

    Classes of fewer than 20 images are left out: whoever adds such classes hides no other.
    Undefined where the split was not measured, or has fewer than two other classes, or where more
    than a tenth of the images show no such property.
    """
    name = Split(split)
    if name not in evidence.splits:
        return absent(evidence, split)
    rows = evidence.splits[name].rows
    features = np.stack([_values(rows, each) for each in properties], axis=1)
    seen: NDArray[np.bool_] = np.asarray(~np.isnan(features).any(axis=1))
    if not len(rows) or np.count_nonzero(~seen) > _MOST_WITHOUT * len(rows):
        return Undefined(
            f"{np.count_nonzero(~seen):,} of {len(rows):,} images of {split} show no such property",
            remedy="give the images as files, which a tensor of a Dataset is not",
        )
    counts = np.bincount(rows.labels[seen], minlength=len(evidence.classes))
    if np.count_nonzero(counts >= _FEWEST) < 2:
        return Undefined(
            f"{split} has fewer than two classes of {_FEWEST} images or more",
            remedy=f"give {_FEWEST} images of two classes, or more",
        )
    seen = seen & (counts[rows.labels] >= _FEWEST)
    rows, features = rows.where(seen), features[seen]
    chosen = _first_by_pixels(rows)
    rows, features = rows.take(chosen), features[chosen]
    present, labels = np.unique(rows.labels, return_inverse=True)
    answers, first = _answers(features, labels.astype(np.int64), _folds(rows))
    told = replace(rows, predictions=present[answers].astype(np.int32))
    return Told(
        balanced_accuracy(told, len(evidence.classes), present.tolist()),
        len(present),
        len(rows),
        None if first is None else properties[first],
    )


def _values(rows: Rows, name: str) -> NDArray[np.float64]:
    """Return a property of each row, NaN where it was not observed."""
    files = rows.observed(stored_files.KEY)
    if name == "aspect":
        width, height = _values(rows, WIDTH), _values(rows, HEIGHT)
        return width / height
    of_files = name in OF_FILES
    column = files[name] if of_files else rows.observed(image_properties.KEY)[name]
    return np.where(image_properties.observed(column), column, np.nan).astype(np.float64)


def _first_by_pixels(rows: Rows) -> NDArray[np.intp]:
    """Return the places of the images that are looked at, in an order that follows from pixels.

    At most 20,000, classes in equal turns.
    """
    order = np.lexsort((rows.ids.astype(str), rows.observed(stored_files.KEY)[ORDER]))
    if len(order) <= _MOST:
        return order
    turn = _rank_among(rows.labels[order].astype(np.int64))
    return order[np.sort(np.argsort(turn, kind="stable")[:_MOST])]


def _folds(rows: Rows) -> Codes:
    """Return the fold of each row, (n,): the clusters of a class are dealt one by one.

    A cluster is a group, or what repeats an image; its class is that of its first row. ``rows`` are
    in the order of their pixels.
    """
    pixels = rows.observed(stored_files.KEY)[ORDER].astype(np.int64)
    groups = tables.group_codes(rows)
    clusters = _joined(pixels, pixels if groups is None else groups)
    _, first, member = np.unique(clusters, return_index=True, return_inverse=True)
    dealt = np.argsort(first)  # clusters in the order in which they first appear
    turn = np.empty(len(first), np.int64)
    turn[dealt] = _rank_among(rows.labels[first[dealt]].astype(np.int64))
    return (turn % _FOLDS)[member]


def _joined(one: NDArray[np.int64], other: NDArray[np.int64]) -> Codes:
    """Return the cluster of each row, (n,): rows that are alike in either column share one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, left = np.unique(one, return_inverse=True)
    _, right = np.unique(other, return_inverse=True)
    places = int(left.max()) + 1
    size = places + int(right.max()) + 1
    links = coo_array((np.ones(len(left), np.int8), (left, right + places)), shape=(size, size))
    _, found = connected_components(links, directed=False)
    clusters: Codes = found[left].astype(np.int64)
    return clusters


def _rank_among(labels: Codes) -> Codes:
    """Return how many rows of its class stand before each row, (n,)."""
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.searchsorted(ranked, ranked, side="left")
    return rank


def _answers(
    features: NDArray[np.float64], labels: Codes, folds: Codes
) -> tuple[Codes, int | None]:
    """Return the label that a tree of the other folds gives each row, and what trees ask first."""
    leaves = _LEAVES * (int(labels.max()) + 1)
    answers = np.zeros(len(labels), np.int64)
    asked: list[int] = []
    for fold in range(_FOLDS):
        here = folds == fold
        if here.all():
            continue
        tree = LabelTree.fit(features[~here], labels[~here], leaves=leaves, least=_LEAST)
        answers[here] = tree.predict(features[here])
        if tree.first_feature is not None:
            asked.append(tree.first_feature)
    return answers, max(asked, key=asked.count, default=None)
