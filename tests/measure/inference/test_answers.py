"""From outputs to rows: torch is the judge of softmax, order and rank."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gate.errors import CheckpointError
from gate.measure.data_pass.first_batch import require_probabilities
from gate.measure.inference.answers import (
    Answers,
    looks_like_probabilities,
    per_class,
    probabilities,
)

outputs = st.integers(2, 5).flatmap(
    lambda classes: arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.just(classes)),
        elements=st.floats(-1000, 1000, width=32),
    )
)


@given(logits=outputs)
def test_logits_become_the_softmax_of_torch(logits):
    expected = torch.from_numpy(logits).double().softmax(dim=1).numpy()

    assert probabilities(logits, are_logits=True) == pytest.approx(expected, abs=1e-12)


def test_huge_logits_neither_overflow_nor_vanish():
    found = probabilities(np.array([[3e38, -3e38], [-3e38, -3e38]], np.float32), are_logits=True)

    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]


@given(logits=outputs, data=st.data())
def test_prediction_confidence_and_margin_are_those_of_the_two_best(logits, data):
    labels = np.array(
        data.draw(
            st.lists(
                st.integers(0, logits.shape[1] - 1), min_size=len(logits), max_size=len(logits)
            )
        ),
        np.int32,
    )
    scores = probabilities(logits, are_logits=True)
    best, _ = torch.from_numpy(scores).topk(2, dim=1)

    answers = Answers.of(scores, labels)

    assert answers.predictions.tolist() == scores.argmax(axis=1).tolist()
    assert answers.confidence == pytest.approx(best[:, 0].numpy())
    assert answers.margin == pytest.approx((best[:, 0] - best[:, 1]).numpy())
    assert answers.true_score.tolist() == [
        row[label] for row, label in zip(scores, labels, strict=True)
    ]


@given(logits=outputs, data=st.data())
def test_the_rank_of_the_truth_is_its_place_in_a_stable_sort(logits, data):
    scores = probabilities(logits, are_logits=True)
    label = data.draw(st.integers(0, logits.shape[1] - 1))
    labels = np.full(len(scores), label, np.int32)
    places = np.argsort(-scores, axis=1, kind="stable").tolist()

    answers = Answers.of(scores, labels)

    assert answers.true_rank.tolist() == [place.index(label) for place in places]
    assert ((answers.true_rank == 0) == (answers.predictions == labels)).all()


def test_of_equal_scores_the_first_class_is_predicted():
    answers = Answers.of(np.array([[0.5, 0.5]]), np.array([1], np.int32))

    assert (answers.predictions[0], answers.true_rank[0], answers.margin[0]) == (0, 1, 0.0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0.2, 0.8], [1.0, 0.0]], True),
        ([[0.2, 0.8], [2.0, -1.0]], False),  # sums to 1 and is no share
        ([[0.2, 0.7]], False),
        ([[0.9995, 0.0002]], True),  # half precision rounds
        ([[0.0, 0.0]], False),
    ],
)
def test_shares_that_sum_to_one_are_probabilities_already(rows, expected):
    assert looks_like_probabilities(np.array(rows, np.float32)) is expected


def test_outputs_that_stop_being_probabilities_are_refused_by_their_image():
    scores = np.array([[0.5, 0.5], [1.0, 0.0], [3.0, -2.0]])

    with pytest.raises(CheckpointError, match=r"one for image c is 3; let the model give logits"):
        require_probabilities(scores, ["a", "b", "c"])


def test_probabilities_that_miss_their_range_by_rounding_are_probabilities():
    require_probabilities(np.array([[1.0000001, -1e-7], [0.9995, 0.0004]]), ["a", "b"])


@given(arrays(np.float32, 5, elements=st.floats(-100, 100, width=32)))
def test_a_single_logit_is_the_sigmoid_of_torch_for_the_second_class(outputs):
    found = probabilities(per_class(outputs[:, None], "logit"), are_logits=True)

    assert found[:, 1] == pytest.approx(torch.from_numpy(outputs).double().sigmoid().numpy())
    assert found.sum(axis=1) == pytest.approx(np.ones(5))


@given(arrays(np.float32, 5, elements=st.floats(0, 1, width=32)))
def test_a_single_probability_keeps_every_bit(outputs):
    found = per_class(outputs[:, None], "probability")

    assert np.array_equal(found[:, 1], outputs)
    assert looks_like_probabilities(found)


def test_sigmoids_of_several_classes_are_no_probabilities_of_one_each():
    scores = np.array([[0.9, 0.1], [0.9, 0.8]])

    with pytest.raises(CheckpointError) as caught:
        require_probabilities(scores, ["a", "b"], declared=True)

    fact = "output: declares probabilities, and those for image b sum to 1.7"
    assert caught.value.fact == fact
    assert "multi-label" in caught.value.remedy
    require_probabilities(scores[:1], ["a"], declared=True)
