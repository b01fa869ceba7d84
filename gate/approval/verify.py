"""Verify: everything that a verdict rests on, held against what lies at the door.

The steps stand in :data:`STEPS` in the order in which they are taken; the first that refuses ends
it. Nothing of a payload is understood before a trusted key's signature of it holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gate.approval.digests import Files, checkpoint_files
from gate.approval.envelope import Envelope, check_payload_type, read_envelope, read_file
from gate.approval.keys import Role, is_signature, require_extra
from gate.approval.statement import (
    AcceptedFailure,
    ApprovalStatement,
    Statement,
    read_approval,
    read_statement,
)
from gate.approval.trust import TrustedKey, TrustFile, TrustRoot, read_trust
from gate.approval.versions import version_of
from gate.errors import AttestationError, RefusalCode
from gate.policy.reading import PolicyDocument, read_policy
from gate.policy.waivers import person
from gate.report.renderings.inert import plain
from gate.report.statement import PREDICATE_TYPE

SKEW = timedelta(minutes=5)  # by which two honest clocks may differ
_SHOWN = 12  # hexadecimal digits of a digest where it is only repeated
_ANOTHER_KEY = "sign with a key of the trust file, or have its owner add this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be checked, against what, and when; paths are opened as they are given."""

    checkpoint: Path
    attestation: Path | None  # None: ``statement`` was checked by another tool
    statement: bytes | None = None
    policy: str
    trust: str
    now: datetime  # with its zone
    approvals: Sequence[Path] = ()
    max_age_days: int | None = None
    exact_policy: bool = False
    trust_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step that did not refuse, and what it found, in a sentence."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval that counts."""

    name: str
    key_id: str
    at: datetime
    reason: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True)
class Verification:
    """How far it went; accepted exactly where no step refused and none was left out."""

    request: Request
    steps: tuple[Step, ...]
    refused: str | None  # the name of the step that refused
    refusal: AttestationError | None
    door: "Door"

    @property
    def accepted(self) -> bool:
        """Return whether the checkpoint may be deployed."""
        return self.refusal is None and [each.name for each in self.steps] == list(STEPS)

    @property
    def exit_status(self) -> int:
        """Return 0 or 5."""
        return 0 if self.accepted else AttestationError.exit_status


@dataclass(slots=True)
class Door:
    """What is known so far; each step adds to it, and none believes what an earlier one did not."""

    request: Request
    trust_file: TrustFile
    policy: PolicyDocument
    data: bytes  # of the attestation's file, or the bare statement
    where: str  # what messages call it
    approval_data: tuple[bytes, ...]
    envelope: Envelope | None = None
    signer: TrustedKey | None = None
    statement: Statement | None = None
    files: Files | None = None
    approvals: list[Approved] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def trust(self) -> TrustRoot:
        """Return whose signatures count."""
        return self.trust_file.root

    @property
    def today(self) -> date:
        """Return the day in UTC."""
        return self.request.now.astimezone(UTC).date()

    @property
    def attestation_sha256(self) -> str:
        """Return the SHA-256 of the envelope, which approvals are bound to."""
        return sha256(self.data).hexdigest()

    @property
    def judged(self) -> Statement:
        """Return the statement, which the steps before have read."""
        assert self.statement is not None
        return self.statement


def verify(request: Request) -> Verification:
    """Return how an attestation fares against a checkpoint, a policy and a trust root.

    Raises UsageError where a file cannot be read or the policy or the trust file is wrong: then
    nothing was decided.
    """
    door = _before_the_door(request)
    steps: list[Step] = []
    for name, step in STEPS.items():
        try:
            steps.append(Step(name, step(door)))
        except AttestationError as refusal:
            return Verification(request, tuple(steps), name, refusal, door)
    return Verification(request, tuple(steps), None, None, door)


def _before_the_door(request: Request) -> Door:
    """Read what the deployment brings itself, and the bytes of what it does not trust yet."""
    trust = read_trust(request.trust)
    policy = read_policy(request.policy)
    if request.attestation is not None:
        require_extra()
        data, where = read_file(request.attestation), plain(str(request.attestation))
    else:
        assert request.statement is not None, "an attestation or a statement is given"
        data, where = request.statement, "the statement"
    approvals = tuple(read_file(path) for path in request.approvals)
    return Door(request, trust, policy, data, where, approvals)


