"""Metrics of the confusion matrix: their derivatives, and what their padded bounds prove."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy import special

from gate.evidence.records import rows_from_counts
from gate.metrics import gradients, rates, skill, tables
from gate.metrics.count_bounds import bound_metric

CONFIDENCES = (0.9, 0.95, 0.99, 0.999, 0.9999)
CLASSES = 3
GRADES = np.abs(np.subtract.outer(np.arange(CLASSES), np.arange(CLASSES))).astype(float)

METRICS = {
    "balanced accuracy": rates.balanced_accuracy,
    "macro F1": rates.macro_f1,
    "macro precision": rates.macro_precision,
    "mcc": skill.mcc,
    "kappa": skill.kappa,
    "weighted kappa": lambda rows, classes: skill.weighted_kappa(
        rows, np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2.0
    ),
}
OF_ANY_SHAPE = pytest.mark.parametrize("metric", METRICS)

# The textbook formulas of a matrix of weights, real or complex.


def recall_of(m):
    return m.diagonal() / m.sum(axis=1)


def f1_of(m):
    return 2 * m.diagonal() / (m.sum(axis=0) + m.sum(axis=1))


def matthews_of(m):
    r, c, n = m.sum(axis=1), m.sum(axis=0), m.sum()
    return (n * m.trace() - r @ c) / np.sqrt((n * n - c @ c) * (n * n - r @ r))


def kappa_of(m, weights):
    chance = np.outer(m.sum(axis=1), m.sum(axis=0)) / m.sum()
    return 1 - (weights * m).sum() / (weights * chance).sum()


ALL = np.ones(CLASSES, dtype=bool)
WEIGHTS = np.array([0.5, 0.3, 0.2])
FORMULAS = {
    "balanced accuracy": (
        lambda m: recall_of(m).mean(),
        lambda m: gradients.of_mean_recall(m, ALL),
        0.0,
    ),
    "weighted accuracy": (
        lambda m: (WEIGHTS * recall_of(m)).sum(),
        lambda m: gradients.of_weighted_recall(m, WEIGHTS),
        0.0,
    ),
    "macro F1": (lambda m: f1_of(m).mean(), lambda m: gradients.of_mean_f1(m, ALL), 0.0),
    "macro precision": (
        lambda m: (m.diagonal() / m.sum(axis=0)).mean(),
        lambda m: gradients.of_mean_precision(m, ALL),
        0.0,
    ),
    "mcc": (matthews_of, gradients.of_matthews, -1.0),
    "kappa": (
        lambda m: kappa_of(m, 1 - np.eye(CLASSES)),
        lambda m: gradients.of_kappa(m, 1 - np.eye(CLASSES)),
        -1.0,
    ),
    "weighted kappa": (
        lambda m: kappa_of(m, GRADES**2),
        lambda m: gradients.of_kappa(m, GRADES**2),
        -1.0,
    ),
}

full = st.lists(
    st.lists(st.integers(1, 40), min_size=CLASSES, max_size=CLASSES),
    min_size=CLASSES,
    max_size=CLASSES,
).map(np.array)


def by_complex_steps(formula, matrix):
    """Return the derivative of a formula by the weight of each cell, to the last digits."""
    found = np.empty(matrix.shape)
    for cell in np.ndindex(*matrix.shape):
        stepped = matrix.astype(complex)
        stepped[cell] += 1e-30j
        found[cell] = formula(stepped).imag / 1e-30
    return found


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=40, deadline=None)
@given(matrix=full)
def test_derivatives_are_those_by_complex_steps(name, matrix):
    formula, gradient, _ = FORMULAS[name]

    found = gradient(matrix.astype(float))

    assert found == pytest.approx(by_complex_steps(formula, matrix), rel=1e-10, abs=1e-13)
    assert float((found * matrix).sum()) == pytest.approx(0, abs=1e-12)


def image_by_image(formula, matrix, groups, confidence, side, least):
    """Return the padded bound by the definition: one image after the other, loops and no algebra.

    ``groups`` names the group of each image of the matrix, cell by cell.
    """

    def moments(counts):
        slope = by_complex_steps(formula, counts)
        images = [
            (truth, answer)
            for truth, answer in np.ndindex(*counts.shape)
            for _ in range(counts[truth, answer])
        ]
        units = {}
        for (truth, answer), group in zip(images, groups, strict=True):
            units.setdefault(group, []).append((truth, answer))
        seen = {truth: sum(any(t == truth for t, _ in unit) for unit in units.values())
                for truth, _ in images}  # fmt: skip
        harms = {}
        for truth in seen:
            wrong = [slope[truth, b] for b in range(len(counts)) if b != truth]
            harms[truth] = max(0, -min(wrong)) if side < 0 else max(0, max(slope[truth]))
        squares = cubes = 0.0
        for unit in units.values():
            total = sum(
                slope[t, b] * math.sqrt(seen[t] / (seen[t] - 1) if seen[t] > 1 else 1)
                for t, b in unit
            )
            squares, cubes = squares + total**2, cubes + total**3
        pad = 0.0
        for truth in seen:
            of_images = [
                sum(harms[t] for t, _ in unit)
                for unit in units.values()
                for t, _ in unit
                if t == truth
            ]
            first, second = np.mean(of_images), np.mean(np.square(of_images))
            if first > 0:
                pad = max(pad, first, second / (2 * first))
            if seen[truth] == 1:
                wrong = [slope[truth, b] for b in range(len(counts)) if b != truth]
                squares += (len(of_images) * (slope[truth, truth] - min(wrong)) / 2) ** 2
        return squares + pad**2, cubes + side * pad**3, side * pad

    def bound(counts):
        squares, cubes, pad = moments(counts)
        skew = 2 * side * cubes / squares**1.5
        shape = 4 / skew**2
        if skew > 0:
            quantile = (special.gammaincinv(shape, confidence) - shape) * skew / 2
        else:
            quantile = (shape - special.gammaincinv(shape, 1 - confidence)) * -skew / 2
        return formula(counts) + pad + side * math.sqrt(squares) * quantile

    found = bound(matrix)
    if side < 0:
        # The same images in the same groups, all answered right; rows of the matrix stay in place.
        found = min(found, bound(np.diag(matrix.sum(axis=1))))
    return min(1.0, max(least, found))


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("sizes", [None, "few", "many", "lone"])
@pytest.mark.parametrize("name", FORMULAS)
def test_bounds_are_those_of_the_definition_image_by_image(name, sizes, side):
    formula, gradient, least = FORMULAS[name]
    random = np.random.default_rng(3)
    for _ in range(4):
        matrix = random.integers(1, 6, (CLASSES, CLASSES)) + np.diag(
            random.integers(5, 25, CLASSES)
        )
        n = int(matrix.sum())
        codes = {
            None: np.arange(n),
            "few": random.permutation(np.arange(n) % 12),
            "many": random.permutation(np.minimum(np.arange(n), random.integers(0, n, n))),
            "lone": np.where(np.arange(n) < matrix[0].sum(), 0, 1 + np.arange(n) // 2),
        }[sizes]
        rows = rows_from_counts(matrix)
        if sizes is not None:
            rows = rows.with_groups(codes.astype(object))

        found = bound_metric(rows, CLASSES, float(formula(matrix)), gradient, least=least)

        for confidence in (0.9, 0.95, 0.999):
            ours = found.lower(confidence) if side < 0 else found.upper(confidence)
            in_groups, alone = (
                image_by_image(formula, matrix, of.tolist(), confidence, side, least)
                for of in (codes, np.arange(n))
            )
            expected = min(in_groups, alone) if side < 0 else max(in_groups, alone)
            assert ours == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("metric", "each", "perfect", "one_mistake"),
    [
        ("macro F1", 450, 0.9967, 0.9947),
        ("mcc", 450, 0.9933, 0.9895),
        ("balanced accuracy", 450, 0.9967, 0.9947),
        ("macro F1", 1500, 0.9990, 0.9984),
        ("mcc", 1500, 0.9980, 0.9968),
        ("balanced accuracy", 1500, 0.9990, 0.9984),
    ],
)
def test_a_spotless_model_and_one_with_a_mistake_prove_so_much(metric, each, perfect, one_mistake):
    spotless = METRICS[metric](rows_from_counts([[each, 0], [0, each]]), 2)
    spotted = METRICS[metric](rows_from_counts([[each - 1, 1], [0, each]]), 2)

    assert spotless.lower(0.95) == pytest.approx(perfect, abs=5e-5)
    assert spotted.lower(0.95) == pytest.approx(one_mistake, abs=5e-5)


@OF_ANY_SHAPE
@pytest.mark.parametrize("per_group", [None, 1, 4])
@pytest.mark.parametrize("sizes", [(30, 30), (100, 7, 2), (12, 12, 12, 12, 12)])
def test_a_perfect_model_has_bounds(metric, per_group, sizes):
    rows = rows_from_counts(np.diag(sizes))
    if per_group:
        rows = rows.with_groups(np.arange(len(rows)).astype(object) // per_group)

    found = METRICS[metric](rows, len(sizes))

    assert found.value == 1
    assert found.reason == ""
    for confidence in CONFIDENCES:
        assert -1 <= found.lower(confidence) < 1
        assert found.upper(confidence) == 1


@OF_ANY_SHAPE
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    per_group=st.sampled_from([None, 2, 3]),
    confidence=st.sampled_from(CONFIDENCES),
    data=st.data(),
)
def test_no_mistake_is_never_worth_less_than_one(metric, sizes, per_group, confidence, data):
    assume(per_group is None or sum(sizes) >= 10 * per_group)
    truth = data.draw(st.integers(0, len(sizes) - 1))
    answer = data.draw(st.integers(0, len(sizes) - 1).filter(lambda other: other != truth))
    spotless = np.diag(sizes)
    spotted = spotless.copy()
    spotted[truth, truth] -= 1
    spotted[truth, answer] += 1

    def lower(matrix):
        rows = rows_from_counts(matrix)
        if per_group:
            rows = rows.with_groups(np.arange(len(rows)).astype(object) // per_group)
        return METRICS[metric](rows, len(sizes)).lower(confidence)

    with_one = lower(spotted)
    assert math.isnan(with_one) or lower(spotless) >= with_one - 1e-12


@OF_ANY_SHAPE
def test_at_95_percent_no_added_mistake_raises_a_bound_where_classes_have_20_images(metric):
    random = np.random.default_rng(5)
    for _ in range(250):
        classes = int(random.integers(2, 6))
        sizes = random.integers(20, 120, classes)
        recalls = 1 - random.exponential(0.08, classes) % 0.5
        matrix = np.stack([
            random.multinomial(
                size,
                np.where(np.arange(classes) == truth, recall, (1 - recall) / (classes - 1)),
            )
            for truth, (size, recall) in enumerate(zip(sizes, recalls, strict=True))
        ])  # fmt: skip
        truth, answer = random.permutation(classes)[:2]
        if matrix[truth, truth] == 0:
            continue
        before = METRICS[metric](rows_from_counts(matrix), classes).lower(0.95)
        matrix[truth, truth] -= 1
        matrix[truth, answer] += 1

        assert METRICS[metric](rows_from_counts(matrix), classes).lower(0.95) <= before + 1e-12


@OF_ANY_SHAPE
def test_groups_of_one_image_give_the_bounds_of_none(metric, rows_by_chance, monkeypatch):
    rows = rows_by_chance(150, CLASSES)
    alone = rows.with_groups(np.arange(150).astype(object))
    plain = METRICS[metric](rows, CLASSES)
    monkeypatch.setattr(
        tables, "has_clusters", lambda rows: rows.groups is not None
    )  # the long way

    found = METRICS[metric](alone, CLASSES)

    assert found.method.endswith("by group")
    for confidence in CONFIDENCES:
        assert found.lower(confidence) == pytest.approx(plain.lower(confidence), abs=1e-12)
        assert found.upper(confidence) == pytest.approx(plain.upper(confidence), abs=1e-12)


@OF_ANY_SHAPE
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000), per_group=st.sampled_from([None, 2, 5]))
def test_order_of_rows_and_names_of_classes_and_groups_change_nothing(
    metric, rows_by_chance, seed, per_group
):
    random = np.random.default_rng(seed)
    rows = rows_by_chance(120, CLASSES, seed=seed, per_group=per_group)
    shuffled = rows.take(random.permutation(120))
    number = np.array([2, 1, 0], dtype=np.int32)  # keeps the distances of grades
    renamed = dataclasses.replace(
        rows, labels=number[rows.labels], predictions=number[rows.predictions]
    )
    others = rows
    if per_group:
        names = {group: f"{random.random()}" for group in sorted(set(rows.groups))}
        others = rows.with_groups(np.array([names[group] for group in rows.groups], dtype=object))
    found = METRICS[metric](rows, CLASSES)

    again = METRICS[metric](shuffled, CLASSES)
    assert (again.lower(0.95), again.upper(0.95)) == (found.lower(0.95), found.upper(0.95))
    for other in (renamed, others):
        same = METRICS[metric](other, CLASSES)
        assert same.lower(0.95) == pytest.approx(found.lower(0.95), abs=1e-12)
        assert same.upper(0.95) == pytest.approx(found.upper(0.95), abs=1e-12)


@OF_ANY_SHAPE
def test_nine_groups_prove_nothing_and_ten_do(metric, rows_by_chance):
    rows = rows_by_chance(90, CLASSES)
    nine, ten = (rows.with_groups(np.arange(90).astype(object) % count) for count in (9, 10))

    few, enough = METRICS[metric](nine, CLASSES), METRICS[metric](ten, CLASSES)

    assert few.reason == "9 groups, 1 more is needed for a bound"
    assert math.isnan(few.lower(0.95))
    assert math.isnan(few.upper(0.95))
    assert enough.lower(0.95) < enough.value < enough.upper(0.95)


def test_a_class_of_one_image_shows_no_spread_and_widens_the_bound():
    alone = rates.balanced_accuracy(rows_from_counts([[200, 0], [0, 1]]), 2)
    two = rates.balanced_accuracy(rows_from_counts([[200, 0], [0, 2]]), 2)

    assert alone.lower(0.95) == 0.0
    assert alone.lower(0.6) < two.lower(0.6)


@pytest.mark.parametrize("groups", [None, 2])
def test_one_answer_to_everything_proves_no_correlation(groups):
    rows = rows_from_counts([[60, 0], [40, 0]])
    if groups:
        rows = rows.with_groups(np.arange(100).astype(object) // groups)

    for found in (skill.mcc(rows, 2), skill.mcc_of(rows, 0, 2)):
        assert found.value == 0
        assert math.isnan(found.lower(0.95))
        assert math.isnan(found.upper(0.95))
        assert found.reason == skill.ONE_ANSWER


def test_images_of_one_class_prove_no_agreement_beyond_chance():
    found = skill.kappa(rows_from_counts([[40, 10], [0, 0]]), 2)

    assert found.value == 0
    assert math.isnan(found.lower(0.95))
    assert found.reason == skill.ONE_CLASS


def test_macro_f1_of_fewer_than_five_images_a_class_never_fails():
    four, five = (rows_from_counts([[each - 2, 2], [2, each - 2]]) for each in (4, 5))

    few, enough = rates.macro_f1(four, 2), rates.macro_f1(five, 2)

    assert few.upper(0.95) == 1.0
    assert few.lower(0.95) < few.value
    assert "fewer than 5 images a class" in few.reason
    assert enough.upper(0.95) < 1.0
    assert enough.reason == ""


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_weighted_kappa_is_scikit_learns(weights, rows_by_chance):
    from sklearn.metrics import cohen_kappa_score

    rows = rows_by_chance(300, 5)
    apart = np.abs(np.subtract.outer(np.arange(5), np.arange(5))).astype(float)
    gravity = {None: 1 - np.eye(5), "linear": apart, "quadratic": apart**2}[weights]

    found = skill.weighted_kappa(rows, gravity)

    assert found.value == cohen_kappa_score(rows.labels, rows.predictions, weights=weights)


def enumerated(metric, each, recall):
    """Return the value and bounds of every outcome of two classes of ``each``, with its chance."""
    chances = special.binom(each, np.arange(each + 1))
    chances = chances * recall ** np.arange(each + 1) * (1 - recall) ** np.arange(each, -1, -1)
    for one, other in itertools.product(range(each + 1), repeat=2):
        chance = chances[one] * chances[other]
        if chance > 1e-7:
            matrix = [[one, each - one], [each - other, other]]
            yield chance, METRICS[metric](rows_from_counts(matrix), 2)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["balanced accuracy", "macro F1", "mcc", "kappa"])
@pytest.mark.parametrize("recall", [0.6, 0.9, 0.97])
@pytest.mark.parametrize("each", [25, 60])
def test_enumerated_outcomes_of_two_classes_are_wrong_as_seldom_as_promised(metric, each, recall):
    truth = recall if metric in ("balanced accuracy", "macro F1") else 2 * recall - 1
    passes = fails = 0.0
    for chance, found in enumerated(metric, each, recall):
        passes += chance * (found.lower(0.95) >= truth)
        fails += chance * (found.upper(0.95) < truth)

    assert passes <= 0.055
    assert fails <= 0.055


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["balanced accuracy", "macro F1", "mcc", "kappa"])
@pytest.mark.parametrize("alike", [0.0, 0.6])
@pytest.mark.parametrize("groups", [40, 120])
def test_metrics_of_images_in_groups_are_wrong_about_as_seldom_as_promised(metric, groups, alike):
    # Of each group of 5 images a part ``alike`` of the luck of an image is that of its group.
    random, runs, recall = np.random.default_rng(2), 2000, 0.9
    truth = recall if metric in ("balanced accuracy", "macro F1") else 2 * recall - 1
    codes = np.arange(groups).repeat(5)
    labels = (codes % 2).astype(np.int32)
    blank = rows_from_counts([[len(codes), 0], [0, 0]]).with_groups(codes.astype(object))
    cut = special.ndtri(recall)
    passed = failed = 0
    for _ in range(runs):
        luck = math.sqrt(alike) * random.normal(size=groups)[codes]
        luck += math.sqrt(1 - alike) * random.normal(size=len(codes))
        answers = np.where(luck < cut, labels, 1 - labels).astype(np.int32)
        rows = dataclasses.replace(blank, labels=labels, predictions=answers)
        found = METRICS[metric](rows, 2)
        passed += found.lower(0.95) >= truth
        failed += found.upper(0.95) < truth

    assert passed / runs <= 0.070
    assert failed / runs <= 0.070
