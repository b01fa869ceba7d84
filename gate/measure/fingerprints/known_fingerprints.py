"""Fingerprints of images that were seen before, by the digest of their bytes.

They depend on the bytes of the file, on the decoder and on how fingerprints are made, and on
nothing else; so no time, path or dataset is part of the key, and an entry is never out of date.
"""

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate.evidence.database import DistrustError, require_script
from gate.measure.cache_location import PRINTS, close_file, make_private, reason_to_distrust
from gate.measure.fingerprints import perceptual_hash
from gate.measure.fingerprints.fingerprint import VERSION, Fingerprint
from gate.measure.fingerprints.looks import LOOK

_WAIT = 30.0  # seconds that a writer waits for others
_COLUMNS = "file, pixels, oriented, near, featureless, upright, bare, look, thumbnail, crc"
_MARKS = ", ".join("?" for _ in _COLUMNS.split(","))
_TABLE = """
CREATE TABLE prints (
    file BLOB PRIMARY KEY, pixels BLOB NOT NULL, oriented BLOB NOT NULL, near BLOB NOT NULL,
    featureless INTEGER NOT NULL, upright BLOB NOT NULL, bare BLOB NOT NULL,
    look BLOB, thumbnail BLOB, crc INTEGER NOT NULL
) WITHOUT ROWID
"""
_DIGEST = 32  # bytes


class KnownPrints:
    """The fingerprints that are kept below a folder; many threads and processes may use them.

    A cache that cannot be read or written is an empty one.
    """

    def __init__(self, root: Path) -> None:
        name = f"{VERSION}-pillow-{version('pillow')}.sqlite"
        self._path = root / PRINTS / name
        self._threads = threading.local()

    def discard_if_corrupt(self, warn: Callable[[str], None]) -> None:
        """Remove a file that is no cache, and say so; an empty one takes its place."""
        why = reason_to_distrust(self._path)
        if why is None and not self._path.is_file():
            return
        try:
            if why is not None:
                raise DistrustError(why)
            with closing(sqlite3.connect(self._path, timeout=_WAIT)) as database:
                if database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                    require_script(database, _TABLE)
        except sqlite3.OperationalError:  # another program has it
            return
        except (sqlite3.DatabaseError, ValueError):  # a schema that is no text is one, too
            warn(f"cache: {self._path}: {why or 'is damaged'}; fingerprints are taken again")
            with suppress(OSError):
                self._path.unlink()

    def of(self, file: bytes) -> Fingerprint | None:
        """Return the fingerprint of the image whose bytes have this digest, where it is known."""
        with suppress(sqlite3.Error, OSError, ValueError, TypeError):
            found = self._database().execute(
                f"SELECT {_COLUMNS} FROM prints WHERE file = ?",  # noqa: S608 -- ours
                (file,),
            )
            row = found.fetchone()
            if row is not None and row[-1] == _crc(row[:-1]):
                return _fingerprint(row)
        return None

    def add(self, prints: Iterable[Fingerprint]) -> None:
        """Keep fingerprints, where the disk takes them."""
        with suppress(sqlite3.Error, OSError), self._database() as database:
            database.executemany(
                f"INSERT OR REPLACE INTO prints ({_COLUMNS}) VALUES ({_MARKS})",  # noqa: S608 -- ours
                map(_row, prints),
            )

    def _database(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        found: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if found is None:
            make_private(self._path.parent)
            if not self._path.exists():
                self._path.touch()
                close_file(self._path)
            found = sqlite3.connect(self._path, timeout=_WAIT)
            # Killed programs lose nothing by it, and what a power cut damages is measured again.
            found.execute("PRAGMA synchronous = OFF")
            found.execute("PRAGMA trusted_schema = OFF")
            found.execute(_TABLE.replace("TABLE", "TABLE IF NOT EXISTS", 1))
            self._threads.connection = found
        return found


def _row(each: Fingerprint) -> tuple[bytes | int | None, ...]:
    row = (
        each.file,
        each.pixels,
        each.oriented,
        each.near,
        int(each.featureless),
        each.upright,
        each.bare,
        None if each.look is None else each.look.tobytes(),
        None if each.thumbnail is None else each.thumbnail.tobytes(),
    )
    return (*row, _crc(row))


def _crc(row: Iterable[bytes | int | None]) -> int:
    return zlib.crc32(
        b"|".join(part if isinstance(part, bytes) else b"%d" % (part or 0) for part in row)
    )


def _fingerprint(row: Sequence[Any]) -> Fingerprint:
    file, pixels, oriented, near, featureless, upright, bare, look, thumbnail, _ = row
    if {*map(len, (file, pixels, oriented, near, upright, bare))} != {_DIGEST}:
        raise ValueError("a digest is longer or shorter")
    return Fingerprint(
        file,
        pixels,
        oriented,
        near,
        bool(featureless),
        upright,
        bare,
        _picture(look, LOOK),
        _picture(thumbnail, perceptual_hash.SIDE),
    )


def _picture(pixels: bytes | None, side: int) -> NDArray[np.uint8] | None:
    return None if pixels is None else np.frombuffer(pixels, np.uint8).reshape(side, side)
