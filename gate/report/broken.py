"""The images that the champion had right and this model has wrong, as a list beside the report."""

import csv
import io

from gate.evidence.records import Evidence
from gate.metrics.baseline import newly_broken
from gate.metrics.champion import champion_pairs
from gate.metrics.estimates import Undefined

FILE_NAME = "newly-broken.csv"


def broken_list(evidence: Evidence) -> str | None:
    """Return CSV with split, id, label and the model's answer; None where there is no champion."""
    if evidence.baseline is None:
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "id", "label", "prediction"])
    for split in evidence.baseline.rows:
        pairs = champion_pairs(evidence, split, allow_same=True)
        if isinstance(pairs, Undefined):
            continue
        answers = dict(zip(pairs.rows.ids, pairs.rows.predictions, strict=True))
        labels = dict(zip(pairs.rows.ids, pairs.rows.labels, strict=True))
        for name in newly_broken(pairs):
            label, answer = evidence.classes[labels[name]], evidence.classes[answers[name]]
            writer.writerow([split.value, name, label, answer])
    return text.getvalue()
