"""An assembler takes the parts that are kept, has the others measured, and joins them all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby

import numpy as np

from gate.errors import EvidenceError
from gate.evidence.records import ModelProbe, Split, SplitEvidence
from gate.measure.engines import measured
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.kept_partials import Kept
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import PartialResult, joined, preprocessing_notes_of
from gate.measure.partials.requests import MeasurementRequest
from gate.measure.partials.work_units import WorkUnit
from gate.measure.progress import Advance
from gate.measure.settings import MeasureSettings
from gate.subject.datasets.records import Dataset
from gate.wording import plain


@dataclass(slots=True)
class Assembler:
    """What the units of a plan show together, as far as they went."""

    facts: ModelFacts | None = None
    splits: dict[Split, SplitEvidence] = field(default_factory=dict)
    probe: ModelProbe | None = None
    assumed: list[str] = field(default_factory=list)
    measured_at: set[datetime] = field(default_factory=set)  # of the parts
    answers_from_cache: int = 0

    def consume(
        self,
        units: Sequence[WorkUnit],
        found: Iterator[tuple[ModelFacts, PartialResult]],
        datasets: Mapping[Split, Dataset],
        measurements: Sequence[MeasurementRequest] = (),
    ) -> None:
        """Take in the parts of all units, in their order, and join each split when it is whole.

        Raises SubjectError; the splits before the one that gave it are there.
        """
        outputs = 0
        lowest, highest = [], []

        def noted(
            of_split: Iterable[WorkUnit], preprocessing_notes: Counter[str]
        ) -> Iterator[PartialResult]:
            nonlocal outputs
            for unit in of_split:  # no part beyond them is waited for: it may be an error
                facts, part = next(found, (None, None))
                if facts is None or part is None or part.unit != unit:
                    raise AssertionError(f"{unit.name} was not measured")
                self.facts = agreed(self.facts, facts)
                self.measured_at.add(part.measured_at)
                self.answers_from_cache += len(part.rows) if part.cached else 0
                outputs += len(part.rows)
                lowest.append(part.lowest)
                highest.append(part.highest)
                preprocessing_notes.update(part.preprocessing_notes)
                yield part

        for split, of_split in groupby(units, key=lambda unit: unit.split):
            preprocessing_notes: Counter[str] = Counter()
            self.splits[split] = joined(
                datasets[split],
                split,
                noted(of_split, preprocessing_notes),
                [each for each in measurements if split in each.splits],
            )
            self.assumed += preprocessing_notes_of(split, preprocessing_notes)
        for _ in found:  # to its end: what it holds open is closed there
            raise AssertionError("there is a part for each unit, and no more")
        assert self.facts is not None, "a plan has units"
        same = np.array_equal(np.min(lowest, axis=0), np.max(highest, axis=0))
        self.probe = self.facts.probe(outputs=outputs, constant=same and outputs > 1)


def agreed(one: ModelFacts | None, other: ModelFacts) -> ModelFacts:
    """Return the model facts that two parts share.

    Raises EvidenceError where they were measured by models or on devices that differ.
    """
    if one is None:
        return other
    differing = [plain(each) for each in one.differences(other)]
    if not differing:
        return other.with_difference_of(one)
    raise EvidenceError(
        "parts",
        f"two parts were measured under conditions that differ: {', '.join(differing)}",
        "measure all of them with the same machines, packages and code",
    )


def measure_or_load(
    units: Sequence[WorkUnit],
    job: Job,
    datasets: Mapping[Split, Dataset],
    *,
    kept: Kept | None,
    settings: MeasureSettings,
    advance: Advance,
) -> ResultStream:
    """Yield model facts and a part for each of the units, in their order; what is new is kept.

    Raises SubjectError where the model or the data does not let it.
    """

    def measure(units: Sequence[WorkUnit]) -> ResultStream:
        return measured(job, units, datasets, settings, advance)

    kept_facts = kept.facts if kept else None
    known = {part.unit: part for part in kept.parts(units)} if kept else {}
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
                if kept:
                    kept.keep(facts, part)
                yield facts, part
