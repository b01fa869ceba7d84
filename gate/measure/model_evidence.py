"""A model is measured on its data: units of work join to splits, and splits are compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gate.errors import CheckpointError
from gate.evidence.records import Split, SplitEvidence
from gate.measure.cache_location import usable
from gate.measure.evidence_builder import EvidenceBuilder
from gate.measure.inference.identity import subject_of
from gate.measure.parallel.cpu_budget import trim_heap
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.plan import Plan
from gate.measure.planning import measure_units, plan_measurement
from gate.measure.progress import Advance, Progress
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import GateFile
from gate.wording import pluralize

# Machines, threads and batches change a probability by some 1e-7: further apart nothing turns over.
NEAR_TIE = 1e-5


def measure_model(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    settings: MeasureSettings,
    progress: Progress,
    found: EvidenceBuilder,
    needs: Sequence[Need] = (),
) -> None:
    """Fill in what the model shows on its data, as far as it goes, and what the policy needs.

    Raises SubjectError where the checkpoint, the model or the data does not let it go on.
    """
    from gate.measure.assemble import Assembler

    settings = replace(settings, cache=usable(settings.cache, progress.warn))
    try:
        plan, job = plan_measurement(gatefile, datasets, classes, settings, needs)
    except CheckpointError as error:
        found.subject = subject_of(error.identity, _factory(gatefile))
        raise
    found.subject = subject_of(job.checkpoint, _factory(gatefile))
    assembler = Assembler()
    try:
        with progress.stage("images", plan.images) as advance:
            parts = _parts(plan, job, datasets, settings, progress, advance)
            assembler.consume(plan.units, parts, datasets, job.measurements)
    finally:
        found.splits, found.probe = assembler.splits, assembler.probe
        found.measured_at = min([found.measured_at, *assembler.measured_at])
        found.answers_from_cache = assembler.answers_from_cache
        if assembler.facts is not None:
            found.subject, found.code = assembler.facts.subject, assembler.facts.code
            found.environment |= {
                "device": assembler.facts.device,
                "backend": assembler.facts.backend,
            }
            found.assumed += assembler.facts.assumed
        found.assumed += [*assembler.assumed, *near_ties(found.splits)]
    _compare(gatefile, datasets, classes, settings, progress, found)


def near_ties(splits: Mapping[Split, SplitEvidence]) -> Iterator[str]:
    """Yield how many answers of each split hang on rounding, where there are any."""
    for split, each in splits.items():
        if count := int((each.rows.margin < NEAR_TIE).sum()):
            yield (
                f"{pluralize(count, 'image')} of {split} {'has' if count == 1 else 'have'} two best "
                f"classes within {NEAR_TIE}: another machine may answer with the other one"
            )


def _parts(
    plan: Plan,
    job: Job,
    datasets: Mapping[Split, Dataset],
    settings: MeasureSettings,
    progress: Progress,
    advance: Advance,
) -> ResultStream:
    if settings.shards:
        from gate.measure.partials.shard_files import merged

        return merged(plan, settings.shards, datasets)
    return measure_units(plan, job, plan.units, datasets, settings, progress, advance)


def _compare(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    settings: MeasureSettings,
    progress: Progress,
    found: EvidenceBuilder,
) -> None:
    """Find what the splits share, by their fingerprints and by the user's descriptor."""
    from gate.measure.duplicates.across_splits import described_overlaps, overlaps_of, sides_of

    sides = sides_of(found.splits, classes)
    found.overlaps = tuple(overlaps_of(sides, settings.cache, progress))
    trim_heap()
    if gatefile.leakage is not None:
        with found.failing():  # what the hashes have found stands
            found.overlaps, note = described_overlaps(
                found.overlaps, gatefile.leakage, gatefile.base, sides, datasets, progress
            )
            found.assumed.append(note)


def _factory(gatefile: GateFile) -> str | None:
    return None if gatefile.model is None else gatefile.model.factory
