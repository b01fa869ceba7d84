"""A model card: the front matter that the Hugging Face hub reads, and a few words for people.

YAML is written here and not by a library: a JSON string of printable characters is a YAML string,
and the few keys are fixed.
"""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from gate.report.messages import bound_digits, digits
from gate.report.model import MetricPart, Report
from gate.report.renderings import Mark, Rendering
from gate.report.renderings.leaks import excluded_images
from gate.report.renderings.markdown import changes_table, escape
from gate.report.renderings.thresholds import describe_price, describe_thresholds
from gate.report.renderings.words import SENTENCES, headline, subject_name
from gate.wording import printable

_HUB_NAMES = {"macro-f1": "f1", "balanced-accuracy": "balanced_accuracy"}
_JUDGED = ("validation", "test")  # what a model shows of its training data is no result


def model_card(report: Report) -> str:
    """Return a README.md with ``model-index`` metadata on the validation and test splits."""
    return "\n".join([*_front_matter(report), *_body(report)]) + "\n"


def _front_matter(report: Report) -> Iterator[str]:
    yield "---"
    yield "pipeline_tag: image-classification"
    yield "tags:"
    yield "- validate-model"
    yield "model-index:"
    yield f"- name: {_scalar(subject_name(report))}"
    splits = [name for name in _JUDGED if any(_headline_metrics(report, name))]
    if not splits:
        yield "  results: []"
    else:
        yield "  results:"
    for name in splits:
        yield from _entry(report, name)
    yield "---"


def _entry(report: Report, split: str) -> Iterator[str]:
    data = next(part for name, part in report.data.items() if name == split)
    path = PurePosixPath(data.path)
    yield "  - task:"
    yield "      type: image-classification"
    yield "      name: Image Classification"
    yield "    dataset:"
    yield f"      name: {_scalar(path.name or data.path)}"
    yield f"      type: {_scalar(data.format)}"
    yield f"      split: {split}"
    yield f"      revision: {_scalar(data.manifest_sha256)}"
    yield "    metrics:"
    for metric in _headline_metrics(report, split):
        yield f"    - type: {_scalar(_HUB_NAMES.get(metric.name, metric.name))}"
        yield f"      name: {_scalar(metric.name)}"
        yield f"      value: {_number(metric.value)}"
        yield "      verified: false"


def _headline_metrics(report: Report, split: str) -> list[MetricPart]:
    """Return the metrics of the whole split that have a value."""
    return [
        metric
        for metric in report.metrics
        if metric.split == split
        and metric.class_ is None
        and metric.slice is None
        and metric.value is not None
    ]


_LOWER_IS_BETTER = ("log-loss", "brier", "calibration-error")


def _body(report: Report) -> Iterator[str]:
    policy = report.policy
    yield ""
    yield f"# {escape(subject_name(report), 200)}"
    yield ""
    yield (
        f"**{headline(report)}** under the policy {escape(policy.name, 100)} "
        f"{escape(policy.version, 40)}. {SENTENCES[report.verdict]}."
    )
    yield ""
    if report.subject.sha256:
        yield f"- checkpoint sha256 {escape(report.subject.sha256, 80)}"
    yield f"- policy sha256 {escape(policy.resolved_sha256, 80)}"
    for name, split in report.data.items():
        yield f"- {name}: {split.images:,} images, sha256 {escape(split.manifest_sha256, 80)}"
    if report.operating_point is not None:
        yield f"- answers: {escape(describe_thresholds(report, exact=True), 2000)}"
        for split_name in _JUDGED:
            if price := describe_price(report, split_name):
                yield f"- {split_name} by the highest score: {escape(price, 500)}"
    for out in excluded_images(report):
        yield (
            f"- {out.split}: {out.images:,} of the images also occur in an earlier split or repeat "
            "another; the metrics are without them"
        )
    for split_name in _JUDGED:
        for metric in _headline_metrics(report, split_name):
            assert metric.value is not None
            said = f"{escape(metric.name, 100)} on {split_name}"
            yield f"- {said}: {digits(metric.value)}{_bound(metric)}"
    yield ""
    if report.baseline is not None and report.baseline.changes:
        yield from changes_table(report.baseline)
    yield f"Measured by validate-model {escape(report.tool.version, 40)}."


def _bound(metric: MetricPart) -> str:
    """Return the bound on the bad side: below a score, above a loss."""
    interval = metric.interval
    lower = metric.name not in _LOWER_IS_BETTER
    bound = None if interval is None else (interval.low if lower else interval.high)
    if interval is None or bound is None:
        return ""
    words = "at least" if lower else "at most"
    shown = bound_digits(bound, down=lower)
    return f" ({words} {shown} at {100 * interval.one_sided_confidence:g} %)"


def _scalar(text: str) -> str:
    return json.dumps(printable(text, 200), ensure_ascii=False)


def _number(value: float | None) -> str:
    """Return a number that YAML 1.1 reads as one: with a point, without an exponent."""
    assert value is not None
    return f"{value:.6f}"


RENDERING = Rendering(
    name="model-card",
    about="a README with the metadata of the Hugging Face hub",
    render=lambda report, _: model_card(report),
    mark=Mark(r"---\npipeline_tag: ", r"\nMeasured by validate-model [^\n]*\n\Z"),
)
