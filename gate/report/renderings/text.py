"""The verdict for people: worst first, the verdict last, at 80 columns and without colour."""

import textwrap

from gate.report.model import ErrorPart, Report, ResultPart

_WORDS = {
    "failed": "FAIL",
    "error": "ERROR",
    "inconclusive": "OPEN",
    "waived": "waived",
    "passed": "pass",
}
_VERDICTS = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE: there is not enough evidence to decide",
    "error": "NOT EVALUATED",
}
_COLUMN = 8  # where sentences begin
_MOST_PASSES = 30  # of a policy with 1,000 classes nobody reads the rest


def text(report: Report, *, width: int = 80) -> str:
    """Return the report as lines of at most ``width`` columns where words allow it."""
    parts = [
        _head(report, width),
        *(_error(error, width) for error in report.errors if error.kind != "rule-crashed"),
        _results(report, width),
        _assumptions(report, width),
        _verdict(report, width),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report, width: int) -> str:
    subject = report.subject
    without = "saved predictions" if report.data else "not reached"
    lines = [
        f"model   {subject.factory or without}"
        + (
            f", checkpoint sha256 {subject.sha256[:12]} ({subject.format})"
            if subject.sha256
            else ""
        ),
        f"policy  {report.policy.name} {report.policy.version}",
    ]
    for name, split in report.data.items():
        label = "data" if name == next(iter(report.data)) else ""
        lines.append(
            f"{label:8}{name}: {split.images:,} images of {len(split.per_class)} classes, "
            f"{split.path}"
        )
    lines += [f"{'':8}{_overlap_in_words(report, other)}" for other in report.leakage.compared]
    return "\n".join(_wrapped(line, width) for line in lines)


def _overlap_in_words(report: Report, splits: list[str]) -> str:
    counted = {kind: count for kind, count in report.leakage.counts.items() if count}
    found = ", ".join(f"{count} {kind}" for kind, count in counted.items()) or "none"
    return f"{splits[0]} and {splits[1]} compared by {', '.join(report.leakage.counts)}: {found}"


def _error(error: ErrorPart, width: int) -> str:
    lines = [_sentence("ERROR", f"{error.where}: {error.message}", width)]
    if error.remedy:
        lines.append(_sentence("", f"to fix: {error.remedy}", width))
    return "\n".join(lines)


def _results(report: Report, width: int) -> str:
    lines: list[str] = []
    passes = 0
    for result in report.results:
        passes += result.outcome == "passed"
        if result.outcome == "passed" and passes > _MOST_PASSES:
            continue
        lines.append(_result(result, width))
    if passes > _MOST_PASSES:
        lines.append(_sentence("pass", f"and {passes - _MOST_PASSES} more, in the report", width))
    return "\n".join(lines)


def _result(result: ResultPart, width: int) -> str:
    word = _WORDS[result.outcome]
    if result.severity == "warn" and result.outcome not in ("passed", "waived"):
        word = "warn"
    lines = [_sentence(word, f"{result.key}: {result.message}", width)]
    if result.remedy and result.outcome in ("failed", "error") and result.severity == "block":
        lines.append(_sentence("", f"to fix: {result.remedy}", width))
    return "\n".join(lines)


def _assumptions(report: Report, width: int) -> str:
    assumed = report.environment.get("assumed", [])
    return _sentence("note", f"assumed: {'; '.join(assumed)}", width) if assumed else ""


def _verdict(report: Report, width: int) -> str:
    counts = report.decision.counts.model_dump()
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    rules = report.decision.rules_evaluated
    unproven = sum(
        result.outcome == "passed" and not result.proven and result.measured.interval is not None
        for result in report.results
    )
    lines = [f"{rules} rules, {len(report.results)} results: {counted or 'none'}"]
    if unproven:
        lines.append(f"{unproven} passed on the estimate alone, not proven")
    verdict = _VERDICTS[report.verdict]
    if not report.decision.enforced:
        verdict += " (audit mode: not enforced)"
    lines.append(f"{verdict} (exit status {report.decision.exit_status})")
    return "\n".join(_wrapped(line, width) for line in lines)


def _sentence(word: str, sentence: str, width: int) -> str:
    return textwrap.fill(
        _plain(sentence),
        width,
        initial_indent=f"{word:<{_COLUMN}}",
        subsequent_indent=" " * _COLUMN,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(
        _plain(line, keep_spaces=True),
        width,
        subsequent_indent=" " * _COLUMN,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _plain(line: str, *, keep_spaces: bool = False) -> str:
    """Return a line in which nothing from outside can move the cursor or reorder the text."""
    shown = "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in line
    )
    return shown if keep_spaces else " ".join(shown.split())
