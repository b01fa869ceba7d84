"""The digest that binds a report to its data."""

import json
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import Fingerprints, Unreadable
from gate.subject.datasets.records import Entry


def manifest_digest(
    entries: list[Entry],
    labels: NDArray[np.int32],
    fingerprints: Fingerprints,
    unreadable: list[Unreadable],
    classes: tuple[str, ...],
) -> str:
    """Return the SHA-256 over path, bytes, label and group of every image, in the order of ids."""
    lines = [
        json.dumps([entry.id, digest.tobytes().hex(), classes[label], entry.group])
        for entry, digest, label in zip(entries, fingerprints.file, labels, strict=True)
    ]
    lines += [json.dumps([image.id, None, image.label, image.reason]) for image in unreadable]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()
