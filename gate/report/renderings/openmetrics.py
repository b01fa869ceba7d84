"""OpenMetrics: values, bounds and margins for a dashboard that follows a model over time."""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from gate.report.model import Outcome, Report, ResultPart, Verdict
from gate.report.renderings import Mark, Rendering
from gate.wording import printable

_LONGEST_LABEL = 200
Sample = tuple[str, Mapping[str, str], float | int]  # suffix of the name, labels, value


def openmetrics(report: Report) -> str:
    """Return the report in the OpenMetrics text format 1.0; what has no value has no sample."""
    results = [(result, _result_labels(result)) for result in report.results]
    families = [
        _family("verdict", "stateset", "The verdict of the run.", _verdict(report)),
        _family("run", "info", "What was judged, and by what.", [("_info", _info(report), 1)]),
        _family("exit_status", "gauge", "The exit status.", _one(report.decision.exit_status)),
        _family("results", "gauge", "Results by outcome.", _counts(report)),
        _family("result_outcome", "stateset", "The outcome of a result.", _outcomes(results)),
        _family(
            "result_value",
            "gauge",
            "What was measured.",
            _numbers((labels, result.measured.value) for result, labels in results),
        ),
        _family(
            "result_required",
            "gauge",
            "The value that the policy requires or allows.",
            _numbers((labels, result.required.value) for result, labels in results),
        ),
        _family(
            "result_margin",
            "gauge",
            "How much better than required; negative: worse.",
            _numbers((labels, result.margin) for result, labels in results),
        ),
        *_bounds("result", [(labels, result.measured.interval) for result, labels in results]),
        *_metrics(report),
    ]
    return "".join(families) + "# EOF\n"


def _family(name: str, kind: str, help_: str, samples: Iterable[Sample]) -> str:
    full = f"gate_{name}"
    lines = [f"# TYPE {full} {kind}\n", f"# HELP {full} {help_}\n"]
    for suffix, labels, value in samples:
        shown = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
        lines.append(f"{full}{suffix}{{{shown}}} {value!r}\n" if shown else f"{full} {value!r}\n")
    return "".join(lines)


def _verdict(report: Report) -> Iterator[Sample]:
    for verdict in get_args(Verdict):
        yield "", {"gate_verdict": verdict}, int(verdict == report.verdict)


def _info(report: Report) -> dict[str, str]:
    return {
        "version": report.tool.version,
        "checkpoint_sha256": report.subject.sha256 or "",
        "factory": report.subject.factory or "",
        "policy": report.policy.name,
        "policy_version": report.policy.version,
        "policy_sha256": report.policy.resolved_sha256,
        "enforced": str(report.decision.enforced).lower(),
    }


def _one(value: int) -> Iterator[Sample]:
    yield "", {}, value


def _counts(report: Report) -> Iterator[Sample]:
    for outcome, count in report.decision.counts.model_dump(by_alias=True).items():
        yield "", {"outcome": outcome}, count


def _outcomes(results: Iterable[tuple[ResultPart, dict[str, str]]]) -> Iterator[Sample]:
    for result, labels in results:
        for outcome in get_args(Outcome):
            yield "", {**labels, "gate_result_outcome": outcome}, int(outcome == result.outcome)


def _numbers(values: Iterable[tuple[Mapping[str, str], float | None]]) -> Iterator[Sample]:
    for labels, value in values:
        if value is not None:
            yield "", labels, value


def _bounds(name: str, intervals: Iterable[tuple[dict[str, str], object]]) -> Iterator[str]:
    listed = list(intervals)
    for side in ("low", "high"):
        yield _family(
            f"{name}_{side}",
            "gauge",
            f"The one-sided {'lower' if side == 'low' else 'upper'} confidence bound.",
            _numbers((labels, getattr(interval, side, None)) for labels, interval in listed),
        )


def _metrics(report: Report) -> Iterator[str]:
    listed = [
        (
            {
                "name": metric.name,
                "split": metric.split,
                "class": metric.class_ or "",
                "slice": metric.slice or "",
            },
            metric,
        )
        for metric in report.metrics
    ]
    yield _family(
        "metric_value",
        "gauge",
        "A metric without leaked and repeated images, gated or not.",
        _numbers((labels, metric.value) for labels, metric in listed),
    )
    yield from _bounds("metric", [(labels, metric.interval) for labels, metric in listed])


def _result_labels(result: ResultPart) -> dict[str, str]:
    scope = result.scope
    return {
        "key": result.key,
        "rule": result.rule,
        "check": result.check,
        "severity": result.severity,
        "split": scope.split or "",
        "class": scope.class_ or "",
        "slice": scope.slice or "",
        "part": scope.part or "",
    }


def _label(text: str) -> str:
    shown = printable(text, _LONGEST_LABEL)
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


RENDERING = Rendering(
    name="openmetrics",
    about="numbers for a dashboard, such as Prometheus",
    render=lambda report, _: openmetrics(report),
    mark=Mark(r"# TYPE gate_verdict stateset\n", r"\n# EOF\n\Z"),
)
