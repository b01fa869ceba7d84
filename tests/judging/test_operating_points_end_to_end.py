"""Thresholds and abstention from gate file to verdict, and attempts to arrange a pass by them."""

import json
import re
import shutil
import sqlite3

import numpy as np
import pytest
import yaml

from gate.evidence.store import load
from gate.report.judgement import Judged
from gate.report.model import Report
from gate.report.renderings import Beside
from gate.report.renderings.registry import render

ACCEPTS = {"check": "recall", "classes": "dog", "min": 0.9}
FITTED = {"order": [{"class": "dog", "fit": {"recall": 0.9}}]}
FIXED = {"order": [{"class": "dog", "at_least": 0.2}]}


def scored(n, seed, name="image"):
    """Rows of a model that is unsure of dogs: the highest score misses many of them."""
    random = np.random.default_rng(seed)
    dogs = random.random(n) < 0.4
    logits = random.normal(np.where(dogs, 0.3, -3.0), 1.0)
    scores = 1 / (1 + np.exp(-logits))
    return [
        {
            "id": f"{name}-{index}",
            "label": "dog" if is_dog else "cat",
            "cat": float(np.float32(1 - score)),
            "dog": float(np.float32(score)),
        }
        for index, (is_dog, score) in enumerate(zip(dogs, scores, strict=True))
    ]


@pytest.fixture
def detector(folder):
    """A folder with a test and a validation table, and a policy on the recall of dogs."""
    folder.table("test.csv", scored(1500, 1, "test"))
    folder.table("val.csv", scored(1500, 2, "val"))
    folder.policy(ACCEPTS, {"check": "precision", "classes": "dog", "min": 0.5})
    folder.gatefile["data"] = {
        "test": {"predictions": "test.csv"},
        "validation": {"predictions": "val.csv"},
    }
    return folder


def gatefile_with(folder, point, name="at.yaml"):
    document = {"apiVersion": "gate/v1", "kind": "Validation", "operating_point": point}
    (folder.path / name).write_text(json.dumps(document), encoding="utf-8")
    return name


def without_run(folder, out):
    text = (folder.path / out / "report.json").read_text(encoding="utf-8")
    return text[: text.index('\n  "run": {')]


def test_a_detector_that_fails_by_the_highest_score_passes_by_a_fitted_threshold(detector):
    by_score = detector.run()
    by_threshold = detector.run(operating_point=FITTED)

    assert by_score.status == 1
    assert by_threshold.status == 0
    point = by_threshold.report["operating_point"]
    (threshold,) = point["order"]
    assert threshold["fit"] == "recall 0.9"
    assert point["fitted_on"]["images"] == 1500
    at_highest = next(
        each
        for each in point["at_highest_score"]
        if (each["split"], each["name"], each["class"]) == ("test", "recall", "dog")
    )
    assert at_highest["value"] == by_score.result("recall[class=dog]")["measured"]["value"]
    assert (
        f"dog from {float(threshold['at_least']):.6g} (fitted to recall 0.9)" in by_threshold.words
    )
    assert "on test, by the highest score: recall of dog" in by_threshold.words


@pytest.mark.parametrize(
    "point",
    [
        FITTED,
        FIXED,
        {"order": [{"class": "dog", "fit": {"fpr": 0.05}}]},
        {"order": [{"class": "dog", "fit": {"precision": 0.8}}]},
        {"order": [{"class": "dog", "fit": {"cost": {"false_positive": 1, "false_negative": 9}}}]},
        {
            "order": [{"class": "dog", "at_least": 0.4}, {"class": "cat", "at_least": 0.9}],
            "otherwise": "abstain",
        },
    ],
)
def test_judging_saved_evidence_at_a_point_is_a_run_with_it_to_the_byte(point, detector):
    detector.run(out="plain")
    detector.run(out="with", operating_point=point)

    name = gatefile_with(detector, point)
    came = detector.command(
        "judge", "plain", "--policy", "policy.yaml", "--operating-point", name, "--out", "judged",
        out="judged",
    )  # fmt: skip

    assert came.status in (0, 1, 3)
    assert without_run(detector, "judged") == without_run(detector, "with")
    stated = [load(detector.path / out).configuration for out in ("judged", "with")]
    assert stated[0] == stated[1]
    again = detector.command("judge", "judged", "--policy", "policy.yaml", "--out", "again",
                             out="again")  # fmt: skip
    assert again.report["results"] == came.report["results"]
    kept = Judged.from_json((detector.path / "judged" / "judged.json").read_bytes())
    assert kept.evidence_sha256


