"""The champion, from the evidence of its own run to the list of newly broken images."""

import csv
import json
import sqlite3
from hashlib import sha256

import pytest

RULES = (
    {"check": "regression", "margin": 0.02},
    {"id": "recall-kept", "check": "regression", "metric": "recall", "margin": 0.04},
    {"check": "negative-flips", "max": 0.02},
)


def answers(folder, right, count=1000):
    """Return a table of which the first ``right`` images are answered rightly."""
    rows = folder.rows([[count // 2, 0], [0, count // 2]])
    for row in rows[right:]:
        row["cat"], row["dog"] = row["dog"], row["cat"]
    return rows


@pytest.fixture
def champion(folder):
    """The folder after the champion's run: 950 of 1,000 right, evidence in ``champion``."""
    folder.policy({"check": "accuracy", "min": 0.5}, *RULES)
    folder.table("test.csv", answers(folder, 950))
    folder.run(out="champion")
    return folder


def broken_list(folder, out="gate-out"):
    with (folder.path / out / "newly-broken.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_without_a_champion_the_rules_are_open(folder):
    folder.policy(*RULES)
    folder.table("test.csv", answers(folder, 950))

    ran = folder.run()

    assert ran.status == 3
    assert set(ran.outcomes.values()) == {"inconclusive"}
    assert "no champion was measured on test" in ran.words
    assert not (folder.path / "gate-out" / "newly-broken.csv").exists()


@pytest.mark.parametrize("named", ["champion", "champion/report.json", "champion/evidence.sqlite"])
def test_the_same_answers_prove_that_nothing_regressed(champion, named):
    ran = champion.run(baseline=named)

    assert ran.status == 0
    assert set(ran.outcomes.values()) == {"passed"}
    assert ran.result("regression")["measured"]["value"] == 0
    assert ran.result("regression")["measured"]["interval"]["method"] == (
        "MOVER of lost and gained (Clopper-Pearson)"
    )
    assert broken_list(champion) == []


@pytest.mark.parametrize("named", ["champion", "champion/report.json", "champion/evidence.sqlite"])
def test_the_report_states_the_digest_of_the_evidence_that_the_champions_answers_are_from(
    named, champion
):
    champion.run(baseline=named)

    report = json.loads((champion.path / "gate-out" / "report.json").read_text())
    evidence = (champion.path / "champion" / "evidence.sqlite").read_bytes()
    assert report["baseline"]["evidence_sha256"] == sha256(evidence).hexdigest()


def test_a_worse_model_fails_overall_and_in_its_class(champion):
    champion.table("test.csv", answers(champion, 880))

    ran = champion.run(baseline="champion")

    assert ran.status == 1
    assert ran.outcomes == {
        "accuracy": "passed",
        "regression": "failed",
        "recall-kept[class=cat]": "passed",
        "recall-kept[class=dog]": "failed",
        "negative-flips": "failed",
    }
    assert "70 broken and 0 repaired of 1,000 (McNemar's exact p = 1.7e-21, " in ran.words
    assert "(-70/1,000" not in ran.words


def test_what_was_broken_is_listed_with_truth_and_answer(champion):
    champion.table("test.csv", answers(champion, 948))

    champion.run(baseline="champion")

    assert broken_list(champion) == [
        {"split": "test", "id": "00948.png", "label": "dog", "prediction": "cat"},
        {"split": "test", "id": "00949.png", "label": "dog", "prediction": "cat"},
    ]


def test_a_run_without_a_champion_takes_the_old_list_away(champion):
    champion.table("test.csv", answers(champion, 948))
    champion.run(baseline="champion")

    champion.run()

    assert not (champion.path / "gate-out" / "newly-broken.csv").exists()


def test_the_order_of_the_rows_is_of_no_account(champion):
    champion.table("test.csv", answers(champion, 948)[::-1])

    ran = champion.run(baseline="champion")

    assert ran.result("regression")["measured"]["value"] == -0.002
    assert len(broken_list(champion)) == 2


def test_other_images_are_refused(champion):
    champion.table("test.csv", answers(champion, 950)[:-1])

    ran = champion.run(baseline="champion")

    assert ran.status == 4
    assert "baseline champion: the champion was measured on another test set" in ran.errors
    assert ran.outcomes["regression"] == "inconclusive"
    assert ran.outcomes["accuracy"] == "passed"


def test_other_labels_of_the_same_images_are_refused(champion):
    rows = answers(champion, 950)
    rows[0]["label"] = "dog"
    champion.table("test.csv", rows)

    ran = champion.run(baseline="champion")

    assert ran.status == 4
    assert "measured on another test set" in ran.errors


@pytest.mark.parametrize("classes", [["dog", "cat"], ["cat", "dog", "cow"]])
def test_other_classes_or_another_order_are_refused(champion, classes):
    rows = answers(champion, 950)
    for row in rows:
        row["cow"] = 0
    champion.table("test.csv", rows)

    ran = champion.run(baseline="champion", classes=classes)

    assert ran.status == 4
    assert f"the champion has the classes cat, dog, this model has {', '.join(classes)}" in (
        ran.errors
    )


def test_a_champion_that_is_not_there_is_an_error(champion):
    ran = champion.run(baseline="nowhere")

    assert ran.status == 4
    assert "nowhere: there is no saved evidence" in ran.errors


def test_evidence_of_another_version_says_so(champion):
    with sqlite3.connect(champion.path / "champion" / "evidence.sqlite") as database:
        database.execute("PRAGMA user_version = 99")

    ran = champion.run(baseline="champion")

    assert ran.status == 4
    assert "the evidence has version 99, this program reads version" in ran.errors


@pytest.mark.parametrize("kept", [0, 100, 3000, 20_000])
def test_damaged_evidence_is_an_error_and_no_traceback(champion, kept):
    file = champion.path / "champion" / "evidence.sqlite"
    file.write_bytes(file.read_bytes()[:kept])

    ran = champion.run(baseline="champion")

    assert ran.status == 4
    assert "evidence.sqlite: " in ran.errors
    assert "Traceback" not in ran.err


def test_a_report_without_its_evidence_is_no_champion(champion):
    (champion.path / "champion" / "evidence.sqlite").unlink()

    ran = champion.run(baseline="champion/report.json")

    assert ran.status == 4
    assert "there is no saved evidence" in ran.errors


def test_a_champion_that_did_not_see_the_split_leaves_its_rules_open(champion):
    champion.table("val.csv", answers(champion, 950))
    champion.policy({"check": "regression", "split": "validation"})

    ran = champion.run(
        baseline="champion",
        data={"test": {"predictions": "test.csv"}, "validation": {"predictions": "val.csv"}},
    )

    assert ran.status == 3
    assert "no champion was measured on validation (add `baseline:`)" in ran.words


def test_judging_the_evidence_again_says_the_same(champion):
    champion.table("test.csv", answers(champion, 948))
    first = champion.run(baseline="champion")

    champion.command("judge", "gate-out", "--policy", "policy.yaml", "--format", "json")
    again = champion.command("judge", "gate-out", "--policy", "policy.yaml", "-v")

    assert again.status == first.status
    assert "2 broken and 0 repaired of 1,000" in again.words


@pytest.mark.parametrize("named", ["champion", "champion/report.json", "./champion/"])
def test_a_run_does_not_overwrite_its_champion(champion, named):
    before = (champion.path / "champion" / "evidence.sqlite").read_bytes()

    ran = champion.run(baseline=named, out="champion")

    assert ran.status == 2
    assert "holds the baseline, which the run would overwrite" in ran.err
    assert (champion.path / "champion" / "evidence.sqlite").read_bytes() == before
