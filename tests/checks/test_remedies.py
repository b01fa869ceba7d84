"""Each remedy is followed to its end: what it asks for is done, and a verdict comes of it."""

import json
import re
from dataclasses import dataclass, field, replace

import pytest
from sentences import everything_said

from gate.checks import REGISTRY, reference
from gate.checks.base import Outcome
from gate.decision import judge
from gate.evidence.records import Configuration, Failure, Split
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.rehearsal import synthetic_evidence_for
from gate.report.messages import message, remedy

FAILED, OPEN, ERROR = Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.ERROR
GOOD, SMALL, POOR = ((970, 30), (30, 970)), ((46, 4), (3, 47)), ((80, 20), (25, 75))
FALLING = (2.2, 1.6, 1.2, 0.9, 0.7, 0.55, 0.45, 0.4, 0.36, 0.33)
OVERFITTED = (1.4, 0.9, 0.6, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0)
KEY = "input-trial v2 floor=0.5"
WRONG = ((20, 180), (20, 180))


@dataclass(frozen=True)
class Followed:
    """A remedy, what it was said of, and what is there once it is followed."""

    check: str
    outcome: Outcome
    said: str  # in the remedy
    before: SyntheticRun
    after: SyntheticRun
    rule: dict = field(default_factory=dict)
    changed: dict = field(default_factory=dict)  # in the rule, where the remedy says so
    beside: tuple = ()  # other rules
    added: tuple = ()  # to them, where the remedy says so

    def __str__(self):
        return f"{self.check}: {self.said[:50]}"


def metric(check, limit, *, failed, more, **rule):
    """Return the two ways out of a metric: a better model, and more images of it."""
    yield Followed(check, FAILED, failed, run(POOR), run(GOOD), {**limit, **rule})
    yield Followed(check, OPEN, more, run(SMALL), run(GOOD), {**limit, **rule})


def run(test, **numbers):
    """Return a run with this test split, sure of itself when it is right."""
    return SyntheticRun(test=test, confidence=(0.95, 0.6), **numbers)


def sites(images, missed_at_a, missed_at_b):
    """Return a run with so many images of each class at sites A and B, some dogs of them missed."""
    missed = ((missed_at_a, "A"), (missed_at_b, "B"))
    found = ((images - missed_at_a, "A"), (images - missed_at_b, "B"))
    lost = missed_at_a + missed_at_b
    return SyntheticRun(
        test=((2 * images, 0), (lost, 2 * images - lost)),
        slices={"test": {"site": ((images, "A"), (images, "B"), *missed, *found)}},
    )


def one_site():
    return SyntheticRun(test=GOOD, slices={"test": {"site": ((2000, "A"),)}})


GRADES = ("none", "mild", "severe")
FAR = ((190, 9, 1), (15, 170, 15), (40, 10, 150))
NEAR = ((190, 10, 0), (10, 185, 5), (0, 10, 190))
FEW = ((18, 2, 0), (1, 18, 1), (0, 1, 19))
KINDS = {
    "classes": ("car", "bus", "cat", "dog"),
    "parents": {"vehicle": ("car", "bus"), "animal": ("cat", "dog")},
}
KEPT = ((190, 10, 0, 0), (60, 140, 0, 0), (0, 0, 195, 5), (0, 0, 8, 192))
LOST = ((190, 10, 0, 0), (10, 157, 33, 0), (0, 0, 195, 5), (1, 1, 8, 190))


def graded(test):
    return SyntheticRun(classes=GRADES, test=test)


def _of_order():
    for check, rule in (
        ("severe-error", {"max": 0.02}),
        ("weighted-kappa", {"min": 0.9}),
    ):
        yield Followed(check, FAILED, "furthest from the truth", graded(FAR), graded(NEAR), rule)
        yield Followed(check, OPEN, "more images", graded(FEW), graded(NEAR), rule)
    yield Followed("parent-recall", FAILED, "taken for outside", SyntheticRun(**KINDS, test=LOST),
                   SyntheticRun(**KINDS, test=KEPT), {"min": 0.95})  # fmt: skip
    yield Followed(
        "parent-recall",
        OPEN,
        "`classes: {PARENT: [CLASS, ...], ...}`",
        SyntheticRun(classes=KINDS["classes"], test=KEPT),
        SyntheticRun(**KINDS, test=KEPT),
        {"min": 0.95},
    )


