import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gate.cli.policy import command
from gate.errors import DocumentError, UsageError

FAULTY = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: a, version: '1'}\nrules: []\n"


def _run(*arguments):
    return CliRunner().invoke(command, arguments)


def test_lint_says_how_many_rules_there_are_and_how_many_block():
    result = _run("lint", "smoke", "baseline")

    assert result.output == "smoke: ok, 11 rules, 5 block\nbaseline: ok, 11 rules, 11 block\n"
    assert result.exit_code == 0


def test_lint_goes_on_after_a_faulty_policy_and_tells_all_faults(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(FAULTY)
    second.write_text(FAULTY.replace("Policy", "Polizei"))

    result = _run("lint", str(first), "smoke", str(second))

    assert result.output == "smoke: ok, 11 rules, 5 block\n"
    assert isinstance(result.exception, DocumentError)
    assert result.exception.exit_status == 2
    assert [(fault.file, fault.line) for fault in result.exception.faults] == [
        (str(first), 4),
        (str(second), 2),
    ]


def test_lint_tells_missing_and_faulty_policies_together(tmp_path):
    faulty = tmp_path / "a.yaml"
    faulty.write_text(FAULTY)

    error = _run("lint", "nothing.yaml", str(faulty)).exception

    assert isinstance(error, UsageError)
    assert "nothing.yaml: no such file" in str(error)
    assert f"{faulty}:4:1: the policy has no rules" in str(error)


def test_lint_of_nothing_is_wrong_usage():
    assert _run("lint").exit_code == 2


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_show_prints_one_document(form):
    output = _run("show", "smoke", "--format", form).output

    assert "one_sided_confidence" in output
    if form == "json":
        assert json.loads(output)["metadata"]["name"] == "smoke"


def test_linting_loads_nothing_heavy():
    program = (
        "import sys; from gate.cli.policy import command;"
        "command(['lint', 'baseline'], standalone_mode=False);"
        "print(sorted({'numpy', 'scipy', 'torch', 'PIL', 'sklearn'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