def test_judging_at_a_point_leaves_the_evidence_that_it_read_as_it_was(detector):
    detector.run(out="plain")
    before = (detector.path / "plain" / "evidence.sqlite").read_bytes()

    detector.command("judge", "plain", "--policy", "policy.yaml", "--operating-point",
                     gatefile_with(detector, FIXED), "--out", "judged")  # fmt: skip

    assert (detector.path / "plain" / "evidence.sqlite").read_bytes() == before


def test_abstained_images_are_a_column_and_missed(detector):
    point = {"order": [{"class": "dog", "at_least": 0.6}, {"class": "cat", "at_least": 0.9}]}

    ran = detector.run(operating_point={**point, "otherwise": "abstain"})

    matrix = ran.report["confusion"]["test"]
    recall = ran.result("recall[class=dog]")["measured"]
    assert matrix["abstained"][1] > 0
    assert recall["denominator"] == sum(matrix["counts"][1]) + matrix["abstained"][1]
    assert recall["numerator"] == matrix["counts"][1][1]


# What a model's owner may try.


@pytest.mark.parametrize("named", ["test.csv", "copy.csv"])
def test_a_threshold_that_was_fitted_on_test_proves_nothing(named, detector):
    shutil.copy(detector.path / "test.csv", detector.path / "copy.csv")

    ran = detector.run(
        operating_point=FITTED,
        data={"test": {"predictions": "test.csv"}, "validation": {"predictions": named}},
    )

    assert ran.status == 3
    assert set(ran.outcomes.values()) == {"inconclusive"}
    doubt = ran.report["operating_point"]["doubt"]
    assert "fitted on validation, which has 1,500 of the 1,500 images of test" in doubt


def test_a_threshold_that_was_fitted_on_some_images_of_test_proves_nothing(detector):
    detector.table("val.csv", [*scored(1500, 2, "val"), *scored(1500, 1, "test")[:5]])

    ran = detector.run(operating_point=FITTED)

    assert ran.status == 3
    assert "which has 5 of the 1,500 images of test" in ran.words
    assert "nothing is proven" in ran.report["operating_point"]["doubt"]


def of_patients(rows, first):
    """Give each five rows a patient, numbered from the first."""
    return [{**row, "patient": f"p{first + at // 5}"} for at, row in enumerate(rows)]


@pytest.mark.parametrize(("first", "status"), [(0, 3), (1000, 0)])
def test_a_threshold_that_was_fitted_on_other_images_of_the_same_patients_proves_nothing(
    first, status, detector
):
    detector.table("test.csv", of_patients(scored(1500, 1, "test"), 0))
    detector.table("val.csv", of_patients(scored(1500, 2, "val"), first))
    data = {
        "test": {"predictions": "test.csv", "group": "patient"},
        "validation": {"predictions": "val.csv", "group": "patient"},
    }

    ran = detector.run(operating_point=FITTED, data=data)

    assert ran.status == status
    told = "which has 300 of the 300 groups of test: nothing is proven"
    assert (told in ran.words) is (status == 3)


def test_with_a_threshold_fitted_on_test_a_rule_can_still_fail(detector):
    detector.policy({"check": "recall", "classes": "dog", "min": 0.999})

    ran = detector.run(
        operating_point=FITTED,
        data={"test": {"predictions": "test.csv"}, "validation": {"predictions": "test.csv"}},
    )

    assert ran.status == 1


