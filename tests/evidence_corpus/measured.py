"""Made-up evidence as if images had been measured: it is read like that of a checkpoint."""

from dataclasses import replace
from hashlib import sha256

import numpy as np

from gate.evidence.input_trial import InputTrial
from gate.evidence.manifest import digest_of_images
from gate.evidence.records import (
    Evidence,
    Fingerprints,
    MeasurementFacts,
    Rows,
    Split,
    SplitEvidence,
    Subject,
)


def as_measured(evidence: Evidence, subject: Subject | None = None) -> Evidence:
    """Return evidence of a checkpoint, with files, their digests, and scores of every class."""
    classes = evidence.classes
    splits = {name: _split(split, classes) for name, split in evidence.splits.items()}
    champion = evidence.baseline
    if champion is not None:
        rows = {name: _scored(each, len(classes)) for name, each in champion.rows.items()}
        champion = replace(champion, rows=rows)
    return replace(evidence, splits=splits, subject=subject, baseline=champion)


def with_untried_input(evidence: Evidence) -> Evidence:
    """Return evidence of a model so good that no other preparation of its input was tried."""
    trial = InputTrial(0.5)
    train = evidence.splits[Split.TRAIN]
    column = np.full(len(train.rows), -1, np.int64)
    measured = replace(
        train,
        rows=replace(train.rows, observations={(trial.key, "answers"): column}),
        measurements={
            trial.key: MeasurementFacts(
                trial.plan_facts(), trial.summarise({"answers": column}, train.rows)
            )
        },
    )
    return replace(evidence, splits={**evidence.splits, Split.TRAIN: measured})


def _split(split: SplitEvidence, classes: tuple[str, ...]) -> SplitEvidence:
    rows = _scored(split.rows, len(classes))
    named = [sha256(f"{split.split}/{name}".encode()).digest() for name in rows.ids]
    files = np.frombuffer(b"".join(named), np.uint8).reshape(-1, 32)
    return replace(
        split,
        format="folder",
        rows=rows,
        fingerprints=Fingerprints(
            files, files, files, files, np.zeros(len(rows), np.bool_), files, files
        ),
        manifest_sha256=digest_of_images(rows, files, split.unreadable, classes),
    )


def _scored(rows: Rows, classes: int) -> Rows:
    """Return the rows with 0.75 for each prediction, and the rest for the other classes."""
    if rows.scores is not None:
        return rows
    right = rows.labels == rows.predictions
    other = 0.25 / (classes - 1)
    scores = np.full((len(rows), classes), other, np.float32)
    scores[np.arange(len(rows)), rows.predictions] = 0.75
    return replace(
        rows,
        confidence=np.full(len(rows), 0.75),
        margin=np.full(len(rows), 0.75 - other),
        true_score=np.where(right, 0.75, other),
        true_rank=np.where(right, 0, 1).astype(np.int32),
        scores=scores,
    )
