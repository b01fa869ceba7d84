"""Commands that need neither a model nor data load neither torch nor what is slow like it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gate.evidence.made_up import MadeUp
from gate.evidence.store import save

GOLDEN = Path(__file__).parents[1] / "golden"
HEAVY = ("torch", "torchvision", "sklearn", "pandas", "PIL")
STATIC = (*HEAVY, "numpy", "scipy")


def loaded_by(arguments, folder):
    """Run a command in a fresh Python and return (status, the modules it loaded)."""
    program = (
        "import json, sys\n"
        "from gate.cli import main\n"
        f"status = main({arguments!r})\n"
        "print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    status, modules = json.loads(ran.stderr.splitlines()[-1])
    return status, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["policy", "lint", "baseline"],
        ["policy", "lint", "nowhere.yaml"],
        ["policy", "show", "baseline"],
        ["explain"],
        ["explain", "recall"],
        ["explain", "recal"],
    ],
)
def test_static_work_loads_neither_torch_nor_numpy(arguments, tmp_path):
    _, modules = loaded_by(arguments, tmp_path)

    assert modules.isdisjoint(STATIC)


def test_a_run_that_cannot_begin_does_not_wait_for_torch(tmp_path):
    status, modules = loaded_by(["run", "nowhere.yaml"], tmp_path)

    assert status == 2
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_first_words_do_not_wait_for_pydantic_or_yaml(arguments, tmp_path):
    _, modules = loaded_by(arguments, tmp_path)

    assert modules.isdisjoint({"pydantic", "yaml"})


def test_judging_saved_evidence_needs_no_torch(tmp_path):
    numbers = MadeUp(
        train=((97, 3), (3, 97)),
        test=((96, 4), (2, 98)),
        copies=0,
        probe="sound",
        train_loss=(0.69, 0.5, 0.4, 0.3, 0.25),
    )
    save(numbers.evidence(), tmp_path / "evidence.sqlite")

    status, modules = loaded_by(["judge", ".", "--policy", "baseline"], tmp_path)

    assert status == 0
    assert modules.isdisjoint(HEAVY)


def test_the_door_loads_neither_torch_nor_numpy(tmp_path):
    keygen = ["keygen", "a.key", "--name", "a", "--role", "runner", "--policy", "baseline"]
    head = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\n"
    (tmp_path / "trust.yaml").write_text(head)
    (tmp_path / "model.pt").write_bytes(b"weights")
    (tmp_path / "report.json").write_bytes((GOLDEN / "pass.json").read_bytes())
    attest = ["attest", ".", "--checkpoint", "model.pt", "--key", "a.key", "-o", "a.jsonl"]
    verify = ["verify", "model.pt", "--statement", "report.json"]
    verify += ["--policy", "baseline", "--trust", "trust.yaml"]

    for arguments, expected in ((keygen, 0), (attest, 5), (verify, 5)):
        status, modules = loaded_by(arguments, tmp_path)

        assert status == expected
        assert modules.isdisjoint(STATIC)
