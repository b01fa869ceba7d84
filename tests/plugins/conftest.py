import json

import pytest
from throwaway import POLICY

from gate.cli import main
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

GOOD = SyntheticRun(
    train=((970, 30), (30, 970)), test=((490, 10), (10, 490)), probe="sound", copies=0
)


class Desk:
    """A folder with evidence and a policy that lists the package, and the command line."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.write("policy.yaml", POLICY)
        save(synthetic_evidence(GOOD), folder / "evidence.sqlite")

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name

    def command(self, *arguments):
        """Return (exit status, standard output, standard error)."""
        status = main([str(each) for each in arguments])
        return status, *self.capsys.readouterr()

    def judge(self, *more, policy="policy.yaml"):
        return self.command(
            "judge", self.folder / "evidence.sqlite", "--policy", self.folder / policy, *more
        )

    def report(self, *more):
        status, out, err = self.judge("--format", "json", *more)
        return status, json.loads(out), err


@pytest.fixture
def desk(paint, tmp_path, capsys):
    return Desk(tmp_path, capsys)
