"""The composite action's own steps, run as shell in a runner's environment that is made up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / ".github/actions/validate-model/action.yml").read_text("utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FAKE = """#!{python}
import json, sys
from pathlib import Path
Path("arguments.json").write_text(json.dumps(sys.argv[1:]))
sys.path.insert(0, {root!r})
if {verdict!r} == "usage":
    sys.exit(2)
from gate.cli.output import outputs_of_step, parse_outputs, write
from gate.report.reading import read_report
from gate.report.renderings import Beside
report = read_report(Path({golden!r}) / ({verdict!r} + ".json"))
asked = [value for name, value in zip(sys.argv, sys.argv[1:]) if name == "-o"]
targets = parse_outputs(asked)
write(report, targets, Beside())
outputs_of_step(report, targets.values(), Path("gate-out/report.json"))
sys.exit(report.decision.exit_status)
"""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are bash")


class Runner:
    """The part of a GitHub runner that the steps can see."""

    def __init__(self, folder, verdict):
        self.folder = folder
        self.files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "SUMMARY")}
        for file in self.files.values():
            file.touch()
        (folder / "temp").mkdir()
        (folder / "bin").mkdir()
        program = folder / "bin" / "validate-model"
        program.write_text(
            FAKE.format(
                python=sys.executable,
                root=str(ROOT),
                verdict=verdict,
                golden=str(ROOT / "tests" / "golden"),
            )
        )
        program.chmod(0o755)

    def run(self, step, **inputs):
        """Return the finished process of a step; inputs reach it by its ``env`` alone."""
        given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        given |= inputs
        outputs = self.outputs()

        def value(expression):
            kind, name = re.fullmatch(
                r"\$\{\{ (inputs|steps\.gate\.outputs)\.([a-z0-9-]+) \}\}", expression
            ).groups()
            return given[name] if kind == "inputs" else outputs.get(name, "")

        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_OUTPUT": str(self.files["GITHUB_OUTPUT"]),
            "GITHUB_STEP_SUMMARY": str(self.files["SUMMARY"]),
            **{name: value(expression) for name, expression in step.get("env", {}).items()},
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def outputs(self):
        """Return the outputs as the runner reads its file."""
        found = {}
        lines = iter(self.files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines())
        for line in lines:
            if "<<" in line:
                name, end = line.split("<<")
                body = []
                while (each := next(lines)) != end:
                    body.append(each)
                found[name] = "\n".join(body)
            else:
                name, _, found[name] = line.partition("=")
        return found


def step(name):
    return next(each for each in ACTION["runs"]["steps"] if each.get("name") == name)


GATE, CLOSE = step("Measure and judge"), step("Open or shut the gate")


@pytest.fixture
def runner(tmp_path):
    return lambda verdict: Runner(tmp_path, verdict)


@pytest.mark.slow  # runs the steps as a shell would
@pytest.mark.parametrize(
    ("verdict", "status"), [("pass", 0), ("fail", 1), ("inconclusive", 3), ("error", 4)]
)
def test_the_summary_and_the_files_are_there_before_the_gate_shuts(verdict, status, runner):
    machine = runner(verdict)

    measured = machine.run(GATE)
    closed = machine.run(CLOSE)

    assert measured.returncode == 0, measured.stderr
    assert closed.returncode == status
    outputs = machine.outputs()
    assert outputs["verdict"] == verdict
    assert outputs["report"] == "gate-out/report.json"
    assert outputs["policy-sha256"]
    kept = {file.name for file in Path(outputs["folder"]).iterdir()}
    assert {"report.json", "report.html", "junit.xml", "report.sarif"} <= kept
    marker, verdict, *_ = machine.files["SUMMARY"].read_text(encoding="utf-8").splitlines()
    assert marker.startswith("<!-- validate-model: ")
    assert verdict.startswith("## ")
    assert measured.stdout.startswith("::")


@pytest.mark.slow
def test_a_usage_error_is_said_in_the_summary_and_shuts_the_gate(runner):
    machine = runner("usage")

    assert machine.run(GATE).returncode == 0
    assert machine.run(CLOSE).returncode == 2
    assert "judged nothing" in machine.files["SUMMARY"].read_text(encoding="utf-8")
    assert "verdict" not in machine.outputs()


@pytest.mark.slow
def test_a_gate_that_never_ran_is_shut(runner):
    assert runner("pass").run(CLOSE).returncode == 70


@pytest.mark.slow
def test_inputs_reach_the_program_as_single_arguments(runner):
    machine = runner("pass")
    hostile = '$(touch x) "; touch y #'

    machine.run(GATE, gatefile=hostile, policy=hostile, arguments=f"--test\n{hostile}\n")

    said = (machine.folder / "arguments.json").read_text(encoding="utf-8")
    assert yaml.safe_load(said).count(hostile) == 3
    assert not {"x", "y"} & {file.name for file in machine.folder.iterdir()}


@pytest.mark.slow
def test_no_images_is_asked_for_when_images_are_off(runner):
    machine = runner("pass")

    machine.run(GATE, images="false")

    said = (machine.folder / "arguments.json").read_text(encoding="utf-8")
    assert "--no-images" in yaml.safe_load(said)


def test_no_script_of_the_action_or_a_workflow_holds_an_expression():
    scripts = [each["run"] for each in ACTION["runs"]["steps"] if "run" in each]
    for path in WORKFLOWS:
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        scripts += [each["run"] for job in jobs for each in job["steps"] if "run" in each]

    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_every_action_that_is_used_is_pinned_by_its_digest():
    used = [each["uses"] for each in ACTION["runs"]["steps"] if "uses" in each]
    for path in WORKFLOWS:
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        used += [each["uses"] for job in jobs for each in job["steps"] if "uses" in each]

    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", each) or each.startswith("$/") for each in used)


def test_zizmor_finds_nothing():
    program = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which(
        "zizmor"
    )
    assert program, "zizmor is in the extra test"

    found = subprocess.run(
        [program, "--offline", "--quiet", str(ROOT / ".github")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout + found.stderr
