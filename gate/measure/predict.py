"""One pass over cells of a split: read, fingerprint, predict; every image is opened once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Rows, Unreadable
from gate.measure.answers import Answers, probabilities
from gate.measure.fingerprints import concatenate
from gate.measure.grid import Cell, cut, padded
from gate.measure.means import HELD
from gate.measure.parts import Part
from gate.measure.print_cache import KnownPrints
from gate.measure.probes import require_finite
from gate.measure.progress import Advance
from gate.measure.reading import Chunk, chunks
from gate.measure.runner import Runner
from gate.subject.datasets.records import Dataset, Entry
from gate.subject.inputs import Transform

SCORE_BYTES = 256 << 20  # above this the scores of all classes are not kept

Outputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """How images are answered: the same for every cell of every split."""

    transform: Transform
    runner: Runner
    are_logits: bool  # False: the outputs are probabilities already
    batch: int  # images that the model is given at once
    held: int = HELD  # images read ahead
    known: KnownPrints | None = None  # fingerprints of images that were seen before

    def parts(self, dataset: Dataset, cells: Sequence[Cell], advance: Advance) -> Iterator[Part]:
        """Yield what each of the cells shows, in the order given; ``dataset`` is their split's.

        Raises DataError where two images cannot be put into one batch, and CheckpointError where
        the model cannot answer, or answers with NaN.
        """
        spans = [(cell, span) for cell in cells for span in cut(cell.rows, self.batch)]
        read = chunks(
            dataset,
            self.transform,
            [span for _, span in spans],
            held=self.held,
            known=self.known,
        )
        for cell, found in groupby(zip(spans, read, strict=True), key=lambda each: each[0][0]):
            yield self._part(cell, dataset, (chunk for _, chunk in found), advance)

    def _part(self, cell: Cell, dataset: Dataset, found: Iterator[Chunk], advance: Advance) -> Part:
        classes = len(self.runner.classes)
        read: list[Chunk] = []
        answers = [Answers.of(np.empty((0, classes)), np.empty(0, np.int32))]
        lowest = np.full(classes, np.inf, np.float32)
        highest = -lowest
        for chunk in found:
            if chunk.entries:
                outputs = self.runner.outputs(padded(chunk.images, self.batch))[
                    : len(chunk.entries)
                ]
                require_finite(outputs, (entry.id for entry in chunk.entries))
                lowest = np.minimum(lowest, outputs.min(axis=0))
                highest = np.maximum(highest, outputs.max(axis=0))
                scores = probabilities(outputs, are_logits=self.are_logits)
                answers.append(Answers.of(scores, chunk.labels))
            read.append(chunk.without_images())
            advance(chunk.size)
        unreadable: list[Unreadable] = [image for chunk in read for image in chunk.unreadable]
        return Part(
            cell=cell,
            rows=_rows([entry for chunk in read for entry in chunk.entries], answers, dataset),
            fingerprints=concatenate([chunk.fingerprints for chunk in read]),
            unreadable=tuple(unreadable),
            lowest=lowest,
            highest=highest,
            treated=sum((chunk.treated for chunk in read), Counter()),
        )


def _rows(entries: list[Entry], answers: list[Answers], dataset: Dataset) -> Rows:
    classes = answers[0].scores.shape[1]
    keep_scores = len(dataset.entries) * classes * 4 <= SCORE_BYTES
    return Rows(
        ids=np.array([entry.id for entry in entries], dtype=object),
        labels=np.concatenate([each.labels for each in answers]),
        predictions=np.concatenate([each.predictions for each in answers]),
        confidence=np.concatenate([each.confidence for each in answers]),
        margin=np.concatenate([each.margin for each in answers]),
        true_score=np.concatenate([each.true_score for each in answers]),
        true_rank=np.concatenate([each.true_rank for each in answers]),
        scores=np.concatenate([each.scores for each in answers]) if keep_scores else None,
        groups=np.array([entry.group for entry in entries], dtype=object)
        if dataset.group_column is not None
        else None,
        slices={
            column: np.array([entry.slices[index] for entry in entries], dtype=object)
            for index, column in enumerate(dataset.slice_columns)
        },
    )
