"""Another order of the classes: found where there is one, and never where there is none."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gate.evidence.records import rows_from_counts
from gate.metrics.class_order import better_order, find_exchange
from gate.metrics.estimates import Undefined

GOOD = np.array([[90, 6, 4], [5, 88, 7], [2, 3, 95]])
matrices = arrays(np.int64, (3, 3), elements=st.integers(0, 30))


def found(matrix):
    return better_order(rows_from_counts(matrix), len(matrix))


def balanced(matrix, order):
    matrix = np.asarray(matrix)
    sizes = matrix.sum(axis=1)
    present = np.flatnonzero(sizes)
    return np.mean([matrix[label, order[label]] / sizes[label] for label in present])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_exchanged_columns_are_put_back(order):
    estimate = found(GOOD[:, np.argsort(order)])

    assert estimate.order == order
    assert (estimate.lower(0.95) > 0) is (order != (0, 1, 2))


@given(matrices)
def test_no_order_of_all_is_better_than_the_one_that_is_found(matrix):
    estimate = found(matrix)
    if isinstance(estimate, Undefined):
        assert matrix.sum() == 0
        return

    best = max(balanced(matrix, order) for order in permutations(range(3)))

    assert balanced(matrix, range(3)) + estimate.value == pytest.approx(best, abs=1e-7)
    assert balanced(matrix, estimate.order) == pytest.approx(best, abs=1e-7)


@given(st.integers(2, 6), st.integers(0, 5), st.lists(st.integers(1, 500), min_size=6, max_size=6))
def test_a_constant_answer_gains_nothing_in_any_order(classes, answer, sizes):
    matrix = np.zeros((classes, classes), dtype=int)
    matrix[:, answer % classes] = sizes[:classes]

    assert found(matrix).moved == ()
    assert found(matrix).value == 0


def test_a_class_without_images_stays_where_it_is():
    matrix = [[0, 90, 0], [80, 10, 0], [0, 0, 0]]

    assert found(matrix).order == (1, 0, 2)


def test_more_images_prove_more():
    bounds = [found(times * GOOD[:, [1, 0, 2]]).lower(0.95) for times in (1, 4, 16)]

    assert bounds == sorted(bounds)


def test_images_of_one_group_count_once():
    rows = rows_from_counts([[1, 19], [18, 2]])
    alone = better_order(rows, 2)

    together = better_order(rows.with_groups((np.arange(40) // 10).astype(object)), 2)

    assert alone.lower(0.95) > 0
    assert together.value == alone.value
    assert together.lower(0.95) < 0


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_guessing_is_hardly_ever_called_another_order(classes):
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), 20)
    accused = 0
    for _ in range(300):
        matrix = np.zeros((classes, classes), dtype=int)
        np.add.at(matrix, (labels, random.integers(0, classes, len(labels))), 1)
        accused += found(matrix).lower(0.95) > 0

    assert accused <= 15  # 5 % of 300; Hoeffding's inequality leaves far fewer


def test_without_images_there_is_no_value():
    assert found([[0, 0], [0, 0]]).value is None


@given(matrices)
def test_the_share_of_mended_answers_is_counted(matrix):
    estimate = found(matrix)
    if isinstance(estimate, Undefined):
        return

    wrong = matrix.sum() - np.trace(matrix)
    then = matrix.sum() - matrix[np.arange(3), estimate.order].sum()

    assert estimate.mended == pytest.approx((wrong - then) / wrong if wrong else 0)


@pytest.mark.parametrize(
    ("matrix", "order"),
    [
        ([[2, 48], [47, 3]], (1, 0)),
        ([[300, 0, 0], [0, 5, 95], [0, 90, 10]], (0, 2, 1)),
        ([[48, 2], [3, 47]], None),
        ([[1, 2], [2, 1]], None),  # six images prove nothing
        ([[250, 0], [250, 0]], None),
        ([[50, 450, 0], [0, 50, 450], [450, 0, 50]], (1, 2, 0)),
        ([[200, 300, 0], [0, 200, 300], [300, 0, 200]], None),
    ],
    ids=["swap", "swap of two in three", "good", "few", "constant", "round", "mends too little"],
)
def test_an_order_is_blamed_where_it_provably_mends_most_wrong_answers(matrix, order):
    better = find_exchange(rows_from_counts(matrix), len(matrix))

    assert (better and better.order) == order
