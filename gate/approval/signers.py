"""Who signed: the first steps, which trust nothing that they have not checked."""

from gate.approval.envelope import Envelope, check_payload_type, read_envelope
from gate.approval.keys import Role, is_signature
from gate.approval.trust import TrustedKey
from gate.approval.verification import SHOWN, Verification
from gate.errors import AttestationError, RefusalCode
from gate.wording import printable

_ANOTHER_KEY = "sign with a key of the trust file, or have its owner add this one"


def trust(verification: Verification) -> str:
    """Refuse a trust file of another digest than is pinned."""
    found, pin = verification.trust_file.sha256, verification.request.trust_sha256
    if pin is None:
        return f"sha256 {found[:SHOWN]}, not pinned"
    if found != pin.lower():
        raise AttestationError(
            printable(verification.request.trust),
            RefusalCode.TRUST_DIFFERS,
            f"the sha256 of the trust file is {found}, and {printable(pin, 80)} is pinned",
            "restore the file, or have the pin changed by whoever owns it",
        )
    return f"sha256 {found[:SHOWN]}, as pinned"


def payload_type(verification: Verification) -> str:
    """Read the envelope, whose payload stays bytes; refuse another form or type of it."""
    if verification.request.attestation is None:
        return "a bare statement, in no envelope"
    verification.envelope = read_envelope(verification.data, verification.where)
    check_payload_type(verification.envelope, verification.where)
    return verification.envelope.payload_type


def signature(verification: Verification) -> str:
    """Refuse what no trusted runner signed; say so where another tool must have checked it."""
    if verification.envelope is None:
        if verification.trust.signature == "required":
            raise AttestationError(
                verification.where,
                RefusalCode.SIGNATURE_REQUIRED,
                "it is a bare statement, and the trust file requires a signature that it can check",
                "give the signed envelope with --attestation",
            )
        return "NOT CHECKED here; the statement is taken from whoever handed it over"
    verification.signer = signer(verification, verification.envelope, verification.where, "runner")
    return f"by {describe_key(verification.signer)}, until {verification.signer.not_after}"


def signer(verification: Verification, envelope: Envelope, where: str, role: Role) -> TrustedKey:
    """Return the trusted key that signed an envelope, in its role and its time.

    The signature is looked at before the role and the time: of a key that did not sign, nothing
    else needs to be said.
    """
    key = verification.trust.find(envelope.key_id)
    if key is None:
        raise AttestationError(
            where,
            RefusalCode.KEY_UNKNOWN,
            f"it is signed by the key {printable(envelope.key_id, 80)}, which is not trusted",
            _ANOTHER_KEY,
        )
    if not is_signature(key.public, envelope.signature, envelope.signed):
        raise AttestationError(
            where,
            RefusalCode.SIGNATURE_INVALID,
            f"the signature was not made by {describe_key(key)} over these bytes",
            "get the file again from where it was made; if that does not help, it was changed",
        )
    if role not in key.roles:
        raise AttestationError(
            where,
            RefusalCode.KEY_ROLE,
            f"{describe_key(key)} may not sign as {role}, only as {' and '.join(key.roles)}",
            _ANOTHER_KEY,
        )
    if not key.is_valid_on(verification.today):
        raise AttestationError(
            where,
            RefusalCode.KEY_NOT_VALID,
            f"{describe_key(key)} counts from {key.not_before} to {key.not_after}, and today is "
            f"{verification.today}",
            _ANOTHER_KEY,
        )
    return key


def check_key_for_policy(verification: Verification, key: TrustedKey, where: str) -> None:
    """Refuse a key that may not sign for the policy of the deploying repository."""
    name = verification.policy.policy.metadata.name
    if name not in key.policies:
        raise AttestationError(
            where,
            RefusalCode.KEY_NOT_FOR_POLICY,
            f"{describe_key(key)} may not sign for the policy {printable(name, 60)}, only for "
            f"{', '.join(printable(each, 60) for each in key.policies)}",
            _ANOTHER_KEY,
        )


def describe_key(key: TrustedKey) -> str:
    """Return how messages call a key."""
    return f"{printable(key.name, 60)} (key {key.id[:SHOWN]})"
