"""What somebody tries who wants a file through verify."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gate.approval.envelope import read_envelope
from gate.errors import AttestationError, DocumentError, RefusalCode, UsageError
from gate.report.canonical import canonical
from gate.report.statement import EXTENSION


def _document(world):
    return json.loads(world.attestation.read_bytes())


def _put(world, document):
    text = json.dumps(document, separators=(",", ":")) + "\n"
    world.attestation.write_bytes(text.encode())


def test_a_swapped_payload_is_refused(world):
    other = world.statement()
    other["subject"][0]["digest"]["sha256"] = hashlib.sha256(b"evil").hexdigest()
    document = _document(world)
    document["payload"] = base64.b64encode(canonical(other)).decode()
    _put(world, document)
    world.checkpoint.write_bytes(b"evil")

    assert world.code() == RefusalCode.SIGNATURE_INVALID


def test_a_strangers_signature_under_a_trusted_key_id_is_refused(world):
    trusted = _document(world)["signatures"][0]["keyid"]
    world.sign(world.statement(), "stranger")
    document = _document(world)
    document["signatures"][0]["keyid"] = trusted
    _put(world, document)

    assert world.code() == RefusalCode.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "signatures",
    [
        lambda one: [],
        lambda one: [one, one],
        lambda one: [one, {"keyid": "x", "sig": "AAAA"}],
        lambda one: [{**one, "sig": ""}],
        lambda one: [{**one, "keyid": ""}],
        lambda one: [{"sig": one["sig"]}],
        lambda one: [{**one, "cert": "x"}],
        lambda one: one,
        lambda one: None,
        lambda one: [None],
    ],
)
def test_an_envelope_with_another_number_or_shape_of_signatures_is_refused(signatures, world):
    document = _document(world)
    document["signatures"] = signatures(document["signatures"][0])
    _put(world, document)

    assert world.code() == RefusalCode.ENVELOPE_MALFORMED


def test_two_signatures_are_counted_in_the_refusal(world):
    document = _document(world)
    document["signatures"] *= 2
    _put(world, document)

    assert "it holds 2 signatures, and one is needed" in world.verify().refusal.fact


def test_a_signature_without_bytes_is_refused(world):
    sealed = world.envelope()

    with pytest.raises(AttestationError):
        read_envelope(
            type(sealed)(sealed.payload, sealed.payload_type, sealed.key_id, b"").to_bytes(), ""
        )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"payload": NaN}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"payload":"AA==","payload":"AA==","payloadType":"x","signatures":[]}',
        b'{"payload":"AB==","payloadType":"x","signatures":[{"keyid":"a","sig":"AA=="}]}\n',
        b'{"payload":"AA==","payloadType":"x","signatures":[{"keyid":"\\ud800","sig":"AA=="}]}\n',
        b'{"payload":"A A=","payloadType":"x","signatures":[{"keyid":"a","sig":"AA=="}]}\n',
        b'{"payload":1,"payloadType":"x","signatures":[{"keyid":"a","sig":"AA=="}]}\n',
        b'{"payloadType":"x","payload":"AA==","signatures":[{"keyid":"a","sig":"AA=="}]}\n',
    ],
)
def test_what_is_no_envelope_in_its_one_form_is_refused_in_words(text, world):
    world.attestation.write_bytes(text)

    refusal = world.verify().refusal

    assert refusal.code == RefusalCode.ENVELOPE_MALFORMED
    assert refusal.fact.startswith("this is no envelope of an attestation: ")


def test_two_lines_are_no_attestation(world):
    world.attestation.write_bytes(world.attestation.read_bytes() * 2)

    assert world.code() == RefusalCode.ENVELOPE_MALFORMED


def test_a_statement_whose_keys_stand_twice_is_refused_though_a_trusted_key_signed_it(world):
    payload = canonical(world.statement())
    doubled = payload.replace(b'"result":"PASSED"', b'"result":"FAILED","result":"PASSED"')
    assert doubled != payload
    world.sign(doubled)

    assert world.code() == RefusalCode.STATEMENT_MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        b" ",
        b"null",
        b"[]",
        b"{}x",
        b"[" * 100_000,
        b'{"_type": 1e999}',
        b'{"_type": 1.0}',
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"_type": "\\ud800"}',
        b"\xff",
    ],
)
def test_signed_nonsense_is_refused_in_words(payload, world):
    world.sign(payload)

    assert world.code() == RefusalCode.STATEMENT_MALFORMED


def test_an_attestation_by_a_laxer_policy_of_the_same_name_is_refused(world):
    strict = world.policy.read_text()
    world.policy.write_text(strict.replace("min: 0.9}", "min: 0.1}"))
    world.judge(world.BAD)
    world.attest()
    world.policy.write_text(strict)

    assert world.code() == RefusalCode.POLICY_DIFFERS


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.update(result="PASSED"),
        lambda p: p.update(result="PASSED", failedTests=[]),
        lambda p: p.update(result="PASSED", passedTests=p["passedTests"] + p["failedTests"],
                           failedTests=[]),
        lambda p: p[EXTENSION].update(verdict="pass"),
    ],
)  # fmt: skip
def test_an_edited_verdict_is_refused_even_by_the_hand_of_a_trusted_key(edit, world):
    world.judge(world.BAD)
    world.attest()
    statement = world.statement()
    edit(statement["predicate"])
    world.sign(statement)

    assert world.code() in {RefusalCode.STATEMENT_CONTRADICTORY, RefusalCode.VERDICT_NOT_PASSED}


def test_a_verdict_that_was_put_on_another_subject_is_refused(world):
    statement = world.statement()
    world.checkpoint.write_bytes(b"another")
    digest = hashlib.sha256(b"another").hexdigest()
    statement["subject"] = [{"name": "model.pt", "digest": {"sha256": digest}}]
    world.sign(statement)

    refusal = world.verify().refusal

    assert refusal.code == RefusalCode.CHECKPOINT_DIFFERS
    assert "another checkpoint than it was put on" in refusal.fact


def test_a_pass_in_which_nothing_passed_is_refused(world):
    statement = world.statement()
    statement["predicate"]["passedTests"] = []
    world.sign(statement)

    assert world.code() == RefusalCode.STATEMENT_CONTRADICTORY


def test_a_result_in_two_lists_is_refused(world):
    statement = world.statement()
    predicate = statement["predicate"]
    predicate["warnedTests"] = predicate["passedTests"][:1]
    predicate["result"] = "WARNED"
    world.sign(statement)

    assert world.code() == RefusalCode.STATEMENT_CONTRADICTORY


@pytest.mark.parametrize("count", [0, 2])
def test_a_waiver_of_no_warned_test_or_twice_is_refused(count, world):
    world.judge(world.WAIVED, waivers=True)
    world.attest()
    statement = world.statement()
    predicate = statement["predicate"]
    if count:
        predicate[EXTENSION]["waivers"] *= count
    else:
        predicate["passedTests"] += predicate.pop("warnedTests")
        predicate |= {"warnedTests": [], "result": "PASSED"}
    world.sign(statement)

    assert world.code() == RefusalCode.STATEMENT_CONTRADICTORY


@pytest.mark.parametrize("place", ["subject", "configuration"])
def test_two_entries_of_one_name_are_refused(place, world):
    statement = world.statement()
    entries = statement["subject"] if place == "subject" else statement["predicate"][place]
    entries.append({**entries[0], "digest": {"sha256": "0" * 64}})
    world.sign(statement)

    assert world.code() == RefusalCode.STATEMENT_CONTRADICTORY


def test_a_statement_without_a_policy_is_by_another_policy(world):
    statement = world.statement()
    configuration = statement["predicate"]["configuration"]
    configuration[:] = [each for each in configuration if each["name"] != "policy"]
    world.sign(statement)

    assert world.code() == RefusalCode.POLICY_DIFFERS


def test_a_field_of_ours_that_is_not_known_is_refused_and_one_of_in_totos_passed_over(world):
    statement = world.statement()
    world.sign(statement | {"more": 1})
    assert world.verify().accepted

    statement["predicate"][EXTENSION]["only_if"] = "monday"
    world.sign(statement)
    assert world.code() == RefusalCode.STATEMENT_MALFORMED


def test_an_attestation_is_no_approval_and_an_approval_no_attestation(world):
    approval = world.approve()
    other = world.sign(world.statement(), "ann", name="as-approval.jsonl")

    assert world.code(approvals=(other,)) == RefusalCode.PREDICATE_TYPE

    world.trust(ann={"roles": "[runner, approver]"})
    assert world.code(attestation=approval) == RefusalCode.PREDICATE_TYPE


def test_an_approval_of_another_payload_type_is_refused(world):
    world.approve()
    other = world.sign(b"{}", "ann", payload_type="text/plain", name="other.jsonl")

    assert world.code(approvals=(other,)) == RefusalCode.PAYLOAD_TYPE


@pytest.mark.parametrize(
    "make", [lambda: rsa.generate_private_key(65537, 2048), lambda: ec.generate_private_key(
        ec.SECP256R1())],
)  # fmt: skip
def test_a_key_of_another_algorithm_neither_signs_nor_is_trusted(make, world):
    from cryptography.hazmat.primitives import serialization as forms

    from gate.approval.keys import read_signing_key
    from gate.approval.trust import read_trust

    key = make()
    pem = key.private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
    ).decode()
    der = key.public_key().public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(UsageError, match="not ed25519"):
        read_signing_key(str(world.write("other.key", pem)))
    with pytest.raises(DocumentError, match="no ed25519 public key"):
        read_trust(str(world.trust(ci={"public_key": base64.b64encode(der).decode()})))


def test_names_from_outside_cannot_move_a_cursor(world):
    statement = world.statement()
    statement["predicateType"] = "\x1b[2Jx\nACCEPTED"
    world.sign(statement)

    refusal = world.verify().refusal

    assert refusal.fact.isprintable()
