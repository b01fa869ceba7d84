# ruff: noqa: T201 - a benchmark prints its ratios
"""How fast metrics are, as ratios of two ways to the same number, taken in turn.

Run with ``pytest -m benchmark -s``; nothing here asserts a time.
"""

import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from gate.evidence.records import rows_from_counts
from gate.metrics import losses, rates, tables
from gate.metrics.named import metric
from gate.metrics.summary import OF_A_CLASS, OF_A_SPLIT

pytestmark = pytest.mark.benchmark

COUNTED = (tables.confusion, tables.cells, tables.groups_by_cell, tables.groups_by_class)


def seconds(work, times=5, *, forget=True) -> float:
    taken = []
    for _ in range(times):
        if forget:
            for counted in COUNTED:
                counted.cache_clear()
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2]


@pytest.fixture(scope="module")
def million_rows():
    random = np.random.default_rng(0)
    return rows_from_counts(random.integers(0, 500, (10, 10)) + np.diag([97_500] * 10))


def test_a_bound_of_macro_f1_against_drawing_row_by_row(million_rows):
    random, n = np.random.default_rng(1), len(million_rows)

    def one_draw_by_row():
        drawn = random.integers(0, n, n)
        f1_score(million_rows.labels[drawn], million_rows.predictions[drawn], average="macro")

    padded = seconds(lambda: rates.macro_f1(million_rows, 10).lower(0.95))
    tables.confusion(million_rows, 10), tables.cells(million_rows, 10)
    again = seconds(lambda: rates.macro_f1(million_rows, 10).lower(0.95), forget=False)
    by_row = 1000 * seconds(one_draw_by_row, times=3)

    print(f"\nthe bound of macro-F1 on {n:,} rows: {1000 * padded:.1f} ms, {1000 * again:.2f} ms ")
    print(f"once they are counted; 1,000 resamples row by row {by_row:,.0f} s")


def test_bounds_of_images_in_groups(million_rows):
    rows = million_rows.with_groups((np.arange(len(million_rows)) // 5).astype(object))
    tables.group_codes(rows)

    first = seconds(lambda: rates.macro_f1(rows, 10).lower(0.95))
    again = seconds(lambda: rates.macro_f1(rows, 10).lower(0.95), forget=False)
    share = seconds(lambda: rates.accuracy(rows).lower(0.95))

    print(f"\n{len(rows):,} rows in groups of 5: macro-F1 {1000 * first:.0f} ms, the next metric ")
    print(f"{1000 * again:.0f} ms, accuracy {1000 * share:.0f} ms")


@pytest.mark.parametrize("classes", [2, 10])
def test_bounds_of_all_metrics_of_a_million_rows_in_200_000_groups(classes):
    random, n = np.random.default_rng(3), 1_000_000
    rows = rows_from_counts((np.eye(classes, dtype=int) * (n // classes)).tolist())
    scores = random.random((n, classes), dtype=np.float32)
    scores[np.arange(n), rows.labels] += 1.5
    scores /= scores.sum(axis=1, keepdims=True)
    rows = replace(
        rows,
        predictions=scores.argmax(axis=1).astype(np.int32),
        scores=scores,
        confidence=scores.max(axis=1).astype(np.float64),
        true_score=scores[np.arange(n), rows.labels].astype(np.float64),
        groups=(random.permutation(n) // 5).astype(object),
    )
    tables.group_codes(rows)
    costs = (1.0 - np.eye(classes)).tolist()
    of_all = {
        name: lambda name=name: metric(name, rows, None, classes)
        for name in (*OF_A_SPLIT, "average-precision")
        if name != "calibration-error"
    } | {"expected-cost": lambda: losses.expected_cost(rows, costs)}
    of_a_class = {name: lambda name=name: metric(name, rows, 0, classes) for name in OF_A_CLASS}

    def bounds(estimate):
        return estimate.lower(0.95), estimate.upper(0.95)

    once = {
        name: seconds(lambda make=make: bounds(make()), times=3, forget=False)
        for name, make in {**of_all, **of_a_class}.items()
    }
    together = seconds(
        lambda: [bounds(make()) for make in (*of_all.values(), *of_a_class.values())], times=3
    )

    print(f"\n{len(once)} metrics of {classes} classes, {n:,} rows in {n // 5:,} groups: ", end="")
    print(f"{together:.2f} s; once they are counted:")
    print(", ".join(f"{name} {1000 * took:.0f} ms" for name, took in once.items()))


def test_macro_f1_against_scikit_learn(million_rows):
    labels, predictions = million_rows.labels, million_rows.predictions

    ours = seconds(lambda: rates.macro_f1(million_rows, 10).value)
    theirs = seconds(lambda: f1_score(labels, predictions, average="macro"), times=3)

    print(f"\nmacro-F1 of {len(labels):,} rows: {ours:.4f} s; ", end="")
    print(f"scikit-learn {theirs:.4f} s; {theirs / ours:,.0f} times as fast")


def test_a_thousand_classes_against_ten():
    random = np.random.default_rng(2)
    many = rows_from_counts(random.poisson(0.03, (1000, 1000)) + np.diag([40] * 1000))
    few = rows_from_counts(random.integers(0, 500, (10, 10)) + np.diag([4_000] * 10))

    each_class = seconds(
        lambda: [rates.recall(many, of, 1000).lower(0.95) for of in range(1000)], times=3
    )
    thousand = seconds(lambda: rates.macro_f1(many, 1000).lower(0.95), times=1)
    ten = seconds(lambda: rates.macro_f1(few, 10).lower(0.95), times=3)

    print(f"\nrecall bounds of 1,000 classes: {each_class:.4f} s; the bound of macro-F1: ")
    print(f"{thousand:.3f} s for 1,000 classes, {ten:.4f} s for 10 ({thousand / ten:,.0f} times)")
