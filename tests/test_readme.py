"""The README shows what the program prints, and its YAML is what the program reads."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
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


def test_two_commands_come_first_and_touch_no_python_but_their_own():
    install, test = re.search(r"```\n(.*?)```", text(), re.DOTALL)[1].splitlines()

    made, installed, shown = install.split(" && ")
    assert made == "python3 -m venv .venv"
    assert re.fullmatch(r"\.venv/bin/pip install torch==[0-9.]+ -e '\.\[test\]'", installed)
    assert shown == ".venv/bin/validate-model demo"
    assert test == ".venv/bin/python -m pytest -n 2"


@pytest.mark.skipif(shutil.which("git") is None, reason="CI runs on a copy of what git knows")
def test_ci_runs_the_commands_of_the_readme_in_a_copy_of_the_checkout(tmp_path):
    checkout, log = tmp_path / "checkout", tmp_path / "log"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(README.parent / ".ci" / "run", checkout / ".ci")
    said = f"echo install in $PWD >> {log}\necho test >> {log}\n"
    (checkout / "README.md").write_text(f"# Title\n\n```\n{said}```\n\n```\necho other\n```\n")
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)

    subprocess.run(["bash", checkout / ".ci" / "run", "fast"], check=True, cwd=tmp_path)

    installed, tested = log.read_text().splitlines()
    assert installed.startswith("install in ")
    assert str(checkout) not in installed
    assert tested == "test"
    assert sorted(each.name for each in checkout.iterdir()) == [".ci", ".git", "README.md"]


def test_ci_knows_its_targets_and_the_workflow_asks_for_each():
    workflow = yaml.safe_load((README.parent / ".github/workflows/ci.yml").read_text("utf-8"))
    asked = [each["target"] for each in workflow["jobs"]["run"]["strategy"]["matrix"]["include"]]
    ci = ["bash", README.parent / ".ci" / "run"]

    told = subprocess.run([*ci, "--help"], capture_output=True, text=True, check=True).stdout
    unknown = subprocess.run([*ci, "wheels"], capture_output=True, text=True, check=False)

    targets = re.findall(r"^  (\w+) ", told, re.MULTILINE)
    assert targets == [*dict.fromkeys(asked), "all"]
    assert unknown.returncode == 2
    assert unknown.stderr == "wheels is no target of .ci/run; see .ci/run --help\n"


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
