"""No module runs that lies in the current folder, or beside checkpoint, data, policy, gate file."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gate.measure.engines.child_process import restore_import_path, safe_import_path

NAMES = (
    "torch", "numpy", "PIL", "scipy", "cryptography", "click", "pydantic", "yaml", "json", "random",
    "zipfile", "sqlite3", "multiprocessing", "onnxruntime", "pyarrow", "fsspec", "jinja2", "gate",
    "sitecustomize", "usercustomize", "opt_einsum", "pandas", "ray", "psutil", "signal", "pickle",
)  # fmt: skip

# What it imports lies beside it, and is found early, late and from a package.
NETS = """\
import torch

import early
from shapes import deep


class Bright(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.full((1,), 20.0))

    def forward(self, images):
        import late

        score = (images.mean(dim=(1, 2, 3)) - late.MIDDLE) * self.scale
        return torch.stack([-score, score], dim=1)


def build():
    return Bright()
"""

# The command as it is installed: not with -c or -m, which look into the current folder themselves.
PROGRAM = "from gate.__main__ import program\nif __name__ == '__main__':\n    program()\n"


class Place:
    """Folders that are full of traps, and a gate file elsewhere that means none of them."""

    def __init__(self, folder):
        self.folder = folder
        self.ran = folder / "ran"
        for name in ("program", "cwd", "gate", "checkpoint", "data", "policy"):
            (folder / name).mkdir()
        for name in ("cwd", "gate", "checkpoint", "data", "policy"):
            self.trap(folder / name)
        self.write("program/program.py", PROGRAM)
        self.write("gate/nets.py", NETS)
        for name in ("early", "late", "shapes/deep"):
            self.write(f"gate/{name}.py", "MIDDLE = 0.5\n")
        shutil.copy(self.write("policy/smoke.yaml", POLICY), folder / "policy" / "other.yaml")
        torch.save({"scale": torch.full((1,), 20.0)}, folder / "checkpoint" / "model.pt")
        for split in ("train", "test"):
            self.images(folder / "data" / split, seed=len(split))
        self.write("gate/gate.yaml", json.dumps(GATEFILE))

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def trap(self, folder):
        for name in NAMES:
            said = f"{folder.name}/{name}\n"
            (folder / f"{name}.py").write_text(
                f"open({str(self.ran)!r}, 'a').write({said!r})\nraise ImportError('a trap')\n"
            )

    def images(self, folder, seed):
        random = np.random.default_rng(seed)
        for label, level in (("dark", 60), ("light", 190)):
            (folder / label).mkdir(parents=True)
            for index in range(12):
                pixels = random.integers(level - 50, level + 50, (8, 8)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / label / f"{index}.png")

    def command(self, *arguments):
        """Run the command in the folder of traps; returns its end and the traps that ran."""
        self.ran.unlink(missing_ok=True)
        ended = subprocess.run(
            [sys.executable, self.folder / "program" / "program.py", *map(str, arguments)],
            cwd=self.folder / "cwd",
            env={**os.environ, "VALIDATE_MODEL_CACHE": str(self.folder / "cache")},
            capture_output=True,
            text=True,
            timeout=240,
        )
        return ended, self.ran.read_text().split() if self.ran.exists() else []


POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: small, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.5, decide_on: point}
"""

GATEFILE = {
    "apiVersion": "gate/v1",
    "kind": "Validation",
    "model": {"checkpoint": "../checkpoint/model.pt", "factory": "nets:build"},
    "classes": ["dark", "light"],
    "input": {"size": [8, 8], "channels": "L"},
    "data": {"train": {"path": "../data/train"}, "test": {"path": "../data/test"}},
    "policy": "../policy/smoke.yaml",
}

RUN = ("run", "../gate/gate.yaml", "--no-cache", "--out", "../out")

# In this order: what one leaves, the next ones read.
COMMANDS = {
    "run": RUN,
    "run with workers": (*RUN, "--workers", 2),
    "run by flags": (
        *(
            "run",
            "--checkpoint",
            "../checkpoint/model.pt",
            "--model",
            "mine:build",
            "--out",
            "../f",
        ),
        *("--train", "../data/train", "--test", "../data/test", "--policy", "../policy/smoke.yaml"),
        *("--size", "8x8", "--channels", "L"),
    ),
    "judge": ("judge", "../out", "--policy", "../policy/other.yaml"),
    "render": ("render", "../out/report.json", "-o", "html=../report.html"),
    "inspect": ("inspect", "../checkpoint/model.pt"),
    "explain": ("explain", "recall"),
    "overlap": ("overlap", "../data/train", "../data/test"),
    "init": ("init", "../data", "--model", "nets:build", "--out", "../new"),
    "plan": ("plan", "--policy", "../policy/smoke.yaml", "--test", "../data/test"),
    "policy lint": ("policy", "lint", "../policy/smoke.yaml"),
    "policy diff": ("policy", "diff", "../policy/smoke.yaml", "../policy/other.yaml"),
    "policy show": ("policy", "show", "release"),
    "shard": ("shard", "../gate/gate.yaml", "--index", 0, "--of", 1, "--out", "../shards"),
    "merge": ("merge", "../shards", "--gatefile", "../gate/gate.yaml", "--out", "../merged"),
    "cache": ("cache", "show"),
    "keygen": ("keygen", "../ci.key", "--name", "ci", "--role", "runner", "--policy", "small"),
    "keygen of another": (
        *("keygen", "../ann.key", "--name", "ann", "--role", "approver", "--policy", "small"),
    ),
    "attest": (
        *("attest", "../out", "--checkpoint", "../checkpoint/model.pt", "--key", "../ci.key"),
        *("-o", "../model.intoto.jsonl"),
    ),
    "approve": (
        *("approve", "../model.intoto.jsonl", "--key", "../ann.key", "--reason", "it is fit"),
        *("-o", "../approval.jsonl"),
    ),
    "verify": (
        *("verify", "../checkpoint/model.pt", "--attestation", "../model.intoto.jsonl"),
        *("--policy", "../policy/smoke.yaml", "--trust", "../policy/trust.yaml"),
        *("--approval", "../approval.jsonl"),
    ),
}


