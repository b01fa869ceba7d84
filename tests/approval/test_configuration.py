"""What a policy or a trust file pins of a verdict beside checkpoint, policy and data."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from measured import as_measured

from gate.approval.unchecked import list_unchecked
from gate.approval.vsa import LEVEL, NOT_CHECKED, UNSIGNED_LEVEL, summary
from gate.errors import AttestationError, RefusalCode
from gate.evidence.operating_point import OperatingPoint, Threshold
from gate.evidence.records import Baseline, Configuration, Split, Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.policy.reading import read_policy
from gate.report.statement import EXTENSION

CRITICAL_RULE = "  - {id: critical, check: recall, classes: $critical, min: 0.9}\n"
CHAMPION = "c" * 64


@pytest.fixture
def critical(world):
    """Return a world with a policy that speaks of $critical, whose evidence calls cat critical."""
    world.policy.write_text(world.policy.read_text() + CRITICAL_RULE)
    world.judge(replace(world.GOOD, critical=("cat",)))
    world.attest()
    return world


def pin(world, line):
    """Add a line to the policy, judge by it, and attest that."""
    text = world.policy.read_text().replace("kind: Policy\n", f"kind: Policy\n{line}\n")
    world.policy.write_text(text)
    world.judge(replace(world.GOOD, critical=("cat",)))
    world.attest()


def with_champion(world, sha256=CHAMPION, evidence_sha256="f" * 64):
    """Judge the good model beside a champion, and attest that."""
    evidence = as_measured(
        synthetic_evidence(world.GOOD), Subject(world.sha256, 1000, "safetensors")
    )
    rows = {Split.TEST: evidence.splits[Split.TEST].rows}
    champion = Baseline("champion", sha256, rows, evidence_sha256)
    report = world.leave(world.judgement(), replace(evidence, baseline=champion))
    world.attest()
    return report


def test_critical_classes_that_nobody_but_the_models_owner_names_are_refused(critical):
    came = critical.verify()

    assert came.refusal.code == RefusalCode.CRITICAL_NOT_NAMED
    assert "cat" in came.refusal.fact


def test_critical_classes_that_the_trust_file_names_are_accepted_and_others_are_not(critical):
    critical.trust(more="critical: [cat]\n")
    assert critical.verify().accepted

    for names in ("[dog]", "[cat, dog]"):
        critical.trust(more=f"critical: {names}\n")
        assert critical.code() == RefusalCode.CRITICAL_DIFFERS


def test_critical_classes_that_the_policy_names_are_accepted(critical):
    pin(critical, "critical: [cat]")

    assert critical.verify().accepted


def test_a_class_that_is_critical_beside_those_of_the_policy_is_accepted_and_said(critical):
    pin(critical, "critical: [dog]")

    came = critical.verify()

    assert came.accepted
    assert critical.statement()["predicate"][EXTENSION]["critical"] == ["cat", "dog"]
    assert any(
        "critical beside what the policy names: cat" in note for note in came.verification.notes
    )


def test_names_in_a_trust_file_are_compared_as_people_mean_them(critical):
    critical.trust(more='classes: [" cat", "do\u200bg"]\ncritical: ["cat "]\n')

    assert critical.verify().accepted


def test_a_verdict_without_the_critical_classes_of_the_policy_is_refused(critical):
    pin(critical, "critical: [cat]")
    statement = critical.statement()
    statement["predicate"][EXTENSION]["critical"] = []
    critical.sign(statement)

    assert critical.code() == RefusalCode.CRITICAL_DIFFERS


def test_a_policy_that_speaks_of_no_critical_class_needs_none_named(world):
    assert world.verify().accepted


@pytest.mark.parametrize("by", ["policy", "trust"])
def test_the_order_of_the_classes_can_be_pinned(by, world):
    if by == "policy":
        pin(world, "classes: [cat, dog]")
    else:
        world.trust(more="classes: [cat, dog]\n")
    assert world.verify().accepted

    statement = world.statement()
    statement["predicate"][EXTENSION]["classes"] = ["dog", "cat"]
    world.sign(statement)
    assert world.code() == RefusalCode.CLASSES_DIFFER


@pytest.mark.parametrize(
    ("sha256", "code"),
    [(CHAMPION, None), ("d" * 64, RefusalCode.CHAMPION_DIFFERS),
     (None, RefusalCode.CHAMPION_DIFFERS)],
)  # fmt: skip
def test_a_champion_of_another_or_no_known_checkpoint_is_refused(sha256, code, world):
    with_champion(world, sha256)
    world.trust(more=f"champion: ['{'e' * 64}', '{CHAMPION}']\n")

    assert world.code() == code


def test_a_verdict_without_the_pinned_champion_is_refused(world):
    world.trust(more=f"champion: ['{CHAMPION}']\n")

    came = world.verify()

    assert came.refusal.code == RefusalCode.CHAMPION_DIFFERS
    assert "no champion" in came.refusal.fact


@pytest.mark.parametrize(
    ("sha256", "code"),
    [("f" * 64, None), ("d" * 64, RefusalCode.CHAMPION_EVIDENCE_DIFFERS),
     (None, RefusalCode.CHAMPION_EVIDENCE_DIFFERS)],
)  # fmt: skip
def test_a_champion_whose_answers_are_from_other_evidence_is_refused(sha256, code, world):
    report = with_champion(world, evidence_sha256=sha256)
    world.trust(more=f"champion: ['{CHAMPION}']\nchampion_evidence: ['{'f' * 64}']\n")

    assert report.baseline.evidence_sha256 == sha256
    assert world.code() == code


def test_evidence_of_a_champion_that_is_not_pinned_is_said_where_one_was_compared_with(world):
    before = {each.what for each in list_unchecked(world.verify().verification)}
    with_champion(world)
    after = {each.what for each in list_unchecked(world.verify().verification)}

    assert after - before == {"champion-evidence"}


def test_the_answers_of_a_champion_have_one_digest_wherever_they_lie(world):
    one = with_champion(world).configuration.champion
    other = with_champion(world, "d" * 64).configuration.champion

    assert one == with_champion(world).configuration.champion
    assert one.evidence != other.evidence


@pytest.mark.parametrize("name", ["input", "output", "weights", "slices", "groups", "code"])
def test_a_part_of_the_configuration_can_be_pinned_by_the_digest_that_the_report_shows(name, world):
    digest = world.judge().configuration.digests[name]
    world.attest()
    world.trust(more=f"configuration: {{{name}: ['{'1' * 64}', '{digest}']}}\n")
    assert world.verify().accepted

    world.trust(more=f"configuration: {{{name}: ['{'1' * 64}']}}\n")
    came = world.verify()
    assert came.refusal.code == RefusalCode.CONFIGURATION_DIFFERS
    assert digest in came.refusal.fact


def test_another_input_or_other_code_changes_the_digest_that_is_pinned(world):
    good = as_measured(synthetic_evidence(world.GOOD), Subject(world.sha256, 1000, "safetensors"))
    before = world.leave(world.judgement(), good).configuration.digests

    for part, said in (("input", {"size": [8, 8]}), ("groups", {Split.TEST: {"pattern": "(.+)"}})):
        changed = replace(good, configuration=replace(good.configuration, **{part: said}))
        after = world.leave(world.judgement(), changed).configuration.digests
        assert [name for name in after if after[name] != before[name]] == [part]


def test_age_is_that_of_the_measurement_however_often_it_is_judged_again(world):
    evidence = as_measured(
        synthetic_evidence(world.GOOD), Subject(world.sha256, 1000, "safetensors")
    )
    world.leave(world.judgement(), evidence, measured=world.JUDGED - timedelta(days=700))
    world.attest()

    came = world.verify(max_age_days=30)

    assert came.refusal.code == RefusalCode.TOO_OLD
    assert "measured at 2024-08-31" in came.refusal.fact
    assert world.verify(max_age_days=800).accepted


def test_a_limit_of_no_days_is_the_last_24_hours(world):
    def code(days, **after):
        return world.code(now=world.JUDGED + timedelta(**after), max_age_days=days)

    assert (code(0, hours=23), code(0, hours=25)) == (None, RefusalCode.TOO_OLD)
    assert (code(1, hours=47), code(1, hours=48, seconds=1)) == (None, RefusalCode.TOO_OLD)


@pytest.mark.parametrize(("hours", "is_accepted"), [(20, True), (80, False)])
def test_a_measurement_is_less_than_a_day_in_the_future(hours, is_accepted, world):
    statement = world.statement()
    later = world.NOW + timedelta(hours=hours)
    statement["predicate"][EXTENSION]["measuredAt"] = later.strftime("%Y-%m-%dT%H:%M:%SZ")
    world.sign(statement)

    assert world.code() == (None if is_accepted else RefusalCode.FROM_THE_FUTURE)


def test_a_signature_can_be_required_and_a_signed_verdict_meets_that(world):
    bare = world.envelope().payload
    world.trust(more="signature: required\n")

    assert world.verify().accepted
    assert world.code(attestation=None, statement=bare) == RefusalCode.SIGNATURE_REQUIRED


def test_an_acceptance_says_what_was_not_checked(world):
    what = {each.what for each in list_unchecked(world.verify().verification)}

    assert what == {
        "trust-file", "data", "classes", "critical", "champion", "configuration", "age", "tool",
        "approvals",
    }  # fmt: skip


def test_what_is_pinned_is_not_said_to_be_unchecked(world):
    report = with_champion(world)
    digests = "".join(f", {key}: ['{each}']" for key, each in report.configuration.digests.items())
    splits = "".join(f", {name}: ['{part.manifest_sha256}']" for name, part in report.data.items())
    world.trust(
        approvals=1,
        more=f"classes: [cat, dog]\nchampion: ['{CHAMPION}']\n"
        f"champion_evidence: ['{'f' * 64}']\n"
        f"configuration: {{{digests[2:]}}}\ndata: {{{splits[2:]}}}\ntool: {{at_most: '99'}}\n",
    )

    came = world.verify(approvals=(world.approve(),), max_age_days=30)

    assert came.accepted
    assert {each.what: each.why for each in list_unchecked(came.verification)} == {
        "trust-file": "no --trust-sha256 pins it",
        "data": "the trust file pins none for validation",
        "critical": "neither the trust file nor the policy names them",
    }


def test_a_summary_of_an_unsigned_statement_says_so_and_is_of_another_level(world):
    signed = summary(world.verify())["predicate"]
    bare = summary(world.verify(attestation=None, statement=world.envelope().payload))["predicate"]

    assert (signed["verifiedLevels"], bare["verifiedLevels"]) == ([LEVEL], [UNSIGNED_LEVEL])
    assert "signature" in bare[NOT_CHECKED]
    assert "signature" not in signed[NOT_CHECKED]
    json.dumps(bare)


LAX = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: release, version: '1'}
rules:
  - {id: accuracy, check: accuracy, min: 0.5}
"""
RULES_THAT_DO_NOT_FIT = [
    "  - {id: r, check: recall, min: 0.5, per_class: {Dog: 0.95}}\n",
    "  - {id: r, check: recall, min: 0.5, classes: [Dog]}\n",
    "  - {id: r, check: confusion-rate, from: Dog, to: cat, max: 0.2}\n",
    "  - {id: r, check: recall, min: 0.5, classes: $critical}\n",
    "  - {id: r, check: expected-cost, unit: E, max: 1, costs: [[0,1,1], [1,0,1], [1,1,0]]}\n",
]


