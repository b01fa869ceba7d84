"""Attest: a report becomes a signed statement on the checkpoint that lies here."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from gate.approval.digests import checkpoint_files
from gate.approval.envelope import Envelope, seal
from gate.approval.keys import SigningKey
from gate.errors import AttestationError, RefusalCode, UsageError
from gate.report.reading import read_with_bytes
from gate.report.renderings.inert import plain
from gate.report.statement import canonical, statement


@dataclass(frozen=True, slots=True)
class Attestation:
    """A signed statement, and what it says."""

    envelope: Envelope
    statement: dict[str, Any]

    @property
    def result(self) -> str:
        """Return PASSED, WARNED or FAILED."""
        return str(self.statement["predicate"]["result"])


def attest(
    report: Path, checkpoint: Path, key: SigningKey, *, allow_audit: bool = False
) -> Attestation:
    """Return the attestation of a report on a checkpoint: the same bytes whenever it is made.

    ``report`` is a file, or the folder that a run left. Raises EvidenceError for a report that
    cannot be read, UsageError where no checkpoint was run or the file cannot be read, and
    AttestationError for another checkpoint than was judged, and for a run in audit mode: with
    ``allow_audit`` that is attested, as FAILED.
    """
    found, data = read_with_bytes(report)
    where = plain(str(report))
    if not found.decision.enforced and not allow_audit:
        raise AttestationError(
            where,
            RefusalCode.AUDIT_MODE,
            "the run was in audit mode, in which nothing is enforced",
            "run in the mode enforce, or attest it as FAILED with --allow-audit",
        )
    if found.subject.sha256 is None:
        raise UsageError(
            where,
            "the report is of no checkpoint: none was run, or none was reached",
            "attest the report of a run that loaded one",
        )
    files = checkpoint_files(checkpoint)
    if files.sha256 != found.subject.sha256:
        raise AttestationError(
            plain(str(checkpoint)),
            RefusalCode.CHECKPOINT_DIFFERS,
            f"its sha256 is {files.sha256}, and the report is on {plain(found.subject.sha256, 80)}",
            "give the checkpoint that was judged, or judge this one",
        )
    made = statement(found, files.digests, report_sha256=sha256(data).hexdigest())
    return Attestation(seal(canonical(made), key_id=key.id, sign=key.sign), made)
