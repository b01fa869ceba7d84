"""Limits of a table: rows, columns, cells, and the size that a small file unpacks to.

CSV is as long as it looks. Parquet is not: a few hundred bytes of it may say a billion rows. There
the bounds grow with the bytes on disk, above what any file may take, so that a large table is read
whatever its codec, and a small one cannot stand for more than a small one can honestly hold.
"""

from gate.errors import DataError

# Twice the largest sets of labelled images that are in use; their names alone take gigabytes.
MOST_ROWS = 50_000_000
MOST_COLUMNS = 70_000  # 65,536 classes, and what stands beside their scores
LONGEST_CELL = (
    1 << 17
)  # bytes; the longest path is 4,096, and Python's reader of CSV stops here too
LONGEST_ROW = 1 << 24  # bytes; 65,536 scores with all their digits take 1.5 million

# Rows of a Parquet file. Sorted names of 20 letters and a label, packed with zstd at its hardest,
# take 1.4 bytes a row; only equal cells, or counted ones, take less.
FREE_ROWS = 4_000_000
ROWS_A_BYTE = 2

# Bytes of unpacked pages and of the cells made from them. The scores of 50,000 images in 1,000
# classes are 400 MB, however well they pack; the sorted names above are 25 a byte on disk.
FREE_BYTES = 1 << 29
BYTES_A_BYTE = 64


def rows_of(size: int) -> int:
    """Return how many rows a Parquet file of ``size`` bytes may have."""
    return min(MOST_ROWS, FREE_ROWS + ROWS_A_BYTE * size)


def bytes_of(size: int) -> int:
    """Return what the columns of a Parquet file of ``size`` bytes may take, unpacked."""
    return FREE_BYTES + BYTES_A_BYTE * size


def require_columns(number: int, shown: str) -> None:
    """Raise DataError for more columns than a table has."""
    if number > MOST_COLUMNS:
        raise DataError(
            shown,
            f"has {number:,} columns, and at most {MOST_COLUMNS:,} are read",
            "keep the columns that the gate file names",
        )


def too_many_rows(shown: str) -> DataError:
    """Return the error of a table that is too long whatever it holds."""
    return DataError(
        shown, f"has more than {MOST_ROWS:,} rows", "split it: that many are not judged at once"
    )


def too_long_a_cell(where: str, size: int) -> DataError:
    """Return the error of a cell of ``size`` bytes."""
    return DataError(
        where,
        f"a cell holds {size:,} bytes, and at most {LONGEST_CELL:,} are read",
        "write names and numbers into it; images are listed as paths of files",
    )
