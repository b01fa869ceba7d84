"""When likely causes are named, and when not: on made-up evidence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.input_trial import PREPARATIONS, InputTrial
from gate.evidence.records import Failure, ModelProbe, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.report import causes as room
from gate.report.causes.__main__ import markdown
from gate.report.causes.input_preparation import INPUT_PREPARATION
from gate.report.causes.listing import CAUSES, MOST, likely_causes, remedy_of
from gate.report.messages import remedy

KEY = InputTrial(0.5).key
WORDS = 25  # of a sentence


def rules(**changes):
    """Return rules that a model with a single mistake fails."""
    parameters = {"accuracy": {"min": 0.9999}, "recall": {"min": 0.9999}, **changes}
    others = ("model-integrity", "input-contract", "no-skill", "train-test-overlap")
    return [
        REGISTRY[check](id=check, **parameters.get(check, {})) for check in (*parameters, *others)
    ]


def named(evidence, asked=None, **judging):
    found = likely_causes(evidence, judge(asked or rules(), evidence, **judging))
    return [each.kind for each in found]


def of(**numbers):
    return synthetic_evidence(SyntheticRun(**numbers))


def test_the_committed_reference_is_what_the_causes_say(golden):
    golden(Path(room.__file__).with_name("README.md"), markdown())


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.kind)
def test_a_cause_is_named_in_its_example_and_in_no_other_one_before_it(cause):
    found = likely_causes(evidence := synthetic_evidence(cause.example), judge(rules(), evidence))

    assert found[0].kind == cause.kind
    assert found[0].finding.remedy


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.kind)
def test_a_cause_is_one_short_sentence(cause):
    found = likely_causes(evidence := synthetic_evidence(cause.example), judge(rules(), evidence))

    message = found[0].finding.message
    assert len(message.split()) <= WORDS
    assert not message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("place", range(len(PREPARATIONS)))
def test_every_preparation_fits_into_the_sentence(place):
    bits = 1 + (1 << (place + 1))
    evidence = synthetic_evidence(
        replace(
            INPUT_PREPARATION.example,
            observations={"train": {KEY: {"answers": ((150, bits), (250, -1))}}},
        )
    )

    [found] = likely_causes(evidence, judge(rules(), evidence))

    assert found.kind == "input-preparation"
    assert len(found.finding.message.split()) <= WORDS
    assert all(key in found.finding.remedy for key in PREPARATIONS[place].keys)


def test_a_pass_has_no_cause_whatever_the_evidence():
    evidence = of(train=((200, 0), (0, 200)), test=((70, 30), (28, 72)))
    lenient = [REGISTRY["accuracy"](id="accuracy", min=0.5)]

    assert judge(lenient, evidence).verdict == "pass"
    assert named(evidence, lenient) == []
    assert named(evidence) == ["overfit"]


REPEATED = {"train": ((200, 0), (0, 200)), "test": ((70, 30), (28, 72)), "duplicates": 9}


@pytest.mark.parametrize(
    ("accuracy", "is_named"),
    [
        ({"min": 0.99}, True),
        ({"min": 0.99, "severity": "warn"}, False),  # what only warns is explained by nothing
        ({"min": 0.5}, False),  # a failure of the data alone is no fault of the model
    ],
)
def test_a_cause_lies_behind_a_blocking_rule_of_its_kind(accuracy, is_named):
    asked = [
        REGISTRY["accuracy"](id="accuracy", **accuracy),
        REGISTRY["duplicate-images"](id="duplicate-images"),
    ]
    evidence = of(**REPEATED)

    assert judge(asked, evidence).verdict == "fail"
    assert named(evidence, asked) == (["overfit"] if is_named else [])


def test_an_error_is_mended_before_causes_are_looked_for():
    evidence = of(train=((200, 0), (0, 200)), test=((70, 30), (28, 72)))
    broken = replace(evidence, failures=(Failure("data/test", "data", "is torn", "mend it"),))
    open_question = [REGISTRY["accuracy"](id="accuracy", min=0.7)]

    assert judge(open_question, evidence).verdict == "inconclusive"
    assert judge(open_question, broken).verdict == "error"
    assert named(evidence, open_question) == ["overfit"]
    assert named(broken, open_question) == []


def test_audit_mode_names_the_same_causes():
    evidence = of(test=((5, 95), (97, 3)))

    assert named(evidence, enforced=False) == named(evidence) == ["class-order"]


@pytest.mark.parametrize(
    "numbers",
    [
        {"test": ((0, 3), (3, 0))},
        {"test": ((3, 0), (3, 0)), "train": ((3, 0), (3, 0))},
        {"test": ((1, 1), (1, 1)), "train": ((3, 0), (0, 3))},
        {"test": ((1, 2), (2, 1)), "train": ((2, 1), (1, 2))},
        {"test": ((3, 0), (0, 3)), "train": ((3, 0), (0, 3)), "copies": 3, "probe": "sound"},
        {
            "test": ((0, 3), (3, 0)),
            "train": ((0, 3), (3, 0)),
            "observations": {"train": {KEY: {"answers": ((6, 5),)}}},
        },
    ],
)
def test_a_few_images_prove_no_cause(numbers):
    assert named(of(**numbers), rules(**{"balanced-accuracy": {"min": 0.9999}})) == []


def test_patients_count_once():
    alone = of(train=((200, 0), (0, 200)), test=((70, 30), (28, 72)))
    train = alone.splits[Split.TRAIN]
    of_five = np.array([f"patient-{index % 5}" for index in range(len(train.rows))], object)
    grouped = replace(train, rows=train.rows.with_groups(of_five))
    evidence = replace(alone, splits={**alone.splits, Split.TRAIN: grouped})

    assert named(alone) == ["overfit"]
    assert named(evidence) == []


@pytest.mark.parametrize(
    ("tried", "changed", "is_named"), [(8, 8, True), (8, 4, True), (8, 3, False), (3, 3, False)]
)
def test_most_images_alone_must_get_another_answer_than_in_a_batch(tried, changed, is_named):
    probe = ModelProbe(
        10, (), 100, 0, constant=False, checked_individually=tried, batch_disagreements=changed
    )
    evidence = replace(of(test=((90, 10), (10, 90))), probe=probe)

    assert named(evidence) == (["batch-norm"] if is_named else [])


def test_a_surer_cause_has_the_others_for_symptoms():
    confused = {"test": ((5, 95), (97, 3)), "train": ((5, 195), (197, 3))}

    assert named(of(**confused)) == ["class-order"]
    assert named(of(**confused, probe="batch")) == ["batch-norm"]


def test_a_leak_stands_beside_the_cause_of_the_answers():
    leaky = {"train": ((140, 10), (10, 140)), "test": ((120, 30), (30, 120)), "copies": 100}

    assert named(of(**leaky, probe="batch")) == ["batch-norm", "leaked-test"]


def test_at_most_two_causes_are_told():
    evidence = of(train=((200, 0), (0, 200)), test=((100, 0), (90, 10)), copies=60, probe="sound")

    assert len(named(evidence)) <= MOST


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"copies": 9}, "nine copies are few"),
        ({"test": ((90, 60), (30, 120))}, "the copies are answered no better"),
        ({"probe": None}, "names in a table of answers prove no copy"),
        ({"copies": None}, "nothing was compared"),
    ],
)
def test_what_a_leak_does_not_explain_is_not_called_one(changes, why):
    leaky = {
        "train": ((140, 10), (10, 140)),
        "test": ((120, 30), (30, 120)),
        "copies": 100,
        "probe": "sound",
    }
    changed = {**leaky, **changes}
    if "better" in why:  # wrong answers among the first images of a class, which are the copies
        evidence = of(**changed)
        test = evidence.splits[Split.TEST]
        order = np.concatenate([np.arange(150)[::-1], np.arange(150, 300)])
        rows = replace(test.rows, predictions=test.rows.predictions[order])
        evidence = replace(
            evidence, splits={**evidence.splits, Split.TEST: replace(test, rows=rows)}
        )
    else:
        evidence = of(**changed)

    assert named(of(**leaky)) == ["leaked-test"]
    assert "leaked-test" not in named(evidence)


@pytest.mark.parametrize(("copies", "is_named"), [(9, False), (10, True)])
def test_ten_copies_that_are_known_are_a_leak(copies, is_named):
    numbers = {"train": ((140, 10), (10, 140)), "test": ((30, 30), (30, 30)), "probe": "sound"}

    assert ("leaked-test" in named(of(**numbers, copies=copies))) is is_named


def test_a_few_copies_of_many_images_are_no_leak_of_the_test_set():
    numbers = {"train": ((140, 10), (10, 140)), "test": ((300, 300), (300, 300))}

    assert named(of(**numbers, probe="sound", copies=40)) == []


def test_a_test_set_of_copies_alone_is_said_to_be_in_train():
    evidence = of(train=((60, 0), (0, 60)), test=((50, 0), (0, 0)), copies=50, probe="sound")

    [found] = likely_causes(evidence, judge(rules(), evidence))

    assert (
        found.finding.message == "test is in train: all 50 test images that can be read are copies"
    )


@pytest.mark.parametrize(
    ("test", "train", "is_named"),
    [
        (((990, 0), (10, 0)), ((4950, 0), (50, 0)), True),  # always background, as often
        (((990, 0), (9, 0)), ((4950, 0), (50, 0)), False),  # nine images are no proof
        (((990, 0), (10, 0)), ((4950, 0), (20, 30)), False),  # it is found on train
        (((989, 1), (10, 0)), ((4950, 0), (50, 0)), False),  # it is predicted, if wrongly
        (((990, 0), (10, 0)), None, True),
    ],
)
def test_an_ignored_class_of_imbalanced_data(test, train, is_named):
    assert ("ignored-class" in named(of(test=test, train=train))) is is_named


def test_a_model_that_ignores_many_classes_is_weak_and_ignores_no_one_class():
    names = tuple("abcdefghij")
    matrix = np.diag([95] * 10)
    matrix[8], matrix[9] = 0, 0
    matrix[8, 0] = matrix[9, 1] = 95

    evidence = of(classes=names, test=tuple(map(tuple, matrix.tolist())))

    assert named(evidence) == []


@pytest.mark.parametrize(("others", "is_named"), [(190, True), (150, False)])
def test_a_class_is_ignored_by_a_model_that_knows_the_others(others, is_named):
    missed = 200 - others
    evidence = of(
        classes=("bag", "boot", "coat"),
        test=((others, 0, missed), (90, 0, 90), (missed, 0, others)),
    )

    assert named(evidence) == (["ignored-class"] if is_named else [])


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (((32, 0), (0, 33)), ((450, 550), (550, 450))),  # 65 images may be right by luck
        (((985, 15), (15, 985)), ((60, 40), (40, 60))),  # nearly, and not by heart
        (((95, 5), (5, 95)), ((60, 40), (40, 60))),  # train is not perfect
        (((200, 0), (0, 200)), ((85, 15), (14, 86))),  # the gap is not proven
        (None, ((60, 40), (40, 60))),
    ],
)
def test_train_must_be_known_by_heart_and_test_far_from_it(train, test):
    assert named(of(train=train, test=test, logged_train_accuracy=1.0)) == []


def test_66_images_that_are_all_right_are_known_by_heart():
    evidence = of(train=((33, 0), (0, 33)), test=((450, 550), (550, 450)))

    assert named(evidence) == ["overfit"]


def test_what_a_log_says_of_train_is_no_evidence():
    assert named(of(test=((60, 40), (40, 60)), logged_train_accuracy=0.5)) == []


def test_chance_needs_both_splits():
    guess = ((155, 145), (150, 150))

    assert named(of(test=guess, train=((260, 240), (230, 270)))) == ["chance"]
    assert named(of(test=guess, train=((400, 100), (100, 400)))) == []
    assert named(of(test=guess)) == []


def test_an_input_that_is_right_on_test_is_prepared_rightly():
    evidence = synthetic_evidence(replace(INPUT_PREPARATION.example, test=((95, 5), (5, 95))))

    assert named(evidence) == []


def test_answers_that_no_trial_gives_explain_nothing():
    forged = replace(
        INPUT_PREPARATION.example,
        observations={"train": {KEY: {"answers": ((150, 1 << 40), (250, -1))}}},
    )
    asked = [REGISTRY["accuracy"](id="accuracy", min=0.9)]

    assert "input-preparation" not in named(synthetic_evidence(forged), asked)


def test_evidence_of_a_trial_counts_where_the_policy_does_not_ask_for_it():
    asked = [REGISTRY["accuracy"](id="accuracy", min=0.9)]

    assert named(synthetic_evidence(INPUT_PREPARATION.example), asked) == ["input-preparation"]


def test_without_a_trial_other_causes_are_named():
    untried = replace(INPUT_PREPARATION.example, observations=None, test=((5, 95), (97, 3)))

    assert named(synthetic_evidence(untried)) == ["class-order"]


def said(found):
    return [(each.kind, each.finding.message, each.finding.remedy) for each in found]


counts = st.integers(0, 400)
matrices = st.tuples(st.tuples(counts, counts), st.tuples(counts, counts))


@given(
    test=matrices,
    train=st.none() | matrices,
    probe=st.sampled_from([None, "sound", "batch"]),
    copies=st.none() | st.integers(0, 40),
)
def test_causes_are_words_on_a_verdict_that_is_no_pass(test, train, probe, copies):
    evidence = of(test=test, train=train, probe=probe, copies=copies if train else None)
    decision = judge(rules(), evidence)

    found = likely_causes(evidence, decision)

    assert len(found) <= MOST
    assert decision.verdict in ("fail", "inconclusive") or not found
    assert said(likely_causes(evidence, decision)) == said(found)
    assert all(len(each.finding.message.split()) <= WORDS for each in found)


def test_the_remedy_of_a_cause_stands_for_failures_and_open_questions_alike():
    evidence = of(test=((45, 55), (57, 43)), train=((140, 160), (150, 150)), probe="batch")
    asked = [
        REGISTRY["accuracy"](id="accuracy", min=0.45),
        REGISTRY["recall"](id="recall", min=0.9, owner="the lab"),
        REGISTRY["data-requirements"](id="data-requirements", min_images=500),
    ]
    decision = judge(asked, evidence)

    [cause] = likely_causes(evidence, decision)

    outcomes = {each.rule.id: each.outcome for each in decision.results}
    told = {
        each.rule.id: remedy(each, instead=remedy_of(each, [cause])) for each in decision.results
    }
    assert outcomes["accuracy"] == "inconclusive"
    assert told["accuracy"] == cause.finding.remedy
    assert told["recall"] == f"{cause.finding.remedy}; the rule is owned by the lab"
    assert told["data-requirements"] != cause.finding.remedy
