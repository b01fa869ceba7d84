"""Thresholds that are fitted on validation: the reference, other ways to find them, their size."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, precision_recall_curve, roc_curve
from sklearn.model_selection import TunedThresholdClassifierCV

from gate.evidence.operating_point import (
    DELTA,
    Costs,
    Fit,
    OperatingPoint,
    Threshold,
    threshold_of_calibrated,
)
from gate.evidence.records import Evidence, Overlap, Pair, PairKind, Split, SplitEvidence
from gate.metrics import rates
from gate.metrics.fitting import (
    find_threshold,
    fitted,
    threshold_for_cost,
    threshold_for_fpr,
    threshold_for_precision,
    threshold_for_recall,
)
from gate.metrics.operating_point import answers_at, rows_at
from gate.metrics.proportions import ClusteredShare, Proportion, share_of

ENTRIES = json.loads(
    (Path(__file__).parent / "reference" / "operating_points.json").read_text(encoding="utf-8")
)["entries"]


def decision(scores, order, otherwise="best"):
    return int(answers_at(np.array([scores]), order, abstains=otherwise == "abstain")[0])


def abstention(accepted, wrong, n, conf):
    return {
        "coverage_lower": Proportion(accepted, n).lower(conf),
        "error_upper": Proportion(wrong, accepted).upper(conf),
    }


KINDS = {
    "threshold_for_recall": lambda scores, recall, delta: threshold_for_recall(
        np.array(scores), recall, delta
    ),
    "threshold_for_fpr": lambda scores, fpr, delta: threshold_for_fpr(np.array(scores), fpr, delta),
    "threshold_for_precision": lambda scores, right, precision, delta: threshold_for_precision(
        np.array(scores), np.array(right), precision, delta
    ),
    "operating_decision": decision,
    "cost_threshold": lambda fp, fn: threshold_of_calibrated(Costs(fp, fn)),
    "abstention": abstention,
}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_a_threshold_is_that_of_the_reference(entry):
    found = KINDS[entry["kind"]](**entry["inputs"])

    if entry["expected"] is None:
        assert found is None
    else:
        assert found == pytest.approx(entry["expected"], abs=entry["tol"], rel=0)


@pytest.mark.parametrize("seed", range(8))
def test_a_recall_is_fitted_as_risk_control_by_brute_force_does(seed):
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(3, 1, 150), 2)  # with ties

    found = threshold_for_recall(scores, 0.9, 0.02)

    # Of all thresholds, the highest one at which a binomial test rejects a recall below 0.9.
    sound = [
        tau
        for tau in np.unique(scores)
        if stats.binom.cdf((scores < tau).sum(), len(scores), 0.1) <= 0.02
    ]
    assert found == (max(sound) if sound else None)


@pytest.mark.parametrize("seed", range(8))
def test_a_false_positive_rate_is_fitted_as_risk_control_by_brute_force_does(seed):
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(1, 3, 300), 2)

    found = threshold_for_fpr(scores, 0.1, 0.02)

    steps = np.append(0.0, np.nextafter(np.unique(scores), 2))
    sound = [
        tau for tau in steps if stats.binom.cdf((scores >= tau).sum(), len(scores), 0.1) <= 0.02
    ]
    assert found == min(sound)


def test_a_precision_has_the_bound_of_its_share_of_the_error_and_no_lower_rank_does():
    random = np.random.default_rng(3)
    scores = random.random(3000)
    right = random.random(3000) < scores

    found = threshold_for_precision(scores, right, 0.85, 0.05)

    taken = scores >= found
    assert Proportion(int(right[taken].sum()), int(taken.sum())).lower(1 - 0.05 / 20) >= 0.85


def test_a_precision_that_no_threshold_reaches_names_the_nearest(rows_of_scores):
    rows = validation(rows_of_scores, n=200)

    found, nearest = find_threshold(rows, 1, Fit("precision", 0.99), nobody(rows))

    assert found is None
    assert find_threshold(rows, 1, Fit("precision", nearest), nobody(rows))[0] is not None
    assert find_threshold(rows, 1, Fit("precision", nearest + 0.01), nobody(rows))[0] is None


def validation(rows_of_scores, n=800, seed=1, groups=None, classes=2):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    logits = random.normal(size=(n, classes))
    logits[np.arange(n), labels] += 2.5
    scores = np.exp(logits)
    return rows_of_scores(labels, scores / scores.sum(axis=1, keepdims=True), groups)


def nobody(rows):
    return np.zeros(len(rows), dtype=bool)


@pytest.mark.parametrize("target", ["recall", "fpr"])
def test_with_groups_the_threshold_is_the_best_whose_padded_bound_holds(target, rows_of_scores):
    groups = [f"patient {i // 4}" for i in range(800)]
    rows = validation(rows_of_scores, groups=groups)
    goal = 0.85 if target == "recall" else 0.15

    found, _ = find_threshold(rows, 1, Fit(target, goal), nobody(rows))

    def bound(tau):
        of = rows.labels == 1 if target == "recall" else rows.labels != 1
        codes = np.array([i // 4 for i in range(800)])[of]
        hits = (rows.scores[of, 1] >= np.float64(tau)).astype(int)
        share = ClusteredShare(
            np.bincount(codes, hits)[np.unique(codes)].astype(int),
            np.unique(codes, return_counts=True)[1],
        )
        return share.lower(1 - DELTA) if target == "recall" else share.upper(1 - DELTA)

    mine = np.unique(rows.scores[rows.labels == 1, 1].astype(np.float64))
    others = np.nextafter(np.unique(rows.scores[rows.labels != 1, 1].astype(np.float64)), 2)
    if target == "recall":
        assert found == max(tau for tau in mine if bound(tau) >= goal)
    else:
        assert found == min(tau for tau in others if bound(tau) <= goal)


def test_nine_groups_fit_nothing(rows_of_scores):
    rows = validation(rows_of_scores, n=90, groups=[f"{i // 10}" for i in range(90)])

    for fit in (Fit("recall", 0.5), Fit("fpr", 0.5), Fit("precision", 0.5)):
        assert find_threshold(rows, 1, fit, nobody(rows))[0] is None


def test_at_a_fitted_threshold_the_points_are_those_of_scikit_learns_curves(rows_of_scores):
    rows = validation(rows_of_scores)
    truth, scores = rows.labels == 1, rows.scores[:, 1].astype(np.float64)
    tau, _ = find_threshold(rows, 1, Fit("recall", 0.9), nobody(rows))
    at = rows_at(rows, OperatingPoint((Threshold("b", tau),)), "ab")

    precision, recall, thresholds = precision_recall_curve(truth, scores)
    place = int(np.flatnonzero(thresholds == tau)[0])

    assert rates.recall(at, 1, 2).value == pytest.approx(recall[place], abs=1e-12)
    assert rates.precision(at, 1, 2).value == pytest.approx(precision[place], abs=1e-12)
    fpr, _, cuts = roc_curve(truth, scores, drop_intermediate=False)
    alarms = rates.false_positive_rate(at, 1, 2).value
    assert alarms == pytest.approx(fpr[np.flatnonzero(cuts == tau)[0]], abs=1e-12)


def test_the_least_cost_is_that_of_all_thresholds_tried_one_by_one(rows_of_scores):
    rows = validation(rows_of_scores, n=300)
    scores, mine = rows.scores[:, 1].astype(np.float64), rows.labels == 1
    costs = Costs(1.0, 7.0, 0.5, 0.25)

    found = threshold_for_cost(scores, mine, costs)

    def cost(tau):
        yes = scores >= tau
        return (
            1.0 * (yes & ~mine).sum()
            + 7.0 * (~yes & mine).sum()
            + 0.5 * (yes & mine).sum()
            + 0.25 * (~yes & ~mine).sum()
        )

    tried = {tau: cost(tau) for tau in np.unique(scores)}
    assert cost(found) == min(tried.values())
    assert found == min(tau for tau, each in tried.items() if each == cost(found))


def test_the_least_cost_is_no_higher_than_of_scikit_learns_choice():
    random = np.random.default_rng(5)
    features = random.normal(size=(600, 3))
    truth = (features[:, 0] + random.normal(size=600) > 0.5).astype(int)
    model = LogisticRegression().fit(features[:300], truth[:300])

    def gain(true, said):
        return -((said == 1) & (true == 0)).sum() - 5.0 * ((said == 0) & (true == 1)).sum()

    tuned = TunedThresholdClassifierCV(
        model, scoring=make_scorer(gain), cv="prefit", refit=False, thresholds=200
    ).fit(features[300:], truth[300:])
    scores = model.predict_proba(features[300:])[:, 1]

    found = threshold_for_cost(scores, truth[300:] == 1, Costs(1.0, 5.0))

    ours = gain(truth[300:], (scores >= found).astype(int))
    theirs = gain(truth[300:], (scores >= tuned.best_threshold_).astype(int))
    assert ours >= theirs
    assert abs(found - tuned.best_threshold_) < 0.05


def evidence(rows, classes=("a", "b")):
    split = SplitEvidence(Split.VALIDATION, "val", "csv", len(rows), "0" * 64, rows)
    return Evidence(classes=classes, splits={Split.VALIDATION: split})


def asked(*order, otherwise="best"):
    return OperatingPoint(
        tuple(Threshold(name, None, Fit(target, goal)) for name, target, goal in order), otherwise
    )


def test_an_image_that_an_earlier_class_takes_is_missed_for_a_later_one(rows_of_scores):
    rows = validation(rows_of_scores, n=900, classes=3)

    point = fitted(asked(("a", "fpr", 0.15), ("b", "recall", 0.8)), evidence(rows, ("a", "b", "c")))

    first, second = (each.at_least for each in point.order)
    taken = rows.scores[:, 0] >= np.float64(first)
    mine = np.where(taken, -math.inf, rows.scores[:, 1].astype(np.float64))[rows.labels == 1]
    assert second == threshold_for_recall(mine, 0.8)
    assert second < threshold_for_recall(rows.scores[rows.labels == 1, 1].astype(float), 0.8)


def test_a_class_of_which_an_earlier_one_takes_all_images_reaches_no_recall(rows_of_scores):
    rows = validation(rows_of_scores, n=300)
    order = (Threshold("a", 0.0), Threshold("b", None, Fit("recall", 0.5)))

    point = fitted(OperatingPoint(order), evidence(rows))

    assert point.order[1].at_least is None
    assert point.order[1].nearest == 0.0


def test_a_recall_that_too_few_images_could_show_names_the_nearest(rows_of_scores):
    rows = validation(rows_of_scores, n=100)
    mine = int((rows.labels == 1).sum())

    point = fitted(asked(("b", "recall", 0.95)), evidence(rows))

    assert point.unreached == point.order
    assert point.order[0].nearest == pytest.approx(DELTA ** (1 / mine))


def test_without_validation_nothing_is_fitted():
    point = fitted(asked(("b", "recall", 0.95)), Evidence(classes=("a", "b")))

    assert point.order[0].at_least is None
    assert point.fitted_on is None


def listed(rows, times):
    """Return evidence whose validation lists each image so many times, as exact copies."""
    many = rows.take(np.tile(np.arange(len(rows)), times))
    names = [f"{name}-{at}" for at in range(times) for name in rows.ids]
    many = replace(many, ids=np.array(names, dtype=object))
    pairs = tuple(
        Pair(f"{name}-0", f"{name}-{at}", Split.VALIDATION, Split.VALIDATION, "a", "a",
             PairKind.BYTES)
        for name in rows.ids for at in range(1, times)
    )  # fmt: skip
    inside = Overlap(Split.VALIDATION, Split.VALIDATION, pairs, compared=tuple(PairKind))
    return replace(evidence(many), overlaps=(inside,))


@pytest.mark.parametrize(("target", "goal"), [("recall", 0.95), ("fpr", 0.05)])
def test_images_that_are_listed_ten_times_fit_what_they_fit_once(target, goal, rows_of_scores):
    few = validation(rows_of_scores, n=100)
    enough = validation(rows_of_scores, n=600)

    for rows in (few, enough):
        once = fitted(asked(("b", target, goal)), evidence(rows)).order[0]
        again = fitted(asked(("b", target, goal)), listed(rows, 10)).order[0]
        assert again.at_least == once.at_least
    assert fitted(asked(("b", target, goal)), evidence(few)).unreached
    assert not fitted(asked(("b", target, goal)), evidence(enough)).unreached


def test_a_few_copies_in_validation_change_hardly_anything(rows_of_scores):
    rows = validation(rows_of_scores, n=600)
    pair = Pair(*rows.ids[:2], Split.VALIDATION, Split.VALIDATION, "a", "a", PairKind.BYTES)
    inside = Overlap(Split.VALIDATION, Split.VALIDATION, (pair,), compared=tuple(PairKind))

    plain, joined = (
        fitted(asked(("b", "recall", 0.9)), each).order[0].at_least
        for each in (evidence(rows), replace(evidence(rows), overlaps=(inside,)))
    )

    mine = np.sort(rows.scores[rows.labels == 1, 1])
    places = np.searchsorted(mine, [plain, joined])
    assert abs(places[0] - places[1]) <= 1


def test_the_digest_is_of_the_rows_that_were_looked_at(rows_of_scores):
    one, same, other = (
        fitted(asked(("b", "recall", 0.5)), evidence(validation(rows_of_scores, seed=seed)))
        for seed in (1, 1, 2)
    )

    assert one == same
    assert one.fitted_on.sha256 != other.fitted_on.sha256


def drawn(random, n, shift):
    """Scores of a class that lies ``shift`` above 0; its recall at t is Phi(shift - t)."""
    return stats.norm.cdf(random.normal(size=n) + shift)


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 1000])
def test_a_threshold_that_misses_its_recall_hardly_ever_passes_test(n):
    random = np.random.default_rng(n)
    runs, goal, short_and_passed, passed = 4000, 0.9, 0, 0
    for _ in range(runs):
        tau = threshold_for_recall(drawn(random, n, 1.0), goal)
        true = stats.norm.sf(stats.norm.ppf(tau) - 1.0)
        found = int((drawn(random, n, 1.0) >= tau).sum())
        is_proven = Proportion(found, n).lower(0.95) >= goal
        passed += is_proven
        short_and_passed += is_proven and true < goal

    assert short_and_passed / runs <= 0.005
    assert passed / runs >= 0.7


@pytest.mark.slow
def test_a_threshold_that_misses_its_precision_hardly_ever_passes_test():
    random = np.random.default_rng(11)
    runs, goal, wrong = 1500, 0.8, 0
    for _ in range(runs):
        scores = random.random((2, 2000))
        right = random.random((2, 2000)) < scores  # the precision above t is (1 + t) / 2
        tau = threshold_for_precision(scores[0], right[0], goal)
        if tau is not None and (1 + tau) / 2 < goal:
            taken = scores[1] >= tau
            share = Proportion(int(right[1][taken].sum()), int(taken.sum()))
            wrong += share.lower(0.95) >= goal

    assert wrong / runs <= 0.005


def grouped(random, groups, sizes, alike):
    """Return standard normal numbers, and the group of each; those of one group are ``alike``."""
    if sizes == "equal":
        many = np.full(groups, 5)
    else:
        many = np.maximum(1, np.rint(random.lognormal(1.2, 0.9, groups))).astype(int)
    codes = np.repeat(np.arange(groups), many)
    common = random.normal(size=groups)[codes]
    own = random.normal(size=len(codes))
    return np.sqrt(alike) * common + np.sqrt(1 - alike) * own, codes


@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("sizes", "power"), [("equal", 0.75), ("log-normal", 0.65)])
@pytest.mark.parametrize("target", ["recall", "fpr"])
def test_a_threshold_fitted_on_groups_that_misses_its_target_hardly_ever_passes_test(
    target, sizes, power, alike, rows_of_scores
):
    """By simulation: 300 groups of 5 images, or of 1 to about 50, patients more or less alike."""
    random = np.random.default_rng(17)
    runs, goal, short, short_and_passed, passed = 400, 0.9, 0, 0, 0
    for _ in range(runs):
        found, test = (grouped(random, 300, sizes, alike) for _ in range(2))
        tau = threshold_on_groups(target, goal, *found, rows_of_scores)
        if tau is None:
            continue
        kept = test[0] >= tau if target == "recall" else test[0] < tau
        true = stats.norm.sf(tau) if target == "recall" else stats.norm.cdf(tau)
        is_proven = share_of(kept, test[1], "").lower(0.95) >= goal
        passed += is_proven
        short += true < goal
        short_and_passed += is_proven and true < goal

    assert short / runs <= 0.01
    assert short_and_passed / runs <= 0.005
    assert passed / runs >= power


def threshold_on_groups(target, goal, numbers, codes, rows_of_scores):
    """Return the fitted threshold on the scale of the numbers, through all of the fitting."""
    label = 1 if target == "recall" else 0
    scores = stats.norm.cdf(numbers).astype(np.float32)
    others = 10  # of the other class: a fit needs both
    every = np.append(scores, np.full(others, 0.5, np.float32))
    labels = np.append(np.full(len(scores), label), np.full(others, 1 - label))
    groups = [f"g{code}" for code in codes] + [f"o{at}" for at in range(others)]
    rows = rows_of_scores(labels, np.stack([1 - every, every], axis=1), groups)
    share = goal if target == "recall" else 1 - goal
    tau, _ = find_threshold(rows, 1, Fit(target, share), nobody(rows))
    return None if tau is None else stats.norm.ppf(tau)


@pytest.mark.slow
def test_a_precision_fitted_on_groups_hardly_ever_passes_test_where_it_is_missed():
    random = np.random.default_rng(19)
    runs, goal, wrong = 150, 0.8, 0

    def draw():
        numbers, codes = grouped(random, 400, "equal", 0.5)
        scores = random.random(len(codes))
        return scores, stats.norm.cdf(numbers) < scores, codes  # the precision is (1 + t) / 2

    for _ in range(runs):
        scores, right, codes = draw()
        tau = threshold_for_precision(scores, right, goal, codes=codes)
        if tau is not None and (1 + tau) / 2 < goal:
            scores, right, codes = draw()
            taken = scores >= tau
            wrong += share_of(right[taken], codes[taken], "").lower(0.95) >= goal

    assert wrong / runs <= 0.005
