"""Evidence as a policy judges it: with its critical classes, beside the champion that it pins."""

from dataclasses import replace

import pytest

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.made_up import MadeUp
from gate.evidence.records import Baseline, Split
from gate.policy.binding import bind
from gate.policy.model import Metadata, Policy

CHAMPION = "c" * 64


def policy(**pins):
    head = {"apiVersion": "gate/v1", "kind": "Policy", "metadata": Metadata(name="a", version="1")}
    rule = REGISTRY["accuracy"](id="accuracy", check="accuracy", min=0.5)
    return Policy(**head, rules=(rule,), **pins)


def evidence(sha256=CHAMPION, **numbers):
    made = MadeUp(test=((480, 20), (20, 480)), **numbers).evidence()
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
