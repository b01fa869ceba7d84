"""The digest that binds a report to its data."""

import json
from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from gate.evidence.records import Fingerprints, Rows, Unreadable

_AT_ONCE = 4096  # lines
_text = json.JSONEncoder().encode


def manifest_digest(
    rows: Rows,
    fingerprints: Fingerprints,
    unreadable: Sequence[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label and group of every image, in the order of ids.

    It is that of one JSON array a line, the lines sorted; ids are unique, so they give the order.
    """
    names = [_text(name) for name in rows.ids]
    names += [_text(image.id) for image in unreadable]
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    del names  # only the order is needed, not a million lines
    labels = [_text(name) for name in classes]
    digest = sha256()
    for start in range(0, len(order), _AT_ONCE):
        lines = "\n".join(
            _line(row, rows, fingerprints, labels)
            if row < len(rows)
            else _unreadable(unreadable[row - len(rows)])
            for row in order[start : start + _AT_ONCE].tolist()
        )
        digest.update(f"\n{lines}".encode() if start else lines.encode())
    return digest.hexdigest()


def _line(row: int, rows: Rows, fingerprints: Fingerprints, labels: Sequence[str]) -> str:
    """Return the JSON of an image, put together: an encoder for each of a million takes long."""
    group = "null" if rows.groups is None else _text(rows.groups[row])
    digest = fingerprints.file[row].tobytes().hex()
    return f'[{_text(rows.ids[row])}, "{digest}", {labels[rows.labels[row]]}, {group}]'


def _unreadable(image: Unreadable) -> str:
    return json.dumps([image.id, None, image.label, image.reason])
