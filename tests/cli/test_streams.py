"""Standard output that is full, closed, or that nobody reads any more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

BAD = synthetic_evidence(SyntheticRun(test=((400, 100), (100, 400))))
PROGRAM = [sys.executable, "-c", "import sys; from gate.cli import main; sys.exit(main())"]
JUDGE = ["judge", ".", "--policy", "policy.yaml"]
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: accuracy-only, version: 1.0.0}
rules: [{check: accuracy, min: 0.90}]
"""
needs_dev_full = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="/dev/full is a device of Linux"
)


@pytest.fixture
def folder(tmp_path):
    save(BAD, tmp_path / "evidence.sqlite")
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def ran(folder, arguments, stdout, **streams):
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, stdout=stdout, text=True, check=False,
        env={**os.environ, "TMPDIR": str(folder)}, **({"stderr": subprocess.PIPE} | streams),
    )  # fmt: skip


def unread(folder, arguments, **streams):
    """Run with a standard output whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    try:
        return ran(folder, arguments, write, **streams)
    finally:
        os.close(write)


@needs_dev_full
@pytest.mark.parametrize(
    "arguments",
    [JUDGE, ["explain"], ["plan"], ["policy", "lint", "baseline"], ["--help"]],
    ids=["judge", "explain", "plan", "policy-lint", "help"],
)
def test_a_full_disk_is_4_with_place_fact_and_remedy_and_no_crash_file(arguments, folder):
    with Path("/dev/full").open("w") as full:
        found = ran(folder, arguments, full)

    assert found.returncode == 4
    assert "standard output: cannot be written (No space left on device); make room" in found.stderr
    assert "Traceback" not in found.stderr
    assert not list(folder.glob("validate-model-crash-*"))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(JUDGE, 1), ([*JUDGE, "--format", "json"], 1), (["explain"], 0), (["--version"], 141)],
    ids=["judge", "json", "explain", "version"],
)
def test_a_reader_that_went_away_changes_no_exit_status(arguments, status, folder):
    found = unread(folder, arguments)

    assert found.returncode == status
    assert found.stderr == ""
    assert not list(folder.glob("validate-model-crash-*"))


def test_a_rule_that_fails_after_the_reader_has_gone_is_still_found(folder):
    (folder / "bad.yaml").write_text(POLICY.replace("accuracy,", "acuracy,"))

    found = unread(folder, ["policy", "lint", "policy.yaml", "bad.yaml"])

    assert found.returncode == 2
    assert "bad.yaml:4:" in found.stderr


def test_standard_error_may_go_away_as_well(folder):
    found = unread(folder, ["policy", "lint", "nope.yaml"], stderr=subprocess.STDOUT)

    assert found.returncode == 2


def test_standard_output_may_be_closed(folder):
    found = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, *JUDGE],
        cwd=folder, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip

    assert (found.returncode, found.stderr) == (1, "")
