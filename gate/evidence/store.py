"""How evidence lies on disk: one SQLite file.

SQLite because it is one file, needs no dependency, is documented for decades to come, and opens in
the tools people have: the ``sqlite3`` shell, DuckDB, pandas, a browser. Tables: ``about`` (JSON by
key), ``classes``, ``splits``, ``rows`` (one an image), ``histograms`` (of scores, by class),
``unreadable``, ``overlaps`` and ``pairs``; the view ``predictions`` has the class names in words.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, astuple
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.errors import EvidenceError
from gate.evidence.files import replaced
from gate.evidence.records import (
    Evidence,
    Failure,
    History,
    ModelProbe,
    Overlap,
    Pair,
    PairKind,
    Rows,
    Split,
    SplitEvidence,
    Subject,
    Unreadable,
)

FILE_NAME = "evidence.sqlite"
VERSION = 1
HISTOGRAM_BINS = 100  # of equal width over [0, 1]; a score of 1 lies in the last

_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE classes (label INTEGER PRIMARY KEY, name TEXT NOT NULL, critical INTEGER NOT NULL);
CREATE TABLE splits (
    split TEXT PRIMARY KEY, path TEXT NOT NULL, format TEXT NOT NULL, images INTEGER NOT NULL,
    manifest_sha256 TEXT NOT NULL, group_column TEXT, slice_columns TEXT NOT NULL
);
CREATE TABLE rows (
    split TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, label INTEGER NOT NULL,
    prediction INTEGER NOT NULL, confidence REAL, margin REAL, true_score REAL,
    true_rank INTEGER NOT NULL, "group" TEXT, slices TEXT, scores BLOB,
    file_sha256 BLOB, pixels_sha256 BLOB, PRIMARY KEY (split, position)
) WITHOUT ROWID;
CREATE TABLE histograms (
    split TEXT NOT NULL, class TEXT NOT NULL, bin INTEGER NOT NULL, positives INTEGER NOT NULL,
    negatives INTEGER NOT NULL, PRIMARY KEY (split, class, bin)
) WITHOUT ROWID;
CREATE TABLE unreadable (
    split TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE overlaps (
    split_a TEXT NOT NULL, split_b TEXT NOT NULL, compared TEXT NOT NULL,
    featureless INTEGER NOT NULL, images_a INTEGER NOT NULL, images_b INTEGER NOT NULL,
    exact_pairs INTEGER NOT NULL, identical INTEGER NOT NULL
);
CREATE TABLE pairs (
    a TEXT NOT NULL, b TEXT NOT NULL, split_a TEXT NOT NULL, split_b TEXT NOT NULL,
    label_a TEXT NOT NULL, label_b TEXT NOT NULL, kind TEXT NOT NULL, distance REAL,
    orientation TEXT, review INTEGER NOT NULL  -- 1: perhaps a copy, for people to look at
);
CREATE VIEW predictions AS
    SELECT split, id, truth.name AS label, guess.name AS prediction, confidence, margin, true_score
    FROM rows
    JOIN classes AS truth ON truth.label = rows.label
    JOIN classes AS guess ON guess.label = rows.prediction;
"""


