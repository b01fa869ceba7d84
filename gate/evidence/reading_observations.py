"""Tables are read as measurements, with what these observed on each image."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.evidence.contradictions import Contradiction
from gate.evidence.kept_scores import BEST, PAIR, KeptScores
from gate.evidence.records import MeasurementFacts, Numbers
from gate.evidence.tables import SCORES, TYPES

_OF_A_COLUMN = "SELECT position, value FROM observations WHERE number = ? ORDER BY position"
_DTYPES = {type_name: dtype for dtype, type_name in SCORES.items()}


@dataclass(frozen=True, slots=True)
class Observed:
    """What the measurements of a split observed on its images, by measurement and name."""

    columns: dict[tuple[str, str], Numbers] = field(default_factory=dict)
    kept: dict[tuple[str, str], KeptScores] = field(default_factory=dict)


def read_observations(
    split: str, rows: int, classes: int, database: sqlite3.Connection
) -> tuple[dict[str, MeasurementFacts], Observed]:
    """Return the measurements of a split of so many rows, by key, and what they observed.

    Raises Contradiction where a column has something else than a number of its type for a row.
    """
    measurements: dict[str, MeasurementFacts] = {}
    for key, facts, summary in database.execute(
        "SELECT key, facts, summary FROM measurements WHERE split = ? ORDER BY key", (split,)
    ):
        place = f"{split}: measurement {key!r:.80}"
        known = _parsed(facts, place)
        if not isinstance(key, str) or not isinstance(known, dict):
            raise Contradiction(place, "does not say what it depends on")
        measurements[key] = MeasurementFacts(known, _parsed(summary, place))
    observed = Observed()
    for number, key, name, type_name, images in database.execute(
        "SELECT number, measurement, name, type, images FROM observed_columns WHERE split = ? "
        "ORDER BY measurement, name",
        (split,),
    ).fetchall():
        place = f"{split}: measurement {key!r:.80}"
        where = f"{place}: {name!r:.80}"
        if key not in measurements:
            raise Contradiction(place, "has observations and was not made")
        is_known = type_name in TYPES.values() or type_name in _DTYPES
        if not isinstance(name, str) or not is_known or type(images) is not int:
            raise Contradiction(place, "does not say of which type and length its columns are")
        if (key, name) in observed.columns or (key, name) in observed.kept:
            raise Contradiction(where, "is there twice")
        found = database.execute(_OF_A_COLUMN, (number,)).fetchall()
        if len(found) != images:
            raise Contradiction(where, f"has not one value for each of its {images:,} images")
        if type_name in _DTYPES:
            observed.kept[key, name] = _scores(found, rows, classes, _DTYPES[type_name], where)
        else:
            observed.columns[key, name] = _column(found, rows, type_name, where)
    return measurements, observed


def require_no_others(splits: Collection[str], database: sqlite3.Connection) -> None:
    """Raise Contradiction where there are observations of what was not measured."""
    for table, column in (("measurements", "key"), ("observed_columns", "measurement")):
        for split, key in database.execute(f"SELECT DISTINCT split, {column} FROM {table}"):  # noqa: S608 -- ours
            if split not in splits:
                raise Contradiction(
                    f"measurement {key!r:.80}", f"is of {split!r:.80}, which is no split"
                )
    known = {number for (number,) in database.execute("SELECT number FROM observed_columns")}
    for number in _numbers(database):
        if number not in known:
            raise Contradiction("observations", f"are in a column {number!r:.80} that nothing has")


def _numbers(database: sqlite3.Connection) -> Iterator[Any]:
    """Yield the numbers of columns that observations are in, from one to the next in their index.

    What is no whole number is larger, and the last.
    """
    (number,) = database.execute("SELECT min(number) FROM observations").fetchone()
    while number is not None:
        yield number
        (number,) = database.execute(
            "SELECT min(number) FROM observations WHERE number > ?", (number,)
        ).fetchone()


def _places(found: list[tuple[Any, Any]], rows: int, place: str) -> list[int]:
    """Return the rows that a column has values for."""
    positions = [position for position, _ in found]
    if not all(type(each) is int and 0 <= each < rows for each in positions):
        raise Contradiction(place, f"has not one value for each of its images among {rows:,}")
    return positions


def _column(found: list[tuple[Any, Any]], rows: int, type_name: str, place: str) -> Numbers:
    """Return a column: int64 with -1, or float64 with NaN, where nothing was observed."""
    positions = _places(found, rows, place)
    values = [value for _, value in found]
    is_whole = type_name == TYPES["i"]
    if not set(map(type, values)) <= {int if is_whole else float}:
        raise Contradiction(place, "holds something that is no number of its kind")
    column: Numbers = np.full(rows, -1, np.int64) if is_whole else np.full(rows, np.nan)
    column[positions] = values
    return column


def _scores(
    found: list[tuple[Any, Any]], rows: int, classes: int, dtype: np.dtype[Any], place: str
) -> KeptScores:
    """Return the scores that were kept; what they say is looked at with the rows."""
    positions = _places(found, rows, place)
    width = BEST if dtype == PAIR else classes
    values = [value for _, value in found]
    if not set(map(type, values)) <= {bytes} or not set(map(len, values)) <= {
        width * dtype.itemsize
    }:
        raise Contradiction(place, f"are not {width} scores for each of its images")
    of_rows: NDArray[np.int32] = np.full(rows, -1, np.int32)
    of_rows[positions] = np.arange(len(found))
    if (of_rows >= 0).sum() != len(found):
        raise Contradiction(place, "has two values for one image")
    return KeptScores(of_rows, np.frombuffer(b"".join(values), dtype).reshape(-1, width))


def _parsed(text: Any, place: str) -> Any:  # noqa: ANN401 -- what SQLite gave, and what JSON holds
    """Return what JSON says; raises Contradiction for NaN and infinities."""

    def refuse(constant: str) -> None:
        raise Contradiction(place, f"says {constant}, which is no JSON")

    return json.loads(text, parse_constant=refuse)