def _of_gaps():
    for check in ("slice-gap", "equalised-odds"):
        rule = {"by": "site", "max": 0.1}
        yield Followed(check, FAILED, "collect more images like", sites(200, 60, 2),
                       sites(200, 4, 2), rule)  # fmt: skip
        yield Followed(check, OPEN, "first of site=A", sites(20, 0, 0), sites(200, 4, 2), rule)
        yield Followed(check, OPEN, "second slice", one_site(), sites(200, 4, 2), rule)
    weak = {"min_recall": 0.8, "search": ["site"], "class": "dog"}
    yield Followed("weak-slice", FAILED, "collect more images like", sites(200, 90, 2),
                   sites(200, 4, 2), weak)  # fmt: skip
    yield Followed("weak-slice", OPEN, "`slices:` of test", SyntheticRun(test=GOOD),
                   sites(200, 4, 2), weak)  # fmt: skip
    yield Followed(
        "slice-gap",
        OPEN,
        "`slices: [COLUMN, ...]`",
        SyntheticRun(test=GOOD),
        sites(200, 4, 2),
        {"by": "$slices", "max": 0.1},
    )


def _of_thresholds():
    """Yield the remedies of checks of thresholds and of abstention."""
    weak, good = ((900, 100), (200, 800)), ((990, 10), (10, 990))
    at = {"class": "dog", "fpr": 0.05, "min": 0.9}
    yield Followed("recall-at-fpr", FAILED, "better ranking",
                   run(weak, validation=weak), run(good, validation=good), at)  # fmt: skip
    yield Followed("recall-at-fpr", OPEN, "more images of the class and of others",
                   run(SMALL, validation=good), run(good, validation=good), at)  # fmt: skip
    answered = SyntheticRun(test=((895, 5), (13, 887)), abstained=(100, 100))
    silent = SyntheticRun(test=((995, 5), (3, 497)), abstained=(0, 500))
    few = SyntheticRun(test=((44, 1), (0, 45)), abstained=(5, 5))
    of_dogs = {"min_coverage_per_class": {"dog": 0.7}}
    yield Followed("abstention", FAILED, "lower the thresholds", silent, answered, of_dogs)
    yield Followed("abstention", OPEN, "more images", few, answered, {"min_coverage": 0.85})
    strange = [SyntheticRun(test=GOOD, unknown=counts) for counts in ((90, 10), (0, 20), (2, 198))]
    limit = {"max": 0.05}
    yield Followed(
        "unknown-accepted", FAILED, "raise the thresholds", strange[0], strange[2], limit
    )
    yield Followed("unknown-accepted", OPEN, "more pictures", strange[1], strange[2], limit)


