"""What a policy pins of the run that it judges: the critical classes and the champion."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.policy.model import Policy
from gate.policy.reading import critical_of

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Failure


def bind(evidence: "Evidence", policy: Policy) -> "Evidence":
    """Return the evidence as the policy judges it.

    What the policy calls critical is critical beside what the gate file said. Where it pins the
    champion and another was compared with, or none, that is a failure: then nothing is accepted.
    """
    failure = _champion_failure(evidence, policy)
    return replace(
        with_critical(evidence, policy),
        failures=(*evidence.failures, *([] if failure is None else [failure])),
    )


def with_critical(evidence: "Evidence", policy: Policy) -> "Evidence":
    """Return the evidence with the policy's critical classes beside its own."""
    together = critical_of(policy, evidence.classes, evidence.critical)
    critical = tuple(name for name in together if name in evidence.classes)
    return evidence if critical == evidence.critical else replace(evidence, critical=critical)


def _champion_failure(evidence: "Evidence", policy: Policy) -> "Failure | None":
    from gate.evidence.records import Failure

    if policy.champion is None:
        return None
    champion = evidence.baseline
    if champion is not None and champion.sha256 == policy.champion:
        return None
    if champion is None:
        fact = "no champion was compared with"
    else:
        named = "of no checkpoint" if champion.sha256 is None else f"sha256 {champion.sha256}"
        fact = f"the champion that was compared with is {named}"
    return Failure(
        where="baseline" if champion is None else f"baseline {champion.path}",
        kind="champion",
        message=f"{fact}, and the policy pins sha256 {policy.champion}",
        remedy="name what that champion left as baseline in the gate file, and measure again",
    )
