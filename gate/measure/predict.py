"""One pass over a split: read, fingerprint, predict; every image is opened once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.records import Fingerprints, Rows, Split, SplitEvidence, Unreadable
from gate.measure.answers import Answers, looks_like_probabilities, probabilities
from gate.measure.fingerprints import concatenate
from gate.measure.manifest import manifest_digest
from gate.measure.probes import OutputProbe
from gate.measure.progress import Advance
from gate.measure.reading import chunks
from gate.measure.runner import Runner
from gate.subject.datasets.records import Dataset, Entry
from gate.subject.inputs import Transform

SCORE_BYTES = 256 << 20  # above this the scores of all classes are not kept

Floats = NDArray[np.float32]


@dataclass(slots=True)
class Interpreter:
    """Reads a model's outputs as probabilities, and decides once whether they are logits."""

    are_logits: bool | None = None

    def scores(self, outputs: Floats) -> NDArray[np.float64]:
        """Return outputs (n, classes) as probabilities."""
        if self.are_logits is None:
            self.are_logits = not looks_like_probabilities(outputs)
        return probabilities(outputs, are_logits=self.are_logits)


def measure_split(
    split: Split,
    dataset: Dataset,
    transform: Transform,
    runner: Runner,
    probe: OutputProbe,
    interpreter: Interpreter,
    advance: Advance,
) -> SplitEvidence:
    """Return what one split shows of the model, after one pass over its images.

    Raises DataError where no image can be read or two images cannot be put into one batch, and
    CheckpointError where the model cannot answer.
    """
    entries: list[Entry] = []
    answers: list[Answers] = []
    prints: list[Fingerprints] = []
    unreadable: list[Unreadable] = []
    keep_scores = len(dataset.entries) * len(runner.classes) * 4 <= SCORE_BYTES
    for chunk in chunks(dataset, transform):
        unreadable += chunk.unreadable
        if chunk.entries:
            outputs = runner.outputs(chunk.images)
            probe.see(outputs, (entry.id for entry in chunk.entries))
            if not probe.probed_alone:
                probe.run_alone(runner, chunk.images, outputs)
            entries += chunk.entries
            answers.append(Answers.of(interpreter.scores(outputs), chunk.labels))
            prints.append(chunk.fingerprints)
        advance(chunk.size)
    if not entries:
        first = unreadable[0]
        raise DataError(
            f"{dataset.path}: {first.id}",
            f"none of the {len(unreadable)} images of {split} can be used: {first.reason}",
            "mend the data or the input declaration",
        )
    labels = np.concatenate([each.labels for each in answers])
    seen = np.unique(labels)
    if len(seen) < 2:
        raise DataError(
            dataset.path,
            f"all {len(entries)} images of {split} are of the class {runner.classes[seen[0]]}",
            "a classifier is judged on two classes or more; check the labels",
        )
    fingerprints = concatenate(prints)
    return SplitEvidence(
        split=split,
        path=dataset.path,
        format=dataset.format,
        images=len(dataset.entries),
        manifest_sha256=manifest_digest(entries, labels, fingerprints, unreadable, runner.classes),
        rows=_rows(entries, answers, dataset, keep_scores=keep_scores),
        unreadable=tuple(unreadable),
        fingerprints=fingerprints,
        group_column=dataset.group_column,
    )


def _rows(
    entries: list[Entry], answers: list[Answers], dataset: Dataset, *, keep_scores: bool
) -> Rows:
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
