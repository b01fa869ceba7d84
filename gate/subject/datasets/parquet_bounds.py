"""The unpacked size of Parquet columns is checked page by page before any is read.

From the pages alone follows how many rows may be read at once: a dictionary says a long text once
for millions of rows, and texts that begin as the one before them are written once for all.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from gate.errors import DataError
from gate.subject.datasets.parquet_pages import (
    DELTA_BYTE_ARRAY,
    DICTIONARY_CODED,
    chunk_of,
    pages_of,
    row_groups,
)
from gate.subject.datasets.table_bounds import (
    LONGEST_CELL,
    MOST_ROWS,
    bytes_of,
    rows_of,
    too_long_a_cell,
    too_many_rows,
)
from gate.subject.datasets.thrift_compact import Struct, ThriftError
from gate.wording import plain, quote

ROWS = 1 << 16  # that are read at once, where their texts are short

AT_ONCE = 1 << 28  # bytes that the texts of the rows read at once may take
_CELL = 8  # bytes of a number, or of the place of a text
_LARGEST_DELTA_PAGE = 1 << 22  # bytes; writers end a page at one MiB
_LARGEST_FOOTER = 1 << 24  # bytes; 80,000 columns and row groups take 10 million
# Arrow makes up to 750 bytes of each struct in the footer, and a struct ends with a null byte.
_MOST_STRUCTS = 2_000_000
_FREE_PAGES = 200_000  # a few seconds
_BYTES_A_PAGE = 1024


def footer_of(stream: BinaryIO, size: int, shown: str) -> bytes:
    """Return the bytes in which a file says what it holds; the stream's place is lost.

    Raises DataError for those of which a reader makes gigabytes. What is damaged its reader says.
    """
    stream.seek(max(0, size - 8))
    length = int.from_bytes(stream.read(8)[:4], "little")
    if length > max(0, size - 8):
        return b""
    stream.seek(size - 8 - length)
    footer = stream.read(length) if length <= _LARGEST_FOOTER else b""
    if length > _LARGEST_FOOTER or footer.count(b"\0") > _MOST_STRUCTS:
        raise DataError(
            shown,
            f"says {length:,} bytes about its columns and row groups, more than is read",
            "write it again with larger row groups, or fewer columns",
        )
    return footer


@dataclass(slots=True)
class Layout:
    """What the pages of a file's wanted columns say; ``look`` fills it."""

    stream: BinaryIO
    size: int
    footer: bytes
    shown: str
    leaves: Mapping[str, Sequence[int]]  # by the names of columns
    unpacked: int = 0
    read: int = 0  # bytes of cells, each text as often as it stands there
    pages: int = 0
    deltas: set[str] = field(default_factory=set)  # columns of texts that begin as another
    largest_delta: int = 0  # bytes of a page of those
    # By column and row group, the bytes of its pages unpacked, and of its dictionary.
    chunks: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    # By row group, the columns whose dictionary may say long texts many times.
    dictionaries: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    def look(self, names: Iterable[str]) -> None:
        """Take in the pages of columns; raises DataError for more than a file of its size holds."""
        try:
            groups = row_groups(self.footer)
        except ThriftError as error:
            raise self._damaged(f"of its footer, {error}") from error
        for name in names:
            rows = 0
            for group, columns in enumerate(groups):
                for leaf in self.leaves[name]:
                    try:
                        rows += self._look_at(name, group, columns[leaf])
                    except (ThriftError, IndexError) as error:
                        raise self._damaged(f"of a page of {quote(name)}, {error}") from error
                if rows > rows_of(self.size) * len(self.leaves[name]):
                    raise self.too_many(rows)

    def _damaged(self, fact: str) -> DataError:
        return DataError(
            self.shown, f"is not a Parquet file that can be read ({fact})", "write it again"
        )

    def too_many(self, rows: int) -> DataError:
        """Return the error of a file that says too many rows for its length."""
        if rows > MOST_ROWS:
            return too_many_rows(self.shown)
        return DataError(
            self.shown,
            f"says {rows:,} rows in {self.size:,} bytes, as a decompression bomb does",
            "write it again uncompressed and without dictionary, or as CSV",
        )

    def _look_at(self, name: str, group: int, column: Struct) -> int:
        """Return how many cells the pages of one column of a row group have."""
        rows = dictionary = 0
        before = self.unpacked
        for page in pages_of(self.stream, chunk_of(column)):
            self._take(page.unpacked + (0 if page.is_dictionary else _CELL * page.values))
            if page.is_dictionary:
                dictionary = page.unpacked
                continue
            if dictionary and not rows and page.encoding not in DICTIONARY_CODED:
                raise ThriftError("it does not use its dictionary")
            if page.encoding == DELTA_BYTE_ARRAY:
                self.deltas.add(name)
                self.largest_delta = max(self.largest_delta, page.unpacked)
            rows += page.values
        self.chunks[name, group] = self.unpacked - before, dictionary
        if dictionary * min(rows, ROWS) > AT_ONCE:
            self.dictionaries[group].append(name)
        return rows

    def count_read(self, size: int) -> None:
        """Count the bytes of cells that were read; raises DataError for too many."""
        self.read += size
        self._require_few(self.read)

    def _require_few(self, unpacked: int) -> None:
        if unpacked > bytes_of(self.size):
            raise DataError(
                self.shown,
                f"unpacks to more than {bytes_of(self.size):,} bytes from {self.size:,}, as a "
                "decompression bomb does",
                "write it again uncompressed and without dictionary, or as CSV",
            )

    def _take(self, unpacked: int) -> None:
        self.unpacked += unpacked
        self.pages += 1
        self._require_few(self.unpacked)
        if self.pages > _FREE_PAGES + self.size // _BYTES_A_PAGE:
            raise DataError(
                self.shown,
                f"has more than {self.pages - 1:,} pages in {self.size:,} bytes",
                "write it again with larger pages",
            )


