"""The policy and the waivers that a gate file names; what is wrong with one is told at its key."""

from gate.errors import DocumentError, Fault, UsageError
from gate.policy.fit import critical_of
from gate.policy.reading import PolicyDocument, class_faults, read_policy
from gate.policy.waivers import PlacedWaiver, read_waivers
from gate.subject.absent import complaints_of
from gate.subject.gatefile import GateFile


def documents_of(subject: GateFile) -> tuple[PolicyDocument, tuple[PlacedWaiver, ...]]:
    """Return the policy and the waivers of all documents.

    Raises UsageError, or DocumentError, with what is wrong with all of them: with their files, with
    classes that the policy names and the gate file does not, and with what the gate file names and
    is not there.
    """
    errors: list[UsageError] = []
    document, waivers = None, None
    try:
        document = policy_of(subject)
    except UsageError as error:
        errors.append(error)
    try:
        waivers = waivers_of(subject)
    except UsageError as error:
        errors.append(error)
    faults = list(_misfits(document, subject)) if document is not None else []
    if document is not None and waivers is not None and not faults:
        return document, waivers
    faults += subject.faults(complaints_of(subject))
    faults += [fault for each in errors if isinstance(each, DocumentError) for fault in each.faults]
    plain = [each for each in errors if not isinstance(each, DocumentError)]
    if not plain:
        raise DocumentError(faults)
    if len(plain) == 1 and not faults:
        raise plain[0]
    raise UsageError("", "\n".join(map(str, (*plain, *faults))))


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


def _misfits(document: PolicyDocument, subject: GateFile) -> list[Fault]:
    """Return where the policy speaks of classes that the gate file does not name."""
    if not subject.classes:
        return []
    critical = critical_of(document.policy, subject.classes, subject.critical)
    return class_faults(document, subject.classes, critical)
