"""Evidence is read from its tables."""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.evidence.about import About
from gate.evidence.agreement import alignment_of, require_agreement
from gate.evidence.columns import ROWS, Column
from gate.evidence.contradictions import Contradiction
from gate.evidence.data_digests import Files, require_digests_of_data
from gate.evidence.reading_observations import read_observations, require_no_others
from gate.evidence.records import (
    Baseline,
    Evidence,
    Overlap,
    Pair,
    PairKind,
    Picture,
    Rows,
    Split,
    SplitEvidence,
    Strings,
    Unreadable,
)
from gate.evidence.tables import CHAMPION
from gate.evidence.times import moment_of

_COLUMNS = (*(each.name for each in ROWS), "file_sha256", "slices")
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_SELECT_ROWS = f"SELECT {_NAMES} FROM rows WHERE split = ? ORDER BY position"  # noqa: S608 -- ours


def read(database: sqlite3.Connection) -> Evidence:
    """Return the evidence in a database that has our tables.

    Raises Contradiction where it contradicts itself, and for damage what sqlite3, json, pydantic
    and numpy raise.
    """
    about = About.of_lines(database.execute("SELECT key, value FROM about"))
    labels, names, critical = _columns(
        database.execute("SELECT label, name, critical FROM classes ORDER BY label").fetchall(), 3
    )
    if labels != tuple(range(len(labels))) or not set(critical) <= {0, 1}:
        raise Contradiction("classes", "are not counted from 0")
    _require_texts("classes", names)
    files: dict[Split, Files | None] = {}
    splits = _read_splits(len(names), database, files)
    evidence = Evidence(
        classes=names,
        critical=tuple(name for name, each in zip(names, critical, strict=True) if each),
        parents=about.parents,
        splits=splits,
        overlaps=_read_overlaps(database),
        subject=about.subject,
        artefacts=about.artefacts,
        probe=about.probe,
        history=about.history,
        baseline=_read_champion(about, splits, len(names), database),
        failures=about.failures,
        assumed=about.assumed,
        environment=about.environment,
        configuration=about.configuration,
        contract=about.contract,
        plugins=about.plugins,
        pictures=_read_pictures(database),
        measured_at=moment_of(about.measured_at),
        answers_from_cache=about.answers_from_cache,
        engines=about.engines,
    )
    members = [name for named in about.parents.values() for name in named]
    if len(set(members)) < len(members) or not set(members) <= set(names):
        raise Contradiction("about", "has parents of other classes, or of one class twice")
    require_agreement(evidence)
    require_digests_of_data(evidence, files)
    return evidence


def _read_pictures(database: sqlite3.Connection) -> tuple[Picture, ...]:
    found = database.execute(
        "SELECT split, id, png, view FROM pictures ORDER BY split, id, view"
    ).fetchall()
    splits, names, pngs, views = _columns(found, 4)
    _require_texts("pictures", splits, names, views)
    if not set(map(type, pngs)) <= {bytes}:
        raise Contradiction("pictures", "one of them is no bytes")
    return tuple(map(Picture, map(Split, splits), names, pngs, views))


def _read_champion(
    about: About, splits: dict[Split, SplitEvidence], classes: int, database: sqlite3.Connection
) -> Baseline | None:
    """Return the champion; raises Contradiction where rows are of nobody."""
    rest = [name for name in _names_of_rows(database) if name not in {*splits}]
    if about.baseline is None and not rest:
        return None
    for name in rest:
        if about.baseline is None or not str(name).startswith(CHAMPION):
            raise Contradiction("rows", f"are of {name!r:.80}, which was not measured")
    assert about.baseline is not None, "it has rows, or none at all"
    rows = {
        Split(name.removeprefix(CHAMPION)): _read_rows(name, classes, [], None, database)[0]
        for name in rest
    }
    champion = about.baseline
    return Baseline(
        champion.path,
        champion.sha256,
        rows,
        champion.evidence_sha256,
        operating_point=champion.operating_point,
    )


def _names_of_rows(database: sqlite3.Connection) -> Iterator[str]:
    """Yield the names that rows are under, from one to the next in their index."""
    name = ""
    while True:
        (name,) = database.execute(
            "SELECT min(split) FROM rows WHERE split > ?", (name,)
        ).fetchone()
        if name is None:
            return
        _require_texts("rows", (name,))
        yield name


