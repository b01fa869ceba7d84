import builtins
from datetime import date, datetime
from decimal import Decimal

import pytest

from gate.errors import DataError, MissingExtraError
from gate.subject.datasets.csv_tables import read_csv
from gate.subject.datasets.parquet_tables import read_parquet
from gate.subject.datasets.read_tables import read_table


@pytest.fixture
def table(tmp_path):
    def read(stored):
        file = tmp_path / "t.csv"
        file.write_bytes(stored if isinstance(stored, bytes) else stored.encode())
        return read_csv(file, shown="t.csv")

    return read


def test_cells_are_text_and_empty_cells_are_none(table):
    read = table("a,b\n1,\n x , \n")

    assert dict(read.columns) == {"a": ["1", "x "], "b": [None, None]}
    assert list(read.lines) == [2, 3]


def test_a_byte_order_mark_is_no_part_of_the_first_name(table):
    assert list(table(b"\xef\xbb\xbfa,b\n1,2\n").columns) == ["a", "b"]


def test_windows_line_ends_and_blank_lines_are_read(table):
    read = table("a,b\r\n1,2\r\n\r\n3,4\r\n")

    assert read.columns["a"] == ["1", "3"]
    assert list(read.lines) == [2, 4]


def test_a_quoted_cell_may_hold_commas_and_line_ends_and_lines_still_count(table):
    read = table('a,b\n"x, y\nz",2\n3,4\n')

    assert read.columns["a"] == ["x, y\nz", "3"]
    assert list(read.lines) == [2, 4]


@pytest.mark.parametrize(
    ("stored", "where", "fact"),
    [
        (b"", "t.csv", "the file is empty"),
        (b"\n\n", "t.csv", "the file is empty"),
        (b"a,b\n", "t.csv", "a header and no rows"),
        (b"a,b\n1,2\n3\n", "t.csv, line 3", "has 1 cells, the header has 2"),
        (b"a,b\n1,2,3\n", "t.csv, line 2", "has 3 cells, the header has 2"),
        (b"a,a\n1,2\n", "t.csv", "column 'a' occurs twice"),
        (b"a;b\n1;2;3\n", "t.csv, line 2", "has 3 cells, the header has 2"),
        (b"a\tb\n1\n", "t.csv, line 2", "has 1 cells, the header has 2"),
        (b'a,b\n1,"2\n', "t.csv, line 2", "is not CSV"),
        (b"a,b\n1,\xe9t\xe9\n", "t.csv, line 2", "0xe9 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "t.csv", "is UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), "t.csv", "UTF-16, not UTF-8"),
        (b"\x7fELF\0\0\0", "t.csv", "is binary"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "t.csv, line 2", "is not CSV"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(table, says, stored, where, fact):
    with says(DataError, where=f"^{where}$", fact=fact):
        table(stored)


def test_a_column_that_must_be_full_counts_its_empty_cells(table, says):
    read = table("a,b\n1,x\n2,\n3,\n")

    with says(DataError, where="t.csv, line 3", fact="'b' is empty here .2 such rows"):
        read.full_column("b", "label")


def test_parquet_without_the_extra_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    imported = builtins.__import__

    def without_pyarrow(name, *rest):
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)

    with pytest.raises(MissingExtraError, match=r"pip install '\.\[parquet\]'"):
        read_table(tmp_path / "t.parquet", shown="t.parquet")


def test_damaged_parquet_is_refused(tmp_path, says):
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + bytes(40) + b"PAR1")

    with says(DataError, where="t.parquet", fact="not a Parquet file that can be read"):
        read_table(tmp_path / "t.parquet", shown="t.parquet")


def test_parquet_numbers_become_the_text_of_a_csv(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    columns = {
        "whole": [1, 2, None],
        "gap": [1.0, None, float("nan")],
        "half": [0.5, 1e-7, float("inf")],
        "text": ["a", " ", None],
        "yes": [True, False, None],
        "lists": [[1], [2], [3]],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")

    read = read_parquet(tmp_path / "t.parquet", shown="t.parquet")

    assert dict(read.columns) == {
        "whole": ["1", "2", None],
        "gap": ["1", None, None],
        "half": ["0.5", "1e-07", "inf"],
        "text": ["a", None, None],
        "yes": ["True", "False", None],
    }


def test_parquet_without_rows_is_refused(tmp_path, says):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"a": pyarrow.array([], "string")}), tmp_path / "t.parquet")

    with says(DataError, where="t.parquet", fact="no rows"):
        read_parquet(tmp_path / "t.parquet", shown="t.parquet")


def test_a_parquet_table_of_other_types_has_the_text_of_a_csv(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    columns = {
        "large": pyarrow.array([2**53, 2**53 + 1, None], pyarrow.int64()),
        "larger": pyarrow.array([2**64 - 1, 1, 0], pyarrow.uint64()),
        "short": pyarrow.array([0.1, 2.0, None], pyarrow.float32()),
        "exact": pyarrow.array([Decimal("1.10"), Decimal("2.00"), None]),
        "day": pyarrow.array([date(2026, 1, 5), None, date(2026, 1, 6)]),
        "midnight": pyarrow.array([datetime(2026, 1, 5), datetime(2026, 1, 6), None]),  # noqa: DTZ001
        "moment": pyarrow.array([datetime(2026, 1, 5, 8), datetime(2026, 1, 6), None]),  # noqa: DTZ001
        "coded": pyarrow.array([1000.0, None, 1000.0]).dictionary_encode(),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")

    read = read_parquet(tmp_path / "t.parquet", shown="t.parquet")

    assert dict(read.columns) == {
        "large": ["9007199254740992", "9007199254740993", None],
        "larger": ["18446744073709551615", "1", "0"],
        "short": ["0.1", "2", None],
        "exact": ["1.10", "2.00", None],
        "day": ["2026-01-05", None, "2026-01-06"],
        "midnight": ["2026-01-05", "2026-01-06", None],
        "moment": ["2026-01-05 08:00:00", "2026-01-06 00:00:00", None],
        "coded": ["1000", None, "1000"],
    }


def test_columns_are_called_by_their_keys(table):
    read = table("Ko\u0308ln\u200b,b\n1,2\n")

    assert read.full_names(" K\xf6ln ", "group") == ["1"]


def test_two_columns_that_nobody_tells_apart_are_refused(table, says):
    with says(DataError, where="t.csv", fact="'a' occurs twice"):
        table("a,a\u200b\n1,2\n")


def test_a_cell_of_which_nothing_is_seen_is_empty(table, says):
    read = table("a,b\n\u200b,1\n2,1\n")

    assert read.names("a", "slices") == [None, "2"]
    with says(DataError, where="t.csv, line 2", fact="'a' is empty here"):
        read.full_names("a", "id")
