"""A SLSA verification summary: that somebody verified, for those who need not do it again.

The shape is that of https://slsa.dev/spec/v1.0/verification_summary, unsigned: whoever verified
signs it with what their platform signs with.
"""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

from gate.approval.statement import TIME_FORMAT
from gate.approval.unchecked import list_unchecked
from gate.approval.verification import VerificationResult
from gate.report.statement import STATEMENT_TYPE

VERIFIER = "urn:validate-model:verify"
VSA_TYPE = "https://slsa.dev/verification_summary/v1"
# What was verified is no level of SLSA's own; their names begin with SLSA_.
LEVEL = "VALIDATE_MODEL_VERDICT_PASSED"
UNSIGNED_LEVEL = "VALIDATE_MODEL_UNSIGNED_STATEMENT_PASSED"
NOT_CHECKED = "urn:validate-model:not-checked:v1"  # a field of ours in the predicate


def summary(result: VerificationResult) -> dict[str, Any]:
    """Return the verification summary of a verification that accepted."""
    assert result.accepted, "only what was accepted is summed up"
    verification, now = result.verification, result.request.now
    assert verification.files is not None
    policy = verification.policy
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest}}
            for name, digest in sorted(verification.files.digests.items())
        ],
        "predicateType": VSA_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER},
            "timeVerified": now.astimezone(UTC).strftime(TIME_FORMAT),
            "resourceUri": f"urn:validate-model:checkpoint:sha256:{verification.files.sha256}",
            "policy": {
                "uri": f"urn:validate-model:policy:sha256:{policy.resolved_sha256}",
                "digest": {"sha256": policy.resolved_sha256},
            },
            "inputAttestations": [
                {
                    "uri": f"urn:validate-model:attestation:sha256:{digest}",
                    "digest": {"sha256": digest},
                }
                for digest in (
                    verification.attestation_sha256,
                    *(each.envelope_sha256 for each in verification.approvals),
                )
            ],
            "verificationResult": "PASSED",
            # A reader that asks for the one level must not take the other for it.
            "verifiedLevels": [UNSIGNED_LEVEL if verification.envelope is None else LEVEL],
            "slsaVersion": "1.0",
            NOT_CHECKED: {each.what: each.why for each in list_unchecked(verification)},
        },
    }


def as_text(verification: VerificationResult) -> str:
    """Return the summary as indented JSON with a final line break."""
    return json.dumps(summary(verification), indent=2) + "\n"


def is_ours(path: Path) -> bool:
    """Return whether a regular file is a summary that this program wrote."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 16)
    except OSError:
        return False
    return VSA_TYPE.encode() in head and VERIFIER.encode() in head