def test_the_estimate_does_not_decide_at_a_threshold_fitted_on_test(detector):
    detector.policy(ACCEPTS, decide_on="point")

    ran = detector.run(
        operating_point=FITTED,
        data={"test": {"predictions": "test.csv"}, "validation": {"predictions": "test.csv"}},
    )

    assert ran.status == 3


def test_rules_of_scores_are_decided_whatever_a_threshold_was_fitted_on(detector):
    detector.policy({"check": "roc-auc", "min": 0.5})
    detector.table("val.csv", [*scored(1500, 2, "val"), *scored(1500, 1, "test")[:5]])

    ran = detector.run(operating_point=FITTED)

    assert ran.status == 0
    assert ran.report["operating_point"]["doubt"]


def test_a_given_threshold_needs_no_validation_and_may_be_judged_on_test(detector):
    ran = detector.run(operating_point=FIXED, data={"test": {"predictions": "test.csv"}})

    assert ran.status == 0


def test_a_target_that_no_threshold_reaches_is_open_and_names_the_nearest(detector):
    detector.table("val.csv", scored(60, 2, "val"))

    ran = detector.run(operating_point=FITTED)

    assert ran.status == 3
    assert (
        "no threshold of dog reaches recall 0.9 on validation with 99.8 % confidence" in ran.words
    )
    assert "the nearest that one reaches is 0." in ran.words


def test_a_class_whose_images_an_earlier_one_takes_is_told_so(detector):
    takes_all = [{"class": "cat", "at_least": 0.0}, {"class": "dog", "fit": {"recall": 0.9}}]

    ran = detector.run(operating_point={"order": takes_all})

    assert ran.status == 3
    assert "classes before it in the order take all of its images" in ran.words
    assert "ask for the class earlier in the order" in ran.words


@pytest.mark.parametrize(
    ("named", "otherwise", "told"),
    [
        (("dog",), "best", "otherwise the best of the other classes"),
        (("dog", "cat"), "best", "otherwise the best of all classes"),
        (("dog",), "abstain", "otherwise no answer (never cat)"),
        (("dog", "cat"), "abstain", "otherwise no answer FAIL"),
    ],
)
def test_what_is_answered_otherwise_is_told(named, otherwise, told, detector):
    order = [{"class": name, "at_least": 0.9} for name in named]

    ran = detector.run(operating_point={"order": order, "otherwise": otherwise})

    assert told in ran.words


def test_thresholds_have_six_digits_for_people_and_all_in_the_card(detector):
    hard = [{**row, "dog": round(row["dog"]), "cat": round(row["cat"])} for row in scored(1500, 2)]
    detector.table("val.csv", hard)
    of_rate = {"order": [{"class": "dog", "fit": {"fpr": 0.05}}]}

    for point in (FITTED, of_rate):
        ran = detector.run(operating_point=point)
        exact = ran.report["operating_point"]["order"][0]["at_least"]
        card = render(Report.model_validate(ran.report), "model-card", Beside())
        assert f"answers dog from {float(exact):.6g} (fitted" in ran.words
        assert f"from {exact} (fitted" in card.replace("\\", "")
    assert float(exact) == 5e-324


def judged_with(detector, **changes):
    """Judge the evidence that a run left, with the first threshold changed by hand."""
    with sqlite3.connect(detector.path / "gate-out" / "evidence.sqlite") as database:
        ((said,),) = database.execute("SELECT value FROM about WHERE key = 'configuration'")
        found = json.loads(said)
        found["operating_point"]["order"][0] |= changes
        database.execute(
            "UPDATE about SET value = ? WHERE key = 'configuration'", (json.dumps(found),)
        )
    database.close()
    return detector.command("judge", "gate-out", "--policy", "policy.yaml", out="none")


PRICES = {"false_positive": 1.0, "false_negative": 4.0, "true_positive": 0.0, "true_negative": 0.0}


