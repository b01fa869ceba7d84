import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.records import rows_from_counts
from gate.metrics.inflation import inflations

CLASSES = ("cat", "dog", "emu")


def by_name(confusion, spoilt):
    rows = rows_from_counts(confusion)
    chosen = np.zeros(len(rows), bool)
    chosen[list(spoilt)] = True
    return {(each.name, each.class_name): each for each in inflations(rows, chosen, CLASSES)}


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=3, max_size=3),
    st.data(),
)
def test_the_difference_is_as_given_minus_clean_wherever_both_are_defined(confusion, data):
    images = int(np.sum(confusion))
    spoilt = data.draw(st.sets(st.integers(0, images - 1))) if images else set()

    for each in by_name(confusion, spoilt).values():
        if each.as_given.value is None or each.clean.value is None:
            assert each.difference.value is None
        else:
            expected = each.as_given.value - each.clean.value
            assert each.difference.value == pytest.approx(expected)
            assert each.difference.lower(0.95) <= each.difference.value + 1e-12
            assert each.difference.upper(0.95) >= each.difference.value - 1e-12


def test_leaked_images_that_are_right_inflate_recall_and_precision():
    inflated = by_name([[4, 4, 0], [4, 4, 0], [0, 0, 8]], spoilt=range(4))  # 4 cats, all right

    recall, precision = inflated["recall", "cat"], inflated["precision", "cat"]
    assert (recall.as_given.value, recall.clean.value) == (0.5, 0)
    assert (precision.as_given.value, precision.clean.value) == (0.5, 0)
    assert recall.difference.value == precision.difference.value == 0.5


def test_a_class_without_leaks_is_not_inflated_and_that_is_certain():
    emu = by_name([[4, 4, 0], [4, 4, 0], [0, 1, 7]], spoilt=range(4))["recall", "emu"]

    assert emu.difference.value == 0
    assert (emu.difference.lower(0.95), emu.difference.upper(0.95)) == (0, 0)


def test_where_nothing_remains_the_difference_is_not_known():
    inflated = by_name([[2, 0, 0], [0, 2, 0], [0, 0, 2]], spoilt=range(6))

    assert {each.clean.value for each in inflated.values()} == {None}
    assert {each.difference.value for each in inflated.values()} == {None}
