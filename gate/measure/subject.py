"""The whole measurement: checkpoint, splits, overlaps and history become evidence."""

import contextlib
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gate.errors import CheckpointError, GateError, SubjectError
from gate.evidence.records import (
    Baseline,
    Evidence,
    Failure,
    History,
    ModelProbe,
    Overlap,
    Picture,
    Split,
    SplitEvidence,
    Subject,
)
from gate.measure.champion import champion_of
from gate.measure.cores import give_back, usable_cores
from gate.measure.grid import Cell
from gate.measure.identity import identified, subject_of
from gate.measure.means import Means
from gate.measure.plan import Plan, plan_of
from gate.measure.progress import Advance, Progress
from gate.measure.worker import Found, Job
from gate.subject.datasets.records import Dataset, PredictionTable
from gate.subject.gatefile import GateFile, HistorySpec
from gate.subject.histories import read_history
from gate.subject.wording import counted

# Machines, threads and batches change a probability by some 1e-7: further apart nothing turns over.
NEAR_TIE = 1e-5


@dataclass(slots=True)
class Findings:
    """What has been measured so far; a failure ends a part and not the whole."""

    splits: dict[Split, SplitEvidence] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    subject: Subject | None = None
    probe: ModelProbe | None = None
    history: History | None = None
    baseline: Baseline | None = None
    failures: list[Failure] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Take down what could not be measured, and go on after the block."""
        try:
            yield
        except SubjectError as error:
            self.failures.append(failure(error))


def failure(error: GateError) -> Failure:
    """Return an error as the evidence keeps it."""
    return Failure(where=error.where, kind=error.kind, message=error.fact, remedy=error.remedy)


def measure(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset | PredictionTable],
    classes: tuple[str, ...],
    *,
    means: Means,
    progress: Progress,
) -> Evidence:
    """Return everything that the gate file's subject shows on its data.

    What cannot be measured is a failure in the evidence; the rest is measured all the same.
    """
    found = Findings(environment=_environment())
    tables = {split: each for split, each in datasets.items() if isinstance(each, PredictionTable)}
    pictures = {
        split: each for split, each in datasets.items() if not isinstance(each, PredictionTable)
    }
    for each in datasets.values():
        found.assumed += [note for note in each.assumed if note not in found.assumed]
    if not gatefile.classes:
        first = ", ".join(classes[:5]) + (" ..." if len(classes) > 5 else "")
        found.assumed.append(f"class order as the data gives it: {first}")
    with found.failing(), contextlib.redirect_stdout(sys.stderr):  # user code may print
        if tables:
            from gate.measure.tables import measure_table

            found.assumed.append("saved predictions were judged; no checkpoint was run")
            found.splits = {split: measure_table(split, each) for split, each in tables.items()}
        if pictures:
            _measure_model(gatefile, pictures, classes, means, progress, found)
            if means.images:
                from gate.measure.pictures import keep_pictures

                found.pictures = keep_pictures(pictures, found.splits, found.overlaps)
    with found.failing():
        found.history = _history(gatefile)
    with found.failing():
        found.baseline = champion_of(gatefile, classes, found.splits)
    return Evidence(
        classes=classes,
        critical=gatefile.critical,
        splits=found.splits,
        overlaps=found.overlaps,
        subject=found.subject,
        probe=found.probe,
        history=found.history,
        baseline=found.baseline,
        failures=tuple(found.failures),
        assumed=tuple(found.assumed),
        environment=found.environment,
        pictures=found.pictures,
    )


def _measure_model(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    means: Means,
    progress: Progress,
    found: Findings,
) -> None:
    from gate.measure.whole import Whole

    try:
        plan, job = planned(gatefile, datasets, classes, means)
    except CheckpointError as error:
        found.subject = subject_of(error.identity, _factory(gatefile))
        raise
    found.subject = subject_of(job.checkpoint, _factory(gatefile))
    whole = Whole()
    try:
        with progress.stage("images", plan.images) as advance:
            whole.fill(_parts(plan, job, datasets, means, progress, advance), datasets)
    finally:
        found.splits, found.probe = whole.splits, whole.probe
        if whole.head is not None:
            found.subject = whole.head.subject
            found.environment |= {"device": whole.head.device, "backend": whole.head.backend}
            found.assumed += whole.head.assumed
        found.assumed += [*whole.assumed, *near_ties(found.splits)]
    _compare(gatefile, datasets, classes, means, progress, found)


def near_ties(splits: Mapping[Split, SplitEvidence]) -> Iterator[str]:
    """Yield how many answers of each split hang on rounding, where there are any."""
    for split, each in splits.items():
        if count := int((each.rows.margin < NEAR_TIE).sum()):
            yield (
                f"{counted(count, 'image')} of {split} {'has' if count == 1 else 'have'} two best "
                f"classes within {NEAR_TIE}: another machine may answer with the other one"
            )


def planned(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    means: Means,
) -> tuple[Plan, Job]:
    """Return the plan to measure the model of a gate file, and the job that workers are given.

    Raises CheckpointError where the checkpoint is refused or cannot be read.
    """
    assert gatefile.model is not None, "a gate file without saved predictions names a model"
    checkpoint = identified(gatefile.model, base=gatefile.base)
    plan = plan_of(gatefile, datasets, classes, checkpoint, means.device, means.backend)
    job = Job(
        plan=plan.digest,
        gatefile=gatefile.rooted(),
        classes=classes,
        checkpoint=checkpoint,
        images={split: len(dataset.entries) for split, dataset in datasets.items()},
        device=means.device,
        backend=means.backend,
        threads=max(1, usable_cores() // means.workers),
        held=means.held,
        cache=None if means.cache is None else means.cache.absolute(),
    )
    return plan, job


def measured_cells(
    plan: Plan,
    job: Job,
    cells: Sequence[Cell],
    datasets: Mapping[Split, Dataset],
    means: Means,
    progress: Progress,
    advance: Advance,
) -> Found:
    """Yield a head and a part for each of the cells, from the cache or from whoever measures."""
    from gate.measure.cache import Cache
    from gate.measure.print_cache import KnownPrints
    from gate.measure.whole import all_parts

    kept = None
    if means.cache is not None:
        KnownPrints(means.cache).mend(progress.warn)
        kept = Cache(means.cache, progress.warn).kept(plan, datasets, job.gatefile.base)
    return all_parts(
        cells,
        job,
        datasets,
        kept=kept,
        means=means,
        advance=advance,
    )


def _parts(
    plan: Plan,
    job: Job,
    datasets: Mapping[Split, Dataset],
    means: Means,
    progress: Progress,
    advance: Advance,
) -> Found:
    if means.shards:
        from gate.measure.shards import merged

        return merged(plan, means.shards)
    return measured_cells(plan, job, plan.cells, datasets, means, progress, advance)


def _compare(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    means: Means,
    progress: Progress,
    found: Findings,
) -> None:
    """Find what the splits share, by their fingerprints and by the user's descriptor."""
    from gate.measure.sharing import described_overlaps, overlaps_of, sides_of

    sides = sides_of(found.splits, classes)
    found.overlaps = tuple(overlaps_of(sides, means.cache, progress))
    give_back()
    if gatefile.leakage is not None:
        with found.failing():  # what the hashes have found stands
            found.overlaps, note = described_overlaps(
                found.overlaps, gatefile.leakage, gatefile.base, sides, datasets, progress
            )
            found.assumed.append(note)


def _factory(gatefile: GateFile) -> str | None:
    return None if gatefile.model is None else gatefile.model.factory


def _history(gatefile: GateFile) -> History | None:
    """Return the history, under the path that the gate file gives it."""
    said = gatefile.history
    if said is None:
        return None
    spec = HistorySpec(path=said) if isinstance(said, str) else said
    history = read_history(
        gatefile.base / spec.path,
        format=spec.format,
        train_loss=spec.train_loss,
        validation_loss=spec.validation_loss,
    )
    epoch = history.checkpoint_epoch if spec.checkpoint_epoch is None else spec.checkpoint_epoch
    return replace(history, path=spec.path, checkpoint_epoch=epoch)


def _environment() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("torch", "numpy", "scipy", "scikit-learn", "pillow")
    return {
        "python": platform.python_version(),
        "platform": platform.system(),
        **{name: version(name) for name in packages},
        "seed": "0",
    }
