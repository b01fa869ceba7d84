"""The sets of rows that a rule is judged on: as given, and without leaked and repeated images."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gate.checks import REGISTRY
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import EXACT, Overlap, Pair, PairKind, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.rates import accuracy
from gate.metrics.row_sets import RowSet, clean_rows, excluded_rows, row_sets, views_of

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "row_sets.json").read_text(encoding="utf-8")
)["entries"]
NUMBERS = SyntheticRun(train=((5, 0), (0, 5)), validation=((5, 0), (0, 5)), test=((8, 2), (3, 7)))
EVIDENCE = synthetic_evidence(NUMBERS)
IDS = EVIDENCE.splits[Split.TEST].rows.ids.tolist()  # 8 cats right, 2 wrong, 3 dogs wrong, 7 right


def shared(a, b, *pairs, kind=PairKind.BYTES):
    found = tuple(Pair(one, two, a, b, "cat", "cat", kind) for one, two in pairs)
    return Overlap(a, b, found, compared=tuple(PairKind))


def copies(*pairs, kind=PairKind.BYTES):
    found = shared(Split.TEST, Split.TEST, *pairs, kind=kind)
    return replace(found, compared=tuple(EXACT))


def sets_with(*overlaps, groups=None, **more):
    evidence = replace(EVIDENCE, overlaps=overlaps)
    if groups is not None:
        test = evidence.splits[Split.TEST]
        rows = test.rows.with_groups(np.array(groups, dtype=object))
        splits = {**evidence.splits, Split.TEST: replace(test, rows=rows)}
        evidence = replace(evidence, splits=splits)
    return row_sets(evidence, Split.TEST, **more)


def test_without_leaks_and_copies_there_is_one_set():
    assert list(sets_with()) == [RowSet.GIVEN]
    assert len(views_of(EVIDENCE)) == 1


@pytest.mark.parametrize("earlier", [Split.TRAIN, Split.VALIDATION])
@pytest.mark.parametrize("kind", list(PairKind))
def test_an_image_of_any_earlier_split_is_no_clean_one(earlier, kind):
    sets = sets_with(shared(earlier, Split.TEST, ("000000001", IDS[3]), kind=kind))

    assert list(sets) == [RowSet.GIVEN, RowSet.CLEAN]
    assert sets[RowSet.CLEAN].ids.tolist() == [each for each in IDS if each != IDS[3]]
    assert len(sets[RowSet.GIVEN]) == 20


def test_the_earlier_split_is_spoilt_only_for_rules_that_compare_splits():
    evidence = replace(EVIDENCE, overlaps=(shared(Split.TRAIN, Split.TEST, ("000000001", IDS[3])),))

    assert list(row_sets(evidence, Split.TRAIN)) == [RowSet.GIVEN]
    assert len(row_sets(evidence, Split.TRAIN, either_way=True)[RowSet.CLEAN]) == 9


def test_copies_are_one_observation_and_stand_once_among_the_clean():
    sets = sets_with(copies((IDS[0], IDS[1]), (IDS[0], IDS[2])))

    assert list(sets) == [RowSet.GIVEN, RowSet.JOINED, RowSet.CLEAN]
    joined = sets[RowSet.JOINED].groups.tolist()
    assert joined[0] == joined[1] == joined[2] is not None
    assert joined[3:] == [None] * 17
    assert sets[RowSet.CLEAN].ids.tolist() == [IDS[0], *IDS[3:]]


def test_near_copies_inside_a_split_are_two_images():
    assert list(sets_with(copies((IDS[0], IDS[1]), kind=PairKind.NEAR))) == [RowSet.GIVEN]


def test_a_set_of_copies_counts_as_right_only_if_all_of_them_are():
    right, wrong = IDS[0], IDS[8]  # two answers to one picture, one of them turned
    sets = sets_with(copies((right, wrong)))

    assert wrong in sets[RowSet.CLEAN].ids
    assert right not in sets[RowSet.CLEAN].ids
    found = accuracy(sets[RowSet.CLEAN])
    assert (found.numerator, found.denominator) == (14, 19)


def test_of_copies_with_two_labels_the_wrong_one_stays():
    """Reference: of the sets {right, wrong}, {right}, {wrong} one of three is right."""
    numbers = synthetic_evidence(SyntheticRun(test=((2, 0), (2, 0))))
    ids = numbers.splits[Split.TEST].rows.ids.tolist()
    evidence = replace(numbers, overlaps=(copies((ids[0], ids[2])),))

    found = accuracy(clean_rows(evidence, Split.TEST))

    assert (found.numerator, found.denominator) == (1, 3)


def test_each_image_stands_once_leaked_or_not_where_there_are_copies_and_leaks():
    sets = sets_with(
        shared(Split.TRAIN, Split.TEST, ("000000001", IDS[9])), copies((IDS[0], IDS[1]))
    )

    assert sets[RowSet.ONCE].ids.tolist() == [IDS[0], *IDS[2:]]
    assert sets[RowSet.CLEAN].ids.tolist() == [IDS[0], *IDS[2:9], *IDS[10:]]


def in_slices(names, *overlaps):
    test = EVIDENCE.splits[Split.TEST]
    scanner = np.array([names.get(name, "A") for name in test.rows.ids], dtype=object)
    rows = replace(test.rows, slices={"scanner": scanner})
    splits = {**EVIDENCE.splits, Split.TEST: replace(test, rows=rows)}
    return row_sets(replace(EVIDENCE, splits=splits, overlaps=overlaps), Split.TEST)


def test_a_wrong_image_is_wrong_in_every_slice_that_it_is_listed_in():
    sets = in_slices({IDS[9]: "B"}, copies((IDS[8], IDS[9])))  # two wrong answers

    assert {IDS[8], IDS[9]} <= set(sets[RowSet.CLEAN].ids)


def test_a_right_image_that_is_listed_in_two_slices_adds_to_neither():
    sets = in_slices({IDS[1]: "B"}, copies((IDS[0], IDS[1])))

    assert not {IDS[0], IDS[1]} & set(sets[RowSet.CLEAN].ids)


def test_images_in_groups_are_also_taken_one_by_one_which_only_withholds():
    groups = [f"P{index // 2}" for index in range(20)]
    sets = sets_with(groups=groups)

    assert list(sets) == [RowSet.GIVEN, RowSet.APART]
    assert sets[RowSet.APART].groups.tolist() == IDS
    test = replace(EVIDENCE.splits[Split.TEST], rows=sets[RowSet.GIVEN])
    views = views_of(replace(EVIDENCE, splits={Split.TEST: test}))
    assert [view.only_withholds for view in views] == [False, True]


def test_where_groups_and_copies_meet_each_image_also_stands_once_and_by_itself():
    groups = [f"P{index // 2}" for index in range(20)]
    sets = sets_with(copies((IDS[0], IDS[1])), groups=groups)

    assert sets[RowSet.SINGLE].ids.tolist() == [IDS[0], *IDS[2:]]
    assert sets[RowSet.SINGLE].groups.tolist() == [IDS[0], *IDS[2:]]
    assert RowSet.SINGLE not in sets_with(copies((IDS[0], IDS[1])))  # no group joins any


def test_a_copy_of_a_leaked_image_has_leaked():
    found = sets_with(
        shared(Split.TRAIN, Split.TEST, ("000000001", IDS[0])), copies((IDS[0], IDS[1]))
    )

    assert found[RowSet.CLEAN].ids.tolist() == IDS[2:]


def test_images_are_joined_if_they_share_a_group_or_are_copies():
    groups = ["A"] * 4 + ["B"] * 4 + ["C"] * 12
    sets = sets_with(copies((IDS[3], IDS[4])), groups=groups)

    assert sets[RowSet.JOINED].groups.tolist() == ["A"] * 8 + ["C"] * 12
    assert sets[RowSet.GIVEN].groups.tolist() == groups


def test_an_image_without_a_group_joins_that_of_its_copy():
    groups = ["A", None, *["B"] * 18]
    sets = sets_with(copies((IDS[0], IDS[1])), groups=groups)

    assert sets[RowSet.JOINED].groups.tolist() == ["A", "A", *["B"] * 18]


def test_the_order_of_the_rows_changes_no_set():
    found = sets_with(copies((IDS[0], IDS[8])), shared(Split.TRAIN, Split.TEST, ("x", IDS[5])))
    test = EVIDENCE.splits[Split.TEST]
    order = np.random.default_rng(0).permutation(20)
    shuffled = replace(
        EVIDENCE,
        splits={**EVIDENCE.splits, Split.TEST: replace(test, rows=test.rows.take(order))},
        overlaps=(
            copies((IDS[0], IDS[8])),
            shared(Split.TRAIN, Split.TEST, ("x", IDS[5])),
        ),
    )

    for name, rows in row_sets(shuffled, Split.TEST).items():
        assert sorted(rows.ids) == sorted(found[name].ids)


def test_what_is_left_out_is_the_rest_of_the_clean_rows():
    evidence = replace(EVIDENCE, overlaps=(copies((IDS[0], IDS[1])),))

    assert np.flatnonzero(excluded_rows(evidence, Split.TEST)).tolist() == [1]
    assert not excluded_rows(evidence, Split.TRAIN).any()


def test_views_change_all_splits_together_or_each_with_each():
    evidence = replace(
        EVIDENCE,
        overlaps=(
            shared(Split.TRAIN, Split.TEST, ("000000001", IDS[3])),
            copies((IDS[0], IDS[1])),
        ),
    )

    together = views_of(evidence)
    apart = views_of(evidence, ("train", "test"))

    ways = [RowSet.GIVEN, RowSet.JOINED, RowSet.ONCE, RowSet.CLEAN]
    assert [view.sets[Split.TEST] for view in together] == ways
    assert [view.sets[Split.TRAIN] for view in together] == [RowSet.GIVEN] * 4
    assert len(apart) == 2 * 4  # train as given and clean; test in four ways; validation in one
    assert [view.only_withholds for view in together] == [True, False, False, False]


def test_the_views_of_a_champion_have_the_images_of_the_model():
    numbers = synthetic_evidence(replace(NUMBERS, broken=2))
    evidence = replace(numbers, overlaps=(shared(Split.TRAIN, Split.TEST, ("000000001", IDS[3])),))

    given, clean = views_of(evidence)

    assert len(given.evidence.baseline.rows[Split.TEST]) == 20
    assert IDS[3] not in clean.evidence.baseline.rows[Split.TEST].ids
    assert clean.evidence.splits[Split.TEST].all_rows is numbers.splits[Split.TEST].rows


def reference(kind):
    return [
        pytest.param(entry["inputs"], entry["expected"], id=entry["id"])
        for entry in REFERENCE
        if entry["kind"] == kind
    ]


@pytest.mark.parametrize(("inputs", "expected"), reference("as_given_and_clean"))
def test_a_share_is_judged_as_given_and_clean_as_the_reference_has_it(inputs, expected):
    assert inputs["alpha"] == 0.05, "the error that a rule has unless it says another"
    right, wrong = inputs["k_given"], inputs["n_given"] - inputs["k_given"]
    evidence = synthetic_evidence(
        SyntheticRun(train=((1000, 0), (0, 0)), test=((right, wrong), (0, 0)))
    )
    ids = evidence.splits[Split.TEST].rows.ids
    leaked_right = inputs["k_given"] - inputs["k_clean"]
    leaked_wrong = inputs["n_given"] - inputs["n_clean"] - leaked_right
    leaked = [*ids[:leaked_right], *ids[right : right + leaked_wrong]]
    pairs = zip(evidence.splits[Split.TRAIN].rows.ids, leaked, strict=False)
    evidence = replace(evidence, overlaps=(shared(Split.TRAIN, Split.TEST, *pairs),))
    rule = REGISTRY["accuracy"].model_validate({"id": "accuracy", "min": inputs["required"]})

    [result] = judge([rule], evidence).results

    assert (result.outcome is Outcome.PASSED) == (expected == "pass")
    assert len(result.others) == 1


@pytest.mark.parametrize(("inputs", "expected"), reference("once_each"))
def test_each_image_counts_once_as_the_reference_has_it(inputs, expected):
    (right, wrong), *single = inputs["copies"]
    assert (right, wrong, single) == (True, False, [[True], [False]])
    evidence = synthetic_evidence(SyntheticRun(test=((2, 2), (0, 0))))
    ids = evidence.splits[Split.TEST].rows.ids
    evidence = replace(evidence, overlaps=(copies((ids[0], ids[2])),))

    found = accuracy(row_sets(evidence, Split.TEST)[RowSet.CLEAN])

    assert [found.numerator, found.denominator] == expected