@pytest.mark.parametrize("rule", RULES_THAT_DO_NOT_FIT)
def test_a_policy_of_other_classes_than_the_evidence_is_not_judged_by(rule, world):
    world.policy.write_text(LAX + rule)
    world.judge()

    with pytest.raises(AttestationError) as error:
        world.attest()

    assert error.value.code == RefusalCode.POLICY_DOES_NOT_FIT
    assert error.value.exit_status == 5


@pytest.mark.parametrize("rule", RULES_THAT_DO_NOT_FIT)
def test_a_verdict_on_other_classes_than_the_policy_speaks_of_is_refused(rule, world):
    statement = world.statement()
    world.policy.write_text(LAX + rule)
    document = read_policy(str(world.policy))
    for each in statement["predicate"]["configuration"]:
        if each["name"] == "policy":
            each["digest"]["sha256"] = document.resolved_sha256
        if each["name"].startswith("policy-file"):
            each["digest"]["sha256"] = document.sha256
    world.sign(statement)
    world.trust(more="critical: [Dog]\n" if "$critical" in rule else "")

    expected = {RefusalCode.POLICY_DOES_NOT_FIT, RefusalCode.CRITICAL_DIFFERS}
    assert world.code() in expected


def test_a_policy_that_speaks_of_the_classes_of_the_evidence_is_attested_and_accepted(world):
    world.policy.write_text(LAX + RULES_THAT_DO_NOT_FIT[0].replace("Dog", "dog"))
    world.judge()
    world.attest()

    assert world.verify().accepted


