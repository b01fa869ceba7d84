"""Synthetic answers to images that a model is asked again about."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gate.evidence import artefact_answers
from gate.evidence.artefact_answers import ArtefactAnswers
from gate.evidence.costs import ASKED as ASKED_FOR_MACS
from gate.evidence.costs import MACS, SECONDS, SECONDS_VERSUS, MacsOfImage, PairedLatency
from gate.evidence.image_properties import PROPERTIES, ImageProperties
from gate.evidence.measurements import Measurement
from gate.evidence.records import Evidence, MeasurementFacts, Numbers, Rows, Split
from gate.evidence.repeated_answers import BATCHES, FLIPPED, TWICE, RepeatedAnswers
from gate.evidence.stored_files import FORMAT, HEIGHT, ORDER, WIDTH, StoredFiles
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.view_answers import ASKED, CONFIDENCE, GAP, PREDICTION, STATE, ViewAnswers

_FAR = 0.5  # a difference of scores that no rounding makes


def ask_again(
    evidence: Evidence, numbers: SyntheticRun, measurements: Iterable[Measurement]
) -> Evidence:
    """Return synthetic evidence with the answers that ``measurements`` would have observed on test.

    The same evidence where the numbers say nothing of it.
    """
    if Split.TEST not in evidence.splits:
        return evidence
    test = evidence.splits[Split.TEST]
    observed = dict(test.rows.observations)
    facts = dict(test.measurements)
    for each in measurements:
        columns = _columns(each, test.rows, numbers)
        observed |= {(each.key, name): values for name, values in columns.items()}
        if columns:
            facts[each.key] = MeasurementFacts({})
    rows = replace(test.rows, observations=dict(sorted(observed.items())))
    told = replace(test, rows=rows, measurements=dict(sorted(facts.items())))
    return replace(evidence, splits={**evidence.splits, Split.TEST: told})


def _columns(measurement: Measurement, rows: Rows, numbers: SyntheticRun) -> dict[str, Numbers]:
    if isinstance(measurement, ArtefactAnswers) and numbers.artefacts is not None:
        return _of_artefact(rows, numbers.lost_by_artefacts)
    if isinstance(measurement, MacsOfImage) and numbers.macs is not None:
        first = np.arange(len(rows)) == 0
        return {MACS: np.where(first, numbers.macs, -1), ASKED_FOR_MACS: np.where(first, 1, -1)}
    if isinstance(measurement, PairedLatency) and numbers.time_ratio is not None:
        seconds = np.full(len(rows), 0.001)
        return {SECONDS: seconds * numbers.time_ratio, SECONDS_VERSUS: seconds}
    if isinstance(measurement, StoredFiles | ImageProperties) and numbers.told_by is not None:
        return _of_files(measurement, rows, numbers.told_by)
    if numbers.views is None:
        return {}
    if isinstance(measurement, ViewAnswers):
        return _of_view(rows, numbers.views.get(str(measurement.view), 0))
    if isinstance(measurement, RepeatedAnswers):
        gaps = np.where(np.arange(len(rows)) < numbers.unrepeatable, _FAR, 0.0)
        return {TWICE: gaps, BATCHES: gaps, FLIPPED: np.zeros(len(rows), np.int64)}
    return {}


def _without_some(rows: Rows, cost: int) -> NDArray[np.int64]:
    """Return the answers, of which as many right ones are lost, from the first image on."""
    predictions = rows.predictions.astype(np.int64)
    lost = np.flatnonzero(rows.predictions == rows.labels)[:cost]
    predictions[lost] = (rows.labels[lost] + 1) % (int(rows.labels.max()) + 1)
    return predictions


def _of_artefact(rows: Rows, cost: int) -> dict[str, Numbers]:
    predictions, reference = _without_some(rows, cost), rows.predictions.astype(np.int64)
    return {
        artefact_answers.PREDICTION: predictions,
        artefact_answers.REFERENCE: reference,
        artefact_answers.GAP: np.where(predictions == reference, 0.0, _FAR),
        artefact_answers.STATE: np.full(len(rows), artefact_answers.FINITE, np.int64),
    }


def _of_files(measurement: Measurement, rows: Rows, told_by: str) -> dict[str, Numbers]:
    """Return properties of the images that are all alike, but for the one that tells the class."""
    names = PROPERTIES if isinstance(measurement, ImageProperties) else (WIDTH, HEIGHT, FORMAT)
    order = np.arange(len(rows))
    columns: dict[str, Numbers] = {
        name: 100 + (rows.labels.astype(np.int64) if name == told_by else 0 * order)
        for name in names
    }
    return columns if isinstance(measurement, ImageProperties) else {**columns, ORDER: order}


def _of_view(rows: Rows, cost: int) -> dict[str, Numbers]:
    unknown = np.full(len(rows), np.nan)
    return {
        PREDICTION: _without_some(rows, cost),
        CONFIDENCE: unknown,
        GAP: unknown,
        STATE: np.full(len(rows), ASKED, np.int64),
    }
