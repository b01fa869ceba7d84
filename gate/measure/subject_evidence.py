"""A subject becomes evidence: its data are opened while its engine starts, then it is measured."""

import threading
from contextlib import nullcontext

from gate.errors import SubjectError
from gate.evidence.records import Evidence
from gate.evidence.times import now
from gate.measure.engines import open_engine
from gate.measure.evidence_builder import failure
from gate.measure.measurement import measure
from gate.measure.progress import Progress
from gate.measure.settings import MeasureSettings
from gate.policy.reading import PolicyDocument, check_classes
from gate.subject.gatefile import GateFile
from gate.subject.splits import open_splits


def measure_subject(
    subject: GateFile, document: PolicyDocument, settings: MeasureSettings, progress: Progress
) -> Evidence:
    """Return the evidence; where the data cannot be opened, evidence of nothing but that.

    Raises UsageError where policy or gate file do not fit the classes of the data, and where the
    engine is none.
    """
    runs_a_model = subject.model is not None and not settings.shards
    engine = open_engine(settings.engine, settings.workers) if runs_a_model else None
    with nullcontext() if engine is None else engine.start_ahead():
        if settings.engine == "isolated":  # while that process starts, this one has time
            threading.Thread(target=_import_judging).start()  # no import is cut off at the exit
        try:
            datasets, classes = open_splits(subject)
        except SubjectError as error:
            if subject.classes:
                check_classes(document, subject.classes, subject.critical)
            return Evidence(
                classes=subject.classes,
                critical=subject.critical,
                failures=(failure(error),),
                measured_at=now(),
            )
        check_classes(document, classes, subject.critical)
        subject.require_critical(classes)
        return measure(
            subject, datasets, classes, settings=settings, engine=engine, progress=progress
        )


def _import_judging() -> None:
    import scipy.special  # noqa: F401 -- the slowest: the first interval would wait for it

    import gate.evidence.store
    import gate.report.judgement
    import gate.report.renderings  # noqa: F401
