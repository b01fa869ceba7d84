"""The words that all renderings share, so that one decision reads alike in every format."""

import math
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from gate.report.messages import digits, requirement
from gate.report.model import (
    ArtefactPart,
    BaselinePart,
    ReadingPart,
    Report,
    ResultPart,
    WaiverPart,
)
from gate.wording import pluralize

Level = Literal["error", "warning", "waived", "passed", "not-applicable"]

VERDICTS = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE",
    "error": "ERROR",
}
SENTENCES = {
    "pass": "Every blocking rule of the policy passed",
    "fail": "A blocking rule of the policy failed: this checkpoint must not ship",
    "inconclusive": "There is not enough evidence to decide a blocking rule",
    "error": "What the policy asks for could not be measured",
}
OUTCOMES = {
    "failed": "FAIL",
    "error": "ERROR",
    "inconclusive": "INCONCLUSIVE",
    "waived": "WAIVED",
    "passed": "PASS",
    "not-applicable": "NOT APPLICABLE",
}


def epochs_in_words(epochs: Sequence[float]) -> str:
    """Return how many epochs a history has, and its rows where several were logged in an epoch.

    >>> [epochs_in_words(each) for each in ([0.0, 1.0, 2.0], [0.5, 1.0, 1.5], [1.0])]
    ['3 epochs', '2 epochs in 3 rows', '1 epoch']
    """
    if all(epoch.is_integer() for epoch in epochs):
        count, rows = len(epochs), ""
    else:  # an epoch that is logged at 0.5 and 1.0 ends at 1
        count = len({max(1, math.ceil(epoch - 1e-6)) for epoch in epochs})
        rows = f" in {len(epochs):,} rows"
    return f"{pluralize(count, 'epoch')}{rows}"


def word(result: ResultPart) -> str:
    """Return FAIL, ERROR, INCONCLUSIVE, WARN, WAIVED, PASS or NOT APPLICABLE."""
    return "WARN" if level(result) == "warning" else OUTCOMES[result.outcome]


def level(result: ResultPart) -> Level:
    """Return how much a result weighs: only an error keeps a run from passing."""
    match result.outcome:
        case "passed" | "waived" | "not-applicable":
            return result.outcome
        case "failed" | "error" | "inconclusive":
            return "error" if result.severity == "block" else "warning"


def headline(report: Report) -> str:
    """Return the verdict, and whether it binds."""
    audit = "" if report.decision.enforced else " (audit mode: not enforced)"
    return f"{VERDICTS[report.verdict]}{audit}"


def outcomes_counted(report: Report) -> str:
    """Return the number of rules and of results by outcome, in words.

    What only warns is no failure here: "1 failed" above PASS would read as a contradiction.
    """
    warnings = Counter(each.outcome for each in report.results if level(each) == "warning")
    counts = Counter(report.decision.counts.model_dump(by_alias=True))
    counts.subtract(warnings)
    outcomes = [
        f"{count} {outcome.replace('-', ' ')}" for outcome, count in counts.items() if count
    ]
    if warned := warnings.total():
        outcomes.append(pluralize(warned, "warning"))
    rules, results = report.decision.rules_evaluated, len(report.results)
    return (
        f"{pluralize(rules, 'rule')}, {pluralize(results, 'result')}: "
        f"{', '.join(outcomes) or 'none'}"
    )


def deciding(report: Report, most: int = 3) -> list[ResultPart]:
    """Return the results that decided the verdict, the worst first; none where it passed."""
    by_key = {result.key: result for result in report.results}
    return [by_key[key] for key in report.decision.reasons if key in by_key][:most]


def artefact_line(artefact: ArtefactPart) -> str:
    """Return what is known of an artefact, and whether the verdict is on it."""
    covered = "" if artefact.covered else "not "
    return (
        f"{artefact.name}, sha256 {artefact.sha256[:12]} ({artefact.format}, "
        f"{artefact.precision}): {covered}covered by the verdict"
    )


_WITHOUT_FACTORY = {"onnx": "its own graph", "huggingface": "Hugging Face folder"}  # by format


def subject_name(report: Report) -> str:
    """Return what was judged, in a few words from outside: not escaped yet."""
    if report.subject.sha256 is not None:
        built = built_by(report)
        return f"{report.subject.file} ({built})" if report.subject.file else built
    return report.subject.factory or ("saved predictions" if report.data else "not reached")


def built_by(report: Report) -> str:
    """Return what builds the model of a checkpoint: not escaped yet."""
    own = _WITHOUT_FACTORY.get(report.subject.format or "", "no factory given")
    return report.subject.factory or own


def champion_of(baseline: BaselinePart) -> str:
    """Return which model was compared with, in a few words from outside: not escaped yet."""
    point = baseline.operating_point
    answers = "" if point is None else f", answers {point}"
    if baseline.sha256 is None:
        return f"{baseline.path}, of no known checkpoint{answers}"
    return f"{baseline.path}, checkpoint sha256 {baseline.sha256[:12]}{answers}"


def value_of(result: ResultPart | ReadingPart) -> str:
    """Return what was measured: 0.885, or a whole number where something was counted."""
    value, measured = result.measured.value, result.measured
    if value is None:
        return "undefined"
    if measured.interval is None and value.is_integer():
        return f"{int(value)}"
    return digits(value, result.required.value)


def reading_in_words(reading: ReadingPart) -> str:
    """Return what was found on one set of rows: value, counts, bounds, requirement, outcome."""
    measured, interval = reading.measured, reading.measured.interval
    said = value_of(reading)
    if measured.numerator is not None and measured.denominator is not None:
        said += f" ({measured.numerator} of {measured.denominator})"
    if interval is not None:
        ends = [end for end in (interval.low, interval.high) if end is not None]
        said += f", bounds {' to '.join(digits(end) for end in ends)}"
    return f"{said}, {required_of(reading)}: {OUTCOMES[reading.outcome]}"


def required_of(result: ResultPart | ReadingPart) -> str:
    """Return the condition for passing: >= 0.90."""
    return f"{result.required.operator} {requirement(result.required.value)}"


def waivers_of(report: Report) -> list[tuple[WaiverPart, str]]:
    """Return every waiver with what became of it: applied, expired, rejected or unused."""
    waivers = report.waivers
    return [
        *((waiver, "applied") for waiver in waivers.applied),
        *((waiver, "expired") for waiver in waivers.expired),
        *((waiver, "rejected") for waiver in waivers.rejected),
        *((waiver, "unused") for waiver in waivers.unused),
    ]


def policy_argument(report: Report) -> str:
    """Return what --policy takes for the policy of a report: not escaped yet."""
    path = report.policy.sources[0].path if report.policy.sources else report.policy.name
    return report.policy.name if path.startswith("gate/policies/") else path


def attest_command(folder: str) -> str:
    """Return how the verdict of a run is signed; ``folder`` is what the run left, escaped."""
    return f"validate-model attest {folder} --checkpoint FILE --key KEY -o OUT"


def door_command(report: Report) -> str | None:
    """Return how a verdict is checked where the file is deployed, once it is signed with attest.

    None where it would be refused there. Not escaped yet.
    """
    if report.verdict != "pass" or not report.decision.enforced or report.subject.sha256 is None:
        return None
    return (
        "validate-model verify FILE --attestation A.intoto.jsonl "
        f"--policy {shlex.quote(policy_argument(report))} --trust trust.yaml"
    )
