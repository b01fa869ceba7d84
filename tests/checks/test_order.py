"""Grades and parents: what is refused, and what nobody gets past."""

import pytest
from pydantic import ValidationError

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.fit import _of_rule
from gate.policy.strictness import Direction, changes

PASSED, FAILED, OPEN = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
GRADES = ("none", "mild", "severe")
FOLDERS = ("high", "low", "medium")  # as text sorts them
KINDS = ("car", "bus", "cat", "dog")
PARENTS = {"vehicle": ("car", "bus"), "animal": ("cat", "dog")}
FAR = ((190, 9, 1), (15, 170, 15), (40, 10, 150))
# A tenth of the high ones is called medium, which is near, and stands two folders away.
NEARBY = ((180, 0, 20), (0, 190, 10), (10, 10, 180))
OF_KIND = ((190, 10, 0, 0), (60, 140, 0, 0), (0, 0, 195, 5), (0, 0, 8, 192))
ACROSS = ((190, 10, 0, 0), (10, 157, 33, 0), (0, 0, 195, 5), (1, 1, 8, 190))


def graded(test, classes=GRADES):
    return SyntheticRun(classes=classes, test=test)


def kinds(test, parents=PARENTS):
    return SyntheticRun(classes=KINDS, parents=parents, test=test)


def test_classes_that_folders_sort_as_text_are_put_in_order_by_the_policy(outcome):
    order = ["low", "medium", "high"]
    numbers = graded(NEARBY, FOLDERS)

    assert outcome("severe-error", numbers, max=0.03) is FAILED
    assert outcome("severe-error", numbers, max=0.03, order=order) is PASSED
    assert outcome("weighted-kappa", numbers, min=0.85, order=order) is PASSED
    assert outcome("weighted-kappa", numbers, min=0.85) is not PASSED


def test_a_gravest_mistake_of_one_class_is_seen_where_it_drowns_in_all(outcome):
    drowned = graded(((2000, 9, 1), (15, 1970, 15), (20, 10, 70)))

    assert outcome("severe-error", drowned, max=0.02) is PASSED
    assert outcome("severe-error", drowned, max=0.02, **{"class": "severe"}) is FAILED


def test_critical_classes_are_judged_each(rule):
    numbers = SyntheticRun(classes=GRADES, critical=("none", "severe"), test=FAR)
    each = rule("severe-error", max=0.05, **{"class": "$critical"})

    results = judge([each], synthetic_evidence(numbers)).results

    assert {one.comparison.scope.class_name: one.outcome for one in results} == {
        "severe": FAILED,
        "none": PASSED,
    }


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"distance": 3}, "no two of 3 classes are 3 apart"),
        ({"order": ["none", "mild"]}, "the order leaves out 'severe'"),
        ({"order": ["none", "mild", "grave", "severe"]}, "the model has no class 'grave'"),
        ({"class": "sever"}, "the model has no class 'sever'"),
    ],
)
def test_what_does_not_fit_the_classes_is_told_before_anything_is_measured(keys, fact, rule):
    found = _of_rule(rule("severe-error", **{"max": 0.02, **keys}), GRADES, ())

    assert fact in [each.fact for each in found]


def test_two_classes_have_no_mistakes_two_apart(rule, outcome):
    numbers = SyntheticRun(test=((500, 0), (0, 500)))

    assert [each.fact for each in _of_rule(rule("severe-error", max=0.02), ("cat", "dog"), ())] == [
        "no two of 2 classes are 2 apart"
    ]
    assert outcome("severe-error", numbers, max=0.02) is OPEN


@pytest.mark.parametrize(
    ("check", "limit"), [("severe-error", {"max": 0.9}), ("weighted-kappa", {"min": 0.01})]
)
def test_an_order_that_the_hierarchy_contradicts_never_passes(check, limit, rule, outcome):
    mixed = {**limit, "order": ["car", "cat", "bus", "dog"]}

    (result,) = judge([rule(check, **mixed)], synthetic_evidence(kinds(OF_KIND))).results

    assert result.outcome is OPEN
    assert "the order has cat amid the classes of vehicle" in result.comparison.estimate.reason
    assert "side by side" in result.comparison.estimate.remedy
    assert outcome(check, kinds(OF_KIND), **limit, order=["dog", "cat", "bus", "car"]) is PASSED
    assert outcome(check, kinds(OF_KIND, {}), **mixed) is PASSED


def test_a_class_in_the_middle_never_passes_for_want_of_a_class_that_is_far(outcome):
    assert outcome("severe-error", graded(FAR), max=0.02, **{"class": "mild"}) is OPEN


@pytest.mark.parametrize(
    ("check", "keys", "said"),
    [
        ("severe-error", {"max": 0.1, "order": ["a", "b", "a"]}, "stands in the order twice"),
        ("severe-error", {"max": 0.1, "per_class": {"a": 0.1}}, "write no per_class"),
        ("weighted-kappa", {"min": 0.5, "weights": "cubic"}, "Input should be"),
        ("parent-recall", {"min": 0.9, "parents": {"all": ["a", "b"]}}, "one parent"),
        ("parent-recall", {"min": 0.9, "parents": {"x": ["a"], "y": ["a"]}}, "two parents"),
        ("parent-recall", {"min": 0.9, "parents": {"x": ["a"], "y": []}}, "no classes"),
    ],
)
def test_what_cannot_be_meant_is_refused(check, keys, said, rule):
    with pytest.raises(ValidationError, match=said):
        rule(check, **keys)


def test_whoever_puts_all_classes_under_one_parent_proves_nothing(outcome):
    assert outcome("parent-recall", kinds(OF_KIND, {"thing": KINDS}), min=0.9) is OPEN
    assert outcome("parent-recall", kinds(OF_KIND), min=0.95) is PASSED


def test_parents_of_the_policy_go_before_those_of_the_gate_file(outcome):
    easy = {"all": ("car", "bus", "cat"), "rest": ("dog",)}  # what is confused is one kind

    assert outcome("parent-recall", kinds(ACROSS, easy), min=0.9) is PASSED
    said = {name: list(members) for name, members in PARENTS.items()}
    assert outcome("parent-recall", kinds(ACROSS, easy), min=0.95, parents=said) is FAILED


def test_each_parent_has_to_be_found(rule):
    results = judge([rule("parent-recall", min=0.95)], synthetic_evidence(kinds(ACROSS))).results

    assert {each.key: each.outcome for each in results} == {
        "parent-recall[part=vehicle]": FAILED,
        "parent-recall[part=animal]": PASSED,
    }


def test_a_longer_distance_is_laxer_and_a_higher_kappa_stricter(rule):
    def direction(check, old, new):
        (change,) = changes(rule(check, **old), rule(check, **new))
        return change.direction

    far = direction("severe-error", {"max": 0.1, "distance": 1}, {"max": 0.1, "distance": 2})
    high = direction("weighted-kappa", {"min": 0.8}, {"min": 0.9})
    other = direction("weighted-kappa", {"min": 0.8}, {"min": 0.8, "weights": "linear"})
    assert (far, high, other) == (Direction.LOOSENED, Direction.TIGHTENED, Direction.CHANGED)
