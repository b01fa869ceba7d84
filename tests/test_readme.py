"""What the README and its pages say holds: links, commands, and YAML that the program reads."""

import re
import shutil
import subprocess

import pytest
import yaml
from pages import HIDDEN, README, Page, as_user

from gate.approval.trust import read_trust
from gate.cli import main
from gate.policy.reading import read_policy
from gate.policy.shipped import shipped_names
from gate.subject.gatefile import read_gatefile

PAGES = {each.name: each for each in [README, *HIDDEN.glob("*.md")]}
README_ONLY = Page(README)
DEPLOYMENT = Page(HIDDEN / "DEPLOYMENT.md")
POLICIES = Page(HIDDEN / "POLICIES.md")
THRESHOLDS = Page(HIDDEN / "THRESHOLDS.md")


@pytest.mark.parametrize("name", PAGES)
def test_every_linked_file_exists(name):
    text = PAGES[name].read_text(encoding="utf-8")

    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)

    assert [link for link in links if not (PAGES[name].parent / link).exists()] == []


def test_the_readme_leads_to_every_page():
    links = set(re.findall(r"\]\(\.github/(\w+\.md)\)", README_ONLY.text))

    assert links == {each.name for each in HIDDEN.glob("*.md")}


def test_the_readme_is_short():
    assert len(README_ONLY.text.splitlines()) <= 250


def test_it_is_installed_from_the_checkout_or_a_wheel():
    said = re.findall(r"pip install ([^`\n&]+)", README_ONLY.text)

    assert said
    assert all(
        re.fullmatch(r"(torch==[0-9.]+ -e )?(['\"])\.\[[a-z,]+\]\2\s*", each) for each in said
    )


def test_every_shipped_policy_is_named():
    assert [each for each in shipped_names() if f"`{each}`" not in README_ONLY.text] == []


def test_a_policy_of_ones_own_is_read(tmp_path):
    example = re.search(
        r"```yaml\n(apiVersion: gate/v1\nkind: Policy.*?)```", POLICIES.text, re.DOTALL
    )
    path = tmp_path / "policy.yaml"
    path.write_text(example[1], encoding="utf-8")

    document = read_policy(str(path))

    assert document.policy.metadata.name == "tumour-release"
    assert document.policy.critical == ("tumour",)


def test_the_gate_files_and_the_policy_of_thresholds_are_read(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", THRESHOLDS.text, re.DOTALL)
    kinds = []
    for place, block in enumerate(blocks):
        path = tmp_path / f"{place}.yaml"
        is_part = "apiVersion" not in block
        path.write_text(f"apiVersion: gate/v1\nkind: Validation\n{block}" if is_part else block)
        is_policy = "kind: Policy" in block
        kinds.append((read_policy(str(path)) and "policy") if is_policy else "gate file")
        if not is_policy:
            assert read_gatefile(path).operating_point is not None

    assert kinds == ["gate file", "gate file", "policy", "gate file"]


@pytest.mark.slow
def test_the_walk_to_a_threshold_can_be_pasted(tmp_path):
    assert main(["demo", "--out", str(tmp_path / "validate-model-demo")]) == 0

    ran = as_user(THRESHOLDS.block("thresholds"), tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("PASS  exit status 0\n")


def test_two_commands_come_first_and_touch_no_python_but_their_own():
    install, test = re.search(r"```\n(.*?)```", README_ONLY.text, re.DOTALL)[1].splitlines()

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
    example = re.search(r"```yaml\n(warnings: .*?)```", DEPLOYMENT.text, re.DOTALL)
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
    ran = as_user(DEPLOYMENT.block("deployment"), tmp_path)

    assert ran.returncode == 5
    assert ran.stdout.count("ACCEPTED (exit status 0)") == 1
    assert ran.stdout.endswith("REFUSED checkpoint-differs (exit status 5)\n")
    assert "Error" not in ran.stderr
