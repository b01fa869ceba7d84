"""in-toto's own types read our statements; envelopes pass between securesystemslib and us."""

import json

from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from gate.approval.envelope import PAYLOAD_TYPE, pre_authentication_encoding
from gate.approval.vsa import NOT_CHECKED, as_text
from gate.report.canonical import canonical
from gate.report.statement import EXTENSION


def _read(document):
    """Return a statement as in-toto reads it: every field of the statement must be known to it."""
    proto = json_format.ParseDict(document, statement_pb2.Statement())
    statement = Statement.copy_from_pb(proto)
    statement.validate()
    return statement


def test_a_statement_validates_and_its_predicate_is_a_test_result(world):
    document = world.statement()

    _read(document)

    predicate = dict(document["predicate"])
    assert predicate.pop(EXTENSION)
    result = json_format.ParseDict(predicate, test_result_pb2.TestResult())
    assert result.result == "PASSED"
    assert list(result.passed_tests) == predicate["passedTests"]
    assert result.configuration[0].name == "policy"


def test_a_statement_comes_back_from_in_totos_types_as_it_was(world):
    document = world.statement()

    again = json_format.MessageToDict(_read(document).pb)

    assert again["subject"] == document["subject"]
    assert again["predicate"] == document["predicate"]


def test_an_approval_validates(world):
    from gate.approval.envelope import read_envelope

    path = world.approve()

    _read(json.loads(read_envelope(path.read_bytes(), "").payload))


def test_a_verification_summary_validates(world):
    came = world.verify(approvals=(world.approve(),))

    document = json.loads(as_text(came))

    _read(document)
    predicate = document["predicate"]
    levels = predicate.pop("verifiedLevels")  # a list by the specification, one text in this type
    assert predicate.pop(NOT_CHECKED)["approvals"]  # a field of ours, which readers pass over
    found = json_format.ParseDict(predicate, vsa_pb2.VerificationSummary())
    assert found.verification_result == "PASSED"
    assert found.time_verified.ToJsonString() == "2026-08-03T12:00:00Z"
    assert len(found.input_attestations) == 2
    assert not any(level.startswith("SLSA_") for level in levels)


def test_securesystemslib_verifies_our_envelope_with_the_key_by_its_own_id(world):
    theirs = Envelope.from_dict(json.loads(world.attestation.read_bytes()))
    key = SSlibKey.from_crypto(world.private_key("ci").public_key())

    accepted = theirs.verify([key], threshold=1)

    assert list(accepted) == [key.keyid]
    assert theirs.pae() == pre_authentication_encoding(PAYLOAD_TYPE, theirs.payload)


def test_an_envelope_of_securesystemslib_is_accepted(world):
    signer = CryptoSigner(world.private_key("ci"))
    theirs = Envelope(canonical(world.statement()), PAYLOAD_TYPE, {})
    theirs.sign(signer)

    line = json.dumps(theirs.to_dict(), separators=(",", ":")) + "\n"
    world.attestation.write_text(line)

    assert world.verify().accepted


def test_a_statement_that_jq_or_in_totos_types_wrote_again_is_the_same_statement(world):
    document = json_format.MessageToDict(_read(world.statement()).pb)
    bare = json.dumps(document, indent=4).encode()

    assert world.verify(attestation=None, statement=bare).accepted
