"""A small project of a user: a model that tells dark images from bright ones, data and policy."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

NETS = '''\
import torch
from torch import nn


class Brightness(nn.Module):
    """Logits from the mean of the pixels; the margin is learned."""

    def __init__(self, classes=2, channels=1, size=8):
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1, bias=False)
        self.head = nn.Linear(size * size, classes)

    def forward(self, images):
        return self.head(self.conv(images).flatten(1))


def build(classes=2, channels=1, size=8):
    return Brightness(classes, channels, size)


def raises():
    raise RuntimeError("no such backbone")


def returns_text():
    return "a model"


def exits():
    raise SystemExit(0)


class Segmenter(Brightness):
    def forward(self, images):
        return super().forward(images)[:, :, None, None].expand(-1, -1, 8, 8)


class Pair(Brightness):
    def forward(self, images):
        return super().forward(images), images


class Single(Brightness):
    def forward(self, images):
        return super().forward(images)[:, :1]


class Clock(Brightness):
    """Looks at its batch: the same image gets another answer in other company."""

    def forward(self, images):
        return super().forward(images - images.mean(dim=0, keepdim=True))
'''

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: small, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: recall, min: 0.70}
  - {check: accuracy-paradox}
  - {check: no-skill}
"""


# The real command, in units of so many rows: tiny data makes many of them.
PROGRAM = """\
import sys
import gate.cli
from gate.__main__ import program
original = gate.cli.main
def main():  # what takes long to import is imported where Ctrl-C is heard
    import gate.output_folder
    from gate.measure.partials import work_units
    work_units.ROWS = int(sys.argv.pop(1))
    gate.output_folder.SAVED_IN_FORK = range(1_000_000)  # even little evidence
    return original()
gate.cli.main = main
program()
"""


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit status, its two streams, and the report if there is one."""

    status: int
    out: str
    err: str
    report: dict[str, Any] | None

    @property
    def kinds(self):
        return [error["kind"] for error in self.report["errors"]]

    @property
    def digest(self):
        """The SHA-256 of the report, without what every run says of itself."""
        said = {key: value for key, value in self.report.items() if key != "run"}
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def errors(self):
        return " | ".join(
            f"{e['where']}: {e['message']}; {e['remedy']}" for e in self.report["errors"]
        )


def alive():
    """Return the processes that run, each with its parent and its group."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            state, parent, group = stat.read_text().rpartition(")")[2].split()[:3]
            if state != "Z":
                found[int(stat.parent.name)] = (int(parent), int(group))
    return found


