"""Synthetic evidence: the evidence that a run with given numbers would leave."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import numpy as np

from gate.evidence.agreement import MADE_UP, NO_CHECKPOINTS, NO_DATA
from gate.evidence.contract import GATE_FILE, Disagreement
from gate.evidence.placing import place_copies
from gate.evidence.records import (
    EXACT,
    OF_IMAGES,
    UNLABELLED,
    ArtefactFacts,
    Baseline,
    Evidence,
    History,
    MeasurementFacts,
    ModelProbe,
    Numbers,
    Observations,
    Overlap,
    Pair,
    PairKind,
    Precision,
    Rows,
    Split,
    SplitEvidence,
    Strings,
    Subject,
    Unreadable,
    rows_from_counts,
)
from gate.evidence.synthetic_run import Matrix, Runs, SliceRuns, SyntheticRun

_JUDGED, _ANOTHER = NO_CHECKPOINTS
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)  # no rule looks at it


def synthetic_evidence(numbers: SyntheticRun) -> Evidence:
    """Return the evidence that a run with these numbers would have left."""
    matrices = {
        Split.TRAIN: numbers.train,
        Split.VALIDATION: numbers.validation,
        Split.TEST: numbers.test,
    }
    splits = {
        split: _split(split, matrix, numbers)
        for split, matrix in matrices.items()
        if matrix is not None
    }
    if numbers.unknown is not None:
        splits[Split.UNKNOWN] = _unknown(*numbers.unknown)
    made = Evidence(
        classes=numbers.classes,
        critical=numbers.critical,
        parents=numbers.parents or {},
        splits=splits,
        subject=None if numbers.broken is None else _subject(),
        artefacts=tuple(_artefacts(numbers.artefacts or {})),
        baseline=None
        if numbers.broken is None
        else _champion(numbers, splits[Split.TEST].rows, numbers.broken),
        overlaps=(
            *(() if numbers.copies is None else _overlaps(numbers)),
            *(() if numbers.duplicates is None else (_duplicates(numbers),)),
        ),
        probe=None if numbers.probe is None else _probe(numbers.probe),
        history=_history(numbers),
        contract=() if numbers.contract is None else (_disagreement(numbers.contract),),
        measured_at=_SOME_DAY,
    )
    overlaps = tuple(place_copies(each, splits, numbers.classes) for each in made.overlaps)
    return replace(made, overlaps=overlaps, baseline=_score_alike(made.baseline, numbers))


def _split(split: Split, matrix: Matrix, numbers: SyntheticRun) -> SplitEvidence:
    unreadable = numbers.unreadable if split is Split.TEST else 0
    rows = rows_from_counts(matrix)
    if split is Split.TEST and numbers.abstained is not None:
        rows = _abstaining(matrix, numbers.abstained)
    if numbers.confidence is not None:
        rows = _score(rows, numbers.confidence, len(numbers.classes))
    if numbers.groups is not None and split is not Split.VALIDATION:
        # The first images of train and test belong to the groups that both share.
        names = [
            f"shared-{index % max(numbers.groups, 1)}"
            if index < numbers.groups
            else f"{split}-{index}"
            for index in range(len(rows))
        ]
        column = np.array(names, dtype=object)
        if split is Split.TEST and numbers.ungrouped:
            column[-numbers.ungrouped :] = None
        rows = rows.with_groups(column)
    told = {str(name): each for name, each in (numbers.observations or {}).items()}
    observed = told.get(split.value, {})
    sliced = {str(name): each for name, each in (numbers.slices or {}).items()}.get(split.value, {})
    return SplitEvidence(
        split=split,
        path=f"made-up/{split}",
        format=MADE_UP,
        images=len(rows) + unreadable,
        manifest_sha256=NO_DATA,
        rows=replace(rows, observations=_observations(observed), slices=_slices(sliced)),
        measurements={key: MeasurementFacts({}) for key in sorted(observed)},
        unreadable=tuple(
            Unreadable(f"unreadable-{index}", numbers.classes[0], "truncated")
            for index in range(unreadable)
        ),
        group_column=None if numbers.groups is None else "group",
        hidden=tuple(
            f".hidden-{index}.png" for index in range(numbers.hidden if split is Split.TEST else 0)
        ),
    )


def _slices(sliced: Mapping[str, SliceRuns]) -> dict[str, Strings]:
    """Return slice columns by their names."""
    return {
        name: np.repeat(
            np.array([value for _, value in runs], dtype=object), [count for count, _ in runs]
        )
        for name, runs in sliced.items()
    }


def _unknown(answered: int, abstained: int) -> SplitEvidence:
    """Return images of no class, of which some get an answer."""
    rows = rows_from_counts([[answered + abstained]])
    unlabelled = np.full(len(rows), UNLABELLED, dtype=np.int32)
    answers = np.where(np.arange(len(rows)) < answered, 0, -1).astype(np.int32)
    rows = replace(
        rows, labels=unlabelled, true_rank=unlabelled, predictions=answers, abstains=True
    )
    return SplitEvidence(Split.UNKNOWN, "made-up/unknown", MADE_UP, len(rows), NO_DATA, rows)


def _abstaining(matrix: Matrix, abstained: tuple[int, ...]) -> Rows:
    """Return rows of which so many of each class have no answer."""
    rows = rows_from_counts(np.column_stack([matrix, abstained]).tolist())
    none = rows.predictions == len(matrix)
    return replace(rows, predictions=np.where(none, -1, rows.predictions), abstains=True)


def _observations(observed: Mapping[str, Mapping[str, Runs]]) -> Observations:
    """Return columns by measurement and name: float64 where a value has a fraction, or none."""
    return {
        (key, name): _column(runs)
        for key, columns in sorted(observed.items())
        for name, runs in sorted(columns.items())
    }


def _column(runs: Runs) -> Numbers:
    values = [np.nan if value is None else value for _, value in runs]
    rows = [count for count, _ in runs]
    if all(isinstance(value, int) for value in values):
        return np.repeat(np.array(values, np.int64), rows)
    return np.repeat(np.array(values, np.float64), rows)


def _score(rows: Rows, confidence: tuple[float, float], classes: int) -> Rows:
    """Return the rows with scores: one for the prediction, and the rest shared by the others."""
    right = rows.labels == rows.predictions
    top = np.where(right, *confidence)
    others = (1 - top) / (classes - 1)
    scores = np.repeat(others[:, None], classes, axis=1)
    scores[np.arange(len(rows)), rows.predictions] = top
    return replace(
        rows,
        confidence=top,
        margin=top - others,
        true_score=np.where(right, top, others),
        true_rank=np.where(right, 0, 1).astype(np.int32),
        scores=scores.astype(np.float32),
    )


def _subject() -> Subject:
    """Return a checkpoint that was judged: with a champion, which one it is matters."""
    return Subject(_JUDGED, size_bytes=0, format=MADE_UP)


def _artefacts(precisions: Mapping[str, str]) -> Iterator[ArtefactFacts]:
    for name, precision in sorted(precisions.items()):
        yield ArtefactFacts(name, _ANOTHER, 0, MADE_UP, cast("Precision", precision))


def _score_alike(champion: Baseline | None, numbers: SyntheticRun) -> Baseline | None:
    """Return a champion that is as sure of its answers as the candidate of its own."""
    if champion is None or numbers.confidence is None:
        return champion
    rows = {
        split: _score(each, numbers.confidence, len(numbers.classes))
        for split, each in champion.rows.items()
    }
    return replace(champion, rows=rows)


def _champion(numbers: SyntheticRun, rows: Rows, broken: int) -> Baseline:
    """Return a champion who had some images right that are wrong now, and the reverse."""
    predictions = rows.predictions.copy()
    wrong = np.flatnonzero(rows.labels != rows.predictions)[:broken]
    right = np.flatnonzero(rows.labels == rows.predictions)[: numbers.repaired]
    predictions[wrong] = rows.labels[wrong]
    predictions[right] = (rows.labels[right] + 1) % len(numbers.classes)
    sha256 = _JUDGED if numbers.same_champion else _ANOTHER
    answers = replace(rows, predictions=predictions)
    return Baseline("made-up/champion", sha256, {Split.TEST: answers})


def _overlaps(numbers: SyntheticRun) -> tuple[Overlap, ...]:
    """Return what the splits share: train and test, and a validation split where one is given."""
    copies, near = numbers.copies or 0, numbers.near_copies
    of_train = (
        *_pairs(Split.TRAIN, range(copies), PairKind.BYTES, numbers, numbers.conflicts),
        *_pairs(Split.TRAIN, range(copies, copies + near), PairKind.NEAR, numbers),
    )
    overlaps = [Overlap(Split.TRAIN, Split.TEST, of_train, compared=OF_IMAGES, turned=True)]
    if numbers.validation is not None:
        copied = range(numbers.validation_copies)
        of_validation = tuple(_pairs(Split.VALIDATION, copied, PairKind.BYTES, numbers))
        overlaps += [
            Overlap(Split.TRAIN, Split.VALIDATION, (), compared=OF_IMAGES, turned=True),
            Overlap(Split.VALIDATION, Split.TEST, of_validation, compared=OF_IMAGES, turned=True),
        ]
    return tuple(overlaps)


def _pairs(
    earlier: Split, images: range, kind: PairKind, numbers: SyntheticRun, conflicts: int = 0
) -> Iterator[Pair]:
    first, second = numbers.classes[:2]
    for index in images:
        yield Pair(
            a=f"{index:09d}",
            b=f"{index:09d}",
            split_a=earlier,
            split_b=Split.TEST,
            label_a=second if index < conflicts else first,
            label_b=first,
            kind=kind,
            distance=9.0 if kind is PairKind.NEAR else None,
        )


def _duplicates(numbers: SyntheticRun) -> Overlap:
    label = numbers.classes[0]
    pairs = tuple(
        Pair("000000000", f"{copy:09d}", Split.TEST, Split.TEST, label, label, PairKind.BYTES)
        for copy in range(1, (numbers.duplicates or 0) + 1)
    )
    images = sum(map(sum, numbers.test or ()))
    exact = tuple(kind for kind in OF_IMAGES if kind in EXACT)
    return Overlap(Split.TEST, Split.TEST, pairs, compared=exact, images_a=images, images_b=images)


def _probe(state: str) -> ModelProbe:
    return ModelProbe(
        parameters=1000,
        nonfinite_tensors=("conv1.weight",) if state == "nan" else (),
        outputs=100,
        nonfinite_outputs=100 if state == "nan" else 0,
        constant=state == "constant",
        checked_individually=8,
        batch_disagreements=8 if state == "batch" else 0,
    )


def _disagreement(kind: str) -> Disagreement:
    if kind == "override":
        return Disagreement(
            "input.mean", "[0.5]", GATE_FILE, "[0.485]", "preprocessor_config.json", "override"
        )
    return Disagreement(
        "num_labels", "3", "config.json", "2", "config.json: id2label", "contradiction"
    )


def _history(numbers: SyntheticRun) -> History | None:
    accuracy = numbers.logged_train_accuracy
    series: dict[str, tuple[float | None, ...]] = {
        "train_loss": numbers.train_loss or (),
        "val_loss": numbers.validation_loss or (),
        "train_accuracy": () if accuracy is None else (accuracy,),
    }
    logged = {name: values for name, values in series.items() if values}
    if not logged:
        return None
    epochs = max(map(len, logged.values()))
    return History(
        path="made-up/history.csv",
        format="csv",
        epochs=tuple(float(epoch) for epoch in range(1, epochs + 1)),
        series={
            name: (*values, *(None,) * (epochs - len(values))) for name, values in logged.items()
        },
        train_loss="train_loss" if "train_loss" in logged else None,
        validation_losses=("val_loss",) if "val_loss" in logged else (),
        train_accuracy="train_accuracy" if "train_accuracy" in logged else None,
        unread=numbers.unread_losses,
    )
