"""Typed cells of a Parquet column as the text that a CSV file of the same table has."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import numpy as np

_PROBED = 1024  # cells
_NARROW: dict[str, type[np.floating[Any]]] = {"halffloat": np.float16, "float": np.float32}


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


def is_moment(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    """Return whether the cells of a column of this type are each a day with an hour."""
    from pyarrow import types

    return bool(types.is_timestamp(kind.value_type if types.is_dictionary(kind) else kind))


def longest(array: Any) -> int:  # noqa: ANN401 - pyarrow ships no types
    """Return the bytes of the longest text in an array, 0 where it holds none."""
    from pyarrow import compute, types

    values = array.dictionary if types.is_dictionary(array.type) else array
    if not types.is_string(values.type) and not types.is_large_string(values.type):
        return 0
    return compute.max(compute.binary_length(values)).as_py() or 0


def texts(array: Any) -> list[str | None]:  # noqa: ANN401 - pyarrow ships no types
    """Return the cells of an array as text, None where a cell is empty or NaN; equal ones are one.

    Whole numbers have no fraction, and no number passes through a float that was none; a float has
    the digits of its own width. Of moments see :func:`moments`.
    """
    from pyarrow import types

    if types.is_string(array.type) and _differ(array):  # to look for equal ones takes longer
        return _filled(array)
    coded = array if types.is_dictionary(array.type) else array.dictionary_encode()
    kind = coded.type.value_type
    if types.is_string(kind):
        written = _filled(coded.dictionary)
    else:
        width = _NARROW.get(str(kind))
        written = [_text(each, width) for each in coded.dictionary.to_pylist()]
    known = np.array([*written, None], object)
    places = coded.indices.fill_null(len(written)).to_numpy(zero_copy_only=False)
    cells: list[str | None] = known[places].tolist()
    return cells


def _filled(texts: Any) -> list[str | None]:  # noqa: ANN401 - pyarrow ships no types
    return [each if each and not each.isspace() else None for each in texts.to_pylist()]


def _differ(array: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    """Return whether most cells are different, as far as the first ones tell."""
    first = array.slice(0, _PROBED)
    return 2 * len(first.dictionary_encode().dictionary) > len(first)


def moments(arrays: Sequence[Any]) -> list[str | None]:
    """Return the cells of all arrays of a column of moments as text, None where one is empty.

    Times of day are left out where all are midnight, as pandas does.
    """
    return _moments([value for array in arrays for value in array.to_pylist()])


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
