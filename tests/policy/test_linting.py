import re

import pytest

from gate.metrics.planning_groups import GroupSizes
from gate.policy.linting import unprovable_bounds, useless_rules
from gate.policy.reading import read_policy

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: example, version: 1.0.0}\nrules:\n"
COUNTER = "  - {check: no-skill}\n"


@pytest.fixture
def document(tmp_path):
    def write(*rules):
        path = tmp_path / "policy.yaml"
        path.write_text(HEAD + COUNTER + "".join(f"  - {{{rule}}}\n" for rule in rules))
        return read_policy(str(path))

    return write


@pytest.mark.parametrize(
    "rule",
    [
        "check: recall, min: 0",
        "check: recall, min: 0, per_class: {dog: 0}",
        "check: mcc, min: -1",
        "check: false-positive-rate, max: 1.0",
        "check: train-test-gap, max: 1",
        "check: train-test-gap, metric: mcc, max: 2",
        "check: negative-flips, max: 1",
    ],
)
def test_a_rule_that_can_never_fail_is_found_at_its_bound(rule, document):
    (fault,) = useless_rules(document(rule))

    bound = re.search(r"(min|max): ", rule).end()
    assert (fault.line, fault.column) == (6, len("  - {") + bound + 1)
    assert "can never fail" in fault.fact


@pytest.mark.parametrize(
    "rule",
    [
        "check: recall, min: 0, per_class: {dog: 0.5}",
        "check: precision, min: 0",  # fails where a class is never predicted
        "check: mcc, min: 0",
        "check: log-loss, max: 1",
        "check: train-test-gap, metric: mcc, max: 1",
    ],
)
def test_a_rule_that_can_fail_is_left_alone(rule, document):
    assert list(useless_rules(document(rule))) == []


def test_a_rule_that_another_covers_is_found(document):
    (fault,) = useless_rules(
        document(
            "id: all, check: recall, min: 0.9",
            "id: dogs, check: recall, classes: [dog], min: 0.85",
        )
    )

    assert fault.line == 7
    assert "the rule 'dogs' is shadowed: 'all'" in fault.fact


def test_of_two_equal_rules_the_later_is_needless(document):
    (fault,) = useless_rules(
        document("id: a, check: recall, min: 0.9", "id: b, check: recall, min: 0.9, lock: final")
    )

    assert "the rule 'b' is shadowed" in fault.fact


@pytest.mark.parametrize(
    "second",
    [
        "id: b, check: recall, min: 0.95, severity: warn",
        "id: b, check: recall, min: 0.8, split: validation",
        "id: b, check: recall, min: 0.8, by: scanner",
        "id: b, check: precision, min: 0.8",
    ],
)
def test_rules_that_ask_for_something_else_shadow_nothing(second, document):
    assert list(useless_rules(document("id: a, check: recall, min: 0.9", second))) == []


def _unprovable(document, per_class, **keys):
    return list(unprovable_bounds(document, ("cat", "dog"), ("dog",), per_class, **keys))


def test_a_bound_that_no_model_can_prove_on_so_few_images_is_found(document):
    found = _unprovable(document("check: recall, min: 0.95"), {"cat": 500, "dog": 58})

    (fault,) = found  # 59 of 59 is the least that proves 0.95: 0.95 ** 59 < 0.05
    assert "58 images of the class of dog, and no fewer than 59 can prove >= 0.95" in fault.fact


def test_a_bound_that_can_just_be_proven_is_left_alone(document):
    assert _unprovable(document("check: recall, min: 0.95"), {"cat": 59, "dog": 59}) == []


def test_where_the_estimate_may_decide_nothing_has_to_be_provable(document):
    point = document("check: recall, min: 0.95, on_inconclusive: point")

    assert _unprovable(point, {"cat": 3, "dog": 3}) == []


def test_images_of_one_group_count_once(document):
    pairs = dict.fromkeys((None, "cat", "dog"), GroupSizes(mean=2.0, typical=2.0))
    rule = document("check: recall, min: 0.95")

    found = _unprovable(rule, {"cat": 119, "dog": 100}, group_sizes=pairs)
    enough = _unprovable(rule, {"cat": 120, "dog": 120}, group_sizes=pairs)

    assert len(found) == 2
    assert "119 images of the class of cat, and no fewer than 120 in 60 groups can prove" in (
        found[0].fact
    )
    assert enough == []
