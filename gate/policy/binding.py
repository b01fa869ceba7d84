"""What a policy pins of the run that it judges: the critical classes and the champion."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.policy.fit import critical_of, extra_critical
from gate.policy.model import Policy

if TYPE_CHECKING:
    from gate.evidence.records import Baseline, Evidence, Failure


def bind(evidence: "Evidence", policy: Policy) -> "Evidence":
    """Return the evidence as the policy judges it.

    What the policy calls critical is critical beside what the gate file said. Where it pins the
    champion and another was compared with, or none, that is a failure: then nothing is accepted.
    """
    together = with_critical(evidence, policy)
    if policy.champion is None:
        return together
    champion = evidence.baseline
    if champion is not None and champion.sha256 == policy.champion:
        return replace(together, baseline=replace(champion, pinned=True))
    failure = _another_champion(champion, policy.champion)
    return replace(together, failures=(*evidence.failures, failure))


def with_critical(evidence: "Evidence", policy: Policy) -> "Evidence":
    """Return the evidence with the policy's critical classes beside its own.

    Those that a policy does not name, though it names some, are known as added: they must meet what
    it asks of ``$others``, too.
    """
    together = critical_of(policy, evidence.classes, evidence.critical)
    critical = tuple(name for name in together if name in evidence.classes)
    added = extra_critical(policy, critical)
    if (critical, added) == (evidence.critical, evidence.added_critical):
        return evidence
    return replace(evidence, critical=critical, added_critical=added)


def _another_champion(champion: "Baseline | None", pinned: str) -> "Failure":
    from gate.evidence.records import Failure

    if champion is None:
        fact = "no champion was compared with"
    elif champion.sha256 is None:
        fact = "the champion that was compared with is of no known checkpoint"
    else:
        fact = f"the champion that was compared with is sha256 {champion.sha256}"
    return Failure(
        where="baseline" if champion is None else f"baseline {champion.path}",
        kind="champion",
        message=f"{fact}, and the policy pins sha256 {pinned}",
        remedy="name what that champion left as baseline in the gate file, and measure again",
    )
