"""Synthetic answers to images that a model is asked again about."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from gate.evidence.measurements import Measurement
from gate.evidence.records import Evidence, MeasurementFacts, Numbers, Rows, Split
from gate.evidence.repeated_answers import BATCHES, FLIPPED, TWICE, RepeatedAnswers
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.view_answers import ASKED, CONFIDENCE, GAP, PREDICTION, STATE, ViewAnswers

_FAR = 0.5  # a difference of scores that no rounding makes


def ask_again(
    evidence: Evidence, numbers: SyntheticRun, measurements: Iterable[Measurement]
) -> Evidence:
    """Return synthetic evidence with the answers that ``measurements`` would have observed on test.

    The same evidence where the numbers say nothing of it.
    """
    if numbers.views is None or Split.TEST not in evidence.splits:
        return evidence
    test = evidence.splits[Split.TEST]
    observed = dict(test.rows.observations)
    facts = dict(test.measurements)
    for each in measurements:
        columns = _columns(each, test.rows, numbers.views, numbers.unrepeatable)
        observed |= {(each.key, name): values for name, values in columns.items()}
        if columns:
            facts[each.key] = MeasurementFacts({})
    rows = replace(test.rows, observations=dict(sorted(observed.items())))
    told = replace(test, rows=rows, measurements=dict(sorted(facts.items())))
    return replace(evidence, splits={**evidence.splits, Split.TEST: told})


def _columns(
    measurement: Measurement, rows: Rows, costs: Mapping[str, int], unrepeatable: int
) -> dict[str, Numbers]:
    if isinstance(measurement, ViewAnswers):
        return _of_view(rows, costs.get(str(measurement.view), 0))
    if isinstance(measurement, RepeatedAnswers):
        gaps = np.where(np.arange(len(rows)) < unrepeatable, _FAR, 0.0)
        return {TWICE: gaps, BATCHES: gaps, FLIPPED: np.zeros(len(rows), np.int64)}
    return {}


def _of_view(rows: Rows, cost: int) -> dict[str, Numbers]:
    """Return the answers of which as many right ones are lost, from the first image on."""
    predictions = rows.predictions.astype(np.int64)
    lost = np.flatnonzero(rows.predictions == rows.labels)[:cost]
    predictions[lost] = (rows.labels[lost] + 1) % (int(rows.labels.max()) + 1)
    unknown = np.full(len(rows), np.nan)
    return {
        PREDICTION: predictions,
        CONFIDENCE: unknown,
        GAP: unknown,
        STATE: np.full(len(rows), ASKED, np.int64),
    }
