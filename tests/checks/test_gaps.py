"""Gaps between slices, as somebody tries who wants them unseen, and as an honest user has them."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.fit import _of_rule
from gate.policy.strictness import Direction, changes
from gate.report.messages import remedy

PASSED, FAILED, OPEN = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE


def run(*parts, columns=("site",)):
    """Return a run whose dogs come in (site, found, missed), with as many cats, all found."""
    cats = [(found + missed, site) for site, found, missed in parts]
    missed = [(missed, site) for site, _, missed in parts]
    found = [(found, site) for site, found, _ in parts]
    lost = sum(count for count, _ in missed)
    total = sum(count for count, _ in found) + lost
    runs = (*cats, *missed, *found)
    return SyntheticRun(
        test=((total, 0), (lost, total - lost)),
        slices={"test": dict.fromkeys(columns, runs)} if columns else None,
    )


ALIKE = run(("A", 294, 6), ("B", 294, 6))
APART = run(("A", 298, 2), ("B", 240, 60))
RULE = {"by": "site", "metric": "recall", "class": "dog", "max": 0.05}


def test_of_three_slices_the_two_that_are_furthest_apart_decide(outcome):
    assert outcome("slice-gap", run(("A", 298, 2), ("B", 294, 6), ("C", 240, 60)), **RULE) is FAILED
    assert outcome("slice-gap", run(("A", 998, 2), ("B", 994, 6), ("C", 993, 7)), **RULE) is PASSED


def test_a_gap_is_the_same_whichever_slice_is_the_worse(outcome):
    assert outcome("slice-gap", run(("A", 240, 60), ("B", 298, 2)), **RULE) is FAILED


def test_false_alarms_of_one_site_are_seen_where_recall_is_alike(outcome):
    numbers = SyntheticRun(
        test=((700, 100), (0, 800)),
        slices={"test": {"site": ((310, "A"), (390, "B"), (90, "A"), (10, "B"), (400, "A"),
                                  (400, "B"))}},
    )  # fmt: skip

    assert outcome("slice-gap", numbers, **RULE) is PASSED
    assert outcome("slice-gap", numbers, **{**RULE, "metric": "false-positive-rate"}) is FAILED
    assert outcome("slice-gap", numbers, **{**RULE, "metric": "precision"}) is FAILED
    assert outcome("equalised-odds", numbers, by="site", max=0.1) is FAILED


def test_without_a_class_each_is_compared(rule):
    results = judge([rule("slice-gap", by="site", max=0.05)], synthetic_evidence(APART)).results

    assert {each.key: each.outcome for each in results} == {
        "slice-gap[class=dog,slice=site]": FAILED,
        "slice-gap[class=cat,slice=site]": PASSED,
    }


# --- whoever wants the gap unseen


def test_a_class_that_was_renamed_is_no_class_of_the_model(rule):
    gap = rule("slice-gap", **RULE)

    assert [each.fact for each in _of_rule(gap, ("cat", "hound"), ())] == [
        "the model has no class 'dog'"
    ]
    assert list(_of_rule(gap, ("cat", "dog"), ())) == []


@pytest.mark.parametrize("check", ["slice-gap", "equalised-odds"])
def test_a_column_that_is_declared_away_is_missed(check, outcome):
    assert outcome(check, run(("A", 298, 2), ("B", 240, 60), columns=()), **_of(check)) is OPEN
    assert outcome(check, run(("A", 298, 2), columns=("ward",)), **_of(check)) is OPEN


@pytest.mark.parametrize("check", ["slice-gap", "equalised-odds"])
def test_every_declared_column_is_judged_and_none_is_open(check, outcome, rule):
    of_all = {**_of(check), "by": "$slices"}
    both = run(("A", 298, 2), ("B", 240, 60), columns=("site", "ward"))

    assert outcome(check, run(("A", 298, 2), ("B", 240, 60), columns=()), **of_all) is OPEN
    results = judge([rule(check, **of_all)], synthetic_evidence(both)).results
    assert {each.comparison.scope.slice_name for each in results} == {"site", "ward"}
    assert outcome(check, both, **of_all) is FAILED
    assert outcome(check, run(("A", 998, 2), ("B", 994, 6), columns=("site", "ward")),
                   **of_all) is PASSED  # fmt: skip


@pytest.mark.parametrize("check", ["slice-gap", "equalised-odds"])
@pytest.mark.parametrize(
    "numbers",
    [
        run(("A", 588, 12)),
        run(("A", 588, 12), ("B", 1, 0)),
        run(*((f"patient {each}", 1, 0) for each in range(150))),
        run(*((f"image {each}", 1, 0) for each in range(400))),
        run(("A", 588, 12), (None, 0, 0)),
    ],
    ids=["one slice", "one image beside", "a slice an image", "ids", "all of one, none of nothing"],
)
def test_slices_that_show_no_gap_never_pass(check, numbers, outcome):
    assert outcome(check, numbers, **_of(check)) is OPEN
    assert outcome(check, numbers, **{**_of(check), "by": "$slices"}) is OPEN


def test_a_column_of_ids_is_refused_in_words(rule):
    numbers = run(*((f"image {each}", 1, 0) for each in range(400)))
    (result,) = judge([rule("slice-gap", **RULE)], synthetic_evidence(numbers)).results

    assert result.comparison.estimate.reason == "there are 400 slices, and at most 200 are judged"
    assert "ids" in result.comparison.estimate.remedy


def test_images_whose_site_was_blanked_are_a_slice_too(outcome):
    assert outcome("slice-gap", run(("A", 298, 2), ("B", 298, 2), (None, 240, 60)), **RULE) is (
        FAILED
    )


def test_a_named_slice_that_is_gone_is_open_and_others_are_left_out(outcome):
    three = run(("A", 998, 2), ("B", 994, 6), ("C", 3, 0))

    assert outcome("slice-gap", three, **RULE) is OPEN
    assert outcome("slice-gap", three, **RULE, slices=["A", "B"]) is PASSED
    assert outcome("slice-gap", three, **RULE, slices=["A", "D"]) is OPEN


def test_patients_dealt_into_groups_that_are_all_alike_prove_no_more(rule):
    """The groups are dealt so that each has as many mistakes: they show no spread."""
    numbers = run(("A", 90, 10), ("B", 90, 10))
    evidence = synthetic_evidence(numbers)
    test = evidence.splits[Split.TEST]
    groups = np.array([f"p{place % 20}" for place in range(len(test.rows))], dtype=object)
    dealt = replace(test, rows=test.rows.with_groups(groups))

    def judged(split):
        given = replace(evidence, splits={Split.TEST: split})
        return judge([rule("slice-gap", **RULE)], given).results[0].outcome

    assert judged(test) is OPEN
    assert judged(dealt) is OPEN


def test_where_groups_are_missing_groups_are_asked_for_and_not_images(rule):
    evidence = synthetic_evidence(ALIKE)
    test = evidence.splits[Split.TEST]
    one = replace(test, rows=test.rows.with_groups(np.full(len(test.rows), "all", dtype=object)))
    given = replace(evidence, splits={Split.TEST: one})

    (result,) = judge([rule("slice-gap", **RULE)], given).results

    assert result.outcome is OPEN
    assert remedy(result) == (
        "give images of more groups in each slice: "
        "site=A has 1 group, 9 more are needed for a bound"
    )


def test_images_without_an_answer_are_missed_in_their_slice(rule):
    evidence = synthetic_evidence(ALIKE)
    test = evidence.splits[Split.TEST]
    rows = test.rows
    dogs_at_b = np.flatnonzero((rows.labels == 1) & (rows.slices["site"] == "B"))
    answers = rows.predictions.copy()
    answers[dogs_at_b[:100]] = -1
    spared = replace(test, rows=replace(rows, predictions=answers))

    def judged(split):
        given = replace(evidence, splits={Split.TEST: split})
        return judge([rule("slice-gap", **RULE)], given).results[0].outcome

    assert judged(test) is PASSED
    assert judged(spared) is FAILED


# --- what is written in a policy


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"metric": "accuracy", "class": "dog"}, "accuracy is of no class"),
        ({"by": "$slices", "slices": ["A"]}, "name the column"),
        ({"by": ["site", "$slices"]}, "every column by itself"),
        ({"max": 1.5}, "less than or equal to 1"),
        ({"metric": "log-loss"}, "Input should be"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys, said, rule):
    with pytest.raises(ValidationError, match=said):
        rule("slice-gap", **{**RULE, **keys})


def test_recall_by_every_declared_column_is_judged_by_each(rule):
    both = run(("A", 298, 2), ("B", 240, 60), columns=("site", "ward"))
    by_all = rule("recall", min=0.9, classes=["dog"], by="$slices")

    results = judge([by_all], synthetic_evidence(both)).results

    assert {each.comparison.scope.slice_name: each.outcome for each in results} == {
        "site=A": PASSED,
        "site=B": FAILED,
        "ward=A": PASSED,
        "ward=B": FAILED,
    }
    nothing = run(("A", 298, 2), ("B", 298, 2), columns=())
    assert judge([by_all], synthetic_evidence(nothing)).results[0].outcome is OPEN


def test_a_smaller_gap_is_stricter_and_other_slices_are_incomparable(rule):
    def direction(**new):
        (change,) = changes(rule("slice-gap", **RULE), rule("slice-gap", **{**RULE, **new}))
        return change.direction

    assert direction(max=0.02) is Direction.TIGHTENED
    assert direction(max=0.2) is Direction.LOOSENED
    assert direction(by="ward") is Direction.CHANGED
    assert direction(slices=["A", "B"]) is Direction.CHANGED


def _of(check):
    return RULE if check == "slice-gap" else {"by": "site", "max": 0.05}
