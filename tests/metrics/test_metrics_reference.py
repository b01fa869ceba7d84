"""Every published or recomputed value of reference/statistics.json.

Entries of methods that the product has no use for (mid-P, Jeffreys and Agresti-Coull intervals,
Wald coverage, the asymptotic McNemar tests, Bonett-Price, Theil-Sen, Mann-Kendall, corrections for
many tests) are checked against scipy,
statsmodels or the published formula, so that the file itself stays verified.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from gate.evidence.records import rows_from_counts
from gate.metrics import rates, skill
from gate.metrics.calibration import error_of, reliability
from gate.metrics.deployment import deployment_precision
from gate.metrics.paired import mcnemar_p
from gate.metrics.paired import tango as tango_limit
from gate.metrics.planning import minimum_images, most_misses, plan, power
from gate.metrics.proportions import (
    F1,
    ClusteredShare,
    Proportion,
    tail_at_least,
)

ENTRIES = json.loads(
    (Path(__file__).parent / "reference" / "statistics.json").read_text(encoding="utf-8")
)["entries"]


def one_sided(two_sided: float) -> float:
    return (1 + two_sided) / 2


def bounds(estimate, two_sided: float) -> tuple[float, float]:
    level = one_sided(two_sided)
    return estimate.lower(level), estimate.upper(level)


def binom_ci(k, n, conf, method, side):
    level = conf if side in ("lower", "upper") else one_sided(conf)
    match method:
        case "exact":
            share = Proportion(k, n)
            low, high = share.lower(level), share.upper(level)
        case "jeffreys":
            low, high = proportion_confint(k, n, alpha=1 - conf, method="jeffreys")
        case "agresti-coull":
            low, high = proportion_confint(k, n, alpha=1 - conf, method="agresti_coull")
        case "midp":
            low, high = mid_p(k, n, 1 - level)
    return 0.0 if side == "upper" else low, 1.0 if side == "lower" else high


def mid_p(k, n, alpha):
    def above(p):
        return stats.binom.sf(k - 1, n, p) - stats.binom.pmf(k, n, p) / 2 - alpha

    def below(p):
        return stats.binom.cdf(k, n, p) - stats.binom.pmf(k, n, p) / 2 - alpha

    low = 0.0 if k == 0 else brentq(above, 1e-12, 1 - 1e-12)
    high = 1.0 if k == n else brentq(below, 1e-12, 1 - 1e-12)
    return low, high


def binom_p(k, n, p, alternative):
    match alternative:
        case "greater":
            return tail_at_least(k, n, p)
        case "less":
            return 1 - tail_at_least(k + 1, n, p)
        case "two-sided":
            return stats.binomtest(k, n, p).pvalue


def coverage(n, p, method, conf):
    assert method == "wald"
    k = np.arange(n + 1)
    low, high = proportion_confint(k, n, alpha=1 - conf, method="normal")
    return float(stats.binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum())


def mcnemar_of(b, c, method):
    match method:
        case "exact":
            return mcnemar_p(b, c)
        case "midp":
            return mcnemar_p(b, c, "mid")
        case "asymptotic" | "cc":
            table = [[0, b], [c, 0]]
            return mcnemar(table, exact=False, correction=method == "cc").pvalue


def mcnemar_stat(b, c, method):
    return mcnemar([[0, b], [c, 0]], exact=False, correction=method == "cc").statistic


def bonett_price(b, c, n, conf):
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = stats.norm.ppf(one_sided(conf)) * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return p - q - half, p - q + half


def tango(b, c, n, conf):
    return tuple(tango_limit(c, b, n, one_sided(conf), side) for side in (-1, 1))


def confusion(matrix_rows_true):
    classes = len(matrix_rows_true)
    rows = rows_from_counts(matrix_rows_true)
    accuracy = rates.accuracy(rows)
    low, high = bounds(accuracy, 0.95)
    matrix = np.array(matrix_rows_true)
    present = np.flatnonzero(matrix.sum(axis=1))
    found = {
        "accuracy": accuracy.value,
        "acc_lo": low,
        "acc_hi": high,
        "nir": skill.no_information_rate(rows, classes),
        "p_acc_gt_nir": skill.p_no_information(rows, classes),
        "kappa": skill.kappa(rows, classes, present).value,
        "mcc": skill.mcc(rows, classes, present).value,
        "balanced_accuracy": rates.balanced_accuracy(rows, classes).value,
        "recall": [rates.recall(rows, c, classes).value for c in range(classes)],
        "specificity": [rates.specificity(rows, c, classes).value for c in range(classes)],
        "precision": [rates.precision(rows, c, classes).value for c in range(classes)],
    }
    # An absent class has no precision here; the file keeps the 0 of 964 that is counted.
    absent = [c for c in range(classes) if matrix[c].sum() == 0]
    assert [found["precision"][c] for c in absent] == [None] * len(absent)
    for c in absent:
        found["precision"][c] = 0.0
    return found


def predictive(tp, n1, tn, n0, prevalence):
    rows = rows_from_counts([[tp, n1 - tp], [n0 - tn, tn]])
    shares = (prevalence, 1 - prevalence)
    positive, negative = (deployment_precision(rows, of, shares) for of in (0, 1))
    return {"se": tp / n1, "sp": tn / n0, "ppv": positive.value, "npv": negative.value}


def zero_failure_n(t, conf):
    return minimum_images(t, conf)


def sample_size_first(t, p, power, alpha):
    return plan(t, p, 1 - alpha, wanted=power).first


def sample_size_stable(t, p, power, alpha):
    return plan(t, p, 1 - alpha, wanted=power).stable


def oc_naive(n, p, t):
    k = np.arange(n + 1)
    return float(stats.binom.pmf(k, n, p)[k / n >= t].sum())


def oc_gate(n, p, t, alpha):
    outcomes = [gate(k, n, t, alpha) for k in range(n + 1)]
    chances = stats.binom.pmf(np.arange(n + 1), n, p)
    passed = sum(chances[k] for k in range(n + 1) if outcomes[k] == "pass")
    assert power(n, t, p, 1 - alpha) == pytest.approx(passed)
    return {
        "pass_": passed,
        "fail": sum(chances[k] for k in range(n + 1) if outcomes[k] == "fail"),
        "k_pass": outcomes.index("pass"),
    }


def gate(k, n, t, alpha):
    share = Proportion(k, n)
    if share.lower(1 - alpha) >= t:
        return "pass"
    return "fail" if share.upper(1 - alpha) < t else "inconclusive"


def theil_sen(x, y, conf):
    slope, _, low, high = stats.theilslopes(y, x, conf)
    return slope, low, high


def mann_kendall_p(n, S):  # noqa: N803 - the statistic's name
    # Concordant minus discordant pairs, over all orders: counted by inserting one item at a time.
    ways = np.ones(1)
    for size in range(2, n + 1):
        ways = np.convolve(ways, np.ones(size))
    inversions = np.arange(len(ways))
    score = n * (n - 1) // 2 - 2 * inversions
    return ways[score >= S].sum() / ways.sum()


def n_rejected(p, alpha):
    return {
        "bh": int((stats.false_discovery_control(p) <= alpha).sum()),
        "bonferroni": int((np.array(p) * len(p) <= alpha).sum()),
        "holm": int(multipletests(p, alpha, method="holm")[0].sum()),
    }


def cluster_ratio(k, n):
    share = ClusteredShare(np.array(k), np.array(n))
    variance, of_images = share.spread.squares, share.value * (1 - share.value)
    return {
        "p": share.value,
        "se": math.sqrt(variance),
        "deff": variance * share.denominator / of_images,
        "n_eff": of_images / variance,
    }


def f1_ci(tp, fp, fn, conf):
    return bounds(F1(Proportion(tp, tp + fp + fn)), conf)


def ece(conf, correct, n_bins, norm, scheme):
    assert scheme == "width"
    curve = reliability(np.array(conf, float), np.array(correct, float), n_bins)
    occupied = [each for each in curve if each.images]
    apart = [abs(each.accuracy - each.confidence) for each in occupied]
    shares = [each.images / len(conf) for each in occupied]
    match norm:
        case "l1":
            return error_of(curve)
        case "l2":
            return math.sqrt(math.fsum(s * d * d for s, d in zip(shares, apart, strict=True)))
        case "max":
            return max(apart)


def pac_misses(n, r, delta):
    return most_misses(n, r, 1 - delta)


KINDS = {
    function.__name__: function
    for function in (
        binom_ci, binom_p, coverage, mcnemar_stat,
        bonett_price, tango, confusion, predictive, zero_failure_n,
        sample_size_first, sample_size_stable, oc_naive, oc_gate, gate, theil_sen,
        mann_kendall_p, n_rejected, cluster_ratio, f1_ci, ece, pac_misses,
    )
} | {"mcnemar_p": mcnemar_of}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_reference_value_is_reproduced(entry):
    expected, tolerance = entry["expected"], entry["tol"]

    found = KINDS[entry["kind"]](**entry["inputs"])

    if isinstance(expected, str):
        assert found == expected
    elif isinstance(expected, dict):
        for name, value in expected.items():
            assert_close(found[name], value, tolerance)
    else:
        assert_close(found, expected, tolerance)


def assert_close(found, expected, tolerance):
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, tolerance)
    elif expected is None:
        assert found is None
    else:
        assert found == pytest.approx(expected, abs=tolerance, rel=0)


def test_every_kind_of_the_file_is_checked():
    assert {entry["kind"] for entry in ENTRIES} == set(KINDS)
