"""The rows are cut into slices once, however many rules, classes and slices there are."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gate.checks.classification import ClassificationRule
from gate.decision import judge
from gate.evidence.records import Evidence, Rows, Split, SplitEvidence, rows_from_counts
from gate.metrics.selection import slice_names, slices_of

CLASSES = tuple(f"class {label:02d}" for label in range(20))


def evidence(slices, *, images=120):
    """Return the evidence of 20 classes with as many images each, dealt to ``slices`` in turn."""
    rows = rows_from_counts((np.eye(20, dtype=int) * images).tolist())
    site = np.array([f"site {place % slices:03d}" for place in range(len(rows))], dtype=object)
    rows = replace(rows, slices={"site": site})
    split = SplitEvidence(Split.TEST, "made-up", "made-up", len(rows), "0" * 64, rows)
    return Evidence(classes=CLASSES, splits={Split.TEST: split})


@pytest.fixture
def counted(monkeypatch):
    """Return how often rows were taken out, and requirements of a class looked up."""
    calls = Counter()

    def count(owner, name):
        plain = getattr(owner, name)

        def counting(*arguments):
            calls[name] += 1
            return plain(*arguments)

        monkeypatch.setattr(owner, name, counting)

    count(Rows, "take")
    count(ClassificationRule, "required_of")
    return calls


def test_a_policy_with_a_rule_for_each_class_cuts_the_rows_once(rule, counted):
    rules = [rule("recall", per_class={name: 0.8}, by="site") for name in CLASSES]

    decision = judge(rules, evidence(30))

    assert len(decision.results) == 20 * 30
    assert counted == {"take": 30, "required_of": 20 * 20}


def test_a_column_of_ids_is_refused_without_being_cut(rule, counted):
    decision = judge([rule("recall", min=0.8, by="site")], evidence(2400))

    assert "there are 2,400 slices" in decision.results[0].comparison.estimate.reason
    assert counted["take"] == 0


def test_of_a_column_of_ids_the_named_slices_alone_are_cut(rule, counted):
    named = rule("accuracy", min=0.8, by="site", slices=["site 007", "site=site 900"])

    decision = judge([named], evidence(2400))

    assert {each.comparison.scope.slice_name for each in decision.results} == {
        "site=site 007",
        "site=site 900",
    }
    assert counted["take"] == 2


def test_slices_hold_each_row_once_and_in_its_order():
    rows = evidence(7).splits[Split.TEST].rows

    cut = dict(slices_of(rows, ["site"]))

    assert list(cut) == slice_names(rows, ["site"]) == [f"site=site {n:03d}" for n in range(7)]
    for name, part in cut.items():
        expected = rows.ids[rows.slices["site"] == name.removeprefix("site=")]
        assert part.ids.tolist() == expected.tolist()


def test_rows_without_a_value_and_those_that_say_so_are_one_slice():
    rows = rows_from_counts([[3]])
    rows = replace(rows, slices={"site": np.array([None, "(none)", "A"], dtype=object)})

    assert {name: len(part) for name, part in slices_of(rows, ["site"])} == {
        "site=(none)": 2,
        "site=A": 1,
    }
