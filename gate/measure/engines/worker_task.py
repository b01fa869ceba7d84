"""A worker in another process opens the model and the data once, and keeps them."""

import contextlib
import sys
import threading
from dataclasses import dataclass

from gate.errors import DataError, GateError
from gate.evidence.records import Split
from gate.measure.data_pass.session import Worker, open_worker
from gate.measure.engines.child_process import restore_import_path
from gate.measure.partials.job import Job, UnitOutcome
from gate.measure.partials.plan import entries_digest
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets.records import Dataset, PredictionTable
from gate.subject.splits import open_splits
from gate.wording import list_names

_SAME = "all workers must see the same data at the same path, and nothing may write to it"


@dataclass(slots=True)
class _Open:
    """What this process has open: one job at a time."""

    plan: str
    worker: Worker
    stack: contextlib.ExitStack


_open: _Open | None = None
_one_at_a_time = threading.Lock()  # the user's module need not bear two threads


def measure_unit(job: Job, unit: WorkUnit) -> UnitOutcome:
    """Return the result of one unit, or the error that ends it, raised in this process.

    May be called by any thread of any process that sees the data and the model.
    """
    try:
        with _one_at_a_time, contextlib.redirect_stdout(sys.stderr):  # user code may print
            worker = _open_worker(job)
            (part,) = worker.parts([unit], lambda count: None)  # noqa: ARG005 -- Advance
    except GateError as error:
        return error
    return worker.facts, part


def close() -> None:
    """Close the model and the data that this process has open, if it has."""
    with _one_at_a_time:
        _close()


def _close() -> None:
    global _open
    before, _open = _open, None
    if before is not None:
        before.stack.close()


def _open_worker(job: Job) -> Worker:
    global _open
    restore_import_path()
    if _open is None or _open.plan != job.plan:
        _close()
        with contextlib.ExitStack() as stack:
            worker = stack.enter_context(open_worker(job, datasets_of(job)))
            _open = _Open(job.plan, worker, stack.pop_all())
    return _open.worker


def datasets_of(job: Job) -> dict[Split, Dataset]:
    """Return the splits as this process finds them, which must be as the plan saw them.

    It lists them itself: what it reads may be another disk, or have changed since. To send what the
    parent has listed would be no faster either: 60,000 files take as long to pickle as to list, and
    are listed here while torch is imported. Raises DataError where they are others.
    """
    found, classes = open_splits(job.gatefile)
    if classes != job.classes:
        raise DataError(
            "classes",
            f"a worker finds {list_names(classes)} where {list_names(job.classes)} were planned",
            _SAME,
        )
    opened: dict[Split, Dataset] = {}
    for split, dataset in found.items():
        assert not isinstance(dataset, PredictionTable), "saved predictions are not measured"
        opened[split] = dataset
    datasets = job.data_of(opened)
    for split, each in datasets.items():
        _require_entries(each, job, split)
    return datasets


def _require_entries(dataset: Dataset, job: Job, split: Split) -> None:
    """Raise DataError where a split is not the one that the plan speaks of."""
    count = len(dataset.entries)
    if count != job.images[split]:
        fact = f"a worker finds {count:,} images where {job.images[split]:,} were listed"
        raise DataError(dataset.path, fact, _SAME)
    if entries_digest(dataset) != job.entries[split]:
        raise DataError(
            dataset.path,
            f"a worker finds other images of {split} than were listed, or others of their labels, "
            "groups or slices",
            _SAME,
        )
