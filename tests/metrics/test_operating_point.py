"""Answers at an operating point, and what every metric of answers makes of them."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from gate.evidence.operating_point import Fit, OperatingPoint, Threshold
from gate.evidence.records import (
    Configuration,
    Evidence,
    Overlap,
    Pair,
    PairKind,
    Split,
    SplitEvidence,
)
from gate.metrics import losses, rates, skill
from gate.metrics.baseline import balanced_accuracy_change, macro_f1_change, pair
from gate.metrics.champion import metric_change
from gate.metrics.named import metric
from gate.metrics.operating_point import answers_at, best_answers, doubt_of_fit, rows_at

SHARES = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.4, 0.5, 0.9, 1.0])
OF_SCORES = ("roc-auc", "average-precision", "log-loss", "brier", "calibration-error")


def point(*order, otherwise="best"):
    return OperatingPoint(tuple(Threshold(*each) for each in order), otherwise)


def one_by_one(scores, order, *, abstains):
    """Answer as a person would, image by image."""
    answers = []
    for row in scores:
        met = [label for label, least in order if row[label] >= least]
        rest = [c for c in range(len(row)) if c not in {label for label, _ in order}]
        best = max(rest or range(len(row)), key=lambda c: (row[c], -c))
        answers.append(met[0] if met else -1 if abstains else best)
    return answers


@given(
    scores=st.lists(st.lists(SHARES, min_size=3, max_size=3), min_size=1, max_size=20),
    labels=st.permutations([0, 1, 2]).flatmap(lambda p: st.integers(1, 3).map(lambda k: p[:k])),
    least=st.lists(SHARES, min_size=3, max_size=3),
    abstains=st.booleans(),
)
def test_the_first_class_whose_threshold_is_met_is_the_answer(scores, labels, least, abstains):
    order = list(zip(labels, least, strict=False))

    found = answers_at(np.array(scores), order, abstains=abstains)

    assert found.tolist() == one_by_one(scores, order, abstains=abstains)


def test_a_threshold_a_float_above_a_score_is_not_met_by_it():
    score = np.float32(0.7)

    above = float(np.nextafter(np.float64(score), 1))

    assert answers_at(np.array([[0.3, score]], np.float32), [(1, float(score))]).tolist() == [1]
    assert answers_at(np.array([[0.3, score]], np.float32), [(1, above)]).tolist() == [0]


@pytest.fixture
def abstaining(rows_by_chance):
    """Rows of three classes of which some have no answer, and those of the highest score."""
    before = rows_by_chance(400, 3, seed=4)
    order = (("a", 0.5), ("b", 0.6), ("c", 0.45))
    after = rows_at(before, point(*order, otherwise="abstain"), "abc")
    assert 0.05 < np.mean(after.predictions == -1) < 0.95
    return before, after


def test_an_image_without_an_answer_is_missed_and_nobodys_prediction(abstaining):
    _, rows = abstaining
    answers = rows.predictions

    for c in range(3):
        mine, given = rows.labels == c, answers == c
        assert rates.recall(rows, c, 3).value == (mine & given).sum() / mine.sum()
        assert rates.precision(rows, c, 3).value == (mine & given).sum() / given.sum()
        assert rates.specificity(rows, c, 3).value == (~mine & ~given).sum() / (~mine).sum()
        assert rates.recall(rows, c, 3).denominator == mine.sum()


def test_means_over_classes_are_those_of_scikit_learn_with_a_label_more(abstaining):
    _, rows = abstaining
    truth, answers, names = rows.labels, rows.predictions, [0, 1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a label in the answers that no image truly has
        expected = {
            "accuracy": sk.accuracy_score(truth, answers),
            "balanced-accuracy": sk.recall_score(truth, answers, labels=names, average="macro"),
            "macro-f1": sk.f1_score(truth, answers, labels=names, average="macro"),
            "macro-precision": sk.precision_score(truth, answers, labels=names, average="macro"),
            "mcc": sk.matthews_corrcoef(truth, answers),
            "kappa": sk.cohen_kappa_score(truth, answers),
        }

    found = {name: metric(name, rows, None, 3).value for name in expected}

    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(
    "name", ["balanced-accuracy", "macro-f1", "macro-precision", "mcc", "kappa"]
)
def test_bounds_of_answers_with_abstention_are_numbers_around_the_value(name, grouped, abstaining):
    _, rows = abstaining
    if grouped:
        rows = rows.with_groups(np.array([f"{i // 4}" for i in range(len(rows))], dtype=object))

    found = metric(name, rows, None, 3)

    assert found.lower(0.95) < found.value < found.upper(0.95)


@pytest.mark.parametrize("name", OF_SCORES)
def test_metrics_of_scores_do_not_see_the_operating_point(name, abstaining):
    before, after = abstaining

    assert metric(name, after, None, 3).value == metric(name, before, None, 3).value


def test_a_model_that_always_abstains_has_no_recall_and_no_precision(rows_by_chance):
    rows = rows_at(rows_by_chance(60, 2), point(("a", 1.0), otherwise="abstain"), "ab")

    assert rates.accuracy(rows).value == 0
    assert rates.recall(rows, 0, 2).value == 0
    assert rates.precision(rows, 0, 2).value is None
    assert np.isnan(skill.mcc(rows, 2).lower(0.95))


def test_a_champion_that_never_abstains_is_compared_with_a_model_that_does(abstaining):
    before, after = abstaining
    pairs = pair(before, after)

    for change, name in (
        (balanced_accuracy_change, "balanced-accuracy"),
        (macro_f1_change, "macro-f1"),
    ):
        gained = metric(name, after, None, 3).value - metric(name, before, None, 3).value
        found = change(pairs, 3)
        assert found.value == pytest.approx(gained)
        assert found.lower(0.95) < found.value < found.upper(0.95)
    of_class = metric_change("f1", pairs, 1, 3)
    assert of_class.value == pytest.approx(
        rates.f1(after, 1, 3).value - rates.f1(before, 1, 3).value
    )


def test_no_answer_costs_what_the_last_column_says(abstaining):
    _, rows = abstaining
    costs = [[0, 1, 1, 5], [1, 0, 1, 5], [1, 1, 0, 5]]

    found = losses.expected_cost(rows, costs)

    none = rows.predictions == -1
    wrong = ~none & (rows.predictions != rows.labels)
    assert found.value == pytest.approx((5 * none.sum() + wrong.sum()) / len(rows))


def test_to_abstain_is_as_grave_as_the_gravest_mistake(abstaining):
    _, rows = abstaining
    steps = np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))

    found = skill.weighted_kappa(rows, steps)

    # By its definition, with a column more whose every entry weighs 2.
    table = np.zeros((3, 4))
    np.add.at(table, (rows.labels, rows.predictions % 4), 1)
    weights = np.column_stack([steps, [2, 2, 2]])
    chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    assert found.value == pytest.approx(1 - (weights * table).sum() / (weights * chance).sum())


def test_the_answers_by_the_highest_score_are_found_again(abstaining):
    before, after = abstaining

    assert best_answers(after).predictions.tolist() == before.predictions.tolist()
    assert not best_answers(after).abstains


@pytest.mark.parametrize("scores", [None, "NaN"])
def test_rows_without_scores_have_no_answers_at_a_threshold(scores, rows_by_chance):
    rows = rows_by_chance(20, 2)
    kept = None if scores is None else np.where(np.arange(20)[:, None] == 3, np.nan, rows.scores)
    rows = dataclasses.replace(rows, scores=kept)

    with pytest.raises(ValueError, match=r"no scores were kept|a score is NaN"):
        rows_at(rows, point(("a", 0.5)), "ab")


def measured(rows, *, compared, pairs=(), form="folder"):
    """Evidence of thresholds that were fitted on validation, whose splits were compared so."""
    splits = {
        name: SplitEvidence(name, str(name), form, len(rows), "0" * 64, rows)
        for name in (Split.VALIDATION, Split.TEST)
    }
    overlaps = (Overlap(Split.VALIDATION, Split.TEST, pairs, compared=compared),)
    fit = OperatingPoint((Threshold("b", 0.5, Fit("recall", 0.9)),))
    return Evidence(
        classes=("a", "b"),
        splits=splits,
        overlaps=overlaps if compared is not None else (),
        configuration=Configuration(operating_point=fit),
    )


def test_thresholds_are_beyond_doubt_where_validation_and_test_were_compared(rows_by_chance):
    rows = rows_by_chance(20, 2)
    near = Pair("x", "y", Split.VALIDATION, Split.TEST, "a", "a", PairKind.NEAR, 3.0)

    assert doubt_of_fit(measured(rows, compared=(PairKind.BYTES,))) == ""
    assert "has 1 of the 20" in doubt_of_fit(
        measured(rows, compared=(PairKind.NEAR,), pairs=(near,))
    )


@pytest.mark.parametrize("compared", [(), (PairKind.ID,), None])
def test_thresholds_are_in_doubt_where_nothing_could_be_compared(compared, rows_by_chance):
    found = measured(rows_by_chance(20, 2), compared=compared)

    assert "could not be compared with those of test" in doubt_of_fit(found)
