"""Saved predictions: a table with one score a class, in place of images and a model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.records import UNLABELLED, Split
from gate.keys import name_key
from gate.subject.datasets.classes import by_name_or_position, require_some
from gate.subject.datasets.manifest import first_places, refuse_repeated
from gate.subject.datasets.places import Place
from gate.subject.datasets.read_tables import read_table
from gate.subject.datasets.records import PredictionTable
from gate.subject.datasets.rounded import TOLERANCE, are_distributions
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.tables import Table, Wanted
from gate.wording import did_you_mean, list_names, quote

_IMAGES = ("image", "file_name", "path")  # columns of paths


def open_predictions(
    path: Place, spec: DataSpec, *, shown: str, classes: tuple[str, ...] | None
) -> PredictionTable:
    """Return saved predictions, their scores checked to be probabilities; raises DataError.

    Without declared classes every column that is not id, label, group or slice is one. Raises
    UsageError where nobody says what integers among the labels mean.
    """
    wanted = Wanted(
        texts=lambda names: (*_taken(spec), *_image_columns(names, classes)),
        numbers=lambda names: classes or _other_columns(names, spec),
    )
    table = read_table(path, shown=shown, wanted=wanted).only(spec.chosen)
    if spec.split != Split.UNKNOWN:
        _refuse_missing(table, spec, classes or ())
    ids = table.full_names(spec.id or "id", "id")
    refuse_repeated(ids, table)
    if spec.split == Split.UNKNOWN:
        return _unlabelled(table, spec, classes or (), ids, shown)
    labels = table.labels(spec.label or "label", classes)
    declared = classes or tuple(table.numbers)
    labelling = by_name_or_position(first_places(labels, table), declared, spec.integers)
    require_some(labels, shown)
    scores = _scores(table, labelling.classes)
    return PredictionTable(
        path=shown,
        classes=labelling.classes,
        ids=_objects(ids),
        labels=np.array([labelling.index[label] for label in labels], dtype=np.int32),
        scores=scores,
        groups=_objects(table.groups(spec.group, "group")) if spec.group else None,
        slices={name_key(name): _objects(table.names(name, "slices")) for name in spec.slices},
        group_column=spec.group,
        image_column=spec.image or next(iter(_image_columns(list(table.columns), classes)), None),
        assumed=(*table.assumed, *labelling.assumed),
    )


def _unlabelled(
    table: Table, spec: DataSpec, classes: tuple[str, ...], ids: Sequence[str], shown: str
) -> PredictionTable:
    """Return saved predictions of images that are of none of the classes."""
    return PredictionTable(
        path=shown,
        classes=classes,
        ids=_objects(ids),
        labels=np.full(len(ids), UNLABELLED, dtype=np.int32),
        scores=_scores(table, classes),
        groups=_objects(table.groups(spec.group, "group")) if spec.group else None,
        slices={name_key(name): _objects(table.names(name, "slices")) for name in spec.slices},
        group_column=spec.group,
        image_column=spec.image or next(iter(_image_columns(list(table.columns), classes)), None),
        assumed=table.assumed,
    )


def _refuse_missing(table: Table, spec: DataSpec, classes: Sequence[str]) -> None:
    """Raise DataError with all columns at once where more than one is missing.

    What is wrong with a single one, its reader says better: what was meant, perhaps.
    """
    named = {name_key(name): name for name in _taken(spec) if name}
    there = {*table.columns, *table.others, *table.numbers, *table.unread}
    missing = [name for key, name in named.items() if key not in there]
    without = [name for name in classes if name not in there]
    if len(missing) + bool(without) < 2:
        return
    columns = [f"no column {quote(name)}" for name in missing]
    scores = [f"no scores for {counted_classes(without, classes)}"] if without else []
    raise DataError(
        table.where,
        f"has {list_names([*columns, *scores])}",
        "saved predictions need the columns id and label, and one probability a class, in a "
        "column named as the class; name other columns by id: and label: (--id, --label). "
        f"It has {list_names(sorted(there), 10)}",
    )


def _taken(spec: DataSpec) -> tuple[str, ...]:
    """Return the columns that hold no scores."""
    named = (spec.id or "id", spec.label or "label", spec.group or "", spec.image or "")
    return (*named, *spec.slices, *spec.where)


def _image_columns(names: Sequence[str], classes: Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns that hold the paths of images by their names, unless a class has it."""
    return tuple(each for each in _IMAGES if each in names and each not in (classes or ()))


def _other_columns(names: Sequence[str], spec: DataSpec) -> tuple[str, ...]:
    keys = {name_key(name) for name in (*_taken(spec), *_IMAGES)}
    return tuple(name for name in names if name not in keys)


def _scores(table: Table, classes: Sequence[str]) -> NDArray[np.float64]:
    """Return the scores, float64 (n, classes), each row a distribution."""
    missing = [name for name in classes if name not in table.numbers]
    if missing:
        raise DataError(
            table.where,
            f"has no column of scores for {counted_classes(missing, classes)}",
            _how_columns_are_named(table, missing),
        )
    scores = np.column_stack([table.full_numbers(name) for name in classes])
    finite = np.all(np.isfinite(scores), axis=1)
    _refuse_rows(
        table, finite, "holds a score that is NaN or infinite", "find out why the model gave it"
    )
    within = np.all((scores >= 0) & (scores <= 1), axis=1)
    _refuse_rows(table, within, "holds scores outside 0..1", _what_they_are(scores, within))
    _refuse_rows(
        table,
        are_distributions(scores),
        "holds scores that do not sum to 1",
        "save the probabilities of all classes, after softmax and not after a sigmoid each, and "
        "round them instead of cutting off digits",
    )
    return scores


def _how_columns_are_named(table: Table, missing: Sequence[str]) -> str:
    """Return what to do about classes without scores, by the columns that are there."""
    there = {*table.columns, *table.others, *table.numbers, *table.unread}
    has = f"It has {list_names(sorted(there), 10)}"
    if close := did_you_mean(missing[0], there):
        return f"{close} Name the classes as the columns of scores are called. {has}"
    return (
        "write one probability a class, in a column named as the class; where only the answer is "
        f"known, write 1 for it and 0 for the others. {has}"
    )


def _what_they_are(scores: NDArray[np.float64], within: NDArray[np.bool_]) -> str:
    """Return what to do about scores outside 0..1, by what most of the table looks like."""
    in_percent = (scores >= 0).all(axis=1) & (np.abs(scores.sum(axis=1) - 100) <= 100 * TOLERANCE)
    if in_percent.mean() > 0.5:
        return "these look like percentages: divide them by 100"
    if within.mean() > 0.5:
        return "most rows are probabilities, as softmax gives them: mend this one"
    return "these look like logits: save probabilities, after softmax"


def counted_classes(missing: Sequence[str], classes: Sequence[str]) -> str:
    """Return the classes without scores in words: their names, and of how many."""
    return f"{len(missing)} of {len(classes)} classes: {list_names([quote(n) for n in missing])}"


def _refuse_rows(table: Table, good: NDArray[np.bool_], fact: str, remedy: str) -> None:
    if good.all():
        return
    count = int(np.count_nonzero(~good))
    more = f" ({count:,} such rows)" if count > 1 else ""
    raise DataError(table.place(int(good.argmin())), fact + more, remedy)


def _objects(values: Sequence[str | None]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
