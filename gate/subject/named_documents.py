"""The policy and the waivers that a gate file names; what is wrong with one is told at its key."""

from gate.errors import UsageError
from gate.policy.reading import PolicyDocument, read_policy
from gate.policy.waivers import PlacedWaiver, read_waivers
from gate.subject.gatefile import GateFile


def policy_of(subject: GateFile) -> PolicyDocument:
    """Return the policy; raises UsageError, or DocumentError with all its faults."""
    assert subject.policy is not None, "a complete gate file names a policy"
    try:
        return read_policy(subject.policy, base=subject.base)
    except UsageError as error:
        raise subject.place_of(error, subject.policy, "policy") from None


def waivers_of(subject: GateFile) -> tuple[PlacedWaiver, ...]:
    """Return the waivers of all documents; raises UsageError, or DocumentError with all faults."""
    try:
        return read_waivers(subject.waivers, base=subject.base)
    except UsageError as error:
        for index, path in enumerate(subject.waivers):
            if error.where == str(subject.base / path):
                raise subject.place_of(error, path, "waivers", index) from None
        raise
