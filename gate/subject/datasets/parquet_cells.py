"""Typed cells of a Parquet column as the text that a CSV file of the same table has."""

from datetime import date, datetime, time
from typing import Any

import numpy as np


def is_plain(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    """Return whether the cells of a column of this type are each one text, number or day."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
        or types.is_date(kind)
        or types.is_timestamp(kind)
        or types.is_null(kind)  # a column of which every cell is empty
    )


def texts(column: Any) -> list[str | None]:  # noqa: ANN401 - pyarrow ships no types
    """Return the cells as text, None where a cell is empty or NaN.

    Whole numbers have no fraction, and no number passes through a float that was none; a float has
    the digits of its own width; times of day are left out where all are midnight, as pandas does.
    """
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_timestamp(kind):
        return _moments(column.to_pylist())
    width = np.float32 if types.is_float32(kind) else np.float16 if types.is_float16(kind) else None
    known: dict[object, str | None] = {}  # equal cells are one text, as far as they repeat
    cells: list[str | None] = []
    for value in column.to_pylist():
        if value not in known:
            if len(known) >= _SHARED:
                known.clear()
            known[value] = _text(value, width)
        cells.append(known[value])
    return cells


_SHARED = 4096


def _text(value: object, width: type[np.floating[Any]] | None) -> str | None:
    if value is None or value != value or str(value).strip() == "":  # NaN is not itself
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # pandas turns whole numbers with a gap into floats
    return str(value if width is None else width(value))  # type: ignore[arg-type] # it is a float


def _moments(values: list[datetime | None]) -> list[str | None]:
    midnight = all(value is None or value.time() == time() for value in values)
    return [
        None
        if value is None
        else str(date(value.year, value.month, value.day) if midnight else value)
        for value in values
    ]