def rows_at_once(
    layout: Layout, coded: Collection[str], reader: Callable[[Sequence[str]], Any]
) -> int:
    """Return how many rows may be read together, so that their texts stay small.

    ``coded`` are columns that are read as dictionaries, which say each text once; ``reader`` opens
    the file again, and reads the columns it is given as such. Raises DataError.
    """
    longest = 0
    if layout.deltas:
        if layout.largest_delta > _LARGEST_DELTA_PAGE or not layout.deltas.isdisjoint(coded):
            raise DataError(
                layout.shown,
                f"packs the texts of {quote(min(layout.deltas))} as what differs from the one "
                "before (DELTA_BYTE_ARRAY), in a way that could unpack to anything",
                "write it again with dictionary or plain encoding",
            )
        longest = layout.largest_delta
    long: dict[str, int] = {}
    for group, names in layout.dictionaries.items():
        plain_ones = [name for name in names if name not in coded]
        for name, size in _longest(reader, group, plain_ones).items():
            long[name] = max(size, long.get(name, 0))
    for name, size in long.items():
        if size > LONGEST_CELL:
            raise too_long_a_cell(f"{layout.shown}, column {plain(name)}", size)
    return max(1, min(ROWS, AT_ONCE // max(1, longest + sum(long.values()))))


def _longest(
    reader: Callable[[Sequence[str]], Any], group: int, names: Sequence[str]
) -> dict[str, int]:
    """Return the longest text, in bytes, of each column's dictionary in a row group."""
    if not names:
        return {}
    from pyarrow import compute, types

    # The first row brings the dictionary of its whole row group.
    batch: Any = next(reader(names).iter_batches(1, row_groups=[group], columns=names))
    found = {}
    for name in names:
        values = batch.column(name)
        if types.is_dictionary(values.type):
            found[name] = compute.max(compute.binary_length(values.dictionary)).as_py() or 0
    return found
