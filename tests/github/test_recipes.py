"""The recipes name options that the commands have."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from gate.cli.approve import command as approve
from gate.cli.attest import command as attest
from gate.cli.keygen import command as keygen
from gate.cli.verify import command as verify

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        ".github/DEPLOYMENT.md",
        ".github/RECIPES.md",
        ".github/workflows/attest-model.yml",
    )
}
COMMANDS = {"attest": attest, "approve": approve, "keygen": keygen, "verify": verify}


def options_of(command):
    return {option for parameter in command.params for option in parameter.opts}


def calls(text):
    """Yield (command, options) of each call of ours; lines that end in a backslash go on."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        found = re.search(rf"validate-model ({'|'.join(COMMANDS)})\b(?=.* -)(.*)", line)
        if found:
            yield found[1], re.findall(r"(?<=\s)(--?[a-z][a-z0-9-]*)", found[2])


@pytest.mark.parametrize("name", PAGES)
def test_every_option_of_a_call_is_one_of_its_command(name):
    found = list(calls(PAGES[name]))

    assert found
    unknown = [(each, set(said) - options_of(COMMANDS[each])) for each, said in found]
    assert [each for each in unknown if each[1]] == []


def test_the_init_container_calls_verify_with_what_it_needs():
    block = re.search(
        r"```yaml\n(apiVersion: v1\nkind: Pod.*?)```", PAGES[".github/RECIPES.md"], re.DOTALL
    )
    (gate,) = yaml.safe_load(block[1])["spec"]["initContainers"]

    given = {argument.partition("=")[0] for argument in gate["args"]}

    assert gate["command"][:2] == ["validate-model", "verify"]
    assert {"--attestation", "--policy", "--trust"} <= given <= options_of(verify)


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ("NOT EVALUATED\nmay heal: run again", 4, 75),
        ("NOT EVALUATED\nwill not heal by running again", 4, 4),
        ("FAIL", 1, 1),
        ("may heal: run again", 0, 0),
        ("PASS", 0, 0),
    ],
)
def test_the_job_of_gitlab_is_run_again_only_where_it_may_heal(said, status, expected, tmp_path):
    block = re.search(r"## GitLab CI\n\n```yaml\n(.*?)```", PAGES[".github/RECIPES.md"], re.DOTALL)
    job = yaml.safe_load(block[1])["gate"]
    for name, text in {
        "python3": "#!/bin/sh\n",
        "validate-model": f"#!/bin/sh\nprintf '%s\\n' '{said}'\nexit {status}\n",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    ran = subprocess.run(
        ["sh", "-ec", "\n".join(job["script"])],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == expected, ran.stderr
    assert said in ran.stdout
    assert job["retry"]["exit_codes"] == [75]
