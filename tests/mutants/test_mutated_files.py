"""Mutated data, evidence, shards and histories: refused in words, at once, and in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("read_mutants.py")
KINDS = ("parquet", "csv", "npz", "idx", "tar", "sqlite", "shard", "history")


def read_mutants(seed, count, *kinds):
    """Return what came of the mutants of each kind; none may end the process that reads them."""
    pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    pytest.importorskip("tensorboard", reason="the tensorboard extra is not installed")
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(seed), str(count), *kinds],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_a_few_mutants_of_every_kind_are_read_or_refused_in_words():
    for said in read_mutants(1, 12, *KINDS):
        assert said["read"] + said["refused"] == 12
        assert said["grown"] < 2 << 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_mutants_end_in_words_within_seconds_and_two_gibibytes(kind):
    (said,) = read_mutants(2026, 500, kind)

    assert min(said["read"], said["refused"]) > 0
    assert said["grown"] < 2 << 30
