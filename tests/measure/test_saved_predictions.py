"""The digest that binds a report to its data is that of sorted lines of JSON."""

import json
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.manifest import digest_of_images
from gate.evidence.records import Rows, Split, Unreadable
from gate.measure.saved_predictions import measure_table
from gate.subject.datasets.records import PredictionTable

CLASSES = ("cat", "dog")
NAMES = st.lists(st.text(max_size=6), unique=True, max_size=12)


COLUMNS = st.lists(st.text(max_size=6), unique=True, max_size=3)


@given(NAMES, st.integers(0, 12), st.booleans(), COLUMNS)
def test_the_digest_is_that_of_all_lines_in_their_order(names, broken, grouped, columns):
    readable, lost = names[broken:], names[:broken]
    digests = np.random.default_rng(len(names)).integers(0, 256, (len(readable), 32), np.uint8)
    labels = np.arange(len(readable), dtype=np.int32) % 2
    groups = np.array([f"g{place}" for place in range(len(readable))], dtype=object)
    unreadable = [Unreadable(name, "cat", "is cut off") for name in lost]
    slices = {
        column: objects(
            [None if (row + place) % 3 else f"{column}{row}" for row in range(len(labels))]
        )
        for place, column in enumerate(columns)
    }
    lines = [
        json.dumps(
            [
                name,
                digest.tobytes().hex(),
                CLASSES[label],
                group if grouped else None,
                {column: slices[column][row] for column in sorted(columns)},
            ]
        )
        for row, (name, digest, label, group) in enumerate(
            zip(readable, digests, labels, groups, strict=True)
        )
    ]
    lines += [json.dumps([name, None, "cat", "is cut off"]) for name in lost]

    found = digest_of_images(
        rows(readable, labels, groups if grouped else None, slices),
        digests,
        unreadable,
        CLASSES,
    )

    assert found == sha256("\n".join(sorted(lines)).encode()).hexdigest()


IMAGES = ["a", "b", "c"]
SITES = {"site": ["n", "s", None], "scanner": ["A", "A", "B"]}


def digest_of(order=(0, 1, 2), **columns):
    """Return the digest of three images, in an order of rows and with columns of slices."""
    rows_of = list(order)
    chosen = [IMAGES[row] for row in rows_of]
    digests = np.array([[row] * 32 for row in rows_of], np.uint8)
    slices = {name: objects([values[row] for row in rows_of]) for name, values in columns.items()}
    labels = np.array(rows_of, np.int32) % 2
    return digest_of_images(rows(chosen, labels, None, slices), digests, [], CLASSES)


def test_neither_the_order_of_images_nor_that_of_columns_counts():
    turned = dict(reversed(SITES.items()))

    assert digest_of(**SITES) == digest_of((2, 0, 1), **turned)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"site": SITES["site"]},
        {**SITES, "site": ["n", "s", "s"]},
        {**SITES, "site": ["n", "s", "null"]},
        {"site": SITES["scanner"], "scanner": SITES["site"]},
        {"scanner": SITES["scanner"], "place": SITES["site"]},
        {**SITES, "more": [None, None, None]},
    ],
    ids=["none", "one less", "a value", "a word for none", "exchanged", "a name", "an empty one"],
)
def test_other_slices_are_other_data(other):
    assert digest_of(**other) != digest_of(**SITES)


def test_a_table_of_predictions_is_bound_with_its_slices():
    def table(**columns):
        return PredictionTable(
            path="p.csv",
            classes=CLASSES,
            ids=objects(IMAGES),
            labels=np.array([0, 1, 0], np.int32),
            scores=np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]),
            groups=None,
            slices={name: objects(values) for name, values in columns.items()},
            group_column=None,
        )

    def digest(**columns):
        return measure_table(Split.TEST, table(**columns)).manifest_sha256

    assert digest(**SITES) == digest(**dict(reversed(SITES.items())))
    assert len({digest(), digest(**SITES), digest(**{**SITES, "site": ["s", "s", None]})}) == 3


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def rows(names, labels, groups, slices):
    nothing = np.zeros(len(names))
    ids = objects(names)
    return Rows(
        ids, labels, labels, nothing, nothing, nothing, labels, groups=groups, slices=slices
    )