def _read_splits(
    classes: int, database: sqlite3.Connection, files: dict[Split, Files | None]
) -> dict[Split, SplitEvidence]:
    """Return the splits; the digests of their files are put into ``files``."""
    unreadable: dict[str, list[Unreadable]] = defaultdict(list)
    for split, *texts in database.execute(
        "SELECT split, id, label, reason FROM unreadable ORDER BY rowid"
    ):
        _require_texts("unreadable", texts)
        unreadable[split].append(Unreadable(*texts))
    splits = {}
    for name, path, format_name, images, manifest, group_column, *lists in database.execute(
        "SELECT split, path, format, images, manifest_sha256, group_column, slice_columns, hidden "
        "FROM splits ORDER BY rowid"
    ).fetchall():
        _require_texts("splits", (name, path, format_name, manifest), (group_column or "",))
        _require_counts("splits", (images,))
        columns, hidden = (_names("splits", each) for each in lists)
        rows, files[Split(name)] = _read_rows(name, classes, columns, group_column, database)
        measurements, observed = read_observations(name, len(rows), classes, database)
        splits[Split(name)] = SplitEvidence(
            split=Split(name),
            path=path,
            format=format_name,
            images=images,
            manifest_sha256=manifest,
            rows=replace(rows, observations=observed.columns, kept=observed.kept),
            measurements=measurements,
            unreadable=tuple(unreadable.pop(name, ())),
            group_column=group_column,
            hidden=tuple(hidden),
        )
    require_no_others(splits, database)
    if unreadable:
        raise Contradiction(
            "unreadable", f"is of {next(iter(unreadable))!r:.80}, which is no split"
        )
    return splits


def _names(place: str, text: str) -> list[str]:
    """Return a list of names from its JSON; raises Contradiction where one is there twice."""
    names = json.loads(text)
    if not isinstance(names, list):
        raise Contradiction(place, "holds no list where one belongs")
    _require_texts(place, names)
    if len(set(names)) != len(names):
        raise Contradiction(place, "names something twice")
    return names


def _read_rows(
    split: str,
    classes: int,
    slice_columns: list[str],
    group_column: str | None,
    database: sqlite3.Connection,
) -> tuple[Rows, Files | None]:
    """Return rows as they lie there, and the digests of their files.

    What they say is looked at by ``require_agreement`` and ``require_digests_of_data``.
    """
    found = database.execute(_SELECT_ROWS, (split,)).fetchall()
    values = dict(zip(_COLUMNS, _columns(found, len(_COLUMNS)), strict=True))
    undeclared = {'"group"': values["group"] if group_column is None else ()}
    undeclared["slices"] = () if slice_columns else values["slices"]
    for name, given in undeclared.items():
        if given.count(None) != len(given):
            raise Contradiction(split, f"has values of {name} that it does not declare")
    columns = {each.field: _column(each, values[each.name], classes, split) for each in ROWS}
    if group_column is None:
        columns["groups"] = None
    slices = _slices(values["slices"], slice_columns, split) if slice_columns else {}
    rows = Rows(**columns, slices=slices)
    return rows, _files(values["file_sha256"], split)


def _files(values: tuple[Any, ...], split: str) -> Files | None:
    """Return the digests of the stored bytes of each image; None where no image was read."""
    if values.count(None) == len(values):
        return None
    if set(map(type, values)) != {bytes} or set(map(len, values)) != {32}:
        raise Contradiction(split, "its digests of files are not 32 bytes a row")
    return np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 32)


def _whole(values: tuple[Any, ...], split: str, name: str) -> NDArray[np.int32]:
    """Return whole numbers; NumPy would cut 1.7 to 1, and read the text "1" as a number."""
    column = np.array(values) if values else np.empty(0, np.int64)
    if column.dtype != np.int64 or (column.astype(np.int32) != column).any():
        raise Contradiction(split, f"its column {name} holds something that is no such number")
    return column.astype(np.int32)


