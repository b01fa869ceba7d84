"""Attestation: evidence is judged again, and the verdict is signed for the checkpoint at hand."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from gate.approval.digests import checkpoint_files
from gate.approval.envelope import Envelope, seal
from gate.approval.judging import judge_again
from gate.approval.keys import SigningKey
from gate.errors import AttestationError, RefusalCode
from gate.report.canonical import canonical
from gate.report.model import Report
from gate.report.statement import statement
from gate.wording import printable


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be signed of a run: the statement, and what whoever signs it should know."""

    statement: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        """Return PASSED, WARNED or FAILED."""
        return str(self.statement["predicate"]["result"])

    def signed(self, key: SigningKey) -> Envelope:
        """Return the statement in its envelope: the same bytes whenever it is made."""
        return seal(canonical(self.statement), key_id=key.id, sign=key.sign)


def attest(folder: Path, checkpoint: Path, *, now: datetime, allow_audit: bool = False) -> Verdict:
    """Return the verdict on a checkpoint that the evidence in a folder gives when judged again.

    ``folder`` is what `run`, or `judge --out`, left; ``now`` has its zone. Raises EvidenceError
    where report or evidence cannot be read, UsageError where the file cannot be read, and
    AttestationError where no checkpoint was run, for a report alone, for one that says otherwise
    than its evidence, for another checkpoint than was judged, and for a run in audit mode: with
    ``allow_audit`` that is attested, as FAILED.
    """
    report = judge_again(folder)
    where = printable(str(folder))
    if not report.decision.enforced and not allow_audit:
        raise AttestationError(
            where,
            RefusalCode.AUDIT_MODE,
            "the run was in audit mode, in which nothing is enforced",
            "run in the mode enforce, or attest it as FAILED with --allow-audit",
        )
    if report.subject.sha256 is None:
        raise AttestationError(
            where,
            RefusalCode.NO_SUBJECT,
            "the report is of no checkpoint: saved predictions were judged, or none was reached",
            "attest the report of a run that loaded one",
        )
    files = checkpoint_files(checkpoint)
    if files.sha256 != report.subject.sha256:
        raise AttestationError(
            printable(str(checkpoint)),
            RefusalCode.CHECKPOINT_DIFFERS,
            f"its sha256 is {files.sha256}, and {printable(report.subject.sha256, 80)} was judged",
            "give the checkpoint that was judged, or judge this one",
        )
    made = statement(
        report, files.digests, report_sha256=sha256(report.to_json().encode()).hexdigest()
    )
    return Verdict(made, _find_expired(report, now.astimezone(UTC).date()))


def _find_expired(report: Report, today: date) -> tuple[str, ...]:
    """Return what to know of waivers that held when it was judged, and hold no more."""
    return tuple(
        f"the waiver {printable(each.ticket, 80)} of {printable(each.result, 80)} expired at "
        f"the end of {each.expires}, after it was judged: `verify` will refuse"
        for each in report.waivers.applied
        if today > date.fromisoformat(each.expires)
    )
