"""Tables are read as measurements, with what these observed on each image."""

import json
import sqlite3
from collections.abc import Collection
from typing import Any

import numpy as np

from gate.evidence.contradictions import Contradiction
from gate.evidence.records import MeasurementFacts, Numbers, Observations
from gate.evidence.tables import TYPES

_OF_A_COLUMN = (
    "SELECT position, value FROM observations "
    "WHERE measurement = ? AND split = ? AND name = ? ORDER BY position"
)


def read_observations(
    split: str, rows: int, database: sqlite3.Connection
) -> tuple[dict[str, MeasurementFacts], Observations]:
    """Return the measurements of a split of so many rows, by key, and their columns.

    Raises Contradiction where a column has something else than a number of its type for a row.
    """
    measurements: dict[str, MeasurementFacts] = {}
    observations: dict[tuple[str, str], Numbers] = {}
    for key, facts, summary, columns in database.execute(
        "SELECT key, facts, summary, columns FROM measurements WHERE split = ? ORDER BY key",
        (split,),
    ).fetchall():
        place = f"{split}: measurement {key!r:.80}"
        known = _parsed(facts, place)
        if not isinstance(key, str) or not isinstance(known, dict):
            raise Contradiction(place, "does not say what it depends on")
        measurements[key] = MeasurementFacts(known, _parsed(summary, place))
        listed = _parsed(columns, place)
        if not isinstance(listed, dict) or not all(map(_is_listed, listed.values())):
            raise Contradiction(place, "does not say of which type and length its columns are")
        _require_no_others_of(key, split, listed, database)
        for name, (type_name, length) in sorted(listed.items()):
            where = f"{place}: {name!r:.80}"
            found = database.execute(_OF_A_COLUMN, (key, split, name)).fetchall()
            if len(found) != length:
                raise Contradiction(where, f"has not one value for each of its {length:,} images")
            observations[key, name] = _column(found, rows, type_name, where)
    return measurements, observations


def require_no_others(splits: Collection[str], database: sqlite3.Connection) -> None:
    """Raise Contradiction where there are observations of what was not measured."""
    for split, key in database.execute("SELECT DISTINCT split, key FROM measurements"):
        if split not in splits:
            raise Contradiction(
                f"measurement {key!r:.80}", f"is of {split!r:.80}, which is no split"
            )
    stranger = database.execute(
        "SELECT measurement, split FROM observations AS seen WHERE NOT EXISTS "
        "(SELECT 1 FROM measurements AS known "
        "WHERE known.key = seen.measurement AND known.split = seen.split) LIMIT 1"
    ).fetchone()
    if stranger is not None:
        key, split = stranger
        raise Contradiction(
            f"{split!s:.80}: measurement {key!r:.80}", "has observations and was not made"
        )


def _is_listed(column: Any) -> bool:  # noqa: ANN401 -- what JSON holds
    """Return whether it is a type and a count."""
    match column:
        case [str(type_name), int()]:
            return type_name in TYPES.values()
    return False


def _require_no_others_of(
    key: str, split: str, types: Collection[str], database: sqlite3.Connection
) -> None:
    """Raise Contradiction where there are observations in a column that a measurement has not."""
    for (name,) in database.execute(
        "SELECT DISTINCT name FROM observations WHERE measurement = ? AND split = ?", (key, split)
    ):
        if name not in types:
            place = f"{split}: measurement {key!r:.80}"
            raise Contradiction(place, f"has no column {name!r:.80}, and observations in it")


def _column(found: list[tuple[Any, Any]], rows: int, type_name: str, place: str) -> Numbers:
    """Return a column: int64 with -1, or float64 with NaN, where nothing was observed."""
    positions = [position for position, _ in found]
    values = [value for _, value in found]
    if not all(type(each) is int and 0 <= each < rows for each in positions):
        raise Contradiction(place, f"has not one value for each of its images among {rows:,}")
    is_whole = type_name == TYPES["i"]
    if not set(map(type, values)) <= {int if is_whole else float}:
        raise Contradiction(place, "holds something that is no number of its kind")
    column: Numbers = np.full(rows, -1, np.int64) if is_whole else np.full(rows, np.nan)
    column[positions] = values
    return column


def _parsed(text: Any, place: str) -> Any:  # noqa: ANN401 -- what SQLite gave, and what JSON holds
    """Return what JSON says; raises Contradiction for NaN and infinities."""

    def refuse(constant: str) -> None:
        raise Contradiction(place, f"says {constant}, which is no JSON")

    return json.loads(text, parse_constant=refuse)
