"""Who else accepts it: enough people, none of whom had a hand in it."""

from hashlib import sha256

from gate.approval.door import Approved, Door
from gate.approval.envelope import check_payload_type, read_envelope
from gate.approval.signers import check_key_for_policy, named, signer
from gate.approval.statement import ApprovalStatement, read_approval
from gate.approval.trust import TrustedKey
from gate.approval.verdicts import SKEW
from gate.errors import AttestationError, RefusalCode
from gate.keys import is_one_person, people
from gate.wording import printable


def approvals(door: Door) -> str:
    """Refuse any approval that does not hold, and too few by different people."""
    for path, data in zip(door.request.approvals, door.approval_data, strict=True):
        door.approvals.append(_approval(door, data, printable(str(path))))
    identities = people(each.name for each in door.approvals)
    needed = door.trust.approvals
    if len(identities) < needed:
        remedy = "approve it (`validate-model approve`), and give the file with --approval"
        if door.envelope is None:
            remedy = "give --attestation: approvals are bound to an envelope; or ask for none here"
        raise AttestationError(
            door.where,
            RefusalCode.APPROVALS_MISSING,
            f"approvals needed, each by another person: {needed}; given: {len(identities)}",
            remedy,
        )
    if not identities:
        return "none are needed"
    names = ", ".join(printable(name, 60) for name in identities)
    return f"{len(identities)} by {names}; {needed} needed"


def _approval(door: Door, data: bytes, where: str) -> Approved:
    """Return an approval that counts: every one that is given must."""
    envelope = read_envelope(data, where)
    check_payload_type(envelope, where)
    key = signer(door, envelope, where, "approver")
    approval = read_approval(envelope.payload, where)
    if door.envelope is None or approval.attestation != door.attestation_sha256:
        raise AttestationError(
            where,
            RefusalCode.APPROVAL_FOR_ANOTHER,
            "it approves another attestation than this one",
            "have this attestation approved",
        )
    check_key_for_policy(door, key, where)
    _check_approver(door, key, where)
    _check_time(door, approval, key, where)
    return Approved(
        key.name,
        key.id,
        approval.approved_at,
        approval.predicate.reason,
        sha256(data).hexdigest(),
    )


def _check_approver(door: Door, key: TrustedKey, where: str) -> None:
    """Refuse an approver who had a hand in what is approved."""
    if door.signer is not None and is_one_person(key.name, door.signer.name):
        raise AttestationError(
            where,
            RefusalCode.APPROVER_IS_RUNNER,
            f"{printable(key.name, 60)} signed the attestation too, and nobody approves their own",
            "have another person approve it",
        )
    for waiver in door.judged.said.waivers:
        if is_one_person(key.name, waiver.requested_by):
            raise AttestationError(
                where,
                RefusalCode.APPROVER_ASKED_FOR_WAIVER,
                f"{printable(key.name, 60)} asked for the waiver {printable(waiver.ticket, 80)}",
                "have another person approve it",
            )


def _check_time(door: Door, approval: ApprovalStatement, key: TrustedKey, where: str) -> None:
    if approval.approved_at > door.request.now + SKEW:
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
            f"{named(key)} did not count on {approval.approved_at.date()}, when it was approved",
            "approve it again",
        )
