"""One forward pass reads, fingerprints and predicts; it opens every image once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from gate.evidence.agreement import SCORE_BYTES
from gate.evidence.records import UNLABELLED, Observations, Rows, Split
from gate.evidence.times import now
from gate.measure.data_pass.first_batch import require_finite, require_probabilities
from gate.measure.data_pass.observe import Answering, concatenate_observations, observe
from gate.measure.data_pass.read_images import Chunk, chunk_of
from gate.measure.fingerprints.fingerprint import concatenate
from gate.measure.fingerprints.known_fingerprints import KnownPrints
from gate.measure.inference.answers import Answers, per_class, probabilities
from gate.measure.inference.torch_runner import Runner
from gate.measure.parallel.ordered_map import in_order
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.requests import OpenMeasurement
from gate.measure.partials.samples import SplitSamples
from gate.measure.partials.work_units import WorkUnit, cut, pad, stretch_of
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset, Entry
from gate.subject.inputs import Transform
from gate.subject.outputs import Values

Outputs = NDArray[np.float32]
_Span = tuple[Split, Dataset, range]  # some rows of a split


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPass:
    """How images are answered: the same for every unit of every split."""

    transform: Transform
    runners: tuple[Runner, ...]  # of one model; they answer at the same time
    are_logits: bool  # False: the outputs are probabilities already
    values: Values | None = None  # what the gate file declares them to be
    undecided: bool = False  # a single output: all images decide what it is
    batch: int  # images that a model is given at once
    threads: int = 1
    max_images_in_memory: int | None = None  # at least a batch; None: as many as help
    known: KnownPrints | None = None  # fingerprints of images that were seen before
    thread_init: Callable[[], None] | None = None  # called once by each thread
    measurements: tuple[OpenMeasurement, ...] = ()  # what rules need beside the answers
    samples: Mapping[Split, SplitSamples] | None = None  # of a second pass
    input_size: tuple[int, int] | None = None  # (H, W) as declared

    def parts(
        self, datasets: Mapping[Split, Dataset], units: Sequence[WorkUnit], advance: Advance
    ) -> Iterator[PartialResult]:
        """Yield what each of the units shows, in the order given.

        While the last images of one split are answered, the first ones of the next are read. Raises
        DataError where two images cannot be put into one batch, and CheckpointError where the model
        cannot answer, or answers with NaN.
        """
        rows = {split: self._read_at_once(dataset) for split, dataset in datasets.items()}
        ahead = (
            None
            if self.max_images_in_memory is None
            else max(1, self.max_images_in_memory // max(rows.values()))
        )
        of_units = [(unit, list(cut(unit.rows, rows[unit.split]))) for unit in units]
        every = (
            (unit.split, datasets[unit.split], span) for unit, spans in of_units for span in spans
        )
        seen = self._seen(_prefetch(every), ahead)
        for unit, spans in of_units:  # no more are waited for than the unit has
            yield self._part(
                unit, datasets[unit.split], _with_progress(islice(seen, len(spans)), advance)
            )

    def _read_at_once(self, dataset: Dataset) -> int:
        """Return how many rows of a split one thread takes: whole batches."""
        rows = stretch_of(dataset, self.batch)
        if self.max_images_in_memory is None:
            return rows
        return min(rows, max(1, self.max_images_in_memory // self.batch) * self.batch)

    def _seen(self, spans: Iterable[_Span], ahead: int | None) -> Iterator["_Seen"]:
        """Yield what each span shows, in order, from as many threads as there are."""
        ordered = partial(in_order, threads=self.threads, ahead=ahead, thread_init=self.thread_init)
        if len(self.runners) == 1:  # it is asked by one thread, and the others read meanwhile
            return map(partial(self._answer, self.runners[0]), ordered(self._read, spans))
        free: SimpleQueue[Runner] = SimpleQueue()
        for runner in self.runners:
            free.put(runner)

        def read_and_answer(span: _Span) -> _Seen:
            read = self._read(span)
            runner = free.get()
            try:
                return self._answer(runner, read)
            finally:
                free.put(runner)

        return ordered(read_and_answer, spans)

    def _read(self, span: _Span) -> tuple[_Span, Chunk]:
        split, dataset, rows = span
        keep = any(each.measurement.sees_images for each in self._observing(split))
        known = self.known
        return span, chunk_of(dataset, self.transform, rows, known=known, keep_originals=keep)

    def _observing(self, split: Split) -> list[OpenMeasurement]:
        return [each for each in self.measurements if split in each.request.splits]

    def _answer(self, runner: Runner, read: tuple[_Span, Chunk]) -> "_Seen":
        span, chunk = read
        if not chunk.entries:
            return _Seen(chunk, np.empty((0, len(runner.classes)), np.float32))
        outputs = np.concatenate(
            [
                runner.outputs(pad(images, self.batch))[: len(images)]
                for images in np.split(
                    chunk.images, range(self.batch, len(chunk.images), self.batch)
                )
            ]
        )
        require_finite(outputs, (entry.id for entry in chunk.entries))
        answers = per_class(outputs, self.values)
        return _Seen(chunk.without_images(), answers, self._observe(runner, span, chunk, answers))

    def _observe(self, runner: Runner, span: _Span, chunk: Chunk, outputs: Outputs) -> Observations:
        split, dataset, _ = span
        measurements = self._observing(split)
        if not measurements:
            return {}
        answering = Answering(
            runner=runner,
            transform=self.transform,
            batch=self.batch,
            are_logits=self.are_logits,
            values=self.values,
            undecided=self.undecided,
            input_size=self.input_size,
        )
        samples = None if self.samples is None else self.samples[split]
        return observe(measurements, chunk, dataset, split.value, outputs, answering, samples)

    def _part(self, unit: WorkUnit, dataset: Dataset, found: Iterable["_Seen"]) -> PartialResult:
        seen = list(found)
        read = [each.chunk for each in seen]
        outputs = np.concatenate([each.outputs for each in seen])
        labels = np.concatenate([chunk.labels for chunk in read])
        if not unit.split.is_labelled:
            labels = np.full_like(labels, UNLABELLED)
        scores = probabilities(outputs, are_logits=self.are_logits)
        entries = [entry for chunk in read for entry in chunk.entries]
        if not self.are_logits:
            ids = (entry.id for entry in entries)
            require_probabilities(scores, ids, declared=self.values is not None)
        answers = Answers.of(scores, labels)
        return PartialResult(
            unit=unit,
            rows=_rows(entries, answers, dataset, self._join(unit, seen)),
            fingerprints=concatenate([chunk.fingerprints for chunk in read]),
            unreadable=tuple(image for chunk in read for image in chunk.unreadable),
            lowest=outputs.min(axis=0, initial=np.inf),
            highest=outputs.max(axis=0, initial=-np.inf),
            single=outputs[:, 1].copy() if self.undecided else None,
            preprocessing_notes=sum((chunk.preprocessing_notes for chunk in read), Counter()),
            measured_at=now(),
        )

    def _join(self, unit: WorkUnit, seen: Iterable["_Seen"]) -> Observations:
        return concatenate_observations(
            self._observing(unit.split), [each.observations for each in seen]
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A chunk without its images, and what the model and the measurements said to them."""

    chunk: Chunk
    outputs: Outputs  # (n, classes)
    observations: Observations = field(default_factory=dict)


def _prefetch(spans: Iterable[_Span]) -> Iterator[_Span]:
    """Yield spans as they are put in line, their files asked for: no thread waits for a disk."""
    for split, dataset, rows in spans:
        dataset.prefetch(rows)
        yield split, dataset, rows


def _with_progress(found: Iterable[_Seen], advance: Advance) -> Iterator[_Seen]:
    for seen in found:
        advance(seen.chunk.size)
        yield seen


def _rows(
    entries: list[Entry], answers: Answers, dataset: Dataset, observations: Observations
) -> Rows:
    keep_scores = len(dataset.entries) * answers.scores.shape[1] * 4 <= SCORE_BYTES
    return Rows(
        ids=np.array([entry.id for entry in entries], dtype=object),
        labels=answers.labels,
        predictions=answers.predictions,
        confidence=answers.confidence,
        margin=answers.margin,
        true_score=answers.true_score,
        true_rank=answers.true_rank,
        scores=answers.scores if keep_scores else None,
        groups=np.array([entry.group for entry in entries], dtype=object)
        if dataset.group_column is not None
        else None,
        slices={
            column: np.array([entry.slices[index] for entry in entries], dtype=object)
            for index, column in enumerate(dataset.slice_columns)
        },
        observations=observations,
    )
