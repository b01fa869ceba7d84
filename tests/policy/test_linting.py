import re

import numpy as np
import pytest

from gate.checks.base import DataFacts
from gate.checks.train_test_gap import TrainTestGap
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.planning_groups import Grouping
from gate.policy.linting import advice, unprovable_bounds, useless_rules
from gate.policy.reading import read_policy

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: example, version: 1.0.0}\nrules:\n"
COUNTER = "  - {check: no-skill}\n"
NONE = DataFacts()


@pytest.fixture
def document(tmp_path):
    def write(*rules):
        path = tmp_path / "policy.yaml"
        path.write_text(HEAD + COUNTER + "".join(f"  - {{{rule}}}\n" for rule in rules))
        return read_policy(str(path))

    return write


POINT = ", on_inconclusive: point"
VACUOUS = [
    ("min", "check: recall, min: 0", "no recall is below 0"),
    ("min", "check: recall, min: 0, per_class: {dog: 0}", "no recall is below 0"),
    ("dog", "check: accuracy, per_class: {dog: 0}", "no accuracy is below 0"),
    ("min", "check: recall, min: 0, severity: warn", "no recall is below 0"),
    ("min", "check: mcc, min: -1", "no MCC is below -1"),
    ("min", "check: mcc, min: -0.99", "the MCC of a model that guesses is 0"),
    ("min", f"check: mcc, min: 0{POINT}", "the MCC of a model that guesses is 0"),
    ("min", "check: roc-auc, min: 0.4", "the ROC AUC of a model that guesses is 0.5"),
    (
        "min",
        "check: roc-auc, min: 0.5, decide_on: point",
        "the ROC AUC of a model that guesses is 0.5",
    ),
    ("max", "check: false-positive-rate, max: 1.0", "no false positive rate is above 1"),
    ("max", "check: log-loss, max: 1000000000.0", "among two 0.69"),
    ("max", "check: log-loss, max: 14", "guessing among a million classes has 13.8"),
    ("max", "check: calibration-error, max: 1.0", "right every second time"),
    ("max", "check: calibration-error, max: 0.5", "right every second time"),
    (
        "max",
        "check: expected-cost, costs: [[0, 1], [9, 0]], unit: EUR, max: 9",
        "no expected cost is above 9",
    ),
    ("max", "check: train-test-gap, max: 0.999", "to know train by heart"),
    ("max", "check: train-test-gap, max: 1", "guess on test is a gap of 0.9"),
    ("max", "check: train-test-gap, metric: mcc, max: 1", "is a gap of 1"),
    ("max", "check: train-test-gap, metric: roc-auc, max: 0.5", "is a gap of 0.5"),
    ("max", "check: train-test-gap, metric: log-loss, max: 1000000.0", "is a gap of 13.8"),
    ("max", "check: negative-flips, max: 0.99", "half of the images may be newly broken"),
    ("margin", "check: regression, margin: 0.9", "guessing between two classes"),
    ("min_accuracy", "check: accuracy-paradox, min_accuracy: 1.0", "only an accuracy of 1"),
    ("min_accuracy", "check: accuracy-paradox, min_accuracy: 0.995", "one image in a hundred"),
    ("min_recall", "check: accuracy-paradox, min_recall: 0.000001", "of which 1 is missed"),
    ("max_exact", "check: train-test-overlap, max_exact: 0.99", "allows 0.99 of all images"),
    ("max_near", "check: train-test-overlap, max_near: 0.5", "allows 0.5 of all images"),
    ("max_label_conflicts", "check: train-test-overlap, max_label_conflicts: 1000000", "1,000,000"),
    ("max", "check: duplicate-images, max: 0.99", "allows 0.99 of all images"),
    ("max_label_conflicts", "check: duplicate-images, max_label_conflicts: 0.9", "allows 0.9"),
    ("max", "check: group-overlap, max: 1000000", "as many as a test set has"),
    ("max_unreadable", "check: dataset-integrity, max_unreadable: 1000000", "1,000,000 images"),
    ("max_hidden", "check: dataset-integrity, max_hidden: 0.9", "allows 0.9 of all images"),
    ("min_drop", "check: loss-curve, min_drop: 0.000001", "a loss that stays what it was"),
    ("max_rise", "check: loss-curve, max_rise: 1000000000.0", "times as high as it was"),
]