def _all():
    yield from metric("accuracy", {"min": 0.9}, failed="confusion matrix", more="more images")
    for check in ("balanced-accuracy", "macro-f1"):
        yield from metric(check, {"min": 0.9}, failed="recall" if "bal" in check else "F1",
                          more="more images of each class")  # fmt: skip
    yield from metric("recall", {"min": 0.9}, failed="weight it", more="of the named class")
    yield from metric("precision", {"min": 0.9}, failed="mistaken for", more="more images")
    yield from metric("f1", {"min": 0.9}, failed="recall and precision", more="more images")
    yield from metric("specificity", {"min": 0.9}, failed="mistaken for", more="other classes")
    yield from metric("false-positive-rate", {"max": 0.1}, failed="mistaken", more="other classes")
    yield from metric("mcc", {"min": 0.85}, failed="confusion matrix", more="some of every class")
    for check in ("roc-auc", "average-precision"):
        yield Followed(
            check,
            FAILED,
            "training" if "av" in check else "train longer",
            SyntheticRun(test=POOR, confidence=(0.9, 0.9)),
            run(GOOD),
            {"min": 0.95},
        )
        yield Followed(check, OPEN, "with the scores of all classes",
                       SyntheticRun(test=GOOD), run(GOOD), {"min": 0.95})  # fmt: skip
    yield Followed(
        "top-k-accuracy", FAILED, "lowest share", run(POOR), run(GOOD), {"k": 1, "min": 0.95}
    )
    yield Followed(
        "top-k-accuracy",
        OPEN,
        "keep the scores",
        SyntheticRun(test=GOOD),
        run(GOOD),
        {"k": 1, "min": 0.95},
    )
    yield Followed(
        "log-loss",
        FAILED,
        "temperature",
        SyntheticRun(test=POOR, confidence=(0.99, 0.99)),
        SyntheticRun(test=POOR, confidence=(0.8, 0.7)),
        {"max": 0.6},
    )
    yield Followed("log-loss", OPEN, "keep the scores", SyntheticRun(test=GOOD), run(GOOD),
                   {"max": 0.3})  # fmt: skip
    rate = {"from": "dog", "to": "cat", "max": 0.06}
    yield from metric("confusion-rate", rate, failed="taken for the other", more="one class")
    cost = {"costs": [[0, 1], [1, 0]], "unit": "EUR", "max": 0.09}
    yield from metric("expected-cost", cost, failed="costs most", more="more images")
    yield from _of_thresholds()
    yield from metric(
        "deployment-precision",
        {"min": 0.9, "prevalence": {"dog": 0.5}},
        failed="false-positive rate",
        more="more images of every class",
    )
    yield from _of_order()
    share = {"check": "accuracy", "min": 0.95}
    yield Followed("fragility", FAILED, "looked at again", run(((243, 7), (6, 244))), run(GOOD),
                   beside=(share,))  # fmt: skip
    yield Followed("fragility", OPEN, "add a rule on a share", run(GOOD), run(GOOD),
                   added=(share,))  # fmt: skip
    yield from _of_gaps()
    yield Followed(
        "accuracy-paradox", FAILED, "weight or oversample", run(((4888, 12), (88, 12))), run(GOOD)
    )
    yield Followed(
        "accuracy-paradox",
        OPEN,
        "of the named class",
        run(((996, 1), (2, 1))),
        run(((996, 1), (40, 60))),
    )
    yield Followed(
        "accuracy-paradox", OPEN, "test images of other classes", run(((95, 5), (0, 0))), run(GOOD)
    )
    yield Followed(
        "prediction-collapse", FAILED, "give it more weight", run(((95, 0), (5, 0))), run(GOOD)
    )
    yield Followed(
        "prediction-collapse",
        OPEN,
        "of the named class",
        run(((95, 0), (2, 0))),
        run(((95, 0), (30, 5))),
    )
    yield Followed("no-skill", FAILED, "class order", run(((250, 250), (250, 250))), run(GOOD))
    yield Followed("no-skill", OPEN, "other classes", run(((95, 5), (0, 0))), run(GOOD))
    yield Followed("no-skill", OPEN, "more images of each class", run(((2, 0), (0, 2))), run(GOOD))

    pair = {"train": GOOD, "test": SMALL}
    yield Followed(
        "train-test-overlap",
        FAILED,
        "remove the listed images",
        SyntheticRun(**pair, copies=3),
        SyntheticRun(**pair, copies=0),
    )
    yield Followed(
        "train-test-overlap",
        FAILED,
        "from validation or from test",
        SyntheticRun(**pair, validation=GOOD, copies=0, validation_copies=2),
        SyntheticRun(**pair, validation=GOOD, copies=0),
    )
    yield Followed(
        "train-test-overlap",
        OPEN,
        "`data: {train: ...}`",
        SyntheticRun(test=SMALL),
        SyntheticRun(**pair, copies=0),
    )
    yield Followed(
        "train-test-overlap",
        OPEN,
        "all images that the model was trained on",
        SyntheticRun(train=((1, 0), (0, 1)), test=SMALL, copies=0),
        SyntheticRun(**pair, copies=0),
    )
    yield Followed(
        "train-test-overlap",
        OPEN,
        "give the images of both splits",
        SyntheticRun(**pair),
        SyntheticRun(**pair, copies=0),
    )
    yield Followed(
        "group-overlap",
        FAILED,
        "split by group",
        SyntheticRun(**pair, groups=3),
        SyntheticRun(**pair, groups=0),
    )
    yield Followed(
        "group-overlap",
        OPEN,
        "declare the groups of train",
        SyntheticRun(**pair),
        SyntheticRun(**pair, groups=0),
    )
    yield Followed(
        "group-overlap",
        OPEN,
        "give every image its group",
        SyntheticRun(**pair, groups=0, ungrouped=2),
        SyntheticRun(**pair, groups=0),
    )
    yield Followed(
        "group-overlap",
        OPEN,
        "`max_ungrouped`",
        SyntheticRun(**pair, groups=0, ungrouped=2),
        SyntheticRun(**pair, groups=0, ungrouped=2),
        changed={"max_ungrouped": 2},
    )
    yield Followed(
        "duplicate-images",
        FAILED,
        "keep one of each set",
        SyntheticRun(test=SMALL, duplicates=3),
        SyntheticRun(test=SMALL, duplicates=0),
    )
    yield Followed(
        "duplicate-images",
        OPEN,
        "let the gate compare them",
        SyntheticRun(test=SMALL),
        SyntheticRun(test=SMALL, duplicates=0),
    )
    yield Followed(
        "dataset-integrity",
        ERROR,
        "restore or remove",
        SyntheticRun(test=SMALL, unreadable=2),
        SyntheticRun(test=SMALL),
    )
    yield Followed(
        "dataset-integrity",
        ERROR,
        "test images of each class",
        SyntheticRun(test=((45, 5), (0, 0))),
        SyntheticRun(test=SMALL),
    )
    yield Followed(
        "dataset-integrity",
        FAILED,
        "delete the hidden images",
        SyntheticRun(test=SMALL, hidden=1),
        SyntheticRun(test=SMALL),
        {"max_hidden": 0},
    )
    yield Followed(
        "dataset-integrity", OPEN, "under `data:`", SyntheticRun(), SyntheticRun(test=SMALL)
    )
    yield Followed(
        "dataset-integrity",
        OPEN,
        "add test images of cat and dog",
        SyntheticRun(test=SMALL),
        SyntheticRun(test=GOOD),
        {"min_support": 60},
    )
    yield Followed(
        "data-requirements",
        OPEN,
        "collect the images",
        SyntheticRun(test=SMALL),
        SyntheticRun(test=GOOD),
        {"min_images": 500},
    )
    yield Followed(
        "data-requirements",
        OPEN,
        "declare the group column",
        SyntheticRun(test=SMALL),
        SyntheticRun(test=SMALL, groups=0),
        {"min_groups": 30},
    )
    yield Followed(
        "train-test-gap",
        FAILED,
        "augmentation",
        SyntheticRun(train=((1000, 0), (0, 1000)), test=POOR),
        SyntheticRun(train=GOOD, test=((240, 10), (10, 240))),
    )
    yield Followed(
        "train-test-gap",
        OPEN,
        "`data: {train: ...}`",
        SyntheticRun(test=((240, 10), (10, 240))),
        SyntheticRun(train=GOOD, test=((240, 10), (10, 240))),
    )
    yield Followed(
        "train-test-gap",
        OPEN,
        "all images that the model was trained on",
        SyntheticRun(train=((5, 0), (0, 5)), test=((240, 10), (10, 240))),
        SyntheticRun(train=GOOD, test=((240, 10), (10, 240))),
    )
    yield Followed(
        "train-test-gap",
        OPEN,
        "give the train split",
        SyntheticRun(test=((240, 10), (10, 240)), logged_train_accuracy=0.97),
        SyntheticRun(train=GOOD, test=((240, 10), (10, 240))),
    )
    for check in ("regression", "negative-flips"):
        yield Followed(check, FAILED, "images", run(GOOD, broken=100), run(GOOD, broken=3))
        yield Followed(check, OPEN, "`baseline:`", run(GOOD), run(GOOD, broken=3))
        itself = run(GOOD, broken=0, same_champion=True)
        yield Followed(check, OPEN, "model in production", itself, run(GOOD, broken=3))
        yield Followed(
            check, OPEN, "`allow_same: true`", itself, itself, changed={"allow_same": True}
        )
    yield Followed(
        "calibration-error",
        FAILED,
        "fit a temperature",
        SyntheticRun(test=POOR, confidence=(0.99, 0.99)),
        SyntheticRun(test=((400, 100), (100, 400)), confidence=(0.8, 0.8)),
    )
    yield Followed(
        "calibration-error",
        OPEN,
        "at least 200 images",
        SyntheticRun(test=SMALL, confidence=(0.93, 0.93)),
        SyntheticRun(test=((93, 7), (7, 93)), confidence=(0.93, 0.93)),
    )
    yield Followed(
        "loss-curve",
        FAILED,
        "lower the learning rate",
        SyntheticRun(train_loss=tuple(0.7 * 1.1**each for each in range(10))),
        SyntheticRun(train_loss=FALLING),
    )
    yield Followed(
        "loss-curve",
        FAILED,
        "train longer",
        SyntheticRun(train_loss=(0.69,) * 10),
        SyntheticRun(train_loss=FALLING),
    )
    yield Followed(
        "loss-curve",
        FAILED,
        "stop the training there",
        SyntheticRun(train_loss=FALLING, validation_loss=OVERFITTED),
        SyntheticRun(train_loss=FALLING[:4], validation_loss=OVERFITTED[:4]),
    )
    yield Followed(
        "loss-curve",
        FAILED,
        "`loss: other`",
        SyntheticRun(train_loss=(9.0, 4.0, 3.0, 2.5, 2.0, 1.5), train=GOOD),
        SyntheticRun(train_loss=(9.0, 4.0, 3.0, 2.5, 2.0, 1.5), train=GOOD),
        changed={"loss": "other"},
    )
    yield Followed(
        "loss-curve", OPEN, "as `history:`", SyntheticRun(), SyntheticRun(train_loss=FALLING)
    )
    yield Followed(
        "loss-curve",
        OPEN,
        "history of all epochs",
        SyntheticRun(train_loss=FALLING[:2]),
        SyntheticRun(train_loss=FALLING),
    )
    yield Followed(
        "loss-curve",
        OPEN,
        "name every held-out loss",
        SyntheticRun(train_loss=FALLING, unread_losses=("holdout",)),
        SyntheticRun(train_loss=FALLING, validation_loss=FALLING),
        {"unread": "refuse"},
    )
    yield Followed(
        "loss-curve",
        OPEN,
        "validation loss of the last epochs",
        SyntheticRun(train_loss=FALLING, validation_loss=FALLING[:4]),
        SyntheticRun(train_loss=FALLING, validation_loss=FALLING),
        {"unread": "refuse"},
    )
    sound = SyntheticRun(probe="sound")
    for broken, said in (("nan", "division by zero"), ("constant", "weights were loaded"),
                         ("batch", "`eval()`")):  # fmt: skip
        yield Followed("model-integrity", FAILED, said, SyntheticRun(probe=broken), sound)
    yield Followed("model-integrity", OPEN, "as `model:`", SyntheticRun(), sound)
    yield Followed(
        "input-contract",
        FAILED,
        "correct the file",
        SyntheticRun(probe="sound", contract="contradiction"),
        sound,
    )
    yield Followed(
        "input-contract",
        FAILED,
        "mean: [0.485, 0.456, 0.406]",
        SyntheticRun(
            probe="sound",
            train=WRONG,
            observations={"train": {KEY: {"answers": ((150, 1 + 4), (250, -1))}}},
        ),
        SyntheticRun(probe="sound", train=GOOD),
    )
    yield Followed("input-contract", OPEN, "as `model:`", SyntheticRun(), sound)
    yield Followed(
        "class-order",
        FAILED,
        "in the order of the model's outputs",
        run(((5, 45), (47, 3))),
        run(((45, 5), (3, 47))),
    )
    yield from asked_again()
    yield Followed("class-order", OPEN, "more images of each class",
                   run(((1, 2), (2, 1))), run(GOOD))  # fmt: skip


