"""A subject becomes evidence: its data are opened while its engine starts, then it is measured."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext

from gate.errors import CheckpointError, Identity, SubjectError
from gate.evidence.records import Evidence
from gate.evidence.times import now
from gate.measure.engines import open_engine
from gate.measure.evidence_builder import failure
from gate.measure.inference.identity import subject_of
from gate.measure.measurement import measure
from gate.measure.progress import Progress
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need
from gate.policy.reading import PolicyDocument, check_classes
from gate.subject.absent import find_absent
from gate.subject.gatefile import GateFile
from gate.subject.splits import open_splits


def measure_subject(
    subject: GateFile,
    document: PolicyDocument,
    settings: MeasureSettings,
    progress: Progress,
    *,
    needs: Sequence[Need] = (),
    unread: SubjectError | None = None,
) -> Evidence:
    """Return the evidence; where the data cannot be opened, evidence of nothing but that.

    ``unread`` is why the artefact could not be read: then nothing is measured at all.

    Raises UsageError where policy or gate file do not fit the classes of the data, and where the
    engine is none.
    """
    absent = () if settings.shards else find_absent(subject)
    if unread is not None:
        others = [each.placed(subject) for each in absent if each.path[:1] != ("model",)]
        return _nothing_but((unread, *others), subject, document)
    if any(each.stops for each in absent):
        return _nothing_but([each.placed(subject) for each in absent], subject, document)
    runs_a_model = subject.model is not None and not settings.shards
    engine = open_engine(settings.engine, settings.workers) if runs_a_model else None
    with nullcontext() if engine is None else engine.start_ahead():
        if settings.engine == "isolated":  # while that process starts, this one has time
            threading.Thread(target=_import_judging).start()  # no import is cut off at the exit
        try:
            datasets, classes = open_splits(subject)
        except SubjectError as error:
            return _nothing_but([error], subject, document)
        check_classes(document, classes, subject.critical)
        subject.require_critical(classes)
        return measure(
            subject,
            datasets,
            classes,
            settings=settings,
            engine=engine,
            progress=progress,
            needs=needs,
            asked_first=document.policy.critical,
        )


def _nothing_but(
    errors: Sequence[SubjectError], subject: GateFile, document: PolicyDocument
) -> Evidence:
    if subject.classes:
        check_classes(document, subject.classes, subject.critical)
    of_checkpoint = (each.identity for each in errors if isinstance(each, CheckpointError))
    identity = next(of_checkpoint, Identity())
    return Evidence(
        classes=subject.classes,
        critical=subject.critical,
        parents=subject.parents,
        subject=subject_of(identity, None),
        failures=tuple(map(failure, errors)),
        measured_at=now(),
    )


def _import_judging() -> None:
    import scipy.special  # noqa: F401 -- the slowest: the first interval would wait for it

    import gate.evidence.store
    import gate.report.judgement
    import gate.report.renderings.text  # noqa: F401
