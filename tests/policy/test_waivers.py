from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import Verdict, judge
from gate.errors import DocumentError
from gate.evidence.records import Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.model import Metadata, Policy
from gate.policy.waivers import (
    Acceptance,
    Case,
    PlacedWaiver,
    Standing,
    Waiver,
    read_waivers,
    ruling,
)

SHA = "a" * 64
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


def _policy(rules=None, **keys):
    rules = rules or (REGISTRY["recall"](id="recall", min=0.85),)
    head = {"apiVersion": "gate/v1", "kind": "Policy", "metadata": Metadata(name="a", version="1")}
    return Policy(**head, rules=rules, **keys)


def _waiver(**keys):
    said = {
        "result": "recall[class=dog]",
        "checkpoint": SHA,
        "floor": 0.6,
        "reason": "the next model is under way",
        "ticket": "SAFE-12",
        "requested_by": "@ann",
        "approved_by": "@bob",
        "approved_on": "2026-07-01",
        "expires": "2026-09-01",
    }
    return Waiver(**{**said, **keys})


def _case(**keys):
    said = {
        "rule": "recall",
        "outcome": Outcome.FAILED,
        "value": 0.7,
        "operator": ">=",
        "checkpoint": SHA,
    }
    return Case(**{**said, **keys})


def _ruled(waiver=None, case=None, policy=None, now=NOON):
    return ruling(waiver or _waiver(), case or _case(), policy or _policy(), now)


def test_a_failure_above_the_floor_is_waived_in_time():
    assert _ruled() == (Standing.APPLIED, "until the end of 2026-09-01")


@pytest.mark.parametrize(
    ("now", "standing"),
    [
        (datetime(2026, 9, 1, 23, 59, 59, tzinfo=UTC), Standing.APPLIED),
        (datetime(2026, 9, 2, tzinfo=UTC), Standing.EXPIRED),
        (datetime(2026, 9, 2, 1, tzinfo=timezone(timedelta(hours=2))), Standing.APPLIED),
        (datetime(2026, 9, 1, 23, tzinfo=timezone(timedelta(hours=-2))), Standing.EXPIRED),
    ],
)
def test_the_last_day_counts_whole_and_in_utc(now, standing):
    assert _ruled(now=now)[0] is standing


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ({"outcome": Outcome.ERROR}, "an error is never waived"),
        ({"checkpoint": "b" * 64}, "it is for another checkpoint"),
        ({"checkpoint": None}, "no checkpoint was run"),
        ({"value": 0.59}, "beyond its floor 0.6"),
        ({"value": None, "outcome": Outcome.INCONCLUSIVE}, "nothing was measured"),
        ({"operator": "<=", "value": 0.61}, "beyond its floor 0.6"),
    ],
)
def test_what_a_waiver_does_not_reach_is_rejected_with_the_reason(case, why):
    standing, said = _ruled(case=_case(**case))

    assert standing is Standing.REJECTED
    assert why in said


def test_the_floor_itself_is_accepted_on_both_sides():
    assert _ruled(case=_case(value=0.6))[0] is Standing.APPLIED
    assert _ruled(case=_case(value=0.6, operator="<="))[0] is Standing.APPLIED


def test_the_policy_says_what_cannot_be_waived_and_for_how_long():
    assert _ruled(policy=_policy(non_waivable=("recall",)))[0] is Standing.REJECTED
    assert _ruled(policy=_policy(max_waiver_days=62))[0] is Standing.REJECTED
    assert _ruled(policy=_policy(max_waiver_days=63))[0] is Standing.APPLIED


def test_an_approval_from_the_future_is_rejected():
    early = datetime(2026, 6, 30, 23, tzinfo=UTC)

    assert _ruled(now=early)[0] is Standing.REJECTED


def test_a_waiver_of_a_pass_or_of_nothing_is_unused():
    assert _ruled(case=_case(outcome=Outcome.PASSED))[0] is Standing.UNUSED
    assert ruling(_waiver(), None, _policy(), NOON)[0] is Standing.UNUSED


@pytest.mark.parametrize(
    "name",
    [
        *("@ann", "Ann", " ann ", "@ ANN", "Ann <ann@example.org>", "\uff41nn"),
        *("@\u0430nn", "ann\u200b", "an\u00adn"),  # a Cyrillic a, a zero width, a soft hyphen
    ],
)
def test_nobody_approves_their_own_waiver(name):
    with pytest.raises(ValueError, match="cannot approve it"):
        _waiver(approved_by=name)


def test_another_person_whose_name_is_near_may_approve():
    assert _waiver(approved_by="anna").approved_by == "anna"


