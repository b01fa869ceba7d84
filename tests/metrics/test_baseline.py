import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from gate.evidence.records import rows_from_counts
from gate.metrics import baseline, rates
from gate.metrics.estimates import Undefined
from gate.metrics.paired import PairedDifference, mcnemar_p

Z = stats.norm.ppf(0.95)


def test_no_change_at_all_still_leaves_a_width():
    unchanged = PairedDifference(lost=0, gained=0, denominator=100)

    assert unchanged.value == 0
    assert unchanged.lower(0.95) == pytest.approx(-0.0263, abs=1e-4)
    assert unchanged.upper(0.95) == pytest.approx(0.0263, abs=1e-4)


@pytest.mark.parametrize(("images", "proven"), [(267, False), (268, True)])
def test_no_loss_beyond_a_margin_takes_so_many_unchanged_images(images, proven):
    unchanged = PairedDifference(lost=0, gained=0, denominator=images)

    assert (unchanged.lower(0.95) >= -0.01) == proven
    assert math.ceil(Z**2 * 0.99 / 0.01) == 268


def test_a_drop_of_just_the_margin_passes_no_more_often_than_promised():
    # Exact: 5 points are lost, 2 gained, of 200 images; the margin is the true drop of 3 points.
    n, losing, gaining = 200, 0.05, 0.02
    lost, gained = np.meshgrid(np.arange(40), np.arange(30), indexing="ij")
    chances = stats.multinomial.pmf(
        np.stack([lost, gained, n - lost - gained], axis=-1), n, [losing, gaining, 0.93]
    )

    passed = np.array(
        [[PairedDifference(a, b, n).lower(0.95) >= -0.03 for b in range(30)] for a in range(40)]
    )

    assert chances.sum() == pytest.approx(1, abs=1e-6)
    assert chances[passed].sum() <= 0.05


flips = st.integers(1, 400).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n)).filter(
        lambda each: each[0] + each[1] <= each[2]
    )
)


@given(flips, st.floats(0.55, 0.999))
def test_bounds_of_a_change_enclose_it_and_mirror(flip, confidence):
    lost, gained, n = flip
    change, mirrored = PairedDifference(lost, gained, n), PairedDifference(gained, lost, n)

    assert -1 <= change.lower(confidence) <= change.value <= change.upper(confidence) <= 1
    assert change.lower(confidence) == pytest.approx(-mirrored.upper(confidence), abs=1e-9)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (6, 16), (5, 5), (0, 9), (40, 20)])
def test_mcnemars_exact_p_is_statsmodels(lost, gained):
    expected = mcnemar([[0, lost], [gained, 0]], exact=True).pvalue if lost + gained else 1.0

    assert mcnemar_p(lost, gained) == pytest.approx(expected)
    assert mcnemar_p(lost, gained, "mid") <= mcnemar_p(lost, gained)


@pytest.fixture
def champion():
    return rows_from_counts([[45, 5], [3, 47]])


def with_flips(rows, lost, gained):
    """The same images, the first ``lost`` right ones now wrong, ``gained`` wrong ones right."""
    predictions = rows.predictions.copy()
    right = rows.labels == predictions
    predictions[np.flatnonzero(right)[:lost]] ^= 1
    predictions[np.flatnonzero(~right)[:gained]] ^= 1
    return dataclasses.replace(rows, predictions=predictions)


def test_negative_less_positive_flips_is_the_drop(champion):
    new = with_flips(champion, lost=7, gained=3)
    pairs = baseline.pair(champion, new)

    change = baseline.accuracy_change(pairs)

    assert (change.lost, change.gained) == (7, 3)
    assert change.value == pytest.approx(rates.accuracy(new).value - rates.accuracy(champion).value)
    assert baseline.negative_flips(pairs).value == 0.07


def test_images_are_matched_by_name_and_not_by_place(champion):
    new = with_flips(champion, lost=2, gained=0)
    shuffled = new.take(np.random.default_rng(0).permutation(100))

    pairs = baseline.pair(champion, shuffled)

    assert baseline.newly_broken(pairs) == ["000000000", "000000001"]


