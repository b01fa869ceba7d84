import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.records import rows_from_counts
from gate.metrics.inflation import Leak, inflation, inflations
from gate.metrics.losses import expected_cost
from gate.metrics.ranking import top_k_accuracy
from gate.metrics.summary import summary

CLASSES = ("cat", "dog", "emu")
FROM_COUNTS = ("balanced-accuracy", "macro-precision", "macro-f1", "mcc", "kappa")
OF_SCORES = ("roc-auc", "average-precision", "log-loss", "brier", "calibration-error")


def leak_of(rows, spoilt):
    chosen = np.zeros(len(rows), bool)
    chosen[list(spoilt)] = True
    return Leak.of(rows, chosen, CLASSES)


def by_name(confusion, spoilt):
    leak = leak_of(rows_from_counts(confusion), spoilt)
    return {(each.name, each.class_name): each for each in inflations(leak)}


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=3, max_size=3),
    st.data(),
)
def test_the_difference_is_as_given_minus_clean_wherever_both_are_defined(confusion, data):
    images = int(np.sum(confusion))
    spoilt = data.draw(st.sets(st.integers(0, images - 1))) if images else set()

    for each in by_name(confusion, spoilt).values():
        if each.as_given.value is None or each.clean.value is None:
            assert each.difference.value is None
            assert each.difference.reason
        else:
            expected = each.as_given.value - each.clean.value
            assert each.difference.value == pytest.approx(expected)


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=3, max_size=3),
    st.data(),
)
def test_shares_have_bounds_on_either_side_of_their_difference(confusion, data):
    images = int(np.sum(confusion))
    spoilt = data.draw(st.sets(st.integers(0, images - 1))) if images else set()

    for each in by_name(confusion, spoilt).values():
        if each.name in ("accuracy", "recall", "precision") and each.difference.value is not None:
            assert each.difference.lower(0.95) <= each.difference.value + 1e-12
            assert each.difference.upper(0.95) >= each.difference.value - 1e-12


@pytest.mark.parametrize("per_group", [None, 3])
def test_every_metric_that_reports_show_has_a_difference_and_bounds_around_it_or_a_reason(
    rows_by_chance, per_group
):
    rows = rows_by_chance(900, 3, per_group=per_group)
    leak = leak_of(rows, range(150))

    found = {(each.name, each.class_name): each for each in inflations(leak)}

    assert list(found) == [(each.name, each.class_name) for each in summary(rows, CLASSES)]
    for name, each in found.items():
        value = each.as_given.value - each.clean.value
        assert each.difference.value == pytest.approx(value, abs=1e-12), name
        if name[0] == "calibration-error":
            assert math.isnan(each.difference.lower(0.95))
            assert math.isnan(each.difference.upper(0.95))
            assert each.difference.reason
        else:
            assert each.difference.lower(0.95) < value < each.difference.upper(0.95), name


@pytest.mark.parametrize("name", ["accuracy", *FROM_COUNTS, *OF_SCORES])
def test_the_order_of_the_images_changes_nothing(rows_by_chance, name):
    rows = rows_by_chance(200, 3)
    order = np.random.default_rng(0).permutation(len(rows))
    leak = leak_of(rows, range(30))
    turned = leak_of(rows.take(order), np.flatnonzero(order < 30))

    one, other = (inflation(name, None, each).difference for each in (leak, turned))

    np.testing.assert_allclose(
        (one.value, one.lower(0.9), one.upper(0.9)),
        (other.value, other.lower(0.9), other.upper(0.9)),
        rtol=0,
        atol=1e-12,
    )


def test_the_share_of_leaked_images_scales_the_interval_of_the_gap():
    clean, copied = [[425, 25, 0], [25, 425, 0], [0, 0, 0]], [[50, 0, 0], [0, 50, 0], [0, 0, 0]]
    rows = rows_from_counts((np.array(clean) + copied).tolist())
    right = np.flatnonzero(rows.labels == rows.predictions)

    accuracy = inflation("accuracy", None, leak_of(rows, right[:100])).difference

    assert accuracy.value == pytest.approx(0.0056, abs=5e-5)
    assert accuracy.lower(0.95) == pytest.approx(0.0024, abs=5e-5)
    assert accuracy.upper(0.95) == pytest.approx(0.0070, abs=5e-5)


@pytest.mark.parametrize("name", ["macro-f1", "mcc", "roc-auc"])
def test_the_spread_is_that_of_leaving_out_one_image_at_a_time(rows_by_chance, name):
    rows = rows_by_chance(300, 3, skill=1.0)
    right = np.flatnonzero(rows.labels == rows.predictions)[:50]
    leak = leak_of(rows, right)

    def difference(kept):
        part = Leak.of(rows.where(kept), leak.spoilt[kept], CLASSES)
        return inflation(name, None, part).difference.value

    everything = np.ones(len(rows), bool)
    without = [difference(everything & (np.arange(len(rows)) != row)) for row in range(len(rows))]

    found = inflation(name, None, leak).difference
    jackknife = (len(rows) - 1) * np.var(without)
    assert found.value == pytest.approx(difference(everything))
    assert found.spread.squares == pytest.approx(jackknife, rel=0.05)


