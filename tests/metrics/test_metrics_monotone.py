"""No metric proves more with a mistake than without: of scores, costs, gaps and changes, too."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.records import rows_from_counts
from gate.metrics import baseline, losses, ranking, rates
from gate.metrics.deployment import deployment_precision
from gate.metrics.named import metric
from gate.metrics.paired import PairedDifference
from gate.metrics.proportions import ClusteredShare, Proportion

CONFIDENCES = (0.9, 0.95, 0.99, 0.999, 0.9999)
UPWARDS = (
    "accuracy", "balanced-accuracy", "macro-precision", "macro-f1", "mcc", "kappa", "roc-auc",
    "average-precision",
)  # fmt: skip
OF_CLASS = ("recall", "precision", "f1", "specificity", "roc-auc", "average-precision", "mcc")
COSTS = (1.0 - np.eye(3)).tolist()


def answered(wrong, *, per_group=None, each=60):
    """Rows of three classes of a model that is sure of every answer; some first ones are wrong."""
    labels = np.arange(3).repeat(each)
    predictions = labels.copy()
    predictions[wrong] = (labels[wrong] + 1) % 3
    scores = np.full((len(labels), 3), 0.02)
    scores += np.random.default_rng(0).random(scores.shape) / 1000
    scores[np.arange(len(labels)), predictions] += 0.9
    scores /= scores.sum(axis=1, keepdims=True)
    rows = rows_from_counts([[len(labels)]])
    here = np.arange(len(labels))
    return dataclasses.replace(
        rows,
        labels=labels.astype(np.int32),
        predictions=predictions.astype(np.int32),
        scores=scores,
        confidence=scores.max(axis=1),
        true_score=scores[here, labels],
        groups=None if per_group is None else (here // per_group).astype(object),
    )


def estimates(rows, champion):
    """All estimates of which more is better, by name; those of which less is better turned."""
    found = {name: metric(name, rows, None, 3) for name in UPWARDS}
    found |= {f"{name} of a class": metric(name, rows, 0, 3) for name in OF_CLASS}
    found |= {
        "deployment precision": deployment_precision(rows, 0, (0.2, 0.3, 0.5)),
        "change of accuracy": baseline.accuracy_change(baseline.Pairs(champion, rows)),
        "change of recall": baseline.accuracy_change(baseline.Pairs(champion, rows).of_class(0)),
        "change of balanced accuracy": baseline.balanced_accuracy_change(
            baseline.Pairs(champion, rows), 3
        ),
        "change of macro F1": baseline.macro_f1_change(baseline.Pairs(champion, rows), 3),
        "change of precision": baseline.precision_change(baseline.Pairs(champion, rows), 0, 3),
        "change of F1": baseline.f1_change(baseline.Pairs(champion, rows), 0, 3),
    }
    for name in UPWARDS:
        found[f"gap of {name}"] = rates.gap(found[name], metric(name, champion, None, 3))
    return found


def costs(rows, champion):
    """All estimates of which less is better, by name."""
    return {
        "log loss": losses.log_loss(rows),
        "Brier score": losses.brier(rows, 3),
        "expected cost": losses.expected_cost(rows, COSTS),
        "gap of log loss": rates.gap(losses.log_loss(rows), losses.log_loss(champion)),
        "negative flips": baseline.negative_flips(baseline.Pairs(champion, rows)),
    }


@pytest.mark.parametrize("per_group", [None, 1, 2, 5])
def test_a_perfect_model_has_bounds_that_no_mistake_betters(per_group):
    perfect = answered([], per_group=per_group)
    best, cheapest = estimates(perfect, perfect), costs(perfect, perfect)

    for mistake in ([0], [0, 1], [60], [179]):
        rows = answered(mistake, per_group=per_group)
        for name, found in estimates(rows, perfect).items():
            # A false alarm is one more image, in one more group, of those that some count.
            grown = per_group and name.split()[-1] in ("precision", "F1", "class")
            for confidence in CONFIDENCES[: 3 if grown else None]:
                bound = best[name].lower(confidence)
                assert not math.isnan(bound), name
                assert found.lower(confidence) <= bound + 1e-9, (name, confidence, mistake)
        for name, found in costs(rows, perfect).items():
            for confidence in CONFIDENCES:
                bound = cheapest[name].upper(confidence)
                assert not math.isnan(bound), name
                assert found.upper(confidence) >= bound - 1e-9, (name, confidence, mistake)


def test_a_false_alarm_on_top_raises_no_bound_of_average_precision():
    for each in (15, 40, 60):
        perfect, wrong = answered([], each=each), answered([3 * each - 1], each=each)
        best, found = (ranking.average_precision_of(rows, 0, 3) for rows in (perfect, wrong))

        for confidence in CONFIDENCES:
            assert found.lower(confidence) <= best.lower(confidence)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10_000), area=st.sampled_from([ranking.roc_auc_of]))
def test_an_image_that_sinks_raises_no_bound_of_its_area(seed, area):
    random = np.random.default_rng(seed)
    n = int(random.integers(20, 120))
    labels = np.append(random.integers(0, 2, n), [0, 1]).astype(np.int32)
    scores = random.normal(size=n + 2) + 2 * labels
    chosen = random.choice(np.flatnonzero(labels))

    def lower(scores):
        rows = dataclasses.replace(
            rows_from_counts([[n + 2]]), labels=labels, scores=np.stack([-scores, scores], axis=1)
        )
        return area(rows, 1, 2).lower(0.95)

    sunk = scores.copy()
    sunk[chosen] = scores.min() - 1
    assert lower(sunk) <= lower(scores) + 1e-12


changes = st.integers(10, 300).flatmap(
    lambda n: st.tuples(st.integers(0, n // 2), st.integers(0, n // 2 - 1), st.just(n))
)


@settings(max_examples=200, deadline=None)
@given(changes, st.sampled_from(CONFIDENCES))
def test_one_more_broken_image_raises_no_bound_of_a_change(change, confidence):
    lost, gained, n = change

    def lower(lost, gained):
        return PairedDifference(Proportion(lost, n), Proportion(gained, n)).lower(confidence)

    assert lower(lost + 1, gained) <= lower(lost, gained) + 1e-9
    assert gained == 0 or lower(lost, gained - 1) <= lower(lost, gained) + 1e-9


@settings(max_examples=100, deadline=None)
@given(st.integers(12, 60), st.integers(2, 6), st.data())
def test_one_more_broken_image_in_groups_raises_no_bound_of_a_change(groups, size, data):
    sizes = np.full(groups, size)
    flips = data.draw(st.lists(st.integers(-1, 1), min_size=groups, max_size=groups))
    lost, gained = np.array(flips) < 0, np.array(flips) > 0
    where = data.draw(st.integers(0, groups - 1))

    def lower(lost):
        return PairedDifference(
            ClusteredShare(lost, sizes), ClusteredShare(gained.astype(int), sizes)
        ).lower(0.95)

    more = lost.astype(int)
    more[where] += 1
    before = lower(lost.astype(int))
    assert before < -0.7 or lower(more) <= before + 1e-9
