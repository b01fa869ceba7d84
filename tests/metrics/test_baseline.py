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
from gate.metrics.paired import PairedDifference, mcnemar_p, tango
from gate.metrics.proportions import Proportion


def paired(lost, gained, n):
    return PairedDifference(Proportion(lost, n), Proportion(gained, n))


@pytest.mark.parametrize(("images", "proven"), [(298, False), (299, True)])
def test_no_loss_beyond_a_margin_takes_so_many_unchanged_images(images, proven):
    unchanged = paired(0, 0, images)

    assert unchanged.value == 0
    assert (unchanged.lower(0.95) >= -0.01) == proven
    assert unchanged.lower(0.95) == pytest.approx(-(1 - 0.05 ** (1 / images)))
    assert unchanged.upper(0.95) == -unchanged.lower(0.95)


def outcomes(n, losing, gaining):
    """Return the numbers lost and gained of n images, both (a, b), with the chance of each pair."""
    most = [int(stats.binom.isf(1e-9, n, share)) + 2 for share in (losing, gaining)]
    lost, gained = np.meshgrid(*map(np.arange, most), indexing="ij")
    rest = n - lost - gained
    chances = stats.multinomial.pmf(
        np.stack([lost, gained, np.maximum(rest, 0)], axis=-1),
        n,
        [losing, gaining, 1 - losing - gaining],
    )
    return lost, gained, np.where(rest >= 0, chances, 0.0)


def wrong_verdicts(n, losing, gaining, confidence):
    """Return the exact chances to pass and to fail where the margin is the true change."""
    truth, passed, failed = gaining - losing, 0.0, 0.0
    for lost, gained, chance in zip(*map(np.ravel, outcomes(n, losing, gaining)), strict=True):
        if chance > 1e-8:
            change = paired(int(lost), int(gained), n)
            passed += chance * (change.lower(confidence) >= truth + 1e-12)
            failed += chance * (change.upper(confidence) < truth - 1e-12)
    return passed, failed


@pytest.mark.parametrize(
    ("n", "losing", "gaining"),
    [(30, 0.1, 0.05), (60, 0.03, 0.0), (60, 0.3, 0.2), (120, 0.02, 0.01)],
)
def test_a_drop_of_just_the_margin_passes_no_more_often_than_promised(n, losing, gaining):
    passed, failed = wrong_verdicts(n, losing, gaining, 0.95)

    assert passed <= 0.052
    assert failed <= 0.052


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 120, 300])
@pytest.mark.parametrize("losing", [0.005, 0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("gaining", [0.0, 0.01, 0.05, 0.2])
def test_enumerated_drops_are_wrong_no_more_often_than_promised(n, losing, gaining):
    for confidence, promised in ((0.95, 0.05), (0.99, 0.01)):
        passed, failed = wrong_verdicts(n, losing, gaining, confidence)
        much = 1.1 if losing + gaining > 0.2 else 1.0  # Tango's limits are no exact ones

        assert passed <= promised * much
        assert failed <= promised * much


flips = st.integers(1, 400).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n)).filter(
        lambda each: each[0] + each[1] <= each[2]
    )
)


@given(flips, st.floats(0.55, 0.999))
def test_bounds_of_a_change_enclose_it_and_mirror(flip, confidence):
    lost, gained, n = flip
    change, mirrored = paired(lost, gained, n), paired(gained, lost, n)

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

    assert (change.lost.numerator, change.gained.numerator) == (7, 3)
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
        assert baseline.pair(other, champion).reason == baseline.OTHER_IMAGES


def test_other_labels_of_the_same_images_are_refused(champion):
    relabelled = dataclasses.replace(champion, labels=1 - champion.labels)

    assert baseline.pair(relabelled, champion).reason == baseline.OTHER_LABELS


def test_a_class_is_compared_on_its_own_images(champion):
    pairs = baseline.pair(champion, with_flips(champion, lost=7, gained=0))

    assert baseline.accuracy_change(pairs.of_class(0)).value == -7 / 50
    assert baseline.accuracy_change(pairs.of_class(1)).value == 0


def test_no_images_of_a_class_are_no_change(champion):
    pairs = baseline.pair(champion, champion)

    assert baseline.accuracy_change(pairs.of_class(2)).value is None
    assert baseline.negative_flips(pairs.of_class(2)).value is None


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (20, 20), (60, 40), (5, 90)])
def test_a_change_is_proven_no_better_than_by_the_score_test(lost, gained):
    found = PairedDifference(Proportion(lost, 200), Proportion(gained, 200))

    for confidence in (0.9, 0.95, 0.99):
        assert found.lower(confidence) <= tango(lost, gained, 200, confidence, -1)
        assert found.upper(confidence) >= tango(lost, gained, 200, confidence, 1)


