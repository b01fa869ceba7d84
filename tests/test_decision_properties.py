"""What holds for all made-up numbers: no way of arranging the data opens the gate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

ORDER = (Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.PASSED)
SHARES = ("accuracy", "recall", "precision", "f1", "balanced-accuracy")
NAMES = ("cat", "dog", "fox", "owl")

few = settings(max_examples=30)

counts = st.one_of(st.integers(0, 6), st.integers(0, 300))
requirements = st.sampled_from([0.0, 0.1, 0.5, 0.8, 0.85, 0.9, 0.99, 1.0])


@st.composite
def matrices(draw, most_classes=4):
    classes = draw(st.integers(2, most_classes))
    row = st.lists(counts, min_size=classes, max_size=classes).map(tuple)
    return tuple(draw(st.lists(row, min_size=classes, max_size=classes)))


def numbers(matrix):
    return SyntheticRun(classes=NAMES[: len(matrix)], test=matrix)


def with_rows(evidence, rows):
    split = replace(evidence.splits[Split.TEST], rows=rows)
    return replace(evidence, splits={Split.TEST: split})


def made(check, **parameters):
    return REGISTRY[check](id=check, **parameters)


def ranks(rule, evidence):
    """Return how good each result is, by its key."""
    return {result.key: ORDER.index(result.outcome) for result in judge([rule], evidence).results}


def judged(rules, evidence):
    """Return what was concluded, by key."""
    return {
        result.key: (result.outcome, result.proven, result.comparison.estimate.value)
        for result in judge(rules, evidence).results
    }


@pytest.mark.parametrize("check", SHARES)
@pytest.mark.parametrize("decide_on", ["interval", "point"])
@given(matrix=matrices(), bounds=st.tuples(requirements, requirements).map(sorted))
@few
def test_a_tighter_requirement_never_makes_a_result_better(check, decide_on, matrix, bounds):
    evidence = synthetic_evidence(numbers(matrix))
    loose, tight = (ranks(made(check, min=b, decide_on=decide_on), evidence) for b in bounds)

    assert all(tight[key] <= loose[key] for key in loose)


@pytest.mark.parametrize("check", SHARES)
@given(matrix=matrices(), required=requirements)
@few
def test_more_confidence_never_turns_an_open_question_into_an_answer(check, matrix, required):
    evidence = synthetic_evidence(numbers(matrix))
    usual, strict = (
        ranks(made(check, min=required, one_sided_confidence=confidence), evidence)
        for confidence in (0.95, 0.999)
    )

    assert all(strict[key] in (usual[key], ORDER.index(Outcome.INCONCLUSIVE)) for key in usual)


@pytest.mark.parametrize("check", ["accuracy", "recall", "precision", "f1", "balanced-accuracy"])
@given(matrix=matrices(), required=requirements, data=st.data())
@few
def test_removing_right_answers_never_makes_a_result_better(check, matrix, required, data):
    right = [label for label, row in enumerate(matrix) if row[label]]
    if not right:
        return
    label = data.draw(st.sampled_from(right))
    fewer = [list(row) for row in matrix]
    fewer[label][label] -= data.draw(st.integers(1, matrix[label][label]))
    rule = made(check, min=required, decide_on="point")

    before = ranks(rule, synthetic_evidence(numbers(matrix)))
    after = ranks(rule, synthetic_evidence(numbers(tuple(map(tuple, fewer)))))

    for key, rank in after.items():
        emptied = rank == ORDER.index(Outcome.INCONCLUSIVE)
        assert rank <= before[key] or emptied


@pytest.mark.parametrize("check", SHARES)
@given(matrix=matrices(), required=requirements, share=st.integers(2, 9))
@few
def test_keeping_one_row_in_some_never_turns_a_failure_into_a_proof(check, matrix, required, share):
    thin = tuple(tuple(count // share for count in row) for row in matrix)
    exact = tuple(tuple(count * share for count in row) for row in thin)
    rule = made(check, min=required)

    all_rows = ranks(rule, synthetic_evidence(numbers(exact)))
    some_rows = ranks(rule, synthetic_evidence(numbers(thin)))

    failed, passed = ORDER.index(Outcome.FAILED), ORDER.index(Outcome.PASSED)
    assert not any(all_rows[key] == failed and some_rows[key] == passed for key in all_rows)


@given(matrix=matrices(), label=st.integers(0, 1))
@few
def test_removing_every_image_of_a_class_never_passes(matrix, label):
    emptied = tuple((0,) * len(row) if at == label else row for at, row in enumerate(matrix))
    for check in ("recall", "precision", "f1"):
        decision = judge([made(check, min=0.0)], synthetic_evidence(numbers(emptied)))

        assert decision.verdict != "pass"


@given(matrix=matrices(), seed=st.integers(0, 2**32 - 1))
@few
def test_the_order_of_the_images_changes_nothing(matrix, seed):
    rules = [made(check, min=0.85) for check in (*SHARES, "macro-f1")]
    rules += [made(check) for check in ("accuracy-paradox", "prediction-collapse", "no-skill")]
    evidence = synthetic_evidence(numbers(matrix))
    rows = evidence.splits[Split.TEST].rows
    shuffled = rows.take(np.random.default_rng(seed).permutation(len(rows)))

    assert judged(rules, with_rows(evidence, shuffled)) == judged(rules, evidence)


@given(seed=st.integers(0, 2**32 - 1), groups=st.integers(1, 40))
@few
def test_the_order_of_the_images_of_patients_changes_nothing(seed, groups):
    random = np.random.default_rng(seed)
    evidence = synthetic_evidence(SyntheticRun(test=((45, 5), (3, 47))))
    rows = evidence.splits[Split.TEST].rows
    names = np.array([f"p{group}" for group in random.integers(0, groups, len(rows))], dtype=object)
    grouped = rows.with_groups(names)
    rules = [made(check, min=0.8) for check in ("accuracy", "recall", "precision", "f1")]

    shuffled = grouped.take(random.permutation(len(rows)))

    before, after = (judged(rules, with_rows(evidence, each)) for each in (grouped, shuffled))
    assert after == before


@given(matrix=matrices(), data=st.data())
@few
def test_the_order_of_the_classes_changes_nothing(matrix, data):
    order = data.draw(st.permutations(range(len(matrix))))
    rules = [made(check, min=0.85) for check in SHARES]
    rules += [made(check) for check in ("accuracy-paradox", "prediction-collapse", "no-skill")]
    reordered = SyntheticRun(
        classes=tuple(NAMES[label] for label in order),
        test=tuple(tuple(matrix[row][column] for column in order) for row in order),
    )

    before = judged(rules, synthetic_evidence(numbers(matrix)))
    after = judged(rules, synthetic_evidence(reordered))

    assert after.keys() == before.keys()
    for key, (outcome, proven, value) in after.items():
        assert (outcome, proven) == before[key][:2]
        assert value == pytest.approx(before[key][2], abs=1e-12)


@given(matrix=matrices(), required=requirements)
@few
def test_no_rule_passes_on_an_empty_split(matrix, required):
    evidence = synthetic_evidence(numbers(matrix))
    nothing = with_rows(
        evidence, evidence.splits[Split.TEST].rows.take(np.array([], dtype=np.intp))
    )
    for check in SHARES:
        assert judge([made(check, min=required)], nothing).verdict != "pass"


@given(
    required=st.lists(requirements, min_size=1, max_size=6),
    on_inconclusive=st.sampled_from(["block", "point"]),
)
@few
def test_one_rule_more_never_makes_the_verdict_better(required, on_inconclusive):
    order = ["pass", "inconclusive", "fail"]
    evidence = synthetic_evidence(SyntheticRun(test=((88, 12), (4, 96))))
    rules = [
        REGISTRY["accuracy"](id=f"rule-{index}", min=each, on_inconclusive=on_inconclusive)
        for index, each in enumerate(required)
    ]

    verdicts = [order.index(judge(rules[: at + 1], evidence).verdict) for at in range(len(rules))]

    if on_inconclusive == "point":
        assert verdicts == sorted(verdicts)
    # With more comparisons a failure needs more proof, so that fail may become inconclusive.
    assert all(later > 0 for at, later in enumerate(verdicts) if any(verdicts[:at]))
