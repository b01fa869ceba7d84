"""The search for weak slices: what it proposes, and how often it is right, by simulation."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from gate.evidence.records import rows_from_counts
from gate.metrics.proportions import Proportion
from gate.metrics.seen_slices import seen_from, sight_of
from gate.metrics.weak_slices import OneOfSearched, search, where

ALPHA = 0.05


def rows_of(columns, right):
    """Return rows with slice columns c0, c1, ..., (n, columns), and whether each is right."""
    rows = rows_from_counts([[len(right), 0], [0, 0]])
    slices = {f"c{at}": values.astype(str).astype(object) for at, values in enumerate(columns.T)}
    return replace(rows, predictions=np.where(right, 0, 1).astype(np.int32), slices=slices)


def found_on(rows, *, required=0.9, depth=2, min_images=20):
    columns = list(rows.slices)
    return search(rows, np.ones(len(rows), bool), columns, required=required, alpha=ALPHA,
                  depth=depth, min_images=min_images)  # fmt: skip


def by_chance(seed, images=2000, columns=4, values=3, share=0.85):
    random = np.random.default_rng(seed)
    return rows_of(random.integers(0, values, (images, columns)), random.random(images) < share)


def test_it_proposes_the_slices_of_the_smallest_binomial_chance():
    rows = by_chance(1)
    right = rows.labels == rows.predictions
    chances = {}
    for size in (1, 2):
        for chosen in combinations(rows.slices, size):
            for values in np.ndindex(*(3,) * size):
                definition = tuple(zip(chosen, map(str, values), strict=True))
                at = where(rows, definition)
                if at.sum() >= 20:
                    chances[definition] = stats.binom.cdf(right[at].sum(), at.sum(), 0.9)

    found = found_on(rows)

    assert found.searched == len(chances)
    expected = sorted((p, d) for d, p in chances.items() if p <= ALPHA)[:5]
    assert sorted(each.chance for each in found.candidates) == pytest.approx(
        [p for p, _ in expected]
    )
    assert {each.definition for each in found.candidates} == {d for _, d in expected}


def test_slices_with_few_images_are_not_looked_at_and_pairs_only_where_asked():
    rows = by_chance(2)

    assert found_on(rows, depth=1).searched == 12
    assert found_on(rows).searched == 12 + 6 * 9
    assert found_on(rows, min_images=3000).searched == 0


def test_two_columns_that_say_the_same_propose_one_slice():
    random = np.random.default_rng(3)
    column = random.integers(0, 3, 1000)
    weak = rows_of(np.stack([column, column], axis=1), (column != 1) | (random.random(1000) < 0.5))

    found = found_on(weak)

    assert [each.name for each in found.candidates] == ["c0=1"]


def test_among_many_that_were_searched_a_slice_has_to_be_weaker():
    share = Proportion(80, 100)
    among = OneOfSearched(share, 5, 480)

    assert among.upper(0.99) > share.upper(0.99)
    assert among.upper(1 - ALPHA / 5) == pytest.approx(share.upper(1 - ALPHA / 480))
    assert (among.value, among.lower(0.95)) == (share.value, share.lower(0.95))


def test_what_would_be_seen_is_what_is_found_8_times_in_10():
    truth = seen_from(100, 100, 0.9, ALPHA, 1)
    first = max(k for k in range(101) if stats.binom.cdf(k, 100, 0.9) <= ALPHA)
    last = max(k for k in range(101) if Proportion(k, 100).upper(0.95) < 0.9)
    chance = stats.binom.cdf(first, 100, truth) * stats.binom.cdf(last, 100, truth)

    assert chance == pytest.approx(0.8, abs=1e-6)
    assert seen_from(None, 100, 0.9, ALPHA, 1) > truth
    assert seen_from(100, 1, 0.9, ALPHA, 5) is None


def sight(images=1000, *, validation=True, groups=None, share=0.97, seed=5):
    """Return what a search of 480 slices, none of them weak, could have seen."""
    random = np.random.default_rng(seed)
    rows = rows_of(random.integers(0, 4, (images, 8)), random.random(images) < share)
    if groups is not None:
        rows = replace(rows, groups=np.arange(images).astype(str).astype(object))
        rows.groups[:] = [f"g{at // groups}" for at in range(images)]
    return sight_of(found_on(rows), rows if validation else None, rows, required=0.9, alpha=ALPHA)


def test_what_could_be_seen_is_told_of_the_sizes_that_were_searched():
    found = sight()

    sizes = [each.images for each in found.by_size]
    assert found.searched == 480
    assert sizes == sorted(set(sizes))
    assert found.by_size[0].slices == 480
    assert found.by_size[-1].slices >= 1
    assert [each.confirmed_on for each in found.by_size] == sizes
    told = [each.found_below for each in found.by_size if each.found_below is not None]
    assert told == sorted(told)


def test_a_smaller_test_confirms_less_than_validation_discovers():
    rows = by_chance(4, images=2000, share=0.97)
    few = rows.where(np.arange(len(rows)) < 200)

    alike, scarce = (
        sight_of(found_on(rows), rows, test, required=0.9, alpha=ALPHA) for test in (rows, few)
    )

    assert scarce.by_size[-1].found_below < alike.by_size[-1].found_below
    assert scarce.by_size[-1].confirmed_on == pytest.approx(alike.by_size[-1].images / 10, abs=1)


def test_without_validation_and_with_groups_less_is_seen():
    whole = sight().by_size[-1].found_below

    assert sight(validation=False).by_size[-1].found_below < whole
    assert sight(groups=5).by_size[-1].found_below < whole
    assert sight(groups=50).by_size[-1].found_below is None


@pytest.mark.parametrize("validation", [True, False])
def test_a_slice_as_weak_as_the_table_says_is_found_8_times_in_10(validation):
    """By simulation: 16 slices of 100 images, one at the share that the table names; 400 runs."""
    random = np.random.default_rng(11)
    first = np.repeat(np.arange(16), 100)
    plain = rows_of(first[:, None], random.random(1600) < 0.99)
    told = sight_of(found_on(plain), plain if validation else None, plain, required=0.9,
                    alpha=ALPHA).by_size[-1].found_below  # fmt: skip

    def draw():
        return rows_of(first[:, None], random.random(1600) < np.where(first == 3, told, 0.99))

    def is_confirmed():
        rows, test = draw(), draw()
        among = 16
        if validation:
            named = [each.name for each in found_on(rows).candidates]
            if "c0=3" not in named:
                return False
            among = len(named)
        right = (test.labels == test.predictions)[first == 3]
        return Proportion(int(right.sum()), 100).upper(1 - ALPHA / among) < 0.9

    assert np.mean([is_confirmed() for _ in range(400)]) == pytest.approx(0.8, abs=0.06)


def confirms(random, images, weak, others):
    """Return whether any slice, and whether the weak pair, is confirmed in one run of 480."""

    def draw():
        columns = random.integers(0, 4, (images, 8))
        pair = (columns[:, 0] == 0) & (columns[:, 1] == 0)  # a sixteenth of the images
        return rows_of(columns, random.random(images) < np.where(pair, weak, others))

    found, test = found_on(draw()), draw()
    right = test.labels == test.predictions
    beside = found_on(test)
    errors = [(each, 0.1 * ALPHA / beside.searched) for each in beside.candidates]
    errors += [(each, 0.9 * ALPHA / len(found.candidates)) for each in found.candidates]
    failed = {
        each.name
        for each, error in errors
        if (at := where(test, each.definition)).any()
        and Proportion(int(right[at].sum()), int(at.sum())).upper(1 - error) < 0.9
    }
    return bool(failed), "c0=0, c1=0" in failed


@pytest.mark.slow
@pytest.mark.parametrize(("images", "power"), [(1000, 0.75), (2000, 0.95)])
def test_a_weak_pair_of_480_slices_is_found_as_often_as_promised(images, power):
    """By simulation: 8 columns of 4 values, the pair at 0.75 and the others at 0.97; 300 runs."""
    random = np.random.default_rng(images)

    found = [confirms(random, images, 0.75, 0.97)[1] for _ in range(300)]

    assert np.mean(found) >= power


@pytest.mark.slow
def test_where_no_slice_is_weak_one_is_called_so_at_most_5_times_in_100():
    """By simulation: all 480 slices exactly at the requirement; 400 runs."""
    random = np.random.default_rng(9)

    found = [confirms(random, 1000, 0.9, 0.9)[0] for _ in range(400)]

    assert np.mean(found) <= 0.05
