"""The digest that binds a report to its data."""

import json
from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from gate.evidence.records import Fingerprints, Rows, Unreadable


def manifest_digest(
    rows: Rows,
    fingerprints: Fingerprints,
    unreadable: Sequence[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label and group of every image, in the order of ids.

    It is that of one JSON array a line, the lines sorted; ids are unique, so they give the order.
    """
    names = [json.dumps(name) for name in rows.ids]
    names += [json.dumps(image.id) for image in unreadable]
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    del names  # only the order is needed, not a million lines
    digest = sha256()
    for place, row in enumerate(order.tolist()):
        line = _line(row, rows, fingerprints, unreadable, classes)
        digest.update(f"\n{line}".encode() if place else line.encode())
    return digest.hexdigest()


def _line(
    row: int,
    rows: Rows,
    fingerprints: Fingerprints,
    unreadable: Sequence[Unreadable],
    classes: tuple[str, ...],
) -> str:
    if row >= len(rows):
        image = unreadable[row - len(rows)]
        return json.dumps([image.id, None, image.label, image.reason])
    group = None if rows.groups is None else rows.groups[row]
    digest = fingerprints.file[row].tobytes().hex()
    return json.dumps([rows.ids[row], digest, classes[rows.labels[row]], group])