def patiently(look, patience=20.0):
    """Return what is seen when there is nothing any more, or after a while."""
    end = time.monotonic() + patience
    while (seen := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return seen


def hears_ctrl_c():
    # What a shell starts in the background is born deaf to it, and so is all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class Project:
    """A folder with a gate file that passes; tests break one thing in it."""

    folder: Path
    gatefile: dict[str, Any] = field(default_factory=dict)
    groups: list[int] = field(default_factory=list)  # of processes that were started

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
        return path

    def images(self, count, seed=0, *, wrong=0, classes=2):
        """Return images (n, 8, 8) uint8 and labels; ``wrong`` of each class look like another."""
        random = np.random.default_rng(seed)
        labels = np.repeat(np.arange(classes), count)
        shown = labels.copy()
        for label in range(classes):
            shown[np.flatnonzero(labels == label)[:wrong]] = (label + 1) % classes
        level = 40 + shown * (170 // max(classes - 1, 1))
        pixels = level[:, None, None] + random.integers(-20, 21, (len(labels), 8, 8))
        return pixels.clip(0, 255).astype(np.uint8), labels

    def npz(self, name, count, seed=0, *, wrong=0, classes=2):
        images, labels = self.images(count, seed, wrong=wrong, classes=classes)
        np.savez(self.folder / name, images=images, labels=labels)

    def folders(self, name, count, seed=0, *, classes=("dark", "bright")):
        """Write an image folder, one PNG an image."""
        from PIL import Image

        images, labels = self.images(count, seed, classes=len(classes))
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = self.folder / name / classes[label] / f"{index:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        return self.folder / name

    def checkpoint(self, name="model.pt", *, classes=2, channels=1, size=8, change=None):
        """Save weights that tell dark from bright by the mean of the pixels."""
        import torch

        levels = torch.linspace(40, 210, classes) / 255
        state = {
            "conv.weight": torch.full((1, channels, 1, 1), 1 / channels),
            # The score of a class is -(mean - level)^2 without the square of the mean.
            "head.weight": (2 * levels[:, None] / size**2).expand(classes, size**2).clone() * 50,
            "head.bias": -(levels**2) * 50,
        }
        if change is not None:
            change(state)
        torch.save(state, self.folder / name)

    def run(self, *arguments, **changes):
        """Run the command line on the gate file with changes to its top-level keys."""
        self.write_gatefile(**changes)
        return self.command("run", "--verbose", *arguments)

    def write_gatefile(self, **changes):
        keys = {**self.gatefile, **changes}
        document = {key: value for key, value in keys.items() if value is not None}
        self.write("gate.yaml", json.dumps(document, indent=1))

    def command(self, *arguments):
        from gate.cli import main

        self.capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = self.capsys.readouterr()
        return Ran(status, out, err, self.report())

    def report(self):
        report = self.folder / "gate-out" / "report.json"
        return json.loads(report.read_text()) if report.is_file() else None

    def started(self, *arguments, rows=16, before=(), **environment):
        """Start the command in a process and a group of its own, in units of so many rows.

        ``before`` is a command that runs it, such as taskset. What is left of the group when the
        test ends is killed.
        """
        program = [*before, sys.executable, "-c", PROGRAM, rows, *arguments]
        process = subprocess.Popen(
            [str(each) for each in program],
            cwd=self.folder,
            env={**os.environ, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
            preexec_fn=hears_ctrl_c,
        )
        self.groups.append(process.pid)
        return process

    def descendants(self, pid):
        """Return the processes that a process has started, and theirs."""
        processes, found = alive(), {pid}
        while more := {each for each, (parent, _) in processes.items() if parent in found} - found:
            found |= more
        return found - {pid}

    def left_of(self, process):
        """Return the processes of its group that are still there, some time after its end."""
        return patiently(
            lambda: {each for each, (_, group) in alive().items() if group == process.pid}
        )

    def process(self, *arguments, timeout=240, **settings):
        """Run the command in a process of its own; see ``started``."""
        with self.started(*arguments, **settings) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return Ran(process.returncode, out, err, self.report())


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return a folder with the files of the project, which tests get copies of."""
    made = Project(tmp_path_factory.mktemp("project"))
    made.write("nets.py", NETS)
    made.write("policy.yaml", POLICY)
    made.npz("train.npz", 60, seed=1)
    made.npz("test.npz", 50, seed=2)
    made.checkpoint()
    return made.folder


@pytest.fixture
def project(written, tmp_path, monkeypatch, capsys):
    """A project whose model passes its policy, in the current folder."""
    for file in written.iterdir():
        shutil.copyfile(file, tmp_path / file.name)  # as new as if it were written now
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    made = Project(tmp_path)
    made.capsys = capsys
    made.gatefile = {
        "apiVersion": "gate/v1",
        "kind": "Validation",
        "model": {"checkpoint": "model.pt", "factory": "nets:build"},
        "classes": ["dark", "bright"],
        "input": {"size": [8, 8], "channels": "L"},
        "data": {"train": {"path": "train.npz"}, "test": {"path": "test.npz"}},
        "policy": "policy.yaml",
    }
    yield made
    for group in made.groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


@pytest.fixture
def in_units(project, monkeypatch):
    """Return a project of pictures in six units, with its gate file written."""
    monkeypatch.setattr("gate.measure.partials.work_units.ROWS", 10)
    project.folders("train", 15, seed=1)
    project.folders("test", 15, seed=2)
    project.gatefile["data"] = {"train": {"path": "train"}, "test": {"path": "test"}}
    project.write_gatefile()
    return project
