"""What a run rests on stands in its report and evidence; a policy binds it, and attest signs it."""

import json
import os
import sqlite3

import pytest

PINNING = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: small, version: 1.0.0}
critical: [bright]
rules:
  - {check: accuracy, min: 0.80}
  - {id: critical, check: recall, classes: $critical, min: 0.70}
"""
TRUST = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\n"


@pytest.fixture
def trusted(project):
    """The project with the key of a job, and a trust file that knows it."""
    project.command("keygen", "ci.key", "--name", "ci", "--role", "runner", "--policy", "small")
    public = project.command("keygen", "x.key", "--name", "x", "--role", "runner", "--policy", "x")
    assert public.status == 0
    entry = project.command(
        "keygen", "job.key", "--name", "job", "--role", "runner", "--policy", "small"
    )
    project.write("trust.yaml", f"{TRUST}keys:\n{entry.out}")
    return project


def attest(project, folder="gate-out"):
    return project.command(
        "attest", folder, "--checkpoint", "model.pt", "--key", "job.key", "-o", "m.jsonl"
    )


def verify(project, *more):
    given = ("--attestation", "m.jsonl", "--policy", "policy.yaml", "--trust", "trust.yaml")
    ran = project.command("verify", "model.pt", *given, "--format", "json", *more)
    refusal = json.loads(ran.out)["refusal"]
    return ran.status, refusal and refusal["code"]


def configuration(ran):
    return ran.report["configuration"]


def test_a_report_shows_the_whole_input_the_code_and_how_groups_are_formed(project):
    project.gatefile["data"]["test"]["group_pattern"] = "(.+)_"
    project.folders("train", 20, seed=1)
    project.folders("test", 50, seed=2)
    data = {
        "train": {"path": "train"},
        "test": {"path": "test", "group_pattern": "([0-9]+)[.]"},
    }
    ran = project.run(data=data)

    said = configuration(ran)

    assert said["classes"] == ["dark", "bright"]
    assert said["input"]["resize"] == "none"
    assert said["input"]["size"] == [8, 8]
    assert said["groups"] == {"train": None, "test": {"pattern": "([0-9]+)[.]"}}
    assert said["slices"] == {"train": [], "test": []}
    assert list(said["code"]) == ["model.factory"]
    assert said["code"]["model.factory"]["name"] == "nets:build"
    assert said["code"]["model.factory"]["files"] == 1
    assert said["champion"] is None


def test_another_byte_of_the_code_is_another_digest(project):
    before, again = configuration(project.run()), configuration(project.run())
    project.write("nets.py", (project.folder / "nets.py").read_text() + "\n# a comment\n")

    after = configuration(project.process("run"))  # this process has imported the file as it was

    assert before == again
    assert after["digests"]["code"] != before["digests"]["code"]
    same = ("input", "weights", "slices", "groups")
    assert all(after["digests"][name] == before["digests"][name] for name in same)


def test_code_that_was_edited_after_it_was_imported_is_not_passed_off_as_what_ran(project):
    project.run()
    project.write("nets.py", (project.folder / "nets.py").read_text() + "\n# a comment\n")

    ran = project.run()

    assert ran.status == 4
    assert "in a new process" in ran.report["errors"][0]["remedy"]


def test_a_file_of_the_package_that_did_not_run_counts_too_with_or_without_a_cache(project):
    (project.folder / "tumour").mkdir()
    (project.folder / "nets.py").rename(project.folder / "tumour" / "nets.py")
    project.write("tumour/unused.py", "x = 1\n")
    project.gatefile["model"]["factory"] = "tumour.nets:build"
    before = project.run().report
    project.write("tumour/unused.py", "x = 2\n")

    kept, fresh = project.run().report, project.run("--no-cache").report

    assert kept["configuration"]["code"]["model.factory"]["files"] == 2
    assert kept["configuration"] == fresh["configuration"] != before["configuration"]


def test_shards_of_other_code_than_lies_here_are_not_judged(project):
    project.write_gatefile()
    assert project.command("shard", "--index", "0", "--of", "1").status == 0
    project.write("nets.py", (project.folder / "nets.py").read_text() + "\n# a comment\n")

    ran = project.command("merge")

    assert ran.status == 4
    assert any("nets.py is not the file" in each["message"] for each in ran.report["errors"])


def test_shards_of_the_same_code_give_the_configuration_of_a_run(project):
    project.write_gatefile()
    assert project.command("shard", "--index", "0", "--of", "1").status == 0
    merged = configuration(project.command("merge"))

    assert merged == configuration(project.run())


def test_the_gate_file_gets_the_critical_classes_of_the_policy(project):
    project.write("policy.yaml", PINNING)

    ran = project.run()

    assert ran.status == 0
    assert configuration(ran)["critical"] == ["bright"]
    with sqlite3.connect(project.folder / "gate-out" / "evidence.sqlite") as database:
        assert database.execute("SELECT name FROM classes WHERE critical").fetchall() == [
            ("bright",)
        ]


def test_the_gate_file_may_add_a_critical_class(project):
    project.write("policy.yaml", PINNING)

    assert configuration(project.run(critical=["dark", "bright"]))["critical"] == ["dark", "bright"]


@pytest.mark.parametrize("critical", [[], ["dark"]])
def test_a_gate_file_that_takes_one_away_is_wrong_usage_at_its_place(critical, project):
    project.write("policy.yaml", PINNING)

    ran = project.run(critical=critical)

    assert ran.status == 2
    assert "gate.yaml:" in ran.err
    assert "'bright' is critical by the policy" in ran.err
    assert "may add classes, and take none away" in ran.err
    assert ran.report is None


def test_a_policy_that_pins_other_classes_refuses_before_anything_is_measured(project):
    project.write("policy.yaml", PINNING.replace("critical:", "classes: [bright, dark]\ncritical:"))

    ran = project.run()

    assert ran.status == 2
    assert "policy.yaml:4" in ran.err
    assert "in another order or others" in ran.err


def test_a_policy_that_pins_the_champion_wants_one(project):
    project.write("policy.yaml", PINNING.replace("critical:", f"champion: '{'1' * 64}'\ncritical:"))

    ran = project.run()

    assert ran.status == 2
    assert "no baseline is given" in ran.err


def test_the_pinned_champion_is_accepted_and_another_is_not(project):
    project.run("--out", "champion")
    found = json.loads((project.folder / "champion" / "report.json").read_text())
    project.checkpoint(change=lambda state: state.update({"head.bias": state["head.bias"] - 1}))
    pinned, other = (
        PINNING.replace("critical:", f"champion: '{each}'\ncritical:")
        for each in (found["subject"]["sha256"], "1" * 64)
    )

    project.write("policy.yaml", pinned)
    same = project.run(baseline="champion")
    project.write("policy.yaml", other)
    wrong = project.run(baseline="champion")

    assert same.status == 0
    assert configuration(same)["champion"]["checkpoint"] == found["subject"]["sha256"]
    assert wrong.status == 4
    assert wrong.kinds == ["champion"]


def test_saved_evidence_is_judged_with_the_critical_classes_of_run_and_policy(project):
    project.run(critical=["dark"])
    project.write("policy.yaml", PINNING)

    project.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "again")

    report = json.loads((project.folder / "again" / "report.json").read_text())
    assert report["configuration"]["critical"] == ["dark", "bright"]


def test_what_a_run_left_is_attested_and_accepted(trusted):
    trusted.run()

    assert attest(trusted).status == 0
    assert verify(trusted) == (0, None)


def test_evidence_that_is_judged_again_is_attested_by_the_new_policy(trusted):
    trusted.run()
    trusted.write("policy.yaml", PINNING)
    judged = trusted.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "again")

    assert judged.status == 0
    assert attest(trusted, "again").status == 0
    assert verify(trusted) == (0, None)
    assert attest(trusted).status == 0  # the run's own folder is as it was
    assert verify(trusted) == (5, "policy-differs")


def test_evidence_may_be_judged_again_in_its_own_folder(trusted):
    trusted.run()
    before = (trusted.folder / "gate-out" / "evidence.sqlite").read_bytes()
    trusted.write("policy.yaml", PINNING)

    trusted.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert (trusted.folder / "gate-out" / "evidence.sqlite").read_bytes() == before
    assert attest(trusted).status == 0
    assert verify(trusted) == (0, None)


def test_evidence_is_copied_where_no_link_can_be_made(trusted, monkeypatch):
    def refuse(*_):
        raise OSError(os.strerror(18))

    trusted.run()
    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)

    trusted.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "again")

    assert attest(trusted, "again").status == 0


def test_judge_leaves_nothing_unless_it_is_asked_to(project):
    project.run()
    before = sorted(project.folder.rglob("*"))

    assert project.command("judge", "gate-out", "--policy", "policy.yaml").status == 0

    assert sorted(project.folder.rglob("*")) == before


def test_a_pass_that_was_written_into_a_failed_report_is_not_attested(trusted):
    trusted.checkpoint(change=lambda state: state.update({"head.bias": -state["head.bias"]}))
    assert trusted.run().status == 1
    path = trusted.folder / "gate-out" / "report.json"
    report = json.loads(path.read_text())
    report.update(verdict="pass", passed=True)
    report["decision"].update(exit_status=0, reasons=[])
    for result in report["results"]:
        result["outcome"] = "passed"
    path.write_text(json.dumps(report, indent=2) + "\n")

    ran = attest(trusted)

    assert ran.status == 5
    assert "says otherwise than its evidence, judged again" in ran.err
    assert "[report-differs]" in ran.err
    assert not (trusted.folder / "m.jsonl").exists()


def test_a_bare_statement_comes_from_judging_again_too(trusted):
    trusted.run()
    unsigned = ("--checkpoint", "model.pt", "--unsigned", "-o", "s.json")

    assert trusted.command("attest", "gate-out", *unsigned).status == 0

    given = ("--statement", "s.json", "--policy", "policy.yaml", "--trust", "trust.yaml")
    ran = trusted.command("verify", "model.pt", *given, "--emit-vsa", "vsa.json")
    assert ran.status == 0
    assert "NOT checked: signature" in ran.out
    said = json.loads((trusted.folder / "vsa.json").read_text())["predicate"]
    assert said["verifiedLevels"] == ["VALIDATE_MODEL_UNSIGNED_STATEMENT_PASSED"]
    trusted.command("attest", "gate-out", "--checkpoint", "model.pt", "-o", "x.json")


@pytest.mark.parametrize("more", [(), ("--unsigned", "--key", "job.key")])
def test_attest_is_told_who_signs(more, trusted):
    trusted.run()

    ran = trusted.command("attest", "gate-out", "--checkpoint", "model.pt", "-o", "x", *more)

    assert ran.status == 2
    assert "needs --key or --unsigned, one of them" in ran.err