def of_costs(**changes):
    return {"target": "cost", "goal": None, "costs": {**PRICES, "calibrated": True, **changes}}


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"fit": None}, "was fitted on rows, and has nothing to fit"),
        ({"fit": None, "at_least": None}, "was fitted on rows, and has nothing to fit"),
        ({"fit": of_costs()}, "was fitted on rows, and has nothing to fit"),
        ({"fit": {"target": "recall", "goal": None, "costs": None}}, "to no target"),
        ({"fit": of_costs(calibrated=False) | {"target": "recall"}}, "to no target"),
        ({"fit": {"target": "precision", "goal": 0.0, "costs": None}}, "damaged"),
        ({"fit": of_costs(calibrated=False, false_negative=0.0)}, "mistakes that cost nothing"),
    ],
)
def test_a_fit_edited_in_the_evidence_is_refused(changes, fact, detector):
    detector.run(operating_point=FITTED)

    came = judged_with(detector, **changes)

    assert came.status == 4
    assert fact in came.err


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"at_least": 0.3}, "has another threshold of 'dog' than its costs give"),
        ({"at_least": None, "fit": None}, "has no threshold of 'dog', and nothing to fit it to"),
    ],
)
def test_a_threshold_that_costs_do_not_give_is_refused(changes, fact, detector):
    point = {"order": [{"class": "dog", "fit": {"cost": {**PRICES, "calibrated": True}}}]}
    ran = detector.run(operating_point=point)

    assert ran.report["operating_point"]["order"][0]["at_least"] == "0.2"
    assert detector.command("judge", "gate-out", "--policy", "policy.yaml").status == ran.status
    came = judged_with(detector, **changes)
    assert came.status == 4
    assert fact in came.err


def test_a_threshold_edited_in_the_evidence_is_refused(detector):
    detector.run(operating_point=FITTED)

    came = judged_with(detector, at_least=0.01)

    assert came.status == 4
    assert "the thresholds are not those that the validation rows of the evidence give" in came.err


