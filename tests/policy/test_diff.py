from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.diff import Kind, diff
from gate.policy.model import Metadata, Policy

_SHARES = st.sampled_from([0.3, 0.6, 0.9])
_RULES = {
    "recall": st.builds(
        lambda least, of_dog, severity: REGISTRY["recall"](
            id="recall", min=least, per_class=of_dog, severity=severity
        ),
        _SHARES,
        st.one_of(st.just({}), st.dictionaries(st.just("dog"), _SHARES, min_size=1)),
        st.sampled_from(["block", "warn"]),
    ),
    "overlap": st.builds(
        lambda most: REGISTRY["train-test-overlap"](id="overlap", max_exact=most),
        st.integers(0, 2),
    ),
    "gap": st.builds(
        lambda decide_on: REGISTRY["train-test-gap"](id="gap", decide_on=decide_on),
        st.sampled_from(["interval", "point"]),
    ),
}


def _policy(rules, **keys):
    head = {"apiVersion": "gate/v1", "kind": "Policy", "metadata": Metadata(name="a", version="1")}
    return Policy(**head, rules=(*rules, REGISTRY["no-skill"](id="no-skill")), **keys)


_POLICIES = st.builds(
    lambda rules, days: _policy(rules.values(), max_waiver_days=days),
    st.fixed_dictionaries({}, optional=_RULES),
    st.sampled_from([30, 90]),
)
_OPPOSITE = {
    Kind.ADDED: Kind.REMOVED,
    Kind.REMOVED: Kind.ADDED,
    Kind.TIGHTENED: Kind.LOOSENED,
    Kind.LOOSENED: Kind.TIGHTENED,
    Kind.CHANGED: Kind.CHANGED,
}


@given(old=_POLICIES, new=_POLICIES)
def test_a_diff_read_backwards_says_the_opposite(old, new):
    forth = {(_OPPOSITE[each.kind], each.rule, each.key, each.new, each.old)
             for each in map(_hashable, diff(old, new))}  # fmt: skip
    back = {(each.kind, each.rule, each.key, each.old, each.new)
            for each in map(_hashable, diff(new, old))}  # fmt: skip

    assert forth == back


def _hashable(difference):
    return replace(difference, old=repr(difference.old), new=repr(difference.new))


# One run for each thing that the policies above can differ in.
_RUNS = [
    SyntheticRun(test=((right, 1000 - right), (1000 - of_dog, of_dog)), train=train, copies=copies)
    for right in (450, 750, 950)
    for of_dog in (450, 750, 950)
    for copies in (0, 1, 2)
    for train in (((140, 10), (10, 140)), ((149, 1), (1, 149)))
]
_EVIDENCE = [synthetic_evidence(run) for run in _RUNS]


def _judged(policy):
    return [
        [
            (result.key, result.severity, result.outcome, result.comparison.required)
            for result in judge(policy.rules, evidence).results
        ]
        for evidence in _EVIDENCE
    ]


@settings(max_examples=40, deadline=None)
@given(old=_POLICIES, new=_POLICIES)
def test_a_diff_of_rules_is_empty_exactly_where_both_judge_alike(old, new):
    of_rules = [each for each in diff(old, new) if each.rule is not None]
    alike = [sorted(run, key=str) for run in _judged(old)] == [
        sorted(run, key=str) for run in _judged(new)
    ]

    assert (not of_rules) == alike


@settings(max_examples=40, deadline=None)
@given(old=_POLICIES, new=_POLICIES)
def test_where_nothing_may_have_loosened_no_run_passes_that_did_not(old, new):
    if any(each.kind.may_loosen for each in diff(old, new)):
        return

    for evidence in _EVIDENCE:
        if judge(new.rules, evidence).verdict == "pass":
            assert judge(old.rules, evidence).verdict == "pass"


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({"min_rules": 1}, {"min_rules": 2}, "tightened"),
        ({"max_waiver_days": 30}, {"max_waiver_days": 60}, "loosened"),
        ({}, {"non_waivable": ("recall",)}, "tightened"),
        ({"non_waivable": ("recall", "no-skill")}, {"non_waivable": ("recall",)}, "loosened"),
        ({"non_waivable": ("recall",)}, {"non_waivable": ("no-skill",)}, "changed"),
    ],
)
def test_what_a_policy_says_of_its_waivers_and_size_is_compared_too(old, new, kind):
    rules = (REGISTRY["recall"](id="recall", min=0.5),)

    (found,) = diff(_policy(rules, **old), _policy(rules, **new))

    assert (found.kind, found.rule) == (kind, None)


def test_the_order_of_rules_is_no_difference():
    rules = (REGISTRY["recall"](id="a", min=0.5), REGISTRY["recall"](id="b", min=0.6))

    assert diff(_policy(rules), _policy(rules[::-1])) == []
