"""Command: verify."""

import json
import sys
import textwrap
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.formats import text_or_json
from gate.cli.output import check_target
from gate.cli.signing import check_not_read
from gate.cli.streams import say
from gate.errors import UsageError

if TYPE_CHECKING:
    from gate.approval.verification import VerificationResult

_WIDTH = 80
_COLUMN = 8


@click.command(name="verify")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "--attestation",
    type=click.Path(path_type=Path),
    help="What `attest` wrote.",
)
@click.option(
    "--statement",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Instead of --attestation: a bare statement whose signature another tool has checked, "
    "such as `gh attestation verify`; - for standard input.",
)
@click.option(
    "--policy",
    required=True,
    metavar="NAME|FILE",
    help="The policy of the repository that deploys; it is resolved here.",
)
@click.option("--trust", required=True, metavar="FILE", help="Whose signatures count: a TrustRoot.")
@click.option(
    "--approval",
    "approvals",
    type=click.Path(path_type=Path),
    multiple=True,
    help="What `approve` wrote; may repeat. Each that is given must hold.",
)
@click.option(
    "--max-age",
    type=click.IntRange(0, 36600),
    metavar="DAYS",
    help="Refuse what was measured longer ago, in whole days; 0: within the last 24 hours.",
)
@click.option(
    "--allow-reworded",
    "reworded",
    is_flag=True,
    help="Accept files of the policy that differ in comments or layout only.",
)
@click.option("--trust-sha256", metavar="HEX", help="Refuse a trust file of another digest.")
@click.option(
    "--emit-vsa",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where a SLSA verification summary (unsigned) goes, if it is accepted.",
)
@text_or_json
def command(
    checkpoint: Path,
    attestation: Path | None,
    statement: Path | None,
    policy: str,
    trust: str,
    approvals: tuple[Path, ...],
    max_age: int | None,
    reworded: bool,
    trust_sha256: str | None,
    emit_vsa: Path | None,
    format_: str,
) -> int:
    """Check the CHECKPOINT that will be deployed against its attestation.

    Stops at the first refusal, with its code and exit status 5. Neither model, data nor torch is
    needed; the checkpoint is only hashed.
    """
    from gate.approval.verification import Request
    from gate.approval.verify import verify

    if (attestation is None) == (statement is None):
        raise UsageError("verify", "needs --attestation or --statement, one of them", "give one")
    if emit_vsa is not None:
        check_target(emit_vsa, f"--emit-vsa {emit_vsa}")
        given = [checkpoint, attestation, statement, Path(trust), Path(policy), *approvals]
        check_not_read(emit_vsa, [path for path in given if path is not None])
        _withdraw(emit_vsa)
    came = verify(
        Request(
            checkpoint=checkpoint,
            attestation=attestation,
            statement=None if statement is None else _bare(statement),
            policy=policy,
            trust=trust,
            now=datetime.now(UTC),
            approvals=approvals,
            max_age_days=max_age,
            reworded=reworded,
            trust_sha256=trust_sha256,
        )
    )
    if emit_vsa is not None and came.accepted:
        from gate.approval.vsa import as_text as summary
        from gate.evidence.files import write_text

        write_text(emit_vsa, summary(came))
    say(json.dumps(as_json(came), indent=2) if format_ == "json" else as_text(came))
    return came.exit_status


def _bare(statement: Path) -> bytes:
    from gate.approval.envelope import LARGEST, read_file

    if str(statement) != "-":
        return read_file(statement)
    data = sys.stdin.buffer.read(LARGEST + 1)
    if not data or len(data) > LARGEST:
        raise UsageError("standard input", "holds no statement", "pipe the statement into it")
    return data


def _withdraw(path: Path) -> None:
    """Take away an older summary, which must not pass for this one; nobody else's file."""
    from gate.approval.vsa import is_ours

    if is_ours(path):
        with suppress(OSError):  # the probe has found the folder writable; it is gone already
            path.unlink()


def as_json(came: "VerificationResult") -> dict[str, Any]:
    """Return a verification as plain JSON values, keys in a fixed order."""
    verification, refusal = came.verification, came.refusal
    return {
        "accepted": came.accepted,
        "exit_status": came.exit_status,
        "refusal": refusal
        and {
            "code": refusal.code.value,
            "step": came.refused,
            "where": refusal.where,
            "fact": refusal.fact,
            "remedy": refusal.remedy,
        },
        "verified_at": came.request.now.astimezone(UTC).isoformat(timespec="seconds"),
        "checkpoint": {
            "path": str(came.request.checkpoint),
            "sha256": verification.files and verification.files.sha256,
        },
        "attestation_sha256": verification.attestation_sha256,
        "signature_checked": verification.signer is not None,
        "signer": verification.signer
        and {"name": verification.signer.name, "key": verification.signer.id},
        "policy": {
            "name": verification.policy.policy.metadata.name,
            "version": verification.policy.policy.metadata.version,
            "resolved_sha256": verification.policy.resolved_sha256,
        },
        "approvals": [
            {
                "name": each.name,
                "key": each.key_id,
                "approved_at": each.at.isoformat(timespec="seconds"),
                "reason": each.reason,
            }
            for each in verification.approvals
        ],
        "steps": [{"step": each.name, "said": each.said} for each in came.steps],
        "notes": verification.notes,
        "not_checked": _not_checked(came),
    }


def as_text(came: "VerificationResult") -> str:
    """Return a verification as lines for a person: each step, what refused, the end last."""
    lines = [_line("ok", f"{step.name}: {step.said}") for step in came.steps]
    refusal = came.refusal
    if refusal is not None:
        lines.append(_line("REFUSED", f"{came.refused}: {refusal.where}: {refusal.fact}"))
        lines.append(_line("", f"to do: {refusal.remedy}"))
    lines += [_line("note", note) for note in came.verification.notes]
    lines += [
        _line("note", f"NOT checked: {what}: {why}") for what, why in _not_checked(came).items()
    ]
    code = f" {refusal.code}" if refusal else ""
    end = f"REFUSED{code}" if refusal else "ACCEPTED"
    return "\n".join([*lines, "", f"{end} (exit status {came.exit_status})"])


def _not_checked(came: "VerificationResult") -> dict[str, str]:
    """Return what an acceptance does not say; of a refusal, nothing needs to be."""
    from gate.approval.unchecked import list_unchecked

    return (
        {each.what: each.why for each in list_unchecked(came.verification)} if came.accepted else {}
    )


def _line(start: str, sentence: str) -> str:
    return textwrap.fill(
        sentence,
        _WIDTH,
        initial_indent=f"{start:<{_COLUMN}}",
        subsequent_indent=" " * _COLUMN,
        break_long_words=False,
        break_on_hyphens=False,
    )
