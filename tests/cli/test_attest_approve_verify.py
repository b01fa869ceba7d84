"""keygen, attest, approve and verify at the command line, from a new key to a refusal."""

import hashlib
import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from measured import as_measured, with_untried_input

from gate.cli import main
from gate.evidence.records import Subject
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.times import as_text
from gate.policy.reading import read_policy
from gate.policy.record import PolicyRecord
from gate.report.judgement import Judged, Judgement, sha256_of

GOOD = SyntheticRun(
    train=((970, 30), (30, 970)), test=((490, 10), (10, 490)), probe="sound", copies=0
)
BAD = replace(GOOD, probe="nan")
TRUST = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 1\nkeys:\n"
VERIFY = ["verify", "model.pt", "--policy", "smoke", "--trust", "trust.yaml"]
SIGNED = ["--attestation", "model.intoto.jsonl", "--approval", "model.approval.jsonl"]


def leave_report(made=GOOD, *, enforced=True):
    """Leave a checkpoint and a report on it in this folder."""
    with open("model.pt", "wb") as stream:  # noqa: PTH123 -- the folder of the test
        stream.write(b"weights" * 99)
    started = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)
    subject = Subject(hashlib.sha256(b"weights" * 99).hexdigest(), 693, "safetensors")
    measured = with_untried_input(as_measured(synthetic_evidence(made), subject))
    evidence = replace(measured, measured_at=started)
    save(evidence, Path("evidence.sqlite"))
    judgement = Judgement(PolicyRecord.of(read_policy("smoke")), enforced=enforced)
    judged = Judged(judgement, sha256_of(Path("evidence.sqlite")))
    Path("judged.json").write_text(judged.to_json(), encoding="utf-8")
    run = {
        "started": started.isoformat(),
        "measured_at": as_text(evidence.measured_at),
        "answers_from_cache": 0,
        "engines": {},
    }
    report = judgement.report_on(evidence, at=started, run=lambda: run)
    Path("report.json").write_text(report.to_json(), encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """Return a folder in which a good model was judged, attested and approved."""
    monkeypatch.chdir(tmp_path)
    leave_report()
    entries = []
    for key, name, role in (("ci.key", "ci", "runner"), ("ann.key", "ann", "approver")):
        assert main(["keygen", key, "--name", name, "--role", role, "--policy", "smoke"]) == 0
        entries.append(capsys.readouterr().out)
    (tmp_path / "trust.yaml").write_text(TRUST + "".join(entries))
    attest = ["attest", ".", "--checkpoint", "model.pt", "--key", "ci.key"]
    assert main([*attest, "-o", "model.intoto.jsonl"]) == 0
    approve = ["approve", "model.intoto.jsonl", "--key", "ann.key", "--reason", "it is fit"]
    assert main([*approve, "-o", "model.approval.jsonl"]) == 0
    capsys.readouterr()
    return tmp_path


def test_what_was_attested_and_approved_is_accepted(folder, capsys):
    status = main([*VERIFY, *SIGNED, "--max-age", "3"])

    out, err = capsys.readouterr()
    assert status == 0
    assert out.endswith("\nACCEPTED (exit status 0)\n")
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80


def test_a_changed_checkpoint_is_refused_with_status_5(folder, capsys):
    (folder / "model.pt").write_bytes(b"tampered")

    status = main([*VERIFY, *SIGNED])

    out, _ = capsys.readouterr()
    assert status == 5
    assert out.endswith("\nREFUSED checkpoint-differs (exit status 5)\n")
    assert "to do: deploy the checkpoint that was judged" in out


@pytest.mark.parametrize(("data", "status"), [(None, 0), (b"tampered", 5)])
def test_json_is_one_document_with_the_same_decision(data, status, folder, capsys):
    if data:
        (folder / "model.pt").write_bytes(data)

    assert main([*VERIFY, *SIGNED, "--format", "json"]) == status

    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["accepted"] == (status == 0)
    assert document["exit_status"] == status
    assert document["signature_checked"]
    assert ("data" in document["not_checked"]) == (status == 0)
    assert (document["refusal"] or {}).get("code") == (
        None if status == 0 else "checkpoint-differs"
    )
    assert len(document["steps"]) == (13 if status == 0 else 4)


def test_missing_approvals_are_refused_and_named(folder, capsys):
    assert main([*VERIFY, "--attestation", "model.intoto.jsonl"]) == 5

    assert "REFUSED approvals-missing" in capsys.readouterr().out


def test_a_verdict_that_is_too_old_is_refused(folder, capsys):
    assert main([*VERIFY, *SIGNED, "--max-age", "1"]) == 5

    assert "REFUSED too-old" in capsys.readouterr().out


def test_a_summary_is_written_on_acceptance_and_an_old_one_withdrawn_on_refusal(folder):
    assert main([*VERIFY, *SIGNED, "--emit-vsa", "vsa.json"]) == 0
    assert json.loads((folder / "vsa.json").read_text())["predicate"]["verificationResult"] == (
        "PASSED"
    )

    (folder / "model.pt").write_bytes(b"tampered")
    assert main([*VERIFY, *SIGNED, "--emit-vsa", "vsa.json"]) == 5

    assert not (folder / "vsa.json").exists()


@pytest.mark.parametrize("option", ["--emit-vsa", "-o"])
def test_no_output_takes_the_place_of_what_is_read(option, folder, capsys):
    arguments = [*VERIFY, *SIGNED, "--emit-vsa", "trust.yaml"]
    if option == "-o":
        arguments = ["attest", ".", "--checkpoint", "model.pt", "--key", "ci.key"]
        arguments += ["-o", "report.json"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert main(arguments) == 2

    assert "is read by this command" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_bare_statement_comes_from_standard_input(folder, monkeypatch, capsys):
    trust = folder / "trust.yaml"
    trust.write_text(trust.read_text().replace("approvals: 1", "approvals: 0"))
    main(["render", "report.json", "--format", "intoto"])
    bare = capsys.readouterr().out.encode()

    class Stdin:
        buffer = io.BytesIO(bare)

    monkeypatch.setattr(sys, "stdin", Stdin())
    status = main([*VERIFY, "--statement", "-"])

    out, _ = capsys.readouterr()
    assert status == 0
    assert "NOT CHECKED" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (VERIFY, "needs --attestation or --statement, one of them"),
        ([*VERIFY, *SIGNED, "--statement", "x"], "needs --attestation or --statement"),
        ([*VERIFY, "--attestation", "nowhere.jsonl"], "nowhere.jsonl: the file cannot be read"),
        (["verify", "nowhere.pt", *VERIFY[2:], *SIGNED], "nowhere.pt: the checkpoint cannot be"),
        ([*VERIFY[:2], "--policy", "nowhere.yaml", *VERIFY[4:], *SIGNED], "no such file"),
        ([*VERIFY[:4], "--trust", "nowhere.yaml", *SIGNED], "nowhere.yaml: no such file"),
    ],
)
def test_wrong_usage_is_status_2_and_said_in_words(arguments, said, folder, capsys):
    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_a_fault_of_the_trust_file_is_shown_at_its_place(folder, capsys):
    trust = folder / "trust.yaml"
    trust.write_text(trust.read_text().replace("approvals:", "aprovals:"))

    assert main([*VERIFY, *SIGNED]) == 2

    err = capsys.readouterr().err
    assert "trust.yaml:3:1: unknown key 'aprovals'; did you mean 'approvals'?" in err
    assert "    ^" in err


