"""Columns are declared once: what the records hold, the tables and the files have."""

import sqlite3
from contextlib import closing
from dataclasses import fields

import numpy as np
import pytest

from gate.evidence.columns import FINGERPRINTS, ROWS, SAVED
from gate.evidence.kept_scores import KeptScores
from gate.evidence.records import Fingerprints, Rows
from gate.evidence.tables import TABLES


@pytest.mark.parametrize(
    ("record", "columns", "named"),
    [
        (Rows, ROWS, {"slices", "observations", "kept", "abstains"}),
        (Fingerprints, FINGERPRINTS, set()),
    ],
)
def test_each_field_of_a_record_is_declared_once(record, columns, named):
    declared = [each.field for each in columns]

    assert len(set(declared)) == len(declared)
    assert {*declared, *named} == {each.name for each in fields(record)}


def test_each_saved_column_is_one_of_the_table():
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        found = {row[1]: row[2] for row in database.execute("PRAGMA table_info(rows)")}

    assert found.keys() == {"split", "position", "slices", *(each.name for each in SAVED)}
    for each in SAVED:
        assert each.kind.startswith(found[each.name])


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        (np.zeros((3, 2), np.float32), True),
        (None, True),
        (np.zeros((3, 2), np.float64), False),
        (np.zeros((3, 3), np.float32), False),
        (np.zeros((2, 2), np.float32), False),
        (np.zeros(3, np.float32), False),
    ],
)
def test_a_column_of_another_form_does_not_fit(values, fits):
    (scores,) = (each for each in ROWS if each.field == "scores")

    assert scores.fits(values, 3, classes=2) is fits


def test_rows_that_are_taken_keep_every_column_in_their_order():
    count = 4
    scores = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)
    columns = {
        each.field: np.arange(count * 2).reshape(count, 2).astype(each.dtype)
        if each.shape
        else np.arange(count).astype(each.dtype)
        for each in ROWS
    }
    rows = Rows(
        **columns,
        slices={"site": np.arange(count).astype(object)},
        observations={("mirror/1", "level"): np.arange(count) / 2},
        kept={("mirror/1", "scores"): KeptScores.spread(scores, np.array([0, 2]), count)},
    )

    taken = rows.take(np.array([2, 0]))

    for each in ROWS:
        assert np.array_equal(getattr(taken, each.field), columns[each.field][[2, 0]])
    assert taken.slices["site"].tolist() == [2, 0]
    assert taken.observed("mirror/1")["level"].tolist() == [1.0, 0.0]
    assert taken.observed("invert/1") == {}
    assert np.array_equal(taken.kept["mirror/1", "scores"].of_known, scores[::-1])
