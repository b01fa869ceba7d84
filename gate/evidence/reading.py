"""From tables to evidence."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from gate.evidence.records import (
    Baseline,
    Configuration,
    Evidence,
    Failure,
    History,
    ModelProbe,
    Overlap,
    Pair,
    PairKind,
    Picture,
    Rows,
    Split,
    SplitEvidence,
    Subject,
    Unreadable,
)
from gate.evidence.tables import CHAMPION


def read(database: sqlite3.Connection) -> Evidence:
    """Return the evidence in a database.

    Raises what sqlite3, json and numpy raise if it is damaged, and ValueError for rows that were
    lost or that name a class which is not there.
    """
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
        baseline=about["baseline"] and _read_champion(about["baseline"], len(names), database),
        failures=tuple(Failure(**failure) for failure in about["failures"]),
        assumed=tuple(about["assumed"]),
        environment=about["environment"],
        configuration=_read_configuration(about["configuration"]),
        pictures=tuple(
            Picture(Split(split), name, png)
            for split, name, png in database.execute(
                "SELECT split, id, png FROM pictures ORDER BY split, id"
            )
        ),
    )


def _read_configuration(fields: Any) -> Configuration:  # noqa: ANN401 -- what JSON holds
    from pydantic import TypeAdapter

    return TypeAdapter(Configuration).validate_json(json.dumps(fields), strict=True)


def _read_probe(fields: dict[str, Any]) -> ModelProbe:
    walls = None if fields["walls"] is None else tuple(fields["walls"])
    nonfinite = tuple(fields["nonfinite_tensors"])
    return ModelProbe(**{**fields, "nonfinite_tensors": nonfinite, "walls": walls})


def _read_history(fields: dict[str, Any]) -> History:
    series = {name: tuple(values) for name, values in fields["series"].items()}
    notes = tuple(fields["notes"])
    return History(
        **{**fields, "epochs": tuple(fields["epochs"]), "series": series, "notes": notes}
    )


def _read_champion(fields: dict[str, Any], classes: int, database: sqlite3.Connection) -> Baseline:
    names = database.execute(
        "SELECT DISTINCT split FROM rows WHERE split LIKE ?", (f"{CHAMPION}%",)
    ).fetchall()
    rows = {
        Split(name.removeprefix(CHAMPION)): _read_rows(name, classes, [], None, database)
        for (name,) in names
    }
    return Baseline(fields["path"], fields["sha256"], rows)


def _read_split(row: tuple[Any, ...], classes: int, database: sqlite3.Connection) -> SplitEvidence:
    name, path, format_name, images, manifest, group_column, slice_columns = row
    unreadable = database.execute(
        "SELECT id, label, reason FROM unreadable WHERE split = ? ORDER BY rowid", (name,)
    )
    measured = SplitEvidence(
        split=Split(name),
        path=path,
        format=format_name,
        images=images,
        manifest_sha256=manifest,
        rows=_read_rows(name, classes, json.loads(slice_columns), group_column, database),
        unreadable=tuple(Unreadable(*fields) for fields in unreadable),
        group_column=group_column,
    )
    if measured.images != len(measured.rows) + len(measured.unreadable):
        raise ValueError(f"{name} has {measured.images} images, and not as many rows")
    return measured


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
    if any(not 0 <= label < classes for label in (*labels, *predictions)):
        raise ValueError(f"{split} has a label that is none of the {classes} classes")
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
