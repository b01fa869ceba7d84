"""Evidence lies on disk as one SQLite file.

SQLite because it is one file, needs no dependency, is documented for decades to come, and opens in
the tools people have: the ``sqlite3`` shell, DuckDB, pandas, a browser. Its tables are in
:mod:`gate.evidence.tables`.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from gate.errors import EvidenceError, OutputError
from gate.evidence.contradictions import Contradiction
from gate.evidence.database import (
    DistrustError,
    open_read_only,
    require_script,
    require_sound_pages,
)
from gate.evidence.files import lies_aside, previous, replace_file
from gate.evidence.reading import read
from gate.evidence.records import Evidence
from gate.evidence.tables import APPLICATION, TABLES, VERSION
from gate.evidence.writing import about_of, write

FILE_NAME = "evidence.sqlite"
_OF_THE_DISK = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)
# What SQLite, JSON and NumPy raise for bytes that are not as they were written.
_DAMAGE = (
    *(sqlite3.Error, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError, MemoryError),
)
_AS_IT_WAS = "judge the file as `validate-model run` left it, or measure again"


def save(evidence: Evidence, path: Path) -> None:
    """Write evidence to ``path``; beside it first, so that no half-written file is ever seen.

    Raises OutputError where the disk does not take it.
    """
    try:
        with replace_file(path) as unfinished, closing(sqlite3.connect(unfinished)) as database:
            database.execute("PRAGMA journal_mode = OFF")  # it is a new file, put in place whole
            database.execute("PRAGMA synchronous = OFF")  # twelve times it would wait for the disk
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")
            database.executescript(TABLES)
            with database:
                write(evidence, database)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _OF_THE_DISK:
            raise
        raise OutputError(str(path), error, "make room there, or name another place") from error


def restate(path: Path, evidence: Evidence) -> None:
    """Write the configuration of evidence into a copy of the file that it was read from."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        with database:
            said = (dict(about_of(evidence).as_lines())["configuration"],)
            database.execute("UPDATE about SET value = ? WHERE key = 'configuration'", said)
        database.execute("VACUUM")  # what it said before is gone


def load(path: Path) -> Evidence:
    """Return the evidence in ``path``, a file that ``save`` wrote or the folder that holds it.

    Digests and fingerprints stay on disk: what they showed is in ``overlaps``. Histograms are for
    other tools: nothing here reads them.

    Raises EvidenceError where there is none, or it is damaged, of another version, contradicts
    itself, or brings tables, views or triggers that are not ours.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        fact, remedy = "there is no saved evidence", f"`validate-model run` leaves {FILE_NAME}"
        if lies_aside(file):
            fact += ": a call that was faulty put the last one aside"
            remedy = f"run again, or name {previous(file)}"
        raise EvidenceError(str(path), fact, remedy)
    try:
        with open_read_only(file, alone=True) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                raise EvidenceError(
                    str(file),
                    f"the evidence has version {version}, this program reads version {VERSION}",
                    "measure again with `validate-model run`",
                )
            require_script(database, TABLES)
            require_sound_pages(database)
            return read(database)
    except Contradiction as error:
        raise EvidenceError(f"{file}: {error.place}", error.fact, "measure again") from error
    except DistrustError as error:
        raise EvidenceError(str(file), str(error), _AS_IT_WAS) from error
    except OSError as error:
        fact = f"cannot be read ({error.strerror})"
        raise EvidenceError(str(file), fact, "measure again") from error
    except _DAMAGE as error:
        raise EvidenceError(
            str(file), "this is not evidence, or it is damaged", "measure again"
        ) from error
