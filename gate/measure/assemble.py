"""An assembler joins the results of the units to the evidence of each split."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

import numpy as np

from gate.errors import EvidenceError
from gate.evidence.records import ModelProbe, Split, SplitEvidence
from gate.measure.inference.answers import as_probabilities
from gate.measure.partials.job import ResultStream
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import Outputs, PartialResult, join, preprocessing_notes_of
from gate.measure.partials.requests import MeasurementRequest
from gate.measure.partials.work_units import WorkUnit
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
    engines: set[tuple[str, str]] = field(default_factory=set)  # packages and versions

    _singles: dict[Split, list[Outputs]] = field(default_factory=dict)
    _outputs: int = 0
    _lowest: list[Outputs] = field(default_factory=list)  # (classes,) of each part
    _highest: list[Outputs] = field(default_factory=list)

    def consume(
        self,
        units: Sequence[WorkUnit],
        results: ResultStream,
        datasets: Mapping[Split, Dataset],
        measurements: Sequence[MeasurementRequest] = (),
    ) -> None:
        """Take in the results of all units, in their order, and join each split when it is whole.

        Raises SubjectError; the splits before the one that gave it are there.
        """
        for split, of_split in groupby(units, key=lambda unit: unit.split):
            notes: Counter[str] = Counter()
            parts = self._parts(of_split, results, notes)
            asked = [each for each in measurements if split in each.splits]
            self.splits[split] = join(datasets[split], split, parts, asked)
            self.assumed += preprocessing_notes_of(split, notes)
        for _ in results:  # to its end: what it holds open is closed there
            raise AssertionError("there is a part for each unit, and no more")
        assert self.facts is not None, "a plan has units"
        if self.facts.undecided:
            self._decide({split: np.concatenate(each) for split, each in self._singles.items()})
        same = np.array_equal(np.min(self._lowest, axis=0), np.max(self._highest, axis=0))
        constant = same and self._outputs > 1
        self.probe = self.facts.probe(outputs=self._outputs, constant=constant)

    def _parts(
        self, units: Iterable[WorkUnit], results: ResultStream, notes: Counter[str]
    ) -> Iterator[PartialResult]:
        """Yield the parts of some units, counted; no more results are waited for than they have."""
        for unit in units:
            facts, part = next(results, (None, None))
            if facts is None or part is None or part.unit != unit:
                raise AssertionError(f"{unit.name} was not measured")
            self.facts = common_facts(self.facts, facts)
            self.measured_at.add(part.measured_at)
            self.answers_from_cache += len(part.rows) if part.cached else 0
            self.engines.update(part.engines.items())
            self._outputs += len(part.rows)
            self._lowest.append(part.lowest)
            self._highest.append(part.highest)
            if facts.undecided != (part.single is not None):
                raise EvidenceError(
                    unit.name,
                    "the part and its model differ on whether there is a single output",
                    "measure this part again",
                )
            if part.single is not None:
                self._singles.setdefault(unit.split, []).append(part.single)
            notes.update(part.preprocessing_notes)
            yield part

    def _decide(self, outputs: Mapping[Split, Outputs]) -> None:
        """Take single outputs for probabilities where those of all images could be."""
        read = "the single output of the model is the score of the second class; "
        if not all(((each >= 0) & (each <= 1)).all() for each in outputs.values()):
            self.assumed.append(f"{read}some lie outside of 0..1, so sigmoid was applied")
            return
        self.assumed.append(f"{read}all lie in 0..1, so they are probabilities already")
        self.splits = {
            split: replace(each, rows=as_probabilities(each.rows, outputs[split]))
            for split, each in self.splits.items()
        }


def common_facts(one: ModelFacts | None, other: ModelFacts) -> ModelFacts:
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
