"""A verification: its question, the facts found on the way, and how far it went."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from gate.approval.digests import Files
from gate.approval.envelope import Envelope
from gate.approval.statement import Statement
from gate.approval.trust import TrustedKey, TrustFile, TrustRoot
from gate.errors import AttestationError
from gate.policy.reading import PolicyDocument

SHOWN = 12  # hexadecimal digits of a digest where it is only repeated


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
    reworded: bool = False  # whether comments and layout of the policy may differ
    trust_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval that counts."""

    name: str
    key_id: str
    at: datetime
    reason: str
    envelope_sha256: str


@dataclass(slots=True)
class Verification:
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


@dataclass(frozen=True, slots=True)
class Step:
    """A step that did not refuse, and what it found, in a sentence."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """How far it went: the steps that found nothing wrong, and the one that did, if any."""

    request: Request
    steps: tuple[Step, ...]
    refused: str | None  # the name of the step that refused
    refusal: AttestationError | None
    verification: Verification

    @property
    def accepted(self) -> bool:
        """Return whether the checkpoint may be deployed."""
        return self.refusal is None

    @property
    def exit_status(self) -> int:
        """Return 0 or 5."""
        return 0 if self.accepted else AttestationError.exit_status