def test_other_images_are_refused(champion):
    fewer = champion.where(np.arange(100) > 0)
    renamed = dataclasses.replace(champion, ids=champion.ids + "x")

    for other in (fewer, renamed):
        assert baseline.pair(other, champion) == Undefined(baseline.OTHER_IMAGES)


def test_other_labels_of_the_same_images_are_refused(champion):
    relabelled = dataclasses.replace(champion, labels=1 - champion.labels)

    assert baseline.pair(relabelled, champion) == Undefined(baseline.OTHER_LABELS)


def test_a_class_is_compared_on_its_own_images(champion):
    pairs = baseline.pair(champion, with_flips(champion, lost=7, gained=0))

    assert baseline.accuracy_change(pairs.of_class(0)).value == -7 / 50
    assert baseline.accuracy_change(pairs.of_class(1)).value == 0


def test_no_images_of_a_class_are_no_change(champion):
    pairs = baseline.pair(champion, champion)

    assert baseline.accuracy_change(pairs.of_class(2)).value is None
    assert baseline.negative_flips(pairs.of_class(2)).value is None


def test_a_change_of_precision_resamples_both_models_together(champion):
    new = with_flips(champion, lost=4, gained=1)
    pairs = baseline.pair(champion, new)

    found = baseline.precision_change(pairs, 0, 2)

    one, other = rates.precision(champion, 0, 2), rates.precision(new, 0, 2)
    apart = math.hypot(one.upper(0.95) - one.value, other.value - other.lower(0.95))
    assert found.value == pytest.approx(other.value - one.value)
    assert found.lower(0.95) < found.value < found.upper(0.95)
    assert found.value - found.lower(0.95) < apart  # pairing tells more than two samples


def test_changes_of_metrics_are_differences_of_their_values(champion):
    new = with_flips(champion, lost=4, gained=1)
    pairs = baseline.pair(champion, new)

    for change, metric in (
        (baseline.macro_f1_change(pairs, 2), lambda rows: rates.macro_f1(rows, 2)),
        (
            baseline.balanced_accuracy_change(pairs, 2),
            lambda rows: rates.balanced_accuracy(rows, 2),
        ),
        (baseline.f1_change(pairs, 1, 2), lambda rows: rates.f1(rows, 1, 2)),
    ):
        assert change.value == pytest.approx(metric(new).value - metric(champion).value)
        assert change.lower(0.95) < change.value < change.upper(0.95)


def test_a_class_that_one_model_never_predicts_has_no_change_of_precision(champion):
    never = dataclasses.replace(champion, predictions=np.zeros(100, dtype=np.int32))

    found = baseline.precision_change(baseline.pair(never, champion), 1, 2)

    assert found.value is None
    assert found.reason


def test_without_images_no_metric_changes(champion):
    nothing = baseline.pair(champion, champion).of_class(2)

    assert baseline.macro_f1_change(nothing, 2).value is None


def test_a_change_in_groups_counts_whole_groups(champion):
    groups = np.array([f"patient {index // 2}" for index in range(100)], dtype=object)
    new = dataclasses.replace(with_flips(champion, lost=7, gained=3), groups=groups)

    found = baseline.accuracy_change(baseline.pair(champion, new))

    assert found.value == pytest.approx(-0.04)
    assert found.method.endswith("by group")
    assert found.lower(0.95) < -0.04 < found.upper(0.95)


def test_groups_without_any_flip_have_a_bound(champion):
    """Nothing lost in 50 groups of two: one more whole group, -ln(0.05) times, may be."""
    groups = np.array([f"patient {index // 2}" for index in range(100)], dtype=object)
    new = dataclasses.replace(champion, groups=groups)

    found = baseline.accuracy_change(baseline.pair(champion, new))

    assert found.lower(0.95) == pytest.approx(math.log(0.05) * 2 / 100)
    assert found.upper(0.95) == pytest.approx(-math.log(0.05) * 2 / 100)


def test_a_few_groups_prove_nothing_of_a_change(champion):
    groups = np.array([f"patient {index // 20}" for index in range(100)], dtype=object)
    new = dataclasses.replace(champion, groups=groups)

    found = baseline.accuracy_change(baseline.pair(champion, new))

    assert math.isnan(found.lower(0.95))
    assert "5 more are needed" in found.reason