def _trust(door: Door) -> str:
    found, pin = door.trust_file.sha256, door.request.trust_sha256
    if pin is None:
        return f"sha256 {found[:_SHOWN]}, not pinned"
    if found != pin.lower():
        raise AttestationError(
            plain(door.request.trust),
            RefusalCode.TRUST_DIFFERS,
            f"the sha256 of the trust file is {found}, and {plain(pin, 80)} is pinned",
            "restore the file, or have the pin changed by whoever owns it",
        )
    return f"sha256 {found[:_SHOWN]}, as pinned"


def _payload_type(door: Door) -> str:
    if door.request.attestation is None:
        return "a bare statement, in no envelope"
    door.envelope = read_envelope(door.data, door.where)
    check_payload_type(door.envelope, door.where)
    return door.envelope.payload_type


def _signature(door: Door) -> str:
    if door.envelope is None:
        door.notes.append(
            "the signature was NOT checked here; who handed over the statement must have done it"
        )
        return "NOT CHECKED here; the statement is taken from whoever handed it over"
    door.signer = _signer(door, door.envelope, door.where, "runner")
    return f"by {_named(door.signer)}, until {door.signer.not_after}"


def _signer(door: Door, envelope: Envelope, where: str, role: Role) -> TrustedKey:
    """Return the trusted key that signed an envelope, in its role and its time.

    The signature is looked at before the role and the time: of a key that did not sign, nothing
    else needs to be said.
    """
    key = door.trust.find(envelope.key_id)
    if key is None:
        raise AttestationError(
            where,
            RefusalCode.KEY_UNKNOWN,
            f"it is signed by the key {plain(envelope.key_id, 80)}, which is not trusted",
            _ANOTHER_KEY,
        )
    if not is_signature(key.public, envelope.signature, envelope.signed):
        raise AttestationError(
            where,
            RefusalCode.SIGNATURE_INVALID,
            f"the signature was not made by {_named(key)} over these bytes",
            "get the file again from where it was made; if that does not help, it was changed",
        )
    if role not in key.roles:
        raise AttestationError(
            where,
            RefusalCode.KEY_ROLE,
            f"{_named(key)} may not sign as {role}, only as {' and '.join(key.roles)}",
            _ANOTHER_KEY,
        )
    if not key.is_valid_on(door.today):
        raise AttestationError(
            where,
            RefusalCode.KEY_NOT_VALID,
            f"{_named(key)} counts from {key.not_before} to {key.not_after}, and today is "
            f"{door.today}",
            _ANOTHER_KEY,
        )
    return key


def _statement(door: Door) -> str:
    payload = door.envelope.payload if door.envelope else door.data
    door.statement = read_statement(payload, door.where)
    return f"a test result ({PREDICATE_TYPE.removeprefix('https://')})"


def _checkpoint(door: Door) -> str:
    door.files = checkpoint_files(door.request.checkpoint)
    found, judged = door.files.digests, door.judged.files
    # A single file may have been renamed; of several, the names say which is which.
    alone = len(found) == len(judged) == 1
    same = list(found.values()) == list(judged.values()) if alone else found == judged
    if not same:
        raise AttestationError(
            plain(str(door.request.checkpoint)),
            RefusalCode.CHECKPOINT_DIFFERS,
            _difference(found, judged),
            "deploy the checkpoint that was judged, or have this one judged and attested",
        )
    if door.files.beside:
        shown = ", ".join(plain(name, 60) for name in door.files.beside[:5])
        more = ", ..." if len(door.files.beside) > 5 else ""
        door.notes.append(f"not covered, though in the folder: {shown}{more}")
    count = f"{len(found)} files, each" if len(found) > 1 else "the file"
    return f"{count} as judged, sha256 {door.files.sha256[:_SHOWN]}"


def _difference(found: Mapping[str, str], judged: Mapping[str, str]) -> str:
    if len(found) == len(judged) == 1:
        mine, theirs = next(iter(found.values())), next(iter(judged.values()))
        return f"the sha256 of the file is {mine}, and {theirs} was judged"
    wrong = sorted(name for name in {*found, *judged} if found.get(name) != judged.get(name))
    return f"of {len(judged)} files that were judged, these differ: " + ", ".join(
        plain(name, 60) for name in wrong[:5]
    )


