"""A verdict must be a pass that still holds: waivers, age and version are checked."""

from datetime import date, timedelta

from gate.approval.statement import AcceptedFailure
from gate.approval.verification import Verification
from gate.approval.versions import version_of
from gate.errors import AttestationError, RefusalCode
from gate.wording import printable

SKEW = timedelta(minutes=5)  # by which two honest clocks may differ
DAY = timedelta(days=1)  # by which the clocks of those who measured may


def verdict(verification: Verification) -> str:
    """Return the result in words; raises AttestationError for all but a pass that was enforced."""
    predicate, said = verification.judged.predicate, verification.judged.said
    if said.mode == "audit":
        raise AttestationError(
            verification.where,
            RefusalCode.AUDIT_MODE,
            "the run was in audit mode, in which nothing is enforced",
            "run in the mode enforce, and attest that",
        )
    if predicate.result == "FAILED":
        failed = ", ".join(printable(key, 80) for key in predicate.failed[:5])
        raise AttestationError(
            verification.where,
            RefusalCode.VERDICT_NOT_PASSED,
            f"the verdict is {said.verdict}" + (f", because of {failed}" if failed else ""),
            "deploy a model that passes",
        )
    return f"{predicate.result}: {len(predicate.passed)} passed, {len(predicate.warned)} warned"


def warnings(verification: Verification) -> str:
    """Return in words the warnings that are accepted.

    Raises AttestationError for a waiver that does not hold today, and for warnings where the trust
    file refuses them.
    """
    warned, waivers = verification.judged.predicate.warned, verification.judged.said.waivers
    if warned and verification.trust.warnings == "refuse":
        shown = ", ".join(printable(key, 80) for key in warned[:5])
        raise AttestationError(
            verification.where,
            RefusalCode.WARNINGS_REFUSED,
            f"the trust file accepts no warnings, and there is {shown}",
            "mend what was warned of, or have the trust file's owner accept warnings",
        )
    for waiver in waivers:
        _check_waiver(verification, waiver)
    if not warned:
        return "none"
    until = min((waiver.expires for waiver in waivers), default="")
    held = f", {len(waivers)} of them by waivers that hold until {until}" if waivers else ""
    return f"{len(warned)} accepted{held}"


def _check_waiver(verification: Verification, waiver: AcceptedFailure) -> None:
    if verification.today > date.fromisoformat(waiver.expires):
        raise AttestationError(
            verification.where,
            RefusalCode.WAIVER_EXPIRED,
            f"the waiver {printable(waiver.ticket, 80)} of {printable(waiver.result, 80)} expired "
            f"at the end of {waiver.expires}, and today is {verification.today}",
            "mend what was waived, or have a new waiver accepted, judge again and attest that",
        )


def age(verification: Verification) -> str:
    """Return the times of measurement and verdict, in words.

    Raises AttestationError for a measurement older than is asked, and for a time in the future.
    """
    now, said = verification.request.now, verification.judged.said
    measured = verification.judged.measured_at
    if verification.judged.judged_at > now + SKEW:
        raise _from_the_future(verification, f"judged at {said.judged_at}")
    if measured is not None and measured > now + DAY:
        raise _from_the_future(verification, f"measured at {said.measured_at}")
    limit = verification.request.max_age_days
    if limit is not None:
        _check_age(verification, limit)
    allowed = "no limit was asked" if limit is None else f"{limit} days are allowed"
    return (
        f"measured at {said.measured_at or 'no known time'}, judged at {said.judged_at}; {allowed}"
    )


def _check_age(verification: Verification, limit: int) -> None:
    """Refuse by the oldest part of the evidence: judging it again makes nothing young."""
    measured, said = verification.judged.measured_at, verification.judged.said
    if measured is None:
        raise AttestationError(
            verification.where,
            RefusalCode.AGE_UNKNOWN,
            "it does not say when it was measured, so that its age is not known",
            "measure again with `validate-model run`, and attest that",
        )
    oldest = min(measured, verification.judged.judged_at)
    age = verification.request.now - oldest
    if age.days > limit:  # whole days: 0 is the last 24 hours
        what = (
            f"measured at {said.measured_at}"
            if oldest == measured
            else (f"judged at {said.judged_at}")
        )
        raise AttestationError(
            verification.where,
            RefusalCode.TOO_OLD,
            f"it was {what}, {age.days} days ago, and {limit} are allowed",
            "measure again, and attest that",
        )


def _from_the_future(verification: Verification, what: str) -> AttestationError:
    return AttestationError(
        verification.where,
        RefusalCode.FROM_THE_FUTURE,
        f"it says that it was {what}, which is still to come",
        "set the clocks of both machines",
    )


def tool(verification: Verification) -> str:
    """Return the version of the verdict, in words.

    Raises AttestationError for a version outside the range of the trust file.
    """
    text = verification.judged.said.tool.version
    low, high = verification.trust.tool.at_least, verification.trust.tool.at_most
    if low is None and high is None:
        return f"validate-model {printable(text, 40)}; the trust file names no version"
    found = version_of(text)
    # What is no version meets no condition.
    least = low is None or (found is not None and found >= (version_of(low) or ()))
    most = high is None or (found is not None and found <= (version_of(high) or ()))
    if not (least and most):
        wanted = " and ".join(
            f"{words} {bound}" for words, bound in (("at least", low), ("at most", high)) if bound
        )
        raise AttestationError(
            verification.where,
            RefusalCode.TOOL_VERSION,
            f"it was judged by validate-model {printable(text, 40)}, and {wanted} is asked",
            "judge the saved evidence with such a version, and attest that",
        )
    return f"validate-model {printable(text, 40)}, as the trust file allows"
