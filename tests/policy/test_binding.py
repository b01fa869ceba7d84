"""Evidence as a policy judges it: with its critical classes, beside the champion that it pins."""

from dataclasses import replace

import pytest

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.records import Baseline, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.binding import bind
from gate.policy.model import Metadata, Policy

CHAMPION = "c" * 64


def policy(**pins):
    head = {"apiVersion": "gate/v1", "kind": "Policy", "metadata": Metadata(name="a", version="1")}
    rule = REGISTRY["accuracy"](id="accuracy", check="accuracy", min=0.5)
    return Policy(**head, rules=(rule,), **pins)


def evidence(sha256=CHAMPION, **numbers):
    made = synthetic_evidence(SyntheticRun(test=((480, 20), (20, 480)), **numbers))
    if sha256 == "none":
        return made
    champion = Baseline("champion", sha256, {Split.TEST: made.splits[Split.TEST].rows})
    return replace(made, baseline=champion)


def verdict(found, pinned):
    return judge(pinned.rules, bind(found, pinned)).verdict


@pytest.mark.parametrize(("said", "together"), [((), ("dog",)), (("cat",), ("cat", "dog"))])
def test_what_the_policy_calls_critical_is_critical_beside_what_the_run_did(said, together):
    bound = bind(evidence(critical=said), policy(critical=("dog",)))

    assert bound.critical == together


def test_without_pins_the_evidence_stays_as_it_is():
    found = evidence()

    assert bind(found, policy()) is found


def test_the_pinned_champion_is_known_as_such():
    found = evidence()

    assert bind(found, policy(champion=CHAMPION)).baseline.pinned
    assert verdict(found, policy(champion=CHAMPION)) == "pass"


@pytest.mark.parametrize("sha256", ["d" * 64, None, "none"])
def test_another_champion_than_the_pinned_one_or_none_is_no_pass(sha256):
    found = evidence(sha256)

    assert verdict(found, policy()) == "pass"
    assert verdict(found, policy(champion=CHAMPION)) == "error"
    (failure,) = bind(found, policy(champion=CHAMPION)).failures
    assert CHAMPION in failure.message
    assert "baseline" in failure.remedy


ROLES = {"per_class": {"$critical": 0.9, "$others": 0.95}}


@pytest.mark.parametrize(
    "rule",
    [{"min": 0.5, **ROLES}, {"classes": "$others", "min": 0.95}, ROLES,
     {"min": 0.95, "per_class": {"$critical": 0.9}}],
)  # fmt: skip
@pytest.mark.parametrize("decide_on", ["point", "interval"])
def test_to_call_a_class_critical_beside_those_of_the_policy_loosens_nothing(rule, decide_on):
    asked = REGISTRY["recall"](id="r", check="recall", decide_on=decide_on, **rule)
    bound = policy(critical=("dog",)).model_copy(update={"rules": (asked,)})
    weak = SyntheticRun(test=((460, 40), (10, 490)))  # the recall of cat is 0.92

    added = SyntheticRun(test=weak.test, critical=("cat",))
    verdicts = [
        judge(bound.rules, bind(synthetic_evidence(each), bound)).verdict for each in (weak, added)
    ]

    assert verdicts == ["fail", "fail"]


def test_a_class_that_is_critical_beside_those_of_the_policy_meets_what_is_asked_of_both():
    asked = REGISTRY["recall"](
        id="r", check="recall", min=0.5, per_class={"$critical": 0.95, "$others": 0.9}
    )
    bound = policy(critical=("dog",)).model_copy(update={"rules": (asked,)})

    def required(**numbers):
        found = bind(
            synthetic_evidence(SyntheticRun(test=((490, 10), (10, 490)), **numbers)), bound
        )
        return asked.required_of("cat", found)

    assert (required(), required(critical=("cat",))) == (0.9, 0.95)


def test_a_policy_that_leaves_it_to_the_gate_file_is_judged_by_one_role_alone():
    asked = REGISTRY["recall"](
        id="r", check="recall", per_class={"$critical": 0.9, "$others": 0.95}
    )
    bound = policy().model_copy(update={"rules": (asked,)})
    found = bind(
        synthetic_evidence(SyntheticRun(test=((490, 10), (10, 490)), critical=("cat",))), bound
    )

    assert (asked.required_of("cat", found), asked.required_of("dog", found)) == (0.9, 0.95)