def asked_again():
    """Return the ways out of rules about changed images."""
    found = {
        "stability": ({"views": ["noise:1"], "max_drop": 0.05}, "noise:1", "such changes"),
        "shift": ({}, "shift:1", "blur before each stride"),
        "patch-shuffle": ({}, None, "other textures"),
        "region-evidence": ({}, "swap:cell:4:0:other", "look at the region"),
    }
    sound = {"shuffle:4": 2000}
    for check, (rule, view, mended) in found.items():
        costs = {} if view is None else {view: 400}
        yield Followed(check, FAILED, mended, run(GOOD, views=costs), run(GOOD, views=sound), rule)
        yield Followed(check, OPEN, "measure again", run(GOOD), run(GOOD, views=sound), rule)
    alike = run(GOOD, told_by="nothing")
    yield Followed("property-label", FAILED, "one size", run(GOOD, told_by="width"), alike)
    yield Followed("property-label", OPEN, "measure again", run(GOOD), alike)
    dropout = run(GOOD, views={}, unrepeatable=5)
    sound = run(GOOD, views={})
    yield Followed("repeatable", FAILED, "`model.eval()`", dropout, sound)
    yield Followed("repeatable", OPEN, "measure again", run(GOOD), sound)
    rule = {"artefact": "int8"}
    sound = run(GOOD, artefacts={"int8": "float32"})
    wrong = run(GOOD, artefacts={"int8": "float32"}, lost_by_artefacts=3)
    yield Followed("parity", FAILED, "export again from this checkpoint", wrong, sound, rule)
    yield Followed("parity", OPEN, "measure again", run(GOOD), sound, rule)
    large, small = run(GOOD, macs=3_000_000), run(GOOD, macs=1_000_000)
    rule = {"macs": "2M"}
    yield Followed("budget", FAILED, "take a smaller net", large, small, rule)
    yield Followed("budget", OPEN, "measure again", run(GOOD), small, rule)


