"""Commands that need neither a model nor data load neither torch nor what is slow like it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

GOLDEN = Path(__file__).parents[1] / "golden"
HEAVY = ("torch", "torchvision", "sklearn", "pandas", "PIL")
STATIC = (*HEAVY, "numpy", "scipy")


FIRST_WORDS = (["--help"], ["--version"])
STATIC_WORK = (
    *FIRST_WORDS,
    ["run", "--help"],
    ["policy", "lint", "baseline"],
    ["policy", "lint", "nowhere.yaml"],
    ["policy", "show", "baseline"],
    ["explain"],
    ["explain", "recall"],
    ["explain", "recal"],
)


def loaded_by(folder, *commands):
    """Run commands in turn in one fresh Python; return (status, the modules loaded so far) each."""
    program = (
        "import json, sys\n"
        "from gate.cli import main\n"
        "found = [[main(each), sorted(sys.modules)] for each in json.loads(sys.argv[1])]\n"
        "print(json.dumps(found), file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(commands)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [(status, set(modules)) for status, modules in json.loads(ran.stderr.splitlines()[-1])]


@pytest.fixture(scope="module")
def static_work(tmp_path_factory):
    """Return command -> the modules that are loaded after it and those before it in the list."""
    ran = loaded_by(tmp_path_factory.mktemp("static"), *STATIC_WORK)
    return {" ".join(each): found for each, (_, found) in zip(STATIC_WORK, ran, strict=True)}


@pytest.mark.parametrize("command", [" ".join(each) for each in STATIC_WORK])
def test_static_work_loads_neither_torch_nor_numpy(command, static_work):
    assert static_work[command].isdisjoint(STATIC)


def test_a_run_that_cannot_begin_does_not_wait_for_torch(tmp_path):
    [(status, modules)] = loaded_by(tmp_path, ["run", "nowhere.yaml"])

    assert status == 2
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", [" ".join(each) for each in FIRST_WORDS])
def test_the_first_words_do_not_wait_for_pydantic_or_yaml(command, static_work):
    assert static_work[command].isdisjoint({"pydantic", "yaml"})


def test_judging_saved_evidence_needs_no_torch(tmp_path):
    numbers = SyntheticRun(
        train=((97, 3), (3, 97)),
        test=((96, 4), (2, 98)),
        copies=0,
        probe="sound",
        train_loss=(0.69, 0.5, 0.4, 0.3, 0.25),
    )
    save(synthetic_evidence(numbers), tmp_path / "evidence.sqlite")

    [(status, modules)] = loaded_by(tmp_path, ["judge", ".", "--policy", "baseline"])

    assert status == 0
    assert modules.isdisjoint(HEAVY)


def test_the_door_loads_neither_torch_nor_numpy_and_attest_no_torch(tmp_path):
    keygen = ["keygen", "a.key", "--name", "a", "--role", "runner", "--policy", "baseline"]
    head = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\n"
    (tmp_path / "trust.yaml").write_text(head)
    (tmp_path / "model.pt").write_bytes(b"weights")
    (tmp_path / "report.json").write_bytes((GOLDEN / "pass.json").read_bytes())
    attest = ["attest", ".", "--checkpoint", "model.pt", "--key", "a.key", "-o", "a.jsonl"]
    verify = ["verify", "model.pt", "--statement", "report.json"]
    verify += ["--policy", "baseline", "--trust", "trust.yaml"]

    at_the_door, before = loaded_by(tmp_path, keygen, verify), loaded_by(tmp_path, attest)

    assert [status for status, _ in (*at_the_door, *before)] == [0, 5, 5]
    assert all(modules.isdisjoint(STATIC) for _, modules in at_the_door)
    assert all(modules.isdisjoint(HEAVY) for _, modules in before)  # it judges again
