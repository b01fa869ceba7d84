"""Every refusal code: what somebody does, and that deployment says so and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.approval import bindings
from gate.approval.approve import approve
from gate.approval.unchecked import list_unchecked
from gate.approval.verify import STEPS
from gate.errors import AttestationError, RefusalCode
from gate.evidence.operating_point import OperatingPoint, Threshold
from gate.evidence.records import Configuration
from gate.policy.reading import read_policy
from gate.report.statement import EXTENSION

CRITICAL_RULE = "  - {id: critical, check: recall, classes: $critical, min: 0.9}\n"


def _trust_differs(world):
    return world.verify(trust_sha256="0" * 64)


def _envelope_malformed(world):
    world.attestation.write_bytes(world.attestation.read_bytes() + b"\n")
    return world.verify()


def _payload_type(world):
    world.sign(world.statement(), payload_type="application/json")
    return world.verify()


def _key_unknown(world):
    world.sign(world.statement(), "stranger")
    return world.verify()


def _key_role(world):
    world.sign(world.statement(), "ann")
    return world.verify()


def _key_not_valid(world):
    world.trust(ci={"not_after": "2026-08-02"})
    return world.verify()


def _key_not_for_policy(world):
    world.trust(ci={"policies": "[smoke, baseline]"})
    return world.verify()


def _signature_invalid(world):
    sealed = world.envelope()
    world.attestation.write_bytes(type(sealed)(
        sealed.payload.replace(b"PASSED", b"WARNED"), sealed.payload_type, sealed.key_id,
        sealed.signature,
    ).to_bytes())  # fmt: skip
    return world.verify()


def _statement_malformed(world):
    statement = world.statement()
    del statement["predicate"]["failedTests"]
    world.sign(statement)
    return world.verify()


def _statement_type(world):
    world.sign(world.statement() | {"_type": "https://in-toto.io/Statement/v0.1"})
    return world.verify()


def _predicate_type(world):
    world.sign(world.statement() | {"predicateType": "https://slsa.dev/provenance/v1"})
    return world.verify()


def _statement_contradictory(world):
    statement = world.statement()
    statement["predicate"]["failedTests"] = [statement["predicate"]["passedTests"].pop()]
    world.sign(statement)
    return world.verify()


def _checkpoint_differs(world):
    world.checkpoint.write_bytes(world.checkpoint.read_bytes() + b"x")
    return world.verify()


def _policy_differs(world):
    world.policy.write_text(world.policy.read_text().replace("min: 0.9}", "min: 0.8}"))
    return world.verify()


def _policy_does_not_fit(world):
    rule = "  - {id: extra, check: recall, min: 0.5, per_class: {Dog: 0.95}}\n"
    world.policy.write_text(world.policy.read_text() + rule)
    document = read_policy(str(world.policy))
    statement = world.statement()
    for each in statement["predicate"]["configuration"]:
        if each["name"] == "policy":
            each["digest"]["sha256"] = document.resolved_sha256
        if each["name"].startswith("policy-file"):
            each["digest"]["sha256"] = document.sha256
    world.sign(statement)
    return world.verify()


def _policy_edited(world):
    world.policy.write_text(world.policy.read_text() + "# a comment\n")
    return world.verify()


def _data_not_allowed(world):
    world.trust(more=f"data: {{test: ['{'1' * 64}']}}\n")
    return world.verify()


def _signature_required(world):
    bare = world.envelope().payload
    world.trust(more="signature: required\n")
    return world.verify(attestation=None, statement=bare)


def _classes_differ(world):
    world.trust(more="classes: [dog, cat]\n")
    return world.verify()


def _critical_not_named(world):
    world.policy.write_text(world.policy.read_text() + CRITICAL_RULE)
    world.judge(replace(world.GOOD, critical=("cat",)))
    world.attest()
    return world.verify()


def _critical_differs(world):
    world.judge(replace(world.GOOD, critical=("cat",)))
    world.attest()
    world.trust(more="critical: [dog]\n")
    return world.verify()


def _operating_point_differs(world):
    text = world.policy.read_text()
    pin = "operating_point: {order: [{class: dog, at_least: 0.5}]}"
    world.policy.write_text(text.replace("kind: Policy\n", f"kind: Policy\n{pin}\n"))
    point = OperatingPoint((Threshold("dog", 0.5),))
    made = replace(world.GOOD, confidence=(0.9, 0.9))
    world.judge(made, configuration=Configuration(operating_point=point))
    world.attest()
    statement = world.statement()
    statement["predicate"][EXTENSION]["operatingPoint"] = None
    world.sign(statement)
    return world.verify()


def _champion_differs(world):
    world.trust(more=f"champion: ['{'1' * 64}']\n")
    return world.verify()


def _champion_evidence_differs(world):
    world.trust(more=f"champion_evidence: ['{'1' * 64}']\n")
    return world.verify()


def _configuration_differs(world):
    world.trust(more=f"configuration: {{input: ['{'1' * 64}']}}\n")
    return world.verify()


def _audit_mode(world):
    world.judge(enforced=False)
    world.attest(allow_audit=True)
    return world.verify()


def _verdict_not_passed(world):
    world.judge(world.BAD)
    world.attest()
    return world.verify()


def _warnings_refused(world):
    world.policy.write_text(world.WARNING)
    world.judge()
    world.attest()
    world.trust(more="warnings: refuse\n")
    return world.verify()


def _waived(world):
    world.judge(world.WAIVED, waivers=True)
    world.attest()


def _waiver_expired(world):
    _waived(world)
    return world.verify(now=world.NOW.replace(day=21))


def _from_the_future(world):
    return world.verify(now=world.JUDGED - timedelta(hours=1))


def _too_old(world):
    return world.verify(max_age_days=1)


def _age_unknown(world):
    statement = world.statement()
    statement["predicate"][EXTENSION]["measuredAt"] = None
    world.sign(statement)
    return world.verify(max_age_days=30)


def _tool_version(world):
    world.trust(more="tool: {at_least: '99.0'}\n")
    return world.verify()


def _approval_for_another(world):
    approval = world.approve()
    world.judge(started=world.JUDGED + timedelta(hours=1))
    world.attest()
    return world.verify(approvals=(approval,))


def _approver_is_runner(world):
    return world.verify(approvals=(world.approve("self"),))


def _approver_asked_for_waiver(world):
    _waived(world)
    return world.verify(approvals=(world.approve("bob"),))


def _approvals_missing(world):
    world.trust(approvals=2)
    return world.verify(approvals=(world.approve(),))


# code -> what provokes it, and the step that says it
CASES = {
    RefusalCode.TRUST_DIFFERS: (_trust_differs, "trust"),
    RefusalCode.ENVELOPE_MALFORMED: (_envelope_malformed, "payload type"),
    RefusalCode.PAYLOAD_TYPE: (_payload_type, "payload type"),
    RefusalCode.KEY_UNKNOWN: (_key_unknown, "signature"),
    RefusalCode.KEY_ROLE: (_key_role, "signature"),
    RefusalCode.KEY_NOT_VALID: (_key_not_valid, "signature"),
    RefusalCode.KEY_NOT_FOR_POLICY: (_key_not_for_policy, "policy"),
    RefusalCode.SIGNATURE_INVALID: (_signature_invalid, "signature"),
    RefusalCode.SIGNATURE_REQUIRED: (_signature_required, "signature"),
    RefusalCode.STATEMENT_MALFORMED: (_statement_malformed, "statement"),
    RefusalCode.STATEMENT_TYPE: (_statement_type, "statement"),
    RefusalCode.PREDICATE_TYPE: (_predicate_type, "statement"),
    RefusalCode.STATEMENT_CONTRADICTORY: (_statement_contradictory, "statement"),
    RefusalCode.CHECKPOINT_DIFFERS: (_checkpoint_differs, "checkpoint"),
    RefusalCode.POLICY_DIFFERS: (_policy_differs, "policy"),
    RefusalCode.POLICY_EDITED: (_policy_edited, "policy"),
    RefusalCode.POLICY_DOES_NOT_FIT: (_policy_does_not_fit, "configuration"),
    RefusalCode.DATA_NOT_ALLOWED: (_data_not_allowed, "data"),
    RefusalCode.CLASSES_DIFFER: (_classes_differ, "configuration"),
    RefusalCode.CRITICAL_NOT_NAMED: (_critical_not_named, "configuration"),
    RefusalCode.CRITICAL_DIFFERS: (_critical_differs, "configuration"),
    RefusalCode.OPERATING_POINT_DIFFERS: (_operating_point_differs, "configuration"),
    RefusalCode.CHAMPION_DIFFERS: (_champion_differs, "configuration"),
    RefusalCode.CHAMPION_EVIDENCE_DIFFERS: (_champion_evidence_differs, "configuration"),
    RefusalCode.CONFIGURATION_DIFFERS: (_configuration_differs, "configuration"),
    RefusalCode.AUDIT_MODE: (_audit_mode, "verdict"),
    RefusalCode.VERDICT_NOT_PASSED: (_verdict_not_passed, "verdict"),
    RefusalCode.WARNINGS_REFUSED: (_warnings_refused, "warnings"),
    RefusalCode.WAIVER_EXPIRED: (_waiver_expired, "warnings"),
    RefusalCode.FROM_THE_FUTURE: (_from_the_future, "age"),
    RefusalCode.TOO_OLD: (_too_old, "age"),
    RefusalCode.AGE_UNKNOWN: (_age_unknown, "age"),
    RefusalCode.TOOL_VERSION: (_tool_version, "tool"),
    RefusalCode.APPROVAL_FOR_ANOTHER: (_approval_for_another, "approvals"),
    RefusalCode.APPROVER_IS_RUNNER: (_approver_is_runner, "approvals"),
    RefusalCode.APPROVER_ASKED_FOR_WAIVER: (_approver_asked_for_waiver, "approvals"),
    RefusalCode.APPROVALS_MISSING: (_approvals_missing, "approvals"),
}


# Before anything is signed; their cases are in test_judging.py.
OF_ATTEST = {
    RefusalCode.REPORT_ALONE,
    RefusalCode.REPORT_DIFFERS,
    RefusalCode.EVIDENCE_DIFFERS,
    RefusalCode.JUDGEMENT_MALFORMED,
    RefusalCode.NO_SUBJECT,
}
OF_PLUGINS = {
    RefusalCode.PLUGIN_DIFFERS,
    RefusalCode.PACKAGE_NOT_ALLOWED,
}  # in test_plugins_of_a_policy.py


def test_no_refusal_code_is_without_its_case():
    assert set(CASES) == set(RefusalCode) - OF_ATTEST - OF_PLUGINS


@pytest.mark.parametrize("code", CASES)
def test_the_door_refuses_at_its_step_with_the_code_and_exit_status_5(code, world):
    provoke, step = CASES[code]

    came = provoke(world)

    assert came.refusal is not None
    assert (came.refusal.code, came.refused, came.exit_status) == (code, step, 5)
    assert came.refusal.where
    assert came.refusal.fact
    assert came.refusal.remedy
    assert not came.accepted


@pytest.mark.parametrize("code", CASES)
def test_the_steps_before_a_refusal_were_taken_and_none_after_it(code, world):
    provoke, step = CASES[code]

    came = provoke(world)

    taken = [each.name for each in came.steps]
    assert taken == list(STEPS)[: list(STEPS).index(step)]


def test_a_good_model_is_accepted_by_every_step_in_the_order_of_the_issue(world):
    world.trust(approvals=1)

    came = world.verify(approvals=(world.approve(),), max_age_days=3)

    assert came.accepted
    assert came.exit_status == 0
    assert [each.name for each in came.steps] == [
        "trust", "payload type", "signature", "statement", "checkpoint", "policy", "data",
        "configuration", "verdict", "warnings", "age", "tool", "approvals",
    ]  # fmt: skip


def test_nothing_of_a_payload_is_understood_before_its_signature_holds(world, monkeypatch):
    def understood(*_):
        raise AssertionError("the payload was looked into")

    sealed = world.envelope()
    world.attestation.write_bytes(type(sealed)(
        b'{"a":1,"a":2', sealed.payload_type, sealed.key_id, sealed.signature
    ).to_bytes())  # fmt: skip
    monkeypatch.setattr(bindings, "read_statement", understood)

    assert world.code() == RefusalCode.SIGNATURE_INVALID


def test_a_renamed_checkpoint_is_accepted(world):
    renamed = world.checkpoint.rename(world.folder / "deployed.bin")

    assert world.verify(checkpoint=renamed).accepted


def test_a_waiver_holds_on_its_last_day_and_not_on_the_next(world):
    _waived(world)

    last = world.NOW.replace(day=20, hour=23)

    assert world.verify(now=last).accepted
    assert world.code(now=last + timedelta(hours=1)) == RefusalCode.WAIVER_EXPIRED


@pytest.mark.parametrize(
    ("first", "last", "is_accepted"),
    [
        ("2026-08-03", "2026-08-03", True),
        ("2026-08-04", "2026-12-31", False),
        ("2026-01-01", "2026-08-02", False),
    ],
)
def test_a_key_counts_from_its_first_day_to_its_last(first, last, is_accepted, world):
    world.trust(ci={"not_before": first, "not_after": last})

    assert world.verify().accepted == is_accepted


@pytest.mark.parametrize(("days", "is_accepted"), [(1, False), (2, True), (3, True), (None, True)])
def test_a_verdict_is_accepted_until_it_is_too_old(days, is_accepted, world):
    assert world.verify(max_age_days=days).accepted == is_accepted


@pytest.mark.parametrize(
    ("tool", "is_accepted"),
    [
        ("{at_least: '0.1.0'}", True),
        ("{at_most: '0.1'}", True),
        ("{at_least: '0.0.1', at_most: '0.2'}", True),
        ("{at_least: '0.1.1'}", False),
        ("{at_most: '0.0.9'}", False),
    ],
)
def test_the_range_of_versions_includes_its_ends(tool, is_accepted, world):
    world.trust(more=f"tool: {tool}\n")

    assert world.verify().accepted == is_accepted


def test_a_version_before_its_release_is_in_no_range(world):
    statement = world.statement()
    statement["predicate"][EXTENSION]["tool"]["version"] = "5.0.0rc1"
    world.sign(statement)
    world.trust(more="tool: {at_most: '9.0'}\n")

    assert world.code() == RefusalCode.TOOL_VERSION


def test_data_that_is_allowed_is_accepted_and_an_absent_split_is_not(world):
    test = world.judge().data["test"].manifest_sha256
    world.attest()

    world.trust(more=f"data: {{test: ['{test}']}}\n")
    assert world.verify().accepted

    world.trust(more=f"data: {{validation: ['{test}']}}\n")
    assert world.code() == RefusalCode.DATA_NOT_ALLOWED


def test_two_approvals_by_one_identity_count_once(world):
    world.trust(approvals=2)
    ann, ann_too, bob = (world.approve(who) for who in ("ann", "ann-too", "bob"))

    assert world.code(approvals=(ann, ann)) == RefusalCode.APPROVALS_MISSING
    assert world.code(approvals=(ann, ann_too)) == RefusalCode.APPROVALS_MISSING
    assert world.verify(approvals=(ann, bob)).accepted


@pytest.mark.parametrize("name", ["\u0430nn", "\uff41nn", "Ann <ann@example.org>"])
def test_two_spellings_of_one_person_are_one_approval(world, name):
    world.trust(approvals=2, **{"ann-too": {"name": f'"{name}"'}})
    ann, again, bob = (world.approve(who) for who in ("ann", "ann-too", "bob"))

    assert world.code(approvals=(ann, again)) == RefusalCode.APPROVALS_MISSING
    assert world.verify(approvals=(ann, again, bob)).accepted


def test_who_asked_for_a_waiver_does_not_approve_it_under_a_name_that_looks_so(world):
    _waived(world)
    world.trust(bob={"name": '"b\u043eb"'})  # a Cyrillic o

    assert world.code(approvals=(world.approve("bob"),)) == RefusalCode.APPROVER_ASKED_FOR_WAIVER


def test_the_runner_does_not_approve_under_a_name_that_looks_so(world):
    world.trust(**{"ann-too": {"name": '"\u0441i@example.com"'}})  # a Cyrillic c
    approval = world.approve("ann-too")

    assert world.code(approvals=(approval,)) == RefusalCode.APPROVER_IS_RUNNER


def test_one_bad_approval_is_not_made_good_by_enough_others(world):
    bad = world.folder / "bad.approval.jsonl"
    world.trust(approvals=1)
    good = world.approve()
    bad.write_bytes(good.read_bytes()[:-2] + b"\n")

    assert world.code(approvals=(good, bad)) == RefusalCode.ENVELOPE_MALFORMED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"not_after": "2026-08-02"}, RefusalCode.KEY_NOT_VALID),
        ({"roles": "[runner]"}, RefusalCode.KEY_ROLE),
        ({"policies": "[smoke]"}, RefusalCode.KEY_NOT_FOR_POLICY),
    ],
)
def test_the_key_of_an_approval_is_held_to_its_role_time_and_policies(changes, code, world):
    approval = world.approve()
    world.trust(ann=changes)

    assert world.code(approvals=(approval,)) == code


def test_an_approval_from_before_the_key_counted_is_refused(world):
    approval = world.approve(now=world.NOW - timedelta(days=1))
    world.trust(ann={"not_before": "2026-08-03"})

    assert world.code(approvals=(approval,)) == RefusalCode.KEY_NOT_VALID


def test_an_approval_from_the_future_is_refused(world):
    approval = world.approve(now=world.NOW + timedelta(hours=1))

    assert world.code(approvals=(approval,)) == RefusalCode.FROM_THE_FUTURE


def test_clocks_may_differ_by_minutes(world):
    approval = world.approve(now=world.NOW + timedelta(minutes=4))

    assert world.verify(approvals=(approval,)).accepted


def test_a_runners_key_that_may_approve_too_does_not_approve_its_own(world):
    world.trust(ci={"roles": "[runner, approver]"})
    with pytest.raises(AttestationError) as refused:
        world.approve("ci")

    assert refused.value.code == RefusalCode.APPROVER_IS_RUNNER


def test_a_failure_is_not_approved(world):
    world.judge(world.BAD)
    world.attest()

    with pytest.raises(AttestationError) as refused:
        world.approve()

    assert refused.value.code == RefusalCode.VERDICT_NOT_PASSED


def test_an_approval_binds_the_envelope_and_not_only_what_it_says(world):
    from gate.approval.keys import read_signing_key

    made = approve(
        world.attestation, read_signing_key(str(world.key("ann"))), reason="fit", now=world.NOW
    )
    world.sign(world.statement() | {"note": "in-toto's readers pass over this"})
    path = world.folder / "early.jsonl"
    path.write_bytes(made.envelope.to_bytes())

    assert world.code(approvals=(path,)) == RefusalCode.APPROVAL_FOR_ANOTHER
    assert world.verify().accepted


def test_a_reworded_policy_is_accepted_with_a_note_where_that_is_allowed(world):
    world.policy.write_text(world.policy.read_text() + "# a comment\n")

    came = world.verify(reworded=True)

    assert came.accepted
    assert any("other bytes" in note for note in came.verification.notes)


def test_a_bare_statement_skips_the_signature_alone_and_says_so(world):
    bare = world.envelope().payload

    came = world.verify(attestation=None, statement=bare)

    assert came.accepted
    assert "NOT CHECKED" in next(each.said for each in came.steps if each.name == "signature")
    assert "signature" in {each.what for each in list_unchecked(came.verification)}
    changed = bare.replace(b'"pass"', b'"fail"')
    refused = world.code(attestation=None, statement=changed)
    assert refused == RefusalCode.STATEMENT_CONTRADICTORY


def test_approvals_are_not_counted_for_a_bare_statement(world):
    world.trust(approvals=1)
    bare, approval = world.envelope().payload, world.approve()

    given = {"attestation": None, "statement": bare}

    assert world.code(**given) == RefusalCode.APPROVALS_MISSING
    assert world.code(**given, approvals=(approval,)) == RefusalCode.APPROVAL_FOR_ANOTHER
