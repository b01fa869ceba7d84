"""A faulty call (exit status 2) loses nothing of the last run, and leaves no result of its own."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from gate.cli import main
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report import set_aside as rules

LAST = ("report.json", "judged.json", "evidence.sqlite")
ASIDE = ("report.previous.json", "judged.previous.json", "evidence.previous.sqlite")
FAULTY = [
    ["run", "gate.yaml", "--polcy", "x"],
    ["run", "gate.yaml", "--mode", "enforced"],
    ["run", "gate.yaml", "--workers", "none"],
    ["run", "--workers"],
    ["run", "gate.yaml", "twice.yaml"],
    ["run", "nowhere.yaml"],
    ["run", "broken.yaml"],
    ["run", "gate.yaml", "--out", "gate-out", "--size", "wide"],
    ["run", "gate.yaml", "--out=gate-out", "-o", "nothing"],
    ["merge", "nowhere"],
    ["merge", "--polcy", "x"],
    ["judge", "saved.sqlite", "--policy", "nowhere.yaml", "--out", "gate-out"],
    ["judge", "saved.sqlite", "--out", "gate-out"],
    ["--verbose", "run", "gate.yaml"],
]


class Folder:
    """A folder with the results of a last run under gate-out."""

    def __init__(self, path, capsys):
        self.path, self.out, self.capsys = path, path / "gate-out", capsys

    def command(self, *arguments):
        self.capsys.readouterr()
        return main(list(map(str, arguments))), *self.capsys.readouterr()

    def judged(self, *, wrong=10):
        """Leave a report in gate-out; ``wrong`` of 500 answers of each class are."""
        evidence = synthetic_evidence(
            SyntheticRun(test=((500 - wrong, wrong), (wrong, 500 - wrong)))
        )
        save(evidence, self.path / "saved.sqlite")
        status, *_ = self.command("judge", "saved.sqlite", "--policy", "smoke", "--out", "gate-out")
        return status

    def bytes_of(self, names):
        return [(self.out / name).read_bytes() for name in names]

    def names(self):
        return sorted(each.name for each in self.out.iterdir())


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path, capsys)
    assert made.judged() in (0, 1, 3)
    (tmp_path / "gate.yaml").write_text("apiVersion: gate/v1\nkind: Validation\n")
    (tmp_path / "broken.yaml").write_text("clases: [a]\n")
    return made


@pytest.mark.parametrize("call", FAULTY, ids=" ".join)
def test_a_faulty_call_keeps_the_last_results_under_other_names(call, folder):
    before = folder.bytes_of(LAST)

    status, out, err = folder.command(*call)

    assert (status, out) == (2, "")
    assert folder.names() == sorted(ASIDE)
    assert folder.bytes_of(ASIDE) == before
    assert err.splitlines()[-1] == (
        "Kept from the last run: gate-out/report.previous.json and "
        "gate-out/evidence.previous.sqlite; nothing was measured or judged by this call."
    )


@pytest.mark.parametrize(
    "call",
    [
        ["run", "gate.yaml", "--out"],
        ["run", "gate.yaml", "--polcy", "x", "--out", "another"],
        ["judge", "saved.sqlite", "--polcy", "smoke"],
        ["policy", "lint", "run", "--polcy"],
        ["explain", "run"],
        ["verify", "gate-out", "--out", "gate-out"],
        ["rn", "gate.yaml"],
    ],
    ids=" ".join,
)
def test_a_call_that_would_not_have_written_there_leaves_it(call, folder):
    status, *_ = folder.command(*call)

    assert status == 2
    assert folder.names() == sorted(LAST)


def test_help_is_no_faulty_call(folder):
    assert folder.command("run", "--help")[0] == 0
    assert folder.names() == sorted(LAST)


def test_a_second_faulty_call_keeps_what_the_first_kept_and_says_so(folder):
    before = folder.bytes_of(LAST)

    first = folder.command("run", "--polcy", "x")
    second = folder.command("run", "--polcy", "x")

    assert folder.bytes_of(ASIDE) == before
    assert first == second


def test_of_two_runs_the_newer_is_kept(folder):
    folder.command("run", "--polcy", "x")
    folder.judged(wrong=40)
    newer = folder.bytes_of(LAST)

    folder.command("run", "--polcy", "x")

    assert folder.bytes_of(ASIDE) == newer
    assert folder.names() == sorted(ASIDE)


def test_what_a_killed_call_began_the_next_one_completes(folder, monkeypatch):
    before = folder.bytes_of(LAST)
    replace, done = Path.replace, []

    def killed(self, target):
        if done:
            raise KeyboardInterrupt
        done.append(self)
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            rules.set_aside(folder.out)
    assert folder.names() != sorted(ASIDE)

    folder.command("run", "--polcy", "x")

    assert folder.bytes_of(ASIDE) == before


def test_two_calls_at_once_lose_nothing(folder, monkeypatch):
    before = folder.bytes_of(LAST)
    replace = Path.replace

    def raced(self, target):
        replace(self, target)  # by the other call
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", raced)

    status, _, err = folder.command("run", "--polcy", "x")

    assert status == 2
    assert "Warning" not in err
    assert folder.bytes_of(ASIDE) == before


def test_a_link_under_the_other_name_is_not_followed(folder):
    elsewhere = folder.path / "elsewhere.json"
    elsewhere.write_text("somebody's")
    (folder.out / "report.previous.json").symlink_to(elsewhere)

    folder.command("run", "--polcy", "x")

    assert elsewhere.read_text() == "somebody's"
    assert json.loads((folder.out / "report.previous.json").read_text())["tool"]


@pytest.mark.parametrize("name", LAST)
def test_what_is_a_link_stays_one(name, folder):
    (folder.out / name).rename(folder.path / "mine")
    (folder.out / name).symlink_to(folder.path / "mine")

    folder.command("run", "--polcy", "x")

    assert (folder.out / name).is_symlink()
    assert (folder.path / "mine").is_file()


@pytest.mark.parametrize("name", ["report.json", "evidence.sqlite"])
def test_a_link_that_still_shows_the_last_run_is_told_of(name, folder):
    (folder.out / name).rename(folder.path / "mine")
    (folder.out / name).symlink_to(folder.path / "mine")

    _, _, err = folder.command("run", "--polcy", "x")

    assert f"{name} is of the last run, and cannot be put aside (it is a link)" in err


@pytest.mark.parametrize("name", ["report.json", "evidence.sqlite"])
def test_a_file_of_the_users_under_the_other_name_is_kept(name, folder):
    mine = rules.previous(folder.out / name)
    mine.write_text("mine")

    _, _, err = folder.command("run", "--polcy", "x")

    assert mine.read_text() == "mine"
    assert f"{name} is of the last run, and cannot be put aside ({mine.name} there is no" in err


def test_what_an_earlier_run_left_under_the_other_name_makes_place(folder):
    folder.command("run", "--polcy", "x")
    folder.judged(wrong=20)

    _, _, err = folder.command("run", "--polcy", "x")

    assert "Warning" not in err
    assert not (folder.out / "report.json").exists()


def test_a_folder_of_somebody_else_is_left_alone(folder):
    for name in LAST:
        (folder.out / name).unlink()
    (folder.out / "report.json").write_text("{}\n")
    (folder.out / "judged.json").write_text("{}\n")
    with sqlite3.connect(folder.out / "evidence.sqlite") as database:
        database.execute("CREATE TABLE fingerprints_of_a_case (name TEXT)")
    database.close()
    before = folder.bytes_of(LAST)

    status, _, err = folder.command("run", "--polcy", "x")

    assert status == 2
    assert folder.bytes_of(LAST) == before
    assert folder.names() == sorted(LAST)
    assert "Kept" not in err


def test_what_cannot_be_put_aside_is_said(folder, monkeypatch):
    def denied(*_arguments):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "replace", denied)

    _, _, err = folder.command("run", "--polcy", "x")

    assert (
        "Warning: gate-out/report.json is of the last run, and cannot be put aside (Permission "
        "denied)" in err
    )
    assert folder.names() == sorted(LAST)


def test_evidence_that_was_to_be_judged_where_it_lies_keeps_its_name(folder):
    call = ("judge", "gate-out", "--out", "gate-out", "--policy")

    assert folder.command(*call, "nowhere.yaml")[0] == 2
    assert folder.names() == ["evidence.sqlite", "judged.previous.json", "report.previous.json"]

    assert folder.command(*call, "smoke")[0] in (0, 1, 3)
    assert set(LAST) <= set(folder.names())


def test_evidence_to_be_judged_is_known_after_a_misspelt_option(folder):
    folder.command("judge", "--polcy", "smoke", "gate-out", "--out", "gate-out")

    assert "evidence.sqlite" in folder.names()


def test_the_champion_keeps_its_name(folder):
    (folder.path / "gate.yaml").write_text(
        "apiVersion: gate/v1\nkind: Validation\nbaseline: gate-out\n"
    )

    assert folder.command("run", "gate.yaml", "--polcy", "x")[0] == 2
    assert folder.command("run", "--polcy", "x", "--baseline", "gate-out")[0] == 2

    assert folder.names() == sorted(LAST)


def test_lists_go_with_the_evidence(folder):
    (folder.out / "pairs.csv").write_text("of the last run")

    folder.command("run", "--polcy", "x")

    assert folder.names() == sorted([*ASIDE, "pairs.previous.csv"])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (["judge", "gate-out", "--policy", "smoke"], "gate-out/evidence.previous.sqlite"),
        (["render", "gate-out"], "gate-out/report.previous.json"),
    ],
    ids=lambda each: each[0],
)
def test_the_remedy_for_what_lies_aside_leads_to_a_verdict(call, name, folder):
    folder.command("run", "--polcy", "x")

    status, _, err = folder.command(*call)

    assert status == 4
    assert "a call that was faulty put the last one aside" in err
    assert f"run again, or name {name}" in err
    again = [name if each == "gate-out" else each for each in call]
    assert folder.command(*again)[0] in (0, 1, 3)


def test_evidence_aside_is_judged_into_the_folder_where_it_lies(folder):
    folder.command("run", "--polcy", "x")
    kept = folder.bytes_of(ASIDE)[2]
    folder.judged(wrong=40)

    status, *_ = folder.command(
        "judge", "gate-out/evidence.previous.sqlite", "--policy", "smoke", "--out", "gate-out"
    )

    assert status in (0, 1, 3)
    assert folder.bytes_of(["evidence.sqlite", ASIDE[2]]) == [kept, kept]


def test_a_rendering_that_was_asked_for_goes_and_the_report_stays(folder):
    outputs = ("-o", "text=out.txt", "-o", "json=gate-out/report.json")
    folder.command("render", "gate-out", "-o", "text=out.txt")

    folder.command("run", "--polcy", "x", *outputs)

    assert not (folder.path / "out.txt").exists()
    assert folder.names() == sorted(ASIDE)
