"""Evidence from made-up numbers: what a run that gave them would have left."""

import numpy as np

from gate.evidence.made_up import MadeUp, Matrix
from gate.evidence.records import (
    Evidence,
    History,
    ModelProbe,
    Overlap,
    Pair,
    PairKind,
    Split,
    SplitEvidence,
    Unreadable,
    rows_from_counts,
)


def imagine(numbers: MadeUp) -> Evidence:
    """Return the evidence that a run with these numbers would have left."""
    matrices = {
        Split.TRAIN: numbers.train,
        Split.VALIDATION: numbers.validation,
        Split.TEST: numbers.test,
    }
    return Evidence(
        classes=numbers.classes,
        critical=numbers.critical,
        splits={
            split: _split(split, matrix, numbers)
            for split, matrix in matrices.items()
            if matrix is not None
        },
        overlaps=() if numbers.copies is None else (_copies(numbers),),
        probe=None if numbers.probe is None else _probe(numbers.probe),
        history=None if numbers.train_loss is None else _history(numbers),
    )


def _split(split: Split, matrix: Matrix, numbers: MadeUp) -> SplitEvidence:
    unreadable = numbers.unreadable if split is Split.TEST else 0
    rows = rows_from_counts(matrix)
    if numbers.groups is not None and split is not Split.VALIDATION:
        # The first images of train and test belong to the groups that both share.
        names = [
            f"shared-{index % max(numbers.groups, 1)}"
            if index < numbers.groups
            else f"{split}-{index}"
            for index in range(len(rows))
        ]
        rows = rows.grouped(np.array(names, dtype=object))
    return SplitEvidence(
        split=split,
        path=f"made-up/{split}",
        format="made-up",
        images=len(rows) + unreadable,
        manifest_sha256="0" * 64,
        rows=rows,
        unreadable=tuple(
            Unreadable(f"unreadable-{index}", numbers.classes[0], "truncated")
            for index in range(unreadable)
        ),
        group_column=None if numbers.groups is None else "group",
    )


def _copies(numbers: MadeUp) -> Overlap:
    first, second = numbers.classes[:2]
    pairs = tuple(
        Pair(
            a=f"{index:09d}",
            b=f"{index:09d}",
            split_a=Split.TRAIN,
            split_b=Split.TEST,
            label_a=second if index < numbers.conflicts else first,
            label_b=first,
            kind=PairKind.BYTES,
        )
        for index in range(numbers.copies or 0)
    )
    return Overlap(Split.TRAIN, Split.TEST, pairs, compared=tuple(PairKind))


def _probe(state: str) -> ModelProbe:
    return ModelProbe(
        parameters=1000,
        nonfinite_tensors=("conv1.weight",) if state == "nan" else (),
        outputs=100,
        nonfinite_outputs=100 if state == "nan" else 0,
        constant=state == "constant",
        probed_alone=8,
        disagreements=3 if state == "batch" else 0,
    )


def _history(numbers: MadeUp) -> History:
    train = numbers.train_loss or ()
    series: dict[str, tuple[float | None, ...]] = {"train_loss": train}
    if numbers.validation_loss is not None:
        series["val_loss"] = numbers.validation_loss
    return History(
        path="made-up/history.csv",
        format="csv",
        epochs=tuple(float(epoch) for epoch in range(1, len(train) + 1)),
        series=series,
        train_loss="train_loss",
        validation_loss="val_loss" if numbers.validation_loss is not None else None,
    )
