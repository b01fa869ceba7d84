# ruff: noqa: T201 - a benchmark prints what it finds
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from gate.measure.duplicates.hamming_search import QUARTERS, Buckets

pytestmark = pytest.mark.benchmark


def measured(program, *arguments):
    """Run ``program`` by itself, and return the CPU seconds and the peak MB that it prints."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout


def words(count, rng):
    return rng.integers(0, 2**64, count, dtype=np.uint64)


@pytest.mark.parametrize(("n", "m"), [(100_000, 100_000), (1_000_000, 50_000)])
def test_cost_of_joining_words_against_comparing_them_all(n, m, capsys):
    rng = np.random.default_rng(0)
    a, b = words(n, rng), words(m, rng)
    b[:100] = a[:100] ^ np.uint64(0b1111111)

    began = time.process_time()
    pairs = sum(len(rows) for each in QUARTERS for rows, _ in Buckets.of(a, each).near(b, 7))
    joined = time.process_time() - began
    began = time.process_time()
    part = sum(np.count_nonzero(np.bitwise_count(a ^ each) <= 7) for each in b[:1000])
    everything = (time.process_time() - began) * m / 1000

    with capsys.disabled():
        print(
            f"\n{n:,} x {m:,} at 7 of 64 bits: {joined:.2f} CPU s, {pairs} pairs; "
            f"comparing them all: {everything:.0f} CPU s"
        )
    assert pairs >= 100
    assert part == 100


ONE_RUN = """
    import gzip, resource, sys, time
    from pathlib import Path
    import numpy as np
    from gate.evidence.records import Split
    from gate.measure.fingerprints.fingerprint import fingerprint_batch
    from gate.measure.duplicates.exact_copies import FingerprintedSplit
    from gate.measure.duplicates.find_overlap import find_duplicates, find_overlap

    def split(role, name):
        path = Path(sys.argv[1]) / f"{name}-images-idx3-ubyte.gz"
        pixels = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16)
        pixels = pixels.reshape(-1, 28, 28)
        names = np.array([f"{row:09d}" for row in range(len(pixels))], dtype=object)
        prints = fingerprint_batch([each.tobytes() for each in pixels], pixels)
        return FingerprintedSplit(role, names, names, prints)

    a, b = split(Split.TRAIN, "train"), split(Split.TEST, "t10k")
    hashed = time.process_time()
    across = find_overlap(a, b)
    joined = time.process_time()
    inside = find_duplicates(a), find_duplicates(b)
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"read and fingerprint 70,000: {hashed:.1f} CPU s; overlap: {joined - hashed:.1f};")
    print(f"duplicates in both: {done - joined:.1f}; all {done:.1f}; peak {peak:.0f} MB")
    print(len(across.pairs), "near across,", *(len(each.pairs) for each in inside), "near inside")
"""


def test_cost_of_everything_on_fashion_mnist(fashion_mnist, capsys):
    said = measured(ONE_RUN, "/usr/share/datasets/fashion-mnist")

    with capsys.disabled():
        print(f"\n{said}")
    assert "peak" in said


MILLIONS = """
    import resource, sys, time
    import numpy as np
    from gate.evidence.records import EXACT, Fingerprints, Split
    from gate.measure.duplicates.find_overlap import FingerprintedSplit, find_overlap

    rng = np.random.default_rng(0)
    count = int(sys.argv[1])

    def split(role, prefix):
        def digests():
            return rng.integers(0, 256, (count, 32), dtype=np.uint8)
        none = np.zeros((count, 32), np.uint8)
        flags = np.zeros(count, bool)
        prints = Fingerprints(digests(), digests(), digests(), digests(), flags, none, none)
        names = np.array([f"{prefix}/{row:09d}" for row in range(count)], dtype=object)
        labels = np.array(["bag"] * count, dtype=object)
        return FingerprintedSplit(role, names, labels, prints)

    a, b = split(Split.TRAIN, "train"), split(Split.TEST, "test")
    for column in ("file", "pixels", "oriented"):
        getattr(b.fingerprints, column)[:1000] = getattr(a.fingerprints, column)[:1000]
    b.fingerprints.near[1000:2000] = a.fingerprints.near[1000:2000]
    b.fingerprints.near[1000:2000, 0:20:5] ^= 0b1111111
    began = time.process_time()
    overlap = find_overlap(a, b)
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    exact = sum(pair.kind in EXACT for pair in overlap.pairs)
    print(f"{count:,} a side: {spent:.0f} CPU s, peak {peak:.2f} GiB;")
    print(f"{exact} exact and {len(overlap.pairs) - exact} near found of 1000 and 1000 planted")
"""


def test_cost_of_a_million_images_a_side(capsys):
    said = measured(MILLIONS, 1_000_000)

    with capsys.disabled():
        print(f"\n{said}")
    assert "1000 exact and 1000 near" in said
