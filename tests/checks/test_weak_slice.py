"""Weak slices as somebody tries who wants them unseen, and as an honest user has them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.image_properties import KEY
from gate.evidence.records import Overlap, Pair, PairKind, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.messages import message, remedy

PASSED, FAILED, OPEN = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
REFERENCE = Path(__file__).parents[1] / "metrics/reference/slices_and_order.json"
ENTRIES = [
    each
    for each in json.loads(REFERENCE.read_text(encoding="utf-8"))["entries"]
    if each["kind"] == "weak_slices"
]
RULE = {"min_recall": 0.9, "search": ["site"], "class": "dog"}


def run(test, validation=None, columns=("site",)):
    """Return a run whose dogs come in (right, images) by site: A, B, ... of a split."""

    def of(sites):
        missed = [(n - k, chr(65 + at)) for at, (k, n) in enumerate(sites)]
        found = [(k, chr(65 + at)) for at, (k, n) in enumerate(sites)]
        lost = sum(count for count, _ in missed)
        total = sum(n for _, n in sites)
        runs = ((50, "A"), (50, "B"), *missed, *found)
        return ((100, 0), (lost, total - lost)), dict.fromkeys(columns, runs)

    matrix, slices = of(test)
    both = {"test": slices}
    numbers = {"test": matrix}
    if validation is not None:
        numbers["validation"], both["validation"] = of(validation)
    return SyntheticRun(**numbers, slices=both if columns else None)


def judged(rule, numbers, **keys):
    made = rule("weak-slice", **{**RULE, **keys})
    return judge([made], synthetic_evidence(numbers)).results


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_the_confirmed_slices_are_those_of_the_reference(entry, rule):
    inputs = entry["inputs"]
    results = judged(rule, run(inputs["test"], inputs["validation"]),
                     min_recall=inputs["required"],
                     one_sided_confidence=1 - inputs["alpha"])  # fmt: skip

    failed = [each.comparison.scope.slice_name for each in results if each.outcome is FAILED]
    assert failed == [f"site={chr(65 + at)}" for at in entry["expected"]]


def test_a_slice_that_is_weak_on_both_splits_fails_and_is_told_in_words(rule):
    (found,) = judged(rule, run([(290, 300), (31, 60)], [(290, 300), (30, 60)]))

    assert found.outcome is FAILED
    assert message(found).startswith("31 of 60 are right where site = B (required: 0.90)")
    assert "on validation it is 30 of 60" in message(found)
    assert "wrong: 000000110" in message(found)


def test_one_that_test_does_not_confirm_is_open_and_says_how_many_images_would_decide(rule):
    (found,) = judged(rule, run([(290, 300), (52, 60)], [(290, 300), (45, 60)]))

    assert found.outcome is OPEN
    assert "more images of the slice would decide it" in message(found)
    assert "named slice" in remedy(found)


def test_one_that_test_shows_to_be_good_passes(rule):
    (found,) = judged(rule, run([(290, 300), (290, 300)], [(290, 300), (45, 60)]))

    assert (found.outcome, found.proven) == (PASSED, True)


def test_where_nothing_looks_weak_it_passes_unproven_and_says_what_would_be_seen(rule):
    (found,) = judged(rule, run([(290, 300), (290, 300)], [(290, 300), (59, 60)]))

    assert (found.outcome, found.proven) == (PASSED, False)
    assert "No slice looks weak among 2 of validation" in message(found)
    assert "eakness would be seen: of 300 images below 0.8" in message(found)


# --- whoever wants it unseen


def test_without_validation_all_slices_of_test_share_the_error(rule, outcome):
    weak = run([(290, 300), (31, 60)])
    middling = run([(290, 300), (290, 300), (49, 60)])

    assert outcome("weak-slice", weak, **RULE) is FAILED
    assert outcome("weak-slice", middling, **RULE) is OPEN  # never a pass for leaving it out
    assert outcome("weak-slice", run([(290, 300), (290, 300)]), **RULE) is PASSED


def test_a_validation_of_a_few_images_is_none(rule, outcome):
    assert outcome("weak-slice", run([(290, 300), (31, 60)], [(9, 9), (9, 9)]), **RULE) is FAILED


@pytest.mark.parametrize(
    "validation",
    [
        [(290, 300), (0, 0), (290, 300)],
        [(290, 300), (12, 19), (290, 300)],
        [(290, 300), (290, 300), (290, 300)],
        [(290, 300), (290, 300), (150, 300)],
    ],
    ids=["without it", "with a few images of it", "with easy images of it", "with sites changed"],
)
def test_whoever_chooses_validation_hides_no_site_that_test_shows_to_be_weak(validation, rule):
    results = judged(rule, run([(290, 300), (150, 300), (290, 300)], validation))

    (failed,) = [each for each in results if each.outcome is FAILED]
    assert failed.comparison.scope.slice_name == "site=B"
    assert "on test it is 150 of 300" in message(failed)


def test_a_site_that_validation_lacks_is_open_where_it_looks_weak(rule):
    test = [(290, 300), (49, 60), (290, 300)]

    (lacking,) = judged(rule, run(test, [(290, 300), (0, 0), (290, 300)]))
    (having,) = judged(rule, run(test, [(290, 300), (58, 60), (290, 300)]))

    assert lacking.outcome is OPEN  # as without validation
    assert (having.outcome, having.proven) == (PASSED, False)


def test_a_good_model_passes_though_validation_lacks_a_site(rule):
    (found,) = judged(
        rule, run([(290, 300), (57, 60), (290, 300)], [(290, 300), (0, 0), (290, 300)])
    )

    assert found.outcome is PASSED


def test_validation_that_is_test_discovers_nothing(rule):
    """Each image stands in both: nothing is left of validation, and test shares the error."""
    numbers = run([(290, 300), (31, 60)], [(290, 300), (31, 60)])
    evidence = synthetic_evidence(numbers)
    pairs = tuple(
        Pair(name, name, Split.VALIDATION, Split.TEST, "dog", "dog", PairKind.BYTES)
        for name in evidence.splits[Split.TEST].rows.ids
    )
    shared = Overlap(Split.VALIDATION, Split.TEST, pairs, compared=tuple(PairKind))
    spoilt = replace(evidence, overlaps=(shared,))

    results = judge([rule("weak-slice", **RULE)], spoilt).results

    assert not any(each.outcome is PASSED for each in results)
    assert all("on validation" not in each.comparison.detail for each in results)


@pytest.mark.parametrize(
    "numbers",
    [
        run([(290, 300), (290, 300)], columns=()),
        run([(590, 600)]),
        run([(10, 10), (10, 10)]),
        SyntheticRun(test=((100, 0), (0, 400)), slices={"test": {"site": tuple(
            (1, f"id {at}") for at in range(500))}}),
    ],
    ids=["declared away", "one slice", "ten images a slice", "ids"],
)  # fmt: skip
def test_a_search_that_could_see_nothing_never_passes(numbers, outcome):
    assert outcome("weak-slice", numbers, **RULE) is OPEN
    assert outcome("weak-slice", numbers, **{**RULE, "search": "$slices"}) is OPEN


def test_one_slice_and_a_column_of_ids_are_told_with_what_helps(rule):
    ids = SyntheticRun(test=((100, 0), (0, 400)), slices={"test": {"site": tuple(
        (1, f"id {at}") for at in range(500))}})  # fmt: skip

    (one,), (many,) = judged(rule, run([(590, 600)])), judged(rule, ids)

    assert one.comparison.finding == (
        "Not checked: only one slice has 20 images or more, and a search takes two"
    )
    assert "there are 500 slices, and at most 200 are judged" in many.comparison.finding
    assert many.comparison.estimate.remedy == "name other columns in `search`: site may hold ids"


@pytest.mark.parametrize("validation", [None, [(290, 300), (290, 300), *[(10, 19)] * 3]])
def test_a_weak_site_that_is_cut_into_slivers_is_looked_at_as_one(validation, rule):
    (cut,) = judged(rule, run([(290, 300), (290, 300), *[(10, 19)] * 3], validation))

    assert cut.outcome is FAILED
    told = "30 of 57 are right where site has a value of fewer than 20 images"
    assert message(cut).startswith(told)
    assert cut.comparison.scope.slice_name == "site=(rare)"


def test_a_site_that_is_rare_on_validation_alone_is_no_sliver(rule):
    """Two small sites of validation look weak together; test has enough of each: they are good."""
    good = [(290, 300), (290, 300)]

    (found,) = judged(rule, run([*good, (58, 60), (58, 60)], [*good, (8, 12), (9, 12)]))

    assert found.outcome is PASSED


def test_good_sites_of_a_few_images_each_pass(rule):
    (good,) = judged(rule, run([(290, 300), (290, 300), *[(19, 19)] * 3]))

    assert (good.outcome, good.proven) == (PASSED, False)
    assert "too small to be looked at" not in message(good)


def test_images_of_slices_that_are_too_small_even_together_are_told(rule):
    (few,) = judged(rule, run([(290, 300), (290, 300), (3, 9), (3, 9)]))

    told = "18 images are in slices of site that are too small to be looked at"
    assert (few.outcome, few.proven) == (PASSED, False)
    assert told in message(few)


def test_a_column_that_validation_does_not_declare_is_open(rule):
    evidence = synthetic_evidence(run([(290, 300), (31, 60)], [(290, 300), (30, 60)]))
    validation = evidence.splits[Split.VALIDATION]
    bare = replace(validation, rows=replace(validation.rows, slices={}))
    given = replace(evidence, splits={**evidence.splits, Split.VALIDATION: bare})

    assert judge([rule("weak-slice", **RULE)], given).results[0].outcome is OPEN


def test_a_class_that_was_renamed_is_told(rule):
    assert list(rule("weak-slice", **RULE).class_names()) == [(("class",), "dog")]


def test_the_dark_images_of_one_site_are_a_slice_in_words(rule):
    cats, found = ((25, at) for at in (10.0, 100.0, 200.0, 300.0)), ((100, 100.0), (190, 200.0))
    light = (*cats, (70, 10.0), (10, 200.0), (30, 10.0), *found)
    sites = ((50, "A"), (50, "B"), (70, "B"), (10, "A"), (30, "B"), (290, "A"))
    numbers = SyntheticRun(
        test=((100, 0), (80, 320)),
        validation=((100, 0), (80, 320)),
        slices={"test": {"site": sites}, "validation": {"site": sites}},
        observations={each: {KEY: {"brightness": light}} for each in ("test", "validation")},
    )

    results = judged(rule, numbers, search=["brightness", "site"])

    said = [message(each) for each in results if each.outcome is FAILED]
    assert any("where brightness in the lowest quarter" in each for each in said)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"search": ["site", "site"]}, "named twice"),
        ({"search": ["site", "$slices"]}, "every column"),
        ({"depth": 3}, "less than or equal to 2"),
        ({"min_recall": 0}, "greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys, said, rule):
    with pytest.raises(ValidationError, match=said):
        rule("weak-slice", **{**RULE, **keys})


def test_a_misspelt_column_is_told_with_the_one_that_there_is(rule):
    [found] = judged(rule, run([(190, 200), (190, 200)]), search=["sites"])

    assert found.outcome is OPEN
    assert "did you mean 'site'?" in message(found)
    said = remedy(found)
    assert said.startswith("did you mean 'site'? Else add `sites` to the `slices:` of test")


def test_a_column_like_none_that_there_is_is_to_be_added(rule):
    [found] = judged(rule, run([(190, 200), (190, 200)]), search=["scanner"])

    assert "did you mean" not in remedy(found)
    assert remedy(found).startswith("add `scanner` to the `slices:` of test")
