"""Approval: a second signature by somebody else, bound to the bytes of the first envelope."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from gate.approval.envelope import (
    Envelope,
    check_payload_type,
    read_envelope,
    read_file,
    seal,
)
from gate.approval.keys import SigningKey
from gate.approval.statement import APPROVAL_TYPE, TIME_FORMAT, Statement, read_statement
from gate.errors import AttestationError, RefusalCode, UsageError
from gate.report.canonical import canonical
from gate.report.statement import STATEMENT_TYPE
from gate.version import __version__
from gate.wording import printable

LONGEST_REASON = 500  # characters; more is a document, and has a link


@dataclass(frozen=True, slots=True)
class Approval:
    """A signed approval, and what it approves."""

    envelope: Envelope
    approved: Statement


def approve(path: Path, key: SigningKey, *, reason: str, now: datetime) -> Approval:
    """Return the approval of the attestation in a file, signed at ``now`` (with its zone).

    Whether the attestation's own signature is to be trusted is decided by `verify`; here it is
    read so that nobody approves a failure or their own attestation. Raises UsageError for a file
    that cannot be read or an empty reason, AttestationError for what `verify` would refuse anyway.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise UsageError(
            "--reason",
            f"the reason must be one line of 1 to {LONGEST_REASON} characters",
            "say why this may ship",
        )
    data, where = read_file(path), printable(str(path))
    approved = read_statement(_payload(data, where, key), where)
    if approved.predicate.result == "FAILED":
        raise AttestationError(
            where,
            RefusalCode.VERDICT_NOT_PASSED,
            "it attests a failure, which no approval can make pass",
            "judge a model that passes, or have the failure waived",
        )
    made = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "attestation", "digest": {"sha256": sha256(data).hexdigest()}}],
        "predicateType": APPROVAL_TYPE,
        "predicate": {
            "reason": reason,
            "approvedAt": now.astimezone(UTC).strftime(TIME_FORMAT),
            "tool": {"name": "validate-model", "version": __version__},
        },
    }
    return Approval(seal(canonical(made), key_id=key.id, sign=key.sign), approved)


def _payload(data: bytes, where: str, key: SigningKey) -> bytes:
    envelope = read_envelope(data, where)
    check_payload_type(envelope, where)
    if envelope.key_id == key.id:
        raise AttestationError(
            where,
            RefusalCode.APPROVER_IS_RUNNER,
            "this key signed the attestation, and nobody approves their own",
            "approve with the key of another identity",
        )
    return envelope.payload
