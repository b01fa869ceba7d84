import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gate.evidence.records import rows_from_counts
from gate.metrics import rates, skill
from gate.metrics.combined import Difference
from gate.metrics.estimates import SLACK, Undefined
from gate.metrics.named import metric
from gate.metrics.proportions import F1, ClusteredShare, Proportion

CAT_DOG = [[45, 5], [3, 47]]
NO_CATS = [[0, 0, 0], [4, 40, 6], [1, 2, 47]]  # the first class is absent, and predicted 5 times
NEVER_DOG = [[50, 0], [10, 0]]


def test_cat_and_dog_are_counted():
    rows = rows_from_counts(CAT_DOG)

    assert rates.recall(rows, 0, 2) == Proportion(45, 50)
    assert rates.recall(rows, 1, 2) == Proportion(47, 50)
    assert rates.precision(rows, 0, 2) == Proportion(45, 48)
    assert rates.precision(rows, 1, 2) == Proportion(47, 52)
    assert rates.f1(rows, 0, 2) == F1(Proportion(45, 53))
    assert rates.accuracy(rows) == Proportion(92, 100)
    assert rates.confusion_rate(rows, 0, 1, 2) == Proportion(5, 50)


@pytest.mark.parametrize("groups", [False, True])
def test_of_two_classes_one_is_the_others_mirror(groups):
    rows = rows_from_counts(CAT_DOG)
    if groups:
        object.__setattr__(rows, "groups", np.arange(100).astype(object) // 2)

    assert rates.specificity(rows, 1, 2).value == rates.recall(rows, 0, 2).value
    assert rates.false_positive_rate(rows, 1, 2).value == 5 / 50
    assert rates.confusion_rate(rows, 0, 1, 2).value == 5 / 50
    assert rates.precision(rows, 0, 2).value == 45 / 48
    assert rates.f1(rows, 0, 2).value == 90 / 98


def test_a_class_without_images_has_no_recall_precision_or_f1():
    rows = rows_from_counts(NO_CATS)

    for found in (rates.recall(rows, 0, 3), rates.precision(rows, 0, 3), rates.f1(rows, 0, 3)):
        assert found.value is None
        assert found.reason == rates.NO_IMAGES_OF_CLASS


def test_wrong_predictions_of_an_absent_class_are_still_counted():
    assert rates.precision(rows_from_counts(NO_CATS), 0, 3).denominator == 5


def test_a_class_that_is_never_predicted_has_recall_and_f1_0_and_no_precision():
    rows = rows_from_counts(NEVER_DOG)

    assert rates.recall(rows, 1, 2).value == 0
    assert rates.f1(rows, 1, 2).value == 0
    assert rates.precision(rows, 1, 2) == Undefined(rates.NEVER_PREDICTED, 0, 0)


def test_means_are_over_the_classes_that_have_images():
    rows = rows_from_counts(NO_CATS)

    assert rates.balanced_accuracy(rows, 3).value == pytest.approx((0.8 + 0.94) / 2)
    f1s = [rates.f1(rows, of, 3).value for of in (1, 2)]
    assert rates.macro_f1(rows, 3).value == pytest.approx(np.mean(f1s))


def test_all_images_of_one_class_leave_no_others():
    rows = rows_from_counts([[40, 10], [0, 0]])

    assert rates.specificity(rows, 0, 2).reason == rates.NO_OTHER_IMAGES
    assert rates.false_positive_rate(rows, 0, 2).reason == rates.NO_OTHER_IMAGES
    assert skill.mcc(rows, 2).reason == skill.ONE_CLASS
    assert skill.mcc_of(rows, 0, 2).reason == rates.NO_OTHER_IMAGES
    assert skill.mcc_of(rows, 1, 2).reason == rates.NO_IMAGES_OF_CLASS


def test_kappa_is_undefined_only_where_truth_and_prediction_are_one_class():
    assert skill.kappa(rows_from_counts([[40, 0], [0, 0]]), 2).reason == skill.ONE_CLASS
    assert skill.kappa(rows_from_counts([[40, 10], [0, 0]]), 2).value == 0


@pytest.mark.parametrize(
    ("matrix", "rate", "p"), [(CAT_DOG, 0.5, 1.604e-19), ([[288, 0], [12, 0]], 0.96, 0.575981)]
)
def test_the_no_information_rate_is_that_of_the_commonest_class(matrix, rate, p):
    rows = rows_from_counts(matrix)

    assert skill.no_information_rate(rows, 2) == rate
    assert skill.p_no_information(rows, 2) == pytest.approx(p, rel=1e-3)


@given(st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=3, max_size=3))
def test_beating_the_commonest_class_is_scipys_binomial_test(matrix):
    rows = rows_from_counts(matrix)
    counts = np.array(matrix)

    found = skill.p_no_information(rows, 3)

    if counts.sum() == 0:
        assert found is None
    else:
        rate = counts.sum(axis=1).max() / counts.sum()
        expected = stats.binomtest(int(counts.trace()), int(counts.sum()), rate, "greater").pvalue
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(st.lists(st.lists(st.integers(0, 60), min_size=4, max_size=4), min_size=4, max_size=4))
def test_a_missed_class_can_only_be_rare_where_accuracy_is_high(matrix):
    rows = rows_from_counts(matrix)
    accuracy = rates.accuracy(rows).value

    for of in range(4):
        recall = rates.recall(rows, of, 4)
        if recall.value is not None and recall.value < 1:
            prevalence = recall.denominator / len(rows)
            assert prevalence <= (1 - accuracy) / (1 - recall.value) + 1e-12


