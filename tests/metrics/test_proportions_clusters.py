import dataclasses
import math

import numpy as np
import pytest
from statsmodels.api import OLS

from gate.evidence.records import rows_from_counts
from gate.metrics import baseline, losses, rates, skill, tables
from gate.metrics.deployment import deployment_precision
from gate.metrics.proportions import ClusteredShare, Proportion, share_of


def grouped(rows, groups):
    return dataclasses.replace(rows, groups=np.array(groups, dtype=object))


@pytest.fixture
def rows():
    """100 images, 92 of them right."""
    return rows_from_counts([[45, 5], [3, 47]])


def test_groups_of_one_image_each_are_no_clusters(rows):
    alone = grouped(rows, [f"patient {index}" for index in range(100)])

    found, plain = rates.accuracy(alone), rates.accuracy(rows)

    assert found == plain
    assert rates.macro_f1(alone, 2).lower(0.95) == rates.macro_f1(rows, 2).lower(0.95)


def test_one_group_for_all_images_proves_nothing(rows):
    together = grouped(rows, ["patient"] * 100)

    for found in (rates.accuracy(together), rates.macro_f1(together, 2), rates.f1(together, 0, 2)):
        assert found.value == pytest.approx(0.92, abs=0.01)
        assert math.isnan(found.lower(0.95))
        assert math.isnan(found.upper(0.95))
        assert found.reason.startswith("1 group, 9 more")


@pytest.mark.parametrize(("groups", "proves"), [(9, False), (10, True)])
def test_fewer_than_ten_groups_prove_nothing(rows, groups, proves):
    found = rates.accuracy(grouped(rows, [index % groups for index in range(100)]))

    assert math.isnan(found.lower(0.95)) != proves
    assert math.isnan(found.upper(0.95)) != proves
    assert bool(found.reason) != proves


def test_images_listed_many_times_as_a_group_prove_no_more_than_once():
    for groups in (10, 24, 60):
        for right in range(groups + 1):
            hits = np.array([1] * right + [0] * (groups - right))
            once, many = Proportion(right, groups), ClusteredShare(40 * hits, np.full(groups, 40))

            assert many.value == once.value
            assert many.lower(0.95) <= once.lower(0.95) + 1e-12
            assert many.upper(0.95) >= once.upper(0.95) - 1e-12


def test_the_spread_of_groups_is_that_of_a_clustered_regression():
    random = np.random.default_rng(5)
    codes = random.integers(0, 30, 400)
    hits = random.random(400) < 0.7 + 0.02 * (codes % 10)
    share = share_of(hits, codes, "no images")

    fit = OLS(hits.astype(float), np.ones(400)).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )

    standard_error = math.sqrt(share.spread.squares)
    assert standard_error == pytest.approx(fit.bse[0] * math.sqrt(30 / 29))


def test_an_image_without_a_group_is_a_group_of_its_own(rows):
    groups = ["patient 1"] * 40 + [None] * 60

    found = rates.accuracy(grouped(rows, groups))

    assert found.groups == 61


def test_a_group_that_is_named_like_an_image_stays_apart(rows):
    named = grouped(rows, [rows.ids[0], None, *range(98)])
    swapped = dataclasses.replace(named, groups=np.array([None, rows.ids[0], *range(98)], object))

    assert len(set(tables.group_codes(named))) == len(set(tables.group_codes(swapped))) == 100


def test_the_order_of_rows_does_not_number_the_groups(rows):
    named = grouped(rows, [f"patient {index // 3}" for index in range(100)])
    order = np.random.default_rng(0).permutation(100)

    assert np.array_equal(tables.group_codes(named.take(order)), tables.group_codes(named)[order])


def evenly(rows):
    """The same rows in groups that each have one wrong answer, and all as many right ones."""
    right = rows.labels == rows.predictions
    misses = int((~right).sum())
    groups = np.empty(len(rows), dtype=np.int64)
    groups[right] = np.arange(right.sum()) % misses
    groups[~right] = np.arange(misses)
    return grouped(rows, groups)


def bounds(rows):
    """Return lower and upper bounds of one metric of each kind that knows groups."""
    champion = dataclasses.replace(rows, predictions=1 - rows.predictions)  # as bad, elsewhere
    found = {
        "accuracy": rates.accuracy(rows),
        "recall": rates.recall(rows, 0, 2),
        "f1": rates.f1(rows, 0, 2),
        "macro-f1": rates.macro_f1(rows, 2),
        "mcc": skill.mcc(rows, 2),
        "expected-cost": losses.expected_cost(rows, [[0, 1], [1, 0]]),
        "deployment-precision": deployment_precision(rows, 0, (0.5, 0.5)),
        "change of accuracy": baseline.accuracy_change(baseline.Pairs(champion, rows)),
        "change of macro F1": baseline.macro_f1_change(baseline.Pairs(champion, rows), 2),
    }
    return {name: (each.lower(0.95), each.upper(0.95)) for name, each in found.items()}


def test_groups_that_are_all_alike_prove_no_more_than_their_images():
    rows = rows_from_counts([[250, 250], [250, 250]])  # one right, one wrong in every group

    alone, together = bounds(rows), bounds(evenly(rows))

    for name, (low, high) in alone.items():
        assert together[name][0] <= low + 1e-12, name
        assert together[name][1] >= high - 1e-12, name


def test_who_groups_by_the_answers_passes_no_more_often():
    """A model of just the requirement, whose misses are spread over groups once they are known."""
    random, passed = np.random.default_rng(0), 0
    for _ in range(300):
        hits = random.binomial(1000, 0.5)
        rows = rows_from_counts([[hits, 1000 - hits], [0, 0]])
        passed += rates.accuracy(evenly(rows)).lower(0.95) >= 0.5

    assert passed / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