def _policy(door: Door) -> str:
    judged, here = door.judged.configuration, door.policy.resolved_sha256
    metadata = door.policy.policy.metadata
    name = f"{plain(metadata.name, 60)} {plain(metadata.version, 40)}"
    if judged.get("policy") != here:
        raise AttestationError(
            plain(door.request.policy),
            RefusalCode.POLICY_DIFFERS,
            f"{name} resolves to sha256 {here}, and the verdict is by "
            f"{judged.get('policy', 'none')}",
            "judge the saved evidence by this policy (`validate-model judge`), and attest that",
        )
    _check_bytes_of_policy(door)
    if door.signer is not None:
        _check_key_for_policy(door, door.signer, door.where)
    return f"{name}, as judged, resolved sha256 {here[:_SHOWN]}"


def _check_bytes_of_policy(door: Door) -> None:
    """Note, or refuse, files that say the same in other bytes: comments, the order of keys."""
    files = {
        digest
        for name, digest in door.judged.configuration.items()
        if name.startswith("policy-file:")
    }
    if files == {source.sha256 for source in door.policy.sources}:
        return
    fact = "the files of the policy say the same in other bytes than those that were judged by"
    if door.request.exact_policy:
        raise AttestationError(
            plain(door.request.policy),
            RefusalCode.POLICY_EDITED,
            fact,
            "restore the files, or judge by these and attest that",
        )
    door.notes.append(f"{fact}: comments or layout (--exact-policy refuses that)")


def _check_key_for_policy(door: Door, key: TrustedKey, where: str) -> None:
    name = door.policy.policy.metadata.name
    if name not in key.policies:
        raise AttestationError(
            where,
            RefusalCode.KEY_NOT_FOR_POLICY,
            f"{_named(key)} may not sign for the policy {plain(name, 60)}, only for "
            f"{', '.join(plain(each, 60) for each in key.policies)}",
            _ANOTHER_KEY,
        )


def _data(door: Door) -> str:
    allowed = {split: digests for split, digests in door.trust.data if digests is not None}
    for split, digests in allowed.items():
        found = door.judged.configuration.get(f"data:{split}")
        if found not in digests:
            what = f"has the manifest {found}" if found else "was not given"
            raise AttestationError(
                door.where,
                RefusalCode.DATA_NOT_ALLOWED,
                f"the split {split} {what}, and the trust file allows others",
                "judge on the data that is allowed, or have the trust file's owner add this",
            )
    if not allowed:
        return "any: the trust file names none"
    return f"{' and '.join(allowed)} as the trust file allows"


def _verdict(door: Door) -> str:
    predicate, said = door.judged.predicate, door.judged.said
    if said.mode == "audit":
        raise AttestationError(
            door.where,
            RefusalCode.AUDIT_MODE,
            "the run was in audit mode, in which nothing is enforced",
            "run in the mode enforce, and attest that",
        )
    if predicate.result == "FAILED":
        failed = ", ".join(plain(key, 80) for key in predicate.failed[:5])
        raise AttestationError(
            door.where,
            RefusalCode.VERDICT_NOT_PASSED,
            f"the verdict is {said.verdict}" + (f", because of {failed}" if failed else ""),
            "deploy a model that passes",
        )
    return f"{predicate.result}: {len(predicate.passed)} passed, {len(predicate.warned)} warned"


def _warnings(door: Door) -> str:
    warned, waivers = door.judged.predicate.warned, door.judged.said.waivers
    if warned and door.trust.warnings == "refuse":
        shown = ", ".join(plain(key, 80) for key in warned[:5])
        raise AttestationError(
            door.where,
            RefusalCode.WARNINGS_REFUSED,
            f"the trust file accepts no warnings, and there is {shown}",
            "mend what was warned of, or have the trust file's owner accept warnings",
        )
    for waiver in waivers:
        _check_waiver(door, waiver)
    if not warned:
        return "none"
    until = min((waiver.expires for waiver in waivers), default="")
    held = f", {len(waivers)} of them by waivers that hold until {until}" if waivers else ""
    return f"{len(warned)} accepted{held}"