def test_a_single_leaked_image_bounds_the_loss_by_the_largest_that_it_may_have(rows_by_chance):
    leak = leak_of(rows_by_chance(60, 3), [0])

    loss = inflation("log-loss", None, leak).difference

    assert loss.lower(0.95) < loss.value < loss.upper(0.95)


def test_few_groups_prove_nothing_about_a_difference(rows_by_chance):
    leak = leak_of(rows_by_chance(60, 3, per_group=10), range(10))

    for name in ("accuracy", "macro-f1", "roc-auc", "log-loss"):
        found = inflation(name, None, leak).difference
        assert math.isnan(found.lower(0.95)), name
        assert "needed for a bound" in found.reason, name


def test_metrics_of_rules_alone_are_inflated_too(rows_by_chance):
    rows = rows_by_chance(200, 3)
    leak = leak_of(rows, range(30))
    costs = [[0, 1, 1], [5, 0, 1], [9, 1, 0]]
    asked = [
        ("top-k-accuracy", None, lambda some: top_k_accuracy(some, 2)),
        ("expected-cost", None, lambda some: expected_cost(some, costs)),
        *(
            (name, label, None)
            for label in range(3)
            for name in ("specificity", "false-positive-rate", "mcc", "roc-auc", "macro-f1")
        ),
        ("average-precision", None, None),
    ]

    for name, label, estimate in asked:
        found = inflation(name, label, leak, estimate)
        expected = found.as_given.value - found.clean.value
        assert found.difference.value == pytest.approx(expected, abs=1e-12), name
        assert found.difference.lower(0.95) < expected < found.difference.upper(0.95), name


def test_without_scores_there_is_no_inflation_of_what_needs_them():
    found = by_name([[4, 1, 0], [1, 4, 0], [0, 0, 5]], spoilt=range(2))

    assert not {name for name, _ in found} & set(OF_SCORES)


def test_leaked_images_that_are_right_inflate_recall_and_precision():
    inflated = by_name([[4, 4, 0], [4, 4, 0], [0, 0, 8]], spoilt=range(4))  # 4 cats, all right

    recall, precision = inflated["recall", "cat"], inflated["precision", "cat"]
    assert (recall.as_given.value, recall.clean.value) == (0.5, 0)
    assert (precision.as_given.value, precision.clean.value) == (0.5, 0)
    assert recall.difference.value == precision.difference.value == 0.5


@pytest.mark.parametrize("name", ["recall", "f1"])
def test_a_class_without_leaks_is_not_inflated_and_that_is_certain(name):
    emu = by_name([[4, 4, 0], [4, 4, 0], [0, 1, 7]], spoilt=range(4))[name, "emu"]

    assert emu.difference.value == 0
    assert (emu.difference.lower(0.95), emu.difference.upper(0.95)) == (0, 0)


def test_a_class_that_only_leaked_images_show_leaves_the_mean_of_the_others():
    found = by_name([[6, 2, 0], [2, 6, 0], [0, 0, 4]], spoilt=range(16, 20))  # all emus

    mean = found["balanced-accuracy", None]
    assert mean.as_given.value == pytest.approx((0.75 + 0.75 + 1) / 3)
    assert mean.clean.value == pytest.approx(0.75)
    assert found["recall", "emu"].difference.value is None


def test_where_nothing_remains_the_difference_is_not_known():
    inflated = by_name([[2, 0, 0], [0, 2, 0], [0, 0, 2]], spoilt=range(6))

    assert {each.clean.value for each in inflated.values()} == {None}
    assert {each.difference.value for each in inflated.values()} == {None}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macro-f1", "mcc", "roc-auc", "log-loss"])
def test_bounds_hold_about_as_often_as_they_promise(rows_of_scores, name):
    def drawn(random, copied, clean):
        parts = []
        for images, skill in ((clean, 1.5), (copied, 3.5)):
            labels = np.arange(images) % 3
            logits = random.normal(size=(images, 3))
            logits[np.arange(images), labels] += skill
            parts.append((labels, np.exp(2 * logits)))
        labels, scores = map(np.concatenate, zip(*parts, strict=True))
        rows = rows_of_scores(labels, scores / scores.sum(axis=1, keepdims=True))
        return leak_of(replace(rows), range(clean, clean + copied))

    truth = inflation(name, None, drawn(np.random.default_rng(9), 12_000, 60_000)).difference.value
    held = np.zeros(2)
    for seed in range(200):
        found = inflation(name, None, drawn(np.random.default_rng(seed), 60, 300)).difference
        held += found.lower(0.95) <= truth, found.upper(0.95) >= truth

    assert (held / 200 >= 0.89).all()
