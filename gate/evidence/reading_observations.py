"""From tables to measurements, and to what they observed on each image."""

import json
import sqlite3
from collections.abc import Collection
from typing import Any

import numpy as np

from gate.evidence.contradictions import Contradiction
from gate.evidence.records import MeasurementFacts, Numbers, Observations

_OF_A_COLUMN = (
    "SELECT position, value FROM observations "
    "WHERE measurement = ? AND split = ? AND name = ? ORDER BY position"
)


def read_observations(
    split: str, rows: int, database: sqlite3.Connection
) -> tuple[dict[str, MeasurementFacts], Observations]:
    """Return the measurements of a split of so many rows, by key, and their columns.

    Raises Contradiction where a column has not one number, or NULL, for each row.
    """
    measurements: dict[str, MeasurementFacts] = {}
    observations: dict[tuple[str, str], Numbers] = {}
    for key, facts, summary in database.execute(
        "SELECT key, facts, summary FROM measurements WHERE split = ? ORDER BY key", (split,)
    ).fetchall():
        place = f"{split}: measurement {key!r:.80}"
        known = _parsed(facts, place)
        if not isinstance(key, str) or not isinstance(known, dict):
            raise Contradiction(place, "does not say what it depends on")
        measurements[key] = MeasurementFacts(known, _parsed(summary, place))
        names = database.execute(
            "SELECT DISTINCT name FROM observations WHERE measurement = ? AND split = ? "
            "ORDER BY name",
            (key, split),
        ).fetchall()
        for (name,) in names:
            if not isinstance(name, str):
                raise Contradiction(place, "has a column without a name")
            found = database.execute(_OF_A_COLUMN, (key, split, name)).fetchall()
            observations[key, name] = _column(found, rows, f"{place}: {name!r:.80}")
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


def _column(found: list[tuple[Any, Any]], rows: int, place: str) -> Numbers:
    """Return a column: int64, or float64 with NaN for NULL."""
    if [position for position, _ in found] != list(range(rows)):
        raise Contradiction(place, f"has not one value for each of the {rows:,} rows")
    values = [value for _, value in found]
    kinds = set(map(type, values))
    if not (kinds <= {int} or kinds <= {float, type(None)}):
        raise Contradiction(place, "holds something that is no number of its kind")
    if kinds == {int}:
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.float64)


def _parsed(text: Any, place: str) -> Any:  # noqa: ANN401 -- what SQLite gave, and what JSON holds
    """Return what JSON says; raises Contradiction for NaN and infinities."""

    def refuse(constant: str) -> None:
        raise Contradiction(place, f"says {constant}, which is no JSON")

    return json.loads(text, parse_constant=refuse)
