"""A user's folder with saved predictions: the whole command line without a model, in no time."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gate.cli import main

CLASSES = ("cat", "dog")


@dataclass(frozen=True)
class Ran:
    """What a run left: its exit status, its two streams on one line each, and the report."""

    status: int
    out: str
    err: str
    report: dict[str, Any] | None

    @property
    def words(self):
        """The text for people without its line breaks."""
        return " ".join(self.out.split())

    def result(self, key):
        return next(each for each in self.report["results"] if each["key"] == key)

    @property
    def outcomes(self):
        return {each["key"]: each["outcome"] for each in self.report["results"]}

    @property
    def errors(self):
        return " | ".join(
            f"{each['where']}: {each['message']}; {each['remedy']}"
            for each in self.report["errors"]
        )


@dataclass
class Folder:
    """The folder of a project that judges saved predictions."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    gatefile: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def rows(counts, classes=CLASSES, *, sure=0.9, **columns):
        """Return one row an image of a confusion matrix; a column is a list, or one value."""
        cells = [
            (truth, answer)
            for truth, row in enumerate(counts)
            for answer, count in enumerate(row)
            for _ in range(count)
        ]
        rows = []
        for index, (truth, answer) in enumerate(cells):
            row = {"id": f"{index:05}.png", "label": classes[truth]}
            rest = (1 - sure) / (len(classes) - 1)
            row |= {name: sure if label == answer else rest for label, name in enumerate(classes)}
            for name, value in columns.items():
                row[name] = value[index] if isinstance(value, list | tuple | np.ndarray) else value
            rows.append(row)
        return rows

    def table(self, name, rows):
        with (self.path / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return name

    def policy(self, *rules, **defaults):
        document = {
            "apiVersion": "gate/v1",
            "kind": "Policy",
            "metadata": {"name": "judging", "version": "1.0.0"},
            "defaults": defaults,
            "rules": list(rules),
        }
        (self.path / "policy.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")

    def run(self, *arguments, out="gate-out", **changes):
        keys = {**self.gatefile, **changes}
        document = {key: value for key, value in keys.items() if value is not None}
        (self.path / "gate.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")
        return self.command("run", "--verbose", "--out", out, *arguments, out=out)

    def command(self, *arguments, out="gate-out"):
        self.capsys.readouterr()
        status = main([str(each) for each in arguments])
        shown, err = self.capsys.readouterr()
        report = self.path / out / "report.json"
        read = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
        return Ran(status, shown, " ".join(err.split()), read)


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """A folder whose gate file names ``test.csv`` and ``policy.yaml``, which tests write."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    made = Folder(tmp_path, capsys)
    made.gatefile = {
        "apiVersion": "gate/v1",
        "kind": "Validation",
        "classes": list(CLASSES),
        "data": {"test": {"predictions": "test.csv"}},
        "policy": "policy.yaml",
    }
    return made
