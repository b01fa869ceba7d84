"""The README shows what the program prints, and its YAML is what the program reads."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.approval.trust import read_trust
from gate.cli import program
from gate.subject.gatefile import read_gatefile

README = Path(__file__).parents[1] / "README.md"


def block(name):
    found = re.search(rf"<!-- {name} -->\n```\n(.*?)```\n<!-- end of {name} -->", text(), re.DOTALL)
    assert found, f"README.md has no block {name}"
    return found[1]


def text():
    return README.read_text(encoding="utf-8")


def rewritten(name, fresh):
    return re.sub(
        rf"(<!-- {name} -->\n```\n).*?(```\n<!-- end of {name} -->)",
        lambda found: f"{found[1]}{fresh}{found[2]}",
        text(),
        flags=re.DOTALL,
    )


def agrees(name, fresh, regenerate):
    if regenerate:
        README.write_text(rewritten(name, fresh), encoding="utf-8")
    assert block(name) == fresh


def test_the_help_block_is_the_programs_own(regenerate):
    help_text = CliRunner().invoke(program, ["--help"], prog_name="validate-model").output

    agrees("help", help_text, regenerate)


@pytest.mark.slow
def test_the_demo_block_is_what_the_demo_prints(regenerate, tmp_path):
    printed = subprocess.run(
        [sys.executable, "-c", "import sys; from gate.cli import main; sys.exit(main(['demo']))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    agrees("demo", printed, regenerate)


def test_the_gate_file_of_the_tour_is_read(tmp_path):
    example = re.search(r"```yaml\n(apiVersion.*?)```", text(), re.DOTALL)
    path = tmp_path / "gate.yaml"
    path.write_text(example[1], encoding="utf-8")

    gatefile = read_gatefile(path)

    gatefile.require_complete()
    assert gatefile.critical == ("tumour",)


def test_every_linked_file_exists():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text())

    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_install_and_test_commands_are_those_that_ci_runs():
    ci = (README.parent / ".ci" / "run").read_text(encoding="utf-8")

    assert "python3 -m pip install torch==2.13.0 -e '.[test]'" in text()
    assert "torch==2.13.0 -e '.[test]'" in ci
    assert "\npython3 -m pytest -n 2\n" in text()
    assert "\npython3 -m pytest -n 2\n" in ci


def test_what_a_trust_file_may_ask_for_is_read(tmp_path):
    example = re.search(r"```yaml\n(warnings: .*?)```", text(), re.DOTALL)
    path = tmp_path / "trust.yaml"
    head = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\n"
    path.write_text(head + example[1], encoding="utf-8")

    root = read_trust(str(path)).root

    assert root.warnings == "refuse"
    assert len(root.data.test) == len(root.champion) == 1
    assert root.critical == ("tumour",)
    assert list(root.configuration.named()) == ["input"]


@pytest.mark.slow
def test_the_walk_to_the_door_can_be_pasted(tmp_path):
    commands = block("deployment")
    shim = tmp_path / "bin" / "validate-model"
    shim.parent.mkdir()
    shim.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(README.parent)!r})\n"
        "from gate.cli import main\nsys.exit(main())\n"
    )
    shim.chmod(0o755)

    ran = subprocess.run(
        ["bash", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 5
    assert ran.stdout.count("ACCEPTED (exit status 0)") == 1
    assert ran.stdout.endswith("REFUSED checkpoint-differs (exit status 5)\n")
    assert "Error" not in ran.stderr