ALL = list(_all())


def results(check, rule, numbers, beside=()):
    made, *others = (
        REGISTRY[each["check"]].model_validate_json(json.dumps({"id": each["check"], **each}))
        for each in ({"check": check, **rule}, *beside)
    )
    rules = [made, *others]
    found = judge(rules, synthetic_evidence_for(rules, numbers)).results
    return [each for each in found if each.rule is made]


@pytest.mark.parametrize("each", ALL, ids=str)
def test_who_follows_a_remedy_reaches_a_pass(each):
    worst = results(each.check, each.rule, each.before, each.beside)
    said = [remedy(found) for found in worst if found.outcome is each.outcome]

    assert any(each.said in text for text in said), said
    beside = (*each.beside, *each.added)
    after = results(each.check, {**each.rule, **each.changed}, each.after, beside)
    assert {found.outcome for found in after if found.severity == "block"} == {Outcome.PASSED}


def test_no_check_has_an_outcome_whose_remedy_nobody_follows():
    said = {(each.check, each.result.outcome) for each in everything_said()
            if each.remedy and each.result.severity == "block"}  # fmt: skip

    assert said - {(each.check, each.outcome) for each in ALL} == set()


@pytest.mark.parametrize("check", REGISTRY)
def test_a_check_says_what_decides_it_and_what_mends_it_in_words_of_their_own(check):
    fix, decide = reference.remedy(REGISTRY[check]), reference.to_decide(REGISTRY[check])

    assert fix
    assert decide
    assert fix != decide