def _column(column: Column, values: tuple[Any, ...], classes: int, split: str) -> Any:  # noqa: ANN401 -- an array, or None
    """Return a column from what SQLite gave; where it lacks values or has others, it is refused."""
    if column.is_text:
        return np.array(values, dtype=object)
    if column.shape:
        return _packed(column, values, classes, split)
    if np.issubdtype(column.dtype, np.integer):
        return _whole(values, split, column.name)
    return np.array(values, dtype=column.dtype)  # NULL becomes NaN


def _packed(
    column: Column, values: tuple[Any, ...], classes: int, split: str
) -> NDArray[Any] | None:
    """Return a column of many numbers a row, each row of which is its bytes."""
    if values.count(None) == len(values):
        return None
    shape = column.shape_of(len(values), classes)
    size = np.dtype(column.dtype).itemsize * math.prod(shape[1:])
    if set(map(type, values)) != {bytes} or set(map(len, values)) != {size}:
        raise Contradiction(
            split, f"its {column.name} are not one for each of the {classes} classes"
        )
    return np.frombuffer(b"".join(values), dtype=column.dtype).reshape(shape)


def _slices(values: tuple[Any, ...], columns: list[str], split: str) -> dict[str, Strings]:
    said = [json.loads(each) for each in values]
    if not all(isinstance(each, list) and len(each) == len(columns) for each in said):
        raise Contradiction(split, f"its slices are not one for each of the {len(columns)} columns")
    return {
        column: np.array([each[index] for each in said] or [], dtype=object)
        for index, column in enumerate(columns)
    }


def _read_overlaps(database: sqlite3.Connection) -> tuple[Overlap, ...]:
    pairs: dict[tuple[str, str, int], list[Pair]] = defaultdict(list)
    for (
        a,
        b,
        split_a,
        split_b,
        label_a,
        label_b,
        kind,
        distance,
        orientation,
        alignment,
        review,
    ) in database.execute(
        "SELECT a, b, split_a, split_b, label_a, label_b, kind, distance, orientation, "
        "alignment, review FROM pairs ORDER BY rowid"
    ):
        _require_texts("pairs", (a, b, label_a, label_b, orientation or ""))
        if not isinstance(distance, float | None):
            raise Contradiction("pairs", f"the distance of {b!r:.80} is no number")
        pair = Pair(
            a, b, Split(split_a), Split(split_b), label_a, label_b, PairKind(kind), distance,
            orientation, alignment_of(None if alignment is None else json.loads(alignment)),
        )  # fmt: skip
        pairs[split_a, split_b, review].append(pair)
    overlaps = []
    for split_a, split_b, compared, *numbers in database.execute(
        "SELECT split_a, split_b, compared, featureless, images_a, images_b, exact_pairs, "
        "identical, turned, look_alikes FROM overlaps ORDER BY rowid"
    ).fetchall():
        _require_counts("overlaps", numbers)
        featureless, images_a, images_b, exact_pairs, identical, turned, look_alikes = numbers
        overlaps.append(
            Overlap(
                split_a=Split(split_a),
                split_b=Split(split_b),
                pairs=tuple(pairs.pop((split_a, split_b, 0), ())),
                compared=tuple(PairKind(kind) for kind in json.loads(compared)),
                featureless=featureless,
                images_a=images_a,
                images_b=images_b,
                exact_pairs=exact_pairs,
                identical=bool(identical),
                review=tuple(pairs.pop((split_a, split_b, 1), ())),
                turned=bool(turned),
                look_alikes=look_alikes,
            )
        )
    if pairs:
        raise Contradiction("pairs", "some are of splits that were not compared")
    return tuple(overlaps)


def _columns(rows: list[tuple[Any, ...]], count: int) -> tuple[tuple[Any, ...], ...]:
    return tuple(zip(*rows, strict=True)) if rows else ((),) * count


def _require_texts(table: str, *columns: Any) -> None:  # noqa: ANN401 -- what SQLite gave
    """Raise Contradiction where a value is no text: SQLite keeps values of any type anywhere."""
    for column in columns:
        if not set(map(type, column)) <= {str}:
            raise Contradiction(table, "something there is no text")


def _require_counts(table: str, values: Any) -> None:  # noqa: ANN401 -- what SQLite gave
    if not all(type(value) is int and value >= 0 for value in values):
        raise Contradiction(table, "something there is no count")
