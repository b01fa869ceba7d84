"""A model is measured on its data: units of work join to splits, and splits are compared."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gate.errors import CheckpointError
from gate.evidence.records import Split, SplitEvidence
from gate.measure.cache_location import usable
from gate.measure.engines.engine import Engine
from gate.measure.evidence_builder import EvidenceBuilder
from gate.measure.inference.identity import subject_of
from gate.measure.parallel.cpu_budget import trim_heap
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.model_facts import ModelFacts, require_same_model
from gate.measure.partials.plan import Plan
from gate.measure.partials.requests import requests_of
from gate.measure.partials.samples import KnownImages
from gate.measure.planning import plan_measurement
from gate.measure.progress import Advance, Progress
from gate.measure.second_pass import add_observations, plan_second_pass
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import GateFile
from gate.utf8 import as_utf8
from gate.wording import pluralize, say_duration

# Machines, threads and batches change a probability by some 1e-7: further apart nothing turns over.
NEAR_TIE = 1e-5
_LONG = 600  # seconds: a second pass that takes longer is told beforehand


def measure_model(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    settings: MeasureSettings,
    engine: Engine | None,
    progress: Progress,
    builder: EvidenceBuilder,
    needs: Sequence[Need] = (),
    asked_first: Sequence[str] = (),
) -> None:
    """Fill in what the model shows on its data, as far as it goes, and what the policy needs.

    ``engine`` is None where shards hold what was measured. ``asked_first`` are classes that come
    first in what is asked again.

    Raises SubjectError where the checkpoint, the model or the data does not let it go on.
    """
    from gate.measure.assemble import Assembler

    settings = replace(settings, cache=usable(settings.cache, progress.warn))
    once, again = by_pass(needs)
    try:
        plan, job = plan_measurement(gatefile, datasets, classes, settings, once, again)
    except CheckpointError as error:
        builder.subject = subject_of(error.identity, _factory(gatefile), _file(gatefile))
        raise
    builder.subject = subject_of(job.checkpoint, _factory(gatefile), _file(gatefile))
    assembler = Assembler()
    started = time.monotonic()
    try:
        with progress.stage("images", plan.images) as advance:
            results = _results(plan, job, datasets, settings, engine, progress, advance)
            assembler.consume(plan.units, results, datasets, job.measurements)
    finally:
        builder.splits, builder.probe = assembler.splits, assembler.probe
        builder.measured_at = min([builder.measured_at, *assembler.measured_at])
        builder.answers_from_cache = assembler.answers_from_cache
        builder.engines |= assembler.engines
        if assembler.facts is not None:
            builder.subject = replace(assembler.facts.subject, file=_file(gatefile))
            builder.code = assembler.facts.code
            builder.environment |= {
                "device": assembler.facts.device,
                "backend": assembler.facts.backend,
            }
            builder.assumed += assembler.facts.assumed
        builder.assumed += [*assembler.assumed, *near_ties(builder.splits)]
    builder.artefacts = tuple(each.facts for each in job.artefacts.values())
    if again and builder.splits.keys() == datasets.keys() and assembler.facts is not None:
        answered = plan.images - builder.answers_from_cache
        if engine is not None:
            seconds = time.monotonic() - started
            tell_if_long(again, builder.splits, answered / seconds if answered else 0.0, progress)
        _ask_again(
            plan, job, again, gatefile, datasets, settings, engine, progress, builder,
            assembler.facts, places_of(asked_first, classes),
        )  # fmt: skip
    _compare(gatefile, datasets, classes, settings, progress, builder)


def by_pass(needs: Sequence[Need]) -> tuple[list[Need], list[Need]]:
    """Return the needs that are observed on all images, and those that ask again about samples."""
    once = [each for each in needs if each.images is None]
    return once, [each for each in needs if each.images is not None]


def tell_if_long(
    needs: Sequence[Need],
    splits: Mapping[Split, SplitEvidence],
    rate: float,
    progress: Progress,
) -> None:
    """Say how long the second pass will take at ``rate`` images a second, where that is long.

    Nothing is said at a rate of 0: it is not known.
    """
    answers = sum(
        need.passes * min(need.images or 0, len(each.rows))
        for need in needs
        for split, each in splits.items()
        if split in need.splits
    )
    if rate and answers / rate > _LONG:
        passes = sum(need.passes for need in needs)
        progress.warn(
            f"the policy asks the model again, {passes:,} passes and {answers:,} answers: "
            f"{say_duration(answers / rate)} at {rate:,.0f} images a second"
        )


def _ask_again(
    plan: Plan,
    job: Job,
    needs: Sequence[Need],
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    settings: MeasureSettings,
    engine: Engine | None,
    progress: Progress,
    builder: EvidenceBuilder,
    facts: ModelFacts,
    asked_first: frozenset[int],
) -> None:
    """Ask the model, of which the first pass has told ``facts``, again in a second pass."""
    known = {split: KnownImages.of(each) for split, each in builder.splits.items()}
    second = plan_second_pass(
        plan, job, requests_of(needs), known, datasets, gatefile.input, asked_first
    )
    if second is None:
        return
    plan, job, sampled = second
    with progress.stage("views", plan.images) as advance:
        results = _results(plan, job, sampled, settings, engine, progress, advance)
        answered = _by_the_same(facts, results, builder)
        builder.splits = add_observations(builder.splits, job, plan.units, answered)


def _by_the_same(
    facts: ModelFacts, results: ResultStream, builder: EvidenceBuilder
) -> ResultStream:
    """Yield results as they are; how old they are, and by which engines, is noted.

    Raises EvidenceError for one of another model, code or device than the first pass had.
    """
    for seen, part in results:
        require_same_model(facts, seen)
        builder.measured_at = min(builder.measured_at, part.measured_at)
        builder.engines |= set(part.engines.items())
        yield seen, part


def places_of(names: Sequence[str], classes: tuple[str, ...]) -> frozenset[int]:
    """Return classes by their places; each is one of ``classes``."""
    return frozenset(map(classes.index, names))


def near_ties(splits: Mapping[Split, SplitEvidence]) -> Iterator[str]:
    """Yield how many answers of each split hang on rounding, where there are any."""
    for split, each in splits.items():
        if count := int((each.rows.margin < NEAR_TIE).sum()):
            yield (
                f"{pluralize(count, 'image')} of {split} "
                f"{'has' if count == 1 else 'have'} two best "
                f"classes within {NEAR_TIE}: another machine may answer with the other one"
            )


def _results(
    plan: Plan,
    job: Job,
    datasets: Mapping[Split, Dataset],
    settings: MeasureSettings,
    engine: Engine | None,
    progress: Progress,
    advance: Advance,
) -> ResultStream:
    if engine is None:
        from gate.measure.partials.shard_files import merge

        return merge(plan, settings.shards, datasets)
    from gate.measure.unit_results import unit_results

    return unit_results(
        plan, job, plan.units, datasets,
        engine=engine, cache=settings.cache, progress=progress, advance=advance,
    )  # fmt: skip


def _compare(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    settings: MeasureSettings,
    progress: Progress,
    builder: EvidenceBuilder,
) -> None:
    """Find what the splits share, by their fingerprints and by the user's descriptor."""
    from gate.measure.duplicates.across_splits import described_overlaps, overlaps_of, sides_of

    sides = sides_of(builder.splits, classes)
    leakage = gatefile.leakage
    thorough = leakage is not None and leakage.thorough
    builder.overlaps = tuple(overlaps_of(sides, settings.cache, progress, thorough=thorough))
    trim_heap()
    if leakage is not None and leakage.descriptor is not None:
        with builder.failing():  # what the hashes have found stands
            builder.overlaps, note = described_overlaps(
                builder.overlaps, leakage, gatefile.base, sides, datasets, progress
            )
            builder.assumed.append(note)


def _file(gatefile: GateFile) -> str | None:
    """Return the name of the checkpoint without its folder, which differs between machines."""
    if gatefile.model is None or gatefile.model.checkpoint is None:
        return None
    return as_utf8(Path(gatefile.model.checkpoint).name)


def _factory(gatefile: GateFile) -> str | None:
    return None if gatefile.model is None else gatefile.model.factory
