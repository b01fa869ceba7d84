"""How long verify takes with a large checkpoint, against the bare digest of the same file."""

import hashlib
import time

import pytest

from gate.approval.digests import checkpoint_files


@pytest.mark.benchmark
def test_hashing_at_the_door_against_bare_sha256(tmp_path, capsys):
    path = tmp_path / "large.pt"
    with path.open("wb") as stream:
        stream.truncate(2 * 10**9)

    def bare():
        with path.open("rb", buffering=0) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    ratios = []
    for _ in range(3):
        start = time.process_time()
        digest = bare()
        middle = time.process_time()
        assert checkpoint_files(path).sha256 == digest
        ratios.append((time.process_time() - middle) / (middle - start))

    with capsys.disabled():
        print(f"\nhashing at deployment / bare sha256: {sorted(ratios)[1]:.2f}")  # noqa: T201 -- what it is for
