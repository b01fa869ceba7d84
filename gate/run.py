"""The whole story on one screen: a policy is read, a model measured, every rule judged."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gate.measure.engines import packages_behind
from gate.measure.progress import Progress, Silent
from gate.measure.settings import MeasureSettings
from gate.output_folder import (
    copy_evidence,
    prepare,
    refuse_overwriting_baseline,
    save_evidence,
    save_verdict,
)
from gate.policy.needs import needs_of
from gate.policy.operating_point import OperatingPointSpec
from gate.policy.reading import PolicyDocument, check_classes, read_policy
from gate.policy.waivers import read_waivers
from gate.subject.absent import complaints_of
from gate.subject.folder import in_this_folder
from gate.subject.gatefile import GateFile, read_gatefile
from gate.subject.named_documents import documents_of
from gate.subject.plugins import code_of_plugins, measuring_plugins

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.report.model import Report

DEFAULT_OUT = Path("gate-out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run is made, none of which changes what is measured."""

    out: Path = DEFAULT_OUT
    enforced: bool = True
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    progress: Progress = field(default_factory=Silent)
    command: tuple[str, ...] = ()


def validate(
    gatefile: GateFile | str | Path = "gate.yaml", *, settings: Settings | None = None
) -> "Report":
    """Return the report on a gate file, and leave it with its evidence in the output folder.

    Raises UsageError where the gate file or the policy is wrong: then nothing was measured and
    nothing is written. Raises OutputError where the output folder cannot be written. What cannot be
    measured is an error in the report.
    """
    from gate.subject.sources.resolution import resolve

    settings = settings or Settings()
    started = datetime.now(UTC)
    subject = (
        gatefile
        if isinstance(gatefile, GateFile)
        else read_gatefile(Path(gatefile), also=complaints_of)
    )
    refuse_overwriting_baseline(subject, settings.out)
    resolution = resolve(subject)
    subject = resolution.gatefile
    document, waivers = documents_of(subject)
    needs = needs_of(document.policy.rules)
    subject = subject.bound_by(document)
    plugins, code = measuring_plugins(subject, needs), code_of_plugins(subject, needs)
    engine = packages_behind(settings.measure.engine)
    out = prepare(settings.out, keep=True)
    from gate.measure.subject_evidence import measure_subject

    with in_this_folder():
        evidence = measure_subject(
            subject,
            document,
            settings.measure,
            settings.progress,
            needs=needs,
            unread=resolution.failure,
        )
    evidence = with_operating_point(evidence, subject.operating_point)
    engines = {*evidence.engines, *engine.items()}  # one that gave nothing took part all the same
    rests_on = replace(evidence.configuration, code={**evidence.configuration.code, **code})
    evidence = replace(
        evidence,
        configuration=rests_on,
        plugins=plugins,
        engines=tuple(sorted(engines)),
        contract=resolution.contract,
    )
    from gate.policy.record import PolicyRecord
    from gate.report.judgement import Judgement
    from gate.report.run_facts import run_facts
    from gate.report.set_aside import drop_previous

    drop_previous(out)
    judgement = Judgement(PolicyRecord.of(document), waivers, settings.enforced)
    facts = partial(run_facts, evidence, started=started, command=settings.command)
    with save_evidence(evidence, out):
        report = judgement.report_on(evidence, at=started, run=facts)
    save_verdict(judgement, report, out)
    return report


def with_operating_point(evidence: "Evidence", stated: OperatingPointSpec | None) -> "Evidence":
    """Return the evidence with the operating point that is stated, its thresholds fitted.

    Those that are to be fitted are found on its validation rows.
    """
    if stated is None:
        return evidence
    from gate.metrics.fitting import fitted

    point = fitted(stated.declared(), evidence)
    rests_on = replace(evidence.configuration, operating_point=point)
    return replace(evidence, configuration=rests_on)


def judge(
    evidence: "Evidence | str | Path",
    policy: PolicyDocument | str,
    *,
    waivers: Sequence[str] = (),
    enforced: bool = True,
    out: Path | None = None,
    operating_point: GateFile | str | Path | None = None,
) -> "Report":
    """Return the report on evidence, or on the file or folder that holds it; no model, no data.

    ``waivers`` are paths of documents. With ``out``, a folder, the report is left there with the
    evidence and what it was judged by, for `attest`; without it nothing is. ``operating_point`` is
    a gate file whose operating point takes the place of the evidence's own.

    Raises UsageError where the policy, a waiver or the operating point is wrong, EvidenceError
    where the evidence cannot be read, OutputError where the folder cannot be written.
    """
    from gate.evidence.records import Evidence
    from gate.evidence.store import load
    from gate.policy.record import PolicyRecord
    from gate.report.judgement import Judgement
    from gate.report.run_facts import run_facts

    started = datetime.now(UTC)
    document = policy if isinstance(policy, PolicyDocument) else read_policy(policy)
    accepted = read_waivers(waivers)
    found = evidence if isinstance(evidence, Evidence) else load(Path(evidence))
    if found.classes:  # none are known where no data could be opened: the failures then decide
        check_classes(document, found.classes, found.critical)
    if operating_point is not None:
        found = _at(operating_point, found)
    judgement = Judgement(PolicyRecord.of(document), accepted, enforced)
    if out is not None:
        copy_evidence(found, evidence, out, restated=operating_point is not None)
    facts = partial(run_facts, found, started=started, command=())
    report = judgement.report_on(found, at=started, run=facts)
    if out is not None:
        save_verdict(judgement, report, out)
    return report


def _at(stated: GateFile | str | Path, evidence: "Evidence") -> "Evidence":
    """Return the evidence at the operating point of a gate file.

    Raises UsageError where the gate file states none, or one that the evidence cannot have.
    """
    from gate.evidence.records import Split

    gatefile = stated if isinstance(stated, GateFile) else read_gatefile(Path(stated))
    gatefile.require_operating_point(
        evidence.classes, has_validation=Split.VALIDATION in evidence.splits
    )
    return with_operating_point(evidence, gatefile.operating_point)