# A worker is asked for what is on its path, and whether what it starts itself is born blind too.
STARTS = """\
import json
import os
import sys
from multiprocessing import get_context

from gate.measure.engines.child_process import block_sigint, restore_import_path


def serve(line):
    restore_import_path()
    path = [each for each in sys.path if each in ("", ".", os.getcwd())]
    line.send((path, os.environ.get("PYTHONSAFEPATH")))


if __name__ == "__main__":
    context = get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    with block_sigint():
        process.start()
    path, inside = mine.recv()
    process.join()
    print(json.dumps({"path": path, "set": [inside, os.environ.get("PYTHONSAFEPATH")]}))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def ended(place):
    """Run all commands one after the other; returns how each ended, and the traps that ran."""
    place.write("cwd/mine.py", NETS)
    for name in ("early", "late", "shapes/deep"):
        place.write(f"cwd/{name}.py", "MIDDLE = 0.5\n")
    trust = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 1\nkeys:\n"
    ended = {}
    for name, arguments in COMMANDS.items():
        ended[name] = place.command(*arguments)
        if name.startswith("keygen"):
            trust += ended[name][0].stdout
            place.write("policy/trust.yaml", trust)
    return ended


@pytest.mark.slow
@pytest.mark.xdist_group("commands")  # all run once, for all claims
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_runs_a_module_that_nobody_named(name, ended):
    end, ran = ended[name]

    assert ran == []
    assert end.returncode == 0, end.stdout + end.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_under_ray_neither(place):
    pytest.importorskip("ray")

    end, ran = place.command(*RUN, "--engine", "ray", "--workers", 2)

    assert ran == []
    assert end.returncode == 0, end.stdout + end.stderr


def test_the_installed_one_of_two_modules_is_taken_and_said(project):
    project.write("nets.py", (project.folder / "nets.py").read_text() + "\nimport yaml\n")
    project.write("yaml.py", "raise SystemExit('it ran')\n")

    run = project.run("--no-cache")

    said = "import yaml takes the installed module, not the one beside the gate file"
    assert run.status == 0, run.err
    assert f"warning: {said}" in run.err
    assert any(each.startswith(said) for each in run.report["environment"]["assumed"])


@pytest.mark.parametrize("name", ["multiprocessing", "signal", "torch"])
def test_a_worker_is_born_blind_to_the_current_folder(name, tmp_path):
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "program.py").write_text(STARTS)
    (tmp_path / "cwd").mkdir()
    (tmp_path / "cwd" / f"{name}.py").write_text("raise SystemExit('a trap ran')\n")

    ended = subprocess.run(
        [sys.executable, "../program/program.py"],
        cwd=tmp_path / "cwd",
        env={each: text for each, text in os.environ.items() if each != "PYTHONSAFEPATH"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.stderr == ""
    assert json.loads(ended.stdout) == {"path": [], "set": [None, None]}


def test_what_is_started_has_the_environment_of_its_owner_and_no_path_beyond_ours(monkeypatch):
    known = next(each for each in sys.path if each)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/nobody/looks/here", known]))
    monkeypatch.setenv("PYTHONSAFEPATH", "mine")
    before = dict(os.environ)

    with safe_import_path():
        within = dict(os.environ)
        restore_import_path()

    assert within == {**before, "PYTHONPATH": known}
    assert before == dict(os.environ)


def test_what_was_measured_with_a_module_that_is_installed_by_now_is_measured_again(
    project, monkeypatch, tmp_path
):
    monkeypatch.syspath_prepend(tmp_path / "site")
    project.write("nets.py", (project.folder / "nets.py").read_text() + "\nimport shapes_of_mine\n")
    project.write("shapes_of_mine.py", "")
    project.run("--no-images")
    again = project.run("--no-images")

    project.write("site/shapes_of_mine.py", "")
    installed = project.run("--no-images")

    kept = [run.report["run"]["answers_from_cache"] for run in (again, installed)]
    assert kept[0] > 0
    assert kept[1] == 0