def test_as_many_images_as_a_sentence_names_decide_it():
    rule, few = {"min": 0.9, "classes": ["dog"]}, SyntheticRun(test=((950, 50), (4, 57)))
    (found,) = results("recall", rule, few)
    more, truth = re.search(r"About (\d+) more .* if the true recall is ([\d.]+)",
                            message(found)).groups()  # fmt: skip
    hits = 57 + round(float(truth) * int(more))

    (after,) = results(
        "recall", rule, SyntheticRun(test=((950, 50), (61 + int(more) - hits, hits)))
    )

    assert found.outcome is Outcome.INCONCLUSIVE
    assert (after.outcome, after.proven) == (Outcome.PASSED, True)


def test_as_many_train_images_as_a_sentence_names_let_the_gap_pass():
    test = ((240, 10), (10, 240))
    (found,) = results("train-test-gap", {}, SyntheticRun(train=((5, 0), (0, 5)), test=test))
    needed = int(re.search(r"(\d+) are needed to pass", message(found))[1])
    half = needed // 2

    (after,) = results("train-test-gap", {},
                       SyntheticRun(train=((half, 0), (0, needed - half)), test=test))  # fmt: skip

    assert found.outcome is Outcome.INCONCLUSIVE
    assert after.outcome is Outcome.PASSED


def test_groups_that_are_formed_otherwise_may_be_allowed_as_the_remedy_says():
    numbers = SyntheticRun(train=GOOD, test=SMALL, groups=0)
    ways = {Split.TRAIN: {"column": "patient"}, Split.TEST: {"column": "scan"}}
    evidence = replace(synthetic_evidence(numbers), configuration=Configuration(groups=ways))
    strict, lenient = (
        REGISTRY["group-overlap"].model_validate({"id": "groups", **rule})
        for rule in ({}, {"columns": "any"})
    )

    (found,) = judge([strict], evidence).results
    (after,) = judge([lenient], evidence).results

    assert found.outcome is Outcome.INCONCLUSIVE
    assert "`columns: any`" in remedy(found)
    assert after.outcome is Outcome.PASSED


def test_what_an_error_left_unmeasured_asks_for_its_repair():
    broken = (Failure("test", "data", "no such folder", "name one"),)
    evidence = replace(synthetic_evidence(SyntheticRun()), failures=broken)

    (found,) = judge([REGISTRY["accuracy"](id="accuracy", min=0.9)], evidence).results

    assert remedy(found) == "repair what the errors name, and run again"
