"""Notes on an acceptance: the facts that nobody asked for or pinned."""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.approval.packages import unnamed_packages
from gate.approval.verification import Verification

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Something that was not checked: a word that scripts may rely on, and why not."""

    what: str
    why: str


def list_unchecked(verification: Verification) -> tuple[Unchecked, ...]:
    """Return what the steps, none of which refused, did not look at."""
    return tuple(Unchecked(what, why) for what, why in _unchecked(verification))


def _unchecked(verification: Verification) -> Iterator[tuple[str, str]]:
    trust, policy = verification.trust, verification.policy.policy
    if verification.envelope is None:
        yield "signature", "a bare statement was given; whoever handed it over must have checked it"
    if verification.request.trust_sha256 is None:
        yield "trust-file", "no --trust-sha256 pins it"
    free = [split for split in _SPLITS if getattr(trust.data, split) is None]
    if free:
        yield "data", f"the trust file pins none for {', '.join(free)}"
    if not (trust.classes or policy.classes):
        yield "classes", "neither the trust file nor the policy names them"
    if not (trust.critical or policy.critical):
        yield "critical", "neither the trust file nor the policy names them"
    if not (trust.champion or policy.champion):
        yield "champion", "neither the trust file nor the policy pins one"
    if verification.judged.said.champion is not None and trust.champion_evidence is None:
        yield "champion-evidence", "the trust file pins no champion_evidence: how it was measured"
    free = [
        name
        for name in type(trust.configuration).model_fields
        if name not in trust.configuration.named()
    ]
    if free:
        yield "configuration", f"the trust file pins no {', '.join(free)}"
    if strangers := unnamed_packages(verification):
        why = "took part in measuring, and neither the policy nor the trust file names it"
        yield "packages", f"{', '.join(strangers)} {why}"
    if verification.request.max_age_days is None:
        yield "age", "no --max-age was asked"
    if trust.tool.at_least is None and trust.tool.at_most is None:
        yield "tool", "the trust file names no version"
    if trust.approvals == 0:
        yield "approvals", "the trust file asks for none"
