"""A small file cannot make the gate hold much, and an honest one is read whatever its codec."""

import tracemalloc

import numpy as np
import pytest

from gate.errors import DataError
from gate.subject.datasets import csv_tables, table_bounds
from gate.subject.datasets.csv_tables import read_csv
from gate.subject.datasets.parquet_tables import read_parquet
from gate.subject.datasets.table_bounds import (
    FREE_ROWS,
    LONGEST_CELL,
    LONGEST_ROW,
    MOST_COLUMNS,
    MOST_ROWS,
)
from gate.subject.datasets.tables import Wanted

pa = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
parquet = pytest.importorskip("pyarrow.parquet")

IMAGES = Wanted(texts=lambda _: ("image", "label"))


@pytest.fixture
def written(tmp_path):
    def write(columns, **options):
        parquet.write_table(pa.table(columns), tmp_path / "t.parquet", **options)
        return read_parquet(tmp_path / "t.parquet", shown="t.parquet", wanted=IMAGES)

    return write


@pytest.fixture
def csv_file(tmp_path):
    def write(stored):
        (tmp_path / "t.csv").write_bytes(stored)
        return read_csv(tmp_path / "t.csv", shown="t.csv", wanted=IMAGES)

    return write


def equal(text, rows):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([text]))


def test_more_rows_than_a_file_of_its_size_holds_are_refused_unread(written, says):
    rows = FREE_ROWS + 1_000_000
    tracemalloc.start()

    with says(DataError, where="t.parquet", fact="says 5,000,000 rows in .* bytes, as a decompr"):
        written({"image": equal("x/a.png", rows), "label": equal("cat", rows)})

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * rows  # not even the places of one column's cells


def test_a_dictionary_of_every_image_is_read_whole(written):
    images = [f"images/{row:06d}.png" for row in range(100_000)]
    labels = [("cat", "dog")[row % 2] for row in range(100_000)]

    read = written(
        {
            "image": pa.array(images).dictionary_encode(),
            "label": pa.array(labels).dictionary_encode(),
        }
    )

    assert read.columns["image"] == images
    assert read.columns["label"] == labels


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd", "compression_level": 19},
        {"row_group_size": 999, "data_page_size": 512},
        {"use_dictionary": ["label"], "column_encoding": {"image": "DELTA_BYTE_ARRAY"}},
        {"data_page_version": "2.0", "compression": "gzip"},
        {"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"},
    ],
)
def test_every_codec_and_encoding_gives_the_same_cells(written, options):
    images = [f"images/{row:06d}.png" if row % 5 else None for row in range(5000)]
    labels = [("cat", "dog")[row % 2] for row in range(5000)]

    read = written({"image": images, "label": labels}, **options)

    assert dict(read.columns) == {"image": images, "label": labels}


@pytest.mark.parametrize("rows", [1, 100_000])
@pytest.mark.parametrize("empty", [0, 1])
@pytest.mark.parametrize("coded", [True, False])
def test_a_text_of_a_dictionary_that_is_longer_than_a_cell_is_refused(
    written, says, rows, empty, coded
):
    places = pa.array([None] * empty + [0] * rows, pa.int8())
    image = pa.DictionaryArray.from_arrays(places, pa.array(["x" * (LONGEST_CELL + 1)]))

    with says(DataError, where="column image", fact="a cell holds 131,073 bytes"):
        written({"image": image, "label": equal("cat", rows + empty)}, store_schema=coded)


def test_texts_that_a_dictionary_says_many_times_are_counted_as_often(written, says, monkeypatch):
    monkeypatch.setattr(table_bounds, "FREE_BYTES", 1 << 22)
    many = equal("x" * 1000, 10_000)

    with says(DataError, where="t.parquet", fact="unpacks to more than"):
        written({"image": many, "label": equal("cat", 10_000)}, store_schema=False)
    # Read as a dictionary, the text is there once.
    assert len(written({"image": many, "label": equal("cat", 10_000)})) == 10_000


def test_texts_that_begin_as_the_one_before_are_counted_whole(written, says, monkeypatch):
    monkeypatch.setattr(table_bounds, "FREE_BYTES", 1 << 22)
    images = ["x" * 1000 + f"{row:05d}" for row in range(10_000)]

    with says(DataError, where="t.parquet", fact="unpacks to more than"):
        written(
            {"image": images, "label": equal("cat", 10_000)},
            use_dictionary=["label"],
            column_encoding={"image": "DELTA_BYTE_ARRAY"},
            compression="zstd",
        )


def test_a_page_that_unpacks_to_much_is_not_unpacked(written, says, monkeypatch):
    monkeypatch.setattr(table_bounds, "FREE_BYTES", 1 << 20)
    columns = {"image": ["a" * (1 << 21)], "label": ["cat"]}

    with says(DataError, where="t.parquet", fact="unpacks to more than .* bytes from"):
        written(columns, compression="zstd", use_dictionary=False)


def test_a_column_that_nobody_asked_for_may_hold_anything(written, monkeypatch):
    monkeypatch.setattr(table_bounds, "FREE_BYTES", 1 << 20)
    blob = ["a" * (1 << 21)]

    read = written(
        {"image": ["1.png"], "label": ["cat"], "blob": blob, "boxes": [[{"x": blob}]]},
        compression="zstd",
        use_dictionary=False,
    )

    assert dict(read.columns) == {"image": ["1.png"], "label": ["cat"]}
    assert read.unread == ["blob"]


def test_a_day_that_no_calendar_has_is_refused_in_words(written, says):
    with says(DataError, where="t.parquet", fact="not a Parquet file that can be read"):
        written({"image": pa.array([2**31 - 1], pa.date32()), "label": ["cat"]})


def test_more_columns_than_a_table_has_are_refused(csv_file, says):
    header = ",".join(f"c{column}" for column in range(MOST_COLUMNS + 1))

    with says(DataError, where="t.csv", fact="has 70,001 columns, and at most 70,000"):
        csv_file(f"{header}\n1\n".encode())


@pytest.mark.parametrize("piece", [b"1,", b'"\n",'])
def test_a_row_without_end_is_refused_before_it_is_held(csv_file, says, piece):
    row = piece * (LONGEST_ROW // len(piece) + 10_000)

    with says(DataError, where="t.csv, line 2", fact="the row is longer than 16,777,216 bytes"):
        csv_file(b"image,label\n" + row + b"\n")


def test_a_row_of_a_megabyte_is_read(csv_file):
    names = ",".join(f"c{column}" for column in range(60_000))

    read = csv_file(f"image,label,{names}\n1.png,cat{',0.0000000001' * 60_000}\n".encode())

    assert dict(read.columns) == {"image": ["1.png"], "label": ["cat"]}
    assert len(read.unread) == 60_000


def test_a_table_that_is_too_long_ends_there(csv_file, says, monkeypatch):
    assert MOST_ROWS > 20_000_000  # sets of so many images are in use
    monkeypatch.setattr(csv_tables, "MOST_ROWS", 3)

    assert len(csv_file(b"image,label\n" + b"1,2\n" * 3)) == 3
    with says(DataError, where="t.csv", fact="more than .* rows"):
        csv_file(b"image,label\n" + b"1,2\n" * 4)
