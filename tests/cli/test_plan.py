"""How many images a policy takes, in a terminal and as JSON."""

import csv
import dataclasses
import json
import math
import re

import numpy as np
import pytest

from gate.checks.recall import Recall
from gate.checks.regression import Regression
from gate.cli import main
from gate.decision import judge
from gate.evidence.records import Split
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.row_sets import clean_rows

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {{name: planned, version: 1.0.0}}
rules:
  - {}
"""

# STATISTICS 1.6: required, true, images (first possible, then enough) at power 0.8 and 0.9.
TABLE = [
    (0.80, 0.90, 94, 124),
    (0.85, 0.88, 864, 1170),
    (0.85, 0.90, 304, 408),
    (0.85, 0.92, 150, 197),
    (0.85, 0.95, 68, 85),
    (0.90, 0.95, 203, 263),
    (0.90, 0.97, 89, 116),
    (0.95, 0.97, 694, 900),
    (0.95, 0.98, 286, 361),
    (0.95, 0.99, 124, 181),
]


@pytest.fixture
def planned(tmp_path, monkeypatch, capsys):
    """Return a function that plans rules and gives the status and both streams."""
    monkeypatch.chdir(tmp_path)

    def plan(*arguments, rules=("{check: accuracy, min: 0.85}",)):
        text = POLICY.format("\n  - ".join(rules))
        (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
        capsys.readouterr()
        status = main(["plan", "--policy", "policy.yaml", *map(str, arguments)])
        return status, *capsys.readouterr()

    return plan


@pytest.fixture
def lines(planned):
    """Return a function that plans rules and gives the lines of the JSON."""

    def plan(*arguments, **more):
        status, out, _ = planned(*arguments, "--format", "json", **more)
        assert status == 0
        return json.loads(out)["lines"]

    return plan


def table(folder, per_class, per_group=None):
    """Write labels and scores of so many images of each class."""
    rows = [
        {"id": f"{name}-{index}", "label": name, **dict.fromkeys(per_class, 1 / len(per_class))}
        for name, count in per_class.items()
        for index in range(count)
    ]
    if per_group:
        for index, row in enumerate(rows):
            row["patient"] = index // per_group
    with (folder / "test.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def gatefile(folder, **keys):
    common = {"apiVersion": "gate/v1", "kind": "Validation", "classes": ["cat", "dog"]}
    document = {**common, **keys}
    (folder / "gate.yaml").write_text(json.dumps(document), encoding="utf-8")
    return folder / "gate.yaml"


@pytest.mark.parametrize(("required", "true", "with_80", "with_90"), TABLE)
def test_the_images_are_those_of_the_published_table(lines, required, true, with_80, with_90):
    rule = f"{{check: accuracy, min: {required}}}"

    found = {
        power: lines("--true", true, "--power", power, rules=[rule])[0]["needed"]
        for power in (0.8, 0.9)
    }

    assert found == {0.8: with_80, 0.9: with_90}


@pytest.mark.parametrize(
    ("required", "least"), [(0.85, 19), (0.9, 29), (0.95, 59), (0.98, 149), (0.99, 299)]
)
def test_the_least_is_what_a_model_without_a_mistake_takes(lines, required, least):
    (line,) = lines(rules=[f"{{check: accuracy, min: {required}}}"])

    assert line["least"] == least


def test_several_requirements_take_more_each(lines):
    (alone,) = lines("--true", 0.95)

    together = lines("--true", 0.95, rules=["{check: accuracy, min: 0.85}"] + [
        f"{{id: again-{index}, check: accuracy, min: 0.85}}" for index in range(9)
    ])  # fmt: skip

    assert (alone["needed"], together[0]["needed"]) == (68, 126)


def test_without_a_stated_truth_it_is_half_way_to_perfect(lines):
    (line,) = lines()

    assert line["true_value"] == pytest.approx(0.925)


def test_a_truth_below_the_requirement_takes_more_images_than_there_are(planned, lines):
    (line,) = lines("--true", 0.8)
    _, out, _ = planned("--true", 0.8)

    assert line["needed"] is None
    assert "needed -: with that true value no number of images is enough." in out


def test_the_data_at_hand_is_counted(lines, tmp_path):
    table(tmp_path, {"cat": 150, "dog": 20})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})

    cat, dog = lines("--gatefile", subject, "--true", 0.92, rules=["{check: recall, min: 0.85}"])

    assert (cat["present"], dog["present"]) == (150, 20)
    assert dog["mistakes_allowed"] == 0
    assert dog["provable"] == pytest.approx(0.05 ** (1 / 20))
    assert cat["chance"] > 0.8 > dog["chance"]


def test_the_plan_and_the_gate_agree_to_the_image(lines, tmp_path):
    from gate.checks.accuracy import Accuracy
    from gate.evidence.synthetic_run import SyntheticRun

    table(tmp_path, {"cat": 100, "dog": 83})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})
    (line,) = lines("--gatefile", subject)
    allowed = line["mistakes_allowed"]

    def outcome(misses):
        numbers = SyntheticRun(test=((100 - misses, misses), (0, 83)))
        rule = Accuracy(id="accuracy", min=0.85)
        return judge([rule], synthetic_evidence(numbers)).results[0].outcome

    assert outcome(allowed) == "passed"
    assert outcome(allowed + 1) == "inconclusive"


@pytest.fixture
def by_patient(tmp_path):
    """A gate file whose 300 images are of 60 patients, five each."""
    table(tmp_path, {"cat": 150, "dog": 150}, per_group=5)
    return gatefile(tmp_path, data={"test": {"predictions": "test.csv", "group": "patient"}})


def test_images_in_groups_count_by_how_alike_they_are(lines, by_patient):
    (once,) = lines("--gatefile", by_patient)
    (some,) = lines("--gatefile", by_patient, "--icc", 0.25)
    (alone,) = lines()

    assert once["needed"] > some["needed"] > alone["needed"]
    assert once["needed_groups"] == once["needed"] / 5
    assert once["least"] == some["least"] == 100  # 20 groups: 3.00 in 1 - 0.85
    assert once["least_groups"] == 20
    assert alone["needed_groups"] is alone["least_groups"] is None
    assert some["chance"] > once["chance"]
    assert once["provable"] == pytest.approx(1 + math.log(0.05) / 60)


def test_the_plan_and_the_gate_agree_to_the_group(lines, by_patient):
    from gate.checks.accuracy import Accuracy

    (line,) = lines("--gatefile", by_patient)
    allowed = line["mistakes_allowed"]

    def outcome(misses):
        evidence = synthetic_evidence(SyntheticRun(test=((300 - misses, misses), (0, 0))))
        test = evidence.splits[Split.TEST]
        groups = (np.arange(300) // 5).astype(object)
        test = dataclasses.replace(test, rows=test.rows.with_groups(groups))
        evidence = dataclasses.replace(evidence, splits={Split.TEST: test})
        return judge([Accuracy(id="accuracy", min=0.85)], evidence).results[0].outcome

    assert allowed % 5 == 0
    assert outcome(allowed) == "passed"
    assert outcome(allowed + 5) == "inconclusive"


def test_the_text_says_how_many_groups_it_takes(planned, by_patient):
    _, out, _ = planned("--gatefile", by_patient)

    assert "What counts is groups (patients, parts), not images. Groups as they are here:" in out
    assert re.search(r"without a mistake +or one wrong +needed\naccuracy +20 +\d+ +\d+\n", out)


def test_patients_of_one_class_each_take_so_many_without_a_mistake(lines, by_patient):
    found = lines(
        "--gatefile",
        by_patient,
        rules=[
            "{id: kept, check: regression, metric: recall, margin: 0.02}",
            "{id: safe, check: recall, min: 0.95, one_sided_confidence: 0.975}",
            "{id: high, check: recall, min: 0.95}",
            "{id: usual, check: recall, min: 0.85}",
        ],
    )

    groups = {line["rule"]: line["least_groups"] for line in found}
    assert groups == {"kept": 150, "safe": 74, "high": 60, "usual": 20}
    for line in found:
        assert line["least_groups"] < line["groups_with_a_miss"] < line["needed_groups"]


KEPT = "{check: regression, metric: recall, margin: 0.02}"
RECALL = "{check: recall, min: 0.95}"


def of_patients(folder, sizes):
    """Write a gate file whose test split has patients of one class each, of these sizes."""
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "cat", "dog", "patient"])
        for label, here in (("cat", (1, 0)), ("dog", (0, 1))):
            for patient, size in enumerate(sizes):
                for index in range(size):
                    writer.writerow(
                        [f"{label}{patient}-{index}", label, *here, label + str(patient)]
                    )
    data = {"test": {"predictions": "patients.csv", "group": "patient"}}
    return gatefile(folder, data=data)


def judged(rule, sizes, wrong=0):
    """Return the outcome for cats when the images of the first ``wrong`` patients are wrong."""
    misses, of_class = sum(sizes[:wrong]), sum(sizes)
    broken = None if rule.check != "regression" else misses
    numbers = SyntheticRun(test=((of_class - misses, misses), (0, of_class)), broken=broken)
    evidence = synthetic_evidence(numbers)
    split = evidence.splits[Split.TEST]
    assert (split.rows.predictions[of_class - misses : of_class] == 1).all(), "the misses are last"
    order = [*sizes[wrong:], *sizes[:wrong]]
    groups = [f"{label}{g}" for label in "cd" for g, size in enumerate(order) for _ in range(size)]
    rows = split.rows.with_groups(np.array(groups, dtype=object))
    evidence = dataclasses.replace(
        evidence, splits={Split.TEST: dataclasses.replace(split, rows=rows)}
    )
    results = judge([rule], evidence).results
    return {each.comparison.scope.class_name: each.outcome for each in results}["cat"]


def test_patients_with_unequal_numbers_of_images_take_more(lines, tmp_path):
    with (tmp_path / "unequal.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "cat", "dog", "patient"])
        for label, here in (("cat", (1, 0)), ("dog", (0, 1))):
            for index in range(150):  # half of the images are of 15 patients, the rest of 75
                patient = index // 5 if index < 75 else index
                writer.writerow([f"{label}{index}", label, *here, f"{label}{patient}"])
    data = {"test": {"predictions": "unequal.csv", "group": "patient"}}
    rule = "{check: recall, min: 0.95}"

    (cat, _) = lines("--gatefile", gatefile(tmp_path, data=data), rules=[rule])

    assert cat["least_groups"] > 60


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (KEPT, Regression(id="kept", metric="recall", margin=0.02)),
        (
            "{check: recall, min: 0.95, one_sided_confidence: 0.975}",
            Recall(id="safe", min=0.95, one_sided_confidence=0.975),
        ),
        (RECALL, Recall(id="high", min=0.95)),
        ("{check: recall, min: 0.85}", Recall(id="usual", min=0.85)),
    ],
)
def test_as_many_patients_as_the_plan_says_prove_it_and_one_fewer_does_not(
    lines, tmp_path, written, rule
):
    (cat, _) = lines("--gatefile", of_patients(tmp_path, [3] * 12), rules=[written])
    spotless, spotted = cat["least_groups"], cat["groups_with_a_miss"]

    assert judged(rule, [3] * spotless) == "passed"
    assert judged(rule, [3] * (spotless - 1)) == "inconclusive"
    assert judged(rule, [3] * spotted, wrong=1) == "passed"
    assert judged(rule, [3] * (spotted - 1), wrong=1) == "inconclusive"


def test_patients_of_unequal_sizes_prove_as_the_plan_says(lines, tmp_path):
    sizes = [1, 1, 1, 2, 9]  # over and over
    (cat, _) = lines("--gatefile", of_patients(tmp_path, sizes * 20), rules=[RECALL])
    rounds = math.ceil(cat["least"] / sum(sizes))

    assert cat["least_groups"] > 60
    assert judged(Recall(id="recall", min=0.95), sizes * rounds) == "passed"
    assert judged(Recall(id="recall", min=0.95), sizes * (rounds - 1)) == "inconclusive"


def test_false_alarms_count_the_groups_of_the_other_classes(lines, tmp_path):
    table(tmp_path, {"cat": 300, "dog": 300})
    text = (tmp_path / "test.csv").read_text(encoding="utf-8").splitlines()
    patient = [f"c{i // 10}" for i in range(300)] + [f"d{i // 2}" for i in range(300)]
    text = [
        text[0] + ",patient",
        *(f"{row},{of}" for row, of in zip(text[1:], patient, strict=True)),
    ]
    (tmp_path / "test.csv").write_text("\n".join(text), encoding="utf-8")
    data = {"test": {"predictions": "test.csv", "group": "patient"}}

    alarms = lines(
        "--gatefile", gatefile(tmp_path, data=data), rules=["{check: specificity, min: 0.9}"]
    )

    least = {line["class_name"]: (line["least"], line["least_groups"]) for line in alarms}
    assert least == {"cat": (60, 30), "dog": (300, 30)}  # 30 dogs' patients of 2, cats' of 10


def test_too_few_groups_for_a_bound_prove_nothing(planned, tmp_path):
    few = of_patients(tmp_path, [3] * 4)

    _, out, _ = planned("--gatefile", few, rules=[RECALL])

    assert re.search(r"recall of cat +nothing +too few images\n", out)


def test_a_plan_says_where_the_estimate_may_decide(planned):
    _, proven, _ = planned()
    _, estimated, _ = planned(rules=["{check: accuracy, min: 0.85, on_inconclusive: point}"])

    assert "by the estimate alone" not in proven
    assert "may pass by the estimate alone, not proven" in " ".join(estimated.split())


def test_every_line_of_a_plan_fits_80_columns(planned, by_patient):
    rules = [KEPT, RECALL, "{check: precision, min: 0.5, on_inconclusive: point}"]
    for arguments in ([], ["--gatefile", by_patient], ["--gatefile", by_patient, "--icc", 0.1]):
        _, out, _ = planned(*arguments, rules=rules)

        assert max(map(len, out.splitlines())) <= 80


def test_the_plan_of_a_change_and_the_gate_agree_to_the_image(lines, tmp_path):

    table(tmp_path, {"cat": 400, "dog": 83})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})
    rule = "{check: regression, metric: recall, margin: 0.02}"
    cat, dog = lines("--gatefile", subject, rules=[rule])

    def outcome(broken, images=400):
        numbers = SyntheticRun(test=((images - broken, broken), (0, 83)), broken=broken)
        checked = Regression(id="kept", metric="recall", margin=0.02)
        found = judge([checked], synthetic_evidence(numbers)).results
        return {each.comparison.scope.class_name: each.outcome for each in found}["cat"]

    assert (cat["operator"], cat["required"], cat["least"]) == (">=", -0.02, 149)
    assert (outcome(0, 149), outcome(0, 148)) == ("passed", "inconclusive")
    assert outcome(cat["mistakes_allowed"]) == "passed"
    assert outcome(cat["mistakes_allowed"] + 1) == "inconclusive"
    assert dog["mistakes_allowed"] == -1
    assert cat["provable"] == pytest.approx(-(1 - 0.05 ** (1 / 400)))


def test_critical_classes_come_from_the_gate_file(planned, lines, tmp_path):
    subject = gatefile(tmp_path, classes=["background", "tumour"], critical=["tumour"])
    rule = "{check: recall, classes: $critical, min: 0.95}"

    (line,) = lines("--gatefile", subject, rules=[rule])
    _, out, _ = planned(rules=[rule])

    assert line["class_name"] == "tumour"
    assert "give --gatefile or --evidence" in out


def test_a_class_that_is_critical_beside_those_of_the_policy_is_planned_for_both_roles(
    lines, tmp_path
):
    subject = gatefile(tmp_path, classes=["a", "b", "c"], critical=["b", "c"])
    rule = "{check: recall, per_class: {$critical: 0.9, $others: 0.95}}"

    found = lines("--gatefile", subject, rules=[rule + "\ncritical: [c]"])

    assert {line["class_name"]: line["required"] for line in found} == {
        "a": 0.95, "b": 0.95, "c": 0.9
    }  # fmt: skip


def test_a_class_that_the_data_lacks_is_a_fault_of_the_policy(planned, tmp_path):
    table(tmp_path, {"cat": 10, "dog": 10})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})

    status, out, err = planned(
        "--gatefile", subject, rules=["{check: recall, per_class: {cow: 0.9}}"]
    )

    assert (status, out) == (2, "")
    assert "policy.yaml:5:" in err
    assert "no class 'cow'" in err


def test_slices_take_as_many_each(planned, lines, tmp_path):
    table(tmp_path, {"cat": 100, "dog": 100})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})
    rule = "{check: accuracy, by: [scanner, site], min: 0.85}"

    (line,) = lines("--gatefile", subject, rules=[rule])
    _, out, _ = planned(rules=[rule])

    assert (line["slices"], line["present"]) == ("scanner, site", None)
    assert "accuracy, each scanner, site >=" in " ".join(out.split())


@pytest.mark.parametrize("rule", ["{check: mcc, min: 0.8}", "{check: accuracy-paradox}"])
def test_what_cannot_be_planned_is_named_with_the_reason(planned, rule):
    status, out, _ = planned(rules=[rule])

    assert status == 0
    assert out.startswith("Nothing in policy.yaml can be planned.\nNot planned: ")


def test_a_false_alarm_rate_is_planned_from_the_other_side(lines):
    (line,) = lines(rules=["{check: false-positive-rate, max: 0.05, per_class: {}}"])
    (mirrored,) = lines("--true", 0.975, rules=["{check: accuracy, min: 0.95}"])

    assert (line["needed"], line["least"]) == (mirrored["needed"], mirrored["least"])


def test_the_table_fits_80_columns(planned, tmp_path):
    names = ["cat", "a class with a name that is far too long for any table of eighty columns"]
    table(tmp_path, {names[0]: 100, names[1]: 50})
    subject = gatefile(tmp_path, classes=names, data={"test": {"predictions": "test.csv"}})

    _, out, _ = planned(
        "--gatefile",
        subject,
        rules=[
            "{check: recall, min: 0.85}",
            "{check: precision, min: 0.5}",
            "{check: mcc, min: 0}",
        ],
    )

    assert max(map(len, out.splitlines())) <= 80
    assert "too long for any table of eighty" in " ".join(out.split())


@pytest.mark.parametrize("arguments", [["--true", "1"], ["--true", "0"], ["--power", "1.5"]])
def test_impossible_chances_are_refused(planned, arguments):
    status, out, err = planned(*arguments)

    assert (status, out) == (2, "")
    assert "is not in the range" in err


def test_what_a_run_left_says_the_classes_the_critical_ones_and_the_images(planned, tmp_path):
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=("sound", "tumour"),
            critical=("tumour",),
            test=((40, 2), (1, 9)),
            train=((9, 1), (1, 9)),
            copies=3,
        )
    )
    save(evidence, tmp_path / "evidence.sqlite")

    rule = "{check: recall, classes: $critical, min: 0.85}"
    status, out, _ = planned("--evidence", ".", "--format", "json", rules=(rule,))

    [line] = json.loads(out)["lines"]
    assert status == 0
    assert line["class_name"] == "tumour"
    judged = clean_rows(evidence, Split.TEST)
    assert line["present"] == int((judged.labels == 1).sum())


def test_evidence_and_a_gate_file_do_not_go_together(planned, tmp_path):
    status, _, err = planned("--evidence", ".", "--test", "x.csv")

    assert status == 2
    assert "--evidence: says what --gatefile and the flags of the data say" in err


def test_the_classes_and_the_critical_ones_may_be_flags(planned, lines, tmp_path):
    table(tmp_path, {"cat": 100, "dog": 50})
    said = ("--predictions", "test.csv", "--classes", "cat,dog", "--critical", "dog")

    (line,) = lines(*said, rules=["{check: recall, classes: $critical, min: 0.9}"])
    _, out, _ = planned(*said, rules=["{check: recall, classes: $critical, min: 0.9}"])

    assert (line["class_name"], line["present"]) == ("dog", 50)
    assert "chance" in out
    assert "power" not in out


def test_the_chance_to_prove_is_told_in_sentences_of_a_few_words(planned, tmp_path):
    table(tmp_path, {"cat": 100, "dog": 50})

    _, out, _ = planned("--predictions", "test.csv", "--classes", "cat,dog", rules=[RECALL])

    assert "its chance to prove all 2 requirements is 80% (90.0% for each)" in " ".join(out.split())
    prose = [each for each in out.split("\n\n") if "  " not in each.strip().replace("\n  ", " ")]
    for sentence in re.split(r"(?<=[.?:]) ", " ".join(" ".join(prose).split())):
        assert len(sentence.split()) <= 25, sentence


def test_both_sides_of_a_recall_at_a_false_positive_rate_are_planned(lines):
    rule = "{check: recall-at-fpr, class: tumour, fpr: 0.05, min: 0.90}"

    recall, fpr = lines(rules=(rule,))

    assert (recall["counts"], recall["required"]) == ("images of the class", 0.9)
    assert (fpr["counts"], fpr["required"]) == ("images of other classes", 0.05)
    assert (recall["least"], fpr["least"]) == (29, 59)


def test_coverage_and_error_of_abstention_are_planned(lines):
    rule = "{check: abstention, min_coverage: 0.8, max_error: 0.02}"

    coverage, error = lines(rules=(rule,))

    assert (coverage["counts"], coverage["least"]) == ("images", 14)
    assert (error["counts"], error["least"]) == ("images with an answer", 149)


def test_an_agreement_of_an_artefact_is_planned_over_the_images_that_are_asked(lines, tmp_path):
    table(tmp_path, {"cat": 150, "dog": 250})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})
    rule = "{check: parity, artefact: int8, min_agreement: 0.99, images: 300}"

    (line,) = lines("--gatefile", subject, rules=[rule])

    assert (line["least"], line["present"], line["mistakes_allowed"]) == (299, 300, 0)


def test_limits_that_follow_from_a_file_are_not_planned(planned):
    status, out, _ = planned(rules=["{check: parity, artefact: int8}"])

    assert status == 0
    assert "state min_agreement to plan it" in " ".join(out.split())


VIEWS = "{check: stability, views: ['jpeg:90', 'lsb:1'], min_agreement: 0.9}"


def test_passes_that_ask_again_are_counted_with_the_time_they_take(planned):
    status, out, _ = planned("--rate", 40, rules=[VIEWS])

    assert status == 0
    said = " ".join(out.split())
    assert "2 passes over at most 1,000 images, 2,000 answers in all" in said
    assert "At 40 images a second (--rate) that takes about 50 seconds." in said


def test_no_more_images_are_asked_again_than_there_are(planned, tmp_path):
    table(tmp_path, {"cat": 150, "dog": 20})
    subject = gatefile(tmp_path, data={"test": {"predictions": "test.csv"}})

    _, out, _ = planned("--gatefile", subject, "--format", "json", rules=[VIEWS])

    asked = json.loads(out)["asked_again"]
    assert (asked["passes"], asked["images"], asked["answers"]) == (2, 170, 340)
    assert asked["seconds"] == pytest.approx(3.4)


def test_a_policy_of_ten_thousand_passes_is_told_before_anybody_waits(planned):
    """100 regions of two donors, in 50 rules that ask about samples of their own."""
    rules = [
        f"{{id: r{each}, check: region-evidence, cells: {{grid: 10, which: all, max: 0.1}}, "
        f"images: {1000 + each}}}"
        for each in range(50)
    ]

    status, out, _ = planned(rules=rules)

    assert status == 0
    said = " ".join(out.split())
    assert "10,000 passes over at most 1,049 images, 10,245,000 answers in all" in said
    assert "that takes about 28 hours" in said


def test_without_a_rule_that_asks_again_no_time_is_told(planned):
    _, out, _ = planned()
    _, as_json, _ = planned("--format", "json")

    assert "asked again" not in out
    assert json.loads(as_json)["asked_again"] is None


def test_no_name_is_broken_at_its_hyphen(capsys):
    assert main(["plan", "--policy", "behaviour"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert any("input-contract" in each for each in lines)
    assert [each for each in lines if each.endswith("-") and not each.endswith(" -")] == []