@pytest.mark.parametrize("key", ["requested_by", "approved_by"])
@pytest.mark.parametrize("nobody", ["@", " ", "\u200b"])
def test_a_name_of_which_nothing_is_seen_is_nobody(key, nobody):
    with pytest.raises(ValueError, match="names nobody"):
        _waiver(**{key: nobody})


def test_a_result_is_found_however_its_accents_are_stored():
    assert _waiver(result="recall[class=Ko\u0308ln]").result == "recall[class=K\xf6ln]"


_DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31)).map(str)
_WAIVERS = st.builds(
    _waiver,
    result=st.sampled_from(["recall[class=dog]", "recall[class=cat]", "recall", "errs", "void"]),
    checkpoint=st.sampled_from([SHA, "b" * 64]),
    floor=st.floats(0, 1),
    approved_on=_DAYS.filter(lambda day: day < "2026-12-31"),
    expires=st.dates(date(2026, 12, 31), date(2027, 12, 31)).map(str),
)


class _Crashing(REGISTRY["accuracy"]):
    def evaluate(self, evidence):
        raise RuntimeError("no")


@given(
    matrix=st.tuples(*[st.tuples(*[st.integers(0, 60)] * 2)] * 2),
    waivers=st.lists(_WAIVERS, max_size=4),
    crashes=st.booleans(),
    days=st.integers(1, 366),
    now=st.integers(0, 800).map(lambda days: NOON + timedelta(days=days - 200)),
)
def test_waivers_never_turn_a_pass_into_a_failure_nor_an_error_into_anything(
    matrix, waivers, crashes, days, now
):
    rules = [
        REGISTRY["recall"](id="recall", min=0.85),
        REGISTRY["precision"](id="void", min=0.5, by="site"),
        *([_Crashing(id="errs", min=0.5)] if crashes else []),
    ]
    evidence = _with_checkpoint(synthetic_evidence(SyntheticRun(test=matrix)))
    policy = _policy(tuple(rules), max_waiver_days=days)
    placed = tuple(PlacedWaiver(each, "w.yaml", 1, 1) for each in waivers)

    without = judge(rules, evidence)
    waived = judge(rules, evidence, acceptance=Acceptance(placed, policy, now))

    before = {result.key: result for result in without.results}
    for result in waived.results:
        if result.outcome is Outcome.WAIVED:
            assert before[result.key].outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE)
            assert before[result.key].comparison.estimate.value is not None
        else:
            assert result.outcome is before[result.key].outcome
    if without.verdict in (Verdict.PASS, Verdict.ERROR):
        assert waived.verdict is without.verdict
    assert len(waived.rulings) == len(waivers)


def _with_checkpoint(evidence):
    return replace(evidence, subject=Subject(SHA, 1, "safetensors"))


def test_a_waived_failure_lets_the_run_pass_and_names_its_waiver():
    rules = (REGISTRY["recall"](id="recall", min=0.85),)
    evidence = _with_checkpoint(synthetic_evidence(SyntheticRun(test=((990, 10), (300, 700)))))
    placed = (PlacedWaiver(_waiver(), "w.yaml", 5, 3),)

    decision = judge(rules, evidence, acceptance=Acceptance(placed, _policy(rules), NOON))

    assert decision.verdict is Verdict.PASS
    (waived,) = [result for result in decision.results if result.waiver]
    assert (waived.key, waived.outcome) == ("recall[class=dog]", Outcome.WAIVED)
    assert judge(rules, evidence).verdict is Verdict.FAIL


TEXT = f"""\
apiVersion: gate/v1
kind: WaiverSet
waivers:
  - result: recall[class=dog]
    checkpoint: {SHA}
    floor: 0.6
    reason: the next model is under way
    ticket: SAFE-12
    requested_by: "@ann"
    approved_by: "@bob"
    approved_on: 2026-07-01
    expires: 2026-09-01
"""


def test_waivers_are_read_with_their_place(tmp_path):
    (tmp_path / "w.yaml").write_text(TEXT)

    (placed,) = read_waivers(["w.yaml"], base=tmp_path)

    assert placed.waiver == _waiver()
    assert (placed.line, placed.column) == (4, 5)


def test_one_result_is_waived_once_however_many_documents_there_are(tmp_path):
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "b.yaml").write_text(TEXT)

    with pytest.raises(DocumentError) as error:
        read_waivers(["a.yaml", "b.yaml"], base=tmp_path)

    (fault,) = error.value.faults
    assert (fault.file.rsplit("/", 1)[-1], fault.line) == ("b.yaml", 4)
    assert "already waived in" in fault.fact
