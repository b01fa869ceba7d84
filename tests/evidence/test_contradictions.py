"""Rows that no model can have answered are found; those of any model are not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gate.evidence.contradictions import Contradiction, require_sound_rows
from gate.evidence.records import UNLABELLED, Rows, rows_from_counts
from gate.measure.inference.answers import Answers

SCORES = np.array(
    [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.35, 0.4], [0.5, 0.4, 0.1]], dtype=np.float64
)
LABELS = np.array([0, 1, 1, 2], np.int32)
NAMES = np.array(["a", "b", "c", "d"], dtype=object)


def rows_of(scores, labels, *, keep=True):
    found = Answers.of(scores, labels)
    names = np.array([f"{row:03}" for row in range(len(labels))], dtype=object)
    return Rows(
        names,
        found.labels,
        found.predictions,
        found.confidence,
        found.margin,
        found.true_score,
        found.true_rank,
        found.scores if keep else None,
    )


ROWS = replace(rows_of(SCORES, LABELS), ids=NAMES)
KEPT = pytest.mark.parametrize("keep", [True, False], ids=["scores kept", "scores dropped"])


def changed(column, value, row=0, *, keep=True):
    values = getattr(ROWS, column).copy()
    values[row] = value
    return replace(ROWS, **{column: values}, **({} if keep else {"scores": None}))


def contradiction(rows, classes=3, **how):
    with pytest.raises(Contradiction) as caught:
        require_sound_rows(rows, classes, place="test", **how)
    assert caught.value.fact
    return caught.value


@given(
    st.integers(2, 5).flatmap(
        lambda classes: st.tuples(
            arrays(np.float64, (7, classes), elements=st.floats(0, 1)),
            arrays(np.int32, 7, elements=st.integers(0, classes - 1)),
        )
    ),
    st.booleans(),
)
def test_whatever_a_model_answers_is_sound(answers, keep):
    scores, labels = answers

    require_sound_rows(rows_of(scores, labels, keep=keep), scores.shape[1], place="test")


@given(st.integers(0, 2**32 - 1), st.floats(1e-9, 1e-6))
def test_scores_that_float32_makes_equal_are_ties(seed, apart):
    """In float64 the second class is ahead; as float32 both are the same number."""
    base = np.random.default_rng(seed).random((20, 1)) * 0.4 + 0.3
    scores = np.hstack([base, base + apart * 1e-3, 1 - 2 * base.clip(max=0.5)])

    require_sound_rows(rows_of(scores, np.arange(20, dtype=np.int32) % 3), 3, place="test")


def test_many_rows_are_looked_at_to_the_last(monkeypatch):
    monkeypatch.setattr("gate.evidence.contradictions._CELLS", 6)
    rows = rows_of(np.tile(SCORES, (5, 1)), np.tile(LABELS, 5))
    require_sound_rows(rows, 3, place="test")
    rows.predictions[-1] = 1

    assert contradiction(rows).place == "test: '019'"


def test_made_up_rows_have_no_scores_and_real_ones_always():
    rows = rows_from_counts([[3, 1], [0, 4]])

    require_sound_rows(rows, 2, place="test", synthetic=True)
    assert contradiction(rows, 2).fact.startswith("its confidence is nan")


def test_made_up_rows_that_have_scores_must_agree_with_them():
    assert contradiction(changed("confidence", 0.6), synthetic=True)


@KEPT
@pytest.mark.parametrize(
    ("column", "value", "row"),
    [
        ("labels", 3, 0),
        ("labels", -1, 0),
        ("predictions", 3, 0),
        ("predictions", -1, 0),
        ("labels", 1, 0),
        ("labels", 2, 2),  # the right answer, where a wrong one was given
        ("predictions", 1, 2),
        ("predictions", 1, 0),
        ("confidence", 1.5, 0),
        ("confidence", -0.5, 0),
        ("confidence", np.nan, 0),
        ("confidence", np.inf, 0),
        ("confidence", 0.9, 0),
        ("margin", -0.1, 1),
        ("margin", 0.9, 1),
        ("margin", np.nan, 1),
        ("true_score", 0.9, 2),
        ("true_score", 0.39, 2),
        ("true_score", np.nan, 2),
        ("true_score", -0.2, 2),
        ("true_rank", 0, 2),
        ("true_rank", 1, 0),
        ("true_rank", -1, 2),
        ("true_rank", 3, 2),
    ],
)
def test_a_value_that_cannot_be_is_found_with_its_image(keep, column, value, row):
    assert contradiction(changed(column, value, row, keep=keep)).place == f"test: {NAMES[row]!r}"


@pytest.mark.parametrize(
    ("column", "value", "row"),
    [("confidence", 0.7001, 0), ("margin", 0.31, 1), ("true_score", 0.3, 2), ("true_rank", 2, 2)],
)
def test_a_value_that_could_be_is_found_where_scores_tell(column, value, row):
    assert contradiction(changed(column, value, row)).place == f"test: {NAMES[row]!r}"


@pytest.mark.parametrize("value", [np.nan, 1.5, -0.5, np.inf])
def test_scores_that_are_no_probabilities_are_found(value):
    scores = ROWS.scores.copy()
    scores[3, 2] = value

    assert contradiction(replace(ROWS, scores=scores)).place == "test: 'd'"


def test_forged_answers_are_found_although_every_column_agrees_but_the_scores():
    """The forgery of a shard: all answers are right, and the scores are still those of before."""
    forged = replace(ROWS, predictions=LABELS.copy(), true_rank=np.zeros(4, np.int32))

    assert contradiction(forged).place == "test: 'c'"


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": np.array(["a", "b", "b", "d"], object)},
        {"ids": np.array(["a", None, "c", "d"], object)},
        {"ids": np.array(["a", 7, "c", "d"], object)},
        {"groups": np.array(["a", b"b", "c", "d"], object)},
        {"slices": {"site": np.array([["n"], ["s"], ["n"], ["s"]], object)}},
        {"slices": {"site": np.array(["n", "s", "n"], object)}},
        {"labels": LABELS.astype(np.int64)},
        {"confidence": ROWS.confidence[:3]},
        {"margin": ROWS.margin[:, None]},
        {"scores": ROWS.scores[:, :2]},
        {"scores": SCORES},
        {"predictions": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_columns_that_are_not_one_value_a_row_are_found(changes):
    assert contradiction(replace(ROWS, **changes)).place.startswith("test")


def test_the_first_such_image_is_named_and_the_others_are_counted():
    forged = replace(ROWS, confidence=ROWS.confidence + np.array([0, 0, 0.01, 0.01]))

    found = contradiction(forged)

    assert found.place == "test: 'c'"
    assert found.fact == (
        "its confidence is 0.41, which is not the highest of its scores (2 such images)"
    )


@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_looked_at_stays_as_it_is(order):
    scores = np.array(ROWS.scores[:1], order=order)
    before = scores.copy()
    scores.flags.writeable = False

    require_sound_rows(replace(ROWS.take(np.arange(1)), scores=scores), 3, place="test")

    assert np.array_equal(scores, before)


def test_an_image_of_a_split_without_labels_may_have_none():
    none = np.full(len(ROWS), UNLABELLED, np.int32)
    rows = replace(ROWS, labels=none, true_rank=none, true_score=np.full(len(ROWS), np.nan))

    require_sound_rows(rows, 3, place="unknown", labelled=False)
    for change in (
        {"labels": ROWS.labels},
        {"true_rank": ROWS.true_rank},
        {"true_score": ROWS.true_score},
        {"predictions": (ROWS.predictions + 1) % 3},
    ):
        with pytest.raises(Contradiction):
            require_sound_rows(replace(rows, **change), 3, place="unknown", labelled=False)
    with pytest.raises(Contradiction):
        require_sound_rows(rows, 3, place="test")
