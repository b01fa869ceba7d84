import dataclasses
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.api import OLS

from gate.evidence.records import rows_from_counts
from gate.metrics import rates, tables
from gate.metrics.proportions import ClusteredProportion, Proportion, share_of


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
        assert "1 groups" in found.reason


@pytest.mark.parametrize(("groups", "proves"), [(9, False), (10, True)])
def test_fewer_than_ten_groups_prove_nothing(rows, groups, proves):
    found = rates.accuracy(grouped(rows, [index % groups for index in range(100)]))

    assert math.isnan(found.lower(0.95)) != proves
    assert math.isnan(found.upper(0.95)) != proves
    assert bool(found.reason) != proves


@pytest.mark.parametrize("hit", [0, 1])
def test_a_share_of_none_or_all_counts_each_group_once(hit):
    share = ClusteredProportion(np.full(12, 5 * hit), np.full(12, 5))

    as_if = Proportion(12 * hit, 12)
    assert share.lower(0.95) == as_if.lower(0.95)
    assert share.upper(0.95) == as_if.upper(0.95)


def test_images_that_are_right_or_wrong_by_group_count_about_once_a_group():
    hits = np.array([5] * 15 + [0] * 5)
    share = ClusteredProportion(hits, np.full(20, 5))

    as_if = Proportion(15, 20)
    assert share.value == as_if.value
    assert share.lower(0.95) == pytest.approx(as_if.lower(0.95), abs=0.02)
    assert share.upper(0.95) == pytest.approx(as_if.upper(0.95), abs=0.02)


def test_the_standard_error_is_that_of_a_clustered_regression():
    random = np.random.default_rng(5)
    codes = random.integers(0, 30, 400)
    hits = random.random(400) < 0.7 + 0.02 * (codes % 10)
    share = share_of(hits, codes, "no images")

    fit = OLS(hits.astype(float), np.ones(400)).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False}
    )

    assert share.standard_error == pytest.approx(fit.bse[0] * math.sqrt(30 / 29))


def test_groups_never_prove_more_than_independent_images():
    random = np.random.default_rng(6)
    for _ in range(30):
        codes = random.integers(0, 25, 200)
        hits = random.random(200) < 0.9
        share, plain = share_of(hits, codes, ""), share_of(hits, None, "")

        assert share.effective(0.95) <= 200
        assert share.lower(0.95) <= plain.lower(0.95)
        assert share.upper(0.95) >= plain.upper(0.95)


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


@pytest.mark.slow
@pytest.mark.parametrize("groups", [20, 40])
def test_a_wrong_pass_stays_near_alpha_where_images_come_in_groups(groups):
    # Beta-binomial groups of 5 at the boundary, correlation 0.4: independent bounds pass wrongly
    # in more than one run of ten.
    random, runs, required = np.random.default_rng(1), 1500, 0.85
    a, b = required * 1.5, (1 - required) * 1.5
    passed = naive = 0
    for _ in range(runs):
        hits = random.binomial(5, random.beta(a, b, groups))
        passed += ClusteredProportion(hits, np.full(groups, 5)).lower(0.95) >= required
        naive += Proportion(int(hits.sum()), 5 * groups).lower(0.95) >= required

    assert passed / runs < 0.065
    assert naive / runs > 0.10


def test_quantiles_of_t_make_few_groups_count_less():
    hits, sizes = np.array([4, 5, 3, 5, 5, 2, 5, 4, 5, 5, 3, 5]), np.full(12, 5)
    share = ClusteredProportion(hits, sizes)

    ratio = stats.t.ppf(0.95, 59) / stats.t.ppf(0.95, 11)

    assert share.effective(0.95) == pytest.approx(60 / share.design_effect * ratio**2)
