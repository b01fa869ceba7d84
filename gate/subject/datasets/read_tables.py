"""A table file is recognised and read."""

from gate.subject.datasets.csv_tables import read_csv
from gate.subject.datasets.json_tables import read_jsonl
from gate.subject.datasets.parquet_tables import read_parquet
from gate.subject.datasets.places import Place
from gate.subject.datasets.recognise import format_of_place
from gate.subject.datasets.tables import EVERYTHING, Table, Wanted


def read_table(
    path: Place, *, shown: str, kind: str | None = None, wanted: Wanted = EVERYTHING
) -> Table:
    """Return a file of CSV, Parquet or JSON lines as a table.

    It is recognised by content where no kind is stated; columns that are not ``wanted`` are passed
    over. Raises DataError, or MissingExtraError where Parquet needs an extra that is not installed.
    """
    match kind or format_of_place(path, shown).name:
        case "parquet":
            return read_parquet(path, shown=shown, wanted=wanted)
        case "jsonl":
            return read_jsonl(path, shown=shown, wanted=wanted)
        case _:
            return read_csv(path, shown=shown, wanted=wanted)
