"""A list beside the report: images that the champion had right and this model has wrong."""

from gate.evidence.operating_point import ABSTAINED
from gate.evidence.records import Evidence
from gate.metrics.baseline import newly_broken
from gate.metrics.champion import champion_pairs
from gate.metrics.estimates import Undefined
from gate.report.lists import as_csv

FILE_NAME = "newly-broken.csv"


def broken_list(evidence: Evidence) -> str | None:
    """Return CSV with split, id, label and the model's answer; None where there is no champion.

    Names are escaped as :mod:`gate.report.lists` has it.
    """
    if evidence.baseline is None:
        return None
    names = [*evidence.classes, ABSTAINED]  # -1 is the last
    rows = []
    for split in evidence.baseline.rows:
        pairs = champion_pairs(evidence, split, allow_same=True)
        if isinstance(pairs, Undefined):
            continue
        answers = dict(zip(pairs.rows.ids, pairs.rows.predictions, strict=True))
        labels = dict(zip(pairs.rows.ids, pairs.rows.labels, strict=True))
        for name in newly_broken(pairs):
            label, answer = evidence.classes[labels[name]], names[answers[name]]
            rows.append((split.value, name, label, answer))
    return as_csv(["split", "id", "label", "prediction"], rows)
