"""Probabilities that were written with a few digits are probabilities still."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import DataError
from gate.subject.datasets.rounded import are_distributions, digits_of


def softmax(rows, classes, *, boost=2.5):
    random = np.random.default_rng(5)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), np.arange(rows) % classes] += boost
    scores = np.exp(logits)
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("classes", "digits"), [(5, 2), (100, 3), (10, 1), (1000, 3), (400, 4)])
def test_probabilities_of_a_few_digits_are_accepted(classes, digits):
    scores = softmax(2000, classes).round(digits)

    assert np.abs(scores.sum(axis=1) - 1).max() <= classes * 0.5 * 10.0**-digits + 1e-9
    assert are_distributions(scores).all()


@pytest.mark.parametrize("digits", [2, 3])
def test_probabilities_of_a_few_digits_are_accepted_as_float32(digits):
    scores = softmax(500, 50).round(digits).astype(np.float32).astype(np.float64)

    assert digits_of(scores) == digits
    assert are_distributions(scores).all()


@pytest.mark.parametrize("digits", [2, 3, 9])
def test_a_sigmoid_for_each_class_is_refused_however_it_is_rounded(digits):
    random = np.random.default_rng(1)
    logits = np.where(random.random((200, 20)) < 0.2, 3.0, -3.0)
    logits[:, :4] = 3.0

    assert not are_distributions((1 / (1 + np.exp(-logits))).round(digits)).any()


@pytest.mark.parametrize(
    "row",
    [(0.9, 0.8, 0.0), (0.0, 0.0, 0.0), (0.98, 0.03, 0.03), (0.5, 0.25, 0.2)],
    ids=["more", "none", "a digit more than rounding does", "a digit less"],
)
def test_a_row_that_rounding_does_not_explain_is_refused(row):
    scores = np.array([(0.25, 0.25, 0.5), (0.97, 0.01, 0.02), row])

    assert are_distributions(scores).tolist() == [True, True, False]


def test_one_rounded_row_among_others_with_all_digits_is_refused():
    scores = softmax(50, 5)
    scores[7] = (0.3, 0.3, 0.3, 0.0, 0.0)

    assert np.flatnonzero(~are_distributions(scores)).tolist() == [7]


def test_votes_are_no_rounded_probabilities():
    scores = np.eye(30)
    scores[3] = 0

    assert digits_of(scores) is None
    assert np.flatnonzero(~are_distributions(scores)).tolist() == [3]


@given(
    weights=st.lists(st.integers(0, 1000), min_size=2, max_size=30).filter(any),
    digits=st.integers(1, 4),
)
def test_whatever_sums_to_one_may_be_rounded(weights, digits):
    exact = np.array([weights], dtype=np.float64) / sum(weights)
    scores = np.vstack([exact.round(digits), np.full((1, exact.shape[1]), 0.1)])

    assert are_distributions(scores)[0]


def test_a_table_of_two_digits_is_opened(tmp_path, opened):
    lines = [
        f"i{place},{'abcde'[place % 5]}," + ",".join(f"{score:.2f}" for score in row)
        for place, row in enumerate(softmax(300, 5))
    ]
    (tmp_path / "p.csv").write_text("\n".join(["id,label,a,b,c,d,e", *lines]))

    assert len(opened(predictions="p.csv")) == 300


def test_scores_that_were_cut_off_are_refused_with_what_to_do(tmp_path, opened, says):
    scores = np.floor(softmax(50, 20, boost=0.0) * 100) / 100
    lines = [
        f"i{place},c0," + ",".join(f"{score:.2f}" for score in row)
        for place, row in enumerate(scores)
    ]
    names = ",".join(f"c{place}" for place in range(20))
    (tmp_path / "p.csv").write_text("\n".join([f"id,label,{names}", *lines]))

    with says(DataError, fact="do not sum to 1", remedy="round them instead of"):
        opened(predictions="p.csv")
