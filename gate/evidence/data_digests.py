"""The data of evidence is compared with the digest that a report is bound to.

A deployment that accepts known data alone compares that digest, so it must cover what was judged.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gate.evidence.agreement import MADE_UP
from gate.evidence.contradictions import Contradiction
from gate.evidence.manifest import digest_of_images, digest_of_predictions
from gate.evidence.records import Evidence, Split, SplitEvidence

PREDICTIONS = "predictions"  # the format of a split whose answers were saved, not measured
Files = NDArray[np.uint8]  # (n, 32) SHA-256 of the stored bytes of each image


def is_of_predictions(evidence: Evidence) -> bool:
    """Return whether saved predictions were judged, so that there is no model to speak of."""
    formats = {split.format for split in evidence.splits.values()}
    return evidence.subject is None and formats == {PREDICTIONS}


def require_digests_of_data(evidence: Evidence, files: Mapping[Split, Files | None]) -> None:
    """Raise Contradiction where the images of a split are not those that its digest is of.

    ``evidence`` is sound otherwise; ``files`` is None for a split of which no image was read.
    """
    for split in evidence.splits.values():
        if split.format != MADE_UP:
            _require_digest(split, evidence.classes, files[split.split])
        elif files[split.split] is not None:
            raise Contradiction(split.split, "is made up, and has digests of files")


def _require_digest(split: SplitEvidence, classes: tuple[str, ...], files: Files | None) -> None:
    place = str(split.split)
    if split.format == PREDICTIONS:
        if files is not None or split.unreadable:
            raise Contradiction(place, "is of saved predictions, and lists files that were read")
        if split.rows.scores is None:
            raise Contradiction(place, "is of saved predictions, and has no scores")
        found = digest_of_predictions(split.rows, classes)
    elif files is None:
        raise Contradiction(place, "has no digests of its files")
    else:
        found = digest_of_images(split.rows, files, split.unreadable, classes)
    if found != split.manifest_sha256:
        raise Contradiction(
            place, "its images, labels, groups or slices are not those that its digest is of"
        )
