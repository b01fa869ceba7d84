"""Slices, from the columns of a table to the report and its text."""

import pytest

from gate.report.model import Report
from gate.report.renderings import Beside
from gate.report.renderings.registry import render


def scanned(folder, **by_scanner):
    """Write a test table: for each scanner the confusion matrix of its images."""
    rows = [
        row
        for scanner, counts in by_scanner.items()
        for row in folder.rows(counts, scanner="" if scanner == "unknown" else scanner)
    ]
    for index, row in enumerate(rows):
        row["id"] = f"{index:05}.png"
    folder.table("test.csv", rows)
    return {"test": {"predictions": "test.csv", "slices": ["scanner"]}}


def test_each_slice_is_judged_and_the_worst_comes_first(folder):
    data = scanned(folder, A=[[95, 5], [5, 95]], B=[[60, 40], [40, 60]], C=[[75, 25], [25, 75]])
    folder.policy({"check": "accuracy", "by": "scanner", "min": 0.9})

    ran = folder.run(data=data)

    assert ran.status == 1
    assert [each["scope"]["slice"] for each in ran.report["results"]] == [
        "scanner=B",
        "scanner=C",
        "scanner=A",
    ]
    assert ran.report["decision"]["reasons"] == [
        "accuracy[slice=scanner=B]",
        "accuracy[slice=scanner=C]",
    ]
    assert ran.out.index("scanner=B]") < ran.out.index("scanner=C]") < ran.out.index("scanner=A]")
    assert "accuracy on test where scanner=B is 0.600 (120/200; at most" in ran.words


def test_images_without_a_value_are_a_slice_of_their_own(folder):
    data = scanned(folder, A=[[95, 5], [5, 95]], unknown=[[5, 45], [45, 5]])
    folder.policy({"check": "accuracy", "by": "scanner", "min": 0.8})

    ran = folder.run(data=data)

    assert ran.outcomes == {
        "accuracy[slice=scanner=(none)]": "failed",
        "accuracy[slice=scanner=A]": "passed",
    }


def test_a_column_that_the_data_lacks_is_open_and_named(folder):
    folder.table("test.csv", folder.rows([[95, 5], [5, 95]]))
    folder.policy({"check": "accuracy", "by": "scanner", "min": 0.8})

    ran = folder.run()

    assert ran.status == 3
    assert "(add it to `slices:`)" in ran.words


def test_a_declared_column_that_the_table_lacks_is_an_error_of_the_data(folder):
    folder.table("test.csv", folder.rows([[95, 5], [5, 95]]))
    folder.policy({"check": "accuracy", "by": "scaner", "min": 0.8})

    ran = folder.run(data={"test": {"predictions": "test.csv", "slices": ["scaner"]}})

    assert ran.status == 4
    assert "no column 'scaner'" in ran.errors


def test_a_slice_that_is_named_and_absent_is_open(folder):
    data = scanned(folder, A=[[95, 5], [5, 95]])
    folder.policy({"check": "accuracy", "by": "scanner", "slices": ["A", "B"], "min": 0.8})

    ran = folder.run(data=data)

    assert ran.status == 3
    assert ran.outcomes == {
        "accuracy[slice=scanner=B]": "inconclusive",
        "accuracy[slice=scanner=A]": "passed",
    }


def test_a_small_slice_is_open_and_says_what_it_lacks(folder):
    data = scanned(folder, A=[[95, 5], [5, 95]], B=[[4, 0], [0, 4]])
    folder.policy({"check": "accuracy", "by": "scanner", "min": 0.8})

    ran = folder.run(data=data)

    assert ran.status == 3
    assert ran.outcomes["accuracy[slice=scanner=B]"] == "inconclusive"
    assert "more images would decide it" in ran.result("accuracy[slice=scanner=B]")["message"]


def test_columns_are_crossed(folder):
    rows = folder.rows([[95, 5], [5, 95]])
    for index, row in enumerate(rows):
        row |= {"scanner": "AB"[index % 2], "site": "12"[index // 2 % 2]}
    folder.table("test.csv", rows)
    folder.policy({"check": "accuracy", "by": ["scanner", "site"], "min": 0.7})

    ran = folder.run(data={"test": {"predictions": "test.csv", "slices": ["scanner", "site"]}})

    assert set(ran.outcomes) == {
        f"accuracy[slice=scanner={scanner}, site={site}]" for scanner in "AB" for site in "12"
    }


def test_classes_are_judged_within_each_slice(folder):
    data = scanned(folder, A=[[95, 5], [5, 95]], B=[[95, 5], [60, 40]])
    folder.policy({"check": "recall", "by": "scanner", "min": 0.8})

    ran = folder.run(data=data)

    assert [key for key, outcome in ran.outcomes.items() if outcome == "failed"] == [
        "recall[class=dog,slice=scanner=B]"
    ]


def test_a_column_of_10_000_ids_is_asked_about_and_never_judged(folder):
    rows = folder.rows([[5000, 0], [0, 5000]])
    for row in rows:
        row["uid"] = row["id"]
    folder.table("test.csv", rows)
    folder.policy({"check": "accuracy", "by": "uid", "min": 0.8})

    ran = folder.run(data={"test": {"predictions": "test.csv", "slices": ["uid"]}})

    assert ran.status == 3
    assert len(ran.report["results"]) == 1
    assert "there are 10,000 slices, and at most 200 are judged" in (ran.words)


@pytest.mark.parametrize("check", ["precision", "macro-f1", "mcc", "roc-auc", "log-loss", "f1"])
def test_any_classification_check_is_cut(folder, check):
    data = scanned(folder, A=[[95, 5], [5, 95]], B=[[95, 5], [5, 95]])
    bound = {"max": 0.6} if check == "log-loss" else {"min": 0.5}
    folder.policy({"check": check, "by": "scanner", **bound})

    ran = folder.run(data=data)

    assert {each["scope"]["slice"] for each in ran.report["results"]} == {"scanner=A", "scanner=B"}
    assert ran.status == 0


SEARCH = {"check": "weak-slice", "min_recall": 0.8, "search": ["scanner"]}


def test_what_a_search_could_have_seen_is_a_table_on_the_page_and_a_line_of_text(folder):
    data = scanned(folder, A=[[95, 5], [5, 95]], B=[[19, 1], [1, 19]])
    folder.policy(SEARCH)

    ran = folder.run(data=data)

    page = render(Report.model_validate(ran.report), "html", Beside())
    [search] = ran.report["searches"]
    assert [each["images"] for each in search["by_size"]] == [40, 200]
    assert [each["slices"] for each in search["by_size"]] == [2, 1]
    small, large = (f"{each['found_below']:.3f}" for each in search["by_size"])
    assert "What could have been seen" in page
    assert small in page
    assert large in page
    assert f"among 2 slices of test, {search['said']}" in ran.words


def test_a_rule_that_searches_nothing_has_no_such_table(folder):
    folder.table("test.csv", folder.rows([[95, 5], [5, 95]]))
    folder.policy({"check": "accuracy", "min": 0.8})

    ran = folder.run()

    assert ran.report["searches"] == []
    assert "could have been seen" not in render(Report.model_validate(ran.report), "html", Beside())