@pytest.mark.parametrize(("key", "rule", "reason"), VACUOUS, ids=[rule for _, rule, _ in VACUOUS])
def test_a_limit_that_no_model_could_fail_is_found_at_its_place(key, rule, reason, document):
    (fault,) = useless_rules(document(rule))

    bound = re.search(rf"\b{key}: ", rule).end()
    assert (fault.line, fault.column) == (6, len("  - {") + bound + 1)
    assert "asks for nothing by" in fault.fact
    assert reason in fault.fact
    assert fault.remedy


@pytest.mark.parametrize(
    "rule",
    [
        "check: recall, min: 0, per_class: {dog: 0.5}",
        "check: recall, min: 0.01",
        "check: precision, min: 0",  # fails where a class is never predicted
        "check: mcc, min: 0",  # that it is no worse than guessing has to be proven
        f"check: mcc, min: 0.01{POINT}",
        "check: roc-auc, min: 0.5",
        "check: log-loss, max: 1",
        "check: expected-cost, costs: [[0, 1], [9, 0]], unit: EUR, max: 8.9",
        "check: calibration-error, max: 0.3",
        "check: train-test-gap, max: 0.5",
        "check: train-test-gap, metric: mcc, max: 0.9",
        "check: accuracy-paradox, min_accuracy: 0.99, min_recall: 0.05",
        "check: train-test-overlap, max_exact: 0.2, max_label_conflicts: 2000",
        "check: duplicate-images, max: 0.1",
        "check: dataset-integrity, max_unreadable: 99, max_hidden: 0",
        "check: loss-curve, min_drop: 0.01, max_rise: 2.0",
        "check: regression, margin: 0.1",
        "check: negative-flips, max: 0.1",
    ],
)
def test_a_rule_that_can_fail_is_left_alone(rule, document):
    assert list(useless_rules(document(rule))) == []


@pytest.mark.parametrize(
    ("rule", "data", "is_vacuous"),
    [
        ("check: train-test-gap, max: 0.5", DataFacts(classes=2), True),
        ("check: train-test-gap, max: 0.5", DataFacts(classes=3), False),
        ("check: train-test-gap, max: 0.95", DataFacts(classes=100), False),
        ("check: train-test-overlap, max_exact: 50", DataFacts(images=100), True),
        ("check: train-test-overlap, max_exact: 50", DataFacts(images=101), False),
    ],
)
def test_with_the_data_it_is_known_how_much_a_limit_allows(rule, data, is_vacuous, document):
    assert bool(list(useless_rules(document(rule), data))) is is_vacuous


@pytest.mark.parametrize(
    "name", ["baseline", "precision-first", "recall-first", "release", "smoke"]
)
def test_no_shipped_policy_asks_for_nothing(name):
    assert list(useless_rules(read_policy(name), DataFacts(classes=2, images=200))) == []


@pytest.mark.parametrize("metric", ["accuracy", "recall", "f1", "balanced-accuracy"])
def test_a_memoriser_passes_the_gap_that_is_refused_and_fails_a_little_less(metric):
    learned_by_heart = SyntheticRun(train=((500, 0), (0, 500)), test=((5000, 5000), (5000, 5000)))

    (gap, *_) = [
        comparison.estimate.value
        for comparison in TrainTestGap(metric=metric, max=0.5).evaluate(
            synthetic_evidence(learned_by_heart)
        )
    ]

    assert gap == pytest.approx(0.5)
    assert list(TrainTestGap(metric=metric, max=0.5).vacuous(DataFacts(classes=2)))
    assert not list(TrainTestGap(metric=metric, max=0.49).vacuous(DataFacts(classes=2)))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("check: accuracy, min: 0.01", "the accuracy of guessing among 2 classes is 0.5"),
        ("check: recall, min: 0.3", "classes is 0.5; 0.3 is no better"),
        ("check: specificity, min: 0.4", "the specificity of guessing"),
        ("check: false-positive-rate, max: 0.9", "the false positive rate of guessing"),
        ("check: confusion-rate, from: dog, to: cat, max: 0.6", "2 classes is 0.5"),
        ("check: log-loss, max: 0.7", "the log loss of guessing among 2 classes is 0.693"),
        ("check: top-k-accuracy, k: 1, min: 0.2", "the top-1 accuracy of guessing"),
        ("check: recall, min: 0.9, one_sided_confidence: 0.500001", "hardly more than guesses"),
    ],
)
def test_what_guessing_meets_is_told_and_not_refused(rule, said, document):
    written = document(rule)

    found = list(advice(written, DataFacts(classes=2)))

    assert list(useless_rules(written, DataFacts(classes=2))) == []
    assert any(said in line and "asks for little" in line for line in found)


