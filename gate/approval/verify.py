"""Verification: everything that a verdict rests on is compared with what lies at deployment.

The steps stand in :data:`STEPS` in the order in which they are taken; the first that refuses ends
it. Nothing of a payload is understood before a trusted key's signature of it holds.
"""

from collections.abc import Callable

from gate.approval import approvals, bindings, configuration, signers, verdicts
from gate.approval.envelope import read_file
from gate.approval.keys import require_extra
from gate.approval.trust import read_trust
from gate.approval.verification import Request, Step, Verification, VerificationResult
from gate.errors import AttestationError
from gate.policy.reading import read_policy
from gate.wording import printable

STEPS: dict[str, Callable[[Verification], str]] = {
    "trust": signers.trust,
    "payload type": signers.payload_type,
    "signature": signers.signature,
    "statement": bindings.statement,
    "checkpoint": bindings.checkpoint,
    "policy": bindings.policy,
    "data": bindings.data,
    "configuration": configuration.configuration,
    "verdict": verdicts.verdict,
    "warnings": verdicts.warnings,
    "age": verdicts.age,
    "tool": verdicts.tool,
    "approvals": approvals.approvals,
}


def verify(request: Request) -> VerificationResult:
    """Return how an attestation fares against a checkpoint, a policy and a trust root.

    Raises UsageError where a file cannot be read or the policy or the trust file is wrong: then
    nothing was decided.
    """
    return go_through(begin(request))


def go_through(verification: Verification) -> VerificationResult:
    """Take the steps in their order, as far as the first that refuses."""
    steps: list[Step] = []
    for name, step in STEPS.items():
        try:
            steps.append(Step(name, step(verification)))
        except AttestationError as refusal:
            return VerificationResult(
                verification.request, tuple(steps), name, refusal, verification
            )
    return VerificationResult(verification.request, tuple(steps), None, None, verification)


def begin(request: Request) -> Verification:
    """Return what the deployment brings itself, and the bytes of what it does not trust yet.

    Raises UsageError where a file is missing or too large, DocumentError for a faulty trust file or
    policy, MissingExtraError without the extra ``sign``.
    """
    trust = read_trust(request.trust)
    policy = read_policy(request.policy)
    if request.attestation is not None:
        require_extra()
        data, where = read_file(request.attestation), printable(str(request.attestation))
    else:
        assert request.statement is not None, "an attestation or a statement is given"
        data, where = request.statement, "the statement"
    approvals = tuple(read_file(path) for path in request.approvals)
    return Verification(request, trust, policy, data, where, approvals)
