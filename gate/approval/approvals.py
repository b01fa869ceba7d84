"""Who else accepts it: enough people, none of whom had a hand in it."""

from hashlib import sha256

from gate.approval.envelope import check_payload_type, read_envelope
from gate.approval.signers import check_key_for_policy, describe_key, signer
from gate.approval.statement import ApprovalStatement, read_approval
from gate.approval.trust import TrustedKey
from gate.approval.verdicts import SKEW
from gate.approval.verification import Approved, Verification
from gate.errors import AttestationError, RefusalCode
from gate.keys import is_one_person, people
from gate.wording import printable


def approvals(verification: Verification) -> str:
    """Refuse any approval that does not hold, and too few by different people."""
    for path, data in zip(verification.request.approvals, verification.approval_data, strict=True):
        verification.approvals.append(_approval(verification, data, printable(str(path))))
    identities = people(each.name for each in verification.approvals)
    needed = verification.trust.approvals
    if len(identities) < needed:
        remedy = "approve it (`validate-model approve`), and give the file with --approval"
        if verification.envelope is None:
            remedy = "give --attestation: approvals are bound to an envelope; or ask for none here"
        raise AttestationError(
            verification.where,
            RefusalCode.APPROVALS_MISSING,
            f"approvals needed, each by another person: {needed}; given: {len(identities)}",
            remedy,
        )
    if not identities:
        return "none are needed"
    names = ", ".join(printable(name, 60) for name in identities)
    return f"{len(identities)} by {names}; {needed} needed"


def _approval(verification: Verification, data: bytes, where: str) -> Approved:
    """Return an approval that counts: every one that is given must."""
    envelope = read_envelope(data, where)
    check_payload_type(envelope, where)
    key = signer(verification, envelope, where, "approver")
    approval = read_approval(envelope.payload, where)
    if verification.envelope is None or approval.attestation != verification.attestation_sha256:
        raise AttestationError(
            where,
            RefusalCode.APPROVAL_FOR_ANOTHER,
            "it approves another attestation than this one",
            "have this attestation approved",
        )
    check_key_for_policy(verification, key, where)
    _check_approver(verification, key, where)
    _check_time(verification, approval, key, where)
    return Approved(
        key.name,
        key.id,
        approval.approved_at,
        approval.predicate.reason,
        sha256(data).hexdigest(),
    )


def _check_approver(verification: Verification, key: TrustedKey, where: str) -> None:
    """Refuse an approver who had a hand in what is approved."""
    if verification.signer is not None and is_one_person(key.name, verification.signer.name):
        raise AttestationError(
            where,
            RefusalCode.APPROVER_IS_RUNNER,
            f"{printable(key.name, 60)} signed the attestation too, and nobody approves their own",
            "have another person approve it",
        )
    for waiver in verification.judged.said.waivers:
        if is_one_person(key.name, waiver.requested_by):
            raise AttestationError(
                where,
                RefusalCode.APPROVER_ASKED_FOR_WAIVER,
                f"{printable(key.name, 60)} asked for the waiver {printable(waiver.ticket, 80)}",
                "have another person approve it",
            )


def _check_time(
    verification: Verification, approval: ApprovalStatement, key: TrustedKey, where: str
) -> None:
    if approval.approved_at > verification.request.now + SKEW:
        raise AttestationError(
            where,
            RefusalCode.FROM_THE_FUTURE,
            f"it says that it was approved at {approval.predicate.approved_at}, which is still to "
            "come",
            "set the clocks of both machines",
        )
    if not key.is_valid_on(approval.approved_at.date()):
        raise AttestationError(
            where,
            RefusalCode.KEY_NOT_VALID,
            f"{describe_key(key)} did not count on {approval.approved_at.date()}, when it was approved",
            "approve it again",
        )
