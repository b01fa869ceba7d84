"""Answers by kept scores are those by all scores; where they may not be, that is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.kept_scores import ALL, BEST, KeptScores, keep
from gate.evidence.operating_point import OperatingPoint, Threshold
from gate.metrics.operating_point import ABSTAIN, Untold, answers_at, answers_by_kept, order_of


def names(classes):
    return tuple(f"class {label}" for label in range(classes))


def point(classes, order, otherwise="best"):
    listed = tuple(Threshold(names(classes)[label], least) for label, least in order)
    return OperatingPoint(listed, otherwise)


def kept_of(scores):
    return KeptScores.spread(keep(scores), np.arange(len(scores)), len(scores))


def drawn(classes, seed, sharpness=1.0, rows=20):
    scores = np.exp(sharpness * np.random.default_rng(seed).normal(size=(rows, classes)))
    return scores / scores.sum(axis=1, keepdims=True)


@st.composite
def situations(draw):
    classes = draw(st.sampled_from([2, 3, ALL, ALL + 1, 90, 200]))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=4, unique=True))
    order = [(label, draw(st.sampled_from([0.0, 0.004, 0.02, 0.04, 0.3]))) for label in labels]
    sharpness = draw(st.sampled_from([0.3, 1.0, 3.0]))
    scores = drawn(classes, draw(st.integers(0, 99)), sharpness)
    return scores, order, draw(st.sampled_from(["best", "abstain"]))


@given(situations())
def test_answers_by_what_is_kept_are_those_by_all_scores_or_not_told(situation):
    scores, order, otherwise = situation
    classes = scores.shape[1]
    at = point(classes, order, otherwise)
    expected = answers_at(
        scores.astype(np.float32), order_of(at, names(classes)), abstains=otherwise == "abstain"
    )
    try:
        found = answers_by_kept(kept_of(scores), at, names(classes))
    except Untold:
        assert classes > ALL
        assert min(least for _, least in order) <= 1 / BEST
        return

    assert np.array_equal(found, expected)


@pytest.mark.parametrize("classes", [ALL + 1, 1000])
def test_a_threshold_above_a_thirty_second_is_always_told(classes):
    scores = drawn(classes, 1, 0.1)
    at = point(classes, [(3, 0.0313), (0, 0.5)])

    answers_by_kept(kept_of(scores), at, names(classes))


def test_a_threshold_that_an_unkept_score_may_reach_is_told_with_its_class_and_a_remedy():
    scores = drawn(1000, 1, 0.1)

    with pytest.raises(Untold) as untold:
        answers_by_kept(kept_of(scores), point(1000, [(7, 0.0005)]), names(1000))

    assert str(untold.value) == (
        "the evidence keeps the 32 highest of 1,000 scores, and whether class 7 reaches 0.0005 is "
        "not known of every image"
    )
    assert untold.value.remedy.startswith("state a threshold of class 7 above 0.03125")


def test_the_best_of_the_others_is_not_told_where_the_order_lists_as_many_as_are_kept():
    order = [(label, 0.9) for label in range(BEST)]

    with pytest.raises(Untold) as untold:
        answers_by_kept(kept_of(drawn(100, 1)), point(100, order), names(100))

    assert "lists 32 classes" in str(untold.value)


def test_where_the_order_lists_every_class_the_best_of_all_is_known():
    scores = drawn(100, 1)
    at = point(100, [(label, 0.9) for label in range(100)])

    assert np.array_equal(answers_by_kept(kept_of(scores), at, names(100)), scores.argmax(axis=1))


def test_an_image_that_was_not_asked_has_no_answer():
    kept = KeptScores.spread(keep(drawn(3, 1, rows=2)), np.array([0, 3]), 4)

    found = answers_by_kept(kept, point(3, [(1, 0.0)]), names(3))

    assert found.tolist() == [1, ABSTAIN, ABSTAIN, 1]
