"""A policy's pins on the run that it judges: critical classes, champion, operating point."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gate.errors import EvidenceError
from gate.policy.fit import critical_of, extra_critical
from gate.policy.model import Policy
from gate.policy.operating_point import differs

if TYPE_CHECKING:
    from gate.evidence.operating_point import OperatingPoint
    from gate.evidence.records import Baseline, Evidence, Failure


def bind(evidence: "Evidence", policy: Policy) -> "Evidence":
    """Return the evidence as the policy judges it.

    What the policy calls critical is critical beside what the gate file said. Rows have the answers
    at the operating point. Where the policy pins that, or the champion, and there is another, or
    none, that is a failure: then nothing is accepted.

    Raises EvidenceError where thresholds are not those that the evidence gives.
    """
    together = with_critical(at_stated_point(evidence, policy), policy)
    if policy.champion is None:
        return together
    champion = evidence.baseline
    if champion is not None and champion.sha256 == policy.champion:
        return replace(together, baseline=replace(champion, pinned=True))
    failure = _another_champion(champion, policy.champion)
    return replace(together, failures=(*together.failures, failure))


def at_stated_point(evidence: "Evidence", policy: Policy) -> "Evidence":
    """Return the evidence with the answers at its operating point, if that is the policy's.

    Raises EvidenceError where thresholds are not those that the evidence gives.
    """
    from gate.evidence.records import Failure

    point, pin = evidence.configuration.operating_point, policy.operating_point
    if point is not None:
        _require_fitted(evidence, point)
    if point is not None or evidence.baseline is not None:
        from gate.metrics.operating_point import at_operating_point

        evidence = at_operating_point(evidence)
    if not (other := differs(pin, point)) or not evidence.splits:
        return evidence
    failure = Failure(
        where="operating_point",
        kind="operating-point",
        message=f"the policy pins the operating point, and {other}",
        remedy="state it in the gate file as the policy does, or judge the evidence with a file "
        "that does: judge --operating-point FILE",
    )
    return replace(evidence, failures=(*evidence.failures, failure))


def _require_fitted(evidence: "Evidence", point: "OperatingPoint") -> None:
    """Refuse thresholds that nobody would find who fits them on the rows of the evidence."""
    from gate.metrics.fitting import fitted

    if point.is_fitted and fitted(point, evidence) != point:
        raise EvidenceError(
            "operating_point",
            "the thresholds are not those that the validation rows of the evidence give",
            "measure again, or judge with the operating point of the gate file: "
            "judge --operating-point FILE",
        )


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