@pytest.mark.parametrize(
    ("made", "enforced", "options", "status", "said"),
    [
        (BAD, True, [], 0, "FAILED"),
        (GOOD, False, [], 5, "[audit-mode]"),
        (GOOD, False, ["--allow-audit"], 0, "FAILED"),
    ],
)
def test_attest_says_what_it_signs(made, enforced, options, status, said, folder, capsys):
    leave_report(made, enforced=enforced)

    arguments = ["attest", ".", "--checkpoint", "model.pt", "--key", "ci.key", "-o", "new.jsonl"]
    assert main([*arguments, *options]) == status

    out, err = capsys.readouterr()
    assert said in out + err
    assert (folder / "new.jsonl").exists() == (status == 0)


def test_a_key_on_the_command_line_is_refused_and_not_repeated(folder, capsys):
    pem = (folder / "ci.key").read_text()

    arguments = ["attest", ".", "--checkpoint", "model.pt", "-o", "new.jsonl", "--key", pem]
    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert pem.splitlines()[1] not in out + err


@pytest.mark.parametrize("reason", ["", "   ", "two\nlines", "x" * 501])
def test_an_approval_has_a_reason_of_one_line(reason, folder, capsys):
    arguments = ["approve", "model.intoto.jsonl", "--key", "ann.key", "-o", "b.jsonl"]

    assert main([*arguments, "--reason", reason]) == 2

    assert "the reason must be one line" in capsys.readouterr().err


def test_a_report_alone_is_refused_with_the_folder_as_remedy(folder, capsys):
    arguments = ["attest", "report.json", "--checkpoint", "model.pt", "--key", "ci.key"]

    assert main([*arguments, "-o", "new.jsonl"]) == 5

    err = capsys.readouterr().err
    assert "give the folder that `run`, or `judge --out`, left" in err
    assert "[report-alone]" in err
    assert not (folder / "new.jsonl").exists()


def test_an_acceptance_says_what_was_not_checked(folder, capsys):
    assert main([*VERIFY, *SIGNED]) == 0

    out = capsys.readouterr().out
    assert "note    NOT checked: age: no --max-age was asked" in out
    assert "note    NOT checked: data: the trust file pins none for train" in out


def test_a_refusal_says_why_and_not_what_it_did_not_come_to(folder, capsys):
    (folder / "model.pt").write_bytes(b"tampered")

    assert main([*VERIFY, *SIGNED]) == 5

    assert "NOT checked" not in capsys.readouterr().out