def test_where_nobody_says_how_many_classes_there_are_guessing_is_not_known(document):
    assert not any(
        "little" in line for line in advice(document("check: accuracy, min: 0.01"), NONE)
    )


@pytest.mark.parametrize(
    ("rules", "open_"),
    [
        ((), "per-class metrics, leakage, generalisation"),
        (("check: recall, min: 0.9",), "leakage, generalisation"),
        (
            ("check: recall, min: 0.9, severity: warn",),
            "per-class metrics, leakage, generalisation",
        ),
        (("check: recall, min: 0.9, split: train",), "per-class metrics, leakage, generalisation"),
        (("check: accuracy, min: 0.9",), "per-class metrics, leakage, generalisation"),
        (("check: accuracy, per_class: {dog: 0.9}",), "leakage, generalisation"),
        (("check: group-overlap, groups: optional",), "per-class metrics, leakage, generalisation"),
        (("check: group-overlap",), "per-class metrics, generalisation"),
        (
            ("check: recall, min: 0.9", "check: train-test-overlap", "check: train-test-gap"),
            None,
        ),
    ],
)
def test_what_no_blocking_rule_watches_is_told(rules, open_, document):
    found = list(advice(document(*rules), NONE))

    assert found == ([] if open_ is None else [f"no rule that blocks watches {open_}"])


def test_a_rule_that_another_covers_is_found(document):
    (fault,) = useless_rules(
        document(
            "id: all, check: recall, min: 0.9",
            "id: dogs, check: recall, classes: [dog], min: 0.85",
        )
    )

    assert fault.line == 7
    assert "the rule 'dogs' is shadowed: 'all'" in fault.fact


def test_of_two_equal_rules_the_later_is_needless(document):
    (fault,) = useless_rules(
        document("id: a, check: recall, min: 0.9", "id: b, check: recall, min: 0.9, lock: final")
    )

    assert "the rule 'b' is shadowed" in fault.fact


@pytest.mark.parametrize(
    "second",
    [
        "id: b, check: recall, min: 0.95, severity: warn",
        "id: b, check: recall, min: 0.8, split: validation",
        "id: b, check: recall, min: 0.8, by: scanner",
        "id: b, check: precision, min: 0.8",
    ],
)
def test_rules_that_ask_for_something_else_shadow_nothing(second, document):
    assert list(useless_rules(document("id: a, check: recall, min: 0.9", second))) == []


def _unprovable(document, per_class, **keys):
    return list(unprovable_bounds(document, ("cat", "dog"), ("dog",), per_class, **keys))


def test_a_bound_that_no_model_can_prove_on_so_few_images_is_found(document):
    found = _unprovable(document("check: recall, min: 0.95"), {"cat": 500, "dog": 58})

    (fault,) = found  # 59 of 59 is the least that proves 0.95: 0.95 ** 59 < 0.05
    assert "58 images of dog, and no fewer than 59 can prove >= 0.95" in fault.fact


def test_a_bound_that_can_just_be_proven_is_left_alone(document):
    assert _unprovable(document("check: recall, min: 0.95"), {"cat": 59, "dog": 59}) == []


def test_where_the_estimate_may_decide_nothing_has_to_be_provable(document):
    point = document("check: recall, min: 0.95, on_inconclusive: point")

    assert _unprovable(point, {"cat": 3, "dog": 3}) == []


def test_images_of_one_group_count_once(document):
    labels = np.repeat([0, 1], 120)
    pairs = Grouping(("cat", "dog"), labels, np.arange(240) // 2)
    rule = document("check: recall, min: 0.95")

    found = _unprovable(rule, {"cat": 119, "dog": 100}, grouping=pairs)
    enough = _unprovable(rule, {"cat": 120, "dog": 120}, grouping=pairs)

    assert len(found) == 2
    assert "119 images of cat, and no fewer than 120 in 60 groups can prove" in (found[0].fact)
    assert enough == []
