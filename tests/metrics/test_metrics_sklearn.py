import numpy as np
import pytest
from sklearn import metrics as sk

from gate.metrics import calibration, losses, ranking, rates, skill

SHAPES = [(40, 2, 0), (300, 2, 1), (300, 3, 2), (1000, 10, 3), (2000, 30, 4)]


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape[0]} images, {shape[1]} classes")
def sample(request, rows_by_chance):
    n, classes, seed = request.param
    return rows_by_chance(n, classes, seed=seed), classes


@pytest.fixture(params=[None, 2, 1], ids=["no ties", "some ties", "many ties"])
def decimals(request):
    return request.param


def answers(rows):
    return rows.labels, rows.predictions


def test_metrics_of_counts_agree_to_the_last_bit(sample):
    rows, classes = sample
    given = answers(rows)

    assert rates.accuracy(rows).value == sk.accuracy_score(*given)
    assert rates.balanced_accuracy(rows, classes).value == sk.balanced_accuracy_score(*given)
    assert rates.macro_f1(rows, classes).value == sk.f1_score(*given, average="macro")
    assert rates.macro_precision(rows, classes).value == sk.precision_score(
        *given, average="macro", zero_division=0
    )
    assert skill.mcc(rows, classes).value == sk.matthews_corrcoef(*given)
    assert skill.kappa(rows, classes).value == sk.cohen_kappa_score(*given)


def test_metrics_of_each_class_agree_to_the_last_bit(sample):
    rows, classes = sample
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        *answers(rows), labels=range(classes), zero_division=0
    )

    for of in range(classes):
        assert rates.precision(rows, of, classes).value in (precision[of], None)
        assert rates.recall(rows, of, classes).value == recall[of]
        assert rates.f1(rows, of, classes).value == f1[of]
        assert skill.mcc_of(rows, of, classes).value == sk.matthews_corrcoef(
            *(each == of for each in answers(rows))
        )


def test_areas_agree_to_the_last_bit(rows_by_chance, decimals):
    for n, classes, seed in SHAPES:
        rows = rows_by_chance(n, classes, seed=seed, decimals=decimals)
        for of in range(classes):
            positive, scores = rows.labels == of, rows.scores[:, of]
            auc, ap = sk.roc_auc_score, sk.average_precision_score
            assert ranking.roc_auc_of(rows, of, classes).value == auc(positive, scores)
            assert ranking.average_precision_of(rows, of, classes).value == ap(positive, scores)


def test_mean_areas_agree_to_the_last_bit(sample):
    rows, classes = sample
    truth = np.eye(classes)[rows.labels]

    assert ranking.roc_auc(rows, classes).value == sk.roc_auc_score(
        truth, rows.scores, average="macro"
    )
    assert ranking.average_precision(rows, classes).value == sk.average_precision_score(
        truth, rows.scores, average="macro"
    )


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_accuracy_agrees(rows_by_chance, k):
    rows = rows_by_chance(500, 5)

    assert ranking.top_k_accuracy(rows, k).value == sk.top_k_accuracy_score(
        rows.labels, rows.scores, k=k, labels=range(5)
    )


def test_log_loss_agrees(sample):
    rows, classes = sample
    scores = rows.scores / rows.scores.sum(axis=1, keepdims=True, dtype=np.float64)
    true = scores[np.arange(len(rows)), rows.labels]
    object.__setattr__(rows, "true_score", true)

    expected = sk.log_loss(rows.labels, scores, labels=range(classes))

    assert losses.log_loss(rows).value == pytest.approx(expected, rel=1e-12)


def test_brier_score_of_two_classes_agrees(rows_by_chance):
    rows = rows_by_chance(300, 2)

    expected = sk.brier_score_loss(rows.labels, rows.scores[:, 1].astype(np.float64))

    assert losses.brier(rows, 2).value == pytest.approx(expected, rel=1e-6)


def test_brier_score_of_more_classes_is_the_sum_over_classes(rows_by_chance):
    rows = rows_by_chance(300, 4)

    distances = ((rows.scores.astype(np.float64) - np.eye(4)[rows.labels]) ** 2).sum(axis=1)

    assert losses.brier(rows, 4).value == pytest.approx(distances.mean(), rel=1e-12)


def test_the_reliability_curve_is_sklearns(rows_by_chance):
    from sklearn.calibration import calibration_curve

    rows = rows_by_chance(1000, 3)
    right = rows.labels == rows.predictions
    accuracy, confidence = calibration_curve(right, rows.confidence, n_bins=calibration.BINS)

    occupied = [each for each in calibration.calibration_error(rows).curve if each.images]

    assert [each.accuracy for each in occupied] == pytest.approx(list(accuracy))
    assert [each.confidence for each in occupied] == pytest.approx(list(confidence))