def test_counts_are_subtracted_as_fractions():
    gap = rates.gap(Proportion(90, 100), Proportion(85, 100))

    assert gap.value == 0.05
    assert 0.90 - 0.85 > 0.05
    assert gap.value == gap.numerator / gap.denominator


def test_a_gap_to_what_is_undefined_is_undefined():
    gap = rates.gap(Proportion(90, 100), Undefined("the class has no images"))

    assert gap.value is None
    assert gap.reason == "the class has no images"


def test_a_gap_of_other_metrics_recovers_its_bounds_from_theirs():
    train, test = F1(Proportion(90, 100)), F1(Proportion(70, 100))

    gap = rates.gap(train, test)

    low = math.hypot(train.value - train.lower(0.95), test.upper(0.95) - test.value)
    assert gap.value == pytest.approx(train.value - test.value)
    assert gap.lower(0.95) == pytest.approx(train.value - test.value - low)
    assert gap.method == "MOVER (Clopper-Pearson through the Jaccard index)"


def test_a_gap_to_what_proves_nothing_proves_nothing():
    one_answer = skill.mcc(rows_from_counts([[20, 0], [20, 0]]), 2)

    gap = rates.gap(one_answer, one_answer)

    assert gap.value == 0
    assert math.isnan(gap.lower(0.95))
    assert gap.reason == skill.ONE_ANSWER


def test_a_gap_of_shares_by_group_recovers_its_bounds_from_theirs():
    train = ClusteredShare(np.array([5] * 39 + [3]), np.full(40, 5))
    test = ClusteredShare(np.array([5] * 18 + [2, 4]), np.full(20, 5))

    gap = rates.gap(train, test)

    low = math.hypot(train.value - train.lower(0.95), test.upper(0.95) - test.value)
    assert gap.value == gap.numerator / gap.denominator
    assert gap.lower(0.95) == pytest.approx(train.value - test.value - low)
    assert gap.method == f"MOVER ({train.method})"


def test_a_gap_to_too_few_groups_says_how_many_are_missing():
    few = ClusteredShare(np.full(7, 4), np.full(7, 5))

    gap = rates.gap(Proportion(90, 100), few)

    assert math.isnan(gap.upper(0.95))
    assert gap.reason == "7 groups, 3 more are needed for a bound"


def test_the_lower_bound_of_a_gap_mirrors_the_upper_one_turned_around():
    one, other = Proportion(56, 70), Proportion(48, 80)

    there, back = Difference(one, other), Difference(other, one)

    assert there.lower(0.95) == pytest.approx(-back.upper(0.95))


def test_a_mean_of_alike_shares_may_miss_them_by_the_slack():
    found = rates.balanced_accuracy(rows_from_counts([[7, 3, 0], [3, 7, 0], [0, 3, 7]]), 3)

    assert found.numerator is None
    assert found.value >= 0.7 - SLACK
    assert np.mean([0.7, 0.7, 0.7]) < 0.7  # why slack is needed at all


def test_a_perfect_balanced_accuracy_still_has_a_lower_bound():
    found = rates.balanced_accuracy(rows_from_counts([[20, 0], [0, 20]]), 2)

    assert found.value == 1
    assert 0.9 < found.lower(0.95) < 1
    assert found.upper(0.95) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macro-f1", "mcc", "roc-auc", "average-precision", "log-loss"])
@pytest.mark.parametrize("per_group", [None, 5])
def test_a_gap_of_any_metric_is_wrong_about_as_seldom_as_promised(rows_by_chance, name, per_group):
    def measured(n, skill, seed):
        rows = rows_by_chance(n, 3, seed=seed, skill=skill, per_group=per_group)
        return metric(name, rows, None, 3)

    runs, sign = 2000, -1 if name == "log-loss" else 1
    truth = sign * (measured(200_000, 3.0, 1).value - measured(200_000, 2.0, 2).value)
    passed = failed = 0
    for seed in range(runs):
        train, test = measured(400, 3.0, 2 * seed + 10), measured(150, 2.0, 2 * seed + 11)
        gap = rates.gap(train, test) if sign > 0 else rates.gap(test, train)
        passed += gap.upper(0.95) <= truth
        failed += gap.lower(0.95) > truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070


@pytest.mark.parametrize(("classes", "each", "share"), [(200, 20, 0.8), (50, 10, 0.6)])
def test_a_mean_f1_of_many_classes_of_just_the_requirement_seldom_fails(classes, each, share):
    """Random labels and answers: F1 of few images is too low, and many classes show that well."""
    random, failed = np.random.default_rng(0), 0
    blank = rows_from_counts([[classes * each]])
    for _ in range(200):
        labels = random.integers(0, classes, classes * each)
        wrong = (labels + random.integers(1, classes, len(labels))) % classes
        answers = np.where(random.random(len(labels)) < share, labels, wrong)
        rows = dataclasses.replace(
            blank, labels=labels.astype(np.int32), predictions=answers.astype(np.int32)
        )
        failed += rates.macro_f1(rows, classes).upper(0.95) < share

    assert failed / 200 <= 0.055 + 3 * math.sqrt(0.05 * 0.95 / 200)
