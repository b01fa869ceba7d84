"""The cores that affinity and a container's quota leave, and memory that is kept."""

import os
import subprocess
import sys

import pytest

from gate.measure.parallel import cpu_budget


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Files of control groups that a test writes; there are none at first."""
    for name in ("_QUOTA", "_OLD_QUOTA", "_OLD_PERIOD"):
        monkeypatch.setattr(cpu_budget, name, tmp_path / name)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


def test_affinity_alone_decides_without_a_quota(groups):
    assert cpu_budget.usable_cores() == 8


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 3),  # two and a half: the third is worth having
        ("50000 100000", 1),
        ("1000000 100000", 8),  # more than the affinity leaves
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_a_quota_of_version_2_counts(written, expected, groups):
    (groups / "_QUOTA").write_text(f"{written}\n")

    assert cpu_budget.usable_cores() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3), ("10000", 1), ("x", 8)])
def test_a_quota_of_version_1_counts(quota, expected, groups):
    (groups / "_OLD_QUOTA").write_text(f"{quota}\n")
    (groups / "_OLD_PERIOD").write_text("100000\n")

    assert cpu_budget.usable_cores() == expected


def test_a_system_without_affinity_counts_its_processors(groups, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cpu_budget.usable_cores() == 5

    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_budget.usable_cores() == 1


MEASURE = """\
import resource, sys
import numpy as np
from gate.measure.parallel.cpu_budget import prepare_process
if sys.argv[1] == "kept":
    prepare_process()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        np.ones(64 << 20, np.uint8)  # above what glibc learns to keep by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_memory_that_is_kept_takes_no_page_faults():
    counts = {
        how: int(subprocess.check_output([sys.executable, "-c", MEASURE, how], text=True))
        for how in ("kept", "given back")
    }

    assert counts["kept"] < counts["given back"] / 10


def test_another_system_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(cpu_budget.ctypes, "CDLL", None)  # calling it would raise

    cpu_budget.prepare_process()


def test_what_the_user_says_of_openmp_stands(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")

    cpu_budget.prepare_process()

    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
