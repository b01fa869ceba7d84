"""MLflow's database in one SQLite file, read with the standard library."""

import math
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from gate.errors import HistoryError
from gate.evidence.database import DistrustError, limit_bytes, open_read_only, require_tables
from gate.subject.histories.mlflow_files import Point, rows_of_points
from gate.subject.histories.table import Table
from gate.subject.histories.text import list_names
from gate.wording import quote

MAGIC = b"SQLite format 3\0"
MOST_POINTS = 2_000_000

_RUNS = """
    SELECT run_uuid, coalesce(name, '') FROM runs
    WHERE lifecycle_stage = 'active' AND run_uuid IN (SELECT run_uuid FROM metrics)
    ORDER BY start_time, run_uuid
"""
_METRICS = """
    SELECT timestamp, key, value, step, is_nan FROM metrics WHERE run_uuid = ? LIMIT ?
"""


def split_run(path: Path) -> tuple[Path, str | None]:
    """Return file and run of ``mlflow.db#RUN``; the run is None where the path names a file."""
    if path.exists() or "#" not in path.name:
        return path, None
    file, _, run = path.name.rpartition("#")
    return path.with_name(file), run


def read_database(path: Path, run: str | None) -> Table:
    """Return the metrics of a run, by its id or name, or of the only run; a row a step.

    The file is opened for reading only, and of its schema only the two tables are used.
    HistoryError is raised when the run is not there or not the only one, and for a file that is no
    database of MLflow, or whose reading does not end.
    """
    remedy = "give MLflow's own file, complete and not in use"
    try:
        size = path.stat().st_size
        with open_read_only(path, alone=False) as database:
            require_tables(database, ("runs", "metrics"))
            runs = list(limit_bytes(database.execute(_RUNS), size))
            chosen = _choose(path, runs, run)
            found = database.execute(_METRICS, (chosen, MOST_POINTS + 1))
            points = list(limit_bytes(found, size))
    except DistrustError as error:
        fact = f"is SQLite, but not a database of MLflow that can be read: it {error}"
        raise HistoryError(str(path), fact, remedy) from error
    except (sqlite3.Error, OSError, UnicodeDecodeError, OverflowError) as error:
        fact = "is SQLite, but not a database of MLflow that can be read"
        raise HistoryError(str(path), fact, remedy) from error
    if len(points) > MOST_POINTS:
        fact = f"run {quote(chosen)} has more than {MOST_POINTS} logged values"
        raise HistoryError(str(path), fact, "log once an epoch")
    return rows_of_points(path, "mlflow-sqlite", _points(path, points))


def _choose(path: Path, runs: list[tuple[object, object]], run: str | None) -> str:
    named = [str(uuid) for uuid, name in runs if run is None or run in (uuid, name)]
    if len(named) == 1:
        return named[0]
    shown = list_names([f"{uuid} {name}".strip() for uuid, name in runs]) or "none"
    many = "no run" if not runs else f"{len(runs)} runs"
    wanted = "" if run is None else f", and {len(named) or 'none'} called {quote(run)}"
    fact = f"holds {many} with metrics ({shown}){wanted}"
    raise HistoryError(str(path), fact, f"name one by its id: {path.name}#RUN")


def _points(path: Path, points: list[tuple[object, ...]]) -> Iterator[Point]:
    """Yield the points; MLflow writes NaN as a mark and infinity as the greatest float."""
    for time, key, value, step, is_nan in points:
        if not isinstance(time, int) or not isinstance(step, int):
            fact = f"metric {quote(str(key))} has no whole time and step"
            raise HistoryError(str(path), fact, "give MLflow's own file")
        whole: object = math.nan if is_nan else value
        if isinstance(whole, float) and abs(whole) >= sys.float_info.max:
            whole = math.copysign(math.inf, whole)
        yield time, str(key), whole, step
