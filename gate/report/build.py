"""A report is built from a decision and its evidence, by copying."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from gate.checks.plugins import packages_of
from gate.decision import Decision
from gate.evidence.records import Evidence, Rows, Split, SplitEvidence
from gate.metrics.changes import champion_changes
from gate.metrics.row_sets import clean_rows
from gate.metrics.seen_slices import in_words
from gate.metrics.summary import slice_summary, summary
from gate.policy.operating_point import in_words as point_in_words
from gate.policy.waivers import Standing, as_record
from gate.report import model
from gate.report.artefacts import covered_artefacts
from gate.report.causes.listing import likely_causes, remedy_of
from gate.report.configuration import configuration_part
from gate.report.key_notes import key_notes
from gate.report.leakage import leakage_part
from gate.report.measurements import measurement_parts
from gate.report.messages import message, remedy
from gate.report.metrics import finite, metric_part, plain_interval
from gate.report.notebook import Report
from gate.report.operating_point import operating_point_part
from gate.report.results import ReadPolicy, result_part
from gate.version import __version__


def build(
    decision: Decision, evidence: Evidence, document: ReadPolicy, run: Mapping[str, Any]
) -> Report:
    """Return the report on ``decision``; ``run`` is its only volatile part."""
    causes = likely_causes(evidence, decision)
    return Report(
        schema_version=model.SCHEMA_VERSION,
        tool=model.Tool(version=__version__),
        verdict=decision.verdict.value,
        passed=decision.verdict == "pass",
        decision=model.DecisionPart(
            exit_status=decision.exit_status,
            retriable=decision.retriable,
            enforced=decision.enforced,
            reasons=list(decision.reasons),
            counts=model.Counts.model_validate(decision.counts),
            rules_evaluated=decision.rules_evaluated,
        ),
        subject=_subject(evidence, decision),
        baseline=_baseline(evidence),
        policy=_policy(document),
        configuration=configuration_part(evidence),
        operating_point=operating_point_part(evidence),
        contract=[model.DisagreementPart(**asdict(each)) for each in evidence.contract],
        data={split.value: _split(each, evidence) for split, each in evidence.splits.items()},
        measurements=measurement_parts(evidence),
        causes=[
            model.CausePart(
                kind=each.kind, message=each.finding.message, remedy=each.finding.remedy
            )
            for each in causes
        ],
        results=[result_part(each, document, remedy_of(each, causes)) for each in decision.results],
        searches=list(_searches(decision)),
        metrics=list(_metrics(evidence)),
        confusion={
            split.value: _confusion(each.rows, evidence.classes)
            for split, each in evidence.splits.items()
            if split.is_labelled
        },
        leakage=leakage_part(decision, evidence, document.policy.rules),
        history=_history(evidence),
        waivers=_waivers(decision),
        errors=list(_errors(decision)),
        environment={
            **evidence.environment,
            "assumed": [
                *evidence.assumed,
                *key_notes(evidence),
                *_class_mix(decision, evidence),
            ],
        },
        run=dict(run),
    )


def _errors(decision: Decision) -> Iterator[model.ErrorPart]:
    """Yield what could not be measured, and the rules that ended in an error."""
    for each in decision.failures:
        yield model.ErrorPart(
            where=each.where,
            kind=each.kind,
            message=each.message,
            remedy=each.remedy,
            retriable=each.retriable,
        )
    for result in decision.results:
        if result.crash:
            yield model.ErrorPart(
                where=result.key,
                kind="rule-crashed",
                message=message(result),
                remedy=remedy(result),
                retriable=False,
            )


def _confusion(rows: Rows, classes: Sequence[str]) -> model.ConfusionPart:
    counts = rows.confusion(len(classes))
    return model.ConfusionPart(
        classes=list(classes),
        counts=counts[: len(classes), : len(classes)].tolist(),
        abstained=counts[: len(classes), -1].tolist() if rows.abstains else None,
    )


def _waivers(decision: Decision) -> model.WaiversPart:
    by_standing: dict[str, list[model.WaiverPart]] = {standing.value: [] for standing in Standing}
    for ruling in decision.rulings:
        waiver = model.WaiverPart.model_validate(as_record(ruling))
        by_standing[ruling.standing.value].append(waiver)
    return model.WaiversPart(**by_standing)


def _subject(evidence: Evidence, decision: Decision) -> model.SubjectPart:
    subject = evidence.subject
    covered = covered_artefacts(decision.results)
    return model.SubjectPart(
        file=subject.file if subject else None,
        sha256=subject.sha256 if subject else None,
        size_bytes=subject.size_bytes if subject else None,
        format=subject.format if subject else None,
        factory=subject.factory if subject else None,
        parameters=subject.parameters if subject else None,
        classes=list(evidence.classes),
        artefacts=[
            model.ArtefactPart(**asdict(each), covered=each.name in covered)
            for each in evidence.artefacts
        ],
    )


def _baseline(evidence: Evidence) -> model.BaselinePart | None:
    champion = evidence.baseline
    if champion is None:
        return None
    return model.BaselinePart(
        path=champion.path,
        sha256=champion.sha256,
        evidence_sha256=champion.evidence_sha256,
        operating_point=None
        if champion.operating_point is None
        else point_in_words(champion.operating_point),
        changes=list(_changes(evidence)),
    )


def _changes(evidence: Evidence) -> Iterator[model.ChangePart]:
    for each in champion_changes(evidence):
        fields = {
            "name": each.name,
            "split": each.split.value,
            "class": each.class_name,
            "before": finite(each.before.value),
            "after": finite(each.after.value),
            "difference": finite(each.difference.value),
            "interval": plain_interval(each.difference),
            "reason": each.difference.reason or None,
        }
        yield model.ChangePart.model_validate(fields)


def _policy(document: ReadPolicy) -> model.PolicyPart:
    return model.PolicyPart(
        name=document.policy.metadata.name,
        version=document.policy.metadata.version,
        sha256=document.sha256,
        resolved_sha256=document.resolved_sha256,
        sources=[
            model.SourcePart(path=source.path, sha256=source.sha256) for source in document.sources
        ],
        plugins=[
            model.PluginPart(package=each.name, version=each.version, sha256=each.sha256)
            for each in packages_of(document.policy.plugins)
        ],
    )


def _split(split: SplitEvidence, evidence: Evidence) -> model.SplitPart:
    counted = Counter(split.rows.labels.tolist())
    groups = split.rows.groups
    return model.SplitPart(
        path=split.path,
        format=split.format,
        images=split.images,
        per_class={name: counted[label] for label, name in enumerate(evidence.classes)}
        if split.split.is_labelled
        else {},
        groups=None if groups is None else len(set(groups.tolist()) - {None}),
        manifest_sha256=split.manifest_sha256,
        unreadable=[
            model.UnreadablePart(id=image.id, reason=image.reason) for image in split.unreadable
        ],
    )


def _class_mix(decision: Decision, evidence: Evidence) -> Iterator[str]:
    """Yield what precision rests on, where a balanced test stands for a mix that nobody declared.

    Balanced: the largest class has less than one and a half times the images of the smallest.
    """
    rules = [result.rule for result in decision.results]
    asks = any(getattr(rule, "metric", rule.check) == "precision" for rule in rules)
    if not asks or any(rule.check == "deployment-precision" for rule in rules):
        return
    rows = clean_rows(evidence, Split.TEST)
    if rows is None or not len(rows):
        return
    counted = np.bincount(rows.labels, minlength=len(evidence.classes))
    if counted.max() < 1.5 * counted.min():
        yield (
            "precision assumes the class mix of the test set; if use differs, add "
            "deployment-precision"
        )


def _searches(decision: Decision) -> Iterator[model.SearchPart]:
    """Yield what each rule that searched could have seen, on the rows that decided."""
    told: set[str] = set()
    for result in decision.results:
        sight, rule = result.comparison.sight, result.rule.id
        if sight is None or rule in told:
            continue
        told.add(rule)
        yield model.SearchPart(
            rule=rule,
            split=sight.split,
            searched=sight.searched,
            required=sight.required,
            said=in_words(sight),
            by_size=[
                model.SeenPart(
                    images=each.images,
                    test_images=each.confirmed_on,
                    slices=each.slices,
                    found_below=each.found_below,
                )
                for each in sight.by_size
            ],
        )


def _metrics(evidence: Evidence) -> Iterator[model.MetricPart]:
    for split in (each for each in evidence.splits if each.is_labelled):
        rows = clean_rows(evidence, split)
        assert rows is not None
        for metric in (*summary(rows, evidence.classes), *slice_summary(rows)):
            yield metric_part(metric, split)


def _history(evidence: Evidence) -> model.HistoryPart | None:
    history = evidence.history
    if history is None:
        return None
    return model.HistoryPart(
        path=history.path,
        format=history.format,
        train_loss=history.train_loss,
        validation_losses=list(history.validation_losses),
        train_accuracy=history.train_accuracy,
        validation_accuracy=history.validation_accuracy,
        checkpoint_epoch=history.checkpoint_epoch,
        epochs=list(history.epochs),
        series={
            name: [_logged(value) for value in values] for name, values in history.series.items()
        },
        unread=list(history.unread),
        notes=list(history.notes),
    )


def _logged(value: float | None) -> float | str | None:
    """Return a logged value; JSON has no NaN and no infinity, so those are words."""
    return value if value is None or math.isfinite(value) else str(value)
