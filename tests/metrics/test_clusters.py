import dataclasses
import math

import numpy as np
import pytest
from statsmodels.api import OLS

from gate.evidence.records import rows_from_counts
from gate.metrics import rates, tables
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
