"""Saved predictions become evidence: no model is run, and no image is opened."""

from gate.evidence.manifest import digest_of_predictions
from gate.evidence.records import Rows, Split, SplitEvidence
from gate.measure.inference.answers import Answers
from gate.subject.datasets.records import PredictionTable


def measure_table(split: Split, table: PredictionTable) -> SplitEvidence:
    """Return what a table of saved predictions shows; it has no images to compare."""
    answers = Answers.of(table.scores, table.labels)
    rows = Rows(
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
    )
    return SplitEvidence(
        split=split,
        path=table.path,
        format=table.format,
        images=len(table),
        manifest_sha256=digest_of_predictions(rows, table.classes),
        rows=rows,
        group_column=table.group_column,
    )
