"""SQLite files from outside are opened for reading only, and trusted as little as possible.

A database may bring views and triggers that call functions or never end, a schema that puts other
names on its pages, and pages that lead in circles, so that a small file holds rows without end.
"""

import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

# Of SQLite's instructions. The smallest observations take 1.3 for each of their bytes to be read,
# all else of an honest file less than half of one.
_STEPS = 20_000_000  # a second or two
_STEPS_A_BYTE = 3
_OFTEN = 10_000  # steps between two looks at the budget
_MOST_NAMES = 1000  # of a schema that are looked at
_OF_ANALYZE = ("sqlite_stat1", "sqlite_stat3", "sqlite_stat4")  # where it counts, for its planner
_TABLE = "a table"
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master"


class DistrustError(ValueError):
    """A database is not what it should be; the text says what is wrong, and says no place."""


@contextmanager
def open_read_only(path: Path, *, alone: bool) -> Iterator[sqlite3.Connection]:
    """Give a database that cannot be changed, and whose queries come to an end.

    ``alone``: nobody writes to it, and no journal beside it is looked at. Raises DistrustError
    where a query takes more steps than a file of this size can be worth, OSError where there is no
    file, and sqlite3.Error.
    """
    size = path.stat().st_size
    how = "mode=ro&immutable=1" if alone else "mode=ro"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as database:
        _restrict(database, size)
        try:
            yield database
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_INTERRUPT:
                raise
            raise DistrustError("takes more steps to read than a file of its size holds") from error


def _restrict(database: sqlite3.Connection, size: int) -> None:
    # Each by itself: what a release of SQLite does not know, it ignores.
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
        database.execute(f"PRAGMA {pragma}")
    if sys.version_info >= (3, 12):
        database.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(size, 1 << 20))  # bytes of one value
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    budget = iter(range((_STEPS + _STEPS_A_BYTE * size) // _OFTEN))
    database.set_progress_handler(lambda: next(budget, None) is None, _OFTEN)


def require_script(database: sqlite3.Connection, script: str) -> None:
    """Raise DistrustError where a database has anything but what ``script`` makes, to the letter.

    What SQLite's ANALYZE counts may be there, too: it steers how rows are found, never which.
    """
    with closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(script)
        expected = {row[1]: row for row in ours.execute(_SCHEMA)}
    found = database.execute(f"{_SCHEMA} LIMIT {_MOST_NAMES}").fetchall()
    for kind, name, table, sql in found:
        if kind == "table" and name in _OF_ANALYZE:
            continue
        if name not in expected:
            raise DistrustError(f"has {_kind(kind, sql)} of its own, {name!r:.80}")
        if expected.pop(name) != (kind, name, table, sql):
            raise DistrustError(f"does not have our {name!r:.80}, but another of this name")
    if expected:
        raise DistrustError(f"has no {next(iter(expected))!r}")


def require_tables(database: sqlite3.Connection, names: Sequence[str]) -> None:
    """Raise DistrustError where one of the names is not a table, with values that are stored."""
    marks = ", ".join("?" * len(names))
    found = {
        name: (kind, sql)
        for kind, name, _, sql in database.execute(f"{_SCHEMA} WHERE name IN ({marks})", names)
    }
    for name in names:
        kind, sql = found.get(name, ("", ""))
        if not kind:
            raise DistrustError(f"has no table {name!r}")
        if _kind(kind, sql) != _TABLE:
            raise DistrustError(f"has {_kind(kind, sql)} in place of the table {name!r}")
        columns = database.execute("SELECT hidden FROM pragma_table_xinfo(?)", (name,)).fetchall()
        if any(hidden for (hidden,) in columns):
            raise DistrustError(f"computes columns of the table {name!r}")


def _kind(kind: object, sql: object) -> str:
    """Return what an entry of a schema is, with its article; a virtual table is said as one."""
    if kind == "table" and isinstance(sql, str) and sql.upper().startswith("CREATE VIRTUAL"):
        return "a virtual table"
    known = {"table": _TABLE, "index": "an index", "view": "a view", "trigger": "a trigger"}
    return known.get(str(kind), "a thing")


def require_sound_pages(database: sqlite3.Connection) -> None:
    """Raise DistrustError where pages are used twice, are out of order, or hold no rows.

    Then no more can be read than the file is long.
    """
    (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise DistrustError("is damaged")


def limit_bytes(rows: Iterable[tuple[Any, ...]], most: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows; raise DistrustError when their texts and bytes are longer than ``most``."""
    for row in rows:
        most -= sum(len(value) for value in row if isinstance(value, str | bytes))
        if most < 0:
            raise DistrustError("says more than a file of its size holds")
        yield row
