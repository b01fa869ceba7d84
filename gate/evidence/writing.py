"""Evidence is written into its tables."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.evidence.about import About, Champion
from gate.evidence.columns import FINGERPRINTS, ROWS, SAVED
from gate.evidence.records import (
    Evidence,
    Fingerprints,
    Numbers,
    Overlap,
    Pair,
    Rows,
    SplitEvidence,
)
from gate.evidence.tables import CHAMPION, HISTOGRAM_BINS, SCORES, TYPES
from gate.evidence.times import as_text

_AT_ONCE = 4096  # rows
_PRINTS = [each for each in FINGERPRINTS if each.name]
_INSERT_ROW = f"INSERT INTO rows VALUES ({', '.join('?' * (len(SAVED) + 3))})"  # noqa: S608 -- ours


def about_of(evidence: Evidence) -> About:
    """Return the fields of evidence that are no tables of their own."""
    assert evidence.measured_at is not None, "it was measured some time"
    return About(
        parents=evidence.parents,
        measured_at=as_text(evidence.measured_at),
        answers_from_cache=evidence.answers_from_cache,
        engines=evidence.engines,
        subject=evidence.subject,
        artefacts=evidence.artefacts,
        probe=evidence.probe,
        history=evidence.history,
        failures=evidence.failures,
        assumed=evidence.assumed,
        environment=evidence.environment,
        configuration=evidence.configuration,
        contract=evidence.contract,
        plugins=evidence.plugins,
        baseline=None
        if evidence.baseline is None
        else Champion(
            evidence.baseline.path,
            evidence.baseline.sha256,
            evidence.baseline.evidence_sha256,
            evidence.baseline.operating_point,
        ),
    )


def write(evidence: Evidence, database: sqlite3.Connection) -> None:
    """Write evidence into a database that has the tables and nothing else."""
    database.executemany("INSERT INTO about VALUES (?, ?)", about_of(evidence).as_lines())
    database.executemany(
        "INSERT INTO classes VALUES (?, ?, ?)",
        [(label, name, name in evidence.critical) for label, name in enumerate(evidence.classes)],
    )
    for split in evidence.splits.values():
        _write_split(split, evidence.classes, database)
    for name, rows in evidence.baseline.rows.items() if evidence.baseline else ():
        # Groups and slices are those of the candidate's rows.
        answers = replace(rows, groups=None, slices={}, observations={}, kept={})
        _write_rows(f"{CHAMPION}{name}", answers, None, database)
    for overlap in evidence.overlaps:
        _write_overlap(overlap, database)
    database.executemany(
        "INSERT INTO pictures (split, id, png, view) VALUES (?, ?, ?, ?)",
        [astuple(each) for each in evidence.pictures],
    )


def _write_overlap(overlap: Overlap, database: sqlite3.Connection) -> None:
    database.execute(
        "INSERT INTO overlaps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            overlap.split_a,
            overlap.split_b,
            json.dumps(overlap.compared),
            overlap.featureless,
            overlap.images_a,
            overlap.images_b,
            overlap.exact_pairs,
            overlap.identical,
            overlap.turned,
            overlap.look_alikes,
        ),
    )
    for pairs, review in ((overlap.pairs, 0), (overlap.review, 1)):
        database.executemany(
            "INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*_pair_row(pair), review) for pair in pairs],
        )


def _pair_row(pair: Pair) -> tuple[Any, ...]:
    *texts, alignment = astuple(pair)
    return (*texts, None if alignment is None else json.dumps(alignment))


def _write_split(
    split: SplitEvidence, classes: tuple[str, ...], database: sqlite3.Connection
) -> None:
    rows = split.rows
    database.execute(
        "INSERT INTO splits VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            split.split,
            split.path,
            split.format,
            split.images,
            split.manifest_sha256,
            split.group_column,
            json.dumps(list(rows.slices)),
            json.dumps(split.hidden),
        ),
    )
    _write_rows(split.split, rows, split.fingerprints, database)
    _write_observations(split, database)
    database.executemany(
        "INSERT INTO unreadable VALUES (?, ?, ?, ?)",
        [(split.split, image.id, image.label, image.reason) for image in split.unreadable],
    )
    if rows.scores is not None and split.split.is_labelled:
        database.executemany(
            "INSERT INTO histograms VALUES (?, ?, ?, ?, ?)",
            _histograms(split, rows.scores, classes),
        )


def _write_rows(
    name: str, rows: Rows, fingerprints: Fingerprints | None, database: sqlite3.Connection
) -> None:
    for start in range(0, len(rows), _AT_ONCE):  # some at a time: numbers of Python are large
        part = slice(start, start + _AT_ONCE)
        database.executemany(
            _INSERT_ROW,
            zip(
                repeat(str(name)),
                range(len(rows))[part],
                *(_values(getattr(rows, each.field), part) for each in ROWS),
                *(_values(getattr(fingerprints, each.field, None), part) for each in _PRINTS),
                _slice_values(rows, part),
                strict=False,  # repeat never ends
            ),
        )


def _write_observations(split: SplitEvidence, database: sqlite3.Connection) -> None:
    database.executemany(
        "INSERT INTO measurements VALUES (?, ?, ?, ?)",
        [
            (key, str(split.split), json.dumps(each.facts), json.dumps(each.summary))
            for key, each in split.measurements.items()
        ],
    )
    for (key, name), type_name, places, values in _columns(split.rows):
        number = database.execute(
            "INSERT INTO observed_columns (measurement, split, name, type, images) "
            "VALUES (?, ?, ?, ?, ?)",
            (key, str(split.split), name, type_name, len(places)),
        ).lastrowid
        database.executemany(
            "INSERT INTO observations VALUES (?, ?, ?)",
            zip(repeat(number), places.tolist(), values, strict=False),  # repeat never ends
        )


def _columns(
    rows: Rows,
) -> Iterator[tuple[tuple[str, str], str, NDArray[np.intp], Iterable[Any]]]:
    """Yield measurement and name of each column, its type, the rows it knows, and their values."""
    for name, column in rows.observations.items():
        places = _observed(column)
        yield name, TYPES[column.dtype.kind], places, column[places].tolist()
    for name, kept in rows.kept.items():
        values = (each.tobytes() for each in kept.of_known)
        yield name, SCORES[kept.values.dtype], np.flatnonzero(kept.known), values


def _observed(values: Numbers) -> NDArray[np.intp]:
    """Return the rows on which something was observed: the others are not in the table."""
    return np.flatnonzero(values != -1 if values.dtype.kind == "i" else ~np.isnan(values))


def _slice_values(rows: Rows, part: slice) -> Iterator[str | None]:
    if not rows.slices:
        return repeat(None)
    columns = [column[part] for column in rows.slices.values()]
    return (json.dumps(values) for values in zip(*columns, strict=True))


def _values(column: NDArray[Any] | None, part: slice) -> Iterable[Any]:
    """Return some values of a column as SQLite takes them; of one with many numbers, its bytes."""
    if column is None:
        return repeat(None)
    return (row.tobytes() for row in column[part]) if column.ndim > 1 else column[part].tolist()


def _histograms(
    split: SplitEvidence, scores: NDArray[np.float32], classes: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    """Yield (split, class, bin, positives, negatives) for the bins that hold anything."""
    for label, name in enumerate(classes):
        bins = np.minimum((scores[:, label] * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
        truth = split.rows.labels == label
        positives = np.bincount(bins[truth], minlength=HISTOGRAM_BINS)
        negatives = np.bincount(bins[~truth], minlength=HISTOGRAM_BINS)
        for index in np.flatnonzero(positives + negatives):
            yield str(split.split), name, int(index), int(positives[index]), int(negatives[index])
