"""The policy that a gate file names, or a flag in its place."""

from gate.errors import UsageError
from gate.policy.reading import PolicyDocument, read_policy
from gate.subject.gatefile import GateFile


def policy_of(subject: GateFile) -> PolicyDocument:
    """Return the policy of a complete gate file.

    Raises UsageError where it is not there, at the place that names it, and DocumentError with all
    its faults.
    """
    assert subject.policy is not None, "a complete gate file names a policy"
    try:
        return read_policy(subject.policy, base=subject.base)
    except UsageError as error:
        raise subject.place_of(error, subject.policy, "policy") from None
