"""The digest that binds a report to its data is that of sorted lines of JSON."""

import json
from hashlib import sha256

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.records import Fingerprints, Rows, Unreadable
from gate.measure.manifest import manifest_digest

CLASSES = ("cat", "dog")
NAMES = st.lists(st.text(max_size=6), unique=True, max_size=12)


@given(NAMES, st.integers(0, 12), st.booleans())
def test_the_digest_is_that_of_all_lines_in_their_order(names, broken, grouped):
    readable, lost = names[broken:], names[:broken]
    digests = np.random.default_rng(len(names)).integers(0, 256, (len(readable), 32), np.uint8)
    labels = np.arange(len(readable), dtype=np.int32) % 2
    groups = np.array([f"g{place}" for place in range(len(readable))], dtype=object)
    unreadable = [Unreadable(name, "cat", "is cut off") for name in lost]
    lines = [
        json.dumps([name, digest.tobytes().hex(), CLASSES[label], group if grouped else None])
        for name, digest, label, group in zip(readable, digests, labels, groups, strict=True)
    ]
    lines += [json.dumps([name, None, "cat", "is cut off"]) for name in lost]

    found = manifest_digest(
        rows(readable, labels, groups if grouped else None), prints(digests), unreadable, CLASSES
    )

    assert found == sha256("\n".join(sorted(lines)).encode()).hexdigest()


def rows(names, labels, groups):
    nothing = np.zeros(len(names))
    ids = np.empty(len(names), dtype=object)
    ids[:] = names
    return Rows(ids, labels, labels, nothing, nothing, nothing, labels, groups=groups)


def prints(digests):
    flags = np.zeros(len(digests), np.bool_)
    return Fingerprints(digests, digests, digests, digests, flags)