@pytest.mark.parametrize(
    ("order", "fact"),
    [
        ([{"class": "dog", "at_least": 0.1}, {"class": "dog", "at_least": 0.9}], "stands twice"),
        ([{"class": "dog", "at_least": 1.5}], "at_least"),
        ([{"class": "dog", "fit": {"recall": 95}}], "95 is not; for 95 % write 0.95"),
        ([{"class": "dog", "at_least": -0.1}], "at_least"),
        ([{"class": "dig", "at_least": 0.5}], "did you mean"),
        ([{"class": "dog"}], "state at_least, or fit"),
        ([{"class": "dog", "at_least": 0.5, "fit": {"recall": 0.9}}], "state at_least, or fit"),
        ([{"class": "dog", "fit": {"recall": 0.9, "fpr": 0.1}}], "state one target"),
        ([{"class": "dog", "fit": {"recall": 1.0}}], "recall"),
        ([], "order"),
        (
            [{"class": "dog", "fit": {"cost": {"false_positive": 1e308, "false_negative": 1e308}}}],
            "'false_positive' must be at most 1e+12",
        ),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_with_its_place(order, fact, detector):
    ran = detector.run(operating_point={"order": order}, out="never")

    assert ran.status == 2
    assert fact in ran.err
    assert "gate.yaml:" in ran.err
    assert not (detector.path / "never").exists()


def test_fit_without_validation_is_refused_before_anything_is_measured(detector):
    ran = detector.run(operating_point=FITTED, data={"test": {"predictions": "test.csv"}})

    assert ran.status == 2
    assert "no validation split is given" in ran.err


def test_judging_with_a_fit_needs_validation_in_the_evidence(detector):
    detector.run(data={"test": {"predictions": "test.csv"}}, out="plain")

    came = detector.command("judge", "plain", "--policy", "policy.yaml", "--operating-point",
                            gatefile_with(detector, FITTED), out="none")  # fmt: skip

    assert came.status == 2
    assert "the evidence has no validation split" in came.err


def test_judging_with_a_gate_file_without_a_point_is_refused(detector):
    detector.run(out="plain")
    (detector.path / "bare.yaml").write_text("apiVersion: gate/v1\nkind: Validation\n")

    came = detector.command("judge", "plain", "--policy", "policy.yaml", "--operating-point",
                            "bare.yaml", out="none")  # fmt: skip

    assert came.status == 2
    assert "no operating point is stated" in came.err


# What the policy's owner binds.


def pinned(folder, pin):
    document = json.loads((folder.path / "policy.yaml").read_text(encoding="utf-8"))
    document["operating_point"] = pin
    (folder.path / "policy.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")


@pytest.mark.parametrize(
    ("pin", "stated", "accepted"),
    [
        ("required", FIXED, True),
        ("required", None, False),
        (FIXED, FIXED, True),
        (FIXED, None, False),
        (FIXED, {"order": [{"class": "dog", "at_least": 0.21}]}, False),
        (FIXED, {**FIXED, "otherwise": "abstain"}, False),
        (FITTED, FITTED, True),
        (FITTED, {"order": [{"class": "dog", "fit": {"recall": 0.5}}]}, False),
        (FITTED, FIXED, False),
    ],
)
def test_another_point_than_the_policys_is_refused_by_a_run_and_by_judge(
    pin, stated, accepted, detector
):
    detector.run(operating_point=stated, out="before")
    pinned(detector, pin)

    ran = detector.run(operating_point=stated)
    came = detector.command("judge", "before", "--policy", "policy.yaml", "--out", "judged",
                            out="judged")  # fmt: skip

    assert ran.status == (0 if accepted else 2)
    assert came.report["passed"] is accepted
    assert came.status in ((0,) if accepted else (1, 4))
    if not accepted:
        assert "the policy pins the operating point" in ran.err
        assert "the policy pins the operating point" in came.errors


def test_a_champion_answers_at_its_own_point(detector):
    detector.policy(ACCEPTS, {"check": "regression", "metric": "recall", "margin": 0.02})
    detector.run(operating_point=FIXED, out="champion")

    same = detector.run(operating_point=FIXED, baseline="champion")
    other = detector.run(baseline="champion")

    assert same.result("regression[class=dog]")["measured"]["value"] == 0
    assert other.result("regression[class=dog]")["measured"]["value"] < -0.1
    assert "against the champion champion" in other.words
    assert "answers dog from 0.2, otherwise the best of the others" in other.words


def test_a_champion_that_was_made_to_answer_nothing_is_told_in_the_first_lines(detector):
    detector.policy({"check": "regression", "metric": "accuracy", "margin": 0.02})
    detector.run(out="champion")
    silent = {"order": [{"class": "dog", "at_least": 1.0}], "otherwise": "abstain"}
    at = gatefile_with(detector, silent)
    detector.command("judge", "champion", "--policy", "policy.yaml", "--out", "silent",
                     "--operating-point", at)  # fmt: skip

    honest = detector.run(baseline="champion")
    ran = detector.run(baseline="silent")

    assert honest.report["baseline"]["operating_point"] is None
    assert ran.report["baseline"]["operating_point"] == "dog from 1.0, otherwise no answer"
    assert "answers dog from 1.0, otherwise no answer" in ran.words
    answers = [each.report["configuration"]["champion"]["evidence"] for each in (honest, ran)]
    assert answers[0] != answers[1]  # a trust file that pins the one refuses the other


# The checks of scores and of abstention.


def test_recall_at_a_false_positive_rate_is_decided_on_test_by_a_threshold_of_validation(detector):
    detector.policy({"check": "recall-at-fpr", "class": "dog", "fpr": 0.1, "min": 0.85})
    detector.table("test.csv", scored(5000, 1, "test"))

    ran = detector.run()

    assert ran.status == 0
    fpr = ran.result("recall-at-fpr[class=dog,part=fpr]")["measured"]
    assert fpr["numerator"] / fpr["denominator"] <= 0.1
    assert "with the threshold 0." in ran.words


def test_recall_at_a_false_positive_rate_proves_nothing_on_the_images_it_was_fitted_on(detector):
    detector.policy({"check": "recall-at-fpr", "class": "dog", "fpr": 0.1, "min": 0.85})

    ran = detector.run(
        data={"test": {"predictions": "test.csv"}, "validation": {"predictions": "test.csv"}}
    )

    assert ran.status == 3


def test_recall_at_a_rate_that_validation_is_too_small_to_show_is_open(detector):
    detector.table("val.csv", scored(60, 2, "val"))
    detector.policy({"check": "recall-at-fpr", "class": "dog", "fpr": 0.01, "min": 0.5})

    ran = detector.run()

    assert ran.status == 3
    assert "too few images of other classes to show so low a rate" in ran.words


ABSTAINS = {
    "order": [{"class": "dog", "at_least": 0.7}, {"class": "cat", "at_least": 0.95}],
    "otherwise": "abstain",
}


def test_abstaining_buys_precision_and_pays_with_coverage(detector):
    detector.policy(
        {"check": "precision", "classes": "dog", "min": 0.95},
        {"check": "abstention", "min_coverage": 0.9, "max_error": 0.05},
    )

    ran = detector.run(operating_point=ABSTAINS)

    assert ran.status == 1
    assert ran.outcomes["precision[class=dog]"] == "passed"
    assert ran.outcomes["abstention[part=error]"] == "passed"
    assert ran.outcomes["abstention[part=coverage]"] == "failed"


def test_abstention_without_otherwise_abstain_is_open_and_says_what_to_add(detector):
    detector.policy({"check": "abstention", "min_coverage": 0.9})

    ran = detector.run(operating_point=FIXED)

    assert ran.status == 3
    (result,) = ran.report["results"]
    assert result["remedy"] == "add `otherwise: abstain` to `operating_point:` in the gate file"


def test_abstention_without_a_point_is_open_and_its_lines_decide_it(detector):
    detector.policy({"check": "abstention", "min_coverage": 0.5, "max_error": 0.4})
    ran = detector.run()

    (result,) = ran.report["results"]
    lines = re.search(r"`(operating_point: .*)`", result["remedy"])[1]
    pasted = detector.run(**yaml.safe_load(lines.partition("` to the")[0]))

    assert ran.status == 3
    assert pasted.status == 0


def test_a_model_that_answers_nothing_has_no_error_to_judge(detector):
    detector.policy({"check": "abstention", "max_error": 0.05, "min_coverage": 0.5})
    nothing = {"order": [{"class": "dog", "at_least": 1.0}], "otherwise": "abstain"}

    ran = detector.run(operating_point=nothing)

    assert ran.outcomes["abstention[part=error]"] == "inconclusive"
    assert ran.outcomes["abstention[part=coverage]"] == "failed"


def test_the_coverage_of_a_class_is_judged_by_its_role(detector):
    detector.gatefile["critical"] = ["dog"]
    detector.policy({"check": "abstention", "min_coverage_per_class": {"$critical": 0.95}})

    ran = detector.run(operating_point=ABSTAINS)

    assert ran.outcomes == {"abstention[class=dog,part=coverage]": "failed"}


def test_the_page_tells_the_point_and_what_it_changes(detector):
    ran = detector.run(operating_point=FITTED)

    page = render(Report.model_validate(ran.report), "html", Beside())

    assert 'id="operating-point"' in page
    assert "fitted on" in page
    assert re.search(r"recall of dog</th><td class=\"num\">[01]\.\d{3}</td>", page)


def test_the_page_of_a_model_without_a_point_tells_none(detector):
    ran = detector.run()

    assert 'id="operating-point"' not in render(Report.model_validate(ran.report), "html", Beside())
