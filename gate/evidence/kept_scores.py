"""The scores of images that were asked again, kept so that answers can be formed at any threshold.

Of few classes all scores are kept; of many, the best with their classes: no other class of the
image has a higher score than the lowest of these, which is 1/32 or less.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALL = 64  # classes of which all scores are kept
BEST = 32  # scores that are kept where there are more classes
PAIR = np.dtype([("class", "<i4"), ("score", "<f4")])  # the class, by its place, and its score
SCORE = np.dtype("<f4")

# (n, classes) of SCORE, or (n, BEST) of PAIR, highest first; a row that was not kept is NaN.
Kept = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class KeptScores:
    """The scores of some of n images: those that were asked again."""

    places: NDArray[np.int32]  # (n,) the row of ``values`` of each image; -1: none was kept
    values: Kept  # (m, classes) or (m, BEST)

    @classmethod
    def spread(cls, values: Kept, places: NDArray[np.int64], images: int) -> "KeptScores":
        """Return the scores of ``images``, of which those at ``places``, (m,), have ``values``."""
        found = np.flatnonzero(was_kept(values))
        rows = np.full(images, -1, np.int32)
        rows[places[found]] = np.arange(len(found))
        return cls(rows, values[found])

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: NDArray[Any]) -> "KeptScores":
        return KeptScores(self.places[rows], self.values)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Return of which images, (n,), scores were kept."""
        return self.places >= 0

    @property
    def of_known(self) -> Kept:
        """Return the scores of these images in their order."""
        return self.values[self.places[self.known]]

    @property
    def is_complete(self) -> bool:
        """Whether the scores of all classes were kept."""
        return self.values.dtype == SCORE


def keep(scores: NDArray[np.floating[Any]]) -> Kept:
    """Return what is kept of ``scores``, (n, classes): all, or the best with their classes."""
    classes = scores.shape[1]
    if classes <= ALL:
        return scores.astype(SCORE)
    kept = np.empty((len(scores), BEST), PAIR)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :BEST]
    kept["class"] = best
    kept["score"] = np.take_along_axis(scores, best, axis=1)
    return kept


def keep_none(images: int, classes: int) -> Kept:
    """Return scores of so many images none of which was asked."""
    return keep(np.full((images, classes), np.nan))


def is_kept(values: NDArray[Any]) -> bool:
    """Return whether an array is of kept scores, by its type and shape."""
    return values.ndim == 2 and values.dtype in (SCORE, PAIR)


def was_kept(values: Kept) -> NDArray[np.bool_]:
    """Return of which rows, (n,), there are scores."""
    return np.asarray(~np.isnan(scores_in(values)).all(axis=1))


def scores_in(values: Kept) -> NDArray[np.float32]:
    """Return the scores without their classes, (n, classes) or (n, BEST)."""
    return values if values.dtype == SCORE else values["score"]


def fault_of(values: Kept, classes: int) -> str | None:
    """Return why scores are not what is kept of those of so many classes; None where they are.

    An artefact that should give probabilities may have given something else: that is no fault here.
    """
    if values.dtype != (SCORE if classes <= ALL else PAIR):
        return "are not kept as those of so many classes are"
    if values.shape[1] != (classes if classes <= ALL else BEST):
        return f"are not one for each of the {classes} classes, or of the best"
    scores = scores_in(values)
    if not np.isfinite(scores).all():
        return "hold something that is no finite number"
    if values.dtype == SCORE:
        return None
    labels = np.sort(values["class"], axis=1)
    if not ((labels >= 0) & (labels < classes)).all() or (labels[:, 1:] == labels[:, :-1]).any():
        return "name a class twice, or one that there is not"
    if (scores[:, 1:] > scores[:, :-1]).any():
        return "are not in their order, the highest first"
    return None


def score_of(values: Kept, labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the score of the class ``labels``, (n,), of each row; NaN where it is not kept."""
    if values.dtype == SCORE:
        return np.asarray(values[np.arange(len(values)), labels])
    here = values["class"] == labels[:, None]
    found = values["score"][np.arange(len(values)), here.argmax(axis=1)]
    return np.where(here.any(axis=1), found, np.float32(np.nan))