def test_a_change_of_precision_looks_at_both_models_together(champion):
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
    assert "by group" in found.method
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


@pytest.mark.parametrize("per_group", [None, 1, 5])
def test_answers_that_are_the_champions_prove_that_no_metric_fell(per_group):
    rows = rows_from_counts([[1480, 20], [40, 1460]])
    if per_group:
        rows = rows.with_groups(np.arange(3000).astype(object) // per_group)
    pairs = baseline.pair(rows, rows)

    changes = {
        "accuracy": baseline.accuracy_change(pairs),
        "recall": baseline.accuracy_change(pairs.of_class(1)),
        "balanced accuracy": baseline.balanced_accuracy_change(pairs, 2),
        "macro F1": baseline.macro_f1_change(pairs, 2),
        "precision": baseline.precision_change(pairs, 0, 2),
        "F1": baseline.f1_change(pairs, 1, 2),
    }
    for name, change in changes.items():
        assert change.value == 0, name
        assert -0.02 < change.lower(0.95) < 0 < change.upper(0.95) < 0.02, name


def test_no_change_and_one_broken_image_of_3000_prove_so_much():
    champion = rows_from_counts([[1500, 0], [0, 1500]])
    same, broken = (
        baseline.pair(champion, with_flips(champion, lost=lost, gained=0)) for lost in (0, 1)
    )

    for change in (baseline.balanced_accuracy_change, baseline.macro_f1_change):
        assert change(same, 2).lower(0.95) == pytest.approx(-0.0010, abs=5e-5)
        assert change(broken, 2).lower(0.95) == pytest.approx(-0.0016, abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["balanced accuracy", "macro F1", "precision"])
@pytest.mark.parametrize("per_group", [None, 5])
def test_changes_of_counts_are_wrong_about_as_seldom_as_promised(metric, per_group):
    # Of 300 images the champion has 0.95 right; 0.06 of those break, half of the wrong are mended.
    random, runs, n = np.random.default_rng(4), 2000, 300
    labels = (np.arange(n) % 2).astype(np.int32)
    blank = rows_from_counts([[n, 0], [0, 0]])
    if per_group:
        blank = blank.with_groups(np.arange(n).astype(object) // per_group)
    change = {
        "balanced accuracy": baseline.balanced_accuracy_change,
        "macro F1": baseline.macro_f1_change,
        "precision": lambda pairs, classes: baseline.precision_change(pairs, 0, classes),
    }[metric]
    truth = -0.95 * 0.06 + 0.05 * 0.5  # of each, as both classes are alike
    passed = failed = 0
    for _ in range(runs):
        right = random.random(n) < 0.95
        now = np.where(right, random.random(n) >= 0.06, random.random(n) < 0.5)
        old, new = (
            dataclasses.replace(
                blank,
                labels=labels,
                predictions=np.where(each, labels, 1 - labels).astype(np.int32),
            )
            for each in (right, now)
        )
        found = change(baseline.Pairs(old, new), 2)
        passed += found.lower(0.95) >= truth
        failed += found.upper(0.95) < truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070


@pytest.mark.slow
@pytest.mark.parametrize("groups", [40, 150])
@pytest.mark.parametrize(("losing", "gaining"), [(0.02, 0.0), (0.06, 0.03), (0.3, 0.2)])
@pytest.mark.parametrize("alike", [0.2, 1.0])
def test_a_change_in_groups_is_wrong_about_as_seldom_as_promised(groups, losing, gaining, alike):
    # Of each group of 5 images a part ``alike`` of the images share the luck of the group.
    random, runs = np.random.default_rng(8), 2000
    blank = rows_from_counts([[5 * groups]]).with_groups(
        (np.arange(5 * groups) // 5).astype(object)
    )
    truth = gaining - losing
    passed = failed = 0
    for _ in range(runs):
        luck = random.random(5 * groups)
        shared = random.random(5 * groups) < alike
        luck = np.where(shared, random.random(groups).repeat(5), luck)
        new = np.where(luck < losing, 1, 0)
        old = np.where(luck > 1 - gaining, 1, 0)
        pairs = baseline.Pairs(
            dataclasses.replace(blank, predictions=old.astype(np.int32)),
            dataclasses.replace(blank, predictions=new.astype(np.int32)),
        )
        found = baseline.accuracy_change(pairs)
        passed += found.lower(0.95) >= truth
        failed += found.upper(0.95) < truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070
