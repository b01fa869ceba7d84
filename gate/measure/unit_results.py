"""The results of units come from the cache, or from an engine, and are then kept."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from gate.evidence.records import Split
from gate.measure.engines.engine import Engine
from gate.measure.engines.results import results
from gate.measure.fingerprints.known_fingerprints import KnownPrints
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.kept_partials import Cache, Kept
from gate.measure.partials.plan import Plan
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance, Progress
from gate.subject.datasets.records import Dataset


def unit_results(
    plan: Plan,
    job: Job,
    units: Sequence[WorkUnit],
    datasets: Mapping[Split, Dataset],
    *,
    engine: Engine,
    cache: Path | None,
    progress: Progress,
    advance: Advance,
) -> ResultStream:
    """Yield the result of each unit, in their order; what is new is kept where there is a cache.

    Raises SubjectError where the model or the data does not let a unit be measured.
    """
    if cache is None:
        return results(engine, job, units, datasets, advance)
    KnownPrints(cache).discard_if_corrupt(progress.warn)
    kept = Cache(cache, progress.warn).kept(plan, datasets, job.gatefile.base)

    def measure(units: Sequence[WorkUnit]) -> ResultStream:
        return results(engine, job, units, datasets, advance)

    return measure_or_load(units, kept, measure, advance)


def measure_or_load(
    units: Sequence[WorkUnit],
    kept: Kept,
    measure: Callable[[Sequence[WorkUnit]], ResultStream],
    advance: Advance,
) -> ResultStream:
    """Yield the result of each unit: those that are kept, the others as ``measure`` gives them."""
    kept_facts = kept.facts
    known = {part.unit: part for part in kept.parts(units)}
    missing = [unit for unit in units if unit not in known]
    new = measure(missing)
    first = next(new) if missing else None
    if known and first and not (kept_facts and first[0].agrees(kept_facts)):
        new.close()
        known = {}  # they were measured on another device, or in another sandbox
        new, first = measure(units), None
    with closing(new):
        fresh = chain([first] if first else [], new)
        advance(sum(part.images for part in known.values()))
        for unit in units:
            if unit in known:
                assert kept_facts is not None, "it belongs to the parts"
                yield kept_facts, known.pop(unit)
            else:
                facts, part = next(fresh)
                kept.keep(facts, part)
                yield facts, part