def save(evidence: Evidence, path: Path) -> None:
    """Write evidence to ``path``; beside it first, so that no half-written file is ever seen.

    Raises OSError where the folder cannot be written.
    """
    with replaced(path) as unfinished, closing(sqlite3.connect(unfinished)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.executescript(_TABLES)
        with database:
            _write(evidence, database)


def load(path: Path) -> Evidence:
    """Return the evidence in ``path``, a file that ``save`` wrote or the folder that holds it.

    Digests and fingerprints stay on disk: what they showed is in ``overlaps``.

    Raises EvidenceError where there is none, or it is damaged or of another version.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise EvidenceError(
            str(path), "there is no saved evidence", f"`validate-model run` leaves {FILE_NAME}"
        )
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                raise EvidenceError(
                    str(file),
                    f"the evidence has version {version}, this program reads version {VERSION}",
                    "measure again with `validate-model run`",
                )
            return _read(database)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            str(file), "this is not evidence, or it is damaged", "measure again"
        ) from error


def _write(evidence: Evidence, database: sqlite3.Connection) -> None:
    about = {
        "subject": evidence.subject and asdict(evidence.subject),
        "probe": evidence.probe and asdict(evidence.probe),
        "history": evidence.history and asdict(evidence.history),
        "failures": [asdict(failure) for failure in evidence.failures],
        "assumed": list(evidence.assumed),
        "environment": dict(evidence.environment),
    }
    database.executemany(
        "INSERT INTO about VALUES (?, ?)",
        [(key, json.dumps(value)) for key, value in about.items()],
    )
    database.executemany(
        "INSERT INTO classes VALUES (?, ?, ?)",
        [(label, name, name in evidence.critical) for label, name in enumerate(evidence.classes)],
    )
    for split in evidence.splits.values():
        _write_split(split, evidence.classes, database)
    for overlap in evidence.overlaps:
        _write_overlap(overlap, database)


def _write_overlap(overlap: Overlap, database: sqlite3.Connection) -> None:
    database.execute(
        "INSERT INTO overlaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            overlap.split_a,
            overlap.split_b,
            json.dumps(overlap.compared),
            overlap.featureless,
            overlap.images_a,
            overlap.images_b,
            overlap.exact_pairs,
            overlap.identical,
        ),
    )
    for pairs, review in ((overlap.pairs, 0), (overlap.review, 1)):
        database.executemany(
            "INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*astuple(pair), review) for pair in pairs],
        )


def _write_split(
    split: SplitEvidence, classes: tuple[str, ...], database: sqlite3.Connection
) -> None:
    rows = split.rows
    database.execute(
        "INSERT INTO splits VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            split.split,
            split.path,
            split.format,
            split.images,
            split.manifest_sha256,
            split.group_column,
            json.dumps(list(rows.slices)),
        ),
    )
    database.executemany(
        "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        zip(
            repeat(str(split.split)),
            range(len(rows)),
            rows.ids,
            rows.labels.tolist(),
            rows.predictions.tolist(),
            rows.confidence.tolist(),
            rows.margin.tolist(),
            rows.true_score.tolist(),
            rows.true_rank.tolist(),
            repeat(None) if rows.groups is None else rows.groups,
            _slice_values(rows),
            repeat(None) if rows.scores is None else (row.tobytes() for row in rows.scores),
            *_digests(split),
            strict=False,  # repeat never ends
        ),
    )
    database.executemany(
        "INSERT INTO unreadable VALUES (?, ?, ?, ?)",
        [(split.split, image.id, image.label, image.reason) for image in split.unreadable],
    )
    if rows.scores is not None:
        database.executemany(
            "INSERT INTO histograms VALUES (?, ?, ?, ?, ?)",
            _histograms(split, rows.scores, classes),
        )


def _slice_values(rows: Rows) -> Iterator[str | None]:
    if not rows.slices:
        return repeat(None)
    return (json.dumps(values) for values in zip(*rows.slices.values(), strict=True))


def _digests(split: SplitEvidence) -> tuple[Iterator[bytes | None], Iterator[bytes | None]]:
    if split.fingerprints is None:
        return repeat(None), repeat(None)
    return (
        (digest.tobytes() for digest in split.fingerprints.file),
        (digest.tobytes() for digest in split.fingerprints.pixels),
    )


def _histograms(
    split: SplitEvidence, scores: NDArray[np.float32], classes: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    """Yield (split, class, bin, positives, negatives) for the bins that hold anything."""
    bins = np.minimum((scores * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
    for label, name in enumerate(classes):
        truth = split.rows.labels == label
        positives = np.bincount(bins[truth, label], minlength=HISTOGRAM_BINS)
        negatives = np.bincount(bins[~truth, label], minlength=HISTOGRAM_BINS)
        for index in np.flatnonzero(positives + negatives):
            yield str(split.split), name, int(index), int(positives[index]), int(negatives[index])


def _read(database: sqlite3.Connection) -> Evidence:
    about = {
        key: json.loads(value) for key, value in database.execute("SELECT key, value FROM about")
    }
    classes = database.execute("SELECT name, critical FROM classes ORDER BY label").fetchall()
    names = tuple(name for name, _ in classes)
    return Evidence(
        classes=names,
        critical=tuple(name for name, critical in classes if critical),
        splits={
            Split(row[0]): _read_split(row, len(names), database)
            for row in database.execute("SELECT * FROM splits ORDER BY rowid").fetchall()
        },
        overlaps=tuple(_read_overlaps(database)),
        subject=about["subject"] and Subject(**about["subject"]),
        probe=about["probe"] and _read_probe(about["probe"]),
        history=about["history"] and _read_history(about["history"]),
        failures=tuple(Failure(**failure) for failure in about["failures"]),
        assumed=tuple(about["assumed"]),
        environment=about["environment"],
    )


def _read_probe(fields: dict[str, Any]) -> ModelProbe:
    return ModelProbe(**{**fields, "nonfinite_tensors": tuple(fields["nonfinite_tensors"])})


def _read_history(fields: dict[str, Any]) -> History:
    series = {name: tuple(values) for name, values in fields["series"].items()}
    notes = tuple(fields["notes"])
    return History(
        **{**fields, "epochs": tuple(fields["epochs"]), "series": series, "notes": notes}
    )


def _read_split(row: tuple[Any, ...], classes: int, database: sqlite3.Connection) -> SplitEvidence:
    name, path, format_name, images, manifest, group_column, slice_columns = row
    unreadable = database.execute(
        "SELECT id, label, reason FROM unreadable WHERE split = ? ORDER BY rowid", (name,)
    )
    return SplitEvidence(
        split=Split(name),
        path=path,
        format=format_name,
        images=images,
        manifest_sha256=manifest,
        rows=_read_rows(name, classes, json.loads(slice_columns), group_column, database),
        unreadable=tuple(Unreadable(*fields) for fields in unreadable),
        group_column=group_column,
    )


def _read_rows(
    split: str,
    classes: int,
    slice_columns: list[str],
    group_column: str | None,
    database: sqlite3.Connection,
) -> Rows:
    found = database.execute(
        "SELECT id, label, prediction, confidence, margin, true_score, true_rank, "
        '"group", slices, scores FROM rows WHERE split = ? ORDER BY position',
        (split,),
    ).fetchall()
    ids, labels, predictions, confidence, margin, true_score, true_rank, groups, slices, scores = (
        zip(*found, strict=True) if found else ((),) * 10
    )
    has_scores = bool(scores) and scores[0] is not None
    values = [json.loads(each) for each in slices] if slice_columns else []
    return Rows(
        ids=np.array(ids, dtype=object),
        labels=np.array(labels, dtype=np.int32),
        predictions=np.array(predictions, dtype=np.int32),
        confidence=np.array(confidence, dtype=np.float64),  # NULL becomes NaN
        margin=np.array(margin, dtype=np.float64),
        true_score=np.array(true_score, dtype=np.float64),
        true_rank=np.array(true_rank, dtype=np.int32),
        scores=np.frombuffer(b"".join(scores), dtype=np.float32).reshape(-1, classes)
        if has_scores
        else None,
        groups=np.array(groups, dtype=object) if group_column is not None else None,
        slices={
            column: np.array([value[index] for value in values], dtype=object)
            for index, column in enumerate(slice_columns)
        },
    )


def _read_overlaps(database: sqlite3.Connection) -> Iterator[Overlap]:
    for split_a, split_b, compared, *numbers in database.execute(
        "SELECT split_a, split_b, compared, featureless, images_a, images_b, exact_pairs, "
        "identical FROM overlaps ORDER BY rowid"
    ).fetchall():
        featureless, images_a, images_b, exact_pairs, identical = numbers
        pairs = [
            (
                Pair(a, b, Split(sa), Split(sb), la, lb, PairKind(kind), distance, orientation),
                review,
            )
            for a, b, sa, sb, la, lb, kind, distance, orientation, review in database.execute(
                "SELECT * FROM pairs WHERE split_a = ? AND split_b = ? ORDER BY rowid",
                (split_a, split_b),
            )
        ]
        yield Overlap(
            split_a=Split(split_a),
            split_b=Split(split_b),
            pairs=tuple(pair for pair, review in pairs if not review),
            compared=tuple(PairKind(kind) for kind in json.loads(compared)),
            featureless=featureless,
            images_a=images_a,
            images_b=images_b,
            exact_pairs=exact_pairs,
            identical=bool(identical),
            review=tuple(pair for pair, review in pairs if review),
        )
