"""How many train images a gap needs: the reference values, and what holds for all of them."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from gate.metrics.support import min_train_support

ENTRIES = [
    entry
    for entry in json.loads(
        (Path(__file__).parent / "reference" / "row_sets.json").read_text(encoding="utf-8")
    )["entries"]
    if entry["kind"] == "min_train_support"
]
GAPS = st.floats(0, 3) | st.floats(0, 1e-3)
CONFIDENCES = st.floats(0.51, 0.9999)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_the_reference_values_come_out(entry):
    given_ = entry["inputs"]

    assert (
        min_train_support(given_["n_test"], given_["max_gap"], given_["conf"])
        == (entry["expected"])
    )


@pytest.mark.parametrize(("gap", "expected"), [(0.10, 271), (0.05, 1083)])
def test_the_usual_gaps_need_271_and_1083_images_at_95_percent(gap, expected):
    assert min_train_support(10_000, gap, 0.95) == expected


@given(st.integers(0, 10**7), GAPS, CONFIDENCES)
@example(1000, 0.0, 0.95)
@example(1000, 1e-300, 0.95)
def test_it_never_asks_for_more_than_test_has(images, gap, confidence):
    assert 0 <= min_train_support(images, gap, confidence) <= images


@given(st.integers(1, 10**6), st.floats(0.001, 1), CONFIDENCES)
def test_with_so_many_a_share_on_train_is_known_to_half_the_gap(images, gap, confidence):
    needed = min_train_support(images, gap, confidence)

    if needed < images:
        widest = stats.norm.ppf(confidence) * math.sqrt(0.25 / needed)
        assert widest <= gap / 2 * (1 + 1e-12)


@given(st.integers(0, 10**6), GAPS, GAPS, CONFIDENCES, CONFIDENCES)
def test_a_stricter_rule_asks_for_no_fewer(images, one_gap, other_gap, one_level, other_level):
    strict = min_train_support(images, min(one_gap, other_gap), max(one_level, other_level))
    loose = min_train_support(images, max(one_gap, other_gap), min(one_level, other_level))

    assert strict >= loose
