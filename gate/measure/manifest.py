"""The digest that binds a report to its data."""

import json
from collections.abc import Sequence
from hashlib import sha256
from itertools import repeat

from gate.evidence.records import Fingerprints, Rows, Unreadable


def manifest_digest(
    rows: Rows,
    fingerprints: Fingerprints,
    unreadable: Sequence[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label and group of every image, in the order of ids."""
    groups = repeat(None) if rows.groups is None else rows.groups
    lines = [
        json.dumps([name, digest.tobytes().hex(), classes[label], group])
        for name, digest, label, group in zip(
            rows.ids, fingerprints.file, rows.labels, groups, strict=False
        )
    ]
    lines += [json.dumps([image.id, None, image.label, image.reason]) for image in unreadable]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()