POINT = OperatingPoint((Threshold("dog", 0.5),))


def at_point(world, point=POINT):
    """Judge the good model at an operating point, and attest that."""
    scored = replace(world.GOOD, confidence=(0.9, 0.9))
    report = world.judge(scored, configuration=Configuration(operating_point=point))
    world.attest()
    return report


def test_thresholds_that_nobody_pins_are_said_at_the_door(world):
    at_point(world)

    came = world.verify()

    assert came.accepted
    assert any(
        "as whoever had it judged chose it: dog from 0.5" in note
        for note in came.verification.notes
    )
    said = world.statement()["predicate"][EXTENSION]["operatingPoint"]
    assert said == {"order": [{"class": "dog", "at_least": "0.5"}], "otherwise": "best"}


def test_the_thresholds_that_a_trust_file_names_are_accepted_and_others_are_not(world):
    report = at_point(world)
    digest = report.configuration.digests["operating_point"]
    world.trust(more=f"configuration: {{operating_point: [{digest}]}}\n")
    assert world.verify().accepted

    for other in (OperatingPoint((Threshold("dog", 0.4),)), None):
        at_point(world, other)
        assert world.code() == RefusalCode.CONFIGURATION_DIFFERS


def test_a_statement_at_other_thresholds_than_the_policys_is_refused(world):
    text = world.policy.read_text()
    point = "operating_point: {order: [{class: dog, at_least: 0.5}]}"
    world.policy.write_text(text.replace("kind: Policy\n", f"kind: Policy\n{point}\n"))
    at_point(world)
    assert world.verify().accepted

    for changed in ({"order": [{"class": "dog", "at_least": "0.4"}], "otherwise": "best"}, None):
        statement = world.statement()
        statement["predicate"][EXTENSION]["operatingPoint"] = changed
        world.sign(statement)
        assert world.code() == RefusalCode.OPERATING_POINT_DIFFERS
        at_point(world)
