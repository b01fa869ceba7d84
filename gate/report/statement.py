"""The statement about a report: an in-toto Statement v1 with a test result, unsigned.

The shapes are those of https://github.com/in-toto/attestation: Statement v1, the predicate
test-result v0.1, and one extension field of ours. There are no floats: every number that was
measured is a decimal string, so that two tools cannot read two numbers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from gate.errors import EvidenceError
from gate.report.canonical import canonical, decimal
from gate.report.model import Report, ResultPart, WaiverPart

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
EXTENSION = "urn:validate-model:verdict:v1"

Result = Literal["PASSED", "WARNED", "FAILED"]

DOES_NOT_SAY = (
    "that the images and labels are true, or like those that the model will meet in use",
    "that the data lies unchanged where it was read; only its manifest is bound, by digest",
    "that the model's code, its preprocessing or the machine that runs it are safe or unchanged",
    "that other files beside the checkpoint were looked at",
    "that a rule which is not in the policy holds",
)


def statement(
    report: Report, subjects: Mapping[str, str], *, report_sha256: str | None = None
) -> dict[str, Any]:
    """Return the statement on a report; ``subjects`` are the checkpoint's files, name -> sha256.

    ``report_sha256`` is of the report's file; by default of what ``run`` writes. Raises
    EvidenceError where the report does not say when it was made.
    """
    passed, warned, failed = _sorted_by_weight(report)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_descriptor(name, digest) for name, digest in sorted(subjects.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result_of(report.verdict, enforced=report.decision.enforced, warned=warned)
            if not failed
            else "FAILED",
            "configuration": _configuration(report, report_sha256 or digest_of(report)),
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": failed,
            EXTENSION: _extension(report, warned),
        },
    }


def result_of(verdict: str, *, enforced: bool, warned: list[str]) -> Result:
    """Return the result of a run in which nothing that blocks failed; audit mode is a failure."""
    if verdict != "pass" or not enforced:
        return "FAILED"
    return "WARNED" if warned else "PASSED"


def digest_of(report: Report) -> str:
    """Return the SHA-256 of the report as ``run`` writes it."""
    return sha256(report.to_json().encode()).hexdigest()


def _sorted_by_weight(report: Report) -> tuple[list[str], list[str], list[str]]:
    """Return the keys of results that passed, that warn, and that failed."""
    waived = _waivers_in_force(report)
    lists: tuple[list[str], list[str], list[str]] = ([], [], [])
    for result in report.results:
        lists[_weight(result, waived)].append(result.key)
    return lists


def _weight(result: ResultPart, waived: Mapping[str, WaiverPart]) -> Literal[0, 1, 2]:
    match result.outcome:
        case "passed":
            return 0
        case "not-applicable":
            return 1
        case "waived":  # without the waiver nobody can tell whether it still holds
            return 1 if result.key in waived else 2
        case "failed" | "error" | "inconclusive":
            return 2 if result.severity == "block" else 1


def _waivers_in_force(report: Report) -> dict[str, WaiverPart]:
    waived = {result.key for result in report.results if result.outcome == "waived"}
    return {each.result: each for each in report.waivers.applied if each.result in waived}


def _configuration(report: Report, report_sha256: str) -> list[dict[str, Any]]:
    """Return what the verdict rests on, each by its digest and under a name of its own."""
    policy = report.policy
    named = {"name": policy.name, "version": policy.version}
    return [
        {**_descriptor("policy", policy.resolved_sha256), "annotations": named},
        *(
            {**_descriptor(f"policy-file:{index}", each.sha256), "annotations": {"path": each.path}}
            for index, each in enumerate(policy.sources)
        ),
        *(_descriptor(f"plugin:{each.package}", each.sha256) for each in policy.plugins),
        *(
            _descriptor(f"data:{split}", part.manifest_sha256)
            for split, part in report.data.items()
        ),
        *(
            _descriptor(f"configuration:{name}", digest)
            for name, digest in report.configuration.digests.items()
        ),
        *(
            _descriptor(f"waiver:{key}", sha256(_waiver_bytes(waiver)).hexdigest())
            for key, waiver in _waivers_in_force(report).items()
        ),
        _descriptor("report", report_sha256),
    ]


def _waiver_bytes(waiver: WaiverPart) -> bytes:
    """Return what was accepted as canonical JSON, without where it stood and what came of it."""
    return canonical(waiver.model_dump(exclude={"location", "why"}))


def _descriptor(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}


def _extension(report: Report, warned: list[str]) -> dict[str, Any]:
    waivers = _waivers_in_force(report)
    return {
        "verdict": report.verdict,
        "mode": "enforce" if report.decision.enforced else "audit",
        "checkpoint": report.subject.sha256,
        "judgedAt": _in_utc(judged_at(report)),
        "measuredAt": _measured_at(report),
        "classes": report.configuration.classes,
        "critical": report.configuration.critical,
        "operatingPoint": report.configuration.operating_point,
        "champion": _champion(report),
        "tool": {"name": report.tool.name, "version": report.tool.version},
        "plugins": {
            "checks": {each.package: each.version for each in report.policy.plugins},
            "evidence": report.configuration.plugins,
            "engines": dict(report.run.get("engines", {})),
        },
        "numbers": {result.key: _numbers(result) for result in report.results},
        "waivers": [_waiver(waivers[key]) for key in warned if key in waivers],
        "doesNotSay": list(DOES_NOT_SAY),
    }


def _champion(report: Report) -> dict[str, str | None] | None:
    """Return the champion that was compared with, None without one."""
    champion, baseline = report.configuration.champion, report.baseline
    if champion is None:
        return None
    return {
        "checkpoint": champion.checkpoint,
        "evidence": champion.evidence,
        "evidenceFile": None if baseline is None else baseline.evidence_sha256,
    }


def judged_at(report: Report) -> datetime:
    """Return when a report was made, in UTC; raises EvidenceError where it does not say so."""
    made = _time(report.run.get("started"))
    if made is None:
        raise EvidenceError(
            "run.started",
            "the report does not say when it was made",
            "make it again with `validate-model judge`",
        )
    return made


def _measured_at(report: Report) -> str | None:
    """Return when the oldest part of the evidence was measured, None where that is not known."""
    measured = _time(report.run.get("measured_at"))
    return None if measured is None else _in_utc(measured)


def _time(said: object) -> datetime | None:
    """Return a time in UTC, None for what is no time with its zone."""
    try:
        time = datetime.fromisoformat(str(said))
        return None if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _in_utc(time: datetime) -> str:
    """Return a time as 2026-07-01T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _numbers(result: ResultPart) -> dict[str, str]:
    """Return what was measured and required, as far as there is a number."""
    measured, interval = result.measured, result.measured.interval
    numbers: dict[str, float | None] = {
        "value": measured.value,
        "numerator": measured.numerator,
        "denominator": measured.denominator,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "oneSidedConfidence": interval.one_sided_confidence if interval else None,
        "required": result.required.value,
    }
    known = {name: decimal(value) for name, value in numbers.items() if value is not None}
    return {"outcome": result.outcome, **known, "operator": result.required.operator}


def _waiver(waiver: WaiverPart) -> dict[str, str]:
    return {
        "result": waiver.result,
        "ticket": waiver.ticket,
        "floor": decimal(waiver.floor),
        "requestedBy": waiver.requested_by,
        "approvedBy": waiver.approved_by,
        "approvedOn": waiver.approved_on,
        "expires": waiver.expires,
    }