def _check_waiver(door: Door, waiver: AcceptedFailure) -> None:
    if door.today > date.fromisoformat(waiver.expires):
        raise AttestationError(
            door.where,
            RefusalCode.WAIVER_EXPIRED,
            f"the waiver {plain(waiver.ticket, 80)} of {plain(waiver.result, 80)} expired at the "
            f"end of {waiver.expires}, and today is {door.today}",
            "mend what was waived, or have a new waiver accepted, judge again and attest that",
        )


def _age(door: Door) -> str:
    age = door.request.now - door.judged.judged_at
    at = door.judged.said.judged_at
    if age < -SKEW:
        raise AttestationError(
            door.where,
            RefusalCode.FROM_THE_FUTURE,
            f"it says that it was judged at {at}, which is still to come",
            "set the clocks of both machines",
        )
    limit = door.request.max_age_days
    if limit is not None and age > timedelta(days=limit):
        raise AttestationError(
            door.where,
            RefusalCode.TOO_OLD,
            f"it was judged at {at}, {age.days} days ago, and {limit} are allowed",
            "judge again, and attest that",
        )
    allowed = "no limit was asked" if limit is None else f"{limit} days are allowed"
    return f"judged at {at}; {allowed}"


def _tool(door: Door) -> str:
    text = door.judged.said.tool.version
    low, high = door.trust.tool.at_least, door.trust.tool.at_most
    if low is None and high is None:
        return f"validate-model {plain(text, 40)}; the trust file names no version"
    found = version_of(text)
    # What is no version meets no condition.
    least = low is None or (found is not None and found >= (version_of(low) or ()))
    most = high is None or (found is not None and found <= (version_of(high) or ()))
    if not (least and most):
        wanted = " and ".join(
            f"{words} {bound}" for words, bound in (("at least", low), ("at most", high)) if bound
        )
        raise AttestationError(
            door.where,
            RefusalCode.TOOL_VERSION,
            f"it was judged by validate-model {plain(text, 40)}, and {wanted} is asked",
            "judge the saved evidence with such a version, and attest that",
        )
    return f"validate-model {plain(text, 40)}, as the trust file allows"


def _approvals(door: Door) -> str:
    for path, data in zip(door.request.approvals, door.approval_data, strict=True):
        door.approvals.append(_approval(door, data, plain(str(path))))
    identities = {person(each.name): each.name for each in door.approvals}
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
    names = ", ".join(plain(name, 60) for name in identities.values())
    return f"{len(identities)} by {names}; {needed} needed"


def _approval(door: Door, data: bytes, where: str) -> Approved:
    """Return an approval that counts: every one that is given must."""
    envelope = read_envelope(data, where)
    check_payload_type(envelope, where)
    key = _signer(door, envelope, where, "approver")
    approval = read_approval(envelope.payload, where)
    if door.envelope is None or approval.attestation != door.attestation_sha256:
        raise AttestationError(
            where,
            RefusalCode.APPROVAL_FOR_ANOTHER,
            "it approves another attestation than this one",
            "have this attestation approved",
        )
    _check_key_for_policy(door, key, where)
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
    if door.signer is not None and person(key.name) == person(door.signer.name):
        raise AttestationError(
            where,
            RefusalCode.APPROVER_IS_RUNNER,
            f"{plain(key.name, 60)} signed the attestation too, and nobody approves their own",
            "have another person approve it",
        )
    for waiver in door.judged.said.waivers:
        if person(key.name) == person(waiver.requested_by):
            raise AttestationError(
                where,
                RefusalCode.APPROVER_ASKED_FOR_WAIVER,
                f"{plain(key.name, 60)} asked for the waiver {plain(waiver.ticket, 80)}",
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
            f"{_named(key)} did not count on {approval.approved_at.date()}, when it was approved",
            "approve it again",
        )


def _named(key: TrustedKey) -> str:
    return f"{plain(key.name, 60)} (key {key.id[:_SHOWN]})"


STEPS: dict[str, Callable[[Door], str]] = {
    "trust": _trust,
    "payload type": _payload_type,
    "signature": _signature,
    "statement": _statement,
    "checkpoint": _checkpoint,
    "policy": _policy,
    "data": _data,
    "verdict": _verdict,
    "warnings": _warnings,
    "age": _age,
    "tool": _tool,
    "approvals": _approvals,
}
