"""The digest that binds a report to its data."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256

import numpy as np

from gate.evidence.records import Fingerprints, Rows, Strings, Unreadable

_AT_ONCE = 4096  # lines
_text = json.JSONEncoder().encode
_repeated = lru_cache(maxsize=_AT_ONCE)(_text)  # for names that many images share


def manifest_digest(
    rows: Rows,
    fingerprints: Fingerprints,
    unreadable: Sequence[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label, group and slices of every image.

    It is that of one JSON array a line, ``[id, sha256, label, group, {slice: value}]``, the lines
    sorted, and the slices by their names: the order of images and of columns changes nothing.
    """
    names = [_text(name) for name in rows.ids]
    names += [_text(image.id) for image in unreadable]
    order = np.argsort(np.array(names, dtype=object), kind="stable")  # ids are unique
    del names  # only the order is needed, not a million lines
    labels = [_text(name) for name in classes]
    slices = slices_in_words(rows.slices)
    digest = sha256()
    for start in range(0, len(order), _AT_ONCE):
        lines = "\n".join(
            _line(row, rows, fingerprints, labels, slices)
            if row < len(rows)
            else _unreadable(unreadable[row - len(rows)])
            for row in order[start : start + _AT_ONCE].tolist()
        )
        digest.update(f"\n{lines}".encode() if start else lines.encode())
    return digest.hexdigest()


def slices_in_words(slices: Mapping[str, Strings]) -> Callable[[int], str]:
    """Return a function that gives the slices of a row as JSON, sorted by their names."""
    columns = [(_text(name), slices[name]) for name in sorted(slices)]
    if not columns:
        return lambda row: "{}"  # noqa: ARG005 -- no row has any

    def of_row(row: int) -> str:
        return f"{{{', '.join(f'{name}: {_repeated(column[row])}' for name, column in columns)}}}"

    return of_row


def _line(
    row: int,
    rows: Rows,
    fingerprints: Fingerprints,
    labels: Sequence[str],
    slices: Callable[[int], str],
) -> str:
    """Return the JSON of an image, put together: an encoder for each of a million takes long."""
    group = "null" if rows.groups is None else _repeated(rows.groups[row])
    digest = fingerprints.file[row].tobytes().hex()
    name, label = _text(rows.ids[row]), labels[rows.labels[row]]
    return f'[{name}, "{digest}", {label}, {group}, {slices(row)}]'


def _unreadable(image: Unreadable) -> str:
    return json.dumps([image.id, None, image.label, image.reason])
