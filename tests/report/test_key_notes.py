"""What a report says of groups that join nothing and of names that look alike."""

from dataclasses import replace

import numpy as np

from gate.evidence.records import Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report.key_notes import key_notes


def evidence(groups, slices=(), classes=("cat", "dog")):
    made = synthetic_evidence(SyntheticRun(test=((2, 0), (0, 2)), classes=classes))
    test = made.splits[Split.TEST]
    column = None if groups is None else np.array([*groups, None], dtype=object)[:-1]
    values = {"site": np.array(slices, dtype=object)} if slices else {}
    rows = replace(test.rows, groups=column, slices=values)
    return replace(made, splits={Split.TEST: replace(test, rows=rows)})


def test_that_no_groups_were_given_is_said():
    assert key_notes(evidence(None)) == ["no groups: images are taken as independent"]


def test_groups_that_join_images_need_no_words():
    assert key_notes(evidence(["a", "a", "b", "b"])) == []


def test_groups_of_single_images_are_said():
    assert key_notes(evidence(["a", "b", "c", "d"])) == [
        "every image of test is a group of its own, so the groups join nothing"
    ]


def test_what_holds_for_two_splits_is_said_once():
    alone = evidence(["a", "b", "c", "d"])
    train = replace(alone.splits[Split.TEST], split=Split.TRAIN)

    assert key_notes(replace(alone, splits={Split.TRAIN: train, **alone.splits})) == [
        "every image of train and test is a group of its own, so the groups join nothing"
    ]


def test_images_without_a_group_are_counted():
    assert key_notes(evidence(["a", "a", None, None])) == [
        "2 of 4 images of test have no group: they are taken as independent"
    ]


def test_a_split_without_groups_beside_one_with_groups_is_said():
    both = evidence(["a", "a", "b", "b"])
    plain = evidence(None).splits[Split.TEST]
    splits = {**both.splits, Split.TRAIN: replace(plain, split=Split.TRAIN)}

    assert key_notes(replace(both, splits=splits)) == [
        "no groups in train: its images are taken as independent"
    ]


def test_groups_that_look_alike_are_two_and_said_so_that_they_can_be_told_apart():
    assert key_notes(evidence(["ann", "ann", "\u0430nn", "\u0430nn"])) == [
        "groups of test look alike and are taken as different: 'ann' and '\\u0430nn'"
    ]


def test_slices_and_classes_that_look_alike_are_said():
    notes = key_notes(evidence(["a", "a", "b", "b"], ["A", "a", "B", "C"], ("tumour", "Tumour")))

    assert notes == [
        "class names look alike and are taken as different: 'Tumour' and 'tumour'",
        "slices of test by site look alike and are taken as different: 'A' and 'a'",
    ]


def test_of_many_pairs_three_are_shown():
    names = [f"{letter}{kind}" for letter in "abcd" for kind in ("x", "X")]

    (note,) = key_notes(replace(evidence(None), splits={}, classes=tuple(names)))

    assert note.endswith("'cX' and 'cx' and 1 more")
