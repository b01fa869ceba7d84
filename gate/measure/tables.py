"""Evidence from saved predictions: no model is run, and no image is opened."""

import json
from hashlib import sha256

from gate.evidence.records import Rows, Split, SplitEvidence
from gate.measure.answers import Answers
from gate.measure.manifest import slices_in_words
from gate.subject.datasets.records import PredictionTable


def measure_table(split: Split, table: PredictionTable) -> SplitEvidence:
    """Return what a table of saved predictions shows; it has no images to compare."""
    answers = Answers.of(table.scores, table.labels)
    return SplitEvidence(
        split=split,
        path=table.path,
        format=table.format,
        images=len(table),
        manifest_sha256=_digest(table),
        rows=Rows(
            ids=table.ids,
            labels=answers.labels,
            predictions=answers.predictions,
            confidence=answers.confidence,
            margin=answers.margin,
            true_score=answers.true_score,
            true_rank=answers.true_rank,
            scores=answers.scores,
            groups=table.groups,
            slices=table.slices,
        ),
        group_column=table.group_column,
    )


def _digest(table: PredictionTable) -> str:
    """Return the SHA-256 over id, label, group, slices and scores of every row, in their order."""
    groups = [None] * len(table) if table.groups is None else table.groups
    slices = slices_in_words(table.slices)
    lines = [
        f"{json.dumps([name, table.classes[label], group, scores.tolist()])} {slices(row)}"
        for row, (name, label, group, scores) in enumerate(
            zip(table.ids, table.labels, groups, table.scores, strict=True)
        )
    ]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()
