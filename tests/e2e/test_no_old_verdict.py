"""A run that decides nothing leaves no older verdict behind, and no file of anybody else's gone."""

import pytest

OUTPUTS = ("-o", "json=out.json", "-o", "text=out.txt", "-o", "junit=out.xml")
SHOWN = ("out.json", "out.txt", "out.xml", "gate-out/report.json")


@pytest.fixture
def passed(project):
    """Return a project that was judged, with its verdict in three formats."""
    assert project.run(*OUTPUTS).status == 0
    return project


def there(project):
    return [name for name in SHOWN if (project.folder / name).exists()]


def test_a_wrong_policy_leaves_no_older_verdict(passed):
    passed.write("policy.yaml", "nonsense")

    assert passed.run(*OUTPUTS).status == 2
    assert there(passed) == []


def test_a_wrong_gate_file_leaves_no_older_verdict(passed):
    passed.gatefile["clases"] = ["dark"]

    assert passed.run(*OUTPUTS).status == 2
    assert there(passed) == []


def test_an_output_that_cannot_be_written_leaves_no_older_verdict(passed):
    assert passed.run(*OUTPUTS, "-o", "json=nowhere/x.json").status == 2
    assert there(passed) == []


def test_the_evidence_of_the_last_run_is_kept_and_can_be_judged(passed):
    passed.write("policy.yaml", "nonsense")

    passed.run(*OUTPUTS)

    evidence = "gate-out/evidence.previous.sqlite"
    assert not (passed.folder / "gate-out" / "evidence.sqlite").exists()
    assert passed.command("judge", evidence, "--policy", "smoke").status == 0


def test_a_fault_that_shows_when_the_data_are_open_keeps_the_last_results(passed):
    whole = (passed.folder / "gate-out" / "report.json").read_bytes()

    policy = (passed.folder / "policy.yaml").read_text()
    passed.write("policy.yaml", policy.replace("min: 0.70", "min: 0.70, per_class: {darkest: 1}"))

    ran = passed.run()

    assert ran.status == 2
    assert ran.report is None
    assert (passed.folder / "gate-out" / "report.previous.json").read_bytes() == whole
    assert "Kept from the last run: gate-out/report.previous.json and " in ran.err


def test_a_run_after_a_faulty_call_leaves_its_own_results_alone(passed):
    passed.command("run", "--polcy", "x")

    assert passed.run().status == 0
    assert not list((passed.folder / "gate-out").glob("*.previous.*"))


def test_a_run_that_could_not_measure_says_so_in_its_report_as_before(passed):
    passed.command("run", "--polcy", "x")

    ran = passed.run(data={"train": {"path": "train.npz"}, "test": {"path": "nowhere.npz"}})

    assert (ran.status, ran.report["verdict"]) == (4, "error")


def test_what_another_program_wrote_stays(passed):
    passed.write("policy.yaml", "nonsense")
    for name in SHOWN:
        passed.write(name, "{}\n")

    assert passed.run(*OUTPUTS).status == 2
    assert [(passed.folder / name).read_text() for name in SHOWN] == ["{}\n"] * len(SHOWN)


def test_a_rendering_in_another_format_than_the_output_stays(passed):
    passed.write("policy.yaml", "nonsense")

    passed.run("-o", "json=out.txt")

    assert (passed.folder / "out.txt").exists()


def test_the_verdict_on_the_champion_stays_when_the_run_would_overwrite_it(passed):
    passed.gatefile["baseline"] = "gate-out"

    assert passed.run().status == 2
    assert (passed.folder / "gate-out" / "report.json").exists()


def test_judging_again_by_a_wrong_policy_leaves_no_older_verdict(passed):
    passed.write("policy.yaml", "nonsense")

    ran = passed.command("judge", "gate-out", "--policy", "policy.yaml", "-o", "json=out.json")

    assert ran.status == 2
    assert not (passed.folder / "out.json").exists()


def test_rendering_a_damaged_report_leaves_no_older_page(passed):
    passed.write("gate-out/report.json", "{}")

    assert passed.command("render", "gate-out", "-o", "text=out.txt").status == 4
    assert not (passed.folder / "out.txt").exists()
